//! What was acknowledged is there after the controller was killed.

// The numbers of stock are worth reading though no assertion holds them.
#![allow(clippy::print_stdout)]

use conformance::{Shell, World};

/// How many submissions are acknowledged before the kill.
const JOBS: usize = 40;

/// Submits held jobs one after the other, as a user's script would, and gives their ids.
fn submit(shell: &Shell<'_>) -> Vec<String> {
    let script = format!(
        "i=0; while [ $i -lt {JOBS} ]; do sbatch --parsable --hold -J job$i --wrap=true || exit 1; i=$((i+1)); done"
    );
    let printed = shell.ok(["sh", "-c", &script]);
    let ids: Vec<String> = printed.lines().map(str::to_owned).collect();
    assert_eq!(ids.len(), JOBS);
    ids
}

/// Ours must keep the promise; for stock it is known that it does not, and how many it loses is printed.
#[track_caller]
fn judge(world: &World, what: &str, lost: usize, of: usize) {
    println!("{}: {lost} of {of} acknowledged {what} lost by kill -9", world.subject());
    if world.subject().is_ours() {
        assert_eq!(lost, 0, "{lost} of {of} acknowledged {what} are lost");
    }
}

#[test]
fn acknowledged_submissions_survive_a_kill() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start();
    let alice = world.user("alice");
    let ids = submit(&alice);
    world.kill_controller();
    world.start_controller();
    let listed = alice.ok(["squeue", "-h", "-t", "all", "-o", "%i"]);
    let there: Vec<&str> = listed.lines().collect();
    let lost = ids.iter().filter(|id| !there.contains(&id.as_str())).count();
    judge(&world, "submissions", lost, JOBS);
    // A job that is there must be whole, script and all.
    let kept = ids.iter().filter(|id| there.contains(&id.as_str()));
    for id in kept {
        let script = alice.ok(["scontrol", "write", "batch_script", id, "-"]);
        assert!(script.ends_with("\ntrue\n"), "the script of job {id} is {script:?}");
    }
    // No id is given twice.
    let next = alice.sbatch(["--hold", "--wrap=true"]).to_string();
    if world.subject().is_ours() {
        assert!(!ids.contains(&next), "job id {next} was given twice");
    }
}

#[test]
fn acknowledged_cancellations_and_updates_survive_a_kill() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start();
    let alice = world.user("alice");
    let cancelled = alice.sbatch(["--hold", "--wrap=true"]);
    let changed = alice.sbatch(["--hold", "--wrap=true"]);
    // Stock saves its state some seconds after a change: let it have these two.
    world.stop_controller();
    world.start_controller();
    alice.ok(["scancel", &cancelled.to_string()]);
    alice.ok(["scontrol", "update", &format!("jobid={changed}"), "comment=kept"]);
    world.shell().ok(["scontrol", "update", "nodename=n1", "state=drain", "reason=kept"]);
    let reserve =
        "reservation=kept starttime=now+1hour duration=60 users=alice nodes=n1 flags=daily";
    let reserve: Vec<&str> = ["scontrol", "create"].into_iter().chain(reserve.split(' ')).collect();
    world.shell().ok(reserve);
    let reservation = || world.shell().run(["scontrol", "-o", "show", "reservation"]).stdout;
    let reserved = reservation();
    assert!(reserved.starts_with("ReservationName=kept "), "{reserved}");
    world.kill_controller();
    world.start_controller();
    let checks = [
        reservation() == reserved,
        world.job_field(cancelled, "JobState") == "CANCELLED",
        world.job_field(changed, "Comment") == "kept",
        world.shell().ok(["scontrol", "show", "node", "n1"]).contains("Reason=kept ["),
    ];
    judge(&world, "changes", checks.iter().filter(|kept| !**kept).count(), checks.len());
}

#[test]
fn a_running_job_goes_on_across_a_restart_and_its_end_is_learnt() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start();
    let id =
        world.user("alice").sbatch(["-o", "across.out", "--wrap=sleep 4; echo to the end; exit 5"]);
    world.wait_job(id, "RUNNING");
    world.stop_controller();
    world.start_controller();
    assert_eq!(world.job_field(id, "JobState"), "RUNNING");
    world.wait_job(id, "FAILED");
    assert_eq!(world.job_field(id, "ExitCode"), "5:0");
    assert_eq!(world.job_field(id, "Restarts"), "0");
    assert_eq!(world.read("ctl", "/home/alice/across.out"), "to the end\n");
}

