//! Machines are started and stopped by the site's programs: SuspendProgram, ResumeProgram and
//! ResumeFailProgram.
//!
//! Another way to start and stop machines takes the place of [`carry_out`]: it is given a [`PowerOrder`],
//! says soon whether it has taken it, and from then on does what it can. It may be given an order
//! twice. What came of it is seen when machines register, or do not.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ctld_core::{Event, PowerAction, PowerOrder, PowerResult};
use model::{Job, NodeId, TextOption, Timestamp};
use tracing::{debug, error, info, warn};

use super::process::{self, End, Program};
use crate::rim::Rim;
use crate::rpc::job_word::{shared_value, shared_word};
use crate::view::View;

/// Programs that run at a time. An order past that is not taken, and asked for again.
const PROGRAMS_MAX: usize = 256;

/// The orders that programs are at.
#[derive(Debug, Default)]
pub(super) struct Orders(Mutex<BTreeSet<Key>>);

/// What tells orders apart.
type Key = (Timestamp, PowerAction, Option<NodeId>);

impl Orders {
    fn running(&self) -> MutexGuard<'_, BTreeSet<Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(order: &PowerOrder) -> Key {
    (order.at, order.action, order.nodes.first().copied())
}

/// Runs the program for an order, and tells the core once it runs.
pub async fn carry_out(rim: &Rim, order: PowerOrder) {
    let key = key(&order);
    let is_full = {
        let mut running = rim.scripts.power.running();
        if running.contains(&key) {
            return;
        }
        let is_full = running.len() >= PROGRAMS_MAX;
        if !is_full {
            running.insert(key);
        }
        is_full
    };
    if is_full {
        warn!(nodes = &*order.list, action = ?order.action, "too many programs run: put off");
        let told = Event::PowerTold { order: Box::new(order), result: PowerResult::NotTaken };
        return rim.tell(told).await;
    }
    run(rim, order).await;
    rim.scripts.power.running().remove(&key);
}

async fn run(rim: &Rim, order: PowerOrder) {
    let (program, details) = {
        let view = rim.published.view();
        let Some(path) = program_for(&view, order.action) else {
            return;
        };
        let mut environment = vec![format!("SLURM_CONF={}", view.conf.path.display())];
        let details = match order.action {
            PowerAction::Resume => Told::write(&view, &order),
            PowerAction::Suspend | PowerAction::GiveUp => None,
        };
        if let Some(Told(file)) = &details {
            environment.push(format!("SLURM_RESUME_FILE={}", file.display()));
        }
        let program = Program {
            path,
            arguments: vec![order.list.to_string()],
            environment: Some(environment),
            limit: Some(limit(&view)),
            owner: None,
            outlives: true,
        };
        (program, details)
    };
    let (nodes, action, path) = (order.list.to_string(), order.action, program.path.clone());
    let started = process::start(&program);
    let result = if started.is_ok() { PowerResult::Taken } else { PowerResult::NotTaken };
    if action != PowerAction::GiveUp {
        rim.tell(Event::PowerTold { order: Box::new(order), result }).await;
    }
    let (end, output) = match started {
        Ok(child) => {
            info!(nodes, ?action, program = path, "machines are to be started or stopped");
            process::until_end(child, program.limit, std::future::pending()).await
        }
        Err(cause) => (End::NotStarted(cause), String::new()),
    };
    if let Some(told) = details {
        told.remove();
    }
    match end {
        End::Exited(Some(0)) | End::Stopped => debug!(nodes, program = path, output, "has ended"),
        End::Exited(code) => error!(nodes, program = path, ?code, output, "has failed"),
        End::TimedOut => error!(nodes, program = path, output, "took too long"),
        End::NotStarted(cause) => error!(nodes, program = path, %cause, "cannot be started"),
    }
}

fn program_for(view: &View, action: PowerAction) -> Option<String> {
    let keys = &view.conf.keys;
    match action {
        PowerAction::Resume => keys.resume_program.clone(),
        PowerAction::Suspend => keys.suspend_program.clone(),
        PowerAction::GiveUp => keys.resume_fail_program.clone(),
    }
}

