use ctld_core::{Reject, ReservationReject, StepReject};
use protocol::{Errno, Version};

/// Slurm's number for a reject. The only place where the two meet; no wildcard, so that a new reason
/// to refuse is given its number.
pub fn errno(reject: &Reject) -> Errno {
    match reject {
        Reject::AccessDenied
        | Reject::NotYourJob
        | Reject::NotYourStep(_)
        | Reject::HeldByAdmin(_) => Errno::ESLURM_ACCESS_DENIED,
        Reject::NotYourself | Reject::NotYoursToAlter(_) => Errno::ESLURM_USER_ID_MISSING,
        Reject::NoSuchJob(_) | Reject::WrongNode(_) => Errno::ESLURM_INVALID_JOB_ID,
        Reject::JobFinished(_) => Errno::ESLURM_ALREADY_DONE,
        Reject::JobOver(_) => Errno::ESLURM_JOB_FINISHED,
        Reject::NobodyListens(_) | Reject::NotRequeueable(_) => Errno::ESLURM_DISABLED,
        Reject::JobNotRunning(_) => Errno::ESLURM_JOB_NOT_RUNNING,
        Reject::JobNotSuspended(_) => Errno::ESLURM_JOB_NOT_SUSPENDED,
        Reject::JobHeld(_) => Errno::ESLURM_JOB_HELD,
        Reject::SeveralPartitions(_) => Errno::ESLURM_REQUESTED_PART_CONFIG_UNAVAILABLE,
        Reject::NotBatch(_) => Errno::ESLURM_BATCH_ONLY,
        Reject::NotHetJob(_) => Errno::ESLURM_NOT_HET_JOB,
        Reject::NotHetJobLeader(_) => Errno::ESLURM_NOT_HET_JOB_LEADER,
        Reject::NotWholeHetJob(_) => Errno::ESLURM_NOT_WHOLE_HET_JOB,
        Reject::JobNotPending(_) => Errno::ESLURM_JOB_NOT_PENDING,
        Reject::JobPending(_) => Errno::ESLURM_JOB_PENDING,
        Reject::NoScript(_) => Errno::ESLURM_JOB_SCRIPT_MISSING,
        Reject::JobCompleting(_) | Reject::NotSignalable(_) => {
            Errno::ESLURM_TRANSITION_STATE_NO_UPDATE
        }
        // Stock clients sleep and try again on this one.
        Reject::TooManyJobs { .. } => Errno::EAGAIN,
        Reject::NoSuchPartition(_) | Reject::PartitionExists(_) => {
            Errno::ESLURM_INVALID_PARTITION_NAME
        }
        Reject::NoDefaultPartition => Errno::ESLURM_DEFAULT_PARTITION_NOT_SET,
        Reject::PartitionTakesNoJobs(_) => Errno::ESLURM_PARTITION_NOT_AVAIL,
        Reject::PartitionBusy(_) => Errno::ESLURM_PARTITION_IN_USE,
        Reject::PartitionRefusesUser(_) => Errno::ESLURM_ACCESS_DENIED,
        Reject::PartitionRefusesGroup(_) => Errno::ESLURM_JOB_MISSING_REQUIRED_PARTITION_GROUP,
        Reject::PartitionRefusesAccount(_) => Errno::ESLURM_INVALID_ACCOUNT,
        Reject::TimeLimitTooLong(_) => Errno::ESLURM_INVALID_TIME_LIMIT,
        Reject::NodeCountOutsidePartition(_) | Reject::InvalidNodeCount => {
            Errno::ESLURM_INVALID_NODE_COUNT
        }
        Reject::InvalidTaskCount => Errno::ESLURM_BAD_TASK_COUNT,
        Reject::TooManyCpus => Errno::ESLURM_TOO_MANY_REQUESTED_CPUS,
        Reject::TooMuchMemory => Errno::ESLURM_INVALID_TASK_MEMORY,
        Reject::NoSuchNode(_) => Errno::ESLURM_INVALID_NODE_NAME,
        Reject::NodeNotInPartition => Errno::ESLURM_REQUESTED_NODES_NOT_IN_PARTITION,
        Reject::NothingFits | Reject::NodesTooSmall(_) => {
            Errno::ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE
        }
        Reject::InvalidFeature(_) => Errno::ESLURM_INVALID_FEATURE,
        Reject::InvalidDependency => Errno::ESLURM_DEPENDENCY,
        Reject::CircularDependency => Errno::ESLURM_CIRCULAR_DEPENDENCY,
        Reject::PriorityNotKept => Errno::ESLURM_PRIO_RESET_FAIL,
        Reject::InvalidArray => Errno::ESLURM_INVALID_ARRAY,
        Reject::InvalidLicenses => Errno::ESLURM_INVALID_LICENSES,
        Reject::InvalidGres => Errno::ESLURM_INVALID_GRES,
        Reject::InvalidMcsLabel => Errno::ESLURM_INVALID_MCS_LABEL,
        Reject::InvalidTime => Errno::ESLURM_INVALID_TIME_VALUE,
        Reject::DeadlineCannotBeMet => Errno::ESLURM_INVALID_TIME_LIMIT,
        Reject::InvalidTimeMin => Errno::ESLURM_INVALID_TIME_MIN_LIMIT,
        Reject::InvalidCpuCount => Errno::ESLURM_INVALID_CPU_COUNT,
        Reject::NotSupported(_) | Reject::NotChangeable(_) => Errno::ESLURM_NOT_SUPPORTED,
        Reject::InvalidSignal | Reject::InvalidValue(_) => Errno::EINVAL,
        Reject::InvalidNodeState => Errno::ESLURM_INVALID_NODE_STATE_TRANSITION,
        Reject::NoPowerSaving => Errno::ESLURM_INVALID_POWER_ACTION,
        Reject::ReasonMissing | Reject::NodeIsConfigured(_) => Errno::ESLURM_INVALID_NODE_STATE,
        Reject::ActiveFeatureNotAvailable(_) => Errno::ESLURM_ACTIVE_FEATURE_NOT_SUBSET,
        Reject::AddressCount => Errno::ESLURM_INVALID_NODE_NAME,
        Reject::RebootInProgress => Errno::ESLURM_REBOOT_IN_PROGRESS,
        Reject::NodeBusy(_) => Errno::ESLURM_NODES_BUSY,
        Reject::NodeExists(_) => Errno::ESLURM_NODE_ALREADY_EXISTS,
        Reject::TooManyNodes { .. } => Errno::ESLURM_NODE_TABLE_FULL,
        Reject::Step(step) => of_step(step),
        Reject::Reservation(reservation) => of_reservation(reservation),
        Reject::TriggersDisabled => Errno::ESLURM_DISABLED,
        Reject::TooManyTriggers { .. } => Errno::EAGAIN,
        Reject::TriggerExists => Errno::ESLURM_TRIGGER_DUP,
        Reject::NoSuchTrigger => Errno::ESRCH,
        Reject::CrontabsDisabled | Reject::InvalidCronLine => Errno::SLURM_ERROR,
        Reject::CronJob(_) => Errno::ESLURM_CANNOT_MODIFY_CRON_JOB,
        Reject::CronJobNotMeant(_) => Errno::ESLURM_CANNOT_CANCEL_CRON_JOB,
        Reject::NotImmediately => Errno::ESLURM_CAN_NOT_START_IMMEDIATELY,
    }
}

