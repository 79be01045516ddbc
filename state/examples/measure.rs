//! What the embedded store does on the disk under a directory:
//! `cargo run --release -p state --example measure -- DIR`.
//!
//! Commits a second with 1, 10 and 100 new jobs (each with a script of 1.5 KB)
//! in a commit; then, with 100,000 jobs, bytes on disk, time to open and load, and memory.

#![allow(clippy::print_stdout, reason = "numbers for people")]

use std::env;
use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{
    Carried, Change, Cluster, Counters, Gid, Hold, Job, JobId, JobSpec, Phase, Script, TextOption,
    Timestamp, Uid, WaitReason,
};
use state::{Embedded, Store};

const JOBS: u32 = 100_000;
const TIME: Duration = Duration::from_secs(3);

fn main() -> Result<(), Box<dyn Error>> {
    let dir = env::args_os().nth(1).ok_or("a directory is needed")?;
    let dir = Path::new(&dir).join("measure");
    for batch in [1, 10, 100] {
        let store = Embedded::open(&dir)?;
        let (began, mut next, mut commits) = (Instant::now(), 1, 0_u32);
        while began.elapsed() < TIME {
            store.commit(&submissions(next..next + batch))?;
            next += batch;
            commits += 1;
        }
        let rate = f64::from(commits) / began.elapsed().as_secs_f64();
        println!("batch {batch}: {rate:.0} commits/s, {:.0} jobs/s", rate * f64::from(batch));
        drop(store);
        fs::remove_dir_all(&dir)?;
    }
    let store = Embedded::open(&dir)?;
    let began = Instant::now();
    for first in (0..JOBS).step_by(100) {
        store.commit(&submissions(first..first + 100))?;
    }
    println!("{JOBS} jobs written in {:.1?}, peak {}", began.elapsed(), memory("VmHWM:")?);
    drop(store);
    let began = Instant::now();
    let store = Embedded::open(&dir)?;
    let opened = began.elapsed();
    let mut cluster = Cluster::default();
    let report = store.load(&mut |change| cluster.apply(&change))?;
    let loaded = began.elapsed() - opened;
    println!("opened in {opened:.1?}, {} jobs loaded into a cluster in {loaded:.1?}", report.jobs);
    println!("{} bytes a job on disk with its script", size(&dir)? / u64::from(JOBS));
    println!("memory {}, peak {}", memory("VmRSS:")?, memory("VmHWM:")?);
    fs::remove_dir_all(&dir)?;
    Ok(())
}

fn size(path: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        sum += if path.is_dir() { size(&path)? } else { allocated(&path)? };
    }
    Ok(sum)
}

/// Without the room that a journal sets aside.
fn allocated(path: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;

    Ok(fs::metadata(path)?.blocks() * 512)
}

fn memory(line: &str) -> Result<String, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let found = status.lines().find_map(|text| text.strip_prefix(line));
    Ok(found.ok_or("no such line")?.trim().to_owned())
}

fn submissions(jobs: std::ops::Range<u32>) -> Vec<Change> {
    let next_job = jobs.end;
    let counters = Counters {
        next_job,
        next_priority: u32::MAX - next_job,
        last_trigger: 0,
        last_reservation: 0,
    };
    let submission = |id| [Change::Job(Arc::new(job(id))), script(id)];
    jobs.flat_map(submission).chain([Change::Counters(counters)]).collect()
}

fn script(id: u32) -> Change {
    let script = Script {
        script: format!("#!/bin/sh\nsrun ./simulate --case {id}\n"),
        environment: (0..40).map(|n| format!("VARIABLE_{n}=/opt/site/{n}/{id}/lib")).collect(),
        arguments: vec!["job.sh".into()],
        spank_environment: Vec::new(),
    };
    Change::Script(JobId(id), Arc::new(script))
}

fn job(id: u32) -> Job {
    let mut carried = Carried::default();
    carried.set_text(TextOption::Account, Some("physics".into()));
    carried.set_text(TextOption::WorkDir, Some(format!("/home/user{}/run{id}", id % 500).into()));
    carried.set_text(TextOption::StdOut, Some(format!("/home/user/run{id}/out.%j").into()));
    carried.set_text(TextOption::SubmitLine, Some("sbatch -n 1 -t 60 job.sh".into()));
    let spec = JobSpec {
        name: format!("case{id}").into(),
        partitions: vec!["main".into()],
        min_nodes: 1,
        min_cpus: 1,
        tasks: Some(1),
        time_limit_min: Some(60),
        carried,
        ..JobSpec::default()
    };
    Job {
        id: JobId(id),
        array: None,
        het: None,
        owner: Uid(1000 + id % 500),
        group: Gid(100),
        spec: Arc::new(spec),
        partition: "main".into(),
        phase: Phase::Pending,
        prologs: None,
        hold: Hold::None,
        wait: WaitReason::Priority,
        state_text: None,
        priority: u32::MAX - id,
        allocation: None,
        outcome: None,
        submitted: Timestamp(1_700_000_000),
        eligible: Some(Timestamp(1_700_000_000)),
        begin: None,
        started: None,
        ended: None,
        suspended: None,
        ran_before_suspend_s: 0,
        last_evaluated: None,
        restarts: 0,
        time_limit_min: Some(60),
        failed_node: None,
        next_step: 0,
        next_step_node: 0,
        batch: true,
        protocol: 0x2a00,
        warned: false,
        derived_status: 0,
        client_listens: false,
        launch_failures: 0,
        stopped: false,
        mailed_percent: 0,
        preempted: None,
        cron: None,
        expected_nodes: None,
    }
}
