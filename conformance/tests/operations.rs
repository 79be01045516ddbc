//! What people and administrators do to running jobs and busy nodes beside ending them: files are
//! copied, jobs stopped and spoken to, nodes rebooted.

use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use conformance::World;

/// One world for all tests of this file. Each test uses nodes that no other one uses.
fn cluster() -> Option<&'static World> {
    static CLUSTER: OnceLock<Option<World>> = OnceLock::new();
    let make = || {
        let builder = World::builder()?;
        let nodes = ["n1", "n2", "n3", "n4", "n5"];
        let builder = nodes.into_iter().fold(builder, conformance::Builder::node);
        let reboot = "#!/bin/sh\necho rebooted >> /var/log/slurm/reboots\n";
        let builder = builder.file("reboot.sh", reboot);
        Some(builder.conf("RebootProgram=/etc/slurm/reboot.sh").conf("ResumeTimeout=20").start())
    };
    CLUSTER.get_or_init(make).as_ref()
}

/// One value of a line of `scontrol -o show`.
fn field(line: &str, key: &str) -> String {
    let value = |word: &str| Some(word.strip_prefix(key)?.strip_prefix('=')?.to_owned());
    line.split_whitespace().find_map(value).unwrap_or_default()
}

#[test]
fn files_are_copied_to_the_nodes_of_a_job() {
    let Some(world) = cluster() else { return };
    let script = "#!/bin/bash
echo payload > source
sbcast source /tmp/copied && srun -l --ntasks-per-node=1 cat /tmp/copied
sbcast source /tmp/copied
printf '#!/bin/sh\\necho $SLURMD_NODENAME $0\\n' > program; chmod +x program
srun --bcast=/tmp/program -N2 -n2 ./program | sort
srun -N1 -n1 -w n2 sh -c 'sbcast -f -j $SLURM_JOB_ID.$SLURM_STEP_ID source /tmp/step; cat /tmp/step'
sbcast -j 9999 source /tmp/x
";
    world.write("ctl", "/home/alice/copy.sh", &format!("{script}echo end\n"), "alice");
    world.user("alice").sbatch(["-N2", "-w", "n1,n2", "-o", "copy.out", "copy.sh"]);
    let printed = world.wait_text("/home/alice/copy.out", "end\n");
    let mut lines: Vec<&str> = printed.lines().collect();
    lines[..2].sort_unstable();
    let wanted =
        ["0: payload", "1: payload", "n1 /tmp/program", "n2 /tmp/program", "payload", "end"];
    let told = lines.iter().filter(|line| !line.starts_with("sbcast: error: "));
    let told: Vec<&&str> = told.collect();
    assert!(told.iter().zip(wanted).all(|(told, wanted)| **told == wanted), "{printed}");
    assert!(printed.contains("File exists"), "the second copy is refused:\n{printed}");
    assert!(printed.contains("Invalid job id specified"), "there is no such job:\n{printed}");
    assert_eq!(world.read("n2", "/tmp/step"), "payload\n");
    assert_eq!(world.read("n1", "/tmp/step"), "", "a file for a step stays on its nodes");
}

#[test]
fn a_suspended_job_gives_its_cores_to_others_and_goes_on() {
    let Some(world) = cluster() else { return };
    let root = world.shell();
    let script = "#!/bin/bash\nfor i in $(seq 20); do echo $i; sleep 0.2; done\n";
    world.write("ctl", "/home/alice/count.sh", script, "alice");
    let id = world.user("alice").sbatch(["-w", "n3", "-n4", "-o", "count.out", "count.sh"]);
    world.wait_text("/home/alice/count.out", "1\n");
    root.ok(["scontrol", "suspend", &id.to_string()]);
    assert_eq!(world.job_field(id, "JobState"), "SUSPENDED");
    world.wait_node("n3", "mix");
    let allocated = || {
        let shown = root.ok(["scontrol", "-o", "show", "node", "n3"]);
        let of = |key| field(&shown, key);
        (of("CPUAlloc"), of("AllocMem"))
    };
    assert_eq!(allocated(), ("0".to_owned(), "400".to_owned()), "it keeps its memory");
    let other = world.user("bob").sbatch(["-w", "n3", "-n4", "--wrap=true"]);
    world.wait_job(other, "COMPLETED");
    let counted = world.read("ctl", "/home/alice/count.out");
    assert!(!counted.contains("20\n"), "it stands still: {counted}");
    let told = root.fails(["scontrol", "resume", &other.to_string()]);
    let done = "Job/step already completing or completed";
    assert!(told.contains(done), "{told}");
    root.ok(["scontrol", "resume", &id.to_string()]);
    world.wait_text("/home/alice/count.out", "20\n");
    world.wait_job(id, "COMPLETED");
}

