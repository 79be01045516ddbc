//! What a person does with the stock clients, and what they read.

use std::sync::OnceLock;

use conformance::World;
use conformance::world::field;

/// One world for all tests of this file: two nodes of four CPUs. Jobs of one test may run beside those of another.
fn cluster() -> Option<&'static World> {
    static CLUSTER: OnceLock<Option<World>> = OnceLock::new();
    CLUSTER.get_or_init(|| Some(World::builder()?.node("n1").node("n2").start())).as_ref()
}

/// Each `Key=Value` is what `scontrol show job` has.
#[track_caller]
fn assert_fields(world: &World, job: u32, wanted: &[&str]) {
    let line = world.job(job);
    let missing: Vec<&&str> =
        wanted.iter().filter(|pair| !line.split_whitespace().any(|word| word == **pair)).collect();
    assert!(missing.is_empty(), "job {job} lacks {missing:?}:\n{line}");
}

#[test]
fn sinfo_lists_each_partition_with_its_nodes() {
    let Some(world) = cluster() else { return };
    let listed =
        world.user("alice").ok(["sinfo", "-h", "-p", "main,short", "-o", "%P|%a|%l|%D|%N|%c|%m"]);
    assert_eq!(listed, "main*|up|infinite|2|n[1-2]|4|2000\nshort|up|1:00:00|1|n1|4|2000\n");
}

#[test]
fn the_controller_answers_a_ping_and_names_its_daemons() {
    let Some(world) = cluster() else { return };
    assert_eq!(world.user("alice").ok(["scontrol", "ping"]), "Slurmctld(primary) at ctl is UP\n");
    assert_eq!(world.shell().ok(["scontrol", "show", "daemons"]), "slurmctld \n");
    let names = world.shell().ok(["scontrol", "show", "hostnames", "n[1-2],m7"]);
    assert_eq!(names, "n1\nn2\nm7\n");
}

#[test]
fn show_config_has_what_slurm_conf_says_and_the_defaults_of_the_rest() {
    let Some(world) = cluster() else { return };
    let text = world.user("alice").ok(["scontrol", "show", "config"]);
    let wanted = [
        "ClusterName             = conformance",
        "SlurmUser               = slurm(64030)",
        "KillWait                = 2 sec",
        "SelectTypeParameters    = CR_CORE_MEMORY",
        "DefMemPerCPU            = 100",
        "MinJobAge               = 300 sec",
        "SlurmdTimeout           = 300 sec",
        "StateSaveLocation       = /var/spool/slurmctld",
        "Slurmctld(primary) at ctl is UP",
    ];
    let missing: Vec<&&str> =
        wanted.iter().filter(|line| !text.lines().any(|found| found.trim() == **line)).collect();
    assert!(missing.is_empty(), "{missing:?} not in\n{text}");
}

#[test]
fn a_submitted_script_leaves_its_output() {
    let Some(world) = cluster() else { return };
    let script = "#!/bin/bash\n#SBATCH -J single\n#SBATCH -o single.%j.out\n#SBATCH -e single.%j.err\n\
        echo \"This is job ${SLURM_JOB_NAME} [${SLURM_JOB_ID}] running on ${SLURMD_NODENAME}, \
        submitted from ${SLURM_SUBMIT_HOST}\" && sleep 1 && echo \"Job complete\"\n";
    world.write("ctl", "/home/alice/single.sh", script, "alice");
    let printed = world.user("alice").ok(["sbatch", "-w", "n2", "single.sh"]);
    let id: u32 = printed.trim().strip_prefix("Submitted batch job ").unwrap().parse().unwrap();
    world.wait_job(id, "COMPLETED");
    let output = world.read("ctl", &format!("/home/alice/single.{id}.out"));
    assert_eq!(
        output,
        format!("This is job single [{id}] running on n2, submitted from ctl\nJob complete\n")
    );
    assert_eq!(world.read("ctl", &format!("/home/alice/single.{id}.err")), "");
    assert_fields(world, id, &["NodeList=n2", "BatchHost=n2", "ExitCode=0:0", "Reason=None"]);
}

