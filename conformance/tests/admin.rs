//! What an administrator changes while the cluster runs.

use std::sync::OnceLock;

use conformance::World;
use conformance::config::NodeKind;
use conformance::stock::Release;

/// One world for most tests of this file; each test changes a partition or node that no other one looks at.
fn cluster() -> Option<&'static World> {
    static CLUSTER: OnceLock<Option<World>> = OnceLock::new();
    let make = || Some(World::builder()?.node("n1").node("n2").node("n3").start());
    CLUSTER.get_or_init(make).as_ref()
}

#[test]
fn a_drained_node_takes_no_job_and_a_resumed_one_does() {
    let Some(world) = cluster() else { return };
    let root = world.shell();
    let refused = root.run(["scontrol", "update", "nodename=n2", "state=drain"]);
    assert_eq!(
        refused.to_string(),
        "You must specify a reason when DOWNING or DRAINING a node. Request denied\n[exit 1]\n"
    );
    root.ok(["scontrol", "update", "nodename=n2", "state=drain", "reason=two words"]);
    world.wait_node("n2", "drain");
    let reasons = root.ok(["sinfo", "-h", "-R", "-p", "main", "-n", "n2", "-o", "%E|%u|%n|%T"]);
    assert_eq!(reasons, "two words|root|n2|drained\n");
    let id = world.user("alice").sbatch(["-w", "n2", "--wrap=true"]);
    world.until("the job says why it waits", 30, || {
        let reason = world.job_field(id, "Reason");
        // `ReqNodeNotAvail, UnavailableNodes:n2` is printed with a blank in it by the older release.
        reason.starts_with("ReqNodeNotAvail").then_some(())
    });
    root.ok(["scontrol", "update", "nodename=n2", "state=resume"]);
    world.wait_job(id, "COMPLETED");
}

#[test]
fn a_job_on_a_node_that_is_set_down_is_requeued() {
    let Some(world) = cluster() else { return };
    let root = world.shell();
    let id = world.user("alice").sbatch(["-w", "n3", "--wrap=sleep 100"]);
    world.wait_job(id, "RUNNING");
    root.ok(["scontrol", "update", "nodename=n3", "state=down", "reason=broken"]);
    world.wait_job(id, "PENDING");
    assert_eq!(world.job_field(id, "Restarts"), "1");
    world.user("alice").ok(["scancel", &id.to_string()]);
    root.ok(["scontrol", "update", "nodename=n3", "state=resume"]);
    world.wait_node("n3", "idle");
}

#[test]
fn a_partition_can_be_made_changed_and_deleted() {
    let Some(world) = cluster() else { return };
    let root = world.shell();
    root.ok(["scontrol", "create", "partitionname=new", "nodes=n2", "maxtime=30", "state=up"]);
    let shown = root.ok(["sinfo", "-h", "-p", "new", "-o", "%P|%a|%l|%N"]);
    assert_eq!(shown, "new|up|30:00|n2\n");
    assert_eq!(
        root.fails(["scontrol", "create", "partitionname=bad", "nodes=n9"]),
        "Error creating the partition: Invalid node name specified\n"
    );
    let id = world.user("alice").sbatch(["-p", "new", "--hold", "--wrap=true"]);
    let busy = "delete_partition partitionname=new: Partition is in use\n";
    assert_eq!(root.fails(["scontrol", "delete", "partitionname=new"]), busy);
    world.user("alice").ok(["scancel", &id.to_string()]);
    root.ok(["scontrol", "update", "partitionname=new", "state=inactive"]);
    let refused = world.user("alice").fails(["sbatch", "-p", "new", "--wrap=true"]);
    assert_eq!(
        refused,
        "sbatch: error: Batch job submission failed: Required partition not available (inactive or drain)\n"
    );
    root.ok(["scontrol", "delete", "partitionname=new"]);
    assert_eq!(root.ok(["sinfo", "-h", "-p", "new"]), "");
}

#[test]
fn the_debug_level_is_the_one_that_was_set() {
    let Some(world) = cluster() else { return };
    let root = world.shell();
    root.ok(["scontrol", "setdebug", "verbose"]);
    root.ok(["scontrol", "setdebugflags", "+backfill"]);
    let text = root.ok(["scontrol", "show", "config"]);
    assert!(text.contains("SlurmctldDebug          = verbose\n"), "{text}");
    assert!(text.contains("DebugFlags              = Backfill\n"), "{text}");
}

