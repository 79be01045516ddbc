//! Programs that the controller runs on its own host: PrologSlurmctld and EpilogSlurmctld, MailProg,
//! the programs of triggers, ResvProlog and ResvEpilog.

use std::sync::OnceLock;

use conformance::World;

/// Prints its arguments and its environment into a file of its own, the name last, so that whoever
/// waits for the file finds it whole.
const TELL: &str = "tell() {
  to=/var/log/slurm/$1; shift
  { echo \"args:$*\"; env | sort; echo end; } >> $to.part && cp $to.part $to
}
";

/// One world for all tests of this file.
fn cluster() -> Option<&'static World> {
    static CLUSTER: OnceLock<Option<World>> = OnceLock::new();
    let make = || {
        let prolog = format!(
            "#!/bin/sh\n{TELL}tell prolog.$SLURM_JOB_NAME.$SLURM_JOB_RESTART_COUNT\n\
             case $SLURM_JOB_NAME in slow*) sleep 3;; bad*) exit 3;; esac\n"
        );
        let epilog = format!("#!/bin/sh\n{TELL}sleep 1\ntell epilog.$SLURM_JOB_NAME\n");
        // One word after the other would be cut at spaces in the subject, so it comes alone.
        let mail = format!("#!/bin/sh\n{TELL}tell mail.$SLURM_JOB_NAME \"$@\"\n");
        let trigger = format!("#!/bin/bash\n{TELL}tell trigger.${{@: -1}} \"$@\"\n");
        Some(
            World::builder()?
                .node("n1")
                .conf("PrologSlurmctld=/etc/slurm/prolog.sh")
                .conf("EpilogSlurmctld=/etc/slurm/epilog.sh")
                .conf("MailProg=/etc/slurm/mail.sh")
                .conf("MailDomain=example.org")
                .conf("ResvProlog=/etc/slurm/begin.sh")
                .conf("ResvEpilog=/etc/slurm/end.sh")
                .conf("Licenses=lamp:2")
                .file("begin.sh", &format!("#!/bin/sh\n{TELL}tell begin.$1 $1\n"))
                .file("end.sh", &format!("#!/bin/sh\n{TELL}tell end.$1 $1\n"))
                .file("prolog.sh", &prolog)
                .file("epilog.sh", &epilog)
                .file("mail.sh", &mail)
                .file("trigger.sh", &trigger)
                .start(),
        )
    };
    CLUSTER.get_or_init(make).as_ref()
}

/// What a program has told, once it has told so often.
#[track_caller]
fn told(world: &World, file: &str, times: usize) -> String {
    let path = format!("/var/log/slurm/{file}");
    world.until(&format!("{path} {times} times"), 45, || {
        let text = world.read("ctl", &path);
        (text.lines().filter(|line| *line == "end").count() >= times).then_some(text)
    })
}

/// The variables of Slurm's own, numbers of this run replaced.
fn variables(text: &str, job: u32) -> Vec<String> {
    let shown = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let value = match name {
            "SLURM_JOB_END_TIME" | "SLURM_JOB_START_TIME" => "TIME",
            // 26.05 has its own words and more variables.
            "SLURM_JOB_OVERSUBSCRIBE" | "SLURM_JOB_EXCLUSIVE" | "SLURM_JOB_SLUID" => return None,
            _ if value == job.to_string() => "JOB",
            _ => value,
        };
        name.starts_with("SLURM_").then(|| format!("{name}={value}"))
    };
    text.lines().filter_map(shown).collect()
}

