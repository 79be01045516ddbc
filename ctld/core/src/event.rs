use std::net::SocketAddr;
use std::sync::Arc;

use model::{
    Gid, GresCount, Hold, IndexSet, JobId, JobSpec, Node, NodeId, Plan, Registration, Script, Seen,
    StepNumber, SuspendExceptions, Timestamp, Uid, Watched,
};

use crate::access::Caller;
pub use crate::answer::{Answer, TaskResult};
use crate::configure::Configuration;
use crate::cron::NewCrontab;
use crate::hook::{Hook, HookResult};
use crate::job::KeptNodes;
use crate::partition::PartitionUpdate;
use crate::power::{PowerOrder, PowerResult};
use crate::reject::Reject;
use crate::reservation::ReservationRequest;
pub use crate::selection::{JobPart, JobSelection};
use crate::step::{StepRequest, StepUpdate};
use crate::trigger::{NewTrigger, TriggerSelection};

/// All that can happen.
#[derive(Clone, Debug)]
pub enum Event {
    /// Somebody submits a job.
    Submit(Box<NewJob>),
    /// Somebody submits a heterogeneous job: its components, the leader first.
    SubmitHet(Vec<NewJob>),
    /// Somebody ends or signals jobs.
    Kill(Kill),
    /// Somebody ends or signals several jobs, each by itself.
    KillJobs(Vec<Kill>),
    /// Somebody wants waiting jobs to go before all others of their owner.
    Top {
        /// Who.
        caller: Caller,
        /// Which, the first of them first.
        jobs: Vec<JobSelection>,
    },
    /// Somebody alters a job.
    UpdateJob(Box<UpdateJob>),
    /// Somebody sends a job back to the queue.
    Requeue(Requeue),
    /// Somebody stops or continues a job.
    Suspend {
        /// Who.
        caller: Caller,
        /// Which.
        selection: JobSelection,
        /// Continue instead of stop.
        resume: bool,
    },
    /// Somebody has something to say to whoever looks at the output of a job.
    Notify {
        /// Who.
        caller: Caller,
        /// The job.
        job: JobId,
        /// The text.
        text: Arc<str>,
    },
    /// The client of an interactive allocation is done with it.
    AllocationDone {
        /// Who.
        caller: Caller,
        /// The job.
        job: JobId,
        /// The status that its command ended with.
        status: u32,
    },
    /// A scheduler has a proposal.
    Planned(Plan),
    /// A node introduces itself.
    Registered(Box<Registered>),
    /// A node gave a sign of life.
    Answered {
        /// The node.
        node: NodeId,
        /// What it said of itself.
        seen: Seen,
    },
    /// A node could not be reached.
    Unreachable {
        /// The node.
        node: NodeId,
    },
    /// A batch launch was answered, or not.
    BatchLaunched {
        /// The job.
        job: JobId,
        /// Which start of the job this was: its restart count then.
        restarts: u16,
        /// How it went.
        result: LaunchResult,
    },
    /// A node has acknowledged that it is to run the prolog of a job.
    PrologAsked {
        /// The job.
        job: JobId,
        /// Which start of the job this was: its restart count then.
        restarts: u16,
        /// The node.
        node: NodeId,
    },
    /// A node has run the prolog of a job.
    PrologDone {
        /// Who says so.
        caller: Caller,
        /// The job.
        job: JobId,
        /// The node.
        node_name: Arc<str>,
        /// Its status; 0 is success.
        status: u32,
    },
    /// The programs of a hook have ended, all of them.
    HookDone {
        /// The job.
        job: JobId,
        /// Which start of the job this was: its restart count then.
        restarts: u16,
        /// Which programs.
        hook: Hook,
        /// How they ended.
        result: HookResult,
    },
    /// A batch script has ended, or could not be started.
    BatchDone(BatchDone),
    /// A client asks for a step.
    StepAsked(Box<StepRequest>),
    /// A step has ended on some of its nodes.
    StepDone(StepDone),
    /// Somebody gives a step another time limit.
    UpdateStep(StepUpdate),
    /// The client of a waiting job has been told that it waits, and now listens at its port.
    ClientListens {
        /// The job.
        job: JobId,
    },
    /// The client of an interactive job has answered when it was asked whether it is there.
    ClientAnswered {
        /// The job.
        job: JobId,
    },
    /// The client of a job was told that it has started, or could not be.
    ClientTold {
        /// The job.
        job: JobId,
        /// Whether somebody listened.
        reached: bool,
    },
    /// A node has nothing left of a job.
    EpilogDone {
        /// Who says so.
        caller: Caller,
        /// The job.
        job: JobId,
        /// The node.
        node_name: Arc<str>,
        /// The status of its epilog; 0 is success.
        status: u32,
    },
    /// A node was told to end a job and has nothing of it.
    NothingLeft {
        /// The job.
        job: JobId,
        /// The node.
        node: NodeId,
    },
    /// Somebody alters nodes.
    UpdateNodes(Box<NodeUpdate>),
    /// Somebody makes nodes.
    CreateNodes {
        /// Who.
        caller: Caller,
        /// The nodes, without a place in the table.
        nodes: Vec<Node>,
    },
    /// Somebody takes nodes out of the table.
    DeleteNodes {
        /// Who.
        caller: Caller,
        /// Their names.
        names: Vec<Arc<str>>,
    },
    /// Somebody wants nodes to boot.
    RebootNodes(Reboot),
    /// Somebody makes a partition.
    CreatePartition(Box<PartitionUpdate>),
    /// Somebody alters a partition.
    UpdatePartition(Box<PartitionUpdate>),
    /// Somebody takes a partition away.
    DeletePartition {
        /// Who.
        caller: Caller,
        /// Its name.
        name: Arc<str>,
    },
    /// Somebody makes a reservation.
    CreateReservation(Box<ReservationRequest>),
    /// Somebody alters a reservation.
    UpdateReservation(Box<ReservationRequest>),
    /// Somebody deletes a reservation.
    DeleteReservation {
        /// Who.
        caller: Caller,
        /// Its name.
        name: Arc<str>,
    },
    /// Somebody hands in a crontab.
    SetCrontab(Box<NewCrontab>),
    /// Somebody sets a trigger.
    SetTrigger(Box<NewTrigger>),
    /// Somebody takes triggers away.
    ClearTriggers {
        /// Who.
        caller: Caller,
        /// Which.
        which: TriggerSelection,
    },
    /// slurmdbd or a backup controller tells that something has happened to it.
    TriggerTold {
        /// Who says so.
        caller: Caller,
        /// What it has happened to.
        watched: Watched,
        /// What has happened: `TRIGGER_TYPE_*` bits of slurm.h.
        events: u32,
    },
    /// Whoever starts and stops machines has an order, or could not be given it.
    PowerTold {
        /// The order.
        order: Box<PowerOrder>,
        /// What became of it.
        result: PowerResult,
    },
    /// Somebody has other nodes, partitions or states be spared from power saving.
    SetSuspendExceptions {
        /// Who.
        caller: Caller,
        /// What is spared from now on.
        except: Box<SuspendExceptions>,
    },
    /// slurm.conf was read, at the start or again.
    Configured(Box<Configuration>),
    /// A second has gone by.
    Tick,
}

