//! Stock Slurm: a Debian root of each release, fetched by debootstrap into `target/stock/`.

use std::env;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::ground::{self, say};
use crate::subject;

mod mpi;

pub use mpi::fetch_with_mpi;

/// Debian's packages of Slurm that a root holds.
const PACKAGES: &str =
    "slurmctld,slurmd,slurm-client,slurm-wlm-jwt-plugin,slurmrestd,slurmdbd,sackd";

/// debootstrap's way to make any recent Debian.
const SCRIPT: &str = "/usr/share/debootstrap/scripts/sid";

/// The releases whose wire the codec knows.
const KNOWN: [&str; 6] = ["23.11", "24.05", "24.11", "25.05", "25.11", "26.05"];

/// A release of stock Slurm that Debian packages, and the root that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// 24.11, in Debian trixie.
    R24_11,
    /// 26.05 or what followed it, in Debian sid.
    R26_05,
}

impl Release {
    /// Both.
    pub const ALL: [Self; 2] = [Self::R24_11, Self::R26_05];

    /// Debian's name of the suite that has this release.
    pub fn suite(self) -> &'static str {
        match self {
            Self::R24_11 => "trixie",
            Self::R26_05 => "sid",
        }
    }

    /// The series, such as `24.05`, of the Slurm that is in this release's root: another one than its name says where
    /// `CONFORMANCE_STOCK` is a folder that holds an older one.
    ///
    /// # Panics
    /// When there is no root and none can be fetched.
    pub fn series(self) -> String {
        match fetch(self) {
            Ok(stock) => stock.series().to_owned(),
            Err(why) => panic!("no stock Slurm: {why}"),
        }
    }

    /// From the text of `CONFORMANCE_RELEASE`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|release| release.to_string() == text)
    }

    /// The release that clients and slurmds have where a test does not say: `CONFORMANCE_RELEASE`, else 24.11.
    ///
    /// # Panics
    /// When the variable names no release, since a typing error must not pass as the default.
    pub fn chosen() -> Self {
        match env::var("CONFORMANCE_RELEASE") {
            Err(_) => Self::R24_11,
            Ok(text) => Self::parse(&text)
                .unwrap_or_else(|| panic!("CONFORMANCE_RELEASE={text}: want 24.11 or 26.05")),
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::R24_11 => "24.11",
            Self::R26_05 => "26.05",
        })
    }
}

/// A fetched root.
#[derive(Clone, Debug)]
pub struct Stock {
    /// The folder to change root into.
    pub root: PathBuf,
    /// What `slurmctld -V` says, such as `24.11.5`.
    pub version: String,
}

impl Stock {
    /// Its year and month, such as `24.11`.
    pub fn series(&self) -> &str {
        self.version.get(..5).unwrap_or(&self.version)
    }
}

/// Why stock Slurm is not there.
#[derive(Debug, thiserror::Error)]
pub enum StockError {
    /// The machine lacks what fetching needs.
    #[error(transparent)]
    Ground(#[from] ground::GroundError),
    /// A file or a program of this machine failed.
    #[error("{doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
    /// debootstrap did not get through.
    #[error(
        "debootstrap of Debian {suite} failed (CONFORMANCE_MIRROR names another mirror); \
         its last lines, all of them in {log}:\n{last}"
    )]
    Debootstrap {
        /// The suite.
        suite: &'static str,
        /// Where the whole output is.
        log: String,
        /// Its last lines.
        last: String,
    },
    /// Further packages were not to be had.
    #[error("apt-get in a copy of a root failed; its last lines, all of them in {log}:\n{last}")]
    Packages {
        /// Where the whole output is.
        log: String,
        /// Its last lines.
        last: String,
    },
    /// The suite has moved on to a release that the codec does not speak.
    #[error("Debian {suite} now has Slurm {version}; the codec knows {}", KNOWN.join(", "))]
    UnknownRelease {
        /// The suite.
        suite: &'static str,
        /// What `slurmctld -V` says.
        version: String,
    },
}

fn io_error(doing: impl Into<String>) -> impl FnOnce(io::Error) -> StockError {
    let doing = doing.into();
    move |source| StockError::Io { doing, source }
}

