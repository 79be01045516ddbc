//! What the script of a heterogeneous job learns of its components.

use model::{Job, MemoryRequest, NumberOption, TextOption};
use protocol::Version;

use super::environment::tasks_per_node;
use crate::rpc::credential::text;
use crate::rpc::environment::runs;
use crate::view::View;

/// The variables, in the order in which stock controllers set them: those of each component under both
/// of the names that such jobs have had, then how many components there are.
pub(super) fn variables(view: &View, leader: &Job, version: Version) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let Some(role) = &leader.het else { return all };
    let members = role.members().iter().filter_map(|id| view.cluster.job(*id));
    for (offset, component) in members.enumerate() {
        for (name, value) in of_component(component, version) {
            all.push((format!("{name}_PACK_GROUP_{offset}"), value.clone()));
            all.push((format!("{name}_HET_GROUP_{offset}"), value));
        }
    }
    let count = role.members().len().to_string();
    all.push(("SLURM_PACK_SIZE".to_owned(), count.clone()));
    all.push(("SLURM_HET_SIZE".to_owned(), count));
    all
}

fn of_component(job: &Job, version: Version) -> Vec<(&'static str, String)> {
    let allocation = job.allocation.as_deref();
    let cpus = allocation.map(|a| runs(a.shares.iter().map(|share| share.cpus)));
    let memory = |of: fn(MemoryRequest) -> Option<u64>| {
        job.spec.memory.and_then(of).filter(|mib| *mib > 0).map(|mib| mib.to_string())
    };
    let segment = job.spec.carried.number(NumberOption::SegmentSize);
    let segment = segment.filter(|size| *size > 0 && version >= Version::V26_05);
    let variables = [
        ("SLURM_JOB_ACCOUNT", text(job, TextOption::Account)),
        ("SLURM_JOB_CPUS_PER_NODE", cpus),
        ("SLURM_JOB_ID", Some(job.id.to_string())),
        ("SLURM_JOB_NAME", Some(job.spec.name.to_string())),
        ("SLURM_JOB_NODELIST", allocation.map(|a| a.node_list.to_string())),
        ("SLURM_JOB_NUM_NODES", allocation.map(|a| a.shares.len().to_string())),
        ("SLURM_JOB_PARTITION", Some(job.partition.to_string())),
        ("SLURM_JOB_QOS", text(job, TextOption::Qos)),
        ("SLURM_JOB_RESERVATION", job.own_reservation().map(ToString::to_string)),
        (
            "SLURM_MEM_PER_CPU",
            memory(|memory| match memory {
                MemoryRequest::PerCpu(mib) => Some(mib),
                MemoryRequest::PerNode(_) => None,
            }),
        ),
        (
            "SLURM_MEM_PER_NODE",
            memory(|memory| match memory {
                MemoryRequest::PerNode(mib) => Some(mib),
                MemoryRequest::PerCpu(_) => None,
            }),
        ),
        ("SLURM_JOB_SEGMENT_SIZE", segment.map(|size| size.to_string())),
        ("SLURM_TASKS_PER_NODE", tasks_on_nodes(job)),
    ];
    variables.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Tasks on each node; without a number of tasks, as many as its CPUs are for.
fn tasks_on_nodes(job: &Job) -> Option<String> {
    if job.spec.tasks.is_some_and(|tasks| tasks > 0) {
        return tasks_per_node(job);
    }
    let cpus_per_task = u32::from(job.spec.cpus_per_task.unwrap_or(1).max(1));
    let shares = &job.allocation.as_deref()?.shares;
    Some(runs(shares.iter().map(|share| share.cpus / cpus_per_task)))
}
