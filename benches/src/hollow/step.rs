//! Steps of srun: a node's part of one, as slurmstepd plays it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use protocol::auth::Signed;
use protocol::msg::{LaunchTasks, LaunchTasksResponse, StepComplete, StepId, TaskExit};
use protocol::shape::CountedTwice;
use protocol::wire::{Wire, Writer};
use protocol::{Errno, Hostlist, Number, RawVersion, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time;

use super::node::Node;
use super::registration::{self, ANSWER_LIMIT};
use super::{Hollow, job};
use crate::call::{self, CallError};

/// Process number of the first task; the others follow.
const FIRST_PID: u32 = 1000;

/// How long srun may take to close its side of the output.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// Output of tasks, as the byte protocol of srun's I/O port numbers it (`io_hdr.h`).
const STDOUT: u16 = 1;
const STDERR: u16 = 2;

/// A node's part of a step.
#[derive(Debug)]
pub(super) struct Part {
    step: StepId,
    version: Version,
    /// Where srun listens for messages and for output.
    messages: SocketAddr,
    output: SocketAddr,
    /// What proves to srun that the output is of its step: the token of the credential.
    output_key: String,
    /// Which node of the step this is, counted from 0.
    index: u32,
    tasks: Vec<u32>,
    run: Duration,
}

impl Part {
    /// What a launch means for this node; the code to answer with when it means nothing.
    pub(super) fn of(
        launch: &LaunchTasks,
        node: &str,
        srun: IpAddr,
        version: Version,
        run: Duration,
    ) -> Result<Self, Errno> {
        let nodes = launch.complete_nodelist.as_deref().map(Hostlist::parse);
        let nodes = nodes.and_then(Result::ok).map(|list| list.names()).unwrap_or_default();
        let index = nodes.iter().position(|name| name == node).ok_or(Errno::EINVAL)?;
        let tasks = launch.placement.task_ids.get(index).ok_or(Errno::EINVAL)?.clone();
        let Signed::Token(output_key) = launch.placement.terms.credential.credential.clone() else {
            return Err(Errno::ESLURMD_INVALID_JOB_CREDENTIAL);
        };
        // Nodes take the ports of srun in turn.
        let port = |ports: &[u16]| {
            let count = ports.len().max(1);
            ports.get(index % count).map(|port| SocketAddr::new(srun, *port)).ok_or(Errno::EINVAL)
        };
        Ok(Self {
            step: launch.step_id,
            version,
            messages: port(&launch.resp_port.0)?,
            output: port(&launch.io_port.0)?,
            output_key,
            index: u32::try_from(index).unwrap_or(u32::MAX),
            tasks,
            run: command_time(launch).unwrap_or(run),
        })
    }

    /// The job and the number of the step.
    pub(super) fn key(&self) -> (u32, u32) {
        (self.step.job_id, self.step.step_id)
    }

    /// Plays it: the tasks run, have nothing to say, and end; srun and the controller hear of it.
    pub(super) async fn play(self, hollow: &Hollow, node: &Node, killed: oneshot::Receiver<u32>) {
        // A srun that has gone hears nothing; the controller is told all the same.
        let output = self.open_output().await;
        let pids = (FIRST_PID..).take(self.tasks.len()).collect::<Vec<_>>();
        let started = LaunchTasksResponse {
            step_id: self.step,
            return_code: 0,
            node_name: Some(node.name.clone()),
            local_pids: CountedTwice(pids),
            task_ids: self.tasks.clone(),
        };
        let _ = self.tell(hollow, Number::RESPONSE_LAUNCH_TASKS, &started).await;
        let own_end = if hollow.dice.fails() { job::EXIT_1 } else { 0 };
        let end = time::timeout(self.run, killed).await;
        let status = end.map_or(own_end, |signal| signal.unwrap_or(own_end));
        node.ended(self.key());
        let exit = TaskExit {
            return_code: status,
            task_ids: CountedTwice(self.tasks.clone()),
            step_id: self.step,
        };
        let _ = self.tell(hollow, Number::MESSAGE_TASK_EXIT, &exit).await;
        if let Ok(output) = output {
            let _ = time::timeout(CLOSE_LIMIT, self.close_output(output)).await;
        }
        let report = StepComplete {
            step_id: self.step,
            range_first: self.index,
            range_last: self.index,
            step_rc: status,
            accounting: None,
            send_to_stepmgr: false,
        };
        registration::persist(|| async {
            let reply = hollow.call(Number::REQUEST_STEP_COMPLETE, &report).await?;
            job::acknowledged(&reply)
        })
        .await;
        hollow.tally.step();
    }

    async fn tell(
        &self,
        hollow: &Hollow,
        number: Number,
        body: &impl Wire,
    ) -> Result<(), CallError> {
        let frame = hollow.speaker.daemon_frame(number, body);
        call::exchange(self.messages, None, &frame, self.version, ANSWER_LIMIT).await.map(drop)
    }

    async fn open_output(&self) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.output).await?;
        let tasks = u32::try_from(self.tasks.len()).unwrap_or(u32::MAX);
        let mut hello = Writer::new(self.version);
        RawVersion::from(self.version).encode(&mut hello);
        self.index.encode(&mut hello);
        // Streams of output, and of errors.
        tasks.encode(&mut hello);
        tasks.encode(&mut hello);
        Some(self.output_key.clone()).encode(&mut hello);
        let hello = hello.into_bytes();
        let mut bytes = u32::try_from(hello.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
        bytes.extend(hello);
        stream.write_all(&bytes).await?;
        Ok(stream)
    }

    /// A head without a body is the end of a task's stream; then srun closes its side.
    async fn close_output(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut ends = Writer::new(self.version);
        for (local, task) in (0_u16..).zip(&self.tasks) {
            for kind in [STDOUT, STDERR] {
                kind.encode(&mut ends);
                u16::try_from(*task).unwrap_or(u16::MAX).encode(&mut ends);
                local.encode(&mut ends);
                0_u32.encode(&mut ends);
            }
        }
        stream.write_all(&ends.into_bytes()).await?;
        stream.shutdown().await?;
        // Input that srun has for tasks; nobody reads it.
        let mut input = [0; 1024];
        while stream.read(&mut input).await? > 0 {}
        Ok(())
    }
}

