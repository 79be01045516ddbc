//! slurm.conf becomes what the core decides by: settings, nodes and partitions.

mod mcs;
mod node;
mod partition;
mod power;
mod preempt;
mod priority;
mod zone;

use std::sync::Arc;

use ctld_core::{Configuration, Recover};
use model::{
    Config, Consumable, HealthCheck, HetPlace, LicensePool, MemoryDefault, PartLimits, PartRules,
    PriorityType, Private, ReturnToService, Timestamp, Uid, Unit,
};

use crate::config::{
    EnforcePartLimits, Keys, Memory, NO_VALUE_32, Options, PROLOG_CONTAIN, PROLOG_NO_HOLD,
    SELECT_CORE, SELECT_CPU, SELECT_MEMORY, SELECT_ONE_TASK_PER_CORE, SELECT_SOCKET, SlurmConf,
};
use crate::users::Users;

pub use node::{gres_counts, node, node_flags};
pub use partition::{grown_by, partition};
pub use power::{excepted_states, is_program, spared_nodes};
pub use priority::{are_weights, tracked_too};

/// Why slurm.conf cannot be put to use on this machine; the administrator's to mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// SlurmUser or SlurmdUser is nobody here.
    #[error("Invalid user for {key} {name}, ignored")]
    UnknownUser {
        /// The key.
        key: &'static str,
        /// The name given.
        name: String,
    },
    /// RequeueExit or RequeueExitHold.
    #[error("invalid {key}: {value}")]
    ExitCodes {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
    },
    /// PriorityWeightTRES.
    #[error("failed to parse tres weights str '{0}'")]
    TresWeights(String),
    /// Licenses.
    #[error("Invalid configured licenses: {0}")]
    Licenses(String),
}

/// `PrologFlags=Alloc`, which most of the others imply.
const PROLOG_ALLOC: u16 = 0x01;
/// `PrologFlags=DeferBatch`.
const PROLOG_DEFER_BATCH: u16 = 0x20;
/// `PrologFlags=ForceRequeueOnFail`.
const PROLOG_FORCE_REQUEUE: u16 = 0x40;
/// `SelectTypeParameters=CR_LLN`.
const SELECT_LLN: u16 = 0x4000;
/// `SelectTypeParameters=LL_SHARED_GRES`.
const SELECT_LL_SHARED: u16 = 0x0400;
/// `SelectTypeParameters=ONE_TASK_PER_SHARING_GRES`.
const SELECT_ONE_TASK_PER_SHARING: u16 = 0x0080;
/// `SelectTypeParameters=MULTIPLE_SHARING_GRES_PJ`.
const SELECT_MULTIPLE_SHARING: u16 = 0x8000;
/// `SelectTypeParameters=CR_PACK_NODES`.
const SELECT_PACK_NODES: u16 = 0x0200;
/// `PrivateData=jobs`, `nodes`, `partitions` and `reservations`.
const PRIVATE: [u16; 4] = [0x01, 0x02, 0x04, 0x40];

/// What the core is told of slurm.conf. Nodes that the file sets down are so since `now`.
///
/// # Errors
///
/// If users that it names do not exist here, or lists that only the controller reads are broken.
pub fn configuration(
    conf: &SlurmConf,
    recover: Recover,
    users: &Users,
    now: Timestamp,
) -> Result<Configuration, SettingsError> {
    let config = Config {
        zone: zone::local(now),
        power: power::saving(conf),
        suspend_except: power::exceptions(conf),
        ..config(conf, users)?
    };
    let nodes = node::nodes(conf, config.slurm_user, now);
    let partitions = conf
        .partitions
        .iter()
        .map(|line| {
            let names = line.nodes.iter().map(|name| name.as_str().into()).collect();
            (partition(conf, line), names)
        })
        .collect();
    Ok(Configuration { config: Arc::new(config), nodes, partitions, recover })
}