/// The root of a release, fetched when it is not there yet.
///
/// # Errors
/// When it cannot be fetched, or turns out to be a release that the codec does not know.
pub fn fetch(release: Release) -> Result<Stock, StockError> {
    let folder = folder();
    fs::create_dir_all(&folder).map_err(io_error(format!("creating {}", folder.display())))?;
    let root = folder.join(release.suite());
    if !root.exists() {
        // Two test binaries, or two threads of one, must not fetch the same root at once.
        let path = folder.join("lock");
        let lock = File::create(&path).map_err(io_error(format!("opening {}", path.display())))?;
        lock.lock().map_err(io_error(format!("locking {}", path.display())))?;
        ground::install_tools()?;
        if !root.exists() {
            debootstrap(release, &folder, &root)?;
        }
    }
    let version = version_in(&root)?;
    if !is_known(&version) {
        return Err(StockError::UnknownRelease { suite: release.suite(), version });
    }
    Ok(Stock { root, version })
}

/// Where the roots lie: `CONFORMANCE_STOCK`, else `stock` in cargo's target folder.
fn folder() -> PathBuf {
    env::var_os("CONFORMANCE_STOCK")
        .map_or_else(|| subject::target_folder().join("stock"), PathBuf::from)
}

fn debootstrap(release: Release, folder: &Path, root: &Path) -> Result<(), StockError> {
    let suite = release.suite();
    let part = folder.join(format!("{suite}.part"));
    if part.exists() {
        fs::remove_dir_all(&part).map_err(io_error(format!("removing {}", part.display())))?;
    }
    let mirror = mirror();
    say(&format!(
        "conformance: fetching stock Slurm {release} (Debian {suite}) into {} from {}, about a minute",
        root.display(),
        mirror.as_deref().unwrap_or("debootstrap's own mirror"),
    ));
    // In namespaces of its own, so that what debootstrap mounts and starts in the root ends with it.
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "debootstrap"])
        .args(["--variant=minbase", &format!("--include={PACKAGES}")])
        .arg(suite)
        .arg(&part)
        .args(&mirror)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    // An older debootstrap lacks the newer suites' names, all of which mean this script.
    if mirror.is_some() && Path::new(SCRIPT).exists() {
        command.arg(SCRIPT);
    }
    if let Some(proxy) = apt_proxy() {
        command.env("http_proxy", proxy);
    }
    let log_path = folder.join(format!("{suite}.log"));
    let last = run_logged(&mut command, &log_path)?;
    if let Some(last) = last {
        let log = log_path.display().to_string();
        return Err(StockError::Debootstrap { suite, log, last });
    }
    remove_archives(&part)?;
    let version = version_in(&part)?;
    fs::rename(&part, root).map_err(io_error(format!("renaming {}", part.display())))?;
    say(&format!("conformance: Debian {suite} has Slurm {version}"));
    Ok(())
}

/// Runs debootstrap, keeps its output in a file and prints each new phase of its work. `Some` holds the last lines of a failed run.
fn run_logged(command: &mut Command, log_path: &Path) -> Result<Option<String>, StockError> {
    let doing = || format!("running debootstrap, log in {}", log_path.display());
    let mut log = File::create(log_path).map_err(io_error(doing()))?;
    let errors = log.try_clone().map_err(io_error(doing()))?;
    let mut child = command.stderr(errors).spawn().map_err(io_error(doing()))?;
    let stdout = child.stdout.take().expect("stdout was asked to be a pipe");
    let mut phase = String::new();
    for line in BufReader::new(stdout).lines() {
        let line = line.map_err(io_error(doing()))?;
        writeln!(log, "{line}").map_err(io_error(doing()))?;
        let word = line.strip_prefix("I: ").and_then(|rest| rest.split(' ').next());
        if let Some(word @ ("Resolving" | "Extracting" | "Unpacking" | "Configuring")) = word
            && word != phase
        {
            phase = word.to_owned();
            say(&format!("conformance:   {}", line.trim_start_matches("I: ")));
        }
    }
    if child.wait().map_err(io_error(doing()))?.success() {
        return Ok(None);
    }
    let text = fs::read_to_string(log_path).map_err(io_error(doing()))?;
    Ok(Some(ground::tail(&text, 8)))
}

