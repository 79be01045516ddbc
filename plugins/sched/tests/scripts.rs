//! Every script in `testdata/` is answered as it says. `UPDATE=1` writes down what is answered today.

#![allow(clippy::disallowed_methods, reason = "the crate is pure, its scripts are files")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod world;

use std::env;
use std::fs;
use std::path::Path;

#[path = "world/aside.rs"]
mod aside;
#[path = "world/label.rs"]
mod label;
#[path = "world/script.rs"]
mod script;

#[test]
fn every_script_is_answered_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 25, "the scripts are there");
    let mut wrong = Vec::new();
    for path in paths {
        let expected = fs::read_to_string(&path).unwrap();
        let answered = script::run(&expected);
        if answered == expected {
            continue;
        }
        if env::var_os("UPDATE").is_some() {
            fs::write(&path, answered).unwrap();
        } else {
            wrong.push(format!("{}:\n{answered}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "answered otherwise:\n{}", wrong.join("\n"));
}
