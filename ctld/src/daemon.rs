//! A process as a daemon: in the background, under the right user, with a pid file.

use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use nix::unistd::{self, Gid, Uid};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Set for the process that goes on in the background: its standard input is the line to the one
/// that was started, to be told when it serves.
const DETACHED: &str = "CTLD_DETACHED";

/// What the background process says when it serves.
const SERVES: u8 = b'+';

/// Whether this process is the one in the background.
pub fn is_detached() -> bool {
    std::env::var_os(DETACHED).is_some()
}

/// Starts this program again in the background, and waits until it serves or fails.
///
/// The process could fork itself; starting it anew needs no `unsafe`, and a fork of a process that
/// has threads is none anyhow.
///
/// # Errors
///
/// If the program cannot be started.
pub fn detach() -> io::Result<ExitCode> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(std::env::args_os().skip(1)).env(DETACHED, "1");
    command.stdin(Stdio::from(OwnedFd::from(theirs)));
    let mut child = command.spawn()?;
    // The line's other end is the child's alone from here on, so that its end is noticed.
    drop(command);
    let mut word = [0];
    match ours.read(&mut word) {
        Ok(1) if word[0] == SERVES => Ok(ExitCode::SUCCESS),
        _ => {
            let status = child.wait()?;
            Ok(u8::try_from(status.code().unwrap_or(1)).map_or(ExitCode::FAILURE, ExitCode::from))
        }
    }
}

/// The background process serves: its starter is let go, its standard streams are closed.
///
/// # Errors
///
/// If the streams cannot be replaced.
pub fn serves() -> io::Result<()> {
    let stdin = io::stdin();
    let line: BorrowedFd<'_> = stdin.as_fd();
    rustix::io::write(line, &[SERVES])?;
    let null = fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(())
}

/// Leaves the starter's session and terminal.
///
/// # Errors
///
/// If the system says no.
pub fn lead_session() -> io::Result<()> {
    rustix::process::setsid()?;
    Ok(())
}

/// Goes on as SlurmUser, if started as root and SlurmUser is another.
///
/// Must come before the first thread: all of them are to be that user.
///
/// # Errors
///
/// If the user is unknown, or the system says no.
pub fn become_user(uid: u32) -> io::Result<()> {
    if !Uid::current().is_root() || uid == 0 {
        return Ok(());
    }
    let user = unistd::User::from_uid(Uid::from_raw(uid))?;
    let user = user.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    take_on(user.name, user.uid, user.gid)
}

/// A user's number, a group, and all groups that the group file adds for the name.
fn take_on(name: String, uid: Uid, gid: Gid) -> io::Result<()> {
    unistd::initgroups(&CString::new(name)?, gid)?;
    unistd::setgid(gid)?;
    unistd::setuid(uid)?;
    Ok(())
}

/// Becomes this program as another user, with a group and all that the group file adds for the user.
/// Comes back only with why that could not be.
///
/// What starts a child may not set its groups without `unsafe`, so ctld starts itself to do it.
pub fn run_as(uid: u32, gid: u32, program: &OsStr, arguments: &[OsString]) -> io::Error {
    let become_owner = || -> io::Result<()> {
        let user = unistd::User::from_uid(Uid::from_raw(uid))?;
        let name = user.map_or_else(|| uid.to_string(), |user| user.name);
        take_on(name, Uid::from_raw(uid), Gid::from_raw(gid))
    };
    match become_owner() {
        Ok(()) => Command::new(program).args(arguments).exec(),
        Err(error) => error,
    }
}

/// Gives a folder or file to a user: what root made for SlurmUser.
///
/// # Errors
///
/// If the system says no.
pub fn give(path: &Path, uid: u32) -> io::Result<()> {
    if !Uid::current().is_root() || uid == 0 {
        return Ok(());
    }
    let gid = unistd::User::from_uid(Uid::from_raw(uid))?.map(|user| user.gid);
    unistd::chown(path, Some(Uid::from_raw(uid)), gid.map(|gid: Gid| gid))?;
    Ok(())
}

/// Writes the pid file.
///
/// # Errors
///
/// If it cannot be written.
pub fn write_pid(path: &Path) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    writeln!(file, "{}", std::process::id())
}

/// As many open files as the system lets us have: each connection is one.
///
/// # Errors
///
/// If the system says no.
pub fn raise_file_limit() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(())
}

/// Runs with another priority.
///
/// # Errors
///
/// If the system says no.
pub fn renice(nice: i32) -> io::Result<()> {
    rustix::process::setpriority_process(None, nice)?;
    Ok(())
}
