//! The same commands on the stock controller and on ours print the same.

// What stock says is worth reading when an expectation is written.
#![allow(clippy::print_stdout)]

use std::env;
use std::thread;

use conformance::transcript::{self, Allowance, Entry};
use conformance::{Builder, Release, Subject, World};

/// Runs one transcript on the stock controller and on the chosen one, in worlds that are alike.
#[track_caller]
fn same_on_both(text: &str) {
    let Some(builder) = World::builder() else { return };
    same_in(builder.node("n1").node("n2").conf("RebootProgram=/bin/true"), text);
}

/// As [`same_on_both`], in worlds of another making.
#[track_caller]
fn same_in(plain: Builder, text: &str) {
    same_of(Release::chosen(), plain, text);
}

/// As [`same_in`], beside stock of a release.
#[track_caller]
fn same_of(release: Release, plain: Builder, text: &str) {
    same_as_started(release, plain, text, Builder::start);
}

/// As [`same_of`], where not all nodes come into service.
#[track_caller]
fn same_as_started(release: Release, plain: Builder, text: &str, start: impl Fn(Builder) -> World) {
    let plain = plain.release(release).stock_of(release);
    let chosen = start(plain.clone());
    let stock = start(plain.subject(Subject::Stock(release)));
    let (expected, found) = thread::scope(|scope| {
        let expected = scope.spawn(|| transcript::run(&stock, text));
        let found = transcript::run(&chosen, text);
        (expected.join().expect("a transcript only panics on a line it cannot read"), found)
    });
    show(&expected);
    let mut allowances = Allowance::parse_all(include_str!("transcript.allow"));
    let series = release.series();
    allowances.retain(|one| one.releases.is_empty() || one.releases.contains(&series));
    let differences = transcript::compare(&expected, &found);
    let (left, stale) = transcript::allow(differences, &expected, &allowances);
    if !left.is_empty() {
        let lines: Vec<String> = left.iter().map(ToString::to_string).collect();
        let count = lines.len();
        let all = expected.len();
        panic!(
            "{count} of {all} commands differ (- stock, + {}):\n{}",
            chosen.subject(),
            lines.concat()
        );
    }
    // Between two stock controllers no allowance has anything to accept.
    if chosen.subject().is_ours() {
        assert!(stale.is_empty(), "allowances that accept nothing any more: {stale:#?}");
    }
}

/// `CONFORMANCE_SHOW=1` prints what stock says, to write expectations from.
fn show(entries: &[Entry]) {
    if env::var_os("CONFORMANCE_SHOW").is_some() {
        for Entry { command, printed } in entries {
            println!("$ {command}\n{printed}");
        }
    }
}

#[test]
fn a_cluster_at_rest_looks_the_same() {
    same_on_both(include_str!("transcript/cluster.cmd"));
}

#[test]
fn waiting_jobs_look_the_same_through_their_changes() {
    same_on_both(include_str!("transcript/jobs.cmd"));
}

#[test]
fn jobs_look_the_same_in_every_view() {
    same_on_both(include_str!("transcript/views.cmd"));
}

#[test]
fn what_sbatch_asks_for_is_taken_alike() {
    let Some(builder) = World::builder() else { return };
    let builder = builder.conf("Licenses=lic:5,other:5").node("n1").node("n2");
    same_in(builder, include_str!("transcript/submit.cmd"));
}

#[test]
fn refusals_have_the_same_words() {
    same_on_both(include_str!("transcript/refused.cmd"));
}

/// Beside 25.05 or newer: 24.11 refuses what has more nodes or CPUs than there are, and its elders have other
/// words for much of the rest.
#[test]
fn what_its_partition_does_not_give_is_waited_for() {
    let release = match Release::chosen().series().as_str() {
        series if series < "25.05" => Release::R26_05,
        _ => Release::chosen(),
    };
    let Some(builder) = World::builder().map(|builder| builder.release(release)) else {
        return;
    };
    let builder = builder
        .node("n1")
        .node("n2")
        .conf("PartitionName=big Nodes=n[1-2] MaxNodes=1 MaxTime=60 MaxMemPerNode=300")
        .conf("PartitionName=one Nodes=n1")
        .conf("PartitionName=two Nodes=n[1-2] MinNodes=2")
        .conf("PartitionName=cpn Nodes=n[1-2] MaxCPUsPerNode=2");
    same_of(release, builder, include_str!("transcript/limits.cmd"));
}

#[test]
fn what_an_administrator_changes_looks_the_same() {
    same_on_both(include_str!("transcript/admin.cmd"));
}

#[test]
fn what_becomes_of_nodes_looks_the_same() {
    same_on_both(include_str!("transcript/nodes.cmd"));
}

#[test]
fn what_is_done_to_running_jobs_looks_the_same() {
    same_on_both(include_str!("transcript/running.cmd"));
}

