//! Heterogeneous jobs: `:` between the components of `sbatch`, `salloc` and `srun`.

use std::sync::OnceLock;

use conformance::config::NodeKind;
use conformance::{Release, Shell, Subject, World};

/// Stock starts such jobs in its backfill scheduler alone, which is to look often.
const OFTEN: &str = "SchedulerParameters=bf_interval=1,bf_window=60";

/// One world for all tests of this file: three nodes of four CPUs.
fn cluster() -> Option<&'static World> {
    static CLUSTER: OnceLock<Option<World>> = OnceLock::new();
    CLUSTER
        .get_or_init(|| {
            let builder = World::builder()?.node("n1").node("n2").node("n3");
            Some(builder.conf(OFTEN).conf("Licenses=lic:2").start())
        })
        .as_ref()
}

/// What squeue prints of a job, a line for each component.
fn queue(shell: &Shell<'_>, id: u32, format: &str) -> Vec<String> {
    let args = ["squeue", "-h", "-t", "all", "-j", &id.to_string(), "-o", format];
    let printed = shell.run(args).stdout;
    let mut lines: Vec<String> = printed.lines().map(|line| line.trim().to_owned()).collect();
    lines.sort_unstable();
    lines
}

#[track_caller]
fn wait_queue(world: &World, id: u32, format: &str, wanted: &[&str]) {
    world.until_ok(60, || {
        let found = queue(&world.shell(), id, format);
        if found == wanted { Ok(()) } else { Err(format!("{found:?} is not {wanted:?}")) }
    });
}

const SCRIPT: &str = "#!/bin/bash
echo size $SLURM_HET_SIZE job $((SLURM_JOB_ID_HET_GROUP_1 - SLURM_JOB_ID))
echo $SLURM_JOB_NODELIST_HET_GROUP_0 $SLURM_JOB_NODELIST_HET_GROUP_1
echo tasks $SLURM_TASKS_PER_NODE_HET_GROUP_0 $SLURM_TASKS_PER_NODE_HET_GROUP_1
echo cpus $SLURM_JOB_CPUS_PER_NODE_PACK_GROUP_0 $SLURM_JOB_CPUS_PER_NODE_HET_GROUP_1
where='echo $SLURM_STEP_ID: $SLURM_PROCID of $SLURM_NTASKS on $SLURMD_NODENAME'
srun --het-group=0,1 bash -c \"$where\" | sort
srun --het-group=1 bash -c \"$where\" | sort
srun -n1 bash -c \"$where\" | sort
srun -n1 true : -n1 bash -c 'exit 3'
echo code $?
echo end
";

#[test]
fn a_script_has_all_components_and_its_steps_span_them() {
    let Some(world) = cluster() else { return };
    world.write("ctl", "/home/alice/het.sh", SCRIPT, "alice");
    let alice = world.user("alice");
    let id = alice.sbatch([
        "-o",
        "het.out",
        "-t5",
        "-w",
        "n1",
        "-n1",
        ":",
        "-t5",
        "-n4",
        "-N2",
        "--ntasks-per-node=2",
        "het.sh",
    ]);
    let printed = world.wait_text("/home/alice/het.out", "end\n");
    let printed: Vec<&str> = printed.lines().filter(|line| !line.starts_with("srun: ")).collect();
    let nodes = printed.get(1).copied().unwrap_or_default();
    assert_eq!(nodes, "n1 n[2-3]", "{printed:?}");
    let wanted = [
        "size 2 job 1",
        "n1 n[2-3]",
        "tasks 1 2(x2)",
        "cpus 1 2(x2)",
        "0: 0 of 5 on n1",
        "0: 1 of 5 on n2",
        "0: 2 of 5 on n2",
        "0: 3 of 5 on n3",
        "0: 4 of 5 on n3",
        "1: 0 of 4 on n2",
        "1: 1 of 4 on n2",
        "1: 2 of 4 on n3",
        "1: 3 of 4 on n3",
        "2: 0 of 1 on n1",
        "code 3",
        "end",
    ];
    assert_eq!(printed, wanted);
    wait_queue(world, id, "%i %T", &[&format!("{id}+0 COMPLETED"), &format!("{id}+1 COMPLETED")]);
    let shown = world.shell().ok(["scontrol", "-o", "show", "job", &format!("{id}+1")]);
    let set = format!("HetJobId={id} HetJobOffset=1 JobName=het.sh ");
    assert!(shown.contains(&set), "{shown}");
    assert!(shown.contains(&format!(" HetJobIdSet={id}-{} ", id + 1)), "{shown}");
    assert_eq!(
        world.shell().ok(["scontrol", "-o", "show", "job", &id.to_string()]).lines().count(),
        2
    );
}

