//! A description, in which only what is to be altered is given, becomes edits.

use std::sync::Arc;

use ctld_core::{Alterable, JobEdit, KeptNodes, Reject, SpecEdit};
use model::{Groups, Job, JobSpec, NumberOption, TextOption};
use protocol::Errno;
use protocol::msg::{JobDesc, JobFlags, alloc_sid, shared};
use protocol::shape::Limit;

use crate::rpc::{Failure, submit};
use crate::view::View;

use Alterable::{Unfinished, UnfinishedByAdmin, Waiting, WaitingByAdmin};

/// The edits, in the order in which stock controllers look at the fields.
///
/// # Errors
///
/// A text that cannot be read, or that names what there is not.
pub(super) fn edits(
    view: &View,
    desc: &JobDesc,
    job: Option<&Job>,
) -> Result<Vec<JobEdit>, Failure> {
    let mut edits = Edits(Vec::new());
    if desc.burst_buffer.is_some() {
        return Err(Failure::Code(Errno::ESLURM_NOT_SUPPORTED));
    }
    if let Some(text) = &desc.array_inx {
        // As far as it is a number: stock takes anything else for 0, no throttle.
        let (negative, digits) = match text.trim().strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.trim()),
        };
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let throttle: u32 = match &digits[..end] {
            "" => 0,
            digits => digits.parse().map_err(|_| Failure::Code(Errno::ESLURM_BAD_TASK_COUNT))?,
        };
        if negative && throttle > 0 {
            return Err(Failure::Code(Errno::ESLURM_BAD_TASK_COUNT));
        }
        edits.0.push(JobEdit::ArrayThrottle(throttle));
    }
    if let (Some(label), Some(job)) = (&desc.mcs_label, job) {
        edits.label(view, label, job);
    }
    let kept = kept(desc, job);
    if !kept.is_empty() && view.conf.settings.scheduler.has("disable_job_shrink") {
        return Err(Failure::Code(Errno::ESLURM_NOT_SUPPORTED));
    }
    places(view, desc, kept.is_empty(), &mut edits)?;
    counts(desc, kept.is_empty(), &mut edits);
    edits.0.extend(kept);
    amounts(view, desc, &mut edits)?;
    times(desc, &mut edits);
    order(view, desc, &mut edits)?;
    shape(view, desc, &mut edits);
    if let (Some(_), Some(job)) = (&desc.mail_user, job) {
        let user = submit::mail_user(view, desc, job.owner).to_string();
        edits.text(Unfinished, TextOption::MailUser, &Some(user));
    }
    texts(desc, &mut edits);
    numbers(view, desc, &mut edits);
    Ok(edits.0)
}

/// Of a job that has its nodes, the counts and names of nodes are what it is to keep.
fn kept(desc: &JobDesc, job: Option<&Job>) -> Vec<JobEdit> {
    if !job.is_some_and(Job::is_active) {
        return Vec::new();
    }
    let named = desc.req_nodes.as_deref().map(|text| KeptNodes::Named(text.into()));
    let (least, most) = (desc.min_nodes.value(), desc.max_nodes.value());
    let count = least.filter(|least| most.is_none_or(|most| most == *least));
    named.into_iter().chain(count.map(KeptNodes::Count)).map(JobEdit::Keep).collect()
}

struct Edits(Vec<JobEdit>);

impl Edits {
    fn add(
        &mut self,
        field: &'static str,
        of: Alterable,
        apply: impl Fn(&mut JobSpec) -> Result<(), Reject> + Send + Sync + 'static,
    ) {
        self.0.push(JobEdit::Spec(SpecEdit { field, of, apply: Arc::new(apply) }));
    }

    /// Sets a field to a value, if there is one.
    fn set<T: Clone + Send + Sync + 'static>(
        &mut self,
        field: &'static str,
        of: Alterable,
        value: Option<T>,
        put: fn(&mut JobSpec, T),
    ) {
        if let Some(value) = value {
            self.add(field, of, move |spec| {
                put(spec, value.clone());
                Ok(())
            });
        }
    }

    /// A carried text; an empty one takes it away.
    fn text(&mut self, of: Alterable, option: TextOption, text: &Option<String>) {
        if let Some(text) = text {
            let text = Some(Arc::<str>::from(text.as_str())).filter(|text| !text.is_empty());
            self.add("text", of, move |spec| {
                spec.carried.set_text(option, text.clone());
                Ok(())
            });
        }
    }

    /// A label of MCS; an empty one leaves it to MCSPlugin what it is. Without a plugin nothing comes of it.
    fn label(&mut self, view: &View, label: &str, job: &Job) {
        let asked = Some(Arc::<str>::from(label)).filter(|label| !label.is_empty());
        let mcs = view.cluster.config().mcs.clone();
        let (names, own) = (view.users.group_names(job.owner), job.group);
        self.add("MCS label", Waiting, move |spec| {
            if mcs.plugin.is_some() {
                let label = mcs.label(spec, asked.as_ref(), Groups { names: &names, own });
                let label = label.map_err(|_| Reject::InvalidMcsLabel)?;
                spec.carried.set_text(TextOption::McsLabel, label);
            }
            Ok(())
        });
    }

    /// A carried number.
    fn number(&mut self, of: Alterable, option: NumberOption, number: Option<u64>) {
        if number.is_some() {
            self.add("number", of, move |spec| {
                spec.carried.set_number(option, number);
                Ok(())
            });
        }
    }
}