#[test]
fn the_controllers_prolog_and_epilog_surround_a_job() {
    let Some(world) = cluster() else { return };
    let options = ["-J", "slow", "-t", "5", "-o", "/dev/null", "--comment=why", "--wrap=exit 3"];
    let job = world.user("alice").sbatch(options);
    world.until("it is configuring", 10, || {
        (world.job_field(job, "JobState") == "CONFIGURING").then_some(())
    });
    let before = told(world, "prolog.slow.0", 1);
    world.wait_job(job, "COMPLETING");
    let after = told(world, "epilog.slow", 1);
    world.wait_job(job, "FAILED");

    let common = [
        "SLURM_CLUSTER_NAME=conformance",
        "SLURM_JOBID=JOB",
        "SLURM_JOB_ACCOUNT=(null)",
        "SLURM_JOB_COMMENT=why",
        "SLURM_JOB_CPUS_PER_NODE=1",
        "SLURM_JOB_END_TIME=TIME",
        "SLURM_JOB_GID=2001",
        "SLURM_JOB_GROUP=alice",
        "SLURM_JOB_ID=JOB",
        "SLURM_JOB_NAME=slow",
        "SLURM_JOB_NODELIST=n1",
        "SLURM_JOB_NUM_NODES=1",
        "SLURM_JOB_PARTITION=main",
        "SLURM_JOB_RESTART_COUNT=0",
        "SLURM_JOB_START_TIME=TIME",
        "SLURM_JOB_STDIN=/dev/null",
        "SLURM_JOB_STDOUT=/dev/null",
        "SLURM_JOB_UID=2001",
        "SLURM_JOB_USER=alice",
        "SLURM_JOB_WORK_DIR=/home/alice",
    ];
    let with = |more: &[&str]| {
        let mut all: Vec<String> = common.iter().chain(more).map(|v| (*v).to_owned()).collect();
        all.sort_unstable();
        all
    };
    let sorted = |text: &str| {
        let mut found = variables(text, job);
        found.sort_unstable();
        found
    };
    assert_eq!(sorted(&before), with(&["SLURM_SCRIPT_CONTEXT=prolog_slurmctld"]));
    let of_end = [
        "SLURM_JOB_DERIVED_EC=0",
        "SLURM_JOB_EXIT_CODE=768",
        "SLURM_JOB_EXIT_CODE2=3:0",
        "SLURM_SCRIPT_CONTEXT=epilog_slurmctld",
    ];
    assert_eq!(sorted(&after), with(&of_end));
}

#[test]
fn a_failed_prolog_of_the_controller_sends_the_job_back() {
    let Some(world) = cluster() else { return };
    let job = world.user("alice").sbatch(["-J", "bad", "-o", "/dev/null", "--wrap=true"]);
    told(world, "prolog.bad.0", 1);
    world.wait_job(job, "PENDING");
    world.until("it was requeued", 20, || (world.job_field(job, "Restarts") == "1").then_some(()));
    world.until("it waits for its time", 20, || {
        (world.job_field(job, "Reason") == "BeginTime").then_some(())
    });
    world.user("alice").ok(["scancel", &job.to_string()]);
    let stays = ["-J", "bad-once", "--no-requeue", "-o", "/dev/null", "--wrap=true"];
    let job = world.user("alice").sbatch(stays);
    world.wait_job(job, "CANCELLED");
}

#[test]
fn mail_says_what_slurmctlds_says() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let submit = |name: &str, more: &[&str]| {
        let base = ["-J", name, "-o", "/dev/null", "-t", "5", "--mail-type=ALL"];
        alice.sbatch(base.iter().chain(more).copied())
    };
    let good = submit("m-good", &["--wrap=true"]);
    let bad = submit("m-bad", &["--mail-user=bob", "--wrap=exit 3"]);
    let array = submit("m-array", &["-a", "0-1", "--wrap=exit $SLURM_ARRAY_TASK_ID"]);
    let held = submit("m-held", &["-H", "--wrap=true"]);
    alice.ok(["scancel", &held.to_string()]);
    let mails = |name: &str, count: usize| -> Vec<String> {
        let text = told(world, &format!("mail.{name}"), count);
        let args = text.lines().filter_map(|line| line.strip_prefix("args:"));
        args.map(without_times).collect()
    };
    assert_eq!(
        mails("m-good", 2),
        [
            format!("-s Slurm Job_id={good} Name=m-good Began, Queued time T alice@example.org"),
            format!(
                "-s Slurm Job_id={good} Name=m-good Ended, Run time T, COMPLETED, ExitCode 0 \
             alice@example.org"
            ),
        ]
    );
    assert_eq!(
        mails("m-bad", 2),
        [
            format!("-s Slurm Job_id={bad} Name=m-bad Began, Queued time T bob"),
            format!("-s Slurm Job_id={bad} Name=m-bad Failed, Run time T, FAILED, ExitCode 3 bob"),
        ]
    );
    let whole = format!("-s Slurm Array Summary Job_id={array}_* ({array}) Name=m-array");
    assert_eq!(
        mails("m-array", 2),
        [
            format!("{whole} Began alice@example.org"),
            format!("{whole} Failed, Mixed, ExitCode [0-1] alice@example.org"),
        ]
    );
    assert_eq!(
        mails("m-held", 1),
        [format!(
            "-s Slurm Job_id={held} Name=m-held Ended, Run time T, CANCELLED, ExitCode 0 \
         alice@example.org"
        )]
    );
    let told = world.read("ctl", "/var/log/slurm/mail.m-bad");
    for entry in
        ["SLURM_JOB_STATE=FAILED", "SLURM_JOB_MAIL_TYPE=Failed", "SLURM_JOB_EXIT_CODE_MAX=3"]
    {
        assert!(told.lines().any(|line| line == entry), "{entry}: {told}");
    }
}

