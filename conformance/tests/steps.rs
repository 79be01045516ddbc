//! Steps and interactive jobs: `srun` inside of jobs and alone, `salloc`.

use std::sync::OnceLock;

use conformance::{Release, World};

/// One world for all tests of this file: two nodes of four CPUs. Jobs of one test may run beside
/// those of another.
fn cluster() -> Option<&'static World> {
    static CLUSTER: OnceLock<Option<World>> = OnceLock::new();
    CLUSTER.get_or_init(|| Some(World::builder()?.node("n1").node("n2").start())).as_ref()
}

/// Runs a script as a batch job and gives what it printed.
#[track_caller]
fn batch(world: &World, name: &str, options: &str, script: &str) -> String {
    let path = format!("/home/alice/{name}.sh");
    world.write("ctl", &path, &format!("#!/bin/bash\n{script}\necho end\n"), "alice");
    let output = format!("{name}.out");
    let mut args = vec!["-o", &output, "-t", "5"];
    args.extend(options.split_whitespace());
    args.push(&path);
    world.user("alice").sbatch(args);
    let printed = world.wait_text(&format!("/home/alice/{output}"), "end\n");
    // A step that follows another one closely may find its CPUs still taken, and says so.
    let is_output = |line: &&str| !line.starts_with("srun: ");
    printed.lines().filter(is_output).map(|line| line.to_owned() + "\n").collect()
}

/// The lines of a text, in order.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_step_runs_within_a_batch_job() {
    let Some(world) = cluster() else { return };
    let script =
        "srun bash -c 'echo $SLURMD_NODENAME $SLURM_STEP_ID $SLURM_PROCID of $SLURM_NTASKS'
srun -n1 bash -c 'exit 3'
echo code $?";
    let printed = batch(world, "single-step", "-w n1", script);
    assert_eq!(printed, "n1 0 0 of 1\ncode 3\nend\n");
}

#[test]
fn tasks_are_labelled_and_spread_over_the_nodes() {
    let Some(world) = cluster() else { return };
    let script = "srun -l bash -c 'echo $SLURMD_NODENAME $SLURM_CPUS_ON_NODE'
srun -l -m cyclic bash -c 'echo cyclic $SLURMD_NODENAME'
srun -l -N1 -n1 -w n2 bash -c 'echo alone $SLURMD_NODENAME'
srun -l -N1 -n1 -r1 bash -c 'echo relative $SLURMD_NODENAME'";
    let printed = batch(world, "spread", "-N2 --ntasks-per-node=2", script);
    let wanted = [
        "0: alone n2",
        "0: cyclic n1",
        "0: n1 2",
        "0: relative n2",
        "1: cyclic n2",
        "1: n1 2",
        "2: cyclic n1",
        "2: n2 2",
        "3: cyclic n2",
        "3: n2 2",
        "end",
    ];
    assert_eq!(sorted(&printed), wanted, "{printed}");
}

#[test]
fn steps_wait_for_each_other_unless_they_overlap() {
    let Some(world) = cluster() else { return };
    let script = "now() { date +%s; }
begin=$(now)
srun -n1 --exact --mem=50 sleep 2 & srun -n1 --exact --mem=50 sleep 2 & wait
echo beside $(( $(now) - begin < 4 ))
begin=$(now)
srun -n2 sleep 2 & srun -n2 sleep 2 & wait
echo after $(( $(now) - begin >= 4 ))
begin=$(now)
srun -n2 --overlap sleep 2 & srun -n2 --overlap sleep 2 & wait
echo overlapping $(( $(now) - begin < 4 ))";
    let printed = batch(world, "waiting", "-N1 -n2", script);
    for line in ["beside 1", "after 1", "overlapping 1"] {
        assert!(printed.lines().any(|found| found == line), "{line} not in\n{printed}");
    }
}