/// Given, and taken away if it is empty.
fn optional(text: &Option<String>) -> Option<Option<Arc<str>>> {
    text.as_ref().map(|_| submit::text(text))
}

fn places(view: &View, desc: &JobDesc, waits: bool, edits: &mut Edits) -> Result<(), Failure> {
    if desc.partition.is_some() {
        let names = submit::partitions(view, desc).map_err(|failure| match failure {
            // Only of a submission are the names told that there are not.
            Failure::CodeWithText(code, _) => Failure::Code(code),
            other => other,
        });
        edits.0.push(JobEdit::Partitions(names?));
        edits.add("partition", Waiting, |spec| {
            let flags = spec.carried.number(NumberOption::Bitflags).unwrap_or(0);
            let flags = JobFlags(flags).without(JobFlags::PART_ASSIGNED).0;
            spec.carried.set_number(NumberOption::Bitflags, Some(flags).filter(|bits| *bits != 0));
            Ok(())
        });
    }
    if let Some(name) = optional(&desc.reservation) {
        edits.0.push(JobEdit::Reservation(name));
    }
    submit::node_count(view, &desc.req_nodes)?;
    submit::node_count(view, &desc.exc_nodes)?;
    edits.set("excluded nodes", Waiting, optional(&desc.exc_nodes), |s, v| s.excluded_nodes = v);
    let required = optional(&desc.req_nodes).filter(|_| waits);
    edits.set("required nodes", Waiting, required, |s, v| s.required_nodes = v);
    edits.set("features", Waiting, optional(&desc.features), |s, v| s.features = v);
    if let Some(features) = submit::text(&desc.features)
        && !sched::features_exist(&view.cluster, &features)
    {
        return Err(Failure::Code(Errno::ESLURM_INVALID_FEATURE));
    }
    submit::preferred_features(view, desc)?;
    Ok(())
}

fn counts(desc: &JobDesc, waits: bool, edits: &mut Edits) {
    let at_least_1 = |count: u32, reject: Reject| if count < 1 { Err(reject) } else { Ok(()) };
    if let Some(cpus) = desc.min_cpus.value() {
        edits.add("CPUs", Waiting, move |spec| {
            at_least_1(cpus, Reject::InvalidCpuCount)?;
            spec.min_cpus = cpus;
            Ok(())
        });
    }
    edits.set("CPUs", Waiting, desc.max_cpus.value(), |s, v| {
        s.max_cpus = Some(v).filter(|v| *v > 0);
    });
    edits.set("CPUs of a node", Waiting, desc.pn_min_cpus.value().filter(|v| *v > 0), |s, v| {
        s.min_cpus_per_node = v;
    });
    if let Some(cpus) = desc.cpus_per_task.value() {
        edits.add("CPUs of a task", Waiting, move |spec| {
            at_least_1(cpus.into(), Reject::InvalidCpuCount)?;
            spec.cpus_per_task = Some(cpus);
            Ok(())
        });
    }
    if let Some(nodes) = desc.min_nodes.value().filter(|_| waits) {
        let (tasks, most) = (desc.num_tasks.value(), desc.max_nodes.value());
        edits.add("nodes", Waiting, move |spec| {
            at_least_1(nodes, Reject::InvalidNodeCount)?;
            spec.min_nodes = nodes;
            // Tasks and CPUs follow where they are not altered themselves.
            if tasks.is_none() && spec.tasks.is_some_and(|tasks| tasks < nodes) {
                spec.tasks = Some(nodes);
            }
            let tasks = spec.tasks.unwrap_or(nodes).max(nodes);
            let cpus = tasks.saturating_mul(spec.cpus_per_task.unwrap_or(1).into());
            let of_nodes = nodes.saturating_mul(spec.min_cpus_per_node.into());
            spec.min_cpus = spec.min_cpus.max(cpus).max(of_nodes);
            if most.is_none() && spec.max_nodes.is_some_and(|max| max < nodes) {
                return Err(Reject::InvalidNodeCount);
            }
            Ok(())
        });
    }
    edits.set("nodes", Waiting, desc.max_nodes.value().filter(|_| waits), |s, v| {
        s.max_nodes = Some(v).filter(|v| *v > 0);
    });
    if let Some(tasks) = desc.num_tasks.value() {
        edits.add("tasks", Waiting, move |spec| {
            if tasks < 1 || tasks < spec.min_nodes {
                return Err(Reject::InvalidTaskCount);
            }
            spec.tasks = Some(tasks);
            Ok(())
        });
    }
    let per_node = desc.ntasks_per_node.value();
    edits.set("tasks of a node", Waiting, per_node, |s, v| s.tasks_per_node = Some(v));
    let per_socket = desc.ntasks_per_socket.value();
    edits.set("tasks of a socket", Waiting, per_socket, |s, v| s.tasks_per_socket = Some(v));
    let per_core = desc.ntasks_per_core.value();
    edits.set("tasks of a core", Waiting, per_core, |s, v| s.tasks_per_core = Some(v));
}

