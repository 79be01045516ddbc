//! Who is tested: our controller or the stock one.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::ground::say;
use crate::stock::Release;

/// The controller of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The program `ctld` of this workspace.
    Ours,
    /// slurmctld of a stock release.
    Stock(Release),
}

impl Subject {
    /// `CONFORMANCE_SUBJECT`: `ours` (the default), `stock` (of [`Release::chosen`]).
    ///
    /// # Panics
    /// On any other word, since a typing error must not test the wrong controller.
    pub fn chosen() -> Self {
        match env::var("CONFORMANCE_SUBJECT").as_deref() {
            Err(_) | Ok("ours") => Self::Ours,
            Ok("stock") => Self::Stock(Release::chosen()),
            Ok(other) => panic!("CONFORMANCE_SUBJECT={other}: want ours or stock"),
        }
    }

    /// Whether it is ours.
    pub fn is_ours(self) -> bool {
        self == Self::Ours
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours => f.write_str("ctld"),
            Self::Stock(release) => write!(f, "stock slurmctld {release}"),
        }
    }
}

/// `ctld` could not be built.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BuildError {
    /// cargo could not be started.
    #[error("cannot start {cargo} to build ctld: {why}")]
    Cargo {
        /// The program that was tried.
        cargo: String,
        /// The system's words.
        why: String,
    },
    /// cargo failed; its own words are above.
    #[error("cargo build -p ctld --bin ctld failed")]
    Failed,
    /// cargo succeeded, but the program is not where it should be.
    #[error("cargo built ctld, but there is no {path}")]
    NotThere {
        /// Where it was looked for.
        path: String,
    },
}

/// The program `ctld`: `CTLD_BIN`, else built once by cargo in the profile of this process.
///
/// # Errors
/// When it cannot be built.
pub fn ctld() -> Result<PathBuf, BuildError> {
    static BUILT: OnceLock<Result<PathBuf, BuildError>> = OnceLock::new();
    BUILT
        .get_or_init(|| match env::var_os("CTLD_BIN") {
            Some(path) => existing(PathBuf::from(path)),
            None => build(),
        })
        .clone()
}

fn build() -> Result<PathBuf, BuildError> {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let folder = profile_folder();
    let mut command = Command::new(&cargo);
    command.args(["build", "--quiet", "--package", "ctld", "--bin", "ctld"]);
    command.arg("--target-dir").arg(target_folder());
    if folder.file_name().is_some_and(|name| name == "release") {
        command.arg("--release");
    }
    say("conformance: building ctld");
    let status = command
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .stdin(Stdio::null())
        .status()
        .map_err(|why| BuildError::Cargo { cargo, why: why.to_string() })?;
    if !status.success() {
        return Err(BuildError::Failed);
    }
    existing(folder.join("ctld"))
}

fn existing(path: PathBuf) -> Result<PathBuf, BuildError> {
    // A path relative to where the caller stands means nothing inside a world.
    path.canonicalize().map_err(|_| BuildError::NotThere { path: path.display().to_string() })
}

/// `target/debug` or `target/release`: where this process was built into.
fn profile_folder() -> PathBuf {
    let program = env::current_exe().expect("the system knows which program this is");
    let mut folder = program.parent().expect("a program lies in a folder").to_owned();
    if folder.ends_with("deps") || folder.ends_with("examples") {
        folder.pop();
    }
    folder
}

/// Cargo's target folder.
pub fn target_folder() -> PathBuf {
    let mut folder = profile_folder();
    folder.pop();
    folder
}