fn config(conf: &SlurmConf, users: &Users) -> Result<Config, SettingsError> {
    let (keys, settings) = (&conf.keys, &conf.settings);
    let user = |key, name: &Option<String>| match name {
        None => Ok(Uid::ROOT),
        Some(name) => {
            users.uid(name).ok_or_else(|| SettingsError::UnknownUser { key, name: name.clone() })
        }
    };
    let prolog = |bit: u16| settings.prolog_flags & bit != 0;
    let scron = |word: &str| {
        let words = keys.scron_parameters.as_deref().unwrap_or_default();
        words.to_ascii_lowercase().contains(word)
    };
    let select = |bit: u16| settings.select_bits & bit != 0;
    let number = |option: Option<u64>, default: u32| {
        option.map_or(default, |n| u32::try_from(n).unwrap_or(u32::MAX))
    };
    Ok(Config {
        cluster_name: conf.cluster.as_str().into(),
        slurm_user: user("SlurmUser", &keys.slurm_user)?,
        slurmd_user: user("SlurmdUser", &keys.slurmd_user)?,
        first_job_id: keys.first_job_id,
        max_job_id: keys.max_job_id,
        max_job_count: keys.max_job_count,
        max_array_size: keys.max_array_size,
        max_node_count: max_node_count(conf),
        max_tasks_per_node: keys.max_tasks_per_node.into(),
        max_step_count: keys.max_step_count,
        min_job_age_s: keys.min_job_age,
        kill_wait_s: keys.kill_wait,
        message_timeout_s: keys.message_timeout,
        slurmd_timeout_s: keys.slurmd_timeout,
        inactive_limit_s: keys.inactive_limit,
        mpi_ports: mpi_ports(keys.mpi_params.as_deref()),
        batch_start_timeout_s: keys.batch_start_timeout,
        max_batch_requeue: keys.max_batch_requeue,
        resume_timeout_s: keys.resume_timeout,
        complete_wait_s: keys.complete_wait,
        over_time_limit_min: keys.over_time_limit,
        return_to_service: match keys.return_to_service {
            0 => ReturnToService::Never,
            1 => ReturnToService::IfNotResponding,
            _ => ReturnToService::Always,
        },
        consumable: consumable(keys, settings.select_bits),
        one_task_per_core: select(SELECT_ONE_TASK_PER_CORE),
        least_loaded: select(SELECT_LLN),
        pack_nodes: select(SELECT_PACK_NODES),
        part_rules: PartRules {
            several: select(SELECT_MULTIPLE_SHARING),
            least_loaded: select(SELECT_LL_SHARED),
            one_task_each: select(SELECT_ONE_TASK_PER_SHARING),
        },
        def_memory: settings.def_mem.map(memory),
        max_memory: settings.max_mem.map(memory),
        enforce_part_limits: match settings.enforce_part_limits {
            EnforcePartLimits::No => PartLimits::No,
            EnforcePartLimits::Any => PartLimits::Any,
            EnforcePartLimits::All => PartLimits::All,
        },
        disable_root_jobs: keys.disable_root_jobs,
        job_requeue: keys.job_requeue != 0,
        prolog_alloc: prolog(PROLOG_ALLOC),
        prolog_no_hold: prolog(PROLOG_NO_HOLD),
        prolog_defer_batch: prolog(PROLOG_DEFER_BATCH),
        prolog_contain: prolog(PROLOG_CONTAIN),
        requeue_on_prolog_fail: prolog(PROLOG_FORCE_REQUEUE),
        user_triggers: settings.slurmctld.has("allow_user_triggers"),
        no_triggers: settings.slurmctld.has("disable_triggers"),
        crontabs: scron("enable"),
        explicit_scancel: scron("explicit_scancel"),
        prolog_slurmctld: !keys.prolog_slurmctld.is_empty(),
        epilog_slurmctld: !keys.epilog_slurmctld.is_empty(),
        config_overrides: settings.config_overrides,
        private: private(settings.private_data),
        user_top: settings.scheduler.has("enable_user_top"),
        resv_over_run_min: keys.resv_over_run,
        user_resv_delete: settings.slurmctld.has("user_resv_delete"),
        nohold_on_prolog_fail: settings.scheduler.has("nohold_on_prolog_fail"),
        cred_expire_s: number(settings.auth_info.number("cred_expire"), 120),
        requeue_exit: exit_codes("RequeueExit", &keys.requeue_exit)?,
        requeue_exit_hold: exit_codes("RequeueExitHold", &keys.requeue_exit_hold)?,
        licenses: licenses(&keys.licenses)?,
        tree_width: keys.tree_width,
        health_check: health_check(keys, settings.health_check_states),
        gres_types: settings.gres_types.iter().map(|name| name.as_str().into()).collect(),
        whole_hetjob: ["whole_hetjob", "whole_pack"].iter().any(|w| settings.scheduler.has(w)),
        het_place: het_place(&settings.scheduler),
        default_queue_depth: number(settings.scheduler.number("default_queue_depth"), 100),
        priority_type: priority_type(keys),
        priority: priority::rules(conf)?,
        preemption: preempt::preemption(conf),
        mcs: mcs::mcs(keys, users),
        ..Config::default()
    })
}
/// `ports=FIRST-LAST` of MpiParams; nothing where they make no range, as slurmctld has it.
/// bf_hetjob_prio; bf_hetjob_immediate has it be `min` unless it says something else (slurm.conf(5)).
fn het_place(scheduler: &Options) -> Option<HetPlace> {
    let word = scheduler.value("bf_hetjob_prio").unwrap_or_default();
    match word.to_ascii_lowercase().as_str() {
        "min" => Some(HetPlace::Least),
        "avg" => Some(HetPlace::Mean),
        "max" => Some(HetPlace::Most),
        _ => scheduler.has("bf_hetjob_immediate").then_some(HetPlace::Least),
    }
}

