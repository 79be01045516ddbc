use std::sync::Arc;

use model::JobId;

/// Why an event is refused; always for something that the caller did or asked. A variant a reason;
/// `ctld/src/rpc/errno.rs` gives each its Slurm errno.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// It takes an administrator.
    #[error("access denied")]
    AccessDenied,
    /// Somebody else's job.
    #[error("the job belongs to somebody else")]
    NotYourJob,
    /// A job for another user, from one who may not.
    #[error("only an administrator submits for another user")]
    NotYourself,
    /// No such job.
    #[error("no job {0}")]
    NoSuchJob(JobId),
    /// The job has ended.
    #[error("job {0} has ended")]
    JobFinished(JobId),
    /// The job has ended, and cannot be altered any more.
    #[error("job {0} is over")]
    JobOver(JobId),
    /// Somebody else's job, which is not to be altered or reported on.
    #[error("job {0} is somebody else's to alter")]
    NotYoursToAlter(JobId),
    /// A step of somebody else's job.
    #[error("the steps of job {0} are somebody else's")]
    NotYourStep(JobId),
    /// The job has nothing that a signal could go to, now.
    #[error("job {0} cannot be signalled now")]
    NotSignalable(JobId),
    /// Nobody listens for what a job is told: it has no script, and its client no port.
    #[error("job {0} has nobody who listens")]
    NobodyListens(JobId),
    /// The job does not run.
    #[error("job {0} is not running")]
    JobNotRunning(JobId),
    /// The job is not stopped.
    #[error("job {0} is not suspended")]
    JobNotSuspended(JobId),
    /// The job is held, and what was asked is for others.
    #[error("job {0} is held")]
    JobHeld(JobId),
    /// The job waits in several partitions, and what was asked is for those in one.
    #[error("job {0} waits in several partitions")]
    SeveralPartitions(JobId),
    /// What was asked is for batch jobs.
    #[error("job {0} is not a batch job")]
    NotBatch(JobId),
    /// The job has started, and what was asked is for waiting ones.
    #[error("job {0} is not pending")]
    JobNotPending(JobId),
    /// The job has not started, and what was asked is for running ones.
    #[error("job {0} is pending")]
    JobPending(JobId),
    /// The job has no script.
    #[error("job {0} has no batch script")]
    NoScript(JobId),
    /// What was asked is for heterogeneous jobs.
    #[error("job {0} is not heterogeneous")]
    NotHetJob(JobId),
    /// What was asked is done through the leader of a heterogeneous job.
    #[error("job {0} is a component of a heterogeneous job, and not its leader")]
    NotHetJobLeader(JobId),
    /// A component of a heterogeneous job that waits is not ended alone.
    #[error("job {0} waits with the other components of its heterogeneous job")]
    NotWholeHetJob(JobId),
    /// The job may not be requeued.
    #[error("job {0} may not be requeued")]
    NotRequeueable(JobId),
    /// The job is being cleaned up.
    #[error("job {0} is completing")]
    JobCompleting(JobId),
    /// Somebody else's hold.
    #[error("job {0} is held by an administrator")]
    HeldByAdmin(JobId),
    /// The table is full.
    #[error("MaxJobCount of {max} jobs is reached")]
    TooManyJobs {
        /// The limit.
        max: u32,
    },
    /// No such partition.
    #[error("no partition {0}")]
    NoSuchPartition(Arc<str>),
    /// No partition was named and none is the default.
    #[error("no partition named, and none is the default")]
    NoDefaultPartition,
    /// The partition takes no jobs.
    #[error("partition {0} takes no jobs")]
    PartitionTakesNoJobs(Arc<str>),
    /// The partition is there already.
    #[error("partition {0} exists")]
    PartitionExists(Arc<str>),
    /// The partition still has jobs.
    #[error("partition {0} has jobs")]
    PartitionBusy(Arc<str>),
    /// The partition is not for this user.
    #[error("partition {0} is not for this user")]
    PartitionRefusesUser(Arc<str>),
    /// The partition is not for the user's groups.
    #[error("partition {0} is not for the user's groups")]
    PartitionRefusesGroup(Arc<str>),
    /// The partition is not for this account.
    #[error("partition {0} is not for this account")]
    PartitionRefusesAccount(Arc<str>),
    /// The time limit is above the partition's.
    #[error("the time limit is above that of partition {0}")]
    TimeLimitTooLong(Arc<str>),
    /// The node count does not fit the partition.
    #[error("the node count is outside what partition {0} allows")]
    NodeCountOutsidePartition(Arc<str>),
    /// The node count is none.
    #[error("invalid node count")]
    InvalidNodeCount,
    /// The task count does not go with the rest.
    #[error("invalid task count")]
    InvalidTaskCount,
    /// More CPUs than there are.
    #[error("more CPUs than the partition has")]
    TooManyCpus,
    /// More memory than the limit.
    #[error("more memory than MaxMemPerCPU or MaxMemPerNode allows")]
    TooMuchMemory,
    /// No such node.
    #[error("no node {0}")]
    NoSuchNode(Arc<str>),
    /// The node named is not in the partition.
    #[error("a required node is not in the partition")]
    NodeNotInPartition,
    /// No node is as asked for.
    #[error("no node has what is asked for")]
    NothingFits,
    /// No node is as large as asked for.
    #[error("{0}")]
    NodesTooSmall(Shortage),
    /// Features that no node has.
    #[error("no node has the features {0}")]
    InvalidFeature(Arc<str>),
    /// A dependency on a job that is not there, or on itself.
    #[error("a dependency names a job that does not exist")]
    InvalidDependency,
    /// A job that would wait for itself.
    #[error("the job would wait for itself")]
    CircularDependency,
    /// A lower priority, which the next look at the job would undo.
    #[error("a priority by its owner is not kept")]
    PriorityNotKept,
    /// Array indexes past MaxArraySize.
    #[error("array indexes are outside MaxArraySize")]
    InvalidArray,
    /// Licenses that the cluster does not have.
    #[error("no such licenses, or not as many")]
    InvalidLicenses,
    /// Generic resources that the cluster does not have.
    #[error("no such generic resources")]
    InvalidGres,
    /// A label of MCS that the job may not have, or there is none that it could have.
    #[error("no such MCS label for this job")]
    InvalidMcsLabel,
    /// The begin time or deadline has gone by.
    #[error("a time that has gone by")]
    InvalidTime,
    /// The deadline cannot be met.
    #[error("the deadline cannot be met")]
    DeadlineCannotBeMet,
    /// The least time limit does not go with the rest.
    #[error("the least time limit is above the time limit")]
    InvalidTimeMin,
    /// CPUs that do not go together, or none.
    #[error("invalid CPU count")]
    InvalidCpuCount,
    /// More than this cluster does.
    #[error("{0} is not supported")]
    NotSupported(&'static str),
    /// A signal that there is not.
    #[error("invalid signal")]
    InvalidSignal,
    /// A field that cannot be changed any more.
    #[error("{0} cannot be changed in this state")]
    NotChangeable(&'static str),
    /// A state that a node cannot go to from where it is.
    #[error("a node cannot go to that state from its own")]
    InvalidNodeState,
    /// Nodes are not powered up and down here.
    #[error("power saving is not configured")]
    NoPowerSaving,
    /// Active features that the node does not have available.
    #[error("active features of node {0} are not among its available ones")]
    ActiveFeatureNotAvailable(Arc<str>),
    /// More or fewer addresses than nodes.
    #[error("as many addresses as nodes are needed")]
    AddressCount,
    /// The node is booting already.
    #[error("the node is rebooting already")]
    RebootInProgress,
    /// A value that is not one.
    #[error("invalid {0}")]
    InvalidValue(&'static str),
    /// Nobody may have triggers here.
    #[error("triggers are disabled")]
    TriggersDisabled,
    /// There are as many triggers as there may be.
    #[error("there are {max} triggers")]
    TooManyTriggers {
        /// The limit: MaxJobCount.
        max: u32,
    },
    /// The same trigger is there.
    #[error("the same trigger is set")]
    TriggerExists,
    /// No trigger is meant.
    #[error("no such trigger")]
    NoSuchTrigger,
    /// There are no crontabs here.
    #[error("crontabs are disabled")]
    CrontabsDisabled,
    /// The line of the crontab never runs.
    #[error("the time of a crontab's line never comes")]
    InvalidCronLine,
    /// The job is one of a crontab, which alone alters it.
    #[error("job {0} belongs to a crontab")]
    CronJob(JobId),
    /// The job is one of a crontab, and those were not meant.
    #[error("job {0} belongs to a crontab, and --cron was not given")]
    CronJobNotMeant(JobId),
    /// A reason is missing.
    #[error("a reason is required")]
    ReasonMissing,
    /// The node is in use.
    #[error("node {0} is in use")]
    NodeBusy(Arc<str>),
    /// The node stands in slurm.conf and cannot be deleted.
    #[error("node {0} is configured in slurm.conf")]
    NodeIsConfigured(Arc<str>),
    /// The node is there already.
    #[error("node {0} exists")]
    NodeExists(Arc<str>),
    /// The node table is full.
    #[error("there is no place for node {name} among the {max} of MaxNodeCount")]
    TooManyNodes {
        /// The limit.
        max: u32,
        /// The first node that has no place.
        name: Arc<str>,
    },
    /// The job cannot run now, and was to run at once or not at all.
    #[error("the job cannot start at once")]
    NotImmediately,
    /// A step cannot be made.
    #[error(transparent)]
    Step(#[from] StepReject),
    /// A reservation cannot be made, altered or used so.
    #[error(transparent)]
    Reservation(#[from] ReservationReject),
    /// The work does not belong to this node.
    #[error("job {0} has no such node")]
    WrongNode(JobId),
}

/// What each node has too little of. The words are those that clients print (24.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Shortage {
    /// CPUs.
    #[error("CPU count per node can not be satisfied")]
    Cpus,
    /// Memory.
    #[error("Memory specification can not be satisfied")]
    Memory,
    /// TmpDisk.
    #[error("Temporary disk specification can not be satisfied")]
    Disk,
    /// Sockets, cores of a socket, or threads of a core.
    #[error("Socket, core and/or thread specification can not be satisfied")]
    Shape,
}

/// Why a job gets no step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepReject {
    /// Other steps have what a step needs, or a node of the job does not answer now.
    #[error("other steps have what the step needs")]
    Busy,
    /// The nodes of the job run their prologs.
    #[error("job {0} is being prepared")]
    PrologRunning(JobId),
    /// The job is stopped, and starts nothing.
    #[error("job {0} is suspended")]
    JobSuspended(JobId),
    /// The job has a step of that number.
    #[error("job {0} has such a step")]
    Exists(JobId),
    /// More threads of a core than the job has.
    #[error("more threads of a core than the job has")]
    TooManyThreads,
    /// Other steps have the ports that the step needs for its MPI.
    #[error("other steps have the ports that the step needs")]
    PortsBusy,
    /// More ports than MpiParams sets aside.
    #[error("more ports than there are for MPI")]
    TooManyPorts,
    /// The job has had MaxStepCount steps.
    #[error("job {0} has had as many steps as it may")]
    TooMany(JobId),
}

/// Why a reservation cannot be made, altered, deleted or used. Those that carry a text are told in
/// these words (24.11).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReservationReject {
    /// There is no such reservation, or it would have nothing.
    #[error("no such reservation")]
    Invalid,
    /// There is one of that name.
    #[error("reservation {0} exists")]
    NameTaken(Arc<str>),
    /// Nobody could use it.
    #[error("neither users nor accounts nor groups are named")]
    NobodyNamed,
    /// Users and groups exclude each other.
    #[error("both users and groups are named")]
    UsersAndGroups,
    /// A name of a user is nobody's, or the list of them cannot be read.
    #[error("no such user")]
    NoSuchUser,
    /// A list of users for a new reservation cannot be read.
    #[error("the list of users cannot be read")]
    BadUsers,
    /// No such group.
    #[error("no such group")]
    NoSuchGroup,
    /// The list of accounts cannot be read.
    #[error("no such account")]
    NoSuchAccount,
    /// Another reservation has the nodes.
    #[error("another reservation has the nodes then")]
    Overlaps,
    /// Jobs run on the nodes then.
    #[error("jobs run on the nodes then")]
    NodesBusy,
    /// Fewer cores than nodes, or none.
    #[error("no such count of cores")]
    CoreCount,
    /// Jobs run in it.
    #[error("jobs run in the reservation")]
    InUse,
    /// A job would lose its access.
    #[error("Reservation update rejected because of JobId={0}")]
    LosesJob(JobId),
    /// Nodes that a job must have are not of its reservation.
    #[error("Problem using reservation")]
    NodesOutside,
    /// It has begun.
    #[error("the reservation has started")]
    Started,
    /// It does not come again.
    #[error("the reservation does not come again")]
    NotSkippable,
    /// Its cores are as they were made.
    #[error("Updating core/node TRES not supported for core-based reservations")]
    CoresStay,
    /// The user may not alter or delete it.
    #[error("somebody else's reservation")]
    NotYours,
    /// The job may not use it.
    #[error("the reservation is for others")]
    NoAccess,
    /// Something that is not offered together.
    #[error("{0}")]
    NotTogether(&'static str),
    /// Nodes that may not be named with this.
    #[error("{0}")]
    NodesNamed(&'static str),
    /// Cores that may not be counted with this.
    #[error("{0}")]
    CoresCounted(&'static str),
}
