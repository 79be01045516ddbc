//! What goes wrong on nodes, and what becomes of their jobs.

use conformance::{Release, Shell, Subject, World};

/// Two nodes whose prologs take a second where `/tmp/slow` is, fail where `/tmp/prolog-fails` is, and so on
/// for epilogs; and short limits.
fn cluster() -> Option<World> {
    const HOOK: &str = "#!/bin/sh\n[ ! -e /tmp/slow ] || sleep 2\n[ ! -e /tmp/HOOK-fails ]\n";
    let builder = World::builder()?;
    let world = builder
        .node("n1")
        .node("n2")
        .conf("AuthInfo=cred_expire=5")
        .conf("SlurmdTimeout=6")
        .conf("MessageTimeout=3")
        .conf("BatchStartTimeout=3")
        .conf("MaxBatchRequeue=2")
        .conf("Prolog=/etc/slurm/prolog.sh")
        .conf("Epilog=/etc/slurm/epilog.sh")
        .conf("HealthCheckProgram=/etc/slurm/health.sh")
        .conf("HealthCheckInterval=1")
        .conf("SlurmctldParameters=health_check_report")
        .file("prolog.sh", &HOOK.replace("HOOK", "prolog"))
        .file("epilog.sh", &HOOK.replace("HOOK", "epilog"))
        .conf("MailProg=/etc/slurm/mail.sh")
        .file("mail.sh", "#!/bin/sh\necho \"$2\" >> /var/log/slurm/mail\n")
        .file(
            "health.sh",
            "#!/bin/sh\necho \"in service: $SLURM_NODE_IS_HEALTHY\" > /tmp/checked\n",
        )
        .start();
    Some(world)
}

/// A job that counts its runs, and runs for so many seconds.
#[track_caller]
fn counted(alice: &Shell<'_>, name: &str, options: &[&str], seconds: u32) -> u32 {
    let wrap = format!("--wrap=echo began >> {name}; sleep {seconds}; echo ended >> {name}");
    let mut args = vec!["-J", name, "-o", "/dev/null"];
    args.extend(options);
    args.push(&wrap);
    alice.sbatch(args)
}

#[track_caller]
fn assert_drained(world: &World, node: &str, reason: &str) {
    world.wait_node(node, "drain");
    let shown = world.shell().ok(["sinfo", "-h", "-R", "-p", "main", "-n", node, "-o", "%E"]);
    assert_eq!(shown.trim_end(), reason);
    world.shell().ok(["scontrol", "update", &format!("nodename={node}"), "state=resume"]);
    world.wait_node(node, "idle");
}

#[track_caller]
fn wait_reason(world: &World, id: u32, reason: &str) {
    let wanted = format!("{reason}\n");
    world.until_ok(30, || {
        let shown = world.shell().run(["squeue", "-h", "-j", &id.to_string(), "-o", "%r"]).stdout;
        if shown == wanted {
            Ok(())
        } else {
            Err(format!("job {id} waits for {wanted}it is {shown}"))
        }
    });
}

#[test]
fn failing_prologs_and_epilogs_drain_their_node() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    world.on("n1").ok(["touch", "/tmp/prolog-fails"]);
    let id = counted(&alice, "first", &["-w", "n1"], 0);
    wait_reason(&world, id, "launch failed requeued held");
    assert_eq!((&*world.job_field(id, "Restarts"), &*world.job_field(id, "BatchFlag")), ("1", "2"));
    assert_drained(&world, "n1", "Prolog error");
    // MaxBatchRequeue has come.
    world.shell().ok(["scontrol", "release", &id.to_string()]);
    wait_reason(&world, id, "launch failure limit exceeded requeued held");
    world.wait_job(id, "REQUEUE_HOLD");
    assert_drained(&world, "n1", "Prolog error");

    let once = counted(&alice, "once", &["-w", "n1", "--no-requeue"], 0);
    world.wait_job(once, "CANCELLED");
    assert_drained(&world, "n1", "Prolog error");
    let failed = alice.run(["srun", "-w", "n1", "true"]);
    assert!(failed.code != 0 && failed.stderr.contains("Job prolog failed"), "{failed}");
    assert_drained(&world, "n1", "Prolog error");

    world.on("n1").ok(["rm", "/tmp/prolog-fails"]);
    world.on("n1").ok(["touch", "/tmp/epilog-fails"]);
    world.shell().ok(["scontrol", "release", &id.to_string()]);
    world.wait_job(id, "COMPLETED");
    assert_drained(&world, "n1", "Epilog error");
    assert_eq!(world.read("ctl", "/home/alice/first"), "began\nended\n");
    assert!(!world.read("ctl", "/home/alice/once").contains("began"));
    // Older releases know nothing of it.
    let is_told = Release::chosen().series().as_str() >= "26.05";
    let told = if is_told { "in service: yes\n" } else { "in service: \n" };
    assert_eq!(world.read("n2", "/tmp/checked"), told);
}

