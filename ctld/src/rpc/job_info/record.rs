//! One job's record.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    ArrayRole, Exclusive, IndexSet, Job, JobSpec, MemoryRequest, NodeId, NumberOption, Partition,
    PendingTasks, Phase, TextOption, Timestamp, Tres, WaitReason,
};
use protocol::RawVersion;
use protocol::msg::{
    JobFlags, JobInfo, JobState, MEM_PER_CPU, MailTypes, Minutes, MultiCore, Nice, ShowFlags,
};
use protocol::shape::{Bitmap, Fixed, Limit, Sentinel};

use super::resources::{gres_detail, gres_text, job_resources};
use crate::rpc::field::{node_set, text, text as text_of, time};
use crate::rpc::job_id::index_text;
use crate::rpc::job_word::{exclusive_value, job_state, oversubscribe_value, shared_value};
use crate::rpc::sluid;
use crate::rpc::state_word::{job_reason, reason_text};
use crate::rpc::tres;
use crate::view::View;

/// What stands for "any" in the shape of processors that a job asked for.
pub(super) const ANY: u16 = 0xfffe;
/// What stands for "any number of tasks".
const ANY_TASKS: u16 = 0xffff;
/// What a job that has not started is billed, as a number: NO_VAL.
const UNKNOWN_BILLING: f64 = 4_294_967_294.0;
/// When a job without a time limit is expected to end after its start: a year.
const YEAR_S: u64 = 365 * 24 * 3600;

/// Makes records for one request.
pub(super) struct Records<'a> {
    view: &'a View,
    now: Timestamp,
    flags: ShowFlags,
    /// The most CPUs that a node of each partition has, found when first asked for.
    widest: RefCell<BTreeMap<Arc<str>, u32>>,
}

/// A job with what its record is made of.
struct Subject<'a> {
    job: &'a Job,
    partition: Option<&'a Arc<Partition>>,
    state: JobState,
    /// Whether it waits, if only for its clean-up.
    waits: bool,
}

impl Subject<'_> {
    fn text(&self, option: TextOption) -> Option<String> {
        text(self.job.spec.carried.text(option))
    }

    fn number(&self, option: NumberOption) -> u64 {
        self.job.spec.carried.number(option).unwrap_or(0)
    }

    fn small(&self, option: NumberOption) -> u16 {
        u16::try_from(self.number(option)).unwrap_or(u16::MAX)
    }

    fn middle(&self, option: NumberOption) -> u32 {
        u32::try_from(self.number(option)).unwrap_or(u32::MAX)
    }

    fn limit(&self, option: NumberOption) -> Limit<u32> {
        let number = self.job.spec.carried.number(option);
        Limit::from_raw(number.and_then(|n| u32::try_from(n).ok()).unwrap_or(0xffff_fffe))
    }

    /// The nodes that it holds, or held last; while it is cleaned up, those that are left.
    fn nodes(&self) -> Option<Vec<NodeId>> {
        let allocation = self.job.allocation.as_ref()?;
        match &self.job.phase {
            Phase::Pending => None,
            Phase::Completing(left) => Some(left.waiting_on.iter().copied().collect()),
            _ => Some(allocation.shares.iter().map(|share| share.node).collect()),
        }
    }
}

impl<'a> Records<'a> {
    pub(super) fn new(view: &'a View, now: Timestamp, flags: ShowFlags) -> Self {
        Self { view, now, flags, widest: RefCell::default() }
    }

    /// The record.
    pub(super) fn record(&self, job: &Job) -> JobInfo {
        let state = job_state(job);
        let subject = Subject {
            job,
            partition: self.view.cluster.partition(&job.partition),
            state,
            waits: state.base() == JobState::PENDING,
        };
        let mut info = identity(self.view, &subject);
        tell_array(job, &mut info);
        tell_het(job, &mut info);
        tell_state(&subject, &mut info);
        info.dependency = self.dependencies_left(job);
        self.tell_times(&subject, &mut info);
        self.tell_size(&subject, &mut info);
        self.tell_nodes(&subject, &mut info);
        self.tell_request(&subject, &mut info);
        tell_options(&subject, &mut info);
        self.tell_tres(&subject, &mut info);
        info.show_flags = self.flags;
        info
    }