#[test]
fn what_waits_is_held_and_cancelled_by_component_or_as_a_whole() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let id = alice.sbatch(["-n1", "-o", "/dev/null", ":", "-n1", "-H", "--wrap=sleep 60"]);
    let (first, second) = (format!("{id}+0"), format!("{id}+1"));
    let states = |first_is: &str, second_is: &str| {
        wait_queue(
            world,
            id,
            "%i %T %r",
            &[&format!("{first} {first_is}"), &format!("{second} {second_is}")],
        );
    };
    states("PENDING JobHeldUser", "PENDING JobHeldUser");
    let refused = alice.fails(["scancel", &second]);
    assert!(refused.contains("not permitted on individual component"), "{refused}");
    let refused = alice.fails(["scontrol", "requeue", &(id + 1).to_string()]);
    assert!(refused.contains("not heterogeneous job leader"), "{refused}");
    alice.ok(["scontrol", "release", &second]);
    states("PENDING JobHeldUser", "PENDING Resources");
    alice.ok(["scontrol", "hold", &id.to_string()]);
    states("PENDING JobHeldUser", "PENDING JobHeldUser");
    alice.ok(["scontrol", "release", &first]);
    states("PENDING Resources", "PENDING JobHeldUser");
    alice.ok(["scontrol", "release", &id.to_string()]);
    states("RUNNING None", "RUNNING None");
    alice.ok(["scontrol", "update", &format!("jobid={second}"), "comment=second"]);
    let comments = queue(&alice, id, "%i %k");
    assert_eq!(comments, [format!("{first} (null)"), format!("{second} second")]);
    alice.ok(["scancel", &second]);
    wait_queue(world, id, "%i %T", &[&format!("{first} RUNNING"), &format!("{second} CANCELLED")]);
    alice.ok(["scancel", &id.to_string()]);
    wait_queue(
        world,
        id,
        "%i %T",
        &[&format!("{first} CANCELLED"), &format!("{second} CANCELLED")],
    );
}

#[test]
fn components_are_never_on_one_node_and_wait_for_each_other() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").node("n2").conf(OFTEN).start();
    let bob = world.user("bob");
    let holder = bob.sbatch(["-w", "n2", "--exclusive", "-t1", "--wrap=sleep 60"]);
    world.wait_job(holder, "RUNNING");
    let alice = world.user("alice");
    let id = alice.sbatch(["-n1", "-t1", "-o", "w.out", ":", "-n1", "-t1", "--wrap=sleep 60"]);
    // Room for both on one node is none.
    wait_queue(&world, id, "%i %T", &[&format!("{id}+0 PENDING"), &format!("{id}+1 PENDING")]);
    std::thread::sleep(std::time::Duration::from_secs(3));
    wait_queue(&world, id, "%i %T", &[&format!("{id}+0 PENDING"), &format!("{id}+1 PENDING")]);
    bob.ok(["scancel", &holder.to_string()]);
    wait_queue(&world, id, "%i %T", &[&format!("{id}+0 RUNNING"), &format!("{id}+1 RUNNING")]);
    let nodes = queue(&alice, id, "%N");
    assert_eq!(nodes, ["n1", "n2"]);
    // It goes back as a whole, and each component waits for its time.
    alice.ok(["scontrol", "requeue", &id.to_string()]);
    wait_queue(
        &world,
        id,
        "%i %T %r",
        &[&format!("{id}+0 PENDING BeginTime"), &format!("{id}+1 PENDING BeginTime")],
    );
    let outcome = alice.run(["scancel", "--ctld", "--user=alice"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{outcome}");
    wait_queue(&world, id, "%i %T", &[&format!("{id}+0 CANCELLED"), &format!("{id}+1 CANCELLED")]);
}

#[test]
fn salloc_and_srun_take_components_too() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let command = "echo size $SLURM_HET_SIZE; srun --het-group=0,1 -l hostname | sort";
    let outcome = alice.run(["salloc", "-n1", ":", "-n2", "bash", "-c", command]);
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.stderr.contains("salloc: Granted job allocation "), "{outcome}");
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!((lines[0], lines.len()), ("size 2", 4), "{outcome}");
    assert_ne!(lines[1].split(' ').nth(1), lines[2].split(' ').nth(1), "{outcome}");
    let outcome = alice.run([
        "srun",
        "-n1",
        "bash",
        "-c",
        "echo one $SLURM_PROCID",
        ":",
        "-n2",
        "bash",
        "-c",
        "echo two $SLURM_PROCID",
    ]);
    let mut lines: Vec<&str> = outcome.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!((outcome.code, &*lines), (0, &["one 0", "two 1", "two 2"][..]), "{outcome}");
}