#[test]
fn the_job_knows_the_highest_status_of_its_steps() {
    let Some(world) = cluster() else { return };
    world.write("ctl", "/home/alice/d.sh", "#!/bin/bash\nsrun bash -c 'exit 7'\nexit 0\n", "alice");
    let id = world.user("alice").sbatch(["-o", "d.out", "d.sh"]);
    world.wait_job(id, "COMPLETED");
    assert_eq!(world.job_field(id, "ExitCode"), "0:0");
    let shown = world.shell().ok(["scontrol", "-o", "-d", "show", "job", &id.to_string()]);
    assert!(shown.contains(" DerivedExitCode=7:0 "), "{shown}");
}

#[test]
fn a_running_step_is_shown_and_can_be_cancelled() {
    let Some(world) = cluster() else { return };
    let script = "srun -n2 -J sleeper sleep 60\necho ended with $?";
    world.write("ctl", "/home/alice/c.sh", &format!("#!/bin/bash\n{script}\n"), "alice");
    let alice = world.user("alice");
    let id = alice.sbatch(["-n2", "-N1", "-o", "c.out", "c.sh"]);
    let step = format!("{id}.0");
    world.until("squeue -s shows the step", 30, || {
        let shown = alice.run(["squeue", "-h", "-s", "-j", &id.to_string(), "-o", "%i %j"]).stdout;
        shown.lines().any(|line| line == format!("{step} sleeper")).then_some(())
    });
    let shown = alice.ok(["scontrol", "-o", "show", "step", &step]);
    assert!(shown.contains(" CPUs=2 Tasks=2 Name=sleeper "), "{shown}");
    alice.ok(["scancel", &step]);
    world.wait_text("/home/alice/c.out", "ended with");
    world.wait_job(id, "COMPLETED");
}

#[test]
fn srun_alone_makes_a_job_of_its_own() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let printed =
        alice.ok(["srun", "-N2", "--ntasks-per-node=2", "-l", "printenv", "SLURMD_NODENAME"]);
    assert_eq!(sorted(&printed), ["0: n1", "1: n1", "2: n2", "3: n2"]);
    let failed = alice.run(["srun", "bash", "-c", "exit 5"]);
    assert_eq!(failed.code, 5, "{failed}");
}

#[test]
fn salloc_gives_an_allocation_that_sruns_use() {
    let Some(world) = cluster() else { return };
    let command = "srun -l bash -c 'echo $SLURMD_NODENAME'; echo job $SLURM_JOB_ID";
    let outcome = world.user("alice").run(["salloc", "-N2", "-n2", "bash", "-c", command]);
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.stderr.contains("salloc: Granted job allocation "), "{outcome}");
    let lines = sorted(&outcome.stdout);
    assert_eq!(lines[..2], ["0: n1", "1: n2"], "{outcome}");
    let id: u32 = lines[2].strip_prefix("job ").and_then(|id| id.parse().ok()).unwrap_or_default();
    world.wait_job(id, "COMPLETED");
}

#[test]
fn a_queued_allocation_is_told_when_it_starts_and_when_it_is_cancelled() {
    let Some(world) = World::builder().map(|builder| builder.node("n1").start()) else { return };
    let bob = world.user("bob");
    let holder = bob.sbatch(["--exclusive", "--wrap=sleep 5"]);
    world.wait_job(holder, "RUNNING");
    let refused = world.user("carol").run(["salloc", "--immediate", "--exclusive", "true"]);
    assert_ne!(refused.code, 0, "{refused}");
    let outcome = world.user("alice").run(["salloc", "--exclusive", "echo", "granted"]);
    assert_eq!((outcome.code, &*outcome.stdout), (0, "granted\n"), "{outcome}");
    assert!(outcome.stderr.contains("queued and waiting for resources"), "{outcome}");
    assert!(outcome.stderr.contains("has been allocated resources"), "{outcome}");

    let holder = bob.sbatch(["--exclusive", "--wrap=sleep 60"]);
    world.wait_job(holder, "RUNNING");
    let cancel = "(sleep 2; scancel -t PENDING -u alice) & salloc --exclusive echo granted";
    let outcome = world.user("alice").run(["bash", "-c", cancel]);
    assert_ne!(outcome.code, 0, "{outcome}");
    assert!(outcome.stderr.contains(" has been revoked"), "{outcome}");
}