    /// What a job waits for, or waited for when it was ended.
    fn dependencies_left(&self, job: &Job) -> Option<String> {
        let is_array = |id| self.view.cluster.array_records(id).any(|job| job.array.is_some());
        let left = || job.spec.dependencies.text(is_array);
        text(job.allocation.is_none().then(left).flatten().as_ref())
    }

    fn tell_times(&self, subject: &Subject<'_>, info: &mut JobInfo) {
        let job = subject.job;
        info.time_limit = time_limit(subject);
        (info.start_time, info.end_time) = {
            let (start, end) = self.start_and_end(subject, info.time_limit);
            (time(start), time(end))
        };
        info.submit_time = time(Some(job.submitted));
        info.eligible_time = time(job.eligible.or(job.begin));
        // The age counts from when it was to begin, or a scheduler first met it and it could have run.
        let met = job.eligible.filter(|_| job.last_evaluated.is_some());
        let always = self.view.cluster.config().priority.accrues_always;
        info.accrue_time = time(if always { Some(job.submitted) } else { job.begin.or(met) });
        info.last_sched_eval = time(job.last_evaluated);
        info.suspend_time = time(job.suspended);
        info.pre_sus_time = i64::try_from(job.ran_before_suspend_s).unwrap_or(i64::MAX);
        info.preempt_time = time(job.preempted);
        let preemptable = self.view.cluster.preemptable_from(job).filter(|_| !subject.waits);
        info.preemptable_time = time(preemptable);
        info.deadline = time(job.spec.deadline);
        info.time_min = job.spec.time_min_min.unwrap_or(0);
    }

    /// Real for a job that has started, expected for one that waits.
    fn start_and_end(
        &self,
        subject: &Subject<'_>,
        limit: Minutes,
    ) -> (Option<Timestamp>, Option<Timestamp>) {
        let job = subject.job;
        if !subject.waits {
            return match &job.allocation {
                Some(_) => {
                    let end = job.ended.or(job.started.map(|start| start.plus_s(YEAR_S)));
                    (job.started, end)
                }
                None => (job.ended, job.ended),
            };
        }
        let expected = job.started.filter(|_| job.is_pending()).map(|start| start.max(self.now));
        let start = expected.or(job.begin.filter(|begin| *begin > self.now));
        // Stock controllers reckon in 32 bits, so a job without limit ends in 136 years.
        let seconds = limit.to_raw().wrapping_mul(60);
        (start, start.map(|start| start.plus_s(seconds.into())))
    }

    fn tell_size(&self, subject: &Subject<'_>, info: &mut JobInfo) {
        let (job, spec) = (subject.job, &subject.job.spec);
        let given = job.allocation.as_deref().filter(|_| !job.is_pending());
        let held = |of: fn(&model::NodeShare) -> u32| job.held_shares().map(of).sum::<u32>();
        match (&job.phase, given) {
            (Phase::Completing(_), Some(_)) => {
                (info.num_cpus, info.num_nodes) = (held(|share| share.cpus), held(|_| 1));
            }
            (_, Some(allocation)) => {
                info.num_cpus = allocation.cpus();
                info.num_nodes = u32::try_from(allocation.shares.len()).unwrap_or(u32::MAX);
            }
            (_, None) => {
                (info.num_cpus, info.max_cpus) = (spec.min_cpus, spec.max_cpus.unwrap_or(0));
                info.num_nodes = self.least_nodes(subject);
                info.max_nodes = spec.max_nodes.unwrap_or(0);
                // Before stock has tried a job, it tells what its tasks alone imply.
                let tried = job.last_evaluated.is_some() || !job.hold.is_held();
                let beyond = matches!(
                    job.wait,
                    WaitReason::PartitionConfig | WaitReason::PartitionNodeLimit
                );
                if (!tried || beyond) && counts_tasks_only(spec) {
                    let tasks = spec.max_nodes.is_none().then(|| spec.tasks.unwrap_or(0));
                    info.max_nodes = info.max_nodes.max(info.num_nodes).max(tasks.unwrap_or(0));
                }
            }
        }
        info.num_tasks = match (spec.tasks, given) {
            (Some(tasks), _) if tasks > 0 => Limit::Value(tasks),
            (_, None) if job.is_pending() => Limit::Value(spec.min_nodes),
            (_, None) => Limit::Unset,
            (_, Some(allocation)) => {
                Limit::Value(u32::try_from(allocation.shares.len()).unwrap_or(u32::MAX))
            }
        };
        info.cpus_per_task = Limit::Value(spec.cpus_per_task.unwrap_or(1));
        info.ntasks_per_node = spec.tasks_per_node.unwrap_or(0);
        info.ntasks_per_tres = Limit::Value(subject.small(NumberOption::NtasksPerTres));
        info.multi_core = Some(multi_core(subject));
    }