/// A job as it is submitted: checked in its form, with all defaults but the partition's filled in.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Who submits.
    pub caller: Caller,
    /// Whose it is to be.
    pub owner: Uid,
    /// The group that it is to run as.
    pub group: Gid,
    /// What is asked for.
    pub spec: JobSpec,
    /// Its script, if it is a batch job.
    pub script: Option<Arc<Script>>,
    /// Whether it is to wait.
    pub hold: Hold,
    /// The array that it is.
    pub array: Option<ArrayRequest>,
    /// The protocol release of the client, as in headers.
    pub protocol: u16,
    /// The names of the groups that the owner is in, if a partition or MCS asks for one.
    pub groups: Arc<[Arc<str>]>,
    /// Whether some set of nodes could ever hold it, found on a snapshot by `sched::feasible`.
    pub feasible: Result<(), Reject>,
}

/// The array of `sbatch --array`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayRequest {
    /// The tasks.
    pub tasks: IndexSet,
    /// How many may run at a time; 0 is without limit.
    pub running_max: u32,
}

/// `scancel`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kill {
    /// Who.
    pub caller: Caller,
    /// Which.
    pub selection: JobSelection,
    /// The step, if only one is meant.
    pub step: Option<StepNumber>,
    /// The signal; SIGKILL ends the job.
    pub signal: u16,
    /// The `KILL_*` flags of slurm.h as they came: which parts of the job are meant.
    pub flags: u16,
}

