//! Stock slurmds: how they come, go, fail and come back, and what becomes of their jobs.

use conformance::config::NodeKind;
use conformance::stock::Release;
use conformance::world::field;
use conformance::{Subject, World};

/// A controller that can speak with slurmds and clients of both releases. Stock 24.11 cannot: it knows nothing newer than itself.
const NEWEST: Release = Release::R26_05;

#[track_caller]
fn node_field(world: &World, node: &str, key: &str) -> String {
    let line = world.shell().ok(["scontrol", "-o", "show", "node", node]);
    field(&line, key).unwrap_or_default().to_owned()
}

/// Runs a job on this node to its end.
#[track_caller]
fn assert_runs_jobs(world: &World, node: &str) {
    let id =
        world.user("alice").sbatch(["-w", node, "-o", "ran.%j", "--wrap=echo on $SLURMD_NODENAME"]);
    world.wait_job(id, "COMPLETED");
    assert_eq!(world.read("ctl", &format!("/home/alice/ran.{id}")), format!("on {node}\n"));
}

#[test]
fn a_registered_node_shows_what_its_slurmd_said() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start();
    let line = world.shell().ok(["scontrol", "-o", "show", "node", "n1"]);
    let release = Release::chosen().series();
    assert!(field(&line, "Version").is_some_and(|version| version.starts_with(&release)), "{line}");
    for (key, value) in
        [("State", "IDLE"), ("CPUTot", "4"), ("RealMemory", "2000"), ("NodeHostName", "n1")]
    {
        assert_eq!(field(&line, key), Some(value), "{key} in {line}");
    }
    for key in ["BootTime", "SlurmdStartTime"] {
        assert!(field(&line, key).is_some_and(|time| time.starts_with("20")), "{key} in {line}");
    }
    assert!(field(&line, "Arch").is_some() && line.contains(" OS=Linux "), "{line}");
}

#[test]
fn a_node_without_a_slurmd_is_not_idle() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").node("n2").start_bare();
    world.start_slurmd("n1");
    world.wait_node("n1", "idle");
    // Never seen: `unk*` until the controller gives up on it, `down*` then.
    let state = world.node_state("n2");
    assert!(["unk", "unk*", "down*"].contains(&state.as_str()), "{state}");
}

#[test]
fn a_configless_slurmd_gets_its_configuration_and_runs_jobs() {
    let Some(builder) = World::builder() else { return };
    let world = builder
        .node_of("n1", Release::chosen(), NodeKind::Configless)
        .conf("SlurmctldParameters=enable_configless")
        .start();
    let copy = world.read("n1", "/var/spool/slurmd/conf-cache/slurm.conf");
    assert_eq!(copy, world.read("ctl", "/etc/slurm/slurm.conf"));
    let cgroup = world.read("n1", "/var/spool/slurmd/conf-cache/cgroup.conf");
    assert_eq!(cgroup, "CgroupPlugin=disabled\n");
    assert_runs_jobs(&world, "n1");
}

#[test]
fn a_dynamic_slurmd_makes_its_own_node_and_runs_jobs() {
    let Some(builder) = World::builder() else { return };
    let world = builder
        .node("n1")
        .conf("MaxNodeCount=8")
        .conf("SlurmctldParameters=enable_configless")
        .start();
    world.add_node("d1", Release::chosen(), NodeKind::Dynamic);
    world.start_slurmd("d1");
    world.wait_node("d1", "idle");
    let line = world.shell().ok(["scontrol", "-o", "show", "node", "d1"]);
    assert!(line.contains("DYNAMIC_NORM") && line.contains("CPUTot=4 "), "{line}");
    assert_runs_jobs(&world, "d1");
    world.stop_slurmd("d1");
    world.shell().ok(["scontrol", "delete", "nodename=d1"]);
    let gone = world.shell().run(["scontrol", "show", "node", "d1"]);
    assert_eq!(gone.to_string(), "Node d1 not found\n[exit 1]\n");
}