/// For how long a command runs that is `sleep SECONDS`.
fn command_time(launch: &LaunchTasks) -> Option<Duration> {
    let words: Vec<&str> = launch.argv.iter().flatten().map(String::as_str).collect();
    job::script_time(&words.join(" "))
}

#[cfg(test)]
mod tests {
    use protocol::auth::VersionedCredential;
    use protocol::shape::ShortArray;

    use super::*;

    #[test]
    fn a_node_finds_its_tasks_and_its_ports_of_srun() {
        let version = Version::V24_11;
        let mut launch = LaunchTasks {
            complete_nodelist: Some("h[1-3]".into()),
            resp_port: ShortArray(vec![10, 11]),
            io_port: ShortArray(vec![20]),
            argv: vec![Some("/bin/sleep".into()), Some("2".into())],
            ..LaunchTasks::default()
        };
        launch.placement.task_ids = vec![vec![0], vec![1, 2], vec![3]];
        launch.placement.terms.credential = VersionedCredential::token(version, "key".into());
        let srun = IpAddr::from([10, 0, 0, 1]);
        let part = |node| Part::of(&launch, node, srun, version, Duration::ZERO);
        let second = part("h2").unwrap();
        assert_eq!((&second.tasks[..], second.index), (&[1, 2][..], 1));
        assert_eq!((second.messages.port(), second.output.port()), (11, 20));
        assert_eq!(second.run, Duration::from_secs(2));
        assert_eq!(part("h4").unwrap_err(), Errno::EINVAL);
    }
}