#[test]
fn a_plain_job_runs_a_step_of_several_components() {
    let Some(world) = cluster() else { return };
    let command = "srun -n1 bash -c 'echo one $SLURM_STEP_ID $SLURM_PROCID' : \
                   -n1 bash -c 'echo two $SLURM_STEP_ID $SLURM_PROCID'; echo code $?";
    let outcome = world.user("alice").run(["salloc", "-N2", "-n2", "bash", "-c", command]);
    let mut lines: Vec<&str> = outcome.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!((outcome.code, &*lines), (0, &["code 0", "one 0 0", "two 0 1"][..]), "{outcome}");
}

#[test]
fn components_wait_for_their_time_and_for_licenses_and_share_a_file() {
    let Some(world) = cluster() else { return };
    let bob = world.user("bob");
    let holder = bob.sbatch(["-L", "lic:1", "-o", "/dev/null", "--wrap=sleep 60"]);
    world.wait_job(holder, "RUNNING");
    let alice = world.user("alice");
    alice.ok(["sh", "-c", "echo shared > file.txt"]);
    let script = "--wrap=sbcast -f file.txt /tmp/shared.txt; \
        srun --het-group=0,1 cat /tmp/shared.txt; echo end";
    let later = ["-t5", "-n1", "--begin=now+2"];
    let with = |second: &[&'static str]| {
        let mut args = vec!["sbatch", "--parsable", "-o", "both.out", "-L", "lic:2"];
        args.extend(later.iter().chain(&[":"]).chain(second).chain(&later));
        args.push(script);
        args
    };
    let refused = alice.fails(with(&["-L", "lic:1"]));
    assert!(refused.contains("1: license request allowed only on leader job"), "{refused}");
    let printed = alice.ok(with(&[]));
    let id: u32 = printed.trim().parse().expect("--parsable prints the number");
    let (first, second) = (format!("{id}+0"), format!("{id}+1"));
    let reasons = queue(&alice, id, "%i %r");
    assert_eq!(reasons, [format!("{first} BeginTime"), format!("{second} BeginTime")]);
    // Their time has come; one license is missing, for which stock has several words.
    std::thread::sleep(std::time::Duration::from_secs(5));
    wait_queue(world, id, "%i %T", &[&format!("{first} PENDING"), &format!("{second} PENDING")]);
    let started = |world: &World| {
        let told = world.shell().ok(["sdiag"]);
        let line = told.lines().find(|line| line.contains("heterogeneous job components"));
        let count = line.and_then(|line| line.rsplit(' ').next()).map(str::parse::<u32>);
        count.expect("sdiag has such a line").expect("it is a number")
    };
    let before = started(world);
    bob.ok(["scancel", &holder.to_string()]);
    let printed = world.wait_text("/home/alice/both.out", "end\n");
    assert_eq!(printed, "shared\nshared\nend\n");
    assert!(started(world) >= before + 2);
}

#[test]
fn what_cannot_be_a_component_is_refused() {
    let Some(world) = cluster() else { return };
    let bob = world.user("bob");
    let said = |args: &[&str]| {
        let outcome = bob.run(args);
        assert_ne!(outcome.code, 0, "{args:?}: {outcome}");
        outcome.stderr
    };
    let array = said(&["sbatch", "-n1", ":", "-n1", "--array=1-2", "--wrap=true"]);
    assert!(array.contains("Invalid job array specification"), "{array}");
    let partition = said(&["sbatch", "-n1", ":", "-p", "none", "-n1", "--wrap=true"]);
    assert!(partition.contains("invalid partition specified"), "{partition}");
    assert_eq!(bob.ok(["squeue", "-h", "-u", "bob", "-t", "PENDING", "-o", "%i"]), "");
}

/// Ours alone: under a stock controller of 26.05 the srun of 24.11 dies of SIGPIPE.
#[test]
fn components_are_on_nodes_of_two_releases() {
    // Releases before 24.11 do not understand 26.05.
    let understood = || Release::R24_11.series().as_str() >= "24.11";
    let ours = |_: &_| Subject::chosen() == Subject::Ours && understood();
    let Some(builder) = World::builder().filter(ours) else {
        return;
    };
    let world = builder
        .release(Release::R24_11)
        .clients(Release::R26_05)
        .node_of("n1", Release::R24_11, NodeKind::Listed)
        .node_of("n2", Release::R26_05, NodeKind::Listed)
        .conf(OFTEN)
        .start();
    for release in [Release::R24_11, Release::R26_05] {
        // What is still being cleaned up would make them change places.
        world.wait_node("n1", "idle");
        world.wait_node("n2", "idle");
        let command = "srun --het-group=0,1 bash -c 'echo $SLURM_PROCID $SLURMD_NODENAME'";
        let alice = world.user("alice").release(release);
        let outcome = alice.run(["salloc", "-n1", ":", "-n2", "bash", "-c", command]);
        let mut lines: Vec<&str> = outcome.stdout.lines().collect();
        lines.sort_unstable();
        assert_eq!((outcome.code, &*lines), (0, &["0 n1", "1 n2", "2 n2"][..]), "{outcome}");
    }
}
