//! The launch of a batch script.

use model::{Job, MemoryRequest, NumberOption, Script, TextOption, Timestamp};
use protocol::Version;
use protocol::auth::VersionedCredential;
use protocol::msg::{BatchJobLaunch, JobFlags, StepId};
use protocol::shape::{CountedTwice, Limit};

use super::environment;
use crate::rpc::credential::{self, Signer, text};
use crate::view::View;

/// The bit that says "for each CPU" of an amount of memory.
const MEMORY_PER_CPU: u64 = 1 << 63;

/// REQUEST_BATCH_JOB_LAUNCH, for the job's batch host.
pub(super) fn launch(
    view: &View,
    job: &Job,
    script: Script,
    version: Version,
    signer: &Signer<'_>,
) -> Option<BatchJobLaunch> {
    let allocation = job.allocation.as_deref()?;
    let number = |option| job.spec.carried.number(option);
    let flags = JobFlags(number(NumberOption::Bitflags).unwrap_or(0));
    let memory = memory(job.spec.memory);
    let Script { script, environment, arguments, spank_environment } = script;
    Some(BatchJobLaunch {
        job_id: job.id.0,
        het_job_id: het_job_id(job),
        partition: Some(job.partition.to_string()),
        // A count that was only computed would be taken for one that steps are to have.
        ntasks: if flags.has(JobFlags::NTASKS_SET) { job.spec.tasks.unwrap_or(0) } else { 0 },
        pn_min_memory: memory,
        open_mode: open_mode(job),
        overcommit: u8::from(job.spec.overcommit),
        array_job_id: job.array.as_ref().map_or(0, |role| role.array_job.0),
        array_task_id: Limit::from_option(job.task_index()),
        acctg_freq: text(job, TextOption::AcctgFreq),
        container: text(job, TextOption::Container),
        cpus_per_task: Limit::Value(job.spec.cpus_per_task.unwrap_or(1)),
        restart_cnt: job.restarts,
        job_core_spec: Limit::Value(0),
        cpus_per_node: credential::cpus(allocation),
        nodes: Some(allocation.node_list.to_string()),
        script: Some(script),
        work_dir: text(job, TextOption::WorkDir),
        std_err: text(job, TextOption::StdErr),
        std_in: text(job, TextOption::StdIn),
        std_out: text(job, TextOption::StdOut),
        argv: CountedTwice(present(arguments)),
        spank_job_env: present(spank_environment),
        environment: CountedTwice(present(environment::of(view, job, environment, version))),
        job_mem: memory,
        credential: proof(view, job, version, signer)?,
        account: text(job, TextOption::Account),
        resv_name: job.own_reservation().map(ToString::to_string),
        profile: frequency(number(NumberOption::Profile)).value().unwrap_or(0),
        tres_per_task: text(job, TextOption::TresPerTask),
        cpu_freq_min: frequency(number(NumberOption::CpuFreqMin)),
        cpu_freq_max: frequency(number(NumberOption::CpuFreqMax)),
        cpu_freq_gov: frequency(number(NumberOption::CpuFreqGov)),
        oom_kill_step: oom_kills_step(view, job),
        ..BatchJobLaunch::default()
    })
}

/// The number of the heterogeneous job that a job is a component of; 0 of a plain one.
pub(super) fn het_job_id(job: &Job) -> u32 {
    job.het.as_ref().map_or(0, |role| role.leader().0)
}

/// The credential of the batch step: its node alone, and all cores that the job has.
fn proof(
    view: &View,
    job: &Job,
    version: Version,
    signer: &Signer<'_>,
) -> Option<VersionedCredential> {
    let now = Timestamp(signer.now.0);
    let mut proof = credential::of_job(view, job, StepId::BATCH, version, now)?;
    let allocation = job.allocation.as_deref()?;
    let host = view.cluster.node(allocation.batch_host())?;
    proof.step_hostlist = Some(host.name.to_string());
    proof.step_core_bitmap.clone_from(&proof.job_cores.0);
    proof.job_mem_alloc = credential::memory(std::slice::from_ref(allocation.batch_share()));
    let credential = signer.sign(&proof, version);
    Some(VersionedCredential { version: version.into(), credential })
}

fn memory(request: Option<MemoryRequest>) -> u64 {
    match request {
        None => 0,
        Some(MemoryRequest::PerNode(mib)) => mib,
        Some(MemoryRequest::PerCpu(mib)) => mib | MEMORY_PER_CPU,
    }
}

/// How output files are opened.
pub(super) fn open_mode(job: &Job) -> u8 {
    let mode = job.spec.carried.number(NumberOption::OpenMode).unwrap_or(0);
    u8::try_from(mode).unwrap_or(0)
}

fn frequency(number: Option<u64>) -> Limit<u32> {
    number.and_then(|number| u32::try_from(number).ok()).map_or(Limit::Unset, Limit::from_raw)
}

/// As the job says, or else as `TaskPluginParam` does.
fn oom_kills_step(view: &View, job: &Job) -> bool {
    match job.spec.carried.number(NumberOption::OomKillStep) {
        Some(said) => said != 0,
        None => {
            let words = view.conf.keys.task_plugin_param.as_deref().unwrap_or_default();
            words.split(',').any(|word| word.trim().eq_ignore_ascii_case("OOMKillStep"))
        }
    }
}

fn present(texts: Vec<String>) -> Vec<Option<String>> {
    texts.into_iter().map(Some).collect()
}