#[test]
fn a_text_reaches_whoever_looks_at_the_job() {
    let Some(world) = cluster() else { return };
    let alice = world.user("alice");
    let id = alice.sbatch(["-w", "n4", "-o", "told.out", "--wrap=sleep 30"]).to_string();
    world.wait_job(id.parse().expect("sbatch gives a number"), "RUNNING");
    // The script's step is spoken to: slurmd has to have started it.
    world.until("the text is in the output", 30, || {
        alice.run(["scontrol", "notify", &id, "to", "the", "script"]);
        let told = world.read("ctl", "/home/alice/told.out");
        told.contains("to the script").then_some(())
    });
    let denied = world.user("bob").fails(["scontrol", "notify", &id, "not", "yours"]);
    assert!(
        denied.contains("Access/permission denied") || denied.contains("Invalid user id"),
        "{denied}"
    );
    alice.ok(["scancel", &id]);
    let command = "scontrol notify $SLURM_JOB_ID to the shell; sleep 1";
    let outcome = alice.run(["salloc", "-w", "n4", "bash", "-c", command]);
    assert!(outcome.stderr.contains("to the shell"), "{outcome}");
}

#[test]
fn nodes_are_rebooted_when_they_are_free_and_given_up_when_they_stay_away() {
    let Some(world) = cluster() else { return };
    let root = world.shell();
    let shown = |key: &str| {
        let line = root.ok(["scontrol", "-o", "show", "node", "n5"]);
        field(&line, key)
    };
    let reboots = || world.read("n5", "/var/log/slurm/reboots").lines().count();
    let id = world.user("alice").sbatch(["-w", "n5", "--wrap=sleep 3"]);
    world.wait_job(id, "RUNNING");
    root.ok(["scontrol", "reboot", "ASAP", "nextstate=RESUME", "reason=kernel", "n5"]);
    assert_eq!(shown("State"), "MIXED+DRAIN+REBOOT_REQUESTED");
    let waiting = world.user("bob").sbatch(["-w", "n5", "--wrap=true"]);
    world.until("the node is told to boot", 60, || (reboots() == 1).then_some(()));
    assert_eq!(world.job_field(id, "JobState"), "COMPLETED");
    assert!(shown("State").contains("REBOOT_ISSUED"), "{}", shown("State"));
    assert_eq!(world.node_state("n5"), "boot^");
    // What it says before it has booted does not count.
    world.stop_slurmd("n5");
    world.start_slurmd("n5");
    thread::sleep(Duration::from_secs(2));
    assert_eq!(world.node_state("n5"), "boot^");
    world.stop_slurmd("n5");
    world.start_slurmd_with("n5", &["-b"]);
    world.wait_job(waiting, "COMPLETED");
    world.wait_node("n5", "idle");

    root.ok(["scontrol", "reboot", "n5"]);
    world.until("the idle node is told to boot", 60, || (reboots() == 2).then_some(()));
    world.wait_node_within("n5", "down", 90);
    assert!(shown("State").starts_with("DOWN"), "{}", shown("State"));
    let reason = root.ok(["sinfo", "-h", "-p", "main", "-N", "-n", "n5", "-o", "%E"]);
    assert!(reason.contains("reboot timed out"), "{reason}");
    root.ok(["scontrol", "update", "nodename=n5", "state=resume"]);
    world.wait_node("n5", "idle");
}

/// Nodes n1 and n2 stand for hosts of controllers that are down: nobody listens at their 6817.
fn controllers(hosts: [&str; 3]) -> Option<World> {
    let builder = World::builder()?.node("n1").node("n2").conf("SlurmctldTimeout=10");
    let add = |builder: conformance::Builder, host| builder.conf(&format!("SlurmctldHost={host}"));
    Some(hosts.into_iter().fold(builder, add).start())
}

/// What `scontrol ping` says of each controller.
fn up_and_down(world: &World) -> String {
    said_of_controllers(&world.shell())
}

/// The same on another machine: where the controller has ended, nobody gives tokens to its clients.
fn said_of_controllers(shell: &conformance::Shell<'_>) -> String {
    let told = shell.run(["scontrol", "ping"]).stdout;
    told.lines().filter(|line| !line.starts_with('*')).map(|line| line.to_owned() + "\n").collect()
}

