//! The store through crashes. A process of its own commits one numbered turn after the other and
//! tells of each that was acknowledged; whatever happens to it or to its files, the store holds
//! exactly what all turns up to some one make, and that one is the last that was acknowledged or
//! the one after it.
//!
//! Key spaces are tiny, so that tables are written and merged all the time.
//!
//! `STORE_ROUNDS=200 cargo test -p state --test crash` looks longer.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test, helpers and all")]

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use model::{Change, Counters, JobId, Script};
use state::{Embedded, Memory, Sizes, Store, StoreError};
use tempfile::TempDir;

mod model_of_turns {
    //! What each turn commits.

    use std::sync::Arc;

    use model::{
        Address, Availability, Change, Counters, Gid, Hardware, Hold, Job, JobId, JobSpec, Launch,
        Node, NodeId, Phase, Script, Timestamp, Uid, WaitReason,
    };

    /// Jobs that are kept before the oldest is forgotten.
    pub const JOBS: u32 = 60;
    pub const NODES: u32 = 16;

    /// A new job with a script, the last job started, an old one forgotten, a node altered.
    pub fn changes(turn: u32) -> Vec<Change> {
        let mut changes = vec![
            Change::Counters(Counters {
                next_job: turn,
                next_priority: turn / 3,
                last_trigger: 0,
                last_reservation: 0,
            }),
            Change::Job(Arc::new(job(turn, Phase::Pending))),
            Change::Script(JobId(turn), Arc::new(script(turn))),
            Change::Node(Arc::new(node(turn))),
        ];
        if turn > 1 {
            changes.push(Change::Job(Arc::new(job(turn - 1, Phase::Running(Launch::Done)))));
        }
        if turn > JOBS {
            changes.push(Change::JobGone(JobId(turn - JOBS)));
        }
        changes
    }

    pub fn script(turn: u32) -> Script {
        // Some are large enough to be kept apart from their keys, none compresses to nothing.
        let lines = (0..turn % 200).map(|line| format!("echo {}\n", line.wrapping_mul(turn)));
        Script {
            script: lines.collect(),
            environment: vec![format!("TURN={turn}")],
            ..Script::default()
        }
    }

    fn job(turn: u32, phase: Phase) -> Job {
        Job {
            id: JobId(turn),
            array: None,
            het: None,
            owner: Uid(1000 + turn % 7),
            group: Gid(100),
            spec: Arc::new(JobSpec { name: format!("turn{turn}").into(), ..JobSpec::default() }),
            partition: "main".into(),
            phase,
            prologs: None,
            hold: Hold::None,
            wait: WaitReason::Priority,
            state_text: None,
            priority: u32::MAX - turn,
            allocation: None,
            outcome: None,
            submitted: Timestamp(turn.into()),
            eligible: None,
            begin: None,
            started: None,
            ended: None,
            suspended: None,
            ran_before_suspend_s: 0,
            last_evaluated: None,
            restarts: 0,
            time_limit_min: Some(turn),
            failed_node: None,
            next_step: 0,
            next_step_node: 0,
            batch: true,
            protocol: 0x2a00,
            warned: false,
            derived_status: 0,
            client_listens: false,
            launch_failures: 0,
            stopped: false,
            mailed_percent: 0,
            preempted: None,
            cron: None,
            expected_nodes: None,
        }
    }

    fn node(turn: u32) -> Node {
        let id = turn % NODES;
        let name = format!("n{id}");
        let hardware = Hardware::of(2, 8, 2, 64_000);
        Node {
            availability: Availability::Up,
            last_busy: Some(Timestamp(turn.into())),
            weight: turn,
            ..Node::unknown(NodeId(id), name.as_str().into(), Address::named(&name), hardware)
        }
    }
}

use model_of_turns::{JOBS, NODES, changes, script};

const TINY: Sizes = Sizes { memtable: 32 << 10, cache: 1 << 20 };

/// Says that this process is the one that commits, and where.
const CHILD: &str = "STORE_CRASH_CHILD";

/// How many bytes it commits beside its turns, so that journals are filled.
const BALLAST: &str = "STORE_CRASH_BALLAST";