#[test]
fn ordinary_people_may_not_administer() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let cases: [(&[&str], &str); 8] = [
        (
            &["update", "nodename=n1", "state=drain", "reason=mine"],
            "slurm_update error: Invalid user id\n",
        ),
        (&["update", "partitionname=main", "state=down"], "slurm_update error: Invalid user id\n"),
        (&["create", "partitionname=mine"], "Error creating the partition: Invalid user id\n"),
        (
            &["delete", "partitionname=short"],
            "delete_partition partitionname=short: Invalid user id\n",
        ),
        (&["reconfigure"], "slurm_reconfigure error: Invalid user id\n"),
        (&["shutdown"], "slurm_shutdown error: Invalid user id\n"),
        (&["setdebug", "debug"], "slurm_set_debug_level error: Permission denied\n"),
        (&["delete", "nodename=n1"], "delete_node nodename=n1: Invalid user id\n"),
    ];
    for (options, wanted) in cases {
        let mut args = vec!["scontrol"];
        args.extend(options);
        // The newer release's scontrol has no blank after some `error:`.
        let told = alice.fails(&args).replace("error:", "error: ").replace("error:  ", "error: ");
        assert_eq!(told, wanted, "{options:?}");
    }
}

#[test]
fn a_reconfigured_controller_has_the_new_slurm_conf_and_its_jobs() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start();
    let held = world.user("alice").sbatch(["--hold", "--wrap=true"]);
    let running = world.user("alice").sbatch(["--wrap=sleep 4"]);
    world.wait_job(running, "RUNNING");
    world.edit_conf(
        "PartitionName=short ",
        "PartitionName=later Nodes=n1 State=UP\nPartitionName=short ",
    );
    world.shell().ok(["scontrol", "reconfigure"]);
    world.until("sinfo lists the new partition", 30, || {
        let listed = world.shell().run(["sinfo", "-h", "-p", "later", "-o", "%P %N"]);
        (listed.stdout == "later n1\n").then_some(())
    });
    assert_eq!(world.job_field(held, "JobState"), "PENDING");
    world.wait_job(running, "COMPLETED");
    let alice = world.user("alice");
    let later = alice.sbatch(["-p", "later", "--wrap=true"]);
    world.wait_job(later, "COMPLETED");
}

#[test]
fn a_slurm_conf_that_is_wrong_does_not_replace_the_one_in_force() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start();
    world.edit_conf("KillWait=2\n", "KillWait=2\nNoSuchKey=1\n");
    let outcome = world.shell().run(["scontrol", "reconfigure"]);
    assert_ne!(outcome.code, 0, "{outcome}");
    world.edit_conf("NoSuchKey=1\n", "");
    let id = world.user("alice").sbatch(["--wrap=true"]);
    world.wait_job(id, "COMPLETED");
}

#[test]
fn a_node_can_be_created_and_deleted_while_the_cluster_runs() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").conf("MaxNodeCount=8").start();
    let root = world.shell();
    world.add_node("x1", Release::chosen(), NodeKind::Dynamic);
    root.ok(["scontrol", "create", "nodename=x1", "cpus=2", "realmemory=500", "state=cloud"]);
    let shown = root.ok(["scontrol", "-o", "show", "node", "x1"]);
    assert!(shown.contains("CPUTot=2 ") && shown.contains("DYNAMIC_NORM"), "{shown}");
    root.ok(["scontrol", "delete", "nodename=x1"]);
    assert_eq!(
        root.run(["scontrol", "show", "node", "x1"]).to_string(),
        "Node x1 not found\n[exit 1]\n"
    );
    let refused = "scontrol: error: failed to delete nodes n1\ndelete_node nodename=n1: Invalid node state specified\n";
    let running = world.user("alice").sbatch(["--wrap=sleep 30"]);
    world.wait_job(running, "RUNNING");
    assert_eq!(root.fails(["scontrol", "delete", "nodename=n1"]), refused);
}

#[test]
fn shutdown_ends_the_controller_and_ping_says_so() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start();
    world.shell().ok(["scontrol", "shutdown", "slurmctld"]);
    world.until("the controller has gone", 30, || (!world.controller_runs()).then_some(()));
    let outcome = world.shell().run(["scontrol", "ping"]);
    assert_eq!(outcome.code, 1, "{outcome}");
    assert!(outcome.stdout.starts_with("Slurmctld(primary) at ctl is DOWN\n"), "{outcome}");
    world.start_controller();
    world.wait_node("n1", "idle");
}
