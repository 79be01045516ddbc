//! What a job description must be in its form, before the core looks at what it asks for.

use std::sync::Arc;

use ctld_core::Caller;
use model::{JobSpec, TextOption, Uid};
use protocol::msg::{JobDesc, JobFlags, KillFlags, MEM_PER_CPU};
use protocol::shape::{Limit, Sentinel};
use protocol::{Errno, Version};

use crate::rpc::{Failure, Request};
use crate::view::View;

/// Longest script without SchedulerParameters=max_script_size, bytes.
const SCRIPT_MAX: u64 = 4 << 20;
/// Longest command line without SchedulerParameters=max_submit_line_size, bytes.
const SUBMIT_LINE_MAX: u64 = 1 << 20;
/// Longest of the small texts, bytes; and of others.
const TEXT_MAX: usize = 1024;
const ARRAY_MAX: usize = 4 * 1024;
const BURST_BUFFER_MAX: usize = 8 * 1024;
const BIND_MAX: usize = 128 * 1024;
const PATH_MAX: usize = 4096;

/// "Not given", where a user or group number stands.
pub(super) const NOBODY: u32 = 99;

/// `enum task_dist_states`: the words themselves, and `arbitrary` among them.
const DIST_BASE: u32 = 0xffff;
const DIST_ARBITRARY: u32 = 0x0003;

/// Whether the caller is root or SlurmUser.
pub(in crate::rpc) fn is_admin(view: &View, caller: Caller) -> bool {
    caller.uid == Uid::ROOT || caller.uid == view.cluster.config().slurm_user
}

/// For whom a job is, in user and group, of a description that may name them.
///
/// # Errors
///
/// Somebody else's, from one who is no administrator.
pub(super) fn owner(
    view: &View,
    request: &Request<'_>,
    desc: &JobDesc,
) -> Result<(u32, u32), Failure> {
    let (uid, gid) = (request.caller.uid.0, request.caller.gid.0);
    if [desc.user_id, desc.group_id].contains(&u32::NO_VAL) {
        return Err(Failure::Code(Errno::ESLURM_USER_ID_MISSING));
    }
    if uid == NOBODY || gid == NOBODY {
        return Err(Failure::Code(Errno::ESLURM_AUTH_NOBODY));
    }
    let given = |number: u32, own: u32| if number == NOBODY { own } else { number };
    let owner = (given(desc.user_id, uid), given(desc.group_id, gid));
    if is_admin(view, request.caller) {
        return Ok(owner);
    }
    match owner {
        (user, _) if user != uid => Err(Failure::Code(Errno::ESLURM_USER_ID_MISSING)),
        (_, group) if group != gid => Err(Failure::Code(Errno::ESLURM_GROUP_ID_MISSING)),
        owner => Ok(owner),
    }
}

/// What only administrators may ask for, and what goes with nothing.
pub(super) fn privileges(
    view: &View,
    request: &Request<'_>,
    desc: &JobDesc,
) -> Result<(), Failure> {
    let admin = is_admin(view, request.caller);
    if !admin && desc.nice.value().is_some_and(|nice| nice < 0) {
        return Err(Failure::Code(Errno::ESLURM_INVALID_NICE));
    }
    if !admin && desc.admin_comment.is_some() {
        return Err(Failure::Code(Errno::ESLURM_ACCESS_DENIED));
    }
    if !admin && desc.reboot.value().is_some_and(|reboot| reboot > 0) {
        let text = "rebooting of nodes is only allowed for admins".to_owned();
        return Err(Failure::CodeWithText(Errno::ESLURM_ACCESS_DENIED, text));
    }
    if is_arbitrary(desc) && desc.num_tasks == Limit::Unset {
        let text = "task count required for arbitrary distribution".to_owned();
        return Err(Failure::CodeWithText(Errno::ESLURM_BAD_TASK_COUNT, text));
    }
    if desc.step_id.job_id != u32::NO_VAL {
        // A number of one's own choice is for federations, which there are not here.
        return Err(Failure::Code(Errno::ESLURM_INVALID_JOB_ID));
    }
    if desc.bitflags.has(JobFlags::EXPEDITED_REQUEUE) {
        return Err(Failure::Code(Errno::ESLURM_NOT_SUPPORTED));
    }
    if desc.wckey.as_deref().is_some_and(|key| key.starts_with('*')) {
        return Err(Failure::Code(Errno::ESLURM_INVALID_WCKEY));
    }
    Ok(())
}

