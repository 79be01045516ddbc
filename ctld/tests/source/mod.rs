//! The source tree of the workspace, as text.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::{Path, PathBuf};

/// A crate of the workspace.
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its folder, from the root.
    pub folder: String,
    /// Its Cargo.toml.
    pub manifest: toml::Table,
}

/// The folder of the workspace.
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().expect("the workspace is around this crate").to_owned()
}

/// The crates that the workspace lists.
pub fn crates() -> Vec<Crate> {
    let workspace = table("Cargo.toml");
    let members = workspace["workspace"]["members"].as_array().expect("a list of members");
    let read = |member: &toml::Value| {
        let folder = member.as_str().expect("members are paths").to_owned();
        let manifest = table(&format!("{folder}/Cargo.toml"));
        let name = manifest["package"]["name"].as_str().expect("a crate has a name").to_owned();
        Crate { name, folder, manifest }
    };
    members.iter().map(read).collect()
}

/// All files below a folder, given and named from the root, in order: what people wrote, not what
/// was built, captured or fetched.
pub fn files(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort();
    found
}

/// The text of a file that is named from the root.
pub fn text(file: &str) -> String {
    let path = root().join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

fn table(file: &str) -> toml::Table {
    text(file).parse().unwrap_or_else(|why| panic!("{file}: {why}"))
}

/// Folders that hold what nobody wrote by hand.
const NOT_SOURCE: [&str; 6] = ["target", "testdata", ".git", "corpus", "artifacts", "LICENSES"];
/// Endings of files that are text.
const TEXT: [&str; 11] =
    ["rs", "toml", "md", "sh", "py", "proto", "yml", "yaml", "conf", "plan", "txt"];

fn walk(folder: &Path, found: &mut Vec<String>) {
    let entries = std::fs::read_dir(folder).expect("the source tree can be read");
    for entry in entries {
        let path = entry.expect("the source tree can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !NOT_SOURCE.contains(&&*name) {
                walk(&path, found);
            }
        } else if path.extension().is_some_and(|ending| TEXT.iter().any(|t| ending == *t)) {
            let inside = path.strip_prefix(root()).expect("the walk began at the root");
            found.push(inside.to_string_lossy().into_owned());
        }
    }
}