/// The process that commits: this test in a process of its own. In the ordinary run it has nothing
/// to do.
#[test]
fn the_process_that_commits() {
    let Some(dir) = env::var_os(CHILD) else { return };
    let store = Embedded::open_with(Path::new(&dir), TINY).unwrap();
    let mut out = std::io::stdout().lock();
    let length: usize = env::var(BALLAST).map_or(0, |bytes| bytes.parse().unwrap());
    let mut numbers = Numbers(5);
    // Nothing that could be packed.
    let ballast: String = (0..length).map(|_| char::from(b'0' + numbers.below(64) as u8)).collect();
    for turn in last_turn(&store).unwrap() + 1.. {
        let mut changes = changes(turn);
        if !ballast.is_empty() {
            let script = Script { script: ballast.clone(), ..Script::default() };
            changes.push(Change::Script(JobId(u32::MAX), Arc::new(script)));
        }
        store.commit(&changes).unwrap();
        writeln!(out, "acknowledged {turn}").and_then(|()| out.flush()).unwrap();
    }
}

struct Committing {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Committing {
    fn start(dir: &Path) -> Self {
        Self::start_with(dir, 0)
    }

    fn start_with(dir: &Path, ballast: usize) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "the_process_that_commits", "--nocapture", "--test-threads=1"])
            .env(CHILD, dir)
            .env(BALLAST, ballast.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    /// Waits until so many turns were acknowledged from now on.
    fn wait_for(&mut self, count: u32) -> u32 {
        let mut last = 0;
        for line in 0..count {
            last = self.next_turn().unwrap_or_else(|| panic!("it ended after {line} turns"));
        }
        last
    }

    fn next_turn(&mut self) -> Option<u32> {
        let mut line = String::new();
        while self.out.read_line(&mut line).unwrap() > 0 {
            if let Some((_, turn)) = line.trim_end().split_once("acknowledged ") {
                return turn.parse().ok();
            }
            line.clear();
        }
        None
    }

    /// Kills it; gives the last turn that it had acknowledged, if any beyond what was read.
    fn kill(mut self) -> Option<u32> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::iter::from_fn(|| self.next_turn()).last()
    }
}

fn last_turn(store: &impl Store) -> Result<u32, StoreError> {
    let mut last = 0;
    store.load(&mut |change| {
        if let Change::Counters(Counters { next_job, .. }) = change {
            last = next_job;
        }
    })?;
    Ok(last)
}

/// What is loaded after all turns up to this one.
fn expected(turn: u32) -> Vec<Change> {
    let store = Memory::new();
    // Older turns left nothing behind that a later one did not write again or forget.
    for turn in turn.saturating_sub(JOBS + NODES).max(1)..=turn {
        store.commit(&changes(turn)).unwrap();
    }
    all(&store).unwrap()
}

fn all(store: &impl Store) -> Result<Vec<Change>, StoreError> {
    let mut all = Vec::new();
    store.load(&mut |change| all.push(change))?;
    Ok(all)
}

/// Checks that a store holds what all turns up to some one make; gives that one.
fn check_whole(store: &Embedded) -> Result<u32, StoreError> {
    let turn = last_turn(store)?;
    assert_eq!(all(store)?, expected(turn), "turn {turn}");
    let first = (turn + 1).saturating_sub(JOBS).max(1);
    for job in first..=turn {
        assert_eq!(store.script(JobId(job))?, Some(script(job)), "script of {job} at {turn}");
    }
    assert_eq!(store.script(JobId(first - 1))?, None::<Script>, "turn {turn}");
    Ok(turn)
}

fn rounds(usual: u32) -> u32 {
    env::var("STORE_ROUNDS").map_or(usual, |rounds| rounds.parse().unwrap())
}

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[test]
fn nothing_acknowledged_is_lost_by_kill_at_any_moment() {
    let dir = TempDir::new().unwrap();
    let mut numbers = Numbers(1);
    let mut acknowledged = 0;
    for round in 0..rounds(30) {
        let mut committing = Committing::start(dir.path());
        // A third of the rounds is killed while the store is opened or even made.
        if numbers.below(3) != 0 {
            acknowledged = committing.wait_for(1 + numbers.below(150) as u32);
        }
        thread::sleep(Duration::from_micros(numbers.below(20_000)));
        acknowledged = committing.kill().unwrap_or(acknowledged);
        let store = Embedded::open_with(dir.path(), TINY).unwrap();
        let turn = check_whole(&store).unwrap();
        assert!(
            (acknowledged..=acknowledged + 1).contains(&turn),
            "round {round}: {acknowledged} was acknowledged, {turn} is there"
        );
        acknowledged = turn;
    }
    assert!(acknowledged > 100, "only {acknowledged} turns were tried");
}

