//! Reads the source tree and holds it to the house rules that no compiler knows.
//!
//! The lists of exceptions are ratchets: an entry that is no longer needed fails the test too.

mod source;

use std::collections::BTreeMap;

use source::{Crate, crates, files, text};

/// Lines that a file may have.
const FILE_MAX: usize = 600;
/// Lines that a function may have.
const FUNCTION_MAX: usize = 70;

/// Functions that grow a line at a time stay on the list until they are this short.
const SHORT_ENOUGH: usize = 60;

/// Longer files, and why.
const LONG_FILES: [(&str, usize); 0] = [];

/// Longer functions, and how long: lists of fields or of variants, a line each, that nothing is
/// gained by cutting.
const LONG_FUNCTIONS: [(&str, &str, usize); 7] = [
    ("ctld/core/src/core.rs", "handle", 74),
    ("ctld/src/rpc/errno.rs", "errno", 100),
    ("ctld/src/settings.rs", "config", 100),
    ("state/model/src/config.rs", "default", 72),
    ("state/src/record/job.rs", "write", 100),
    ("state/src/record/partition.rs", "write", 101),
    ("state/src/record/spec.rs", "write", 108),
];

fn rust_files() -> Vec<String> {
    files("").into_iter().filter(|file| file.ends_with(".rs")).collect()
}

fn complain(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    let allowed: BTreeMap<&str, usize> = LONG_FILES.into_iter().collect();
    let mut long = BTreeMap::new();
    for file in files("").into_iter().filter(|file| !file.ends_with(".md")) {
        let lines = text(&file).lines().count();
        if lines > FILE_MAX {
            long.insert(file, lines);
        }
    }
    let mut found: Vec<String> = Vec::new();
    for (file, lines) in &long {
        if allowed.get(&**file) != Some(lines) {
            found.push(format!(
                "{file} has {lines} lines: split it by noun, or state it in LONG_FILES"
            ));
        }
    }
    let stale = allowed.keys().filter(|file| !long.contains_key(**file));
    found.extend(stale.map(|file| format!("{file} is short: take it out of LONG_FILES")));
    complain(found);
}

/// Functions of a file that is formatted: each ends with a brace as far in as its first line.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        let inside = line.trim_start();
        let indent = &line[..line.len() - inside.len()];
        let Some(name) = function_name(inside) else {
            continue;
        };
        if inside.ends_with('}') || inside.ends_with(';') {
            continue;
        }
        let is_end = |line: &&str| line.strip_prefix(indent).is_some_and(|rest| rest == "}");
        let bodiless = |line: &&str| line.strip_prefix(indent).is_some_and(|rest| rest == ");");
        let rest = &lines[first + 1..];
        let end = rest.iter().position(|line| is_end(line) || bodiless(line));
        found.push((name.to_owned(), end.map_or(1, |more| more + 2)));
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let mut rest = line;
    for word in ["pub ", "pub(crate) ", "pub(super) ", "default ", "const ", "async ", "unsafe "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let name = rest.strip_prefix("fn ")?;
    name.split(['(', '<']).next()
}

#[test]
fn the_reader_of_functions_sees_where_they_end() {
    let text =
        "impl A {\n    pub fn a(\n        b: u8,\n    ) -> u8 {\n        b\n    }\n}\nfn c() {}\n";
    assert_eq!(functions(text), [("a".to_owned(), 5)]);
    assert_eq!(function_name("pub(crate) async fn long<T>(t: T) {"), Some("long"));
    assert_eq!(function_name("let fnord = 1;"), None);
}

#[test]
fn no_function_is_too_long() {
    let mut unused = LONG_FUNCTIONS.to_vec();
    let mut found = Vec::new();
    for file in rust_files() {
        for (name, lines) in functions(&text(&file)) {
            if lines > SHORT_ENOUGH {
                unused.retain(|entry| (entry.0, entry.1) != (&*file, &*name));
            }
            let is_allowed = LONG_FUNCTIONS.iter().any(|entry| covers(entry, &file, &name, lines));
            if lines > FUNCTION_MAX && !is_allowed {
                found.push(format!("{file}: {name} has {lines} lines: split it"));
            }
        }
    }
    let stale = unused.iter().map(|(file, name, _)| format!("{file}: {name} is short by now"));
    found.extend(stale);
    complain(found);
}

fn covers(entry: &(&str, &str, usize), file: &str, name: &str, lines: usize) -> bool {
    (entry.0, entry.1) == (file, name) && lines <= entry.2
}

/// What is never left in a finished tree. Written in two parts, or this file would be found.
const BANNED_WORDS: [&str; 6] = [
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("TO", "DO"),
    concat!("db", "g!("),
];

#[test]
fn nothing_is_left_for_later() {
    let mut found = Vec::new();
    for file in files("") {
        for (number, line) in text(&file).lines().enumerate() {
            for word in BANNED_WORDS.iter().filter(|word| has_word(line, word)) {
                found.push(format!("{file}:{}: {word}", number + 1));
            }
        }
    }
    complain(found);
}

/// Whether a line has a word that is not a part of a longer one (mkdtemp's template is six letters).
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !is_part(before) && (word.ends_with('(') || !is_part(after))
    })
}

