//! A stock `sbatch` runs on a stock `slurmd` through ctld: sets everything up, shows each step, ends with the job's output.

// What it prints is what it is for.
#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use conformance::{Release, World};

/// The job of the demonstration.
const SCRIPT: &str = r#"#!/bin/bash
#SBATCH -J single
#SBATCH -o single.%j.out
#SBATCH -e single.%j.err
echo "This is job ${SLURM_JOB_NAME} [${SLURM_JOB_ID}] running on ${SLURMD_NODENAME}, submitted from ${SLURM_SUBMIT_HOST}" && sleep 5 && echo "Job complete"
"#;

/// How long the job may take, seconds; it sleeps for five.
const LIMIT_S: u64 = 60;

fn main() -> ExitCode {
    let Some(builder) = World::builder() else { return ExitCode::FAILURE };
    step("Starting the controller and two slurmds in namespaces of their own");
    let world = builder.node("n1").node("n2").start();
    println!(
        "   controller: {}; slurmds and clients: stock {}",
        world.subject(),
        Release::chosen()
    );

    let alice = world.user("alice");
    world.write("ctl", "/home/alice/single.sh", SCRIPT, "alice");
    step("The cluster");
    show(&world, &["sinfo"]);
    step("The job script");
    show(&world, &["cat", "single.sh"]);
    step("Submitting it as user alice");
    let printed = show(&world, &["sbatch", "single.sh"]);
    let Some(job) = printed.trim().strip_prefix("Submitted batch job ") else {
        println!("sbatch did not say which job it submitted");
        return ExitCode::FAILURE;
    };

    step("Waiting until it runs");
    world.until("the job runs", LIMIT_S, || {
        let state = alice.run(["squeue", "-h", "-j", job, "-o", "%T"]).stdout;
        (state.trim() == "RUNNING").then_some(())
    });
    show(&world, &["squeue"]);
    show(&world, &["sinfo"]);
    show(&world, &["scontrol", "show", "job", job]);

    step("Waiting until it has ended");
    world.until("the job has ended", LIMIT_S, || {
        let text = alice.run(["scontrol", "show", "job", job]).stdout;
        text.contains("JobState=COMPLETED").then_some(())
    });
    show(&world, &["scontrol", "show", "job", job]);

    step("Its output");
    let output = show(&world, &["cat", &format!("single.{job}.out")]);
    let errors = world.read("ctl", &format!("/home/alice/single.{job}.err"));
    if is_right(&output, job) && errors.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("That is not what the job should have printed. {errors}");
    ExitCode::FAILURE
}

/// Whether the job printed its two lines, on one of the two nodes.
fn is_right(output: &str, job: &str) -> bool {
    ["n1", "n2"].iter().any(|node| {
        output
            == format!(
                "This is job single [{job}] running on {node}, submitted from ctl\nJob complete\n"
            )
    })
}

fn step(text: &str) {
    println!("\n== {text}");
}

/// Runs a command as alice and prints it as a terminal would show it.
fn show(world: &World, args: &[&str]) -> String {
    println!("$ {}", args.join(" "));
    let outcome = world.user("alice").run(args);
    print!("{outcome}");
    outcome.stdout
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_without_its_last_line_is_wrong() {
        let first = "This is job single [7] running on n2, submitted from ctl\n";
        assert!(is_right(&format!("{first}Job complete\n"), "7"));
        assert!(!is_right(first, "7"));
        assert!(!is_right(&format!("{first}Job complete\n"), "8"));
    }
}
