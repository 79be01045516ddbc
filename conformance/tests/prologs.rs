//! When a job's prologs run at its start, and who waits for them: PrologFlags.

use std::thread;
use std::time::Duration;

use conformance::World;

/// A node's prolog ends when there is no `/tmp/gate` on it.
const PROLOG: &str = "#!/bin/sh
touch /tmp/began.$SLURM_JOB_ID
while [ -e /tmp/gate ]; do sleep 0.1; done
touch /tmp/ended.$SLURM_JOB_ID
";

/// On every node of it, a step says where it is.
const SCRIPT: &str = "#!/bin/bash\necho began\nsrun -l hostname\necho ended\n";

fn wait_prolog(world: &World, node: &str, job: u32, mark: &str) {
    world.until(&format!("the prolog on {node} {mark}"), 30, || {
        let mark = format!("/tmp/{mark}.{job}");
        (world.on(node).run(["test", "-e", &mark]).code == 0).then_some(())
    });
}

/// Submits the script to both nodes while the prolog of one does not end, and waits for the prologs.
fn submit(world: &World, name: &str, closed: &str) -> u32 {
    world.on(closed).ok(["touch", "/tmp/gate"]);
    let job = world.user("alice").sbatch(["-N2", "-o", name, "both.sh"]);
    wait_prolog(world, "n1", job, "began");
    wait_prolog(world, "n2", job, "began");
    job
}

fn output(world: &World, name: &str) -> String {
    world.read("ctl", &format!("/home/alice/{name}"))
}

/// Lets the prolog end, and with it the job.
#[track_caller]
fn ends(world: &World, job: u32, name: &str, closed: &str) {
    world.on(closed).ok(["rm", "/tmp/gate"]);
    world.wait_job(job, "COMPLETED");
    let printed = output(world, name);
    assert!(printed.starts_with("began\n") && printed.ends_with("ended\n"), "{printed}");
    assert!(printed.contains("0: n1\n") && printed.contains("1: n2\n"), "{printed}");
}

#[test]
fn the_script_waits_for_its_own_prolog_or_for_all() {
    let Some(builder) = World::builder() else { return };
    let world = builder
        .node("n1")
        .node("n2")
        .conf("PrologFlags=Alloc")
        .conf("Prolog=/etc/slurm/prolog.sh")
        .file("prolog.sh", PROLOG)
        .start();
    world.write("ctl", "/home/alice/both.sh", SCRIPT, "alice");
    let reason = |job: u32| world.job_field(job, "Reason");
    let flags = |old: &str, new: &str| {
        world.edit_conf(&format!("PrologFlags={old}\n"), &format!("PrologFlags={new}\n"));
        world.shell().ok(["scontrol", "reconfigure"]);
    };

    // The other node's prolog runs on, and holds back its part of the step.
    let job = submit(&world, "alloc.out", "n2");
    world.wait_text("/home/alice/alloc.out", "began\n");
    assert_eq!((&*reason(job), &*world.job_field(job, "JobState")), ("Prolog", "RUNNING"));
    ends(&world, job, "alloc.out", "n2");

    // Its own holds it back.
    let job = submit(&world, "own.out", "n1");
    wait_prolog(&world, "n2", job, "ended");
    assert_eq!((&*reason(job), &*output(&world, "own.out")), ("Prolog", ""));
    ends(&world, job, "own.out", "n1");

    // Deferred, it waits for all.
    flags("Alloc", "Alloc,DeferBatch");
    let job = submit(&world, "deferred.out", "n2");
    wait_prolog(&world, "n1", job, "ended");
    thread::sleep(Duration::from_secs(2));
    assert_eq!((&*reason(job), &*output(&world, "deferred.out")), ("Prolog", ""));
    ends(&world, job, "deferred.out", "n2");

    // Nobody but slurmd waits, and salloc does not.
    flags("Alloc,DeferBatch", "Alloc,NoHold");
    let job = submit(&world, "nohold.out", "n2");
    world.wait_text("/home/alice/nohold.out", "began\n");
    assert_eq!(reason(job), "None");
    ends(&world, job, "nohold.out", "n2");
    world.on("n2").ok(["touch", "/tmp/gate"]);
    let held = world.user("alice").ok(["salloc", "-N2", "echo", "at once"]);
    assert!(held.contains("at once"), "{held}");
    world.on("n2").ok(["rm", "/tmp/gate"]);
    world.wait_node("n2", "idle");
}
