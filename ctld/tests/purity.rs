//! Pure crates decide, and do nothing: the same arguments give the same result, in a simulation as in
//! production. clippy holds them to it by their own clippy.toml; this holds them to having one, to
//! dependencies that were looked at, and to sources without what no clippy list can name.

mod source;

use std::path::Path;
use std::process::Command;

use source::{Crate, crates, files, text};

/// The pure crates, and the foreign ones that each may use. Look at what a crate does before it is
/// added: no clock, socket, file, thread, random source, async runtime.
const PURE: [(&str, &[&str]); 4] = [
    (
        "protocol",
        &[
            "base64",
            "bytes",
            "jsonwebtoken",
            "k12",
            "nom",
            "ring",
            "serde",
            "serde_json",
            "thiserror",
        ],
    ),
    ("model", &["imbl", "nom", "thiserror"]),
    ("sched", &["model", "thiserror"]),
    ("ctld-core", &["model", "thiserror"]),
];

/// What must not stand in a pure crate, and what to do instead.
const BANNED: [(&str, &str); 15] = [
    ("Instant::now", "time is an argument"),
    ("SystemTime", "time is a Timestamp"),
    ("std::fs", "bytes are an argument"),
    ("TcpStream", "sockets are ctld's"),
    ("TcpListener", "sockets are ctld's"),
    ("UdpSocket", "sockets are ctld's"),
    ("UnixStream", "sockets are ctld's"),
    ("std::thread", "threads are ctld's"),
    ("std::process::", "processes are ctld's"),
    ("std::env::", "configuration is an argument"),
    ("rand::", "chance is an argument"),
    ("SystemRandom", "chance is an argument"),
    ("HashMap", "its order differs from run to run: BTreeMap"),
    ("HashSet", "its order differs from run to run: BTreeSet"),
    ("async fn", "nothing here waits"),
];

fn pure_crates() -> Vec<(Crate, &'static [&'static str])> {
    let known = |one: Crate| {
        let entry = PURE.into_iter().find(|(name, _)| *name == one.name)?;
        Some((one, entry.1))
    };
    let found: Vec<_> = crates().into_iter().filter_map(known).collect();
    assert_eq!(found.len(), PURE.len(), "a pure crate has another name");
    found
}

#[test]
fn every_pure_crate_has_the_list_of_what_it_may_not_call() {
    let lists: Vec<(String, String)> = pure_crates()
        .into_iter()
        .map(|(one, _)| {
            let file = format!("{}/clippy.toml", one.folder);
            let text = text(&file);
            (file, text)
        })
        .collect();
    for (file, list) in &lists {
        assert!(list.contains("std::time::Instant::now"), "{file} does not ban the clock");
        assert_eq!(*list, lists[0].1, "{file} and {} differ", lists[0].0);
    }
}

#[test]
fn pure_crates_use_only_what_was_looked_at() {
    for (one, allowed) in pure_crates() {
        let table = one.manifest["dependencies"].as_table().expect("a table");
        let foreign: Vec<&String> =
            table.keys().filter(|name| !allowed.contains(&&***name)).collect();
        assert!(foreign.is_empty(), "{} is pure and uses {foreign:?}", one.name);
    }
}

/// The part of a source file that is not its tests, without comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    let lines = text[..end].lines().enumerate();
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[test]
fn pure_sources_do_nothing() {
    let mut found = Vec::new();
    for (one, _) in pure_crates() {
        let sources = files(&format!("{}/src", one.folder));
        let is_test = |file: &String| file.split('/').any(|part| part.starts_with("tests"));
        for file in sources.iter().filter(|file| file.ends_with(".rs") && !is_test(file)) {
            for (number, line) in code(&text(file)) {
                for (banned, instead) in BANNED.iter().filter(|(banned, _)| line.contains(banned)) {
                    found.push(format!("{file}:{}: {banned}: {instead}", number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// What has no operating system under it cannot call one. `protocol` is left out: its ring needs a C
/// compiler for that machine.
#[test]
fn pure_crates_build_where_there_is_no_system() {
    const TARGET: &str = "wasm32-unknown-unknown";
    let libdir = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(source::root())
        .output()
        .expect("rustc has built this test");
    let libdir = String::from_utf8_lossy(&libdir.stdout).trim().to_owned();
    if libdir.is_empty() || !Path::new(&libdir).exists() {
        println!("not tried: {TARGET} is not installed");
        return;
    }
    let built = Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--target", TARGET])
        .args(["--package", "model", "--package", "sched", "--package", "ctld-core"])
        .arg("--target-dir")
        .arg(env!("CARGO_TARGET_TMPDIR"))
        .current_dir(source::root())
        .status()
        .expect("cargo runs this test");
    assert!(built.success());
}