    /// The fewest nodes that it can do with, as far as its tasks tell.
    fn least_nodes(&self, subject: &Subject<'_>) -> u32 {
        let spec = &subject.job.spec;
        let tasks = spec.tasks.unwrap_or(0);
        let nodes = match (spec.tasks_per_node, spec.cpus_per_task) {
            _ if tasks <= spec.min_nodes => 0,
            (Some(per_node), _) if per_node > 0 => tasks / u32::from(per_node),
            (_, Some(cpus)) if cpus > 1 => {
                tasks / (self.widest_node(subject.partition) / u32::from(cpus)).max(1)
            }
            _ => tasks.div_ceil(self.widest_node(subject.partition).max(1)),
        };
        nodes.max(spec.min_nodes)
    }

    fn widest_node(&self, partition: Option<&Arc<Partition>>) -> u32 {
        let Some(partition) = partition else {
            return u32::MAX;
        };
        if let Some(cpus) = self.widest.borrow().get(&partition.name) {
            return *cpus;
        }
        let nodes = partition.nodes.iter().filter_map(|id| self.view.cluster.node(*id));
        let cpus = nodes.map(|node| u32::from(node.hardware.cpus)).max().unwrap_or(0);
        self.widest.borrow_mut().insert(Arc::clone(&partition.name), cpus);
        cpus
    }

    fn tell_nodes(&self, subject: &Subject<'_>, info: &mut JobInfo) {
        let job = subject.job;
        let cluster = &self.view.cluster;
        let Some(nodes) = subject.nodes() else {
            return;
        };
        let Some(allocation) = &job.allocation else {
            return;
        };
        info.nodes = match &job.phase {
            Phase::Completing(_) => Some(model::node_list(cluster, &nodes).to_string()),
            _ => Some(allocation.node_list.to_string()),
        };
        info.node_bitmap = Some(node_set(cluster, nodes));
        let host = cluster.node(allocation.batch_host());
        info.batch_host = host.map(|node| node.name.to_string());
        info.resize_time = time(allocation.resized.map(|resized| resized.at));
        info.gres_total = gres_text(allocation);
        let licenses = licenses_text(&allocation.licenses);
        info.licenses_allocated = licenses;
        if self.flags.has(ShowFlags::DETAIL) {
            info.resources = Some(job_resources(self.view, job, allocation));
            if job.is_active() {
                info.gres_detail = gres_detail(self.view, allocation);
            }
        }
    }