/// Whether the tasks stand where the list of nodes has them, in its order.
pub(super) fn is_arbitrary(desc: &JobDesc) -> bool {
    desc.task_dist.value().is_some_and(|dist| dist & DIST_BASE == DIST_ARBITRARY)
}

/// What a batch job must have.
pub(super) fn batch(desc: &JobDesc) -> Result<(), Failure> {
    if desc.bitflags.has(JobFlags::EXTERNAL_JOB) {
        return Err(Failure::Code(Errno::ESLURM_NOT_SUPPORTED));
    }
    if desc.script.as_deref().is_none_or(str::is_empty) {
        return Err(Failure::Code(Errno::ESLURM_JOB_SCRIPT_MISSING));
    }
    if desc.x11 != 0 {
        return Err(Failure::Code(Errno::ESLURM_X11_NOT_AVAIL));
    }
    if desc.container.is_none() && desc.environment.is_empty() {
        return Err(Failure::Code(Errno::ESLURM_ENVIRONMENT_MISSING));
    }
    Ok(())
}

/// Features that the node of the script is to have (`--batch`): of those that the job asks for, and such
/// that a node has. Of several of which one will do, those that come first.
pub(super) fn batch_features(view: &View, desc: &JobDesc) -> Result<(), Failure> {
    let Some(wanted) = desc.batch_features.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(());
    };
    let refused = Err(Failure::Code(Errno::ESLURM_BATCH_CONSTRAINT));
    let asked = desc.features.as_deref().unwrap_or_default();
    let asked: Vec<&str> = asked.split(|c: char| "&|()[]*".contains(c)).collect();
    let any = wanted.contains('|');
    let mut found = false;
    for feature in wanted.split(['&', '|']).filter(|name| !name.is_empty()) {
        let has = |name: &Arc<str>| **name == *feature;
        let exists = view.cluster.nodes().any(|node| node.features_available.iter().any(has));
        match asked.contains(&feature) {
            true if exists => found = true,
            true if any => {}
            _ => return if any && found { Ok(()) } else { refused },
        }
    }
    if found { Ok(()) } else { refused }
}

/// Features that nodes are to have if possible (`--prefer`): such as a node has.
pub(in crate::rpc) fn preferred_features(view: &View, desc: &JobDesc) -> Result<(), Failure> {
    let wanted = desc.prefer.as_deref().filter(|text| !text.is_empty());
    match wanted.is_none_or(|text| sched::features_exist(&view.cluster, text)) {
        true => Ok(()),
        false => Err(Failure::Code(Errno::ESLURM_INVALID_PREFER)),
    }
}

/// How often a job's tasks are looked at (`--acctg-freq`): where there is a limit on memory, as often as
/// slurm.conf has it or more.
pub(super) fn accounting_frequency(view: &View, desc: &JobDesc) -> Result<(), Failure> {
    let limited = desc.pn_min_memory.value().is_some_and(|mib| mib & !MEM_PER_CPU > 0);
    let wanted = desc.acctg_freq.as_deref().and_then(task_frequency_s);
    let most = view.conf.keys.job_acct_gather_frequency.as_deref().and_then(task_frequency_s);
    let most = most.unwrap_or(u32::MAX);
    match wanted.filter(|_| limited && most > 0) {
        Some(wanted) if wanted == 0 || wanted > most => {
            Err(Failure::Code(Errno::ESLURMD_INVALID_ACCT_FREQ))
        }
        _ => Ok(()),
    }
}

/// The seconds of `30` or `task=30,energy=10`.
fn task_frequency_s(text: &str) -> Option<u32> {
    let number = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].parse().ok()
    };
    let lower = text.to_ascii_lowercase();
    number(&lower).or_else(|| number(lower.split_once("task=")?.1))
}

/// Licenses that tasks ask for (`--tres-per-task=license/NAME=COUNT`): such as AccountingStorageTRES has.
/// That there are so many is looked at elsewhere, and goes first.
pub(super) fn licenses_of_tasks(view: &View, spec: &JobSpec) -> Result<(), Failure> {
    let config = view.cluster.config();
    let there_are = |(name, count): &(Arc<str>, u32)| {
        config.licenses.iter().any(|pool| pool.name == *name && pool.total >= *count)
    };
    let tracked = view.conf.keys.accounting_storage_tres.as_deref().unwrap_or_default();
    let is_tracked = |asked: &str| {
        let name = asked.split([':', '=']).next().unwrap_or_default();
        tracked.split(',').any(|word| word.trim() == name)
    };
    let asked = spec.carried.text(TextOption::TresPerTask).map_or("", |text| text);
    let mut of_tasks = asked.split(',').filter(|token| token.starts_with("license/"));
    match spec.licenses.iter().all(there_are) && !of_tasks.all(is_tracked) {
        true => Err(Failure::Code(Errno::ESLURM_INVALID_TRES)),
        false => Ok(()),
    }
}

