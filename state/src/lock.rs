use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process;

use crate::error::StoreError;

/// A directory that no other process has, until this is dropped or the process ends, however it
/// does: the operating system holds the lock, the file only tells whose it is.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join("lock");
        let failed = |doing, source| StoreError::Io { doing, path: path.clone(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(|why| failed("open", why))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // An unreadable pid makes the message poorer, nothing else.
                let _ = file.take(16).read_to_string(&mut pid);
                let pid = pid.trim().parse().ok();
                return Err(StoreError::Locked { dir: dir.to_owned(), pid });
            }
            Err(TryLockError::Error(why)) => return Err(failed("lock", why)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", process::id()))
            .map_err(|why| failed("write", why))?;
        Ok(Self { _file: file })
    }
}