/// A node that is cut off while jobs run there, each of which said what is to become of it then.
#[test]
fn a_node_that_vanishes_takes_jobs_with_it_as_they_asked() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let again = counted(&alice, "again", &["-w", "n2", "-n1"], 300);
    let ends = counted(&alice, "ends", &["-w", "n2", "-n1", "--no-requeue"], 300);
    // The script is on n1, and goes on when n2 is gone.
    let script = "#!/bin/bash\nuntil [ \"$(scontrol -o show job $SLURM_JOB_ID | grep -c ' NodeList=n1 ')\" = 1 ]; \
        do sleep 0.3; done\nsrun -n1 -N1 echo goes on\n";
    world.write("ctl", "/home/alice/rest.sh", script, "alice");
    let rest = alice.sbatch(["-N2", "-n2", "--no-kill", "-o", "rest.out", "rest.sh"]);
    world.wait_job(rest, "RUNNING");
    world.wait_text("/home/alice/again", "began");
    world.wait_text("/home/alice/ends", "began");
    world.cut("n2");
    world.wait_node_within("n2", "down*", 60);
    let shown = world.shell().ok(["scontrol", "show", "node", "n2"]);
    assert!(shown.contains("Reason=Not responding ["), "{shown}");
    world.wait_job(ends, "NODE_FAIL");
    assert_eq!(world.job_field(again, "Restarts"), "1");
    world.wait_text("/home/alice/rest.out", "goes on\n");
    world.wait_job(rest, "COMPLETED");
    assert_eq!(world.job_field(rest, "NodeList"), "n1");
    assert!(world.job(rest).contains("ResizeTime=20"), "{}", world.job(rest));
    alice.ok(["scancel", &again.to_string()]);
    world.mend("n2");
    world.wait_node_within("n2", "idle", 60);
    // What was given up there is gone, and the node takes jobs.
    let id = counted(&alice, "after", &["-w", "n2", "--exclusive"], 0);
    world.wait_job(id, "COMPLETED");
    let left = world.on("n2").run(["pgrep", "-f", "[s]leep 300"]);
    assert_eq!(left.stdout, "", "processes of jobs that were given up");
}

/// A slurmd that hangs takes the connection and does not answer: its job is tried again, and runs once.
#[test]
fn a_slurmd_that_hangs_or_dies_does_not_lose_or_repeat_a_script() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    world.signal_slurmd("n1", "STOP");
    let hung = counted(&alice, "hung", &["-w", "n1"], 0);
    let other = counted(&alice, "other", &["-w", "n2"], 0);
    world.wait_job(other, "COMPLETED");
    world.until("the launch is given up", 30, || {
        (world.job_field(hung, "Restarts") == "1").then_some(())
    });
    world.signal_slurmd("n1", "CONT");
    world.wait_job(hung, "COMPLETED");
    assert_eq!(world.read("ctl", "/home/alice/hung"), "began\nended\n");

    // Killed under a script and a step, and started again: both go on.
    let script = "#!/bin/bash\nsrun bash -c 'echo began; sleep 4; echo ended'\necho step $?\n";
    world.write("ctl", "/home/alice/step.sh", script, "alice");
    let step = alice.sbatch(["-w", "n1", "-o", "step.out", "step.sh"]);
    let ends = counted(&alice, "unseen", &["-w", "n1"], 1);
    world.wait_text("/home/alice/step.out", "began\n");
    world.wait_text("/home/alice/unseen", "began\n");
    world.kill_slurmd("n1");
    world.wait_text("/home/alice/unseen", "ended\n");
    world.start_slurmd("n1");
    world.wait_job(step, "COMPLETED");
    world.wait_job(ends, "COMPLETED");
    assert_eq!(world.read("ctl", "/home/alice/step.out"), "began\nended\nstep 0\n");
    assert_eq!(world.read("ctl", "/home/alice/unseen"), "began\nended\n");
    assert_eq!(world.job_field(ends, "Restarts"), "0");
    world.wait_node("n1", "idle");
}