/// The downloaded packages are a third of a root and of no more use.
fn remove_archives(root: &Path) -> Result<(), StockError> {
    let archives = root.join("var/cache/apt/archives");
    let doing = || format!("emptying {}", archives.display());
    for entry in fs::read_dir(&archives).map_err(io_error(doing()))? {
        let path = entry.map_err(io_error(doing()))?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            fs::remove_file(&path).map_err(io_error(doing()))?;
        }
    }
    Ok(())
}

fn version_in(root: &Path) -> Result<String, StockError> {
    let output = Command::new("chroot")
        .arg(root)
        .args(["/usr/sbin/slurmctld", "-V"])
        .output()
        .map_err(io_error(format!("asking slurmctld in {} for its release", root.display())))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.split_whitespace().last().unwrap_or("without slurmctld").to_owned())
}

fn is_known(version: &str) -> bool {
    KNOWN.iter().any(|known| {
        version.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// The mirror that this machine's own apt uses for Debian; `None` leaves debootstrap its default.
///
/// `CONFORMANCE_MIRROR` comes first. A distribution that is not Debian may have a line for a Debian mirror all the same.
fn mirror() -> Option<String> {
    if let Ok(chosen) = env::var("CONFORMANCE_MIRROR") {
        return Some(chosen);
    }
    let os = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let is_debian = os.lines().any(|line| line == "ID=debian");
    let uris = source_files().into_iter().flat_map(|path| {
        let text = fs::read_to_string(&path).unwrap_or_default();
        if path.extension().is_some_and(|extension| extension == "sources") {
            uris_of_deb822(&text)
        } else {
            uris_of_list(&text)
        }
    });
    let is_archive = |uri: &String| {
        let path = uri.trim_end_matches('/');
        path.ends_with("/debian")
            || (is_debian && path.contains("debian") && !path.contains("security"))
    };
    uris.into_iter().find(is_archive)
}

fn source_files() -> Vec<PathBuf> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    let folder = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten();
    let mut more: Vec<PathBuf> = folder.map(|entry| entry.path()).collect();
    more.sort();
    files.extend(more.into_iter().filter(|path| {
        path.extension().is_some_and(|extension| extension == "sources" || extension == "list")
    }));
    files
}

/// The `URIs:` of the one-key-a-line format (`*.sources`).
fn uris_of_deb822(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix("URIs:"))
        .flat_map(str::split_whitespace)
        .map(str::to_owned)
        .collect()
}

/// The addresses of the one-line format (`deb [options] URI suite component…`).
fn uris_of_list(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| line.trim_start().strip_prefix("deb "))
        .filter_map(|rest| rest.split_whitespace().find(|word| word.contains("://")))
        .map(str::to_owned)
        .collect()
}

/// The proxy that apt is told to use, for debootstrap does not read apt's configuration.
fn apt_proxy() -> Option<String> {
    let output = Command::new("apt-config")
        .args(["shell", "proxy", "Acquire::http::Proxy"])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let proxy = text.trim().strip_prefix("proxy='")?.strip_suffix('\'')?;
    (!proxy.is_empty() && proxy != "DIRECT").then(|| proxy.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_of_apt_sources_give_their_addresses() {
        let list = "# deb http://no.example/debian x main\ndeb [arch=amd64] http://a.example/debian trixie main\n";
        assert_eq!(uris_of_list(list), ["http://a.example/debian"]);
        let sources =
            "Types: deb\nURIs: http://b.example/debian http://c.example/debian\nSuites: sid\n";
        assert_eq!(uris_of_deb822(sources), ["http://b.example/debian", "http://c.example/debian"]);
    }

    #[test]
    fn a_release_of_the_future_is_not_known() {
        assert!(is_known("24.11.5"));
        assert!(is_known("26.05.0-rc1"));
        assert!(!is_known("26.11.0"));
        assert!(!is_known("24.110"));
        assert!(!is_known("without slurmctld"));
    }

    #[test]
    fn a_release_is_read_as_it_is_written() {
        for release in Release::ALL {
            assert_eq!(Release::parse(&release.to_string()), Some(release));
        }
        assert_eq!(Release::parse("22.05"), None);
    }
}