    fn tell_request(&self, subject: &Subject<'_>, info: &mut JobInfo) {
        let spec = &subject.job.spec;
        let set = |nodes: &Option<Arc<str>>| self.named(nodes.as_deref());
        info.req_nodes = text(spec.required_nodes.as_ref());
        info.req_node_bitmap = set(&spec.required_nodes);
        info.exc_nodes = text(spec.excluded_nodes.as_ref());
        info.exc_node_bitmap = set(&spec.excluded_nodes);
        info.features = text(spec.features.as_ref());
        info.prefer = subject.text(TextOption::Prefer).filter(|_| subject.waits);
        info.contiguous = u16::from(spec.contiguous);
        info.core_spec = Limit::from_option(spec.core_spec);
        info.pn_min_cpus = cpus_on_a_node(subject);
        info.pn_min_memory = match spec.memory {
            None => 0,
            Some(MemoryRequest::PerNode(mib)) => mib,
            Some(MemoryRequest::PerCpu(mib)) => mib | MEM_PER_CPU,
        };
        info.pn_min_tmp_disk = spec.tmp_disk_mib;
        let licenses = subject.text(TextOption::LicensesText);
        info.licenses = licenses.or_else(|| licenses_text(&spec.licenses));
        let partition = subject.partition.map(|partition| &**partition);
        info.shared = shared_value(subject.job, partition).to_raw();
        info.exclusive = exclusive_value(subject.job, partition);
        info.oversubscribe = oversubscribe_value(subject.job, partition);
    }

    fn named(&self, nodes: Option<&str>) -> Option<Bitmap> {
        let named = model::named_nodes(&self.view.cluster, nodes?).ok()?;
        Some(node_set(&self.view.cluster, named))
    }

    fn tell_tres(&self, subject: &Subject<'_>, info: &mut JobInfo) {
        let weights = subject.partition.and_then(|partition| partition.billing_weights.as_deref());
        let asked = Tres::asked_for(&self.view.cluster, subject.job);
        info.tres_req_str =
            tres::text(&asked, self.view, tres::billing(&asked, self.view, weights));
        match Tres::given(subject.job) {
            Some(given) => {
                let billing = tres::billing(&given, self.view, weights);
                info.billable_tres = Fixed::new(billing);
                info.tres_alloc_str = tres::text(&given, self.view, billing);
            }
            None if subject.waits => info.billable_tres = Fixed::new(UNKNOWN_BILLING),
            None => info.billable_tres = Fixed::new(0.0),
        }
    }
}

fn identity(view: &View, subject: &Subject<'_>) -> JobInfo {
    let (job, spec) = (subject.job, &subject.job.spec);
    let partition = match spec.partitions.as_slice() {
        partitions if job.is_pending() && !partitions.is_empty() => partitions.join(","),
        _ => job.partition.to_string(),
    };
    // slurmctld learns a name when it tells the nodes to run a prolog, and clients look others up.
    let named = view.cluster.config().prolog_alloc && job.allocation.is_some();
    JobInfo {
        step_id: sluid::job(view, job),
        name: Some(spec.name.to_string()),
        user_id: job.owner.0,
        user_name: subject.text(TextOption::UserName).filter(|_| named),
        group_id: job.group.0,
        partition: Some(partition),
        cluster: view.conf.keys.cluster_name.clone(),
        // slurmctld counts what its nodes could make nothing of in the same word.
        batch_flag: if job.batch { job.launch_failures.saturating_add(1) } else { 0 },
        start_protocol_ver: RawVersion(job.protocol),
        restart_cnt: job.restarts,
        requeue: u16::from(spec.requeue),
        priority: job.priority,
        nice: Nice::new(spec.nice),
        ..JobInfo::default()
    }
}

fn tell_array(job: &Job, info: &mut JobInfo) {
    let Some(role) = &job.array else {
        return;
    };
    info.array_job_id = role.array_job.0;
    info.array_task_id = Limit::from_option(role.index());
    info.array_max_tasks = role.running_max;
    info.array_task_str = array_tasks(role).map(|tasks| tasks.to_string());
}

fn tell_het(job: &Job, info: &mut JobInfo) {
    let Some(role) = &job.het else {
        return;
    };
    let members: IndexSet = role.members().iter().map(|id| id.0).collect();
    info.het_job_id = role.leader().0;
    info.het_job_offset = role.offset();
    info.het_job_id_set = Some(index_text(&members));
}

/// The tasks that have no record of their own.
pub(in crate::rpc) fn array_tasks(role: &ArrayRole) -> Option<Bitmap> {
    match &role.tasks {
        PendingTasks::One(_) => None,
        PendingTasks::Several(tasks) => {
            Some(Bitmap::with(tasks.last().map_or(0, |last| last + 1), tasks.iter()))
        }
    }
}

