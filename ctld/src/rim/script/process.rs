//! One program of the controller's host, from its start to its end.

use std::future::Future;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// How much of what a program prints is kept for the log, bytes.
const OUTPUT_MAX: usize = 4096;

/// How long the output of a program that has ended is waited for.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A program to be run.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// Its path, from the root.
    pub(super) path: String,
    /// Its arguments.
    pub(super) arguments: Vec<String>,
    /// Its whole environment, `NAME=value`; without one it has the controller's.
    pub(super) environment: Option<Vec<String>>,
    /// How long it may take; then it is killed, with all that it started.
    pub(super) limit: Option<Duration>,
    /// Whose process it is to be, if not the controller's: user and group.
    pub(super) owner: Option<(u32, u32)>,
    /// Whether it goes on when the controller ends.
    pub(super) outlives: bool,
}

/// How a program ended.
#[derive(Debug)]
pub(super) enum End {
    /// By itself: its exit code, or `None` if a signal ended it.
    Exited(Option<i32>),
    /// Its time was up.
    TimedOut,
    /// It was not wanted any more.
    Stopped,
    /// It never ran.
    NotStarted(std::io::Error),
}

/// Runs a program until it ends, its time is up, or `stop` does.
pub(super) async fn run(program: &Program, stop: impl Future<Output = ()>) -> (End, String) {
    match start(program) {
        Ok(child) => until_end(child, program.limit, stop).await,
        Err(error) => (End::NotStarted(error), String::new()),
    }
}

/// Starts a program.
pub(super) fn start(program: &Program) -> std::io::Result<Child> {
    if !Path::new(&program.path).is_absolute() {
        return Err(std::io::Error::other("its name does not begin with a slash"));
    }
    let mut command = command(program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(!program.outlives);
    if let Some(environment) = &program.environment {
        let entries = environment.iter().filter_map(|entry| entry.split_once('='));
        command.env_clear().envs(entries);
    }
    command.spawn()
}

/// Waits for a program that was started.
pub(super) async fn until_end(
    mut child: Child,
    limit: Option<Duration>,
    stop: impl Future<Output = ()>,
) -> (End, String) {
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut output = Vec::new();
    let ended = async {
        let printed = async { tokio::join!(head(stdout), head(stderr)) };
        let mut printed = std::pin::pin!(printed);
        let status = tokio::select! {
            status = child.wait() => {
                // What a program leaves behind may hold its output open: its own end counts.
                if let Ok((out, err)) = tokio::time::timeout(LAST_WORDS, &mut printed).await {
                    output = [out, err].concat();
                }
                status
            }
            (out, err) = &mut printed => {
                output = [out, err].concat();
                child.wait().await
            }
        };
        status.ok().and_then(|status| status.code())
    };
    let limit = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    let end = tokio::select! {
        code = ended => End::Exited(code),
        () = limit => End::TimedOut,
        () = stop => End::Stopped,
    };
    if let (End::TimedOut | End::Stopped, Some(group)) = (&end, group) {
        // It may have ended in this moment: then there is nothing to kill.
        let _ = kill_process_group(group, Signal::KILL);
        let _ = child.wait().await;
    }
    (end, String::from_utf8_lossy(&output).trim().to_owned())
}

/// A program of the controller's user itself; one of another user by way of ctld, which takes on that
/// user's groups first, and is still there when its file is not.
fn command(program: &Program) -> Command {
    let Some((uid, gid)) = program.owner else {
        let mut command = Command::new(&program.path);
        command.args(&program.arguments);
        return command;
    };
    let mut command = Command::new("/proc/self/exe");
    command.args(["run-as", &uid.to_string(), &gid.to_string(), "--", &program.path]);
    command.args(&program.arguments);
    command
}

/// The head of what a program prints; the rest is read and thrown away, so that it never has to wait.
async fn head(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), [0; 1024]);
    let Some(mut stream) = stream else {
        return kept;
    };
    while let Ok(read) = stream.read(&mut buffer).await {
        if read == 0 {
            break;
        }
        let room = OUTPUT_MAX.saturating_sub(kept.len()).min(read);
        kept.extend_from_slice(&buffer[..room]);
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Duration;

    use super::{End, OUTPUT_MAX, Program, run};

    fn shell(script: &str, limit_ms: u64) -> Program {
        Program {
            path: "/bin/sh".to_owned(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            environment: Some(vec!["WHO=ann".to_owned()]),
            limit: Some(Duration::from_millis(limit_ms)),
            owner: None,
            outlives: false,
        }
    }

    #[tokio::test]
    async fn a_program_has_its_environment_and_no_other_and_its_output_is_cut() {
        let (end, output) = run(&shell("echo $WHO $HOME.; exit 3", 20_000), pending()).await;
        assert!(matches!(end, End::Exited(Some(3))), "{end:?}");
        assert_eq!(output, "ann .");
        let (_, output) =
            run(&shell("head -c 100000 /dev/zero | tr '\\0' x", 20_000), pending()).await;
        assert_eq!(output.len(), OUTPUT_MAX);
    }

    #[tokio::test]
    async fn one_that_takes_too_long_or_is_not_wanted_any_more_is_killed() {
        let (end, _) = run(&shell("sleep 100", 50), pending()).await;
        assert!(matches!(end, End::TimedOut), "{end:?}");
        let (end, _) = run(&shell("sleep 100", 20_000), ready(())).await;
        assert!(matches!(end, End::Stopped), "{end:?}");
    }

    #[tokio::test]
    async fn one_that_is_not_there_does_not_start() {
        for path in ["/nonexistent", "sh"] {
            let program = Program { path: path.to_owned(), ..shell("", 1000) };
            let (end, _) = run(&program, pending()).await;
            assert!(matches!(end, End::NotStarted(_)), "{end:?}");
        }
    }
}
