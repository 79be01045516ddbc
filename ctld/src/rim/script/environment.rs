//! The environment of programs that the controller runs about a job.
//!
//! Source: `job_common_env_vars()` of slurmctld, 23.11 to 26.05, and prolog_epilog.html. Nothing else
//! is in it, not even PATH.

use std::fmt::Display;

use model::{Job, Script, TextOption, Timestamp};
use protocol::Version;

use crate::rpc::environment::{runs, set};
use crate::rpc::{job_word, sluid};
use crate::view::View;

/// What slurmctld shows as the end of a job without a limit: a year from its start.
const YEAR_S: u64 = 365 * 24 * 3600;

/// The variables that all of these programs have. `over` adds how the job ended.
pub(super) fn common(view: &View, job: &Job, script: Option<&Script>, over: bool) -> Vec<String> {
    // First, so that what the controller sets wins.
    let mut environment: Vec<String> =
        script.map(|script| script.spank_environment.clone()).unwrap_or_default();
    let mut set = |name: &str, value: &dyn Display| set(&mut environment, name, value);
    let text = |option| job.spec.carried.text(option);
    // slurmctld prints the text that is not there.
    let account = text(TextOption::Account).map_or("(null)", |account| account);
    set("SLURM_JOB_ACCOUNT", &account);
    if over {
        of_end(job, &mut set);
    }
    of_array(job, script, &mut set);
    set("SLURM_CLUSTER_NAME", &view.conf.cluster);
    if let Some(comment) = text(TextOption::Comment) {
        set("SLURM_JOB_COMMENT", comment);
    }
    set("SLURM_JOB_END_TIME", &end(job).0);
    if let Some(extra) = text(TextOption::Extra) {
        set("SLURM_JOB_EXTRA", extra);
    }
    set("SLURM_JOB_GID", &job.group.0);
    let group = text(TextOption::GroupName).cloned().or_else(|| view.users.group_name(job.group));
    set("SLURM_JOB_GROUP", &group.unwrap_or_else(|| job.group.0.to_string().into()));
    set("SLURM_JOBID", &job.id);
    set("SLURM_JOB_ID", &job.id);
    if let Some(licenses) = text(TextOption::LicensesText) {
        set("SLURM_JOB_LICENSES", licenses);
    }
    set("SLURM_JOB_NAME", &job.spec.name);
    of_allocation(job, &mut set);
    set("SLURM_JOB_PARTITION", &job.partition);
    if let Some(qos) = text(TextOption::Qos) {
        set("SLURM_JOB_QOS", qos);
    }
    if let Some(reservation) = job.own_reservation() {
        set("SLURM_JOB_RESERVATION", reservation);
    }
    set("SLURM_JOB_RESTART_COUNT", &job.restarts);
    set("SLURM_JOB_SLUID", &protocol::sluid::to_text(sluid::of(view, job)));
    set("SLURM_JOB_START_TIME", &job.started.unwrap_or_default().0);
    set("SLURM_JOB_UID", &job.owner);
    let user = text(TextOption::UserName).cloned().unwrap_or_else(|| view.users.name(job.owner));
    set("SLURM_JOB_USER", &user);
    if let Some(wckey) = text(TextOption::Wckey) {
        set("SLURM_WCKEY", wckey);
    }
    let features = text(TextOption::Prefer).or(job.spec.features.as_ref());
    if let Some(features) = features {
        set("SLURM_JOB_CONSTRAINTS", features);
    }
    of_sharing(view, job, &mut set);
    for (name, option) in [
        ("SLURM_JOB_STDERR", TextOption::StdErr),
        ("SLURM_JOB_STDIN", TextOption::StdIn),
        ("SLURM_JOB_STDOUT", TextOption::StdOut),
        ("SLURM_JOB_WORK_DIR", TextOption::WorkDir),
    ] {
        if let Some(path) = text(option) {
            set(name, path);
        }
    }
    environment
}

/// How the job ended.
fn of_end(job: &Job, set: &mut impl FnMut(&str, &dyn Display)) {
    let Some(outcome) = &job.outcome else {
        return;
    };
    let (code, signal) = ((outcome.status >> 8) & 0xff, outcome.status & 0x7f);
    set("SLURM_JOB_DERIVED_EC", &job.derived_status.max(outcome.derived_status));
    set("SLURM_JOB_EXIT_CODE2", &format_args!("{code}:{signal}"));
    set("SLURM_JOB_EXIT_CODE", &outcome.status);
}

/// The place of a task in its array.
fn of_array(job: &Job, script: Option<&Script>, set: &mut impl FnMut(&str, &dyn Display)) {
    let Some(index) = job.task_index() else {
        return;
    };
    set("SLURM_ARRAY_JOB_ID", &job.array_job());
    set("SLURM_ARRAY_TASK_ID", &index);
    let of_script = script.map_or(&[][..], |script| &script.environment);
    for (name, value) in of_script.iter().filter_map(|entry| entry.split_once('=')) {
        if name.starts_with("SLURM_ARRAY_TASK") {
            set(name, &value);
        }
    }
}

fn of_allocation(job: &Job, set: &mut impl FnMut(&str, &dyn Display)) {
    let allocation = job.allocation.as_deref();
    set("SLURM_JOB_NODELIST", &allocation.map_or("(null)", |allocation| &allocation.node_list));
    if let Some(allocation) = allocation {
        let cpus = allocation.shares.iter().map(|share| share.cpus);
        set("SLURM_JOB_CPUS_PER_NODE", &runs(cpus));
        set("SLURM_JOB_NUM_NODES", &allocation.shares.len());
    }
}

fn of_sharing(view: &View, job: &Job, set: &mut impl FnMut(&str, &dyn Display)) {
    let partition = view.cluster.partition(&job.partition).map(|partition| &**partition);
    if Version::from_wire(job.protocol).unwrap_or(Version::NEWEST) < Version::V26_05 {
        let shared = job_word::shared_value(job, partition);
        return set("SLURM_JOB_OVERSUBSCRIBE", &job_word::shared_word(shared));
    }
    let shares = job_word::oversubscribe_value(job, partition);
    set("SLURM_JOB_OVERSUBSCRIBE", &job_word::oversubscribe_word(shares));
    let exclusive = job_word::exclusive_value(job, partition);
    set("SLURM_JOB_EXCLUSIVE", &job_word::exclusive_word(exclusive));
}

fn end(job: &Job) -> Timestamp {
    let unlimited = || job.started.map(|started| started.plus_s(YEAR_S));
    job.ended.or_else(unlimited).unwrap_or_default()
}
