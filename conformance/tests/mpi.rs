//! Parallel programs over several nodes, each with an address of its own: OpenMPI over PMIx, and PMI-2.

use conformance::config::NodeKind;
use conformance::{Release, World};

/// Says who and where it is, and adds up all ranks over the network.
const HELLO: &str = include_str!("mpi/hello.c");

/// The same over PMI-2 alone: each rank puts its address where all others read it.
const HELLO_PMI2: &str = include_str!("mpi/hello_pmi2.c");

/// The lines of a text, in order.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// Compiles a program of the shared home.
#[track_caller]
fn compile(world: &World, name: &str, source: &str, command: &[&str]) {
    world.write("ctl", &format!("/home/alice/{name}.c"), source, "alice");
    let mut args: Vec<&str> = command.to_vec();
    let file = format!("{name}.c");
    args.splice(1..1, ["-o", name, &file]);
    world.user("alice").release(Release::R24_11).ok(args);
}

/// The address of a node, as its own machine has it.
fn address(world: &World, node: &str) -> String {
    let shown = world.on(node).ok(["hostname", "-I"]);
    shown.trim().to_owned()
}

#[test]
fn an_mpi_job_of_four_nodes_runs_over_pmix_and_pmi2() {
    let Some(builder) = World::builder() else { return };
    let world = builder
        .with_mpi()
        .stock_of(Release::R24_11)
        .release(Release::R24_11)
        .node("n1")
        .node("n2")
        .node("n3")
        .node("n4")
        .conf("MpiDefault=pmix")
        .start();
    compile(&world, "hello", HELLO, &["mpicc"]);
    compile(&world, "hello_pmi2", HELLO_PMI2, &["gcc", "-l:libpmi2.a"]);
    let script = "#!/bin/bash\n#SBATCH --exclusive --nodes=4 --ntasks-per-node=1\n\
        srun $HOME/hello\nsrun --mpi=pmi2 $HOME/hello_pmi2\necho end\n";
    world.write("ctl", "/home/alice/mpi.sh", script, "alice");
    let id = world.user("alice").sbatch(["-o", "mpi.out", "mpi.sh"]);
    let printed = world.wait_text("/home/alice/mpi.out", "end\n");
    let mut wanted = vec!["end".to_owned()];
    for (rank, node) in ["n1", "n2", "n3", "n4"].iter().enumerate() {
        let address = address(&world, node);
        wanted.push(format!("mpi: rank {rank} of 4 on {node} at {address}, sum 10"));
        wanted.push(format!("pmi2: rank {rank} of 4 on {node} at {address}, 4 addresses"));
    }
    wanted.sort();
    // A step that follows another one closely may find its CPUs still taken, and says so.
    let lines: Vec<&str> =
        sorted(&printed).into_iter().filter(|line| !line.starts_with("srun: ")).collect();
    assert_eq!(lines, wanted, "{printed}");
    world.wait_job(id, "COMPLETED");
}

/// Debian's build of 26.05 has no PMIx plugin, and PMI-2.
#[test]
fn pmi2_joins_slurmds_of_two_releases() {
    let Some(builder) = World::builder() else { return };
    let world = builder
        .with_mpi()
        .stock_of(Release::R26_05)
        .release(Release::R24_11)
        .node_of("n1", Release::R24_11, NodeKind::Listed)
        .node_of("n2", Release::R26_05, NodeKind::Listed)
        .conf("MpiDefault=pmi2")
        .start();
    compile(&world, "hello_pmi2", HELLO_PMI2, &["gcc", "-l:libpmi2.a"]);
    let alice = world.user("alice").release(Release::R24_11);
    let printed = alice.ok(["srun", "-N2", "-n2", "./hello_pmi2"]);
    let line = |rank: u32, node: &str| {
        let address = address(&world, node);
        format!("pmi2: rank {rank} of 2 on {node} at {address}, 2 addresses")
    };
    assert_eq!(sorted(&printed), [line(0, "n1"), line(1, "n2")]);
}