#[test]
fn show_job_shows_each_option_that_was_given() {
    let Some(world) = cluster() else { return };
    let options = "--hold -J named --comment=said -t 1:30:00 -N 1-2 -n 2 -c 2 --mem=300 -p main --nice=7 \
        -C fast -A acct --wckey=key -w n2 -x n1 --no-requeue -o o.%j -e e.%j -i /dev/zero \
        --mail-type=END,FAIL --mail-user=a@example.org --deadline=2037-01-01T00:00:00 --chdir=/tmp \
        --time-min=30 --signal=B:USR1@30 --extra=more --wrap=true";
    let id = world.user("alice").sbatch(options.split_whitespace());
    let shown = format!(
        "JobName=named UserId=alice(2001) Comment=said TimeLimit=01:30:00 TimeMin=00:30:00 NumNodes=1-2 \
         NumTasks=2 CPUs/Task=2 MinMemoryNode=300M Partition=main Nice=7 Features=fast Account=acct \
         ReqNodeList=n2 ExcNodeList=n1 Requeue=0 StdOut=/tmp/o.{id} StdErr=/tmp/e.{id} StdIn=/dev/zero \
         MailUser=a@example.org MailType=END,FAIL Deadline=2037-01-01T00:00:00 WorkDir=/tmp Extra=more \
         Priority=0 Reason=JobHeldUser JobState=PENDING"
    );
    assert_fields(world, id, &shown.split_whitespace().collect::<Vec<_>>());
    // `scontrol` shows the key only where TrackWCKey is set.
    assert_eq!(world.shell().ok(["squeue", "-h", "-j", &id.to_string(), "-o", "%w"]), "key\n");
    world.user("alice").ok(["scancel", &id.to_string()]);
}

#[test]
fn the_script_comes_back_as_it_was_submitted() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let id = alice.sbatch(["--hold", "--wrap=echo wrapped"]).to_string();
    let script = alice.ok(["scontrol", "write", "batch_script", &id, "-"]);
    assert_eq!(script, "#!/bin/sh\n# This script was created by sbatch --wrap.\n\necho wrapped\n");
    let refused = world.user("bob").run(["scontrol", "write", "batch_script", &id, "-"]);
    assert!(refused.stderr.contains("job script retrieval failed: Invalid user id"), "{refused}");
    alice.ok(["scancel", &id]);
}

#[test]
fn a_held_job_runs_once_it_is_released() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let id = alice.sbatch(["--hold", "--wrap=true"]);
    assert_fields(world, id, &["JobState=PENDING", "Reason=JobHeldUser", "Priority=0"]);
    alice.ok(["scontrol", "release", &id.to_string()]);
    world.wait_job(id, "COMPLETED");
}

#[test]
fn a_job_waits_for_its_begin_time() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let id = alice.sbatch(["--begin=2036-01-01T00:00:00", "--wrap=true"]);
    let begin = ["JobState=PENDING", "Reason=BeginTime", "StartTime=2036-01-01T00:00:00"];
    assert_fields(world, id, &begin);
    let soon = alice.sbatch(["--begin=now+2", "--wrap=true"]);
    world.wait_job(soon, "COMPLETED");
    assert_eq!(world.job_field(id, "JobState"), "PENDING");
    alice.ok(["scancel", &id.to_string()]);
}

#[test]
fn test_only_says_where_a_job_would_run_and_submits_nothing() {
    let Some(world) = cluster() else { return };
    let said = world.user("carol").run(["sbatch", "--test-only", "-w", "n2", "--wrap=true"]);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stderr.starts_with("sbatch: Job "), "{said}");
    assert!(said.stderr.ends_with(" using 1 processors on nodes n2 in partition main\n"), "{said}");
    assert_eq!(world.user("carol").ok(["squeue", "-h", "--me", "-t", "all"]), "");
}