fn of_reservation(reject: &ReservationReject) -> Errno {
    use ReservationReject as R;
    match reject {
        R::Invalid => Errno::ESLURM_RESERVATION_INVALID,
        R::NameTaken(_) => Errno::ESLURM_RESERVATION_NAME_DUP,
        R::NobodyNamed => Errno::ESLURM_RESERVATION_EMPTY,
        R::UsersAndGroups => Errno::ESLURM_RESERVATION_USER_GROUP,
        R::NoSuchUser | R::BadUsers | R::NotYours => Errno::ESLURM_USER_ID_MISSING,
        R::NoSuchGroup => Errno::ESLURM_GROUP_ID_MISSING,
        R::NoSuchAccount => Errno::ESLURM_INVALID_ACCOUNT,
        R::Overlaps => Errno::ESLURM_RESERVATION_OVERLAP,
        R::NodesBusy => Errno::ESLURM_NODES_BUSY,
        R::CoreCount => Errno::ESLURM_INVALID_CORE_CNT,
        R::CoresCounted(_) => Errno::ESLURM_INVALID_CPU_COUNT,
        R::NodesOutside => Errno::ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE,
        R::InUse | R::LosesJob(_) => Errno::ESLURM_RESERVATION_BUSY,
        R::Started => Errno::ESLURM_RSV_ALREADY_STARTED,
        R::NotSkippable => Errno::ESLURM_RESERVATION_NO_SKIP,
        R::CoresStay => Errno::ESLURM_CORE_RESERVATION_UPDATE,
        R::NoAccess => Errno::ESLURM_RESERVATION_ACCESS,
        R::NotTogether(_) => Errno::ESLURM_NOT_SUPPORTED,
        R::NodesNamed(_) => Errno::ESLURM_INVALID_NODE_NAME,
    }
}