/// The shortest limit is a minute, and stock looks at limits every half minute.
#[test]
fn a_job_over_its_time_limit_is_ended() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start();
    let wrap = "--wrap=trap 'echo warned; exit 0' TERM; sleep 300 & wait";
    let id = world.user("alice").sbatch(["-t", "1", "-o", "limit.out", "-e", "limit.err", wrap]);
    world.wait_job(id, "RUNNING");
    world.until("the job has timed out", 120, || {
        (world.job_field(id, "JobState") == "TIMEOUT").then_some(())
    });
    assert_eq!(world.job_field(id, "Reason"), "TimeLimit");
    let errors = world.wait_text("/home/alice/limit.err", "DUE TO TIME LIMIT");
    assert!(errors.contains(&format!("JOB {id} ON n1 CANCELLED AT ")), "{errors}");
    world.wait_node("n1", "idle");
}

#[test]
fn two_releases_of_clients_and_slurmds_make_one_cluster() {
    let Some(builder) = World::builder() else { return };
    let world = builder
        .stock_of(NEWEST)
        .release(Release::R24_11)
        .clients(Release::R26_05)
        .node_of("n1", Release::R24_11, NodeKind::Listed)
        .node_of("n2", Release::R26_05, NodeKind::Listed)
        .start();
    for (node, release) in [("n1", Release::R24_11), ("n2", Release::R26_05)] {
        let version = node_field(&world, node, "Version");
        assert!(version.starts_with(&release.series()), "{node} runs {version}");
    }
    for client in Release::ALL {
        let alice = world.user("alice").release(client);
        for node in ["n1", "n2"] {
            let file = format!("mixed.{client}.{node}");
            let id =
                alice.sbatch(["-w", node, "-o", &file, "--wrap=echo $SLURMD_NODENAME; sleep 1"]);
            let shown = alice.ok(["scontrol", "-o", "show", "job", &id.to_string()]);
            assert_eq!(field(&shown, "ReqNodeList"), Some(node), "{client}: {shown}");
            world.wait_job(id, "COMPLETED");
            assert_eq!(world.read("ctl", &format!("/home/alice/{file}")), format!("{node}\n"));
        }
        let listed = alice.ok(["sinfo", "-h", "-N", "-p", "main", "-o", "%n %T"]);
        assert_eq!(listed, "n1 idle\nn2 idle\n", "{client}");
        let both = alice.sbatch(["-N", "2", "--wrap=true"]);
        world.wait_job(both, "COMPLETED");
        assert_eq!(world.job_field(both, "NodeList"), "n[1-2]");
    }
}

/// A controller of an older release than its slurmds: what stock refuses and ours does not.
#[test]
fn a_slurmd_newer_than_a_stock_controller_is_refused_and_ours_takes_it() {
    let Some(builder) = World::builder() else { return };
    let builder = builder.stock_of(Release::R24_11).release(Release::R24_11);
    let ours = builder.clone();
    let world = ours.node_of("n1", Release::R26_05, NodeKind::Listed).start_bare();
    world.start_slurmd("n1");
    if world.subject().is_ours() {
        world.wait_node("n1", "idle");
        return assert_runs_jobs(&world, "n1");
    }
    assert_eq!(world.subject(), Subject::Stock(Release::R24_11));
    world.until("the slurmd says that it is not understood", 45, || {
        world
            .read("n1", "/var/log/slurm/slurmd.log")
            .contains("Protocol authentication error")
            .then_some(())
    });
}

/// slurmd reads the memory of a credential without looking whether there is any.
#[test]
fn a_job_runs_where_memory_is_not_counted() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").conf("SelectTypeParameters=CR_CPU").start();
    let id = world.shell().user("alice").sbatch(["--wrap=true"]);
    world.wait_job(id, "COMPLETED");
    world.wait_node("n1", "idle");
}
