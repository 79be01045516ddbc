//! Steps over several nodes, of several releases at once, and over a restart of the controller.

use conformance::config::NodeKind;
use conformance::{Release, Subject, World};

/// The lines of a text, in order.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_step_runs_on_four_nodes_and_one_task_that_fails_can_end_it() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").node("n2").node("n3").node("n4").start();
    let alice = world.user("alice");
    let printed =
        alice.ok(["srun", "-N4", "--ntasks-per-node=1", "-l", "printenv", "SLURMD_NODENAME"]);
    assert_eq!(sorted(&printed), ["0: n1", "1: n2", "2: n3", "3: n4"]);
    let nodes = ["srun", "-N2", "-w", "n[1-2]", "-n8", "-m", "plane=2"];
    let printed = alice.ok(nodes.into_iter().chain(["-l", "printenv", "SLURMD_NODENAME"]));
    let wanted = ["0: n1", "1: n1", "2: n2", "3: n2", "4: n1", "5: n1", "6: n2", "7: n2"];
    assert_eq!(sorted(&printed), wanted);

    world.write("ctl", "/home/alice/multi.conf", "0 echo first %t\n1-2 echo other %o\n", "alice");
    let printed = alice.ok(["srun", "-N3", "-n3", "--multi-prog", "multi.conf"]);
    assert_eq!(sorted(&printed), ["first 0", "other 0", "other 1"]);

    let script = "[ $SLURM_PROCID = 1 ] && exit 9; sleep 60";
    let failed = alice.limit_s(30).run(["srun", "-K", "-N2", "-n2", "bash", "-c", script]);
    assert_eq!(failed.code, 143, "the worst is that of the task that was ended: {failed}");
    assert!(failed.stderr.contains("n2: task 1: Exited with exit code 9"), "{failed}");
    let printed = world.user("alice").stdin("to all\n").ok(["srun", "-N2", "-n2", "cat"]);
    assert_eq!(printed, "to all\nto all\n");
}

/// Clients and nodes of two releases: n1 of 24.11, n2 of 26.05. None of older releases, which do not
/// understand 26.05.
fn mixed() -> Option<World> {
    let world = World::builder()
        .filter(|_| Release::R24_11.series().as_str() >= "24.11")?
        .stock_of(Release::R26_05)
        .release(Release::R26_05)
        .clients(Release::R24_11)
        .node_of("n1", Release::R24_11, NodeKind::Listed)
        .node_of("n2", Release::R26_05, NodeKind::Listed)
        .start();
    Some(world)
}

#[test]
fn a_step_speaks_the_release_that_its_client_and_nodes_have_in_common() {
    let Some(world) = mixed() else { return };
    // An srun does not launch on a slurmd of a release before its own, with any controller.
    let wanted = [
        (Release::R24_11, "n1", "n1\n"),
        (Release::R24_11, "n2", "n2\n"),
        (Release::R24_11, "n[1-2]", "n1\nn2\n"),
        (Release::R26_05, "n2", "n2\n"),
    ];
    for (release, nodes, printed) in wanted {
        let alice = world.user("alice").release(release);
        let outcome = alice.run(["srun", "-w", nodes, "printenv", "SLURMD_NODENAME"]);
        let lines = sorted(&outcome.stdout).join("\n") + "\n";
        assert_eq!((outcome.code, &*lines), (0, printed), "{release:?} on {nodes}: {outcome}");
    }
}

