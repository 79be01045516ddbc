//! Records of jobs that have ended (JobCompType of slurm.conf(5)): with `jobcomp/filetxt` a line for each, at
//! the end of JobCompLoc.
//!
//! The file is opened for each batch of lines, so that it can be moved away at any time. A controller that was killed
//! may have had jobs whose line was not written yet: the next one looks at the end of the file and writes
//! what is not there.

mod line;

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{Job, Phase, Timestamp};
use tokio::sync::mpsc;
use tracing::{error, info};

use self::line::Line;
use crate::config::SlurmConf;
use crate::rim::{Rim, now};
use crate::view::View;

/// Jobs whose lines wait to be written. More than these have ended within the time that a write takes only
/// if the disk is stuck.
const WAITING_MAX: usize = 1 << 16;
/// Lines that are written at a time.
const BATCH_MAX: usize = 1024;
/// How much of the end of the file a start looks at, bytes: lines of the last minutes.
const TAIL_BYTES: u64 = 8 << 20;
/// Where the lines go if JobCompLoc does not say.
const DEFAULT_PATH: &str = "/var/log/slurm_jobcomp.log";
/// The only kind of records there is.
const FILETXT: &str = "jobcomp/filetxt";

/// A job to be written down.
#[derive(Clone, Debug)]
pub struct Departure {
    /// The job as it was then.
    pub job: Arc<Job>,
    /// When.
    pub at: Timestamp,
    /// It goes on, on fewer nodes.
    pub resized: bool,
}

/// The way to who writes them down.
#[derive(Clone, Debug)]
pub struct Completions(mpsc::Sender<Departure>);

impl Completions {
    /// A way, and its end.
    pub fn new() -> (Self, mpsc::Receiver<Departure>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        (Self(sender), receiver)
    }

    /// Has a job written down, if jobs are.
    pub fn note(&self, rim: &Rim, job: Arc<Job>, resized: bool) {
        if path(&rim.published.view().conf).is_none() {
            return;
        }
        let departure = Departure { job, at: now(), resized };
        if let Err(mpsc::error::TrySendError::Full(lost)) = self.0.try_send(departure) {
            error!(job = lost.job.id.0, "too many jobs wait to be written down: this one is not");
        }
    }
}

/// The file, if there is to be one.
pub fn path(conf: &SlurmConf) -> Option<PathBuf> {
    let keys = &conf.keys;
    let wanted = keys.job_comp_type.as_deref().is_some_and(|kind| kind == FILETXT);
    wanted.then(|| keys.job_comp_loc.as_deref().unwrap_or(DEFAULT_PATH).into())
}

/// Opens the file at its end; makes it if it is not there, for everybody to read, as slurmctld does.
///
/// # Errors
///
/// What the system says.
pub fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).read(true).create(true).mode(0o644).open(path)
}

/// Writes down what comes, first what the controller before did not.
pub async fn write_down(rim: Arc<Rim>, mut departures: mpsc::Receiver<Departure>) {
    let view = rim.published.view();
    if let Some(path) = path(&view.conf) {
        append(&path, move |file| Ok(missing(&view, &tail(file)?))).await;
    }
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while departures.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let view = rim.published.view();
        let batch = std::mem::take(&mut batch);
        // It may have been taken out of slurm.conf meanwhile.
        let Some(path) = path(&view.conf) else { continue };
        let lines = move |_: &mut File| {
            Ok(batch.iter().map(|one| Line::of(&view, one).to_string()).collect::<Vec<_>>())
        };
        append(&path, lines).await;
    }
}

async fn append(
    path: &Path,
    lines: impl FnOnce(&mut File) -> io::Result<Vec<String>> + Send + 'static,
) {
    let file = path.to_owned();
    let write = move || {
        let mut file = open(&file)?;
        let lines = lines(&mut file)?;
        file.write_all(lines.concat().as_bytes())?;
        Ok::<usize, io::Error>(lines.len())
    };
    match tokio::task::spawn_blocking(write).await {
        Ok(Ok(count)) => tracing::debug!(path = %path.display(), jobs = count, "written down"),
        Ok(Err(cause)) => {
            error!(path = %path.display(), %cause, "JobCompLoc: jobs that have ended are not written down");
        }
        Err(_) => error!(path = %path.display(), "a task that wrote jobs down has panicked"),
    }
}

fn tail(file: &mut File) -> io::Result<String> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The lines that a file which ends like this lacks: of jobs that have ended since its last line.
fn missing(view: &View, tail: &str) -> Vec<String> {
    let known: BTreeSet<(&str, &str)> = tail.lines().filter_map(line::job_and_end).collect();
    let Some(last) = known.iter().map(|(_, end)| *end).max() else {
        return Vec::new();
    };
    let over = |job: &&Arc<Job>| match &job.phase {
        Phase::Ended => true,
        Phase::Completing(completing) => !completing.requeue,
        Phase::Pending | Phase::Running(_) | Phase::Suspended => false,
    };
    let mut lines = Vec::new();
    for job in view.cluster.jobs().filter(over) {
        let departure = Departure { job: Arc::clone(job), at: now(), resized: false };
        let line = Line::of(view, &departure);
        if line.end() >= last && !known.contains(&(line.job(), line.end())) {
            lines.push(line.to_string());
        }
    }
    if !lines.is_empty() {
        info!(jobs = lines.len(), "JobCompLoc: the controller before had not written them down");
    }
    lines
}

#[cfg(test)]
mod tests {
    use model::{Change, Exit, Outcome};

    use super::*;
    use crate::rpc::fixtures::{self, NOW};

    fn ended(id: u32, at: Timestamp) -> Job {
        Job {
            phase: Phase::Ended,
            started: Some(Timestamp(at.0 - 60)),
            ended: Some(at),
            outcome: Some(Outcome { exit: Exit::Failed, status: 3 << 8, derived_status: 0 }),
            ..fixtures::job(id)
        }
    }

    #[test]
    fn a_start_writes_down_what_the_file_lacks() {
        let mut view = fixtures::golden();
        for (id, at) in [(1, NOW.0 - 500), (2, NOW.0), (3, NOW.0), (4, NOW.0 + 1)] {
            view.cluster.apply(&Change::Job(Arc::new(ended(id, Timestamp(at)))));
        }
        view.cluster.apply(&Change::Job(Arc::new(fixtures::job(5))));
        let known = Departure { job: Arc::new(ended(2, NOW)), at: NOW, resized: false };
        let tail = format!("…half a line\n{}", Line::of(&view, &known));
        let lines = missing(&view, &tail);
        let jobs: Vec<&str> =
            lines.iter().filter_map(|line| line::job_and_end(line)).map(|l| l.0).collect();
        assert_eq!(jobs, ["3", "4"], "1 ended long before the last line, 5 has not");
        assert!(missing(&view, "").is_empty(), "of a new file nothing is known to be lacking");
    }
}
