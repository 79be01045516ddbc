use std::sync::Arc;

use model::{Job, JobId, NodeId, StepClient, StepNumber, Timestamp, Trigger};

use crate::hook::Hook;
use crate::power::PowerOrder;

/// What the core asks of the world. Released once the changes of its turn are durable.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// A message to a node's slurmd. Its fate comes back as an event.
    ToNode {
        /// The node.
        node: NodeId,
        /// The message.
        message: NodeMessage,
    },
    /// Something changed that may let a job start: make a plan.
    Schedule,
    /// The interactive client that asked for an allocation is to learn that it has started, or that
    /// it will not.
    TellClient {
        /// The job as it is now.
        job: Arc<Job>,
    },
    /// Something for a client to know. If it does not listen any more, nothing is lost.
    ToClient {
        /// Where it listens.
        client: StepClient,
        /// Its protocol release, as in headers.
        protocol: u16,
        /// What it is told.
        message: ClientMessage,
    },
    /// Mail that the job asked for is due.
    Mail {
        /// The job as it is now.
        job: Arc<Job>,
        /// What happened.
        event: MailEvent,
    },
    /// The programs of a hook are to be run on the controller's host, unless they run already for
    /// this start of the job. Their end comes back as [`crate::Event::HookDone`].
    RunHook {
        /// The job as it is now.
        job: Arc<Job>,
        /// Which programs.
        hook: Hook,
    },
    /// The programs of a hook are not wanted any more.
    StopHook {
        /// The job.
        job: JobId,
        /// Which programs.
        hook: Hook,
    },
    /// The program of a trigger is to be run, as its owner.
    RunTrigger {
        /// The trigger as it was pulled.
        trigger: Arc<Trigger>,
        /// What its program is told.
        argument: Arc<str>,
    },
    /// A job is to be written down: it has left its nodes or some of them, for good or not, or has ended
    /// without any.
    WriteDown {
        /// The job as it is now.
        job: Arc<Job>,
        /// It goes on, on fewer nodes.
        resized: bool,
    },
    /// ResvProlog or ResvEpilog is to be run, with the reservation's name.
    RunReservation {
        /// The reservation.
        name: Arc<str>,
        /// Which of the two.
        hook: Hook,
    },
    /// Nodes are to be told to read their configuration again.
    Reconfigure,
    /// Machines are to be started or stopped. Its receipt comes back as [`crate::Event::PowerTold`].
    Power(PowerOrder),
}

/// What a client is told at its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage {
    /// The job, or the step, has ended.
    Complete {
        /// The job.
        job: JobId,
        /// The step, if one is meant.
        step: Option<StepNumber>,
    },
    /// What a step waits for may be free now: it is to be asked for again.
    AskAgain {
        /// The job.
        job: JobId,
    },
    /// A text for the user.
    Said {
        /// The job.
        job: JobId,
        /// The text.
        text: Arc<str>,
    },
    /// The time of the job is up soon.
    Timeout {
        /// The job.
        job: JobId,
        /// The step, if its client is told.
        step: Option<StepNumber>,
        /// When.
        at: Timestamp,
    },
    /// Nodes are lost.
    NodeLost {
        /// The job.
        job: JobId,
        /// The step, if its client is told.
        step: Option<StepNumber>,
        /// The nodes, as a host expression.
        nodes: Arc<str>,
    },
    /// Are you there? Its answer comes back as [`crate::Event::ClientAnswered`].
    Ping {
        /// The job.
        job: JobId,
    },
    /// The job was stopped, or goes on.
    Suspended {
        /// The job.
        job: JobId,
        /// It goes on.
        resume: bool,
    },
}

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailEvent {
    /// The job started.
    Began,
    /// The job ended.
    Ended,
    /// The job ended badly.
    Failed,
    /// The job was requeued.
    Requeued,
    /// So much of its time has gone by.
    TimePassed {
        /// 50, 80, 90 or 100 percent.
        percent: u8,
    },
    /// The job waits for what will never come.
    DependencyNeverSatisfied,
}

/// A message to a slurmd, in domain words; `ctld/src/rpc` makes it bytes in the node's release.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeMessage {
    /// Are you there?
    Ping,
    /// Register again.
    Register,
    /// Run HealthCheckProgram.
    HealthCheck,
    /// Run the prolog of a job (PrologFlags=Alloc).
    LaunchProlog {
        /// The job, with its allocation.
        job: Arc<Job>,
    },
    /// Run a batch script.
    LaunchBatch {
        /// The job, with its allocation.
        job: Arc<Job>,
    },
    /// End what is left of a job, run the epilog, report.
    Terminate {
        /// The job as it ended.
        job: Arc<Job>,
    },
    /// The job's time is up: end it as Terminate does, and say why.
    KillTimeLimit {
        /// The job as it ended.
        job: Arc<Job>,
    },
    /// The job has to make room for another: end it as Terminate does, and say why.
    KillPreempted {
        /// The job as it ended.
        job: Arc<Job>,
    },
    /// The step's own time is up: end it, and say why.
    StepTimeLimit {
        /// Its job.
        job: Arc<Job>,
        /// Which step.
        step: StepNumber,
    },
    /// End a job that the controller knows nothing of.
    Abort {
        /// The job.
        job: JobId,
        /// The step that was reported.
        step: Option<StepNumber>,
    },
    /// Send a signal.
    Signal {
        /// The job.
        job: JobId,
        /// The step, or all of them.
        step: Option<StepNumber>,
        /// The signal.
        signal: u16,
        /// `KILL_*` flags of the request.
        flags: u16,
    },
    /// Stop or continue a job.
    Suspend {
        /// The job.
        job: JobId,
        /// Continue instead of stop.
        resume: bool,
    },
    /// Put a text into the output of a batch job.
    Notify {
        /// The job.
        job: JobId,
        /// The text.
        text: Arc<str>,
    },
    /// End yourself.
    Shutdown,
    /// Restart the machine.
    Reboot {
        /// Why.
        reason: Option<Arc<str>>,
    },
}