fn amounts(view: &View, desc: &JobDesc, edits: &mut Edits) -> Result<(), Failure> {
    if let Some(text) = &desc.licenses {
        let licenses = submit::licenses(text)?;
        let known = |name: &str, count: u32| {
            let pools = &view.cluster.config().licenses;
            pools.iter().any(|pool| *pool.name == *name && count <= pool.total)
        };
        if !licenses.iter().all(|(name, count)| known(name, *count)) {
            return Err(Failure::Code(Errno::ESLURM_INVALID_LICENSES));
        }
        edits.set("licenses", Waiting, Some(licenses), |s, v| s.licenses = v);
        edits.text(Waiting, TextOption::LicensesText, &desc.licenses);
    }
    let types = &view.cluster.config().gres_types;
    for (way, text) in submit::gres_texts(desc) {
        let Some(text) = text else { continue };
        let asked = submit::gres(text, types)?;
        edits.add("generic resources", Waiting, move |spec| {
            way.put(&mut spec.gres, &asked);
            Ok(())
        });
    }
    if submit::gres_texts(desc).iter().any(|(_, text)| text.is_some()) {
        edits.add("generic resources", Waiting, |spec| match submit::mixes_parts(&spec.gres) {
            true => Err(Reject::InvalidGres),
            false => Ok(()),
        });
    }
    for (option, text) in [
        (TextOption::TresPerJob, &desc.tres_per_job),
        (TextOption::TresPerNode, &desc.tres_per_node),
        (TextOption::TresPerSocket, &desc.tres_per_socket),
        (TextOption::TresPerTask, &desc.tres_per_task),
        (TextOption::CpusPerTres, &desc.cpus_per_tres),
        (TextOption::MemPerTres, &desc.mem_per_tres),
        (TextOption::TresBind, &desc.tres_bind),
        (TextOption::TresFreq, &desc.tres_freq),
        (TextOption::Qos, &desc.qos),
        (TextOption::JobSizeText, &desc.job_size_str),
    ] {
        edits.text(Waiting, option, text);
    }
    edits.set("memory", Waiting, submit::memory(desc.pn_min_memory), |s, v| s.memory = Some(v));
    edits.set("disk", Waiting, desc.pn_min_tmp_disk.value(), |s, v| s.tmp_disk_mib = v);
    Ok(())
}

fn times(desc: &JobDesc, edits: &mut Edits) {
    match desc.time_limit {
        Limit::Unset => {}
        Limit::Value(minutes) => edits.0.push(JobEdit::TimeLimit(Some(minutes))),
        Limit::Infinite => edits.0.push(JobEdit::TimeLimit(None)),
    }
    if let Some(least) = desc.time_min.value() {
        let limit = desc.time_limit;
        edits.add("least time limit", Waiting, move |spec| {
            let limit = if submit::is_given(limit) { limit.value() } else { spec.time_limit_min };
            if limit.is_some_and(|limit| least > limit) {
                return Err(Reject::InvalidTimeMin);
            }
            spec.time_min_min = Some(least);
            Ok(())
        });
    }
    if let Some(end) = submit::time(desc.end_time) {
        edits.0.push(JobEdit::EndTime(end));
    }
    if let Some(deadline) = submit::time(desc.deadline) {
        edits.set("deadline", WaitingByAdmin, Some(deadline), |s, v| s.deadline = Some(v));
    }
    if let Some(begin) = submit::time(desc.begin_time) {
        edits.0.push(JobEdit::Begin(begin));
    }
}