#[test]
fn the_primary_among_several_controllers_is_found_and_is_told_from_the_others() {
    let Some(world) = controllers(["ctl", "n1", "n2"]) else { return };
    let root = world.shell();
    let ping = up_and_down(&world);
    let wanted = "Slurmctld(primary) at ctl is UP\nSlurmctld(backup1) at n1 is DOWN\n\
        Slurmctld(backup2) at n2 is DOWN\n";
    assert_eq!(ping, wanted);
    assert_eq!(root.ok(["scontrol", "show", "daemons"]), "slurmctld \n");
    let config = root.ok(["scontrol", "show", "config"]);
    for line in ["SlurmctldHost[0]        = ctl", "SlurmctldHost[1]        = n1"] {
        assert!(config.contains(line), "{config}");
    }
    let refused = root.fails(["scontrol", "takeover"]);
    assert!(refused.contains("Unable to contact slurm controller (connect failure)"), "{refused}");
    let id = world.user("alice").sbatch(["-N2", "--wrap=srun -N2 true"]);
    world.wait_job(id, "COMPLETED");
}

#[test]
fn clients_and_nodes_that_try_a_dead_controller_first_find_the_one_that_runs() {
    // A stock controller on a standby's host waits for its primary's state first.
    if !conformance::Subject::chosen().is_ours() {
        return;
    }
    let Some(world) = controllers(["n1", "ctl", "n2"]) else { return };
    let ping = up_and_down(&world);
    let wanted = "Slurmctld(primary) at n1 is DOWN\nSlurmctld(backup1) at ctl is UP\n\
        Slurmctld(backup2) at n2 is DOWN\n";
    assert_eq!(ping, wanted);
    let id = world.user("alice").sbatch(["-N2", "--wrap=srun -N2 true"]);
    world.wait_job(id, "COMPLETED");
    // It is in control already.
    world.shell().ok(["scontrol", "takeover", "1"]);
    assert!(world.controller_runs());
    // A stock primary comes back and asks for control; two at once would end each other's jobs.
    start_stock_controller(&world, "n1", "-c");
    world.until_ok(30, || {
        let told = world.read("n1", "/tmp/slurmctld.out");
        let has_control = told.contains("backup controller ctl has relinquished control");
        if has_control { Ok(()) } else { Err(told) }
    });
    world.until("the one that ran has ended", 30, || (!world.controller_runs()).then_some(()));
    let login = world.on("n2");
    wait_for_controllers(&login, ["UP", "DOWN", "DOWN"], &world);
    let host = login.limit_s(60).ok(["srun", "-w", "n2", "hostname"]);
    assert_eq!(host, "n2\n", "the nodes follow the one that has control");
}

#[test]
fn a_stock_standby_that_is_asked_to_takes_over_from_the_primary() {
    let Some(world) = controllers(["ctl", "n1", "n2"]) else { return };
    // It stands by as soon as it sees that there was a primary; its folder is its own here.
    let beat = "printf '\\0\\0\\0\\0\\001\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0' > $0/heartbeat; chown slurm $0/heartbeat";
    world.on("n1").ok(["sh", "-c", beat, "/var/spool/slurmctld"]);
    start_stock_controller(&world, "n1", "-v");
    let login = world.on("n2");
    wait_for_controllers(&login, ["UP", "UP", "DOWN"], &world);
    world.user("alice").ok(["srun", "-N2", "true"]);
    let refused = login.fails(["scontrol", "takeover", "3"]);
    assert!(refused.contains("invalid backup controller index (3)"), "{refused}");
    login.ok(["scontrol", "takeover"]);
    world.until("the primary has ended", 30, || (!world.controller_runs()).then_some(()));
    wait_for_controllers(&login, ["DOWN", "UP", "DOWN"], &world);
}

/// slurmctld of the machine's own release, which logs to a file there.
fn start_stock_controller(world: &World, machine: &str, flag: &str) {
    let start = "slurmctld -D $0 > /tmp/slurmctld.out 2>&1 &";
    world.on(machine).ok(["sh", "-c", start, flag]);
}

/// Waits until `scontrol ping` says this of the three controllers.
fn wait_for_controllers(login: &conformance::Shell<'_>, wanted: [&str; 3], world: &World) {
    world.until_ok(40, || {
        let said = said_of_controllers(login);
        let words: Vec<&str> =
            said.lines().filter_map(|line| line.split(' ').next_back()).collect();
        if words == wanted { Ok(()) } else { Err(said) }
    });
}