/// `scontrol update job`: only what is to be altered is set.
#[derive(Clone, Debug)]
pub struct UpdateJob {
    /// Who.
    pub caller: Caller,
    /// Which.
    pub selection: JobSelection,
    /// What becomes of the spec; refuses what this caller may not do in this state.
    pub edits: Vec<JobEdit>,
}

/// One alteration of a job.
#[derive(Clone, Debug)]
pub enum JobEdit {
    /// A priority: 0 holds, `None` lets go or computes it anew.
    Priority {
        /// The priority.
        priority: Option<u32>,
        /// Whether an administrator holds it as its owner would (`scontrol uhold`).
        as_owner: bool,
    },
    /// The time limit, minutes; `None` is without limit.
    TimeLimit(Option<u32>),
    /// The end time.
    EndTime(Timestamp),
    /// Not before.
    Begin(Timestamp),
    /// Other partitions.
    Partitions(Vec<Arc<str>>),
    /// How far it steps back.
    Nice(i32),
    /// How many tasks of the array may run at a time.
    ArrayThrottle(u32),
    /// Other jobs to wait for.
    Dependencies(model::Dependencies),
    /// Other reservations to start in, or to be in from now on; none without a name.
    Reservation(Option<Arc<str>>),
    /// Fewer nodes, of a job that has some.
    Keep(KeptNodes),
    /// Anything else of the spec.
    Spec(SpecEdit),
}

/// A function that alters a spec, named for the log.
#[derive(Clone)]
pub struct SpecEdit {
    /// The field.
    pub field: &'static str,
    /// In which jobs it may be altered.
    pub of: Alterable,
    /// What is done to it, or why not.
    pub apply: Arc<SpecChange>,
}

/// What is done to a spec, or why not.
pub type SpecChange = dyn Fn(&mut JobSpec) -> Result<(), Reject> + Send + Sync;

/// In which jobs a field may be altered, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alterable {
    /// In those that wait.
    Waiting,
    /// In those that wait, by administrators.
    WaitingByAdmin,
    /// In all that have not ended.
    Unfinished,
    /// In all that have not ended, by administrators.
    UnfinishedByAdmin,
}

impl std::fmt::Debug for SpecEdit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpecEdit").field("field", &self.field).finish_non_exhaustive()
    }
}

/// `scontrol requeue` and `requeuehold`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requeue {
    /// Who.
    pub caller: Caller,
    /// Which.
    pub selection: JobSelection,
    /// Whether it is to be held then.
    pub hold: Hold,
    /// Only what has started is meant (`scontrol requeue Incomplete`); the rest is left alone.
    pub started_only: bool,
    /// The text that explains a hold, if there is more to say than who.
    pub state_text: Option<Arc<str>>,
    /// It is a slurmd that asks, which could make nothing of the job.
    pub launch_failed: bool,
}

/// What a slurmd says when it registers.
#[derive(Clone, Debug)]
pub struct Registered {
    /// Who says so.
    pub caller: Caller,
    /// Its NodeName.
    pub node_name: Arc<str>,
    /// Its host name.
    pub host_name: Arc<str>,
    /// Where it spoke from.
    pub peer: SocketAddr,
    /// What it is.
    pub registration: Registration,
    /// Its load times 100 and free memory in MiB.
    pub load: (u32, u64),
    /// What is wrong with it, if its own checks found something: a reason to drain it.
    pub trouble: Option<Arc<str>>,
    /// Steps that run there.
    pub steps: Vec<(JobId, StepNumber)>,
    /// Generic resources that it has.
    pub gres: Option<Arc<[GresCount]>>,
    /// Features that it could have, if it says.
    pub features_available: Option<Arc<[Arc<str>]>>,
    /// Features that it has, if it says.
    pub features_active: Option<Arc<[Arc<str>]>>,
    /// The cloud's names for it.
    pub instance: (Option<Arc<str>>, Option<Arc<str>>),
    /// A text of its own.
    pub extra: Option<Arc<str>>,
    /// What it is to become if the table does not have it.
    pub dynamic: Dynamic,
}

