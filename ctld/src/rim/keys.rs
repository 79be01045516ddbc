//! The key files of `auth/slurm` and `auth/jwt`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use protocol::auth::{KeyError, KeySet};

use crate::config::SlurmConf;

/// All keys.
#[derive(Debug)]
pub struct Keys {
    /// `slurm.jwks`, or `slurm.key`.
    pub slurm: Arc<KeySet>,
    /// AuthAltTypes=auth/jwt.
    pub jwt: Option<Arc<KeySet>>,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("unable to read key file {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Everybody may read it.
    #[error("key file {path} must not be open to others: mode is {mode:o}")]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Somebody else's.
    #[error("key file {path} belongs to uid {owner}, not to root or SlurmUser")]
    ForeignOwner {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// It holds no key.
    #[error("key file {path}: {source}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
}

impl Keys {
    /// Reads the key files that slurm.conf and the environment name: `slurm.jwks` wins over
    /// `slurm.key`, both beside slurm.conf unless SLURM_SACK_JWKS or SLURM_SACK_KEY says otherwise.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`], naming the file.
    pub fn load(conf: &SlurmConf, slurm_uid: u32) -> Result<Self, KeyFileError> {
        let folder = conf.path.parent().unwrap_or(Path::new("/etc/slurm"));
        let from = |variable: &str| {
            std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
        };
        let jwks = from("SLURM_SACK_JWKS").unwrap_or_else(|| folder.join("slurm.jwks"));
        let (path, is_jwks) = if jwks.exists() {
            (jwks, true)
        } else {
            (from("SLURM_SACK_KEY").unwrap_or_else(|| folder.join("slurm.key")), false)
        };
        let bytes = read(&path, slurm_uid)?;
        let parsed =
            if is_jwks { KeySet::from_jwks(&bytes) } else { KeySet::from_key_file(&bytes) };
        let slurm = parsed.map_err(|source| KeyFileError::Invalid { path, source })?;
        Ok(Self { slurm: Arc::new(slurm), jwt: load_jwt(conf, slurm_uid)?.map(Arc::new) })
    }
}

/// The key of `auth/jwt`, where AuthAltTypes asks for it.
fn load_jwt(conf: &SlurmConf, slurm_uid: u32) -> Result<Option<KeySet>, KeyFileError> {
    let types = conf.keys.auth_alt_types.as_deref().unwrap_or_default();
    if !types.split(',').any(|name| name == "auth/jwt") {
        return Ok(None);
    }
    let parameters = conf.keys.auth_alt_parameters.as_deref().unwrap_or_default();
    let named = parameters.split(',').find_map(|p| p.strip_prefix("jwt_key="));
    let path = named.map(PathBuf::from).unwrap_or_else(|| {
        let state = conf.keys.state_save_location.as_deref().unwrap_or("/var/spool");
        Path::new(state).join("jwt_hs256.key")
    });
    let bytes = read(&path, slurm_uid)?;
    let set = KeySet::from_key_file(&bytes);
    set.map(Some).map_err(|source| KeyFileError::Invalid { path, source })
}

fn read(path: &Path, slurm_uid: u32) -> Result<Vec<u8>, KeyFileError> {
    let unreadable = |source| KeyFileError::Unreadable { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o007 != 0 {
        return Err(KeyFileError::OpenToOthers { path: path.to_owned(), mode });
    }
    let owner = metadata.uid();
    if owner != 0 && owner != slurm_uid {
        return Err(KeyFileError::ForeignOwner { path: path.to_owned(), owner });
    }
    fs::read(path).map_err(unreadable)
}