/// A directory to start in.
pub(super) fn work_dir(desc: &JobDesc) -> Result<(), Failure> {
    let contained = desc.container.is_some() || desc.container_id.is_some();
    if !contained && desc.work_dir.as_deref().is_none_or(str::is_empty) {
        return Err(Failure::Code(Errno::ESLURM_MISSING_WORK_DIR));
    }
    Ok(())
}

/// `--signal=R:`, a signal before the job is pushed aside, where none ever is. Up to 24.05 it is taken
/// all the same, and has no effect; those clients do not know the error.
pub(super) fn warning(view: &View, version: Version, desc: &JobDesc) -> Result<(), Failure> {
    let never = version >= Version::V24_11 && view.conf.settings.preempt_mode.wire() == 0;
    match never && desc.warn_flags.has(KillFlags::JOB_RESV) {
        true => Err(Failure::Code(Errno::ESLURM_PREEMPTION_REQUIRED)),
        false => Ok(()),
    }
}

/// Texts within the bounds that stock controllers set, so that nobody fills the controller's memory.
pub(in crate::rpc) fn lengths(view: &View, desc: &JobDesc) -> Result<(), Failure> {
    let option = |name, default| view.conf.settings.scheduler.number(name).unwrap_or(default);
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let script_max = size(option("max_script_size", SCRIPT_MAX));
    let line_max = size(option("max_submit_line_size", SUBMIT_LINE_MAX));
    let too_long = texts(desc).into_iter().any(|(text, max)| len(text) > max)
        || len(&desc.script) > script_max
        || len(&desc.submit_line) > line_max;
    if too_long { Err(Failure::Code(Errno::ESLURM_PATHNAME_TOO_LONG)) } else { Ok(()) }
}

fn len(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, String::len)
}

fn texts(desc: &JobDesc) -> [(&Option<String>, usize); 37] {
    [
        (&desc.account, TEXT_MAX),
        (&desc.alloc_node, TEXT_MAX),
        (&desc.array_inx, ARRAY_MAX),
        (&desc.burst_buffer, BURST_BUFFER_MAX),
        (&desc.comment, TEXT_MAX),
        (&desc.cpu_bind, BIND_MAX),
        (&desc.cpus_per_tres, TEXT_MAX),
        (&desc.dependency, BIND_MAX),
        (&desc.extra, TEXT_MAX),
        (&desc.features, TEXT_MAX),
        (&desc.cluster_features, TEXT_MAX),
        (&desc.licenses, TEXT_MAX),
        (&desc.mail_user, TEXT_MAX),
        (&desc.mcs_label, TEXT_MAX),
        (&desc.mem_bind, BIND_MAX),
        (&desc.mem_per_tres, TEXT_MAX),
        (&desc.name, TEXT_MAX),
        (&desc.network, TEXT_MAX),
        (&desc.partition, TEXT_MAX),
        (&desc.prefer, TEXT_MAX),
        (&desc.qos, TEXT_MAX),
        (&desc.reservation, TEXT_MAX),
        (&desc.std_err, PATH_MAX),
        (&desc.std_in, PATH_MAX),
        (&desc.std_out, PATH_MAX),
        (&desc.tres_bind, TEXT_MAX),
        (&desc.tres_freq, TEXT_MAX),
        (&desc.tres_per_job, TEXT_MAX),
        (&desc.tres_per_node, TEXT_MAX),
        (&desc.tres_per_socket, TEXT_MAX),
        (&desc.tres_per_task, TEXT_MAX),
        (&desc.wckey, TEXT_MAX),
        (&desc.work_dir, PATH_MAX),
        (&desc.admin_comment, TEXT_MAX),
        (&desc.container, PATH_MAX),
        (&desc.container_id, TEXT_MAX),
        (&desc.req_context, TEXT_MAX),
    ]
}

#[cfg(test)]
mod tests {
    use super::task_frequency_s;

    #[test]
    fn the_frequency_of_tasks_is_a_number_alone_or_named() {
        for (text, seconds) in [("30", 30), ("task=15", 15), ("energy=10,Task=0", 0)] {
            assert_eq!(task_frequency_s(text), Some(seconds), "{text}");
        }
        assert_eq!(task_frequency_s("energy=10"), None);
    }
}
