//! Bytes that no stock program sends: they cost the sender its connection, and nobody else anything.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use conformance::World;

/// A user's call while others misbehave may take this long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes without meaning, the same in each run.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

/// A frame: the length that stock clients put before it, then the bytes.
fn framed(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("frames of tests are short");
    [&length.to_be_bytes(), bytes].concat()
}

/// Sends bytes and waits until the controller answers or closes. A short answer is an error message: fine too.
#[track_caller]
fn assert_gets_rid_of(world: &World, bytes: &[u8], what: &str) {
    let mut stream = match world.connect("ctl") {
        Ok(stream) => stream,
        Err(why) => world.fail(&format!("{what}: no connection: {why}")),
    };
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("30 s is a time limit");
    // The controller may close before all is written.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(why) if why.kind() == ErrorKind::ConnectionReset => {}
        Err(why) => world.fail(&format!("{what}: the connection is not closed: {why}")),
    }
    assert!(answer.len() < 4096, "{what}: {} bytes of answer", answer.len());
}

#[track_caller]
fn assert_serves(world: &World) {
    let start = Instant::now();
    let id = world.user("alice").sbatch(["--hold", "--wrap=true"]);
    assert_eq!(world.job_field(id, "JobState"), "PENDING");
    assert!(start.elapsed() < PATIENCE, "a submission took {:?}", start.elapsed());
}

#[test]
fn frames_without_meaning_are_answered_by_the_end_of_the_connection() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start_bare();
    for seed in 1..=20_u8 {
        let bytes = framed(&noise(u64::from(seed), 64 * usize::from(seed)));
        assert_gets_rid_of(&world, &bytes, &format!("noise {seed}"));
    }
    assert!(world.controller_runs());
    assert_serves(&world);
}

#[test]
fn a_length_that_no_frame_has_is_refused_before_memory_is_taken() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start_bare();
    let before_kib = world.controller_memory_kib();
    for length in [0_u32, 1, 0x7FFF_FFFF, 0xFFFF_FFFF] {
        let bytes = [&length.to_be_bytes()[..], &noise(7, 32)].concat();
        assert_gets_rid_of(&world, &bytes, &format!("length {length:#x}"));
    }
    let grown_kib = world.controller_memory_kib().saturating_sub(before_kib);
    assert!(grown_kib < 64 * 1024, "grew by {grown_kib} KiB");
    assert_serves(&world);
}

#[test]
fn half_a_frame_and_silence_end_with_the_connection_while_others_are_served() {
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").conf("MessageTimeout=5").start_bare();
    let mut silent = world.connect("ctl").unwrap();
    silent.write_all(&framed(&noise(3, 400))[..100]).unwrap();
    assert_serves(&world);
    // Stock 24.11.5 keeps such a connection for more than a minute.
    if !world.subject().is_ours() {
        return;
    }
    silent.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut answer = Vec::new();
    match silent.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(why) if why.kind() == ErrorKind::ConnectionReset => {}
        Err(why) => world.fail(&format!("a minute of silence and the connection is there: {why}")),
    }
    assert_serves(&world);
}

/// Ours gives up the oldest idle connections for new ones, and remembers nothing of them; stock takes
/// fewer than these, so it is only seen to recover.
#[test]
fn ten_thousand_idle_connections_keep_nobody_from_being_served() {
    const IDLE: usize = 10_000;
    const GROWTH_KIB_MAX: u64 = 64 << 10;
    let Some(builder) = World::builder() else { return };
    let world = builder.node("n1").start_bare();
    let limit = rustix::process::Rlimit { current: Some(12_000), maximum: Some(12_000) };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let before = world.controller_memory_kib();
    let wanted = if world.subject().is_ours() { IDLE } else { 900 };
    let idle: Vec<TcpStream> = (0..wanted).map_while(|_| world.connect("ctl").ok()).collect();
    if world.subject().is_ours() {
        assert_eq!(idle.len(), wanted);
        assert_serves(&world);
        let after = world.controller_memory_kib();
        assert!(after < before + GROWTH_KIB_MAX, "{before} KiB before, {after} KiB after");
    }
    drop(idle);
    assert_serves(&world);
}