/// The engine begins a new journal every 64 MiB, and ends the old one when tables hold all of it.
#[test]
fn nothing_acknowledged_is_lost_when_journals_follow_one_another() {
    let dir = TempDir::new().unwrap();
    let mut numbers = Numbers(9);
    let mut last_journal = PathBuf::new();
    for _ in 0..rounds(2) {
        let mut committing = Committing::start_with(dir.path(), 4 << 20);
        let mut acknowledged = committing.wait_for(10 + numbers.below(12) as u32);
        acknowledged = committing.kill().unwrap_or(acknowledged);
        let store = Embedded::open_with(dir.path(), TINY).unwrap();
        let turn = check_whole(&store).unwrap();
        assert!(
            (acknowledged..=acknowledged + 1).contains(&turn),
            "{acknowledged} was acknowledged, {turn} is there"
        );
        drop(store);
        last_journal = journals(dir.path()).pop().unwrap();
    }
    assert!(!last_journal.ends_with("0.jnl"), "there was only one journal");
}

#[test]
fn a_second_process_is_told_who_has_the_store() {
    let dir = TempDir::new().unwrap();
    let mut committing = Committing::start(dir.path());
    committing.wait_for(1);
    let pid = committing.child.id();
    match Embedded::open(dir.path()) {
        Err(StoreError::Locked { pid: found, .. }) => assert_eq!(found, Some(pid)),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("two processes have the store"),
    }
    committing.kill();
    Embedded::open(dir.path()).unwrap();
}

