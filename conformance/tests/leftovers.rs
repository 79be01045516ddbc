//! The harness cleans up after itself, whatever happens to it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use conformance::{Release, Subject, World};

/// How many processes are in a PID namespace, as `/proc/PID/ns/pid` names it.
fn inside(namespace: &str) -> usize {
    let processes = fs::read_dir("/proc").expect("every system has /proc").flatten();
    processes
        .filter(|entry| {
            let link = fs::read_link(entry.path().join("ns/pid"));
            link.is_ok_and(|link| link.to_string_lossy() == namespace)
        })
        .count()
}

#[test]
fn nothing_of_a_world_is_left_when_it_ends() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start();
    let namespace = world.namespace();
    assert!(inside(&namespace) >= 3, "the first process, the controller and a slurmd");
    drop(world);
    assert_eq!(inside(&namespace), 0);
}

#[test]
fn nothing_of_a_world_is_left_when_its_maker_is_killed() {
    let Some(builder) = World::builder() else { return };
    // The demo of the stock controller is a maker of a world that can be killed alone.
    drop(builder.subject(Subject::Stock(Release::chosen())).make().unwrap());
    let mut demo = Command::new(env!("CARGO_BIN_EXE_demo"))
        .env("CONFORMANCE_SUBJECT", "stock")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let submitted = lines.any(|line| line.unwrap().starts_with("Submitted batch job"));
    assert!(submitted, "the demo has not submitted its job");

    let makers = fs::read_dir("/proc").unwrap().flatten();
    let children = makers.filter(|entry| {
        let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        status.contains(&format!("\nPPid:\t{}\n", demo.id()))
            && status.starts_with("Name:\tunshare\n")
    });
    let namespaces: Vec<String> = children
        .map(|entry| fs::read_link(entry.path().join("ns/pid_for_children")).unwrap())
        .map(|link| link.to_string_lossy().into_owned())
        .collect();
    assert_eq!(namespaces.len(), 1);
    assert!(inside(&namespaces[0]) >= 4);
    demo.kill().unwrap();
    demo.wait().unwrap();
    let gone = (0..100).any(|_| {
        thread::sleep(Duration::from_millis(50));
        inside(&namespaces[0]) == 0
    });
    assert!(gone, "{} processes are left", inside(&namespaces[0]));
}
