//! What the machine must offer before a world can stand on it: root, namespaces, a few programs.

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The programs a world is made with, and the Debian package that brings each.
const TOOLS: [(&str, &str); 6] = [
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("mount", "mount"),
    ("bash", "bash"),
    ("ip", "iproute2"),
    ("debootstrap", "debootstrap"),
];

/// The keyring that debootstrap checks Debian's signatures with; other distributions have it as a package.
const KEYRING: (&str, &str) =
    ("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring");

/// The machine cannot carry a world.
#[derive(Debug, thiserror::Error)]
pub enum GroundError {
    /// The process is not root, or root without the right to make namespaces.
    #[error("conformance needs root with the right to make mount, PID and network namespaces")]
    NotRoot,
    /// A program is missing and there is no apt-get to install it.
    #[error("{missing} missing and no apt-get here to install it: install {packages} by hand")]
    NoApt {
        /// What was looked for.
        missing: String,
        /// The Debian packages that bring it.
        packages: String,
    },
    /// apt-get ran and failed.
    #[error("apt-get install {packages} failed: {detail}")]
    Apt {
        /// The packages that were asked for.
        packages: String,
        /// The last lines that apt-get printed.
        detail: String,
    },
}

/// Prints one line of progress where a person sees it even when the test harness captures the output of tests.
pub fn say(line: &str) {
    // A closed stderr must not fail a test.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Checks for root and the right to make namespaces; does not install anything.
///
/// # Errors
/// [`GroundError::NotRoot`] when either is missing.
pub fn check_rights() -> Result<(), GroundError> {
    if !rustix::process::geteuid().is_root() {
        return Err(GroundError::NotRoot);
    }
    let allowed = Command::new("unshare")
        .args(["--mount", "--net", "--uts", "--pid", "--fork", "true"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match allowed {
        // Without util-linux the question cannot be asked; `install_tools` says so.
        Err(_) => Ok(()),
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(GroundError::NotRoot),
    }
}

/// Installs what is missing of the programs a world is made with.
///
/// # Errors
/// When something is missing and apt-get is not there or fails.
pub fn install_tools() -> Result<(), GroundError> {
    let mut missing: Vec<(&str, &str)> =
        TOOLS.into_iter().filter(|(program, _)| find_program(program).is_none()).collect();
    if !Path::new(KEYRING.0).exists() {
        missing.push(KEYRING);
    }
    if missing.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    packages.sort_unstable();
    packages.dedup();
    if find_program("apt-get").is_none() {
        let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
        return Err(GroundError::NoApt { missing: names.join(", "), packages: packages.join(" ") });
    }
    say(&format!("conformance: installing {}", packages.join(" ")));
    if apt_get(&install_args(&packages)).is_ok() {
        return Ok(());
    }
    // The package lists of a fresh machine may be empty or old.
    apt_get(&["update"])
        .and_then(|()| apt_get(&install_args(&packages)))
        .map_err(|detail| GroundError::Apt { packages: packages.join(" "), detail })
}

fn install_args<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["install", "-y", "--no-install-recommends"];
    args.extend(packages);
    args
}

fn apt_get(args: &[&str]) -> Result<(), String> {
    let output = Command::new("apt-get")
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .map_err(|why| why.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(tail(&text, 5))
}

/// Where a program lies: `PATH` first, then the system folders that a user's `PATH` may lack.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

/// The last lines of a text.
pub fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    let from = all.len().saturating_sub(lines);
    all.get(from..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_longer_than_the_text_is_the_text() {
        assert_eq!(tail("a\nb", 5), "a\nb");
        assert_eq!(tail("a\nb\nc", 2), "b\nc");
    }

    #[test]
    fn a_program_that_is_nowhere_is_not_found() {
        assert!(find_program("no-program-has-this-name").is_none());
        assert!(find_program("sh").is_some());
    }
}
