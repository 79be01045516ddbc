//! `ctld.toml`: ctld's own keys, beside slurm.conf. All are optional; none is Slurm's.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::source::Files;

/// The file's name.
pub const OWN_FILE: &str = "ctld.toml";

/// ctld's own configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Own {
    /// `[store]`.
    pub store: Store,
    /// `[limits]`.
    pub limits: Limits,
}

/// `[store]`: where state is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// The folder of the store; a folder in StateSaveLocation if not given.
    pub path: Option<PathBuf>,
}

/// `[limits]`: what peers may use before and after they are known.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Open connections of one address.
    pub connections_per_peer: u32,
    /// Open connections in all.
    pub connections: u32,
    /// The longest frame, in bytes. Slurm's own limit is 1 GiB; a launch of a large job needs some
    /// MiB.
    pub frame_bytes: u32,
    /// Events that wait for the writer; beyond it clients are told to come back.
    pub inbox: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_per_peer: 1024,
            connections: 16_384,
            frame_bytes: 128 * 1024 * 1024,
            inbox: 8192,
        }
    }
}

/// Why `ctld.toml` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// It is there and cannot be read.
    #[error("unable to read \"{path}\"")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no TOML, or has a key that ctld does not know.
    #[error("{path}:{line}: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What the parser said.
        message: String,
    },
    /// A limit of 0 would let nobody in.
    #[error("{path}: limits.{key} cannot be 0")]
    Zero {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
    },
}

impl Own {
    /// Reads the file beside `slurm_conf`; without one, everything has its default.
    pub fn load(files: &dyn Files, slurm_conf: &Path) -> Result<Self, OwnError> {
        let path = slurm_conf.parent().unwrap_or(Path::new("")).join(OWN_FILE);
        let bytes = match files.read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(OwnError::Unreadable { path, source }),
        };
        let text = String::from_utf8_lossy(&bytes);
        let own: Self = toml::from_str(&text).map_err(|e| {
            let before = e.span().map_or(0, |span| span.start).min(text.len());
            let line = text.as_bytes()[..before].iter().filter(|&&b| b == b'\n').count() + 1;
            OwnError::Syntax { path: path.clone(), line, message: e.message().to_owned() }
        })?;
        let limits = &own.limits;
        let all = [
            ("connections_per_peer", limits.connections_per_peer),
            ("connections", limits.connections),
            ("frame_bytes", limits.frame_bytes),
            ("inbox", limits.inbox),
        ];
        match all.into_iter().find(|&(_, limit)| limit == 0) {
            Some((key, _)) => Err(OwnError::Zero { path, key }),
            None => Ok(own),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn load(text: &str) -> Result<Own, OwnError> {
        let files = BTreeMap::from([(PathBuf::from("/e/ctld.toml"), text.to_owned())]);
        Own::load(&files, Path::new("/e/slurm.conf"))
    }

    #[test]
    fn no_file_is_all_defaults_and_keys_override_them() {
        let none = BTreeMap::<PathBuf, String>::new();
        assert_eq!(Own::load(&none, Path::new("/e/slurm.conf")).unwrap(), Own::default());
        let own = load("[store]\npath = \"/x\"\n[limits]\ninbox = 7\n").unwrap();
        assert_eq!(own.store.path.as_deref(), Some(Path::new("/x")));
        assert_eq!(own.limits, Limits { inbox: 7, ..Limits::default() });
    }

    #[test]
    fn unknown_keys_are_errors_with_their_line() {
        let text = load("[store]\npath = \"/x\"\ncolour = 1\n").unwrap_err().to_string();
        assert!(text.starts_with("/e/ctld.toml:3: unknown field `colour`"), "{text}");
        let text = load("[limits]\ninbox = 0\n").unwrap_err().to_string();
        assert_eq!(text, "/e/ctld.toml: limits.inbox cannot be 0");
        assert!(load("[limits").is_err());
    }
}