#[test]
fn a_job_sees_the_environment_that_it_was_to_get() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice").env("COLOR", "blue");
    let wrap = "--wrap=echo color=$COLOR shape=$SHAPE cpus=$SLURM_CPUS_ON_NODE job=$SLURM_JOB_ID";
    let all = alice.sbatch(["-o", "env.all", "--export=ALL,SHAPE=round", "-c", "2", wrap]);
    let none = alice.sbatch(["-o", "env.none", "--export=NONE", wrap]);
    world.wait_job(all, "COMPLETED");
    world.wait_job(none, "COMPLETED");
    let printed = world.read("ctl", "/home/alice/env.all");
    assert_eq!(printed, format!("color=blue shape=round cpus=2 job={all}\n"));
    let printed = world.read("ctl", "/home/alice/env.none");
    assert_eq!(printed, format!("color= shape= cpus=1 job={none}\n"));
}

#[test]
fn a_script_that_fails_gives_a_failed_job_with_its_exit_code() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let failed = alice.sbatch(["--wrap=exit 3"]);
    let killed = alice.sbatch(["--wrap=kill -TERM $$; sleep 5"]);
    world.wait_job(failed, "FAILED");
    world.wait_job(killed, "FAILED");
    assert_fields(world, failed, &["ExitCode=3:0", "Reason=NonZeroExitCode"]);
    assert_fields(world, killed, &["ExitCode=0:15", "Reason=RaisedSignal:15(Terminated)"]);
}

#[test]
fn an_array_runs_each_task_and_never_more_than_its_limit_at_once() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let id = alice.sbatch([
        "--array=1-7:2%2",
        "-J",
        "arr",
        "-o",
        "arr.%A.%a",
        "--wrap=echo $SLURM_ARRAY_TASK_ID of $SLURM_ARRAY_TASK_COUNT; sleep 1",
    ]);
    let id = id.to_string();
    world.until("all tasks have ended", 45, || {
        let running = alice.ok(["squeue", "-h", "-r", "-j", &id, "-t", "R", "-o", "%i"]);
        assert!(running.lines().count() <= 2, "more than %2 run: {running}");
        let done = alice.run(["squeue", "-h", "-r", "-j", &id, "-t", "CD", "-o", "%K"]);
        (done.stdout.lines().count() == 4).then_some(())
    });
    for task in [1, 3, 5, 7] {
        let printed = world.read("ctl", &format!("/home/alice/arr.{id}.{task}"));
        assert_eq!(printed, format!("{task} of 4\n"));
    }
}

#[test]
fn a_task_of_an_array_can_be_cancelled_alone() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let id = alice.sbatch(["--hold", "--array=1-3", "--wrap=true"]).to_string();
    assert_eq!(alice.ok(["squeue", "-h", "-j", &id, "-o", "%i"]), format!("{id}_[1-3]\n"));
    alice.ok(["scancel", &format!("{id}_2")]);
    assert_eq!(alice.ok(["squeue", "-h", "-j", &id, "-o", "%i"]), format!("{id}_[1,3]\n"));
    alice.ok(["scancel", &id]);
    assert_eq!(alice.ok(["squeue", "-h", "-j", &id, "-o", "%i"]), "");
}

#[test]
fn a_job_starts_only_when_its_dependency_allows_it() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let good = alice.sbatch(["--hold", "--wrap=true"]);
    let bad = alice.sbatch(["--hold", "--wrap=false"]);
    let ok = alice.sbatch([format!("-dafterok:{good}"), "--wrap=true".into()]);
    let never = alice.sbatch([format!("-dafterok:{bad}"), "--wrap=true".into()]);
    let notok = alice.sbatch([format!("-dafternotok:{bad}"), "--wrap=true".into()]);
    let any = alice.sbatch([format!("-dafterany:{bad}:{good}"), "--wrap=true".into()]);
    assert_fields(
        world,
        ok,
        &[
            "JobState=PENDING",
            "Reason=Dependency",
            &format!("Dependency=afterok:{good}(unfulfilled)"),
        ],
    );
    alice.ok(["scontrol", "release", &format!("{good},{bad}")]);
    for job in [ok, notok, any] {
        world.wait_job(job, "COMPLETED");
    }
    world.until("the job that can never run says so", 45, || {
        (world.job_field(never, "Reason") == "DependencyNeverSatisfied").then_some(())
    });
    assert_fields(
        world,
        never,
        &["JobState=PENDING", &format!("Dependency=afterok:{bad}(failed)")],
    );
    alice.ok(["scancel", &never.to_string()]);
}

