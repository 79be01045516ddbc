//! The controller put together: started, told of signals, ended.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use ctld_core::{Core, Effect, Event, Recover};
use model::{Change, Cluster};
use protocol::auth::Issuer;
use state::{Embedded, Store, StoreError};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::config::{Own, SlurmConf};
use crate::counters::Counters;
use crate::daemon;
use crate::log::Log;
use crate::rim::completion::{self, Completions};
use crate::rim::{self, Agent, Keys, Order, Planner, ProgramRequest, Rim, StoreHandle};
use crate::settings;
use crate::users::Users;
use crate::view::{Changed, Tuning, View};
use crate::writer::{self, Delivery, Published, Work, Writer};

/// The SACK socket, where clients of all releases look for it.
const SACK_SOCKET: &str = "/run/slurmctld/sack.socket";
/// Requests to the program that may wait.
const PROGRAM_REQUESTS_MAX: usize = 16;
/// How long requests that are being served are waited for at the end.
const FAREWELL: Duration = Duration::from_millis(200);

const DAY_S: i64 = 86_400;

/// How to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// What of the remembered state is taken over; `None` is nothing (`-c`).
    pub recover: Option<Recover>,
    /// A store that cannot be read is put aside instead of stopping the start (`-i`).
    pub ignore_state_errors: bool,
}