#[test]
fn triggers_run_when_nodes_and_jobs_change() {
    let Some(world) = cluster() else { return };
    let slurm = world.user("slurm").folder("/");
    let set = |about: &[&str]| {
        let base = ["strigger", "--set", "--program=/etc/slurm/trigger.sh first"];
        slurm.ok(base.iter().chain(about).copied())
    };
    let by_alice = ["strigger", "--set", "--node", "--down", "--program=/bin/true"];
    let refused = world.user("alice").fails(by_alice);
    assert!(refused.contains("Access/permission denied"), "{refused}");
    let job = world.user("alice").sbatch(["-o", "/dev/null", "-J", "watched", "--wrap=sleep 2"]);
    set(&["--node=n1", "--drained", "--flags=PERM"]);
    set(&["--jobid", &job.to_string(), "--fini"]);
    let again = ["strigger", "--set", "--node=n1", "--drained", "--flags=PERM"];
    let again = again.iter().chain(&["--program=/etc/slurm/trigger.sh first"]).copied();
    let twice = slurm.fails(again);
    assert!(twice.contains("Duplicate event trigger"), "{twice}");
    let fields = |text: &str| -> Vec<String> {
        let words = text.lines().skip(1).map(|line| line.split_whitespace().skip(1));
        words.map(|words| words.collect::<Vec<_>>().join(" ")).collect()
    };
    let listed = fields(&slurm.ok(["strigger", "--get"]));
    assert_eq!(
        listed,
        [
            "node n1 drained 0 slurm PERM /etc/slurm/trigger.sh first".to_owned(),
            format!("job {job} fini 0 slurm /etc/slurm/trigger.sh first"),
        ]
    );
    let of_job = told(world, &format!("trigger.{job}"), 1);
    assert!(of_job.contains(&format!("args:first {job}\n")), "{of_job}");
    world.shell().ok(["scontrol", "update", "node=n1", "state=drain", "reason=test"]);
    told(world, "trigger.n1", 1);
    world.shell().ok(["scontrol", "update", "node=n1", "state=resume"]);
    let listed = fields(&slurm.ok(["strigger", "--get"]));
    assert_eq!(listed, ["node n1 drained 0 slurm PERM /etc/slurm/trigger.sh first"]);
    slurm.ok(["strigger", "--clear", "--user=slurm"]);
    assert_eq!(fields(&slurm.ok(["strigger", "--get"])), [""; 0]);
}

/// A controller that is root runs the program of a trigger as the user whose it is, with all groups.
#[test]
fn a_trigger_of_a_user_has_the_groups_of_the_user() {
    let Some(builder) = World::builder() else { return };
    let world = builder
        .node("n1")
        .conf("SlurmUser=root")
        .conf("SlurmctldParameters=allow_user_triggers")
        .file(
            "who.sh",
            "#!/bin/sh\n{ id -u; id -G; echo $1; } > /tmp/part; mv /tmp/part /tmp/who\n",
        )
        .start();
    world.shell().ok(["sh", "-c", "echo crew:x:3000:bob,alice >> /etc/group"]);
    let set = ["strigger", "--set", "--node=n1", "--drained", "--program=/etc/slurm/who.sh"];
    world.user("alice").ok(set);
    world.shell().ok(["scontrol", "update", "node=n1", "state=drain", "reason=test"]);
    let told = world.until("the program has run", 45, || {
        let told = world.read("ctl", "/tmp/who");
        (!told.is_empty()).then_some(told)
    });
    assert_eq!(told, "2001\n2001 2100 3000\nn1\n");
}

#[test]
fn programs_are_told_of_reservations_that_begin_and_end() {
    let Some(world) = cluster() else { return };
    let create = "create reservation=lamps starttime=now duration=10 user=alice licenses=lamp:1 \
                  flags=license_only";
    world.shell().ok(["scontrol"].into_iter().chain(create.split_whitespace()));
    assert!(told(world, "begin.lamps", 1).starts_with("args:lamps\n"));
    world.shell().ok(["scontrol", "update", "reservation=lamps", "endtime=now+2"]);
    assert!(told(world, "end.lamps", 1).starts_with("args:lamps\n"));
    world.until("it is gone", 45, || {
        let shown = world.shell().run(["scontrol", "show", "reservation", "lamps"]);
        format!("{shown}").contains("not found").then_some(())
    });
    assert_eq!(told(world, "end.lamps", 1).lines().filter(|line| *line == "end").count(), 1);
}

/// A text with times such as 00:00:03 written as T.
fn without_times(text: &str) -> String {
    let is_time = |word: &str| {
        let word = word.trim_end_matches(',');
        word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b':')
    };
    let words = text.split(' ').map(|word| match is_time(word) {
        true if word.ends_with(',') => "T,",
        true => "T",
        false => word,
    });
    words.collect::<Vec<_>>().join(" ")
}
