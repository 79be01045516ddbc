//! Stock Slurm with MPI beside it, which only few tests want: a copy of a fetched root and 150 MB of packages.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use super::{Release, Stock, StockError, apt_proxy, fetch, folder, io_error, run_logged};
use crate::ground::say;

/// The release that Debian builds with a PMIx plugin: `mpi_pmix.so` is in trixie's packages of Slurm and not in sid's.
const RELEASE: Release = Release::R24_11;

/// The root of the release that has PMIx, with a compiler, OpenMPI and PMI-2; made when it is not there yet.
///
/// # Errors
/// When its packages cannot be fetched.
pub fn fetch_with_mpi() -> Result<Stock, StockError> {
    let stock = fetch(RELEASE)?;
    let folder = folder();
    let root = folder.join(format!("{}-mpi", RELEASE.suite()));
    if !root.exists() {
        let path = folder.join("lock");
        let lock = File::create(&path).map_err(io_error(format!("opening {}", path.display())))?;
        lock.lock().map_err(io_error(format!("locking {}", path.display())))?;
        if !root.exists() {
            make(&stock)?;
        }
    }
    Ok(Stock { root, version: stock.version })
}

fn make(stock: &Stock) -> Result<(), StockError> {
    let name = format!("{}-mpi", RELEASE.suite());
    let root = folder().join(&name);
    let part = folder().join(format!("{name}.part"));
    if part.exists() {
        fs::remove_dir_all(&part).map_err(io_error(format!("removing {}", part.display())))?;
    }
    say(&format!("conformance: adding MPI to a copy of {}, about a minute", stock.root.display()));
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .args(["bash", "-c", include_str!("mpi.sh"), "mpi.sh"])
        .args([&stock.root, &part])
        .arg(apt_proxy().unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let log = folder().join(format!("{name}.log"));
    if let Some(last) = run_logged(&mut command, &log)? {
        return Err(StockError::Packages { log: log.display().to_string(), last });
    }
    fs::rename(&part, root).map_err(io_error(format!("renaming {}", part.display())))
}