fn tell_state(subject: &Subject<'_>, info: &mut JobInfo) {
    let job = subject.job;
    info.job_state = subject.state;
    info.state_reason = job_reason(job);
    info.state_desc = reason_text(job);
    info.failed_node = text(job.failed_node.as_ref());
    if let Some(outcome) = &job.outcome {
        info.exit_code = outcome.status;
        info.derived_ec = outcome.derived_status;
    }
    if job.is_pending() {
        info.sched_nodes = text(job.expected_nodes.as_ref());
    }
}

/// Before it starts, no limit of its own means its partition's.
fn time_limit(subject: &Subject<'_>) -> Minutes {
    let job = subject.job;
    let has_started = job.allocation.is_some() && !subject.waits;
    match job.time_limit_min {
        Some(minutes) => Limit::Value(minutes),
        None if has_started || job.spec.time_unlimited => Limit::Infinite,
        None => {
            let max = subject.partition.and_then(|partition| partition.max_time_min);
            max.map_or(Limit::Infinite, Limit::Value)
        }
    }
}

/// Whether nothing but the number of tasks says how many nodes they need.
fn counts_tasks_only(spec: &JobSpec) -> bool {
    spec.tasks_per_node.unwrap_or(0) == 0
        && spec.cpus_per_task.unwrap_or(1) <= 1
        && spec.tasks_per_core.unwrap_or(0) == 0
}

fn multi_core(subject: &Subject<'_>) -> MultiCore {
    let spec = &subject.job.spec;
    MultiCore {
        boards_per_node: subject.small(NumberOption::BoardsPerNode),
        sockets_per_board: subject.small(NumberOption::SocketsPerBoard),
        sockets_per_node: spec.sockets_per_node.unwrap_or(ANY),
        cores_per_socket: spec.cores_per_socket.unwrap_or(ANY),
        threads_per_core: spec.threads_per_core.unwrap_or(ANY),
        ntasks_per_board: spec.tasks_per_board.unwrap_or(0),
        ntasks_per_socket: spec.tasks_per_socket.unwrap_or(ANY_TASKS),
        ntasks_per_core: spec.tasks_per_core.unwrap_or(ANY_TASKS),
        plane_size: subject.small(NumberOption::PlaneSize),
    }
}

/// The CPUs that a node must have: what was asked for, or what the tasks on it need.
fn cpus_on_a_node(subject: &Subject<'_>) -> u16 {
    let spec = &subject.job.spec;
    let per_task = spec.cpus_per_task.unwrap_or(1).max(1);
    let tasks = if spec.overcommit { 1 } else { spec.tasks_per_node.unwrap_or(1).max(1) };
    spec.min_cpus_per_node.max(per_task.saturating_mul(tasks))
}

/// `fea:2,solver:1`.
fn licenses_text(licenses: &[(Arc<str>, u32)]) -> Option<String> {
    let terms: Vec<String> =
        licenses.iter().map(|(name, count)| format!("{name}:{count}")).collect();
    (!terms.is_empty()).then(|| terms.join(","))
}

/// The flags of its submission, and those that say where it stands.
fn flags(subject: &Subject<'_>, depends: bool) -> JobFlags {
    let mut flags = JobFlags(subject.number(NumberOption::Bitflags));
    let spec = &subject.job.spec;
    if spec.max_nodes.is_none() && spec.tasks.is_some_and(|tasks| tasks > 0) {
        flags = flags.with(JobFlags::IMPLICIT_MAX_NODES);
    }
    match &subject.job.phase {
        Phase::Pending if depends => flags.with(JobFlags::DEPENDENT),
        Phase::Pending => flags,
        Phase::Running(_) | Phase::Suspended => flags.with(JobFlags::WAS_RUNNING),
        // Its script was a step that ended when the job had.
        _ if subject.job.batch && subject.job.allocation.is_some() => {
            flags.with(JobFlags::TRES_STR_CALC)
        }
        _ => flags,
    }
}

