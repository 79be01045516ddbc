//! Machines that are stopped when nobody needs them and started when a job does. The test is the cloud: it reads what the
//! site's programs were told, and starts and stops slurmds.

use conformance::World;
use conformance::world::{Builder, field};

/// Notes its name, its nodes, and for which jobs, in one line.
const PROGRAM: &str = "#!/bin/sh
told=$(cat ${SLURM_RESUME_FILE:-/dev/null})
echo \"${0##*/} $* $told\" >> /var/log/slurm/power.log
";

const LOG: &str = "/var/log/slurm/power.log";
/// How long stock may take for a step of this: it looks at some things every half minute.
const LIMIT_S: u64 = 90;

fn cloud(builder: Builder) -> Builder {
    builder
        .file("suspend", PROGRAM)
        .file("resume", PROGRAM)
        .file("fail", PROGRAM)
        .conf("SuspendProgram=/etc/slurm/suspend")
        .conf("ResumeProgram=/etc/slurm/resume")
        .conf("ResumeFailProgram=/etc/slurm/fail")
        .conf("SuspendTime=6")
        .conf("SuspendTimeout=3")
        .conf("SlurmctldParameters=idle_on_node_suspend,power_save_interval=1")
        .conf("TreeWidth=65533")
        .node("n1")
        .node("c1")
        .node("c2")
        .conf("NodeName=c1 CPUs=4 RealMemory=2000 State=CLOUD Weight=1")
        .conf("NodeName=c2 CPUs=4 RealMemory=2000 State=CLOUD Weight=1")
}

/// Waits until a program was told so for the `nth` time; gives the rest of that line.
#[track_caller]
fn told(world: &World, what: &str, nth: usize) -> String {
    world.until(&format!("{what:?} was told {nth} times"), LIMIT_S, || {
        let log = world.read("ctl", LOG);
        let mut lines = log.lines().filter_map(|line| line.strip_prefix(what));
        lines.nth(nth - 1).map(|rest| rest.trim().to_owned())
    })
}

fn count(world: &World, what: &str) -> usize {
    world.read("ctl", LOG).lines().filter(|line| line.starts_with(what)).count()
}

/// The state of a node in all words, such as `IDLE+CLOUD+POWERED_DOWN`.
fn words(world: &World, node: &str) -> String {
    let line = world.shell().ok(["scontrol", "-o", "show", "node", node]);
    field(&line, "State").unwrap_or_default().to_owned()
}

#[track_caller]
fn wait_words(world: &World, node: &str, state: &str) {
    world.until_ok(LIMIT_S, || match words(world, node) {
        now if now == state => Ok(()),
        now => Err(format!("{node} is {state}; it is {now}")),
    });
}

/// A machine of the cloud comes up.
fn boot(world: &World, node: &str) {
    world.start_slurmd_with(node, &["-b"]);
}

#[test]
fn nodes_are_stopped_when_idle_and_started_for_jobs() {
    let Some(builder) = World::builder() else { return };
    let world = cloud(builder).conf("ResumeTimeout=60").start_bare();
    assert_eq!(world.node_state("c1"), "idle~");
    assert_eq!(words(&world, "c1"), "IDLE+CLOUD+POWERED_DOWN");
    boot(&world, "n1");
    world.wait_node_within("n1", "idle", LIMIT_S);

    // An idle node is stopped, and its slurmd with it.
    assert_eq!(told(&world, "suspend n1", 1), "");
    world.stop_slurmd("n1");
    world.wait_node_within("n1", "idle~", LIMIT_S);

    cloud_nodes_come_and_go_for_a_script(&world);
    a_restart_starts_no_machine_twice(&world);

    a_client_waits_for_its_node(&world);

    // By hand.
    world.shell().ok(["scontrol", "update", "nodename=c2", "state=power_down_force"]);
    world.stop_slurmd("c2");
    world.wait_node_within("c2", "idle~", LIMIT_S);
    world.shell().ok(["scontrol", "update", "nodename=c2", "state=power_up"]);
    told(&world, "resume c2", 2);
}

fn a_client_waits_for_its_node(world: &World) {
    let run = "salloc --wait-all-nodes=1 -c4 -w c1 srun hostname > salloc.out 2>&1 &";
    world.user("alice").ok(["sh", "-c", run]);
    told(world, "resume c1", 1);
    let said = world.wait_text("/home/alice/salloc.out", "Waiting for resource configuration");
    boot(world, "c1");
    let all = world.until("salloc is done", LIMIT_S, || {
        let now = world.read("ctl", "/home/alice/salloc.out");
        now.contains("Relinquishing").then_some(now)
    });
    let id = said.split_whitespace().nth(4).unwrap_or_default();
    assert_eq!(
        all,
        format!(
            "salloc: Granted job allocation {id}\nsalloc: Waiting for resource configuration\n\
             salloc: Nodes c1 are ready for job\nc1\nsalloc: Relinquishing job allocation {id}\n"
        )
    );
}