/// The words for a refusal that stock controllers explain.
fn explained_reservation(reject: &ReservationReject) -> Option<String> {
    use ReservationReject as R;
    let has_words = matches!(
        reject,
        R::NodesOutside
            | R::LosesJob(_)
            | R::CoresStay
            | R::NotTogether(_)
            | R::NodesNamed(_)
            | R::CoresCounted(_)
    );
    has_words.then(|| reject.to_string())
}

fn of_step(reject: &StepReject) -> Errno {
    match reject {
        // Stock clients wait and ask again on these three, and on busy ports.
        StepReject::Busy => Errno::ESLURM_NODES_BUSY,
        StepReject::PrologRunning(_) => Errno::ESLURM_PROLOG_RUNNING,
        StepReject::JobSuspended(_) => Errno::ESLURM_DISABLED,
        StepReject::Exists(_) => Errno::ESLURM_DUPLICATE_STEP_ID,
        StepReject::TooManyThreads => Errno::ESLURM_BAD_THREAD_PER_CORE,
        StepReject::PortsBusy => Errno::ESLURM_PORTS_BUSY,
        StepReject::TooManyPorts => Errno::ESLURM_PORTS_INVALID,
        StepReject::TooMany(_) => Errno::ESLURM_STEP_LIMIT,
    }
}

/// The text that goes with the number where stock controllers send one; clients print it.
pub fn explanation(reject: &Reject) -> Option<String> {
    let node = match reject {
        Reject::NodeExists(name) | Reject::TooManyNodes { name, .. } => name,
        Reject::Reservation(reservation) => return explained_reservation(reservation),
        Reject::NodesTooSmall(shortage) => return Some(shortage.to_string()),
        _ => return None,
    };
    Some(format!("{} ({node})", errno(reject).text()?))
}

/// The number for a reject in the words of a release.
pub fn in_release(version: Version, reject: &Reject) -> Errno {
    match reject {
        // Signals to steps had a check of their own.
        Reject::NotYourStep(_) if version < Version::V25_05 => Errno::ESLURM_USER_ID_MISSING,
        Reject::Reservation(ReservationReject::BadUsers) if version >= Version::V25_05 => {
            Errno::SLURM_ERROR
        }
        reject => as_known_by(version, errno(reject)),
    }
}

/// What a release says for a number that only newer ones have.
pub fn as_known_by(version: Version, code: Errno) -> Errno {
    match code {
        Errno::ESLURM_INVALID_POWER_ACTION if version < Version::V26_05 => {
            as_known_by(version, Errno::ESLURM_INVALID_NODE_STATE_TRANSITION)
        }
        Errno::ESLURM_INVALID_NODE_STATE_TRANSITION if version < Version::V25_11 => {
            Errno::ESLURM_INVALID_NODE_STATE
        }
        code => code,
    }
}
