//! Requests to the program itself: what is not the cluster's business.

use std::path::Path;
use std::sync::Arc;

use ctld_core::Recover;
use model::Uid;
use protocol::auth::UserToken;
use protocol::shape::Timestamp;
use protocol::{Errno, Number, Version, msg};
use tokio::sync::oneshot;
use tracing::info;

use crate::config::{self, Audience, Disk, Release, SlurmConf};
use crate::rim::{Rim, now};
use crate::rpc::{Command, Failure, Reply, Request, sluid};
use crate::settings;
use crate::writer::Work;

/// What the program's main task is asked to do.
#[derive(Debug)]
pub enum ProgramRequest {
    /// End; nodes are told to end too if `nodes` is set.
    Shutdown {
        /// Whether slurmds are to end too.
        nodes: bool,
    },
    /// Read slurm.conf again.
    Reconfigure {
        /// Who waits for the outcome.
        done: oneshot::Sender<Result<(), ReconfigureError>>,
    },
}

/// Why slurm.conf was not taken; the old one stays in force.
#[derive(Debug, thiserror::Error)]
pub enum ReconfigureError {
    /// It has errors.
    #[error("slurm.conf is refused: {0}")]
    Refused(String),
    /// It does not fit this machine.
    #[error(transparent)]
    Settings(#[from] settings::SettingsError),
    /// The keys cannot be read.
    #[error(transparent)]
    Keys(#[from] crate::rim::KeyFileError),
    /// Something in it takes a restart.
    #[error("{key} cannot be changed without a restart")]
    TakesRestart {
        /// The key.
        key: &'static str,
    },
    /// The controller is ending.
    #[error("the controller is ending")]
    Ending,
}

/// Serves a request to the program.
///
/// # Errors
///
/// [`Failure`], as for other requests.
pub async fn command(
    rim: &Arc<Rim>,
    request: &Request<'_>,
    command: Command,
) -> Result<Reply, Failure> {
    match command {
        Command::Shutdown => shutdown(rim, request).await,
        Command::Reconfigure => reconfigure(rim, request).await,
        Command::Config => configuration(rim, request),
        Command::BatchScript => batch_script(rim, request),
        Command::Tune => tune(rim, request),
        Command::Token => token(rim, request),
        Command::Control => control(rim, request).await,
    }
}

async fn shutdown(rim: &Rim, request: &Request<'_>) -> Result<Reply, Failure> {
    let message: msg::Shutdown = request.decode()?;
    let nodes = message.options == msg::shutdown::ALL;
    info!(uid = request.caller.uid.0, peer = %request.peer, nodes, "shutdown asked for");
    // The receiver is gone if the program is ending already: as asked.
    let _ = rim.program.send(ProgramRequest::Shutdown { nodes }).await;
    Ok(request.return_code(Errno::SLURM_SUCCESS))
}

/// REQUEST_TAKEOVER: the one that runs is in control already. REQUEST_CONTROL: another controller of
/// the list takes over whatever it hears; since nobody stands by here, this one ends.
async fn control(rim: &Rim, request: &Request<'_>) -> Result<Reply, Failure> {
    let (uid, peer) = (request.caller.uid.0, request.peer);
    if request.number == Number::REQUEST_CONTROL {
        info!(uid, %peer, "another controller takes over: ending");
        // The receiver is gone if the program is ending already: as asked.
        let _ = rim.program.send(ProgramRequest::Shutdown { nodes: false }).await;
    } else {
        info!(uid, %peer, "asked to take over, and in control already");
    }
    Ok(request.return_code(Errno::SLURM_SUCCESS))
}

async fn reconfigure(rim: &Rim, request: &Request<'_>) -> Result<Reply, Failure> {
    let (done, outcome) = oneshot::channel();
    let sent = rim.program.send(ProgramRequest::Reconfigure { done }).await;
    match (sent, outcome.await) {
        (Ok(()), Ok(Ok(()))) => Ok(request.return_code(Errno::SLURM_SUCCESS)),
        (Ok(()), Ok(Err(_))) => Err(Failure::Code(Errno::SLURM_ERROR)),
        (Err(_), _) | (_, Err(_)) => Err(Failure::Silent),
    }
}

/// Reads slurm.conf anew and puts it in force, or leaves the old one with an error.
///
/// # Errors
///
/// [`ReconfigureError`]; the log has every line that is wrong.
pub async fn reread(rim: &Rim, path: &Path) -> Result<(), ReconfigureError> {
    let conf = SlurmConf::load(&Disk, path).map_err(|refused| {
        for problem in &refused.0.errors {
            tracing::error!("{problem}");
        }
        ReconfigureError::Refused(format!("{} errors", refused.0.errors.len()))
    })?;
    let view = rim.published.view();
    if conf.ports != view.conf.ports {
        return Err(ReconfigureError::TakesRestart { key: "SlurmctldPort" });
    }
    if conf.keys.state_save_location != view.conf.keys.state_save_location {
        return Err(ReconfigureError::TakesRestart { key: "StateSaveLocation" });
    }
    let configuration = settings::configuration(&conf, Recover::Reload, &view.users, now())?;
    let keys = crate::rim::Keys::load(&conf, configuration.config.slurm_user.0)?;
    let level = conf.settings.slurmctld_debug;
    *rim.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(keys);
    drop(view);
    let (reply, answer) = oneshot::channel();
    let event = ctld_core::Event::Configured(Box::new(configuration));
    let work = Work { event, conf: Some(Arc::new(conf)), reply: Some(reply) };
    rim.inbox.send(work.into()).await.map_err(|_| ReconfigureError::Ending)?;
    let _ = answer.await.map_err(|_| ReconfigureError::Ending)?;
    rim.log.set_level(level);
    rim.published.tune(|tuning| tuning.debug_level = level);
    Ok(())
}

/// REQUEST_CONFIG: slurm.conf and its companions for configless nodes and login hosts.
fn configuration(rim: &Rim, request: &Request<'_>) -> Result<Reply, Failure> {
    let message: msg::ConfigRequest = request.decode()?;
    let view = rim.published.view();
    if !view.conf.settings.configless {
        return Err(Failure::Code(Errno::ESLURM_CONFIGLESS_DISABLED));
    }
    let audience = match message.flags {
        msg::config_request::SLURMD => {
            let uid = request.caller.uid;
            if uid != Uid::ROOT && uid != view.cluster.config().slurm_user {
                return Err(Failure::Code(Errno::ESLURM_USER_ID_MISSING));
            }
            Audience::Node
        }
        _ => Audience::Client,
    };
    if message.flags == msg::config_request::SACKD {
        remember_sackd(rim, request, message.port, view.conf.slurmd_port);
    }
    let files = config_files(&view.conf, audience, request.version);
    Ok(request.reply(Number::RESPONSE_CONFIG, &files))
}

/// A sackd is told when the configuration changes: where it asked from, at the port that it named,
/// or slurmd's up to 24.11.
fn remember_sackd(rim: &Rim, request: &Request<'_>, port: u16, slurmd_port: u16) {
    /// More than any site has login nodes; the oldest makes room.
    const SACKDS_MAX: usize = 4096;
    let port = if port == 0 { slurmd_port } else { port };
    let address = std::net::SocketAddr::new(request.peer.ip(), port);
    let mut sackds = rim.sackds.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    sackds.retain(|known| known.0 != address);
    if sackds.len() >= SACKDS_MAX {
        sackds.remove(0);
    }
    sackds.push((address, request.version));
}

/// The configuration as a message.
pub fn config_files(conf: &SlurmConf, audience: Audience, version: Version) -> msg::ConfigFiles {
    let files = config::sent_to(audience, release(version), conf, &Disk)
        .into_iter()
        .map(|sent| msg::ConfigFile {
            exists: sent.content.is_some(),
            execute: sent.execute,
            file_name: Some(sent.name),
            content: sent.content.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        })
        .collect();
    msg::ConfigFiles {
        files: protocol::shape::NullOr::list(files),
        slurmd_spool_dir: conf.keys.slurmd_spool_dir.clone(),
    }
}

fn release(version: Version) -> Release {
    match version {
        Version::V23_11 => Release::R23_11,
        Version::V24_05 => Release::R24_05,
        Version::V24_11 => Release::R24_11,
        Version::V25_05 => Release::R25_05,
        Version::V25_11 => Release::R25_11,
        Version::V26_05 => Release::R26_05,
    }
}

/// REQUEST_BATCH_SCRIPT: `scontrol write batch_script`, for the owner and administrators.
fn batch_script(rim: &Rim, request: &Request<'_>) -> Result<Reply, Failure> {
    let message: msg::JobQuery = request.decode()?;
    let view = rim.published.view();
    let id = sluid::meant(&view, request.version, message.job.0);
    let job = view.cluster.job(id).ok_or(Failure::Code(Errno::ESLURM_INVALID_JOB_ID))?;
    let uid = request.caller.uid;
    if job.owner != uid && uid != Uid::ROOT && uid != view.cluster.config().slurm_user {
        return Err(Failure::Code(Errno::ESLURM_USER_ID_MISSING));
    }
    let script = rim.store.0.script(job.array_job()).map_err(|error| {
        tracing::error!(job = job.id.0, cause = %error, "a script cannot be read");
        Failure::Code(Errno::ESLURM_JOB_SCRIPT_MISSING)
    })?;
    let script = script.filter(|_| job.batch);
    let script = script.ok_or(Failure::Code(Errno::ESLURM_JOB_SCRIPT_MISSING))?;
    let body = msg::BatchScript { script: Some(script.script) };
    Ok(request.reply(Number::RESPONSE_BATCH_SCRIPT, &body))
}

/// Log levels and the like, until the next start.
fn tune(rim: &Rim, request: &Request<'_>) -> Result<Reply, Failure> {
    match request.number {
        Number::REQUEST_SET_DEBUG_LEVEL => {
            let message: msg::DebugLevel = request.decode()?;
            let level = u16::try_from(message.level).unwrap_or(u16::MAX);
            rim.log.set_level(level);
            rim.published.tune(|tuning| tuning.debug_level = level);
        }
        Number::REQUEST_SET_DEBUG_FLAGS => {
            let message: msg::DebugFlags = request.decode()?;
            rim.published.tune(|tuning| {
                tuning.debug_flags = tuning.debug_flags & !message.minus | message.plus;
            });
        }
        Number::REQUEST_SET_SCHEDLOG_LEVEL => {
            let message: msg::DebugLevel = request.decode()?;
            if rim.published.view().conf.keys.slurm_sched_log_file.is_none() {
                return Err(Failure::Code(Errno::ESLURM_DISABLED));
            }
            let level = u16::from(message.level > 0);
            rim.published.tune(|tuning| tuning.sched_log_level = level);
        }
        Number::REQUEST_SET_FS_DAMPENING_FACTOR => {
            let message: msg::DampeningFactor = request.decode()?;
            rim.published.tune(|tuning| tuning.fs_dampening_factor = message.factor);
        }
        _ => return Err(Failure::Code(Errno::EINVAL)),
    }
    info!(uid = request.caller.uid.0, rpc = %request.number, "altered until the next start");
    Ok(request.return_code(Errno::SLURM_SUCCESS))
}

/// REQUEST_AUTH_TOKEN: an `auth/jwt` token, of oneself or by an administrator of anybody.
fn token(rim: &Rim, request: &Request<'_>) -> Result<Reply, Failure> {
    let message: msg::TokenRequest = request.decode()?;
    let view = rim.published.view();
    let keys = rim.keys();
    let uid = request.caller.uid;
    let admin = uid == Uid::ROOT || uid == view.cluster.config().slurm_user;
    let parameters = view.conf.keys.auth_alt_parameters.as_deref().unwrap_or_default();
    if parameters.split(',').any(|p| p == "disable_token_creation") && !admin {
        return Err(Failure::Code(Errno::ESLURM_ACCESS_DENIED));
    }
    let set = keys.jwt.as_ref().ok_or(Failure::Code(Errno::ESLURM_PLUGIN_NOT_LOADED))?;
    let own_name = view.users.name(uid).to_string();
    let user_name = match message.username {
        Some(name) if name != own_name && !admin => {
            return Err(Failure::Code(Errno::ESLURM_USER_ID_MISSING));
        }
        Some(name) => name,
        None => own_name,
    };
    let at = Timestamp(request.now.0);
    // `scontrol token` asks for 1800 s unless told otherwise.
    let lifespan = message.lifespan.value().map_or(1800, i64::from);
    let longest = parameters.split(',').find_map(|p| p.strip_prefix("max_token_lifespan="));
    let longest = longest.and_then(|text| text.parse::<i64>().ok()).filter(|s| *s > 0);
    if !admin && longest.is_some_and(|longest| lifespan > longest) {
        return Err(Failure::Code(Errno::ESLURM_INVALID_TIME_LIMIT));
    }
    let token = UserToken {
        user_name,
        issued: Some(at),
        expires: Timestamp(at.0.saturating_add(lifespan)),
    };
    let body = msg::TokenReply { token: Some(token.sign(set, at)) };
    Ok(request.reply(Number::RESPONSE_AUTH_TOKEN, &body))
}