#[test]
fn jobs_with_one_name_and_singleton_run_one_after_the_other() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let wrap = "--wrap=mkdir single.lock && sleep 1 && rmdir single.lock";
    let first = alice.sbatch(["-J", "alone", "-d", "singleton", wrap]);
    let second = alice.sbatch(["-J", "alone", "-d", "singleton", wrap]);
    world.wait_job(first, "COMPLETED");
    world.wait_job(second, "COMPLETED");
}

#[test]
fn scancel_ends_what_it_selects_and_nothing_else() {
    let Some(world) = cluster() else { return };
    let bob = world.user("bob");
    let running = bob.sbatch(["-J", "run", "--wrap=sleep 100"]);
    let named = bob.sbatch(["-J", "name", "--hold", "--wrap=true"]);
    let short = bob.sbatch(["-J", "other", "-p", "short", "--hold", "--wrap=true"]);
    let pending = bob.sbatch(["-J", "other", "--hold", "--wrap=true"]);
    world.wait_job(running, "RUNNING");

    bob.ok(["scancel", "-n", "name"]);
    assert_eq!(world.job_field(named, "JobState"), "CANCELLED");
    bob.ok(["scancel", "-p", "short", "-u", "bob"]);
    assert_eq!(world.job_field(short, "JobState"), "CANCELLED");
    bob.ok(["scancel", "-t", "PENDING", "--me"]);
    assert_eq!(world.job_field(pending, "JobState"), "CANCELLED");
    assert_eq!(world.job_field(running, "JobState"), "RUNNING");
    bob.ok(["scancel", &running.to_string()]);
    world.wait_job(running, "CANCELLED");
    let ended = ["ExitCode=0:15", "Reason=None"];
    world.until_ok(30, || {
        let line = world.job(running);
        let there = ended.iter().all(|pair| line.contains(pair));
        if there { Ok(()) } else { Err(format!("{ended:?} in {line}")) }
    });
}

#[test]
fn a_signal_reaches_the_script_and_the_job_goes_on() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let wrap = "--wrap=trap 'echo caught; exit 0' USR1; echo armed; while :; do sleep 0.2; done";
    let id = alice.sbatch(["-o", "signal.out", wrap]);
    world.wait_text("/home/alice/signal.out", "armed");
    alice.ok(["scancel", "--batch", "--signal=USR1", &id.to_string()]);
    world.wait_job(id, "COMPLETED");
    assert_eq!(world.read("ctl", "/home/alice/signal.out"), "armed\ncaught\n");
}

#[test]
fn a_requeued_job_runs_again() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let id = alice.sbatch(["--wrap=sleep 60"]);
    world.wait_job(id, "RUNNING");
    alice.ok(["scontrol", "requeuehold", &id.to_string()]);
    world.wait_job(id, "PENDING");
    assert_fields(world, id, &["Restarts=1", "Priority=0"]);
    alice.ok(["scancel", &id.to_string()]);
    assert_eq!(world.job_field(id, "JobState"), "CANCELLED");
}