/// Whatever a client does to a job and its steps reaches nodes of the other release.
#[test]
fn clients_of_each_release_handle_jobs_on_nodes_of_the_other() {
    let Some(world) = mixed() else { return };
    let script = "#!/bin/bash\ntrap 'echo trapped' USR1\nsrun -n2 -l hostname -s\n\
        srun -n1 sh -c 'echo first; exec sleep 300'\necho step over\n\
        srun -n1 sh -c 'echo second; exec sleep 300' & wait; wait; exit 3\n";
    world.write("ctl", "/home/alice/handled.sh", script, "alice");
    for (release, node) in [(Release::R24_11, "n2"), (Release::R26_05, "n1")] {
        let alice = world.user("alice").release(release);
        let out = format!("{release}-{node}");
        let job = alice.sbatch(["-w", node, "-n2", "-o", &out, "handled.sh"]);
        let (id, out) = (job.to_string(), format!("/home/alice/{out}"));
        let spread = world.wait_text(&out, "first\n");
        let tasks = [format!("0: {node}"), format!("1: {node}")];
        assert!(tasks.iter().all(|task| spread.lines().any(|l| l == task)), "{spread}");
        let step = format!("{id}.1");
        let used = alice.ok(["sstat", "-n", "-P", "-j", &step, "-o", "JobID"]);
        assert_eq!(used.trim(), step, "{release:?} on {node}");
        let layout = alice.ok(["sattach", "--layout", &step]);
        assert!(layout.contains(&format!("Node 0 ({node}), 1 task(s): 0")), "{layout}");
        // An older slurmd does not understand sbcast's messages, with any controller.
        if release == Release::R24_11 {
            alice.ok(["sbcast", "-f", "-j", &id, "/etc/hostname", "/tmp/handled"]);
            world.on(node).ok(["test", "-e", "/tmp/handled"]);
        }
        alice.ok(["scancel", &step]);
        world.wait_text(&out, "step over\n");
        world.wait_text(&out, "second\n");
        alice.ok(["scancel", "-b", "-s", "USR1", &id]);
        world.wait_text(&out, "trapped\n");
        world.shell().release(release).ok(["scontrol", "suspend", &id]);
        world.wait_job(job, "SUSPENDED");
        world.shell().release(release).ok(["scontrol", "resume", &id]);
        alice.ok(["scancel", &format!("{id}.2")]);
        world.wait_job(job, "FAILED");
        assert_eq!(world.job_field(job, "ExitCode"), "3:0");
    }
}

#[test]
fn a_step_goes_on_while_the_controller_is_away() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").node("n2").start();
    let script = "#!/bin/bash\nsrun -N2 -n2 bash -c 'sleep 6; exit 4'\necho step $?\n\
        srun -N2 -n2 -l hostname -s\necho end\n";
    world.write("ctl", "/home/alice/away.sh", script, "alice");
    let alice = world.user("alice");
    let id = alice.sbatch(["-N2", "-n2", "-o", "away.out", "away.sh"]);
    world.until("the step runs", 30, || {
        let shown = alice.run(["squeue", "-h", "-s", "-j", &id.to_string(), "-o", "%i"]).stdout;
        shown.contains(&format!("{id}.0")).then_some(())
    });
    // slurmctld saves its jobs at an end in order, and now and then.
    match world.subject() {
        Subject::Ours => world.kill_controller(),
        Subject::Stock(_) => world.stop_controller(),
    }
    world.start_controller();
    let printed = world.wait_text("/home/alice/away.out", "end\n");
    for line in ["step 4", "0: n1", "1: n2"] {
        assert!(printed.lines().any(|found| found == line), "{line} not in\n{printed}");
    }
    world.wait_job(id, "COMPLETED");
    let shown = world.shell().ok(["scontrol", "-o", "-d", "show", "job", &id.to_string()]);
    assert!(shown.contains(" DerivedExitCode=4:0 "), "{shown}");
}

#[test]
fn salloc_starts_a_shell_on_the_first_node_where_the_cluster_says_so() {
    let Some(builder) = World::builder() else { return };
    let world = builder
        .node("n1")
        .conf("LaunchParameters=use_interactive_step")
        .conf("InteractiveStepOptions=\"--interactive --preserve-env $SHELL\"")
        .start();
    let typed = "echo on $SLURMD_NODENAME\nsrun -n1 echo within\nexit\n";
    let outcome = world.user("alice").stdin(typed).run(["salloc", "-n2"]);
    assert!(outcome.stdout.contains("on n1\n"), "{outcome}");
    assert!(outcome.stdout.contains("within\n"), "{outcome}");
}