/// What a node that nobody configured asks to become.
#[derive(Clone, Debug, PartialEq)]
pub enum Dynamic {
    /// Nothing: it is in slurm.conf, or it is wrong here.
    No,
    /// A node of its own: `slurmd -Z`.
    New(Box<Node>),
    /// One of those that slurm.conf keeps places for (State=FUTURE): `slurmd -F`.
    Future {
        /// The feature that its place must have, instead of the same hardware.
        feature: Option<Arc<str>>,
    },
}

/// How a batch launch went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaunchResult {
    /// The node has it, now or already.
    Delivered,
    /// The node refused it: Slurm's number.
    Refused {
        /// Why.
        code: u32,
        /// Whether the node itself is at fault and is to be drained.
        node_at_fault: bool,
    },
    /// The node did not answer.
    NoAnswer,
    /// Its script is not in the store any more.
    ScriptMissing,
}

/// A batch script has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchDone {
    /// Who says so.
    pub caller: Caller,
    /// The job.
    pub job: JobId,
    /// Where.
    pub node_name: Arc<str>,
    /// Its wait status.
    pub status: u32,
    /// Slurm's own trouble in running it; 0 is none.
    pub slurm_code: u32,
    /// Whether that trouble means that the node is broken.
    pub node_at_fault: bool,
}

/// A step has ended on some of its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepDone {
    /// Who says so.
    pub caller: Caller,
    /// The job.
    pub job: JobId,
    /// The step.
    pub step: StepNumber,
    /// The first and the last of the nodes, counted within the step.
    pub range: (u32, u32),
    /// Highest wait status of its tasks there.
    pub status: u32,
}

/// Which nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeTarget {
    /// Their names.
    pub names: Vec<Arc<str>>,
}

/// `scontrol update node`: only what is to be altered is set.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are those of scontrol(1) update nodename")]
pub struct NodeUpdate {
    pub caller: Caller,
    pub target: NodeTarget,
    pub state: Option<NodeUpdateState>,
    pub reason: Option<Arc<str>>,
    pub reason_by: Option<Uid>,
    pub weight: Option<u32>,
    pub features_available: Option<Arc<[Arc<str>]>>,
    pub features_active: Option<Arc<[Arc<str>]>>,
    pub comment: Option<Arc<str>>,
    pub extra: Option<Arc<str>>,
    pub instance_id: Option<Arc<str>>,
    pub instance_type: Option<Arc<str>>,
    pub address: Option<Vec<Arc<str>>>,
    pub host_name: Option<Vec<Arc<str>>>,
    pub gres: Option<(Arc<str>, Arc<[GresCount]>)>,
    pub cpu_bind: Option<u32>,
    /// Seconds from now; `Some(None)` takes it back.
    pub resume_after_s: Option<Option<u32>>,
}

impl NodeUpdate {
    /// Nothing is altered of these nodes yet.
    pub fn of(caller: Caller, names: Vec<Arc<str>>) -> Self {
        Self {
            caller,
            target: NodeTarget { names },
            state: None,
            reason: None,
            reason_by: None,
            weight: None,
            features_available: None,
            features_active: None,
            comment: None,
            extra: None,
            instance_id: None,
            instance_type: None,
            address: None,
            host_name: None,
            gres: None,
            cpu_bind: None,
            resume_after_s: None,
        }
    }
}

/// `State=` of `scontrol update node`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words are those of scontrol(1)")]
pub enum NodeUpdateState {
    Down,
    Drain,
    Undrain,
    Fail,
    Future,
    Idle,
    NoResp,
    Resume,
    PowerDown,
    PowerDownAsap,
    PowerDownForce,
    PowerUp,
    CancelReboot,
}

/// `scontrol reboot`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reboot {
    /// Who.
    pub caller: Caller,
    /// The nodes; `None` is all of them.
    pub names: Option<Vec<Arc<str>>>,
    /// They take no new jobs until then.
    pub asap: bool,
    /// What becomes of them afterwards.
    pub then: AfterReboot,
    /// Why.
    pub reason: Option<Arc<str>>,
}

/// `nextstate=` of `scontrol reboot`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterReboot {
    /// They are as they were.
    AsBefore,
    /// They are resumed, whatever they were drained for.
    Resume,
    /// They stay down.
    Down,
}