/// Why the controller does not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// The store cannot be opened, read or written.
    #[error("state: {0}")]
    Store(#[from] StoreError),
    /// slurm.conf does not fit this machine.
    #[error(transparent)]
    Settings(#[from] settings::SettingsError),
    /// There are no keys.
    #[error(transparent)]
    Keys(#[from] rim::KeyFileError),
    /// Another way of authentication than the one that there is.
    #[error("AuthType={0} is not supported: auth/slurm is")]
    AuthType(String),
    /// A port is taken.
    #[error("cannot listen on port {port}: {source}")]
    Listen {
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The store of a cold start cannot be put aside.
    #[error("cannot put {path} aside: {source}")]
    Aside {
        /// The store.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Jobs that have ended cannot be written down.
    #[error("JobCompLoc: cannot open {path}: {source}")]
    Completion {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// ctld.toml cannot be used.
    #[error(transparent)]
    Own(#[from] crate::config::OwnError),
    /// SlurmUser is nobody here.
    #[error("SlurmUser {0} does not exist")]
    NoSlurmUser(String),
    /// No threads, no signals.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// A controller that is ready to serve: everything that can fail at a start has not.
#[derive(Debug)]
pub struct Controller {
    rim: Arc<Rim>,
    writer: Writer,
    inbox: mpsc::Receiver<Delivery>,
    program: mpsc::Receiver<ProgramRequest>,
    listeners: Vec<std::net::TcpListener>,
}

impl Controller {
    /// Binds the ports, opens the store, brings slurm.conf and what was remembered together.
    ///
    /// # Errors
    ///
    /// [`ControllerError`].
    pub fn prepare(
        conf: SlurmConf,
        own: Own,
        start: Start,
        log: Arc<Log>,
    ) -> Result<Self, ControllerError> {
        let auth_type = conf.keys.auth_type.clone().unwrap_or_else(|| "auth/munge".to_owned());
        if auth_type != "auth/slurm" {
            return Err(ControllerError::AuthType(auth_type));
        }
        let users = Arc::new(Users::default());
        let now = rim::now();
        let recover = start.recover.unwrap_or(Recover::NodeStates);
        let configuration = settings::configuration(&conf, recover, &users, now)?;
        let keys = Keys::load(&conf, configuration.config.slurm_user.0)?;
        completion_file(&conf)?;
        let listen =
            |port| rim::listen(port).map_err(|source| ControllerError::Listen { port, source });
        let listeners = conf.ports.clone().map(listen).collect::<Result<Vec<_>, _>>()?;
        let (store, cluster) = open_store(&conf, &own, start)?;
        let issuer = issuer(&conf, configuration.config.slurmd_user.0);
        let counters = Arc::new(Counters::default());
        counters.reset(now.0);
        let level = log.level();
        let conf = Arc::new(conf);
        let view = View {
            cluster: cluster.clone(),
            changed: Changed::at(now),
            conf: Arc::clone(&conf),
            booted: now,
            altered: Arc::default(),
            encoded: Arc::default(),
            counters: Arc::clone(&counters),
            users,
            tuning: Arc::new(Tuning {
                debug_level: level,
                debug_flags: conf.settings.debug_flags,
                sched_log_level: 0,
                fs_dampening_factor: 1,
            }),
        };
        let published = Arc::new(Published::new(view));
        let mut writer =
            Writer::new(Core::new(cluster), Arc::clone(&store), Arc::clone(&published));
        let event = Event::Configured(Box::new(configuration));
        let work = Work { event, conf: Some(Arc::clone(&conf)), reply: None };
        // What it asks for is asked for again by `resume`.
        writer.step(now, [work])?;
        let (inbox_sender, inbox) =
            mpsc::channel(usize::try_from(own.limits.inbox).unwrap_or(usize::MAX));
        let (program_sender, program) = mpsc::channel(PROGRAM_REQUESTS_MAX);
        let rim = Arc::new(Rim {
            published,
            inbox: inbox_sender,
            store: StoreHandle(store),
            keys: RwLock::new(Arc::new(keys)),
            issuer: RwLock::new(Arc::new(issuer)),
            counters,
            limits: own.limits,
            uid: rustix::process::geteuid().as_raw(),
            conf_path: conf.path.clone(),
            log,
            program: program_sender,
            scripts: rim::Scripts::default(),
            sackds: RwLock::default(),
        });
        Ok(Self { rim, writer, inbox, program, listeners })
    }

    /// Serves until it is told to end; `ready` is called when clients can connect.
    ///
    /// # Errors
    ///
    /// [`ControllerError`].
    pub fn run(self, ready: impl FnOnce() -> io::Result<()>) -> Result<(), ControllerError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let Self { rim, writer, inbox, program, listeners } = self;
        let planner = Arc::new(Planner::default());
        let (agent, orders) = Agent::new();
        runtime.spawn(rim::deliver_orders(Arc::clone(&rim), orders));
        let (completions, departures) = Completions::new();
        runtime.spawn(completion::write_down(Arc::clone(&rim), departures));
        let writing = {
            let (rim, planner, agent) = (Arc::clone(&rim), Arc::clone(&planner), agent.clone());
            let handle = runtime.handle().clone();
            let release = move |effect| {
                release(&rim, &planner, &agent, &completions, &handle, effect);
            };
            std::thread::Builder::new().name("writer".to_owned()).spawn(move || {
                let result = writer::run(writer, inbox, rim::now, release);
                if let Err(error) = &result {
                    // Nobody knows what is on the disk: whoever waits must not be answered.
                    error!(cause = %error, "the state cannot be written: ending at once");
                    std::process::abort();
                }
            })?
        };
        let planning = {
            let (rim, planner) = (Arc::clone(&rim), Arc::clone(&planner));
            std::thread::Builder::new()
                .name("planner".to_owned())
                .spawn(move || planner.run(&rim))?
        };
        let served = runtime.block_on(serve(&rim, program, listeners, ready));
        planner.end();
        // Requests that are being served get their answers, as far as they come in time.
        runtime.block_on(async { tokio::time::sleep(FAREWELL).await });
        let ending = rim.inbox.blocking_send(Delivery::End);
        runtime.shutdown_timeout(FAREWELL);
        if ending.is_err() {
            error!("the writer had ended before");
        }
        if planning.join().is_err() || writing.join().is_err() {
            error!("a thread has panicked");
        }
        info!("ctld ended");
        served
    }
}

/// Whether jobs that end can be written down.
fn completion_file(conf: &SlurmConf) -> Result<(), ControllerError> {
    let Some(path) = completion::path(conf) else { return Ok(()) };
    match completion::open(&path) {
        Ok(_) => Ok(()),
        Err(source) => Err(ControllerError::Completion { path, source }),
    }
}

async fn serve(
    rim: &Arc<Rim>,
    mut program: mpsc::Receiver<ProgramRequest>,
    listeners: Vec<std::net::TcpListener>,
    ready: impl FnOnce() -> io::Result<()>,
) -> Result<(), ControllerError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut reopen = signal(SignalKind::user_defined2())?;
    if !rim.published.view().conf.settings.auth_info.has("disable_sack") {
        match rim::serve_sack(Arc::clone(rim), Path::new(SACK_SOCKET)) {
            Ok(serving) => drop(tokio::spawn(serving)),
            Err(error) => {
                warn!(path = SACK_SOCKET, cause = %error, "no SACK socket: users of this host need sackd");
            }
        }
    }
    let ports = rim.published.view().conf.ports.clone();
    tokio::spawn(rim::serve(Arc::clone(rim), listeners));
    tokio::spawn(tick(Arc::clone(rim)));
    info!(first = ports.start(), last = ports.end(), "ctld serves");
    ready()?;
    loop {
        tokio::select! {
            _ = terminate.recv() => { info!("SIGTERM: ending"); return Ok(()) }
            _ = interrupt.recv() => { info!("SIGINT: ending"); return Ok(()) }
            _ = hang_up.recv() => {
                info!("SIGHUP: reading slurm.conf again");
                // The log has said how it went, and nobody else waits to hear.
                let _ = reread(rim).await;
            }
            _ = reopen.recv() => match rim.log.reopen() {
                Ok(()) => info!("SIGUSR2: the log is opened anew"),
                Err(error) => error!(cause = %error, "the log cannot be opened anew"),
            },
            Some(request) = program.recv() => match request {
                ProgramRequest::Shutdown { nodes } => {
                    if nodes {
                        rim::shut_nodes_down(rim).await;
                    }
                    return Ok(());
                }
                ProgramRequest::Reconfigure { done } => {
                    // Whoever asked may have gone.
                    let _ = done.send(reread(rim).await);
                }
            },
        }
    }
}

async fn reread(rim: &Arc<Rim>) -> Result<(), rim::ReconfigureError> {
    let outcome = rim::reread(rim, &rim.conf_path).await;
    match &outcome {
        Ok(()) => info!("slurm.conf is read again"),
        Err(error) => error!(cause = %error, "slurm.conf is not taken, the old one stays in force"),
    }
    outcome
}

/// Tells the core that time goes by.
async fn tick(rim: Arc<Rim>) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut day = rim::now().0 / DAY_S;
    loop {
        seconds.tick().await;
        let now = rim::now();
        rim.published.view().encoded.tidy(now);
        let today = now.0 / DAY_S;
        if today != day {
            // sdiag counts these from midnight, UTC.
            rim.counters.backfilled_jobs_today.set(0);
            day = today;
        }
        rim.tell(Event::Tick).await;
    }
}

/// Carries out an effect, or hands it to who does.
fn release(
    rim: &Arc<Rim>,
    planner: &Planner,
    agent: &Agent,
    completions: &Completions,
    runtime: &tokio::runtime::Handle,
    effect: Effect,
) {
    match effect {
        Effect::Schedule => planner.want(),
        Effect::WriteDown { job, resized } => completions.note(rim, job, resized),
        Effect::ToNode { node, message } => agent.send(Order { node, message }),
        Effect::Reconfigure => {
            let rim = Arc::clone(rim);
            runtime.spawn(async move { rim::announce_configuration(&rim).await });
        }
        Effect::TellClient { job } => {
            let rim = Arc::clone(rim);
            runtime.spawn(async move { rim::tell_of_job(&rim, &job).await });
        }
        Effect::ToClient { client, protocol, message } => {
            let rim = Arc::clone(rim);
            runtime.spawn(async move { rim::tell_client(&rim, &client, protocol, message).await });
        }
        Effect::Mail { job, event } => {
            let rim = Arc::clone(rim);
            runtime.spawn(async move { rim::send_mail(&rim, job, event).await });
        }
        Effect::RunHook { job, hook } => {
            let rim = Arc::clone(rim);
            runtime.spawn(async move { rim::run_hook(&rim, job, hook).await });
        }
        Effect::StopHook { job, hook } => rim.scripts.stop(job, hook),
        Effect::Power(order) => {
            let rim = Arc::clone(rim);
            runtime.spawn(async move { rim::carry_out(&rim, order).await });
        }
        Effect::RunTrigger { trigger, argument } => {
            let rim = Arc::clone(rim);
            runtime.spawn(async move { rim::run_trigger(&rim, &trigger, &argument).await });
        }
        Effect::RunReservation { name, hook } => {
            let rim = Arc::clone(rim);
            runtime.spawn(async move { rim::run_reservation(&rim, &name, hook).await });
        }
    }
}

fn issuer(conf: &SlurmConf, slurmd_uid: u32) -> Issuer {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let ttl_s = conf.settings.auth_info.number("ttl").and_then(|ttl| u32::try_from(ttl).ok());
    Issuer {
        host: host.split('.').next().unwrap_or_default().to_owned(),
        cluster: Some(conf.cluster.clone()),
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        slurmd_uid,
        ttl_s: ttl_s.unwrap_or(60),
    }
}

/// Where the store is: `[store] path` of ctld.toml, or `ctld` in StateSaveLocation.
fn store_path(conf: &SlurmConf, own: &Own) -> PathBuf {
    let state = conf.keys.state_save_location.as_deref().unwrap_or("/var/spool");
    own.store.path.clone().unwrap_or_else(|| Path::new(state).join("ctld"))
}

/// Opens the store and loads the cluster. A cold start puts the old store aside instead of
/// destroying it, and so does a start with `-i` if the store cannot be read.
fn open_store(
    conf: &SlurmConf,
    own: &Own,
    start: Start,
) -> Result<(Arc<dyn Store>, Cluster), ControllerError> {
    let path = store_path(conf, own);
    let mut kept = None;
    if start.recover.is_none() && path.exists() {
        // Job numbers go on, as slurmctld's do: accounting and users know jobs by them.
        kept = counters(&path);
        put_aside(&path)?;
        warn!("cold start: jobs and states of before are forgotten");
    }
    let open = || -> Result<(Arc<dyn Store>, Cluster), ControllerError> {
        let store: Arc<dyn Store> = Arc::new(Embedded::open(&path)?);
        if let Some(counters) = kept {
            store.commit(&[Change::Counters(counters)])?;
        }
        let cluster = load(&*store)?;
        Ok((store, cluster))
    };
    match open() {
        Err(ControllerError::Store(error))
            if start.ignore_state_errors && !matches!(error, StoreError::Locked { .. }) =>
        {
            error!(cause = %error, "-i: the state cannot be read");
            put_aside(&path)?;
            open()
        }
        opened => opened,
    }
}

/// The counters of a store that is to be put aside, if they can be read.
fn counters(path: &Path) -> Option<model::Counters> {
    let store = Embedded::open(path).ok()?;
    let mut counters = None;
    let report = store.load(&mut |change| {
        if let Change::Counters(found) = change {
            counters = Some(found);
        }
    });
    report.ok().and(counters)
}

fn put_aside(path: &Path) -> Result<(), ControllerError> {
    let aside = path.with_extension(format!("aside.{}", rim::now().0));
    std::fs::rename(path, &aside)
        .map_err(|source| ControllerError::Aside { path: path.to_owned(), source })?;
    warn!(aside = %aside.display(), "the old state is put aside");
    Ok(())
}

/// Makes the folders that root has to make for SlurmUser: of the SACK socket and of the state.
///
/// # Errors
///
/// If they cannot be made or given away.
pub fn make_folders(conf: &SlurmConf) -> Result<(), ControllerError> {
    let uid = slurm_uid(conf)?;
    let state = conf.keys.state_save_location.as_deref().unwrap_or("/var/spool");
    for (folder, ours) in [(Path::new(state), false), (Path::new("/run/slurmctld"), true)] {
        let made = !folder.exists();
        if let Err(error) = std::fs::create_dir_all(folder) {
            warn!(folder = %folder.display(), cause = %error, "cannot be made");
            continue;
        }
        if made || ours {
            daemon::give(folder, uid)?;
        }
    }
    Ok(())
}

/// The number of SlurmUser.
///
/// # Errors
///
/// If there is no such user.
pub fn slurm_uid(conf: &SlurmConf) -> Result<u32, ControllerError> {
    let Some(name) = conf.keys.slurm_user.as_deref() else {
        return Ok(0);
    };
    let uid = Users::default().uid(name);
    uid.map(|uid| uid.0).ok_or_else(|| ControllerError::NoSlurmUser(name.to_owned()))
}

fn load(store: &dyn Store) -> Result<Cluster, ControllerError> {
    let mut cluster = Cluster::default();
    let report = store.load(&mut |change: Change| cluster.apply(&change))?;
    info!(
        jobs = report.jobs,
        nodes = report.nodes,
        partitions = report.partitions,
        steps = report.steps,
        "state loaded"
    );
    Ok(cluster)
}