#[test]
fn a_waiting_job_can_be_changed_by_its_owner() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let id = alice.sbatch(["--hold", "-t", "60", "--wrap=true"]);
    alice.ok([
        "scontrol",
        "update",
        &format!("jobid={id}"),
        "timelimit=5",
        "comment=new",
        "jobname=renamed",
        "nice=3",
    ]);
    assert_fields(world, id, &["TimeLimit=00:05:00", "Comment=new", "JobName=renamed", "Nice=3"]);
    let refused = alice.run(["scontrol", "update", &format!("jobid={id}"), "nice=-5"]);
    assert_eq!(refused.to_string(), format!("Access/permission denied for job {id}\n[exit 1]\n"));
    let refused = alice.run(["scontrol", "update", &format!("jobid={id}"), "partition=none"]);
    assert_eq!(
        refused.to_string(),
        format!("Invalid partition name specified for job {id}\n[exit 1]\n")
    );
    alice.ok(["scancel", &id.to_string()]);
}

#[test]
fn a_running_job_is_listed_with_its_batch_step() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let id = alice.sbatch(["-J", "steps", "-w", "n1", "--wrap=sleep 30"]);
    world.wait_job(id, "RUNNING");
    let listed = alice.ok(["squeue", "-h", "-s", "-j", &id.to_string(), "-o", "%i|%j|%u|%N"]);
    assert!(listed.contains(&format!("{id}.batch|batch|alice|n1\n")), "{listed}");
    let step = alice.ok(["scontrol", "-o", "show", "step", &format!("{id}.batch")]);
    assert_eq!(field(&step, "State"), Some("RUNNING"), "{step}");
    assert_eq!(field(&step, "NodeList"), Some("n1"), "{step}");
    alice.ok(["scancel", &id.to_string()]);
}

#[test]
fn submissions_that_cannot_be_are_refused_in_stock_words() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let cases = [
        (vec!["-p", "none"], "Invalid partition name specified"),
        (vec!["-w", "n2", "-p", "short"], "Requested node configuration is not available"),
        (vec!["-C", "nofeature"], "Invalid feature specification"),
        (vec!["-w", "n9"], "Invalid node name specified"),
        (vec!["-d", "afterok:99999"], "Job dependency problem"),
        (vec!["--nice=-10"], "Invalid --nice value"),
        (vec!["--array=1-9999999"], "Invalid job array specification"),
        (vec!["--licenses=none:1"], "Invalid license specification"),
        (vec!["--reservation=none"], "Requested reservation is invalid"),
    ];
    for (options, words) in cases {
        let mut args = vec!["sbatch"];
        args.extend(&options);
        args.push("--wrap=true");
        let printed = alice.fails(args);
        let wanted = format!("sbatch: error: Batch job submission failed: {words}\n");
        assert!(printed.ends_with(&wanted), "{options:?}: want {wanted:?}, got {printed:?}");
    }
}

#[test]
fn without_auth_jwt_there_is_no_token() {
    let Some(world) = cluster() else { return };
    assert_eq!(
        world.user("alice").fails(["scontrol", "token"]),
        "scontrol: error: slurm_fetch_token: error with request: Required plugin type not loaded or initialized\n"
    );
}

#[test]
fn sdiag_counts_the_jobs_that_were_submitted() {
    let Some(world) = cluster() else { return };
    let count = || {
        let text = world.shell().ok(["sdiag"]);
        let line =
            text.lines().find(|line| line.starts_with("Jobs submitted:")).unwrap_or_default();
        let number = line.split(':').nth(1).unwrap_or_default().trim().parse::<u32>();
        number.unwrap_or_else(|_| panic!("no `Jobs submitted` in\n{text}"))
    };
    let before = count();
    let first = world.user("alice").sbatch(["--hold", "--wrap=true"]);
    let second = world.user("alice").sbatch(["--hold", "--wrap=true"]);
    assert!(count() >= before + 2, "two jobs were submitted since {before}");
    let kinds = world.shell().ok(["sdiag"]);
    assert!(kinds.contains("REQUEST_SUBMIT_BATCH_JOB"), "{kinds}");
    world.user("alice").ok(["scancel", &first.to_string(), &second.to_string()]);
}
