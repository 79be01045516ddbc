use std::env;
use std::process::Stdio;
use std::time::{Duration, Instant};

use conformance::ground::say;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time;

use super::ground::FIRST_PORT;
use super::{Ground, Plan, RoundError, io_error};
use crate::hollow::Count;
use crate::machine;

/// How often a wait says how far things are.
const TELL: Duration = Duration::from_secs(10);

/// The hollow nodes of a round: a process of their own, whose processor time is not the controller's.
#[derive(Debug)]
pub(super) struct Hollows {
    process: Child,
    count: watch::Receiver<Count>,
}

impl Hollows {
    /// Starts all of them; they register as soon as the controller answers.
    pub(super) fn start(ground: &Ground) -> Result<Self, RoundError> {
        Self::some(ground, 1, ground.plan.leg.nodes())
    }

    /// Starts the nodes of these numbers.
    pub(super) fn some(ground: &Ground, first: u16, last: u16) -> Result<Self, RoundError> {
        let program = env::current_exe().map_err(io_error("finding this program"))?;
        let port = FIRST_PORT + first - 1;
        let mut process = Command::new(program)
            .arg("hollow")
            .args(["--nodes", &format!("h[{first}-{last}]")])
            .args(["--first", &format!("127.0.0.1:{port}")])
            .args(["--controller", &Plan::controller().to_string()])
            .args(["--release", &ground.plan.release])
            .arg("--key")
            .arg(ground.key_file())
            .args(&ground.plan.size.hollow)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(io_error("starting the hollow nodes"))?;
        let stdout = process.stdout.take().expect("stdout was asked to be a pipe");
        let (sender, count) = watch::channel(Count::default());
        tokio::spawn(async move {
            let mut lines = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                if let Ok(count) = serde_json::from_str(&line) {
                    sender.send_replace(count);
                }
            }
        });
        Ok(Self { process, count })
    }

    /// Processor time that they have used so far, seconds.
    pub(super) fn cpu_s(&self) -> f64 {
        self.process.id().and_then(machine::used).unwrap_or_default().cpu_s
    }

    /// What they have done so far.
    pub(super) fn count(&self) -> Count {
        *self.count.borrow()
    }

    /// Waits until `reached`, and gives what they had done then; `None` when nothing at all happened for `patience`.
    pub(super) async fn wait(
        &mut self,
        patience: Duration,
        reached: impl Fn(&Count) -> bool,
    ) -> Option<Count> {
        let mut told = Instant::now();
        loop {
            let count = *self.count.borrow_and_update();
            if reached(&count) {
                return Some(count);
            }
            if told.elapsed() > TELL {
                say(&format!("    {} jobs completed so far", count.completions));
                told = Instant::now();
            }
            time::timeout(patience, self.count.changed()).await.ok()?.ok()?;
        }
    }
}