/// How long a program may run: the longest that any node may take to start or to stop.
fn limit(view: &View) -> Duration {
    let keys = &view.conf.keys;
    let of_partitions = view.cluster.partitions();
    let of_partitions = of_partitions.flat_map(|p| [p.resume_timeout_s, p.suspend_timeout_s]);
    let longest = of_partitions.flatten().max().unwrap_or(0);
    Duration::from_secs(longest.max(keys.resume_timeout).max(keys.suspend_timeout).into())
}

/// A file of its own for ResumeProgram, there until that has ended. A program that outlives the controller
/// still has it; it goes when one is written a day later.
struct Told(PathBuf);

const TOLD: &str = "ctld-resume.";
const LEFT_BEHIND_S: i64 = 24 * 3600;

impl Told {
    fn write(view: &View, order: &PowerOrder) -> Option<Self> {
        let folder = view.conf.keys.state_save_location.as_deref().unwrap_or("/var/spool");
        let first = order.nodes.first().map_or(0, |node| node.0);
        Self::put(Path::new(folder), order.at.0, first, &details(view, order))
            .inspect_err(|cause| error!(%cause, "ResumeProgram is not told for which jobs it runs"))
            .ok()
    }

    fn put(folder: &Path, at: i64, first: u32, text: &str) -> std::io::Result<Self> {
        let path = folder.join(format!("{TOLD}{at}.{first}.json"));
        for entry in std::fs::read_dir(folder)?.flatten() {
            let name = entry.file_name();
            let of = name.to_str().and_then(|name| name.strip_prefix(TOLD)?.split('.').next());
            let is_old = |of: i64| of < at - LEFT_BEHIND_S;
            if of.and_then(|of| of.parse().ok()).is_some_and(is_old) || entry.path() == path {
                std::fs::remove_file(entry.path())?;
            }
        }
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(text.as_bytes())?;
        Ok(Self(path))
    }

    fn remove(self) {
        if let Err(cause) = std::fs::remove_file(&self.0) {
            warn!(file = %self.0.display(), %cause, "a file for ResumeProgram cannot be removed");
        }
    }
}

/// What ResumeProgram can read: the nodes, and the jobs that wait for them. JSON, as slurmctld 24.11
/// writes it.
fn details(view: &View, order: &PowerOrder) -> String {
    let jobs: Vec<String> =
        order.jobs.iter().map(|(job, nodes)| details_of_job(view, job, nodes)).collect();
    format!("{{\"jobs\":[{}],\"all_nodes_resume\":{}}}", jobs.join(","), quoted(&order.list))
}

fn details_of_job(view: &View, job: &Job, nodes: &str) -> String {
    let text = |text: Option<&str>| text.map_or_else(|| "null".to_owned(), quoted);
    let partition = view.cluster.partition(&job.partition);
    let share = shared_word(shared_value(job, partition.map(|partition| &**partition)));
    let list = job.allocation.as_ref().map(|allocation| &*allocation.node_list);
    let fields = [
        ("extra", text(job.spec.carried.text(TextOption::Extra).map(|extra| &**extra))),
        ("job_id", job.id.0.to_string()),
        ("features", text(job.spec.features.as_deref())),
        ("nodes_alloc", text(list)),
        ("nodes_resume", quoted(nodes)),
        ("oversubscribe", quoted(share)),
        ("partition", quoted(&job.partition)),
        ("reservation", text(job.reservation().map(|name| &**name))),
    ];
    let fields: Vec<String> =
        fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// A text as JSON has it.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_from_their_json() {
        for text in ["", "plain", "q\"b\\s\nn\u{1}", "größe"] {
            let back: serde_json::Value = serde_json::from_str(&quoted(text)).unwrap();
            assert_eq!(back, text);
        }
    }

    #[test]
    fn a_file_for_the_program_goes_with_it_or_a_day_later() {
        let folder = tempfile::tempdir().unwrap();
        let count = || std::fs::read_dir(folder.path()).unwrap().count();
        let left = Told::put(folder.path(), 7, 1, "one").unwrap();
        let told = Told::put(folder.path(), 7, 1, "two").unwrap();
        assert_eq!(std::fs::read_to_string(&left.0).unwrap(), "two");
        Told::put(folder.path(), 7 + LEFT_BEHIND_S, 2, "three").unwrap().remove();
        assert_eq!(count(), 1, "a program may still read it");
        Told::put(folder.path(), 8 + LEFT_BEHIND_S, 2, "four").unwrap().remove();
        assert_eq!((count(), told.0), (0, left.0));
    }
}