/// Names that tell nothing of what is inside.
const BANNED_NAMES: [&str; 8] =
    ["common", "util", "utils", "helper", "helpers", "types", "manager", "misc"];

#[test]
fn every_file_has_a_noun() {
    let is_banned = |part: &str| {
        let stem = part.split('.').next().unwrap_or_default();
        BANNED_NAMES.contains(&stem)
    };
    let named = files("").into_iter().filter(|file| file.split('/').any(is_banned));
    complain(named.map(|file| format!("{file}: what is it about?")).collect());
}

/// Hosts that packages are fetched from; the machine's own configuration names them.
const REGISTRIES: [&str; 8] = [
    concat!("crates", ".io"),
    concat!("debian", ".org"),
    concat!("pypi", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("npmjs", ".org"),
    concat!("docker", ".io"),
    concat!("ghcr", ".io"),
    concat!("quay", ".io"),
];

#[test]
fn nothing_names_a_machine_or_a_registry() {
    let mut banned: Vec<String> = REGISTRIES.iter().map(|host| (*host).to_owned()).collect();
    // Where this machine keeps the tree and its builder's things. Homes of made-up people are fine.
    banned.push(source::root().to_string_lossy().into_owned());
    let home = std::env::var("HOME").unwrap_or_default();
    banned.extend((home.len() > 1).then(|| format!("{home}/.")));
    banned.extend(MACHINE_PATHS.map(str::to_owned));
    let mut found = Vec::new();
    for file in files("") {
        for (number, line) in text(&file).lines().enumerate() {
            for what in banned.iter().filter(|what| names(line, what)) {
                found.push(format!("{file}:{}: {what}", number + 1));
            }
        }
    }
    complain(found);
}

/// Where machines that this was written on keep things.
const MACHINE_PATHS: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/.")];

/// Whether a line has a host or a path, and not as the middle of a longer path.
fn names(line: &str, what: &str) -> bool {
    line.match_indices(what).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !what.starts_with('/')
            || before.is_none_or(|c| !(c.is_alphanumeric() || "}_.$*".contains(c)))
    })
}

/// Who of ours a crate may depend on. The tests' own dependencies are held to the same.
fn may_know(name: &str) -> &'static [&'static str] {
    match name {
        "protocol" | "model" => &[],
        "sched" | "ctld-core" | "state" | "provision" => &["model"],
        "conformance" => &["protocol"],
        "micro" => &["protocol", "model", "state", "sched", "ctld-core"],
        "benches" => &["conformance", "protocol", "model", "state", "sched", "ctld-core"],
        "ctld" => &["protocol", "model", "state", "sched", "ctld-core", "provision"],
        _ => &["provision"],
    }
}

fn dependencies(one: &Crate) -> Vec<String> {
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .iter()
        .filter_map(|kind| one.manifest.get(*kind)?.as_table())
        .flat_map(|table| table.keys().cloned())
        .collect()
}

#[test]
fn dependencies_point_one_way() {
    let crates = crates();
    let ours: Vec<&str> = crates.iter().map(|one| &*one.name).collect();
    let mut found = Vec::new();
    for one in &crates {
        for known in dependencies(one).iter().filter(|known| ours.contains(&&***known)) {
            if !may_know(&one.name).contains(&&**known) {
                found.push(format!("{} must not know {known}", one.name));
            }
        }
    }
    complain(found);
}

#[test]
fn every_crate_says_what_it_is_for() {
    let mut found = Vec::new();
    for one in crates() {
        let roots = ["lib.rs", "main.rs"].map(|file| format!("{}/src/{file}", one.folder));
        let there: Vec<&String> =
            roots.iter().filter(|file| source::root().join(file).exists()).collect();
        assert!(!there.is_empty(), "{} has neither a library nor a program", one.name);
        let silent = there.into_iter().filter(|file| !text(file).starts_with("//! "));
        found.extend(silent.map(|file| format!("{file} does not begin with what it is for")));
    }
    complain(found);
}

#[test]
fn every_file_belongs_to_a_crate() {
    let mut found = Vec::new();
    for file in rust_files().into_iter().filter(|file| file.contains("/src/")) {
        let (folder, name) = file.rsplit_once('/').expect("src is in front of it");
        let (module, parents) = match name {
            "lib.rs" | "main.rs" => continue,
            _ if folder.ends_with("/bin") => continue,
            "mod.rs" => {
                let (above, own) = folder.rsplit_once('/').expect("src is in front of it");
                (own, module_files(above))
            }
            _ => (name.trim_end_matches(".rs"), module_files(folder)),
        };
        let declarations = [format!("mod {module};"), format!("#[path = \"{name}\"]")];
        let declared = |parent: &String| {
            source::root().join(parent).exists()
                && declarations.iter().any(|words| text(parent).contains(words))
        };
        if !parents.iter().any(declared) {
            found.push(format!("{file} is not part of any crate"));
        }
    }
    complain(found);
}

/// Files that may declare the modules of a folder: those in it (by `#[path]`), and the one beside it.
fn module_files(folder: &str) -> Vec<String> {
    let mut found: Vec<String> = files(folder)
        .into_iter()
        .filter(|file| file.rsplit_once('/').is_some_and(|f| f.0 == folder))
        .collect();
    found.push(format!("{folder}.rs"));
    found
}
