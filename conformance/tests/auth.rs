//! Who may do what, and what those who may not are told.

use conformance::{Release, World};

#[test]
fn a_wrong_key_gets_an_error_and_does_no_harm() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start();
    world.add_login("stranger", Release::chosen());
    let conf = world.read("ctl", "/etc/slurm/slurm.conf");
    world.write("stranger", "/etc/slurm/slurm.conf", &conf, "root");
    let key = "not the key of this cluster, but as long as a key should be at the least";
    world.write("stranger", "/etc/slurm/slurm.key", key, "slurm");
    world.on("stranger").run(["chmod", "600", "/etc/slurm/slurm.key"]);
    let told = world.on("stranger").fails(["sinfo"]);
    assert!(told.contains("slurm_load_partitions: Protocol authentication error"), "{told}");
    let told = world.on("stranger").fails(["sbatch", "--wrap=true"]);
    assert!(told.contains("Batch job submission failed: Protocol authentication error"), "{told}");
    assert_eq!(world.shell().ok(["squeue", "-h"]), "");
    let id = world.user("alice").sbatch(["--wrap=true"]);
    world.wait_job(id, "COMPLETED");
}

#[test]
fn nobody_touches_the_job_of_another() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start();
    let id = world.user("alice").sbatch(["--wrap=sleep 60"]);
    world.wait_job(id, "RUNNING");
    let before = world.job_field(id, "Priority");
    let job = id.to_string();
    let update = format!("jobid={job}");
    let denied =
        format!("scancel: error: Kill job error on job id {job}: Access/permission denied\n");
    let bob = world.user("bob");
    let cases: [(&[&str], String); 6] = [
        (&["scancel", &job], denied.clone()),
        (&["scancel", "--signal=USR1", &job], denied),
        (
            &["scontrol", "update", &update, "timelimit=5"],
            format!("Invalid user id for job {job}\n"),
        ),
        (
            &["scontrol", "hold", &job],
            format!("Invalid user id for job {job}\nslurm_suspend error: Invalid user id\n"),
        ),
        (&["scontrol", "requeue", &job], format!("Access/permission denied for job {job}\n")),
        (&["scontrol", "suspend", &job], format!("Access/permission denied for job {job}\n")),
    ];
    for (args, wanted) in cases {
        let outcome = bob.run(args);
        assert_ne!(outcome.code, 0, "{args:?}");
        // The newer release's scontrol has no blank after some `error:`.
        let told = (outcome.stdout + &outcome.stderr).replace("error:Invalid", "error: Invalid");
        assert_eq!(told, wanted, "{args:?}");
    }
    assert_eq!(world.job_field(id, "JobState"), "RUNNING");
    assert_eq!(world.job_field(id, "Priority"), before);
    // The owner, SlurmUser and root may.
    world.user("slurm").ok(["scontrol", "update", &update, "comment=ours"]);
    world.shell().ok(["scontrol", "update", &update, "timelimit=5"]);
    world.user("alice").ok(["scancel", &job]);
    world.wait_job(id, "CANCELLED");
}

#[test]
fn a_private_job_is_hidden_from_others() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").conf("PrivateData=jobs").start();
    let id = world.user("alice").sbatch(["--hold", "--wrap=true"]).to_string();
    assert_eq!(world.user("bob").ok(["squeue", "-h"]), "");
    assert_eq!(world.user("alice").ok(["squeue", "-h", "-o", "%i"]), format!("{id}\n"));
    assert_eq!(world.shell().ok(["squeue", "-h", "-o", "%i"]), format!("{id}\n"));
}

#[test]
fn people_on_the_controllers_machine_need_no_key_but_its_socket() {
    let Some(builder) = World::builder() else { return };
    // No slurmd runs: the socket must be there before the first one.
    let world = builder.node("n1").start_bare();
    let alice = world.user("alice");
    assert_eq!(alice.run(["cat", "/etc/slurm/slurm.key"]).code, 1);
    let socket = alice.ok(["stat", "-c", "%F %a", "/run/slurmctld/sack.socket"]);
    assert_eq!(socket, "socket 777\n");
    let id = alice.sbatch(["--hold", "--wrap=true"]);
    assert_eq!(world.job_field(id, "UserId"), "alice(2001)");

    world.shell().ok(["mv", "/run/slurmctld/sack.socket", "/run/slurmctld/elsewhere"]);
    let told = alice.fails(["squeue"]);
    assert!(told.contains("failed to connect to any sack sockets"), "{told}");
    world.shell().ok(["mv", "/run/slurmctld/elsewhere", "/run/slurmctld/sack.socket"]);
    alice.ok(["squeue"]);
}

#[test]
fn people_on_a_login_machine_are_vouched_for_by_sackd() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").conf("SlurmctldParameters=enable_configless").start();
    world.add_login("login", Release::chosen());
    world.start_sackd("login");
    let alice = world.on("login").user("alice");
    assert_eq!(alice.ok(["scontrol", "ping"]), "Slurmctld(primary) at ctl is UP\n");
    let id = alice.sbatch(["-o", "login.out", "--wrap=echo from $SLURM_SUBMIT_HOST"]);
    world.wait_job(id, "COMPLETED");
    assert_eq!(world.job_field(id, "UserId"), "alice(2001)");
    assert_eq!(world.read("ctl", "/home/alice/login.out"), "from login\n");
    let held = alice.sbatch(["--hold", "--wrap=true"]).to_string();
    let told = world.on("login").user("bob").fails(["scancel", &held]);
    assert_eq!(
        told,
        format!("scancel: error: Kill job error on job id {held}: Access/permission denied\n")
    );
}

#[test]
fn a_user_who_claims_to_be_another_is_refused() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start();
    let told = world.user("alice").fails(["sbatch", "--uid=bob", "--wrap=true"]);
    assert_eq!(told, "sbatch: error: --uid only permitted by root user\n");
    let id = world.shell().folder("/home/bob").sbatch(["--uid=bob", "--hold", "--wrap=true"]);
    assert_eq!(world.job_field(id, "UserId"), "bob(2002)");
}
