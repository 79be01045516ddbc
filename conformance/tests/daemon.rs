//! The controller as a program in slurmctld's place: its flags, its signals, its files.

use conformance::World;

#[test]
fn a_detached_controller_writes_its_pid_and_runs_as_slurm_user() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").detached().start();
    let pid = world.read("ctl", "/run/slurmctld/slurmctld.pid");
    assert!(pid.trim().parse::<u32>().is_ok() && pid.ends_with('\n'), "{pid:?}");
    assert_eq!(world.controller_user().as_deref(), Some("slurm"));
    let id = world.user("alice").sbatch(["--wrap=true"]);
    world.wait_job(id, "COMPLETED");
    world.stop_controller();
    world.start_controller();
    assert_eq!(world.job_field(id, "JobState"), "COMPLETED");
}

#[test]
fn a_controller_in_the_foreground_writes_its_pid_too() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start_bare();
    let pid = world.read("ctl", "/run/slurmctld/slurmctld.pid");
    let told = world.read("ctl", "/run/controller.started");
    assert_eq!(pid, told);
    assert_eq!(world.controller_user().as_deref(), Some("slurm"));
}

#[test]
fn the_log_is_where_slurm_conf_says_and_is_opened_again_on_sigusr2() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start();
    assert!(!world.read("ctl", "/var/log/slurm/slurmctld.log").is_empty());
    world.shell().ok(["mv", "/var/log/slurm/slurmctld.log", "/var/log/slurm/old.log"]);
    world.signal_controller("USR2");
    world.until("there is a new log", 20, || {
        // A submission is worth a line at this level.
        world.user("alice").sbatch(["--hold", "--wrap=true"]);
        (!world.read("ctl", "/var/log/slurm/slurmctld.log").is_empty()).then_some(())
    });
}

#[test]
fn sighup_reads_slurm_conf_again() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start();
    world.edit_conf(
        "PartitionName=short ",
        "PartitionName=later Nodes=n1 State=UP\nPartitionName=short ",
    );
    world.signal_controller("HUP");
    world.until("sinfo lists the new partition", 30, || {
        let listed = world.shell().run(["sinfo", "-h", "-p", "later", "-o", "%P %N"]);
        (listed.stdout == "later n1\n").then_some(())
    });
}

#[test]
fn a_start_with_c_forgets_all_jobs() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start();
    world.user("alice").sbatch(["--hold", "--wrap=true"]);
    world.stop_controller();
    world.start_controller_with(&["-c"]);
    assert_eq!(world.shell().ok(["squeue", "-h", "-t", "all"]), "");
    // Forgotten jobs keep their ids to themselves.
    assert_eq!(world.user("alice").sbatch(["--hold", "--wrap=true"]), 2);
}

#[test]
fn the_program_says_its_version_and_ends() {
    let Some(builder) = World::builder() else { return };
    let world = builder.make().unwrap();
    let said = world.run_controller(&["-V"]);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stdout.lines().count() == 1 && said.stdout.contains('.'), "{said}");
}

#[test]
fn a_key_that_slurm_conf_does_not_have_is_named() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").conf("NoSuchKey=1").make().unwrap();
    let said = world.run_controller(&["-D"]);
    assert_eq!(said.code, 1, "{said}");
    assert!(said.stderr.contains("Parsing error at unrecognized key: NoSuchKey"), "{said}");
    // Ours says where, too.
    if world.subject().is_ours() {
        let conf = world.read("ctl", "/etc/slurm/slurm.conf");
        let line = 1 + conf.lines().position(|line| line == "NoSuchKey=1").unwrap();
        let place = said.stderr.contains("slurm.conf") && said.stderr.contains(&line.to_string());
        assert!(place, "line {line} of slurm.conf in\n{said}");
    }
}

#[test]
fn an_unknown_flag_is_refused() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").make().unwrap();
    let said = world.run_controller(&["--no-such-flag"]);
    assert_ne!(said.code, 0, "{said}");
    assert_ne!(said.code, 124, "{said}");
}