/// PrivateData, as far as it hides what is told here.
fn private(bits: u16) -> Private {
    let [jobs, nodes, partitions, reservations] = PRIVATE.map(|bit| bits & bit != 0);
    Private { jobs, nodes, partitions, reservations }
}

fn priority_type(keys: &Keys) -> PriorityType {
    match keys.priority_type.as_deref() {
        Some("priority/basic" | "basic") => PriorityType::Basic,
        _ => PriorityType::Multifactor,
    }
}

fn mpi_ports(params: Option<&str>) -> Option<(u16, u16)> {
    let (_, ports) = params?.split_once("ports=")?;
    let ports = ports.split([',', ' ']).next()?;
    let (first, last) = ports.split_once('-')?;
    let range: (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
    (range.0 > 0 && range.0 <= range.1).then_some(range)
}

fn health_check(keys: &Keys, states: u16) -> Option<HealthCheck> {
    let has = |bit: u16| states & bit != 0;
    let interval_s = keys.health_check_interval;
    (interval_s > 0 && keys.health_check_program.is_some()).then(|| HealthCheck {
        interval_s,
        idle: has(0x1),
        alloc: has(0x2),
        mixed: has(0x4),
        nondrained_idle: has(0x8),
        cycle: has(0x8000),
    })
}

/// Without MaxNodeCount the table has room for the nodes of the file and no other.
fn max_node_count(conf: &SlurmConf) -> u32 {
    let configured: usize = conf.nodes.iter().map(|line| line.nodes.len()).sum();
    let configured = u32::try_from(configured).unwrap_or(u32::MAX);
    match conf.keys.max_node_count {
        NO_VALUE_32 => configured,
        max => max.max(configured),
    }
}

fn consumable(keys: &Keys, bits: u16) -> Consumable {
    let linear = keys.select_type.as_deref().is_some_and(|plugin| plugin.contains("linear"));
    let unit = if linear {
        Unit::Node
    } else if bits & SELECT_SOCKET != 0 {
        Unit::Socket
    } else if bits & SELECT_CORE != 0 {
        Unit::Core
    } else if bits & (SELECT_CPU | SELECT_MEMORY) != 0 {
        Unit::Cpu
    } else {
        Unit::Core
    };
    Consumable { unit, memory: bits & SELECT_MEMORY != 0 }
}

pub(crate) fn memory(memory: Memory) -> MemoryDefault {
    match memory {
        Memory::PerCpu(mib) => MemoryDefault::PerCpu(mib),
        Memory::PerNode(mib) => MemoryDefault::PerNode(mib),
    }
}

/// `1,7-9` as numbers.
fn exit_codes(key: &'static str, text: &Option<String>) -> Result<Arc<[u16]>, SettingsError> {
    let Some(text) = text else {
        return Ok(Arc::default());
    };
    let range = |word: &str| {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let (first, last) = (first.trim().parse::<u8>().ok()?, last.trim().parse::<u8>().ok()?);
        Some((first..=last).map(u16::from))
    };
    let ranges: Option<Vec<_>> =
        text.split(',').filter(|word| !word.is_empty()).map(range).collect();
    let ranges = ranges.ok_or_else(|| SettingsError::ExitCodes { key, value: text.clone() })?;
    Ok(ranges.into_iter().flatten().collect())
}

/// `fluent:30,ansys` as pools; without a number there is one.
fn licenses(text: &Option<String>) -> Result<Arc<[LicensePool]>, SettingsError> {
    let Some(text) = text else {
        return Ok(Arc::default());
    };
    let pool = |word: &str| {
        let (name, total) = match word.split_once([':', '*']) {
            Some((name, total)) => (name, total.parse().ok()?),
            None => (word, 1),
        };
        (!name.is_empty()).then(|| LicensePool { name: name.into(), total })
    };
    let words = text.split([',', ';']).map(str::trim).filter(|word| !word.is_empty());
    let pools: Option<Arc<[LicensePool]>> = words.map(pool).collect();
    pools.ok_or_else(|| SettingsError::Licenses(text.clone()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    use model::{Availability, Partition, PartitionState, Sharing};

    use super::*;

    const HEAD: &str = "ClusterName=c\nSlurmctldHost=ctl\nAuthType=auth/slurm\n";

    pub(super) fn load(text: &str) -> SlurmConf {
        let path = "/etc/slurm/slurm.conf";
        let files: BTreeMap<PathBuf, String> =
            [(path.into(), format!("{HEAD}{text}"))].into_iter().collect();
        SlurmConf::load(&files, Path::new(path)).expect("the file of the test is good")
    }

    pub(super) fn configured(text: &str) -> Configuration {
        let conf = load(text);
        configuration(&conf, Recover::All, &Users::default(), Timestamp(1000)).unwrap()
    }

    #[test]
    fn keys_become_settings_and_unset_ones_have_slurms_defaults() {
        let c = configured(
            "NodeName=n1\nSelectTypeParameters=CR_CPU_Memory,CR_LLN\nReturnToService=2\n\
             PrologFlags=Contain\nDefMemPerCPU=512\nRequeueExit=3,7-9\nLicenses=a:3,b\n\
             PrivateData=jobs\nAuthInfo=cred_expire=30\nMaxTasksPerNode=7\n",
        );
        let config = &c.config;
        assert_eq!(config.consumable, Consumable { unit: Unit::Cpu, memory: true });
        assert!(config.least_loaded && config.prolog_alloc && config.prolog_contain);
        assert_eq!(config.return_to_service, ReturnToService::Always);
        assert_eq!(config.def_memory, Some(MemoryDefault::PerCpu(512)));
        assert_eq!(*config.requeue_exit, [3, 7, 8, 9]);
        let licenses: Vec<_> = config.licenses.iter().map(|l| (&*l.name, l.total)).collect();
        assert_eq!(licenses, [("a", 3), ("b", 1)]);
        assert!(config.private.jobs && !config.private.nodes);
        assert_eq!((config.cred_expire_s, config.max_node_count), (30, 1));
        assert_eq!(config.max_tasks_per_node, 7);
        assert_eq!(config.slurmd_timeout_s, 300);
    }

    #[test]
    fn linear_gives_whole_nodes() {
        let c =
            configured("NodeName=n1\nSelectType=select/linear\nSelectTypeParameters=CR_Memory\n");
        assert_eq!(c.config.consumable, Consumable { unit: Unit::Node, memory: true });
    }

    #[test]
    fn a_user_that_is_nobody_is_an_error() {
        let conf = load("NodeName=n1\nSlurmUser=no-such-user\n");
        let error = configuration(&conf, Recover::All, &Users::default(), Timestamp(0));
        let wanted = SettingsError::UnknownUser { key: "SlurmUser", name: "no-such-user".into() };
        assert_eq!(error.err(), Some(wanted));
    }

    #[test]
    fn node_states_are_those_of_the_file() {
        let c = configured(
            "NodeName=n[1-2] CPUs=4 Sockets=1 CoresPerSocket=4 RealMemory=900 Gres=gpu:a100:2 Port=7001\n\
             NodeName=f1 State=FUTURE\nNodeName=c1 State=CLOUD\nNodeName=d1 State=DRAIN Reason=fan\n\
             GresTypes=gpu\nDownNodes=n2 Reason=dead\n",
        );
        let by_name: BTreeMap<_, _> = c.nodes.iter().map(|n| (&*n.name, n)).collect();
        let n1 = by_name["n1"];
        assert_eq!(n1.availability, Availability::Unknown);
        assert_eq!((n1.address.port, n1.hardware.cpus, n1.hardware.memory_mib), (7001, 4, 900));
        assert_eq!(n1.hardware.gres[0].count, 2);
        assert_eq!(n1.hardware.gres_text.as_deref(), Some("gpu:a100:2"));
        let down = by_name["n2"];
        assert_eq!(down.availability, Availability::Down);
        assert_eq!(down.reason.as_ref().map(|r| (&*r.text, r.at)), Some(("dead", Timestamp(1000))));
        assert_eq!(by_name["f1"].availability, Availability::Future);
        assert!(by_name["c1"].flags.cloud && by_name["c1"].flags.powered_down);
        assert!(by_name["d1"].flags.drain);
        assert_eq!(by_name["d1"].reason.as_ref().map(|r| &*r.text), Some("fan"));
    }

    #[test]
    fn partitions_have_their_nodes_and_limits() {
        let c = configured(
            "NodeName=n[1-3] Feature=fast\nNodeSet=quick Feature=fast\n\
             PartitionName=a Nodes=n[1-2] Default=YES MaxTime=60 DefaultTime=5 State=DRAIN\n\
             PartitionName=b Nodes=quick OverSubscribe=FORCE:4 PriorityTier=7 MaxNodes=2\n\
             PartitionName=c Nodes=ALL OverSubscribe=EXCLUSIVE DefMemPerNode=100\n",
        );
        let (a, names): &(Partition, _) = &c.partitions[0];
        assert_eq!(names.iter().map(|n| &**n).collect::<Vec<_>>(), ["n1", "n2"]);
        assert!(a.is_default && a.node_sets.is_none());
        assert_eq!((a.max_time_min, a.default_time_min), (Some(60), Some(5)));
        assert_eq!(a.state, PartitionState::Drain);
        let (b, names) = &c.partitions[1];
        assert_eq!(names.len(), 3);
        assert_eq!((b.sharing, b.priority_tier, b.max_nodes), (Sharing::Force(4), 7, Some(2)));
        assert_eq!(b.node_sets.as_deref(), Some("fast"));
        assert_eq!(b.nodes_text.as_deref(), Some("quick"));
        let (c, _) = &c.partitions[2];
        assert_eq!(c.sharing, Sharing::Exclusive);
        assert_eq!(c.def_memory, Some(MemoryDefault::PerNode(100)));
        assert_eq!(c.node_sets.as_deref(), Some("ALL"));
    }
}
