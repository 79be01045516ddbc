//! Programs that the controller runs on its own host: PrologSlurmctld and EpilogSlurmctld, ResvProlog and
//! ResvEpilog, MailProg, those of triggers, and those that start and stop machines.
//!
//! So many run at a time and so many wait. Mail and triggers past that are lost, for a flood of them
//! must not hold up anything; a hook past that is asked for again by the core.

mod environment;
mod mail;
mod power;
mod process;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ctld_core::{Event, Hook, HookResult, MailEvent};
use model::{Job, JobId, Trigger};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::{debug, error, info, warn};

pub use self::power::carry_out;
use self::process::{End, Program};
use crate::config::NO_VALUE_16;
use crate::rim::{Rim, now};
use crate::rpc::environment::set;

/// Hooks that run at a time.
const HOOKS_MAX: usize = 64;
/// Hooks that run or wait.
const HOOKS_WAITING_MAX: usize = 1 << 16;
/// Mails and programs of triggers that run at a time; slurmctld sends so many mails.
const ERRANDS_MAX: usize = 64;
/// Those that run or wait.
const ERRANDS_WAITING_MAX: usize = 4096;
/// How long MailProg may take, as slurmctld has it.
const MAIL_LIMIT: Duration = Duration::from_secs(120);
/// How long the program of a trigger may take, as slurmctld has it.
const TRIGGER_LIMIT: Duration = Duration::from_secs(300);

/// What runs and what waits.
#[derive(Debug)]
pub struct Scripts {
    hooks: Mutex<BTreeMap<(JobId, Hook), watch::Sender<bool>>>,
    hook_places: Semaphore,
    errand_places: Semaphore,
    errands: AtomicUsize,
    power: power::Orders,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            hooks: Mutex::default(),
            hook_places: Semaphore::new(HOOKS_MAX),
            errand_places: Semaphore::new(ERRANDS_MAX),
            errands: AtomicUsize::new(0),
            power: power::Orders::default(),
        }
    }
}

impl Scripts {
    fn hooks(&self) -> MutexGuard<'_, BTreeMap<(JobId, Hook), watch::Sender<bool>>> {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a hook into the book, unless it is there or there is no room.
    fn begin(&self, key: (JobId, Hook)) -> Option<watch::Receiver<bool>> {
        let mut hooks = self.hooks();
        if hooks.contains_key(&key) || hooks.len() >= HOOKS_WAITING_MAX {
            return None;
        }
        let (stop, stopped) = watch::channel(false);
        hooks.insert(key, stop);
        Some(stopped)
    }

    /// Ends the programs of a hook, if they run or wait.
    pub fn stop(&self, job: JobId, hook: Hook) {
        if let Some(stop) = self.hooks().get(&(job, hook)) {
            stop.send_replace(true);
        }
    }
}

/// Runs the programs of a hook, all at a time, and tells the core how they ended.
pub async fn run_hook(rim: &Rim, job: Arc<Job>, hook: Hook) {
    let key = (job.id, hook);
    let Some(stopped) = rim.scripts.begin(key) else {
        return;
    };
    // The semaphore is never closed.
    let place = rim.scripts.hook_places.acquire().await;
    let result = if *stopped.borrow() {
        HookResult::Done
    } else {
        run_all(&programs(rim, &job, hook), &job, hook, &stopped).await
    };
    drop(place);
    rim.scripts.hooks().remove(&key);
    rim.tell(Event::HookDone { job: job.id, restarts: job.restarts, hook, result }).await;
}