#[test]
fn the_allocation_of_a_lost_client_is_reclaimed() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").conf("InactiveLimit=3").conf("MessageTimeout=2").start();
    let alice = world.user("alice");
    let kill = "salloc -J kept sleep 80 & kept=$!; salloc -J lost -n1 sleep 80 & sleep 3; kill -9 $!; sleep 1";
    alice.run(["sh", "-c", &format!("({kill}) > /dev/null 2>&1 < /dev/null")]);
    // Stock controllers look every 30 seconds.
    world.until("the allocation is reclaimed", 75, || {
        let shown = alice.run(["squeue", "-h", "-o", "%j %t"]).stdout;
        (shown == "kept R\n").then_some(())
    });
    let ended = alice.ok(["squeue", "-h", "-t", "all", "-n", "lost", "-o", "%T %r"]);
    assert_eq!(ended, "TIMEOUT InactiveLimit\n");
}

/// Of 25.11 and later: a job has an id that no other run of a job ever had, and clients of 26.05 take
/// it wherever they take a number. Nodes and scripts are told it too.
#[test]
fn a_job_and_its_steps_are_known_by_their_unique_id() {
    let Some(builder) = World::builder() else { return };
    let world = builder.stock_of(Release::R26_05).release(Release::R26_05).node("n1").start();
    let alice = world.user("alice");
    let script =
        "--wrap=echo $SLURM_JOB_SLUID; srun sh -c 'echo $SLURM_JOB_SLUID; sleep 300'; sleep 300";
    let number = alice.sbatch(["-o", "told", script]);
    let job = number.to_string();
    let shown = alice.ok(["squeue", "-h", "-O", "SLUID"]);
    let id = shown.trim();
    assert!(id.len() == 14 && id.starts_with('s'), "{id}");
    assert_eq!(world.wait_text("/home/alice/told", &format!("{id}\n{id}\n")).lines().count(), 2);

    let step = format!("{id}.0");
    assert_eq!(alice.ok(["squeue", "-h", "-j", id, "-o", "%i"]).trim(), job);
    assert!(alice.ok(["scontrol", "show", "job", id]).starts_with(&format!("JobId={job} ")));
    let steps = alice.ok(["scontrol", "-o", "show", "step", id]);
    let names: Vec<&str> = steps.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, [format!("StepId={job}.batch"), format!("StepId={job}.0")]);
    assert!(alice.ok(["scontrol", "show", "step", &step]).starts_with(names[1]));
    assert!(alice.ok(["sattach", "--layout", &step]).contains("Node 0 (n1), 1 task(s): 0"));
    assert_eq!(alice.ok(["sstat", "-n", "-P", "-j", &step, "-o", "JobID"]).trim(), &names[1][7..]);
    assert_eq!(alice.ok(["srun", "--jobid", id, "--overlap", "echo", "here"]), "here\n");
    alice.ok(["sbcast", "-f", "-j", id, "/etc/hostname", "/tmp/copied"]);
    world.on("n1").ok(["test", "-e", "/tmp/copied"]);
    assert!(alice.ok(["scontrol", "write", "batch_script", id, "-"]).contains("SLURM_JOB_SLUID"));
    alice.ok(["scancel", &step]);
    world.until("its step is gone", 20, || {
        (!alice.ok(["squeue", "-h", "-s", "-o", "%i"]).contains(".0")).then_some(())
    });
    alice.ok(["scancel", id]);
    world.wait_job(number, "CANCELLED");
    assert_ne!(alice.run(["squeue", "-h", "-j", "s0000000000007"]).code, 0);
}