/// The files of a process that was killed after so many turns, and the last turn that they hold.
fn killed_after(turns: u32) -> (TempDir, u32) {
    let dir = TempDir::new().unwrap();
    let mut committing = Committing::start(dir.path());
    committing.wait_for(turns);
    committing.kill();
    // Opened once, so that what was under way is cut off and every byte left was acknowledged.
    let turn = last_turn(&Embedded::open_with(dir.path(), TINY).unwrap()).unwrap();
    (dir, turn)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn journals(dir: &Path) -> Vec<PathBuf> {
    files(dir).into_iter().filter(|file| file.extension() == Some("jnl".as_ref())).collect()
}

/// The largest journal of a store.
fn journal(dir: &Path) -> PathBuf {
    journals(dir).into_iter().max_by_key(|file| file.metadata().unwrap().len()).unwrap()
}

#[test]
fn a_cut_journal_is_an_earlier_whole_turn() {
    let (dir, turn) = killed_after(40);
    let whole = fs::metadata(journal(dir.path())).unwrap().len();
    let mut numbers = Numbers(3);
    let mut found = Vec::new();
    for _ in 0..rounds(12) {
        let image = TempDir::new().unwrap();
        copy(dir.path(), image.path());
        let file = fs::OpenOptions::new().write(true).open(journal(image.path())).unwrap();
        file.set_len(numbers.below(whole)).unwrap();
        // Where the cut takes the first commit of all, or what tables were made from already, it
        // must be noticed.
        match Embedded::open_with(image.path(), TINY) {
            Ok(store) => found.push(check_whole(&store).unwrap()),
            Err(StoreError::Incomplete { .. } | StoreError::Record { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!(found.iter().all(|found| *found <= turn), "{found:?} of {turn}");
    assert!(!found.is_empty(), "no image opened");
}

#[test]
fn a_flipped_bit_anywhere_is_an_error_or_changes_nothing() {
    let (dir, turn) = killed_after(120);
    let mut numbers = Numbers(5);
    let (mut errors, mut harmless) = (0, 0);
    for round in 0..rounds(60) {
        let image = TempDir::new().unwrap();
        copy(dir.path(), image.path());
        // Every second time in the journal, else in any file.
        let files: Vec<_> = match round % 2 {
            0 => vec![journal(image.path())],
            _ => files(image.path()),
        };
        let file = &files[numbers.below(files.len() as u64) as usize];
        let mut bytes = fs::read(file).unwrap();
        if bytes.is_empty() {
            continue;
        }
        let place = numbers.below(bytes.len() as u64) as usize;
        bytes[place] ^= 1 << numbers.below(8);
        fs::write(file, &bytes).unwrap();
        let opened = std::panic::catch_unwind(|| {
            Embedded::open_with(image.path(), TINY).and_then(|store| check_whole(&store))
        });
        match opened {
            // Damage within the last commit of all looks like a commit that was under way.
            Ok(Ok(found)) if found == turn || (found + 1 == turn && round % 2 == 0) => {
                harmless += 1;
            }
            Ok(Ok(found)) => panic!("{} byte {place}: {found} of {turn}", file.display()),
            Ok(Err(_)) | Err(_) => errors += 1,
        }
    }
    assert!(errors > harmless, "{errors} errors, {harmless} harmless");
}

/// A power cut on a real file system: ext4 is shut down in the middle (its ioctl for this drops
/// whatever was not synced, as xfstests does it), mounted again, and the store opened.
///
/// It runs in a mount namespace of its own: a namespace that somebody else makes meanwhile would
/// take a copy of the mount along, and keep the file system from being mounted anew.
#[test]
fn nothing_acknowledged_is_lost_by_a_power_cut() {
    if env::var_os(INSIDE).is_some() {
        return cut_power_again_and_again();
    }
    let ready = rustix::process::geteuid().is_root()
        && succeeds(Command::new("mkfs.ext4").arg("-V"))
        && succeeds(Command::new("perl").arg("-v"))
        && succeeds(Command::new("unshare").args(["--mount", "--", "true"]));
    if !ready {
        println!("skipped: a power cut needs root, mkfs.ext4, perl and mount namespaces");
        return;
    }
    let inside = Command::new("unshare")
        .args(["--mount", "--"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "nothing_acknowledged_is_lost_by_a_power_cut", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    assert!(inside.status.success(), "{}", String::from_utf8_lossy(&inside.stderr));
}

/// Says that this process has a mount namespace of its own.
const INSIDE: &str = "STORE_CRASH_INSIDE";

fn cut_power_again_and_again() {
    let Some(disk) = Disk::make() else {
        println!("skipped: a power cut needs loop devices");
        return;
    };
    let mut numbers = Numbers(7);
    let mut acknowledged = 0;
    for round in 0..rounds(8) {
        let mut committing = Committing::start(&disk.mounted);
        if round > 0 {
            acknowledged = committing.wait_for(1 + numbers.below(150) as u32);
        }
        thread::sleep(Duration::from_micros(numbers.below(30_000)));
        // Power takes the process along: it must not go on and be told by a file system that is
        // half way down that something was synced.
        let pid = rustix::process::Pid::from_child(&committing.child);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        wait_until_stopped(&committing.child);
        disk.cut_power();
        acknowledged = committing.kill().unwrap_or(acknowledged);
        disk.mount_again();
        let store = Embedded::open_with(&disk.mounted, TINY).unwrap();
        let turn = check_whole(&store).unwrap();
        assert!(
            (acknowledged..=acknowledged + 1).contains(&turn),
            "round {round}: {acknowledged} was acknowledged, {turn} is there"
        );
        acknowledged = turn;
    }
    assert!(acknowledged > 20, "only {acknowledged} turns were tried");
}

/// Until the first thread of a process has taken notice of SIGSTOP. Before that the others go on, on a
/// busy machine for longer than it takes to cut the power, and ext4 then answers a sync that it drops
/// with success. Those that are within a sync are left there.
fn wait_until_stopped(child: &Child) {
    let state = PathBuf::from(format!("/proc/{0}/task/{0}/stat", child.id()));
    for _ in 0..10_000 {
        if fs::read_to_string(&state).unwrap().contains(") T ") {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("SIGSTOP was not heeded for ten seconds");
}

/// An ext4 in a file.
struct Disk {
    _files: TempDir,
    image: PathBuf,
    mounted: PathBuf,
}

impl Disk {
    /// `None` where no file can be mounted.
    fn make() -> Option<Self> {
        let files = TempDir::new().unwrap();
        let disk = Self {
            image: files.path().join("image"),
            mounted: files.path().join("mounted"),
            _files: files,
        };
        fs::create_dir(&disk.mounted).unwrap();
        fs::File::create(&disk.image).unwrap().set_len(512 << 20).unwrap();
        assert!(succeeds(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&disk.image)));
        disk.mount().then_some(disk)
    }

    fn mount(&self) -> bool {
        succeeds(Command::new("mount").args(["-o", "loop"]).arg(&self.image).arg(&self.mounted))
    }

    /// EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH.
    fn cut_power(&self) {
        let script = "open(my $d, '<', $ARGV[0]) or die; my $f = pack('L', 2); \
                      ioctl($d, 0x8004587d, $f) or die $!";
        assert!(succeeds(Command::new("perl").args(["-e", script]).arg(&self.mounted)));
    }

    fn mount_again(&self) {
        assert!(succeeds(Command::new("umount").arg(&self.mounted)));
        assert!(self.mount());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        succeeds(Command::new("umount").arg("-l").arg(&self.mounted));
    }
}

fn succeeds(command: &mut Command) -> bool {
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