#[test]
fn a_running_job_has_its_devices_for_itself_after_a_kill() {
    let Some(builder) = World::builder() else { return };
    let world = builder
        .node("n1")
        .conf("GresTypes=gpu")
        .conf("NodeName=n1 CPUs=4 RealMemory=2000 Gres=gpu:3")
        .file("gres.conf", "Name=gpu File=/dev/tty[0-2]\n")
        .start();
    let alice = world.user("alice");
    let devices = "--wrap=echo devices $SLURM_JOB_GPUS; sleep 300";
    let told = |name: &str| -> String {
        let printed = world.wait_text(&format!("/home/alice/{name}"), "devices");
        printed.trim().to_owned()
    };
    let first = alice.sbatch(["--gres=gpu:1", "-o", "first.out", devices]);
    alice.sbatch(["--gres=gpu:1", "-o", "second.out", devices]);
    assert_eq!([told("first.out"), told("second.out")], ["devices 0", "devices 1"]);
    alice.ok(["scancel", &first.to_string()]);
    world.wait_job(first, "CANCELLED");
    if world.subject().is_ours() {
        world.kill_controller();
    } else {
        // Killed, stock may know of no job.
        world.stop_controller();
    }
    world.start_controller();
    world.wait_node("n1", "mix");
    alice.sbatch(["--gres=gpu:2", "-o", "third.out", devices]);
    assert_eq!(told("third.out"), "devices 0,2");
}

#[test]
fn a_job_that_ends_while_the_controller_is_away_is_learnt_of() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start();
    let id = world.user("alice").sbatch(["-o", "away.out", "--wrap=sleep 2; echo to the end"]);
    world.wait_job(id, "RUNNING");
    world.stop_controller();
    world.wait_text("/home/alice/away.out", "to the end\n");
    world.start_controller();
    world.wait_job(id, "COMPLETED");
    assert_eq!(world.job_field(id, "Restarts"), "0");
    // Stock 24.11.5 leaves the node `mix` for minutes when the job's end comes before the node has registered again.
    if world.subject().is_ours() {
        world.wait_node("n1", "idle");
    }
}

#[test]
fn a_job_started_right_before_a_kill_runs_once() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start();
    let alice = world.user("alice");
    let id = alice.sbatch(["--wrap=echo started >> once.out; sleep 5; echo ended >> once.out"]);
    world.wait_text("/home/alice/once.out", "started");
    world.kill_controller();
    world.start_controller();
    if !world.subject().is_ours() {
        println!("{}: after the kill: {}", world.subject(), world.job(id));
        return;
    }
    world.wait_job(id, "COMPLETED");
    assert_eq!(world.read("ctl", "/home/alice/once.out"), "started\nended\n");
    assert_eq!(world.job_field(id, "Restarts"), "0");
}

#[test]
fn the_same_job_ids_and_partitions_are_there_after_a_clean_restart() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start();
    let alice = world.user("alice");
    let array = alice.sbatch(["--hold", "--array=1-3", "-J", "arr", "--wrap=true"]);
    alice.ok(["scancel", &format!("{array}_2")]);
    world.shell().ok(["scontrol", "update", "nodename=n1", "state=drain", "reason=later"]);
    let look = || {
        let jobs = alice.ok(["squeue", "-h", "-o", "%i|%j|%t|%r|%k|%E"]);
        jobs + &world.shell().ok(["sinfo", "-h", "-R", "-p", "main", "-o", "%E|%u|%n"])
    };
    let before = look();
    assert!(
        before.contains(&format!("{array}_[1,3]|arr|PD")) && before.contains("later|root|n1"),
        "{before}"
    );
    world.stop_controller();
    world.start_controller();
    assert_eq!(look(), before);
}

/// Killed right after the answer, before or while its components start.
#[test]
fn an_acknowledged_heterogeneous_job_runs_with_all_components_after_a_kill() {
    let Some(builder) = World::builder() else { return };
    let often = "SchedulerParameters=bf_interval=1,bf_window=60";
    let world = builder.node("n1").node("n2").conf(often).start();
    let alice = world.user("alice");
    let script = "--wrap=srun --het-group=0,1 hostname | sort; echo end";
    let id = alice.sbatch(["-t5", "-n1", "-o", "het.out", ":", "-t5", "-n1", script]);
    if world.subject().is_ours() {
        world.kill_controller();
    } else {
        // Killed, stock may know of no job.
        world.stop_controller();
    }
    world.start_controller();
    let (first, second) = (format!("{id}+0"), format!("{id}+1"));
    let shown = world.shell().ok(["scontrol", "-o", "show", "job", &id.to_string()]);
    let set = format!(" HetJobIdSet={id}-{} ", id + 1);
    assert_eq!(shown.lines().filter(|line| line.contains(&set)).count(), 2, "{shown}");
    assert_eq!(world.wait_text("/home/alice/het.out", "end\n"), "n1\nn2\nend\n");
    let wanted = format!("{first} COMPLETED\n{second} COMPLETED\n");
    world.until("both have ended", 60, || {
        let args = ["squeue", "-h", "-t", "all", "-S", "i", "-j", &id.to_string(), "-o", "%i %T"];
        (alice.run(args).stdout == wanted).then_some(())
    });
}