/// A node registers, and does not name the batch step that it should have: it counts as missing once
/// BatchStartTimeout and MessageTimeout have passed since its start.
#[test]
fn a_batch_step_that_is_missing_when_its_node_registers_is_given_up() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let again = counted(&alice, "again", &["-w", "n1", "-n1", "--mail-type=ALL"], 301);
    let ends = counted(&alice, "ends", &["-w", "n1", "-n1", "--no-requeue"], 302);
    world.wait_text("/home/alice/again", "began\n");
    world.wait_text("/home/alice/ends", "began\n");
    world.kill_slurmd("n1");
    world.on("n1").ok(["pkill", "-9", "slurmstepd"]);
    world.start_slurmd("n1");
    // Registered too soon after the start, they are believed to be on their way.
    world.wait_node("n1", "mix");
    assert_eq!(world.job_field(ends, "JobState"), "RUNNING");
    std::thread::sleep(std::time::Duration::from_secs(8));
    world.kill_slurmd("n1");
    world.start_slurmd("n1");
    world.wait_job(ends, "NODE_FAIL");
    world.until("it starts anew", 30, || (world.job_field(again, "Restarts") == "1").then_some(()));
    assert_eq!(world.job_field(ends, "Reason"), "None");
    // Two come at once.
    let mails = world.until("three mails", 30, || {
        let told = world.read("ctl", "/var/log/slurm/mail");
        let mut lines: Vec<String> = told.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        (lines.len() == 3).then_some(lines)
    });
    for (told, word) in mails.iter().zip(["Began", "NODE_FAIL", "Requeued"]) {
        assert!(told.contains(word), "{mails:?}");
    }
    alice.ok(["scancel", &again.to_string()]);
}

/// SIGSTOP and SIGCONT by `scancel` are seen in the state of the job.
#[test]
fn a_stopped_job_is_shown_so_and_goes_on() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let id = counted(&alice, "stopped", &["-w", "n1"], 2);
    world.wait_text("/home/alice/stopped", "began\n");
    alice.ok(["scancel", "-f", "-s", "STOP", &id.to_string()]);
    world.wait_job(id, "STOPPED");
    alice.ok(["scancel", "-f", "-s", "CONT", &id.to_string()]);
    world.wait_job(id, "COMPLETED");
}

/// Jobs in every part of their lives when the controller dies. Stock, which would lose them, ends in order.
#[test]
fn jobs_in_every_phase_outlive_their_controller() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let running = counted(&alice, "running", &["-w", "n1"], 6);
    let unseen = counted(&alice, "unseen", &["-w", "n1"], 2);
    world.wait_text("/home/alice/running", "began\n");
    world.wait_text("/home/alice/unseen", "began\n");
    world.on("n2").ok(["touch", "/tmp/slow"]);
    let epilog = counted(&alice, "epilog", &["-w", "n2", "-n1"], 0);
    world.wait_text("/home/alice/epilog", "ended\n");
    let prolog = counted(&alice, "prolog", &["-w", "n2", "-n1"], 0);
    world.wait_job(prolog, "RUNNING");
    let launched = counted(&alice, "launched", &["-w", "n1", "-n1"], 0);
    match world.subject() {
        Subject::Ours => world.kill_controller(),
        Subject::Stock(_) => world.stop_controller(),
    }
    world.wait_text("/home/alice/unseen", "ended\n");
    world.start_controller();
    let jobs = [
        (running, "running"),
        (unseen, "unseen"),
        (epilog, "epilog"),
        (prolog, "prolog"),
        (launched, "launched"),
    ];
    for (id, name) in jobs {
        world.wait_job(id, "COMPLETED");
        assert_eq!(world.job_field(id, "Restarts"), "0", "{name}");
        let path = format!("/home/alice/{name}");
        assert_eq!(world.read("ctl", &path), "began\nended\n", "{name}");
    }
    world.wait_node("n1", "idle");
    world.wait_node("n2", "idle");
}

/// The controller has lost its state; a slurmd still runs a job of before.
#[test]
fn a_job_that_the_controller_does_not_know_is_ended() {
    let Some(world) = cluster() else { return };
    let id = counted(&world.user("alice"), "stray", &["-w", "n1"], 600);
    world.wait_text("/home/alice/stray", "began\n");
    world.stop_controller();
    world.start_controller_with(&["-c"]);
    world.until("the stray job is gone", 60, || {
        let left = world.on("n1").run(["pgrep", "-f", "[s]leep 600"]).stdout;
        left.is_empty().then_some(())
    });
    assert!(world.job(id).contains("Invalid job id"));
    world.wait_node("n1", "idle");
}