/// A script waits for its nodes, all of them where they are a cloud's.
fn cloud_nodes_come_and_go_for_a_script(world: &World) {
    let alice = world.user("alice");
    let id =
        alice.sbatch(["-w", "c[1-2]", "-N2", "-c4", "-o", "cloud.%j", "--wrap=srun -l hostname"]);
    let details = told(world, "resume c[1-2]", 1);
    let expected = format!(
        "{{\"jobs\":[{{\"extra\":null,\"job_id\":{id},\"features\":null,\"nodes_alloc\":\"c[1-2]\",\
         \"nodes_resume\":\"c[1-2]\",\"oversubscribe\":\"OK\",\"partition\":\"main\",\
         \"reservation\":null}}],\"all_nodes_resume\":\"c[1-2]\"}}"
    );
    assert_eq!(details, expected);
    assert_eq!(world.job_field(id, "JobState"), "CONFIGURING");
    world.wait_node_within("c1", "alloc#", LIMIT_S);
    assert_eq!(words(world, "c1"), "ALLOCATED+CLOUD+NOT_RESPONDING+POWERING_UP");
    boot(world, "c1");
    world.wait_node_within("c1", "alloc", LIMIT_S);
    assert_eq!(world.job_field(id, "JobState"), "CONFIGURING");
    // Nobody knew its address before it came.
    let line = world.shell().ok(["scontrol", "-o", "show", "node", "c1"]);
    assert!(field(&line, "NodeAddr").is_some_and(|address| address.starts_with("10.")), "{line}");
    boot(world, "c2");
    world.until("the job is over", LIMIT_S, || {
        (world.job_field(id, "JobState") == "COMPLETED").then_some(())
    });
    let mut output: Vec<String> = world
        .wait_text(&format!("/home/alice/cloud.{id}"), "1:")
        .lines()
        .map(str::to_owned)
        .collect();
    output.sort();
    assert_eq!(output, ["0: c1", "1: c2"]);

    // Idle again, and then off, and nothing is known of where it was.
    for node in ["c1", "c2"] {
        // Together, or one after the other.
        world.until("it is off", LIMIT_S, || {
            ["idle%", "idle~"].contains(&world.node_state(node).as_str()).then_some(())
        });
        world.stop_slurmd(node);
    }
    wait_words(world, "c1", "IDLE+CLOUD+POWERED_DOWN");
    let line = world.shell().ok(["scontrol", "-o", "show", "node", "c1"]);
    assert_eq!(field(&line, "NodeAddr"), Some("c1"));
}

/// srun waits for its node too, and a controller that starts anew while it does goes on with that.
fn a_restart_starts_no_machine_twice(world: &World) {
    let run = "srun -c4 -w c2 hostname > srun.out 2>&1 &";
    world.user("alice").ok(["sh", "-c", run]);
    told(world, "resume c2", 1);
    if world.subject().is_ours() {
        world.kill_controller();
    } else {
        // Stock forgets what it has not written yet.
        world.stop_controller();
    }
    world.start_controller();
    assert_eq!(world.node_state("c2"), "alloc#");
    boot(world, "c2");
    world.until("srun has run", LIMIT_S, || {
        world.read("ctl", "/home/alice/srun.out").contains("c2\n").then_some(())
    });
    assert_eq!(count(world, "resume c2"), 1);
}

#[test]
fn a_node_that_does_not_come_up_is_down_and_its_job_waits_anew() {
    let Some(builder) = World::builder() else { return };
    let world = cloud(builder).conf("ResumeTimeout=5").start_bare();
    let alice = world.user("alice");
    let id = alice.sbatch(["-w", "c1", "--wrap=true"]);
    told(&world, "resume c1", 1);
    assert_eq!(told(&world, "fail c1", 1), "");
    wait_words(&world, "c1", "DOWN+CLOUD+POWERED_DOWN");
    let line = world.shell().ok(["scontrol", "-o", "show", "node", "c1"]);
    assert!(line.contains("Reason=ResumeTimeout reached ["), "{line}");
    assert_eq!(world.job_field(id, "JobState"), "PENDING");
    assert_eq!(world.job_field(id, "Restarts"), "1");
    let freed = world.shell().ok(["scontrol", "-o", "show", "node", "c1"]);
    assert_eq!(field(&freed, "CPUAlloc"), Some("0"));

    // A job that cannot be requeued ends.
    let fixed = alice.sbatch(["-w", "c2", "--no-requeue", "--wrap=true"]);
    told(&world, "fail c2", 1);
    world.until("the job has failed", LIMIT_S, || {
        (world.job_field(fixed, "JobState") == "NODE_FAIL").then_some(())
    });

    // Power off once more, and it may be tried again.
    world.shell().ok(["scontrol", "update", "nodename=c1", "state=power_down"]);
    told(&world, "suspend c1", 1);
    wait_words(&world, "c1", "IDLE+CLOUD+POWERED_DOWN");

    // Exceptions, until slurm.conf is read again.
    world.shell().ok(["scontrol", "update", "SuspendExcNodes=c1,n1"]);
    world.shell().ok(["scontrol", "update", "SuspendExcNodes+=c2"]);
    world.shell().ok(["scontrol", "update", "SuspendExcNodes-=n1"]);
    let shown = world.shell().ok(["sh", "-c", "scontrol show config | grep SuspendExcNodes"]);
    assert_eq!(shown.split_whitespace().last(), Some("c[1-2]"), "{shown}");
}
