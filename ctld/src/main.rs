//! `ctld`, in slurmctld's place: the same flags with the same meaning.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand};
use ctld::config::{self, Disk, Own, SlurmConf};
use ctld::controller::{Controller, ControllerError, Start};
use ctld::daemon;
use ctld::log::Log;
use ctld_core::Recover;
use tracing::{error, info, warn};

/// Threads hand what they allocated to each other all the time here: glibc's arenas made that a sixth of all processor time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A controller for Slurm clusters.
#[derive(Debug, Parser)]
#[command(name = "ctld", disable_version_flag = true)]
struct Flags {
    /// Clear all previous controller state and begin with a clean slate
    #[arg(short = 'c')]
    clear: bool,
    /// Run in the foreground with logging copied to stdout
    #[arg(short = 'D')]
    foreground: bool,
    /// Use this instead of the default configuration file
    #[arg(short = 'f', value_name = "FILE")]
    conf: Option<PathBuf>,
    /// Ignore errors found while reading in state files on startup
    #[arg(short = 'i')]
    ignore_state_errors: bool,
    /// Log to this file instead of SlurmctldLogFile
    #[arg(short = 'L', value_name = "LOGFILE")]
    log: Option<PathBuf>,
    /// Run with this nice value
    #[arg(short = 'n', value_name = "NICE", allow_negative_numbers = true)]
    nice: Option<i32>,
    /// Recover full state from the last checkpoint
    #[arg(short = 'R')]
    recover_all: bool,
    /// Recover state of jobs and of down or drained nodes (the default)
    #[arg(short = 'r')]
    recover: bool,
    /// Change the working directory to SlurmctldLogFile's, or to StateSaveLocation
    #[arg(short = 's')]
    change_directory: bool,
    /// Say more; each one more
    #[arg(short = 'v', action = ArgAction::Count)]
    verbose: u8,
    /// Print the version
    #[arg(short = 'V')]
    version: bool,
    #[command(subcommand)]
    errand: Option<Errand>,
}

/// What ctld starts itself for.
#[derive(Debug, Subcommand)]
enum Errand {
    /// Becomes a program of another user
    #[command(hide = true)]
    RunAs {
        uid: u32,
        gid: u32,
        #[arg(last = true, required = true)]
        words: Vec<OsString>,
    },
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "there is no log before it is open")]
fn main() -> ExitCode {
    let flags = Flags::parse();
    if flags.version {
        println!("ctld {} (Slurm 23.11 to 26.05)", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    if let Some(Errand::RunAs { uid, gid, words }) = &flags.errand {
        let (program, arguments) = words.split_first().expect("clap requires one");
        let error = daemon::run_as(*uid, *gid, program, arguments);
        eprintln!("ctld: error: {} cannot run as user {uid}: {error}", program.display());
        return ExitCode::FAILURE;
    }
    let path = config::file(flags.conf.as_deref(), std::env::var_os("SLURM_CONF").as_deref());
    let conf = match SlurmConf::load(&Disk, &path) {
        Ok(conf) => conf,
        Err(refused) => {
            for problem in &refused.0.errors {
                eprintln!("ctld: error: {problem}");
            }
            eprintln!("ctld: fatal: Unable to process configuration file");
            return ExitCode::FAILURE;
        }
    };
    if !flags.foreground && !daemon::is_detached() {
        return daemon::detach().unwrap_or_else(|error| {
            eprintln!("ctld: fatal: cannot go into the background: {error}");
            ExitCode::FAILURE
        });
    }
    let in_background = daemon::is_detached();
    let level = (conf.settings.slurmctld_debug + u16::from(flags.verbose)).min(9);
    let log_path =
        flags.log.clone().or_else(|| conf.keys.slurmctld_log_file.clone().map(Into::into));
    let to_stderr = !in_background || log_path.is_none();
    let log = match Log::start(log_path.as_deref(), level, to_stderr) {
        Ok(log) => log,
        Err(error) => {
            eprintln!("ctld: fatal: cannot open the log {log_path:?}: {error}");
            return ExitCode::FAILURE;
        }
    };
    abort_on_panic();
    for problem in conf.warnings() {
        warn!("{problem}");
    }
    match start(&flags, conf, log, in_background) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("fatal: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A panic is a bug: the process ends at once, and the next one goes on with what is durable.
fn abort_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        error!("fatal: {panic}");
        std::process::abort();
    }));
}

fn start(
    flags: &Flags,
    conf: SlurmConf,
    log: std::sync::Arc<Log>,
    in_background: bool,
) -> Result<(), ControllerError> {
    if in_background {
        daemon::lead_session()?;
    }
    if let Some(nice) = flags.nice {
        daemon::renice(nice)?;
    }
    daemon::raise_file_limit()?;
    ctld::controller::make_folders(&conf)?;
    daemon::become_user(ctld::controller::slurm_uid(&conf)?)?;
    if flags.change_directory {
        change_directory(&conf);
    }
    let own = Own::load(&Disk, &conf.path)?;
    let recover = match (flags.clear, flags.recover_all) {
        (true, _) => None,
        (false, true) => Some(Recover::All),
        (false, false) => Some(Recover::NodeStates),
    };
    if flags.ignore_state_errors {
        info!("-i: a store that cannot be read is put aside instead of stopping the start");
    }
    let begin = Start { recover, ignore_state_errors: flags.ignore_state_errors };
    let pid_file = conf.keys.slurmctld_pid_file.clone();
    let controller = Controller::prepare(conf, own, begin, log)?;
    if let Some(path) = &pid_file
        && let Err(error) = daemon::write_pid(path.as_ref())
    {
        error!(path, cause = %error, "the pid file cannot be written");
    }
    let ready = || if in_background { daemon::serves() } else { Ok(()) };
    let result = controller.run(ready);
    if let Some(path) = &pid_file {
        // It is gone with the process that it named; a new one writes its own.
        let _ = std::fs::remove_file(path);
    }
    result
}

/// `-s`: to the log's folder, or to StateSaveLocation, or to /var/tmp.
fn change_directory(conf: &SlurmConf) {
    let log = conf.keys.slurmctld_log_file.as_deref().map(std::path::Path::new);
    let folders = [
        log.and_then(std::path::Path::parent),
        conf.keys.state_save_location.as_deref().map(std::path::Path::new),
        Some(std::path::Path::new("/var/tmp")),
    ];
    let went =
        folders.into_iter().flatten().any(|folder| std::env::set_current_dir(folder).is_ok());
    if !went {
        warn!("-s: no folder to change to");
    }
}
