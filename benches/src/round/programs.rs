//! The stock programs themselves: that our clients' figures are not of something else.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;

use super::{Figures, Ground, RoundError, io_error};

/// Each program runs this often, and the median counts.
const TIMES: usize = 5;

/// c, once more: how long a person waits at the prompt, with the programs that they use. `squeue` must print each waiting job.
pub(super) async fn measure(
    ground: &Ground,
    job: u32,
    figures: &Figures,
) -> Result<(), RoundError> {
    let job = job.to_string();
    let commands: [(&'static str, &[&str]); 5] = [
        ("squeue", &["-h"]),
        ("scontrol", &["show", "job", &job]),
        ("sinfo", &[]),
        ("sbatch", &["-p", "wait", "-o", "/dev/null", "--wrap", "true"]),
        // Two tasks on each of two hollow nodes: an allocation, a step, its end.
        ("srun", &["-N2", "-n4", "--mpi=none", "true"]),
    ];
    for (program, flags) in commands {
        let mut times = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            let begin = Instant::now();
            let lines = run(ground, program, flags).await?;
            times.push(begin.elapsed());
            let jobs = usize::try_from(ground.plan.size.waiting).unwrap_or(usize::MAX);
            if program == "squeue" && lines < jobs {
                return Err(RoundError::Unlisted { missing: jobs - lines, jobs });
            }
        }
        times.sort_unstable();
        let median: Duration = times[TIMES / 2];
        let what = format!("stock program {program}, whole run");
        figures.cost("c", what, "ms", median.as_secs_f64() * 1000.0);
    }
    Ok(())
}

/// Runs a program to its end and counts the lines that it prints.
async fn run(ground: &Ground, program: &'static str, flags: &[&str]) -> Result<usize, RoundError> {
    let output = Command::new("chroot")
        .arg(ground.plan.folder.join("tmp/clients"))
        .arg(program)
        .args(flags)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(io_error(format!("running {program}")))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(RoundError::Program { program, words });
    }
    Ok(output.stdout.split(|byte| *byte == b'\n').count() - 1)
}