fn order(view: &View, desc: &JobDesc, edits: &mut Edits) -> Result<(), Failure> {
    let requeue = desc.requeue.value();
    edits.set("requeue", Unfinished, requeue, |s, v| s.requeue = v > 0);
    let as_owner = desc.alloc_sid == Limit::Value(alloc_sid::USER_HOLD);
    match desc.priority {
        Limit::Unset => {}
        Limit::Value(priority) => {
            edits.0.push(JobEdit::Priority { priority: Some(priority), as_owner });
        }
        Limit::Infinite => edits.0.push(JobEdit::Priority { priority: None, as_owner }),
    }
    if let Some(nice) = desc.nice.value() {
        edits.0.push(JobEdit::Nice(nice));
    }
    if let Some(text) = &desc.dependency {
        let max = view.cluster.config().max_array_size;
        edits.0.push(JobEdit::Dependencies(submit::dependencies(text, max)?));
        edits.text(Waiting, TextOption::DependencyText, &desc.dependency);
    }
    Ok(())
}

fn shape(view: &View, desc: &JobDesc, edits: &mut Edits) {
    edits.set("sockets", Waiting, desc.sockets_per_node.value(), |s, v| {
        s.sockets_per_node = Some(v);
    });
    edits.set("cores", Waiting, desc.cores_per_socket.value(), |s, v| {
        s.cores_per_socket = Some(v);
    });
    edits.set("threads", Waiting, desc.threads_per_core.value(), |s, v| {
        s.threads_per_core = Some(v);
    });
    let share = desc.shared.value().map(|word| word != shared::NONE);
    edits.set("sharing", WaitingByAdmin, share, |s, v| s.share = v);
    match desc.contiguous.value() {
        Some(0) => edits.set("contiguous", Waiting, Some(false), |s, v| s.contiguous = v),
        Some(_) => edits.set("contiguous", WaitingByAdmin, Some(true), |s, v| s.contiguous = v),
        None => {}
    }
    if view.conf.keys.allow_spec_resources_usage {
        match desc.core_spec {
            Limit::Unset => {}
            Limit::Value(cores) => {
                edits.set("core_spec", WaitingByAdmin, Some(Some(cores)), |s, v| s.core_spec = v);
            }
            Limit::Infinite => {
                edits.set("core_spec", WaitingByAdmin, Some(None), |s, v| s.core_spec = v);
            }
        }
    }
    let ends = desc.kill_on_node_fail.value();
    edits.set("kill_on_node_fail", Unfinished, ends, |s, v| s.kill_on_node_fail = v > 0);
}

fn texts(desc: &JobDesc, edits: &mut Edits) {
    let name = desc.name.as_deref().filter(|name| !name.is_empty()).map(Arc::<str>::from);
    edits.set("name", Unfinished, name, |s, v| s.name = v);
    edits.text(UnfinishedByAdmin, TextOption::AdminComment, &desc.admin_comment);
    for (option, text) in [(TextOption::Comment, &desc.comment), (TextOption::Extra, &desc.extra)] {
        edits.text(Unfinished, option, text);
    }
    for (option, text) in [
        (TextOption::BatchFeatures, &desc.batch_features),
        (TextOption::Prefer, &desc.prefer),
        (TextOption::Network, &desc.network),
        (TextOption::StdErr, &desc.std_err),
        (TextOption::StdIn, &desc.std_in),
        (TextOption::StdOut, &desc.std_out),
        (TextOption::WorkDir, &desc.work_dir),
        (TextOption::ClusterFeatures, &desc.cluster_features),
    ] {
        edits.text(Waiting, option, text);
    }
    let lower = |text: &Option<String>| text.as_ref().map(|text| text.to_lowercase());
    edits.text(Waiting, TextOption::Account, &lower(&desc.account));
    edits.text(Unfinished, TextOption::Wckey, &lower(&desc.wckey));
}

fn numbers(view: &View, desc: &JobDesc, edits: &mut Edits) {
    let mail = desc.mail_type.value().map(|types| u64::from(types.0));
    edits.number(Unfinished, NumberOption::MailType, mail);
    let site = desc.site_factor.value().map(|_| u64::from(desc.site_factor.0));
    edits.number(UnfinishedByAdmin, NumberOption::SiteFactor, site);
    let waits = [
        (NumberOption::ReqSwitch, desc.req_switch.value().map(u64::from)),
        (
            NumberOption::Wait4Switch,
            desc.wait4switch.value().map(|s| submit::switch_wait_s(view, s)),
        ),
        (NumberOption::DelayBoot, desc.delay_boot.value().map(u64::from)),
    ];
    for (option, number) in waits {
        edits.number(Unfinished, option, number);
    }
    let kills = match (
        desc.bitflags.has(JobFlags::KILL_INV_DEP),
        desc.bitflags.has(JobFlags::NO_KILL_INV_DEP),
    ) {
        (true, _) => Some(1),
        (false, true) => Some(0),
        (false, false) => None,
    };
    edits.number(Unfinished, NumberOption::KillOnInvalidDependency, kills);
}
