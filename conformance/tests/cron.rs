//! Crontabs: `scrontab`, and the jobs of its lines.

use conformance::World;

const CRONTAB: &str = "# a crontab
#SCRON -t 5
#SCRON -J every --output=/home/alice/every.out --open-mode=append
* * * * * echo ran

30 8-10,12 * * 1-5 sleep 1
";

/// Numbers of somebody's jobs, ascending.
fn jobs(world: &World, user: &str) -> Vec<u32> {
    let listed = world.shell().ok(["squeue", "-h", "-o", "%i", "-u", user]);
    let mut jobs: Vec<u32> = listed.lines().map(|id| id.parse().expect("a number")).collect();
    jobs.sort_unstable();
    jobs
}

#[test]
fn the_lines_of_a_crontab_are_jobs_that_run_again() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").conf("ScronParameters=enable,explicit_scancel").start();
    let (alice, bob) = (world.user("alice"), world.user("bob"));
    alice.ok(["bash", "-c", &format!("cat <<'END' | scrontab -\n{CRONTAB}END")]);
    assert_eq!(alice.ok(["scrontab", "-l"]), CRONTAB);
    let [every, morning] = jobs(&world, "alice")[..] else { panic!("{:?}", jobs(&world, "alice")) };
    assert_eq!(world.job_field(every, "JobName"), "every");
    assert_eq!(world.job_field(every, "JobState"), "PENDING");
    assert_eq!(world.job_field(every, "Requeue"), "1");
    assert!(world.job_field(every, "StartTime").ends_with(":00"), "{}", world.job(every));
    let shown = world.job(morning);
    assert!(shown.contains("CronJob=Yes CrontabSpec=\"30 8-10,12 * * 1-5\""), "{shown}");

    let update = ["scontrol", "update", &format!("job={morning}"), "nice=3"];
    let refused = world.shell().fails(update);
    assert!(refused.contains("Cannot modify scrontab jobs through scontrol"), "{refused}");
    let refused = alice.run(["scancel", &morning.to_string()]).to_string();
    assert!(refused.contains("Cannot cancel scrontab jobs without --cron flag."), "{refused}");
    alice.ok(["scancel", "--cron", &morning.to_string()]);
    world.wait_job(morning, "CANCELLED");
    let listed = alice.ok(["scrontab", "-l"]);
    assert!(listed.contains("\n#DISABLED: 30 8-10,12 * * 1-5 sleep 1\n"), "{listed}");

    let bad = "#SCRON -p nowhere\n0 1 * * * true\n";
    let refused = bob.run(["bash", "-c", &format!("echo '{bad}' | scrontab -")]).to_string();
    assert!(refused.contains("job submission on lines 1-2"), "{refused}");
    assert!(refused.contains("Invalid partition name specified"), "{refused}");
    assert_eq!(jobs(&world, "bob"), []);
    let none = bob.run(["scrontab", "-l"]).to_string();
    assert!(none.contains("no crontab for bob"), "{none}");
    bob.ok(["bash", "-c", "echo '@daily true' | scrontab -"]);
    let [daily] = jobs(&world, "bob")[..] else { panic!("{:?}", jobs(&world, "bob")) };
    bob.ok(["scrontab", "-r"]);
    world.wait_job(daily, "CANCELLED");

    // Both outlive the controller.
    world.stop_controller();
    world.start_controller();
    assert!(alice.ok(["scrontab", "-l"]).contains("echo ran"));
    world.until("the line has run", 90, || {
        let text = world.read("ctl", "/home/alice/every.out");
        text.contains("ran\n").then_some(())
    });
    world.until("it waits for its next time", 30, || {
        let waits = world.job_field(every, "JobState") == "PENDING";
        (waits && world.job_field(every, "Restarts") == "1").then_some(())
    });
    assert!(world.job_field(every, "StartTime").ends_with(":00"), "{}", world.job(every));
}