#[test]
fn the_tasks_of_steps_stand_where_stock_puts_them() {
    let Some(builder) = World::builder() else { return };
    let builder = ["n1", "n2", "n3"].into_iter().fold(builder, |builder, node| builder.node(node));
    let builder = builder
        .conf("NodeName=n1 CPUs=4 RealMemory=2000 Feature=amd")
        .conf("NodeName=n2 Sockets=2 CoresPerSocket=2 ThreadsPerCore=2 RealMemory=2000 Feature=big")
        .conf("NodeName=n3 CPUs=2 RealMemory=2000");
    let common = include_str!("transcript/layout.cmd");
    let older = match Release::chosen().series().as_str() {
        "24.11" => include_str!("transcript/layout-24.11.cmd"),
        _ => "",
    };
    let last = include_str!("transcript/batch-host.cmd");
    same_in(builder, &[common, older, last].concat());
}

#[test]
fn steps_look_the_same_in_every_view() {
    let Some(builder) = World::builder() else { return };
    let gres = "NodeName=n1 Name=tape Count=2\nNodeName=n2 Name=tape Count=2\nNodeName=n1 Name=lic Count=3\n";
    let builder = builder
        .node("n1")
        .node("n2")
        .conf("MpiParams=ports=12000-12010")
        .conf("GresTypes=tape,lic")
        .conf("NodeName=n1 CPUs=4 RealMemory=2000 Gres=tape:2,lic:3")
        .conf("NodeName=n2 CPUs=4 RealMemory=2000 Gres=tape:2")
        .file("gres.conf", gres);
    same_in(builder, include_str!("transcript/steps.cmd"));
}

#[test]
fn devices_are_bound_as_stock_binds_them() {
    let Some(builder) = World::builder() else { return };
    // slurmd wants files that are there; nothing opens them.
    let gres = "NodeName=n1 Name=gpu File=/dev/tty[0-3]
NodeName=n2 Name=gpu Type=a File=/dev/tty[10-11] Cores=0-1
NodeName=n2 Name=gpu Type=b File=/dev/tty[12-13] Cores=2-3
";
    let builder = builder
        .node("n1")
        .node("n2")
        .conf("GresTypes=gpu")
        .conf("PartitionName=gpus Nodes=n1 DefCpuPerGPU=2 DefMemPerGPU=50")
        .conf("NodeName=n1 CPUs=4 RealMemory=2000 Gres=gpu:4")
        .conf("NodeName=n2 Sockets=2 CoresPerSocket=2 RealMemory=2000 Gres=gpu:a:2,gpu:b:2")
        .file("gres.conf", gres);
    let enforced = include_str!("transcript/gres-bound.cmd");
    same_in(builder, &[include_str!("transcript/gres.cmd"), enforced].concat());
}

#[test]
fn devices_are_shared_as_stock_shares_them() {
    // It waits for reasons, which waiting jobs of older releases do not have.
    if Release::chosen().series().as_str() < "24.11" {
        return;
    }
    let Some(builder) = World::builder() else { return };
    let gres = "NodeName=n1 Name=gpu File=/dev/tty[0-1]
NodeName=n1 Name=shard Count=20
NodeName=n2 Name=gpu Type=a File=/dev/tty10 Cores=0-1
NodeName=n2 Name=gpu Type=b File=/dev/tty11 Cores=2-3
NodeName=n2 Name=mps Count=200
";
    let builder = builder
        .node("n1")
        .node("n2")
        .conf("GresTypes=gpu,mps,shard")
        .conf("NodeName=n1 CPUs=4 RealMemory=2000 Gres=gpu:2,shard:20")
        .conf("NodeName=n2 Sockets=2 CoresPerSocket=2 RealMemory=2000 Gres=gpu:a:1,gpu:b:1,mps:200")
        .file("gres.conf", gres);
    same_in(builder, include_str!("transcript/shard.cmd"));
}

#[test]
fn what_is_not_consumed_is_everybodys() {
    let Some(builder) = World::builder() else { return };
    let builder = builder
        .node("n1")
        .conf("GresTypes=r1,r2")
        .conf("NodeName=n1 CPUs=4 RealMemory=2000 Gres=r1:no_consume:2,r2:2")
        .file("gres.conf", "NodeName=n1 Name=r1 Count=2\nNodeName=n1 Name=r2 Count=2\n");
    same_in(builder, include_str!("transcript/noconsume.cmd"));
}

#[test]
fn the_rest_api_answers_the_same() {
    let Some(builder) = World::builder() else { return };
    let plain = builder
        .node("n1")
        .node("n2")
        .conf("AuthAltTypes=auth/jwt")
        .conf("AuthAltParameters=jwt_key=/etc/slurm/slurm.key")
        .conf("Licenses=matlab:4")
        .file("rest", include_str!("transcript/rest.sh"));
    same_in(plain, include_str!("transcript/rest.cmd"));
}

#[test]
fn jobs_that_ended_are_written_down_the_same() {
    let Some(builder) = World::builder() else { return };
    let plain = builder
        .node("n1")
        .node("n2")
        .conf("JobCompType=jobcomp/filetxt")
        .conf("JobCompLoc=/var/log/slurm/jobcomp.log")
        .conf("Licenses=matlab:4");
    same_in(plain, include_str!("transcript/completion.cmd"));
}