/// What is only shown and handed on.
fn tell_options(subject: &Subject<'_>, info: &mut JobInfo) {
    tell_texts(subject, info);
    info.bitflags = flags(subject, info.dependency.is_some());
    // Lines of crontabs have none.
    info.alloc_sid = match subject.job.spec.carried.number(NumberOption::AllocSid) {
        Some(_) => subject.middle(NumberOption::AllocSid),
        None => u32::NO_VAL,
    };
    info.cpu_freq_min = subject.limit(NumberOption::CpuFreqMin);
    info.cpu_freq_max = subject.limit(NumberOption::CpuFreqMax);
    info.cpu_freq_gov = subject.limit(NumberOption::CpuFreqGov);
    info.delay_boot = subject.middle(NumberOption::DelayBoot);
    info.mail_type = MailTypes(subject.small(NumberOption::MailType));
    info.mem_update_delay = subject.small(NumberOption::MemUpdateDelay);
    info.mem_update_margin = subject.small(NumberOption::MemUpdateMargin);
    let oom_kill_step = subject.job.spec.carried.number(NumberOption::OomKillStep);
    info.oom_kill_step =
        Limit::from_option(oom_kill_step.and_then(|number| u16::try_from(number).ok()));
    info.profile = subject.middle(NumberOption::Profile);
    info.reboot = u8::from(subject.number(NumberOption::Reboot) > 0);
    info.req_switch = subject.middle(NumberOption::ReqSwitch);
    info.segment_size = subject.small(NumberOption::SegmentSize);
    info.site_factor = match subject.middle(NumberOption::SiteFactor) {
        0 => Nice::ZERO,
        factor => Nice(factor),
    };
    info.wait4switch = subject.middle(NumberOption::Wait4Switch);
}

fn tell_texts(subject: &Subject<'_>, info: &mut JobInfo) {
    let text = |option| subject.text(option);
    info.account = text(TextOption::Account);
    info.admin_comment = text(TextOption::AdminComment);
    info.alloc_node = text(TextOption::AllocNode);
    info.batch_features = text(TextOption::BatchFeatures);
    info.burst_buffer = text(TextOption::BurstBuffer);
    info.cluster_features = text(TextOption::ClusterFeatures);
    info.command = text(TextOption::Command);
    info.comment = text(TextOption::Comment);
    info.container = text(TextOption::Container);
    info.container_id = text(TextOption::ContainerId);
    info.container_type = text(TextOption::ContainerType);
    info.cpus_per_tres = text(TextOption::CpusPerTres);
    info.cronspec = text(TextOption::Cronspec);
    info.extra = text(TextOption::Extra);
    info.mail_user = text(TextOption::MailUser);
    info.mcs_label = text(TextOption::McsLabel);
    info.mem_per_tres = text(TextOption::MemPerTres);
    info.network = text(TextOption::Network);
    info.qos = text(TextOption::Qos);
    info.resv_name = text_of(subject.job.reservation());
    info.selinux_context = text(TextOption::ReqContext);
    info.std_err = text(TextOption::StdErr);
    info.std_in = text(TextOption::StdIn);
    info.std_out = text(TextOption::StdOut);
    info.submit_line = text(TextOption::SubmitLine);
    info.system_comment = text(TextOption::SystemComment);
    info.tres_bind = text(TextOption::TresBind);
    info.tres_freq = text(TextOption::TresFreq);
    info.tres_per_job = text(TextOption::TresPerJob);
    info.tres_per_node = text(TextOption::TresPerNode);
    info.tres_per_socket = text(TextOption::TresPerSocket);
    info.tres_per_task = text(TextOption::TresPerTask);
    info.wckey = text(TextOption::Wckey);
    info.work_dir = text(TextOption::WorkDir);
}

/// Whether a job has whole nodes, as bits.
pub(super) fn whole_node(job: &Job) -> u8 {
    match job.spec.exclusive {
        Exclusive::Node => 1,
        Exclusive::User => 2,
        Exclusive::Mcs => 4,
        Exclusive::Topology => 8,
        Exclusive::Unset | Exclusive::No => 0,
    }
}