fn programs(rim: &Rim, job: &Job, hook: Hook) -> Vec<Program> {
    let view = rim.published.view();
    let keys = &view.conf.keys;
    let (paths, limit_s, context) = match hook {
        Hook::Prolog => (&keys.prolog_slurmctld, keys.prolog_timeout, "prolog_slurmctld"),
        Hook::Epilog => (&keys.epilog_slurmctld, keys.epilog_timeout, "epilog_slurmctld"),
    };
    let script = if job.batch { rim.store.0.script(job.array_job()).ok().flatten() } else { None };
    let over = hook == Hook::Epilog;
    let mut environment = environment::common(&view, job, script.as_ref(), over);
    set(&mut environment, "SLURM_SCRIPT_CONTEXT", &context);
    let program = |path: &String| Program {
        path: path.clone(),
        arguments: Vec::new(),
        environment: Some(environment.clone()),
        limit: (limit_s != NO_VALUE_16).then(|| Duration::from_secs(limit_s.into())),
        owner: None,
        outlives: false,
    };
    paths.iter().map(program).collect()
}

async fn run_all(
    programs: &[Program],
    job: &Job,
    hook: Hook,
    stopped: &watch::Receiver<bool>,
) -> HookResult {
    let mut running = JoinSet::new();
    for program in programs {
        let (program, mut stopped) = (program.clone(), stopped.clone());
        running.spawn(async move {
            let stop = async {
                // The sender lives for as long as the hook is in the book.
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            let (end, output) = process::run(&program, stop).await;
            (program.path, end, output)
        });
    }
    let mut result = HookResult::Done;
    while let Some(ended) = running.join_next().await {
        let Ok((path, end, output)) = ended else {
            error!(job = job.id.0, "a task that ran a program has panicked");
            continue;
        };
        if end_of(&path, &end, &output, job, hook) == HookResult::Failed {
            result = HookResult::Failed;
        }
    }
    result
}

/// A program that cannot be started does not fail a hook, nor does one that a signal has ended:
/// slurmctld counts exit codes and time-outs alone.
fn end_of(path: &str, end: &End, output: &str, job: &Job, hook: Hook) -> HookResult {
    let (job, program) = (job.id.0, path);
    match end {
        End::Exited(Some(0)) => debug!(job, program, ?hook, output, "has ended"),
        End::Exited(Some(code)) => {
            error!(job, program, ?hook, code, output, "has failed");
            return HookResult::Failed;
        }
        End::Exited(None) => warn!(job, program, ?hook, output, "was ended by a signal"),
        End::TimedOut => {
            error!(job, program, ?hook, output, "took too long");
            return HookResult::Failed;
        }
        End::Stopped => info!(job, program, ?hook, "is not wanted any more"),
        End::NotStarted(cause) => error!(job, program, ?hook, %cause, "cannot be started"),
    }
    HookResult::Done
}

/// Does something when there is a place for it; whether there was.
async fn errand(rim: &Rim, doing: impl Future<Output = ()>) -> bool {
    let has_room = rim.scripts.errands.fetch_add(1, Ordering::Relaxed) < ERRANDS_WAITING_MAX;
    if has_room {
        // The semaphore is never closed.
        let place = rim.scripts.errand_places.acquire().await;
        doing.await;
        drop(place);
    }
    rim.scripts.errands.fetch_sub(1, Ordering::Relaxed);
    has_room
}

/// Sends a mail about a job, by MailProg.
pub async fn send_mail(rim: &Rim, job: Arc<Job>, event: MailEvent) {
    if !errand(rim, send_now(rim, &job, event)).await {
        warn!(job = job.id.0, ?event, "too many programs wait: this mail is not sent");
    }
}

/// Runs ResvProlog or ResvEpilog, if there is one.
pub async fn run_reservation(rim: &Rim, name: &str, hook: Hook) {
    let program = {
        let view = rim.published.view();
        let keys = &view.conf.keys;
        let (path, limit_s) = match hook {
            Hook::Prolog => (&keys.resv_prolog, keys.prolog_timeout),
            Hook::Epilog => (&keys.resv_epilog, keys.epilog_timeout),
        };
        let Some(path) = path.clone().filter(|path| !path.is_empty()) else { return };
        Program {
            path,
            arguments: vec![name.to_owned()],
            environment: None,
            limit: (limit_s != NO_VALUE_16).then(|| Duration::from_secs(limit_s.into())),
            owner: None,
            outlives: false,
        }
    };
    let doing = async {
        let (end, output) = process::run(&program, std::future::pending()).await;
        let (reservation, program) = (name, &program.path);
        match end {
            End::Exited(Some(0)) | End::Stopped => debug!(reservation, program, ?hook, "has ended"),
            End::Exited(code) => {
                error!(reservation, program, ?hook, ?code, output, "has failed");
            }
            End::TimedOut => error!(reservation, program, ?hook, output, "took too long"),
            End::NotStarted(cause) => {
                error!(reservation, program, ?hook, %cause, "cannot be started");
            }
        }
    };
    if !errand(rim, doing).await {
        warn!(reservation = name, ?hook, "too many programs wait: this one is not run");
    }
}

/// Runs the program of a trigger as its owner, with what it is told for a last argument.
///
/// As another user than the controller's, it has the groups of that user; the controller has to be root
/// for that, as slurmctld has.
pub async fn run_trigger(rim: &Rim, trigger: &Trigger, argument: &str) {
    let mut words = trigger.program.split(' ').filter(|word| !word.is_empty()).map(str::to_owned);
    let path = words.next().unwrap_or_default();
    let foreign = trigger.owner.0 != rim.uid;
    let program = Program {
        path,
        arguments: words.chain([argument.to_owned()]).collect(),
        environment: None,
        limit: Some(TRIGGER_LIMIT),
        owner: foreign.then_some((trigger.owner.0, trigger.group.0)),
        outlives: false,
    };
    let id = trigger.id;
    let doing = async {
        info!(trigger = id, uid = trigger.owner.0, program = program.path, argument, "pulled");
        let (end, output) = process::run(&program, std::future::pending()).await;
        let program = &program.path;
        match end {
            End::Exited(Some(0)) | End::Stopped => debug!(trigger = id, program, "has ended"),
            End::Exited(code) => warn!(trigger = id, program, ?code, output, "has failed"),
            End::TimedOut => warn!(trigger = id, program, output, "took too long"),
            End::NotStarted(cause) => warn!(trigger = id, program, %cause, "cannot be started"),
        }
    };
    if !errand(rim, doing).await {
        warn!(trigger = id, argument, "too many programs wait: this trigger is lost");
    }
}

async fn send_now(rim: &Rim, job: &Job, event: MailEvent) {
    let program = {
        let view = rim.published.view();
        let mail = mail::of(&view, job, event, now());
        debug!(job = job.id.0, user = mail.user, subject = mail.subject, "mail");
        Program {
            path: mail_prog(view.conf.keys.mail_prog.as_deref()).to_owned(),
            arguments: vec!["-s".to_owned(), mail.subject, mail.user],
            environment: Some(mail.environment),
            limit: Some(MAIL_LIMIT),
            owner: None,
            outlives: false,
        }
    };
    let (end, output) = process::run(&program, std::future::pending()).await;
    let (job, program) = (job.id.0, program.path);
    match end {
        End::Exited(Some(0)) | End::Stopped => debug!(job, program, output, "mail is sent"),
        End::Exited(code) => error!(job, program, ?code, output, "mail is not sent"),
        End::TimedOut => error!(job, program, output, "mail is not sent within its time"),
        End::NotStarted(cause) => error!(job, program, %cause, "mail cannot be sent"),
    }
}

/// MailProg; where the default one is in the other of its two places, that one, as slurmctld does.
fn mail_prog(configured: Option<&str>) -> &str {
    const DEFAULT: &str = "/bin/mail";
    const OTHER: &str = "/usr/bin/mail";
    let path = configured.unwrap_or(DEFAULT);
    if path == DEFAULT && !Path::new(DEFAULT).exists() && Path::new(OTHER).exists() {
        return OTHER;
    }
    path
}