#[test]
fn reservations_look_the_same() {
    same_on_both(include_str!("transcript/reservations.cmd"));
}

#[test]
fn jobs_are_pushed_aside_as_on_stock() {
    let Some(builder) = World::builder() else { return };
    let builder = builder
        .node("n1")
        .node("n2")
        .conf("PreemptType=preempt/partition_prio")
        .conf("PreemptMode=CANCEL")
        .conf("PartitionName=back Nodes=n[1-2] PreemptMode=REQUEUE")
        .conf("PartitionName=kind Nodes=n[1-2] GraceTime=4")
        .conf("PartitionName=safe Nodes=n[1-2] PreemptMode=OFF")
        .conf("PartitionName=high Nodes=n[1-2] PriorityTier=10");
    same_in(builder, include_str!("transcript/preempt.cmd"));
}

#[test]
fn priorities_are_made_as_on_stock() {
    let Some(builder) = World::builder() else { return };
    let builder = builder
        .node("n1")
        .node("n2")
        .conf("PriorityType=priority/multifactor")
        .conf("PriorityWeightAge=1000")
        .conf("PriorityWeightFairshare=500")
        .conf("PriorityWeightJobSize=1000")
        .conf("PriorityWeightPartition=2000")
        .conf("PriorityWeightQOS=100")
        .conf("PriorityWeightAssoc=100")
        .conf("PriorityWeightTRES=CPU=1000,Mem=4000")
        .conf("PriorityCalcPeriod=1")
        .conf("PartitionName=fast Nodes=n[1-2] PriorityJobFactor=10")
        .conf("PartitionName=slow Nodes=n[1-2] PriorityJobFactor=0");
    same_in(builder, include_str!("transcript/priority.cmd"));
}

#[test]
fn priorities_are_made_as_on_stock_with_flags() {
    let Some(builder) = World::builder() else { return };
    let builder = builder
        .node("n1")
        .node("n2")
        .conf("PriorityType=priority/multifactor")
        .conf("PriorityWeightJobSize=1000")
        .conf("PriorityWeightPartition=20")
        .conf("PriorityWeightTRES=CPU=10,Mem=1G")
        .conf("PriorityFavorSmall=YES")
        .conf("PriorityFlags=NO_NORMAL_ALL,CALCULATE_RUNNING,ACCRUE_ALWAYS")
        .conf("PartitionName=fast Nodes=n[1-2] PriorityJobFactor=10");
    same_in(builder, include_str!("transcript/priority-flags.cmd"));
}

#[test]
fn nodes_are_shared_under_one_label() {
    // It asks for mcs/label, and waits for reasons: older releases have neither.
    if Release::chosen().series().as_str() < "24.11" {
        return;
    }
    let Some(builder) = World::builder() else { return };
    let builder = builder
        .node("n1")
        .node("n2")
        .conf("MCSPlugin=mcs/group")
        .conf("MCSParameters=ondemand,ondemandselect:staff|nogroupofthat|alice|bob|carol:more");
    let later = match Release::chosen().series().as_str() {
        "24.11" => "",
        _ => include_str!("transcript/mcs-update.cmd"),
    };
    same_in(builder, &[include_str!("transcript/mcs.cmd"), later].concat());
}

#[test]
fn devices_are_those_that_nodes_found() {
    let Some(builder) = World::builder() else { return };
    let gres = "NodeName=n1 Name=gpu Type=a File=/dev/tty[0-1]
NodeName=n1 Name=gpu Type=b File=/dev/tty[2-3]
NodeName=n2 Name=gpu File=/dev/tty4
NodeName=n3 Name=gpu Type=b File=/dev/tty5
NodeName=n4 Name=gpu Type=a File=/dev/tty6
NodeName=n4 Name=gpu Type=b File=/dev/tty[7-8]
NodeName=n5 Name=gpu File=/dev/tty[9-10]
";
    let nodes = ["n1", "n2", "n3", "n4", "n5"];
    let builder = nodes.into_iter().fold(builder, |builder, node| builder.node(node));
    let builder = builder
        .conf("GresTypes=gpu")
        .conf("NodeName=n1 CPUs=4 RealMemory=2000 Gres=gpu:4")
        .conf("NodeName=n2 CPUs=4 RealMemory=2000 Gres=gpu:2")
        .conf("NodeName=n3 CPUs=4 RealMemory=2000 Gres=gpu:a:1")
        .conf("NodeName=n4 CPUs=4 RealMemory=2000 Gres=gpu:a:2,gpu:b:1")
        .conf("NodeName=n5 CPUs=4 RealMemory=2000 Gres=gpu:1")
        .file("gres.conf", gres);
    let start = |builder: Builder| {
        let world = builder.start_bare();
        nodes.iter().for_each(|node| world.start_slurmd(node));
        for (node, state) in nodes.iter().zip(["idle", "inval", "inval", "inval", "idle"]) {
            world.wait_node(node, state);
        }
        world
    };
    same_as_started(Release::chosen(), builder, include_str!("transcript/gres-found.cmd"), start);
}
