//! The SACK socket: users of this host get their tokens here, without reading the key.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use protocol::auth::{self, Client, SACK_BYTES_MAX, SackRequest};
use protocol::msg::Identity;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::rim::{Rim, wire_now};

/// A client that is slower than this has gone.
const LIMIT: Duration = Duration::from_secs(10);
/// How many clients are served at a time; others wait in the kernel.
const CLIENTS_MAX: usize = 512;

/// Binds the socket, open to everybody: who speaks is told by the kernel.
///
/// # Errors
///
/// If the folder cannot be made or the socket cannot be bound.
fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o777))?;
    Ok(listener)
}

/// Serves the socket for ever.
///
/// # Errors
///
/// If it cannot be bound.
pub fn serve_sack(rim: Arc<Rim>, path: &Path) -> io::Result<impl Future<Output = ()> + use<>> {
    let listener = bind(path)?;
    let room = Arc::new(Semaphore::new(CLIENTS_MAX));
    Ok(async move {
        loop {
            // The semaphore is never closed.
            let Ok(place) = Arc::clone(&room).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let rim = Arc::clone(&rim);
                    tokio::spawn(async move {
                        if let Ok(Err(error)) = timeout(LIMIT, client(&rim, stream)).await {
                            debug!(cause = %error, "a client of the SACK socket has gone");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    warn!(cause = %error, "no room for another client of the SACK socket");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    })
}

async fn client(rim: &Rim, mut stream: UnixStream) -> io::Result<()> {
    let peer = stream.peer_cred()?;
    let mut bytes = Vec::new();
    let request = loop {
        match SackRequest::from_bytes(&bytes) {
            Ok(Some((request, _))) => break request,
            Ok(None) if bytes.len() <= SACK_BYTES_MAX => {}
            Ok(None) => return Ok(()),
            Err(error) => {
                warn!(uid = peer.uid(), cause = %error, "malformed request at the SACK socket");
                return Ok(());
            }
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    };
    let reply = match request {
        SackRequest::Create { reader_uid, payload } => {
            let client = Client { uid: peer.uid(), gid: peer.gid(), reader_uid, payload };
            let identity = identity(rim, peer.uid());
            let token = rim.issuer().for_client(&rim.key_set(), wire_now(), client, identity);
            SackRequest::create_reply(&token)
        }
        SackRequest::Verify { token } => {
            let token = token.unwrap_or_default();
            match auth::verify(&token, &rim.key_set(), wire_now(), peer.uid()) {
                Ok(_) => SackRequest::verify_reply(),
                Err(error) => {
                    warn!(uid = peer.uid(), cause = %error, "a token was not verified");
                    return Ok(());
                }
            }
        }
    };
    stream.write_all(&reply).await
}

/// Who the client is, for controllers that do not know their users (`use_client_ids`).
fn identity(rim: &Rim, uid: u32) -> Option<Identity> {
    let view = rim.published.view();
    if !view.conf.settings.auth_info.has("use_client_ids") {
        return None;
    }
    let user = view.users.user(model::Uid(uid))?;
    let gids: Vec<u32> = user.groups.iter().map(|gid| gid.0).collect();
    let names = user.groups.iter().map(|gid| view.users.group_name(*gid).map(|n| n.to_string()));
    Some(Identity {
        uid,
        gid: user.gid.0,
        name: Some(user.name.to_string()),
        gecos: Some(user.gecos.to_string()),
        home: Some(user.home.to_string()),
        shell: Some(user.shell.to_string()),
        group_names: names.collect(),
        gids,
    })
}
