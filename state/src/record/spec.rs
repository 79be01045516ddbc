use std::collections::BTreeMap;
use std::sync::Arc;

use model::{
    Carried, Dependencies, Dependency, DependencyKind, DependencyState, Exclusive, GresWish, JobId,
    JobSpec, Join, MemoryRequest, NumberOption, TextOption, Uid,
};

use super::paired::Paired as _;
use super::proto::{self, job_spec::Memory};
use super::{
    narrow, narrow_if_set, read_licenses, seconds, shared, text, texts, time, write_licenses,
};
use crate::error::RecordError;

pub(super) fn write(spec: &JobSpec) -> proto::JobSpec {
    let JobSpec {
        name,
        partitions,
        min_nodes,
        max_nodes,
        min_cpus,
        max_cpus,
        tasks,
        cpus_per_task,
        tasks_per_node,
        tasks_per_socket,
        tasks_per_core,
        tasks_per_board,
        sockets_per_node,
        cores_per_socket,
        threads_per_core,
        min_cpus_per_node,
        memory,
        tmp_disk_mib,
        exclusive,
        share,
        overcommit,
        contiguous,
        core_spec,
        required_nodes,
        excluded_nodes,
        features,
        time_limit_min,
        time_unlimited,
        time_min_min,
        begin,
        deadline,
        dependencies,
        licenses,
        gres,
        nice,
        fixed_priority,
        requeue,
        kill_on_node_fail,
        immediate,
        warn_signal,
        warn_time_s,
        warn_flags,
        submitted_by,
        carried,
    } = spec;
    let Dependencies { conditions, join } = dependencies;
    proto::JobSpec {
        name: name.to_string(),
        partitions: texts(partitions),
        min_nodes: *min_nodes,
        max_nodes: *max_nodes,
        min_cpus: *min_cpus,
        max_cpus: *max_cpus,
        tasks: *tasks,
        cpus_per_task: cpus_per_task.map(u32::from),
        tasks_per_node: tasks_per_node.map(u32::from),
        tasks_per_socket: tasks_per_socket.map(u32::from),
        tasks_per_core: tasks_per_core.map(u32::from),
        tasks_per_board: tasks_per_board.map(u32::from),
        sockets_per_node: sockets_per_node.map(u32::from),
        cores_per_socket: cores_per_socket.map(u32::from),
        threads_per_core: threads_per_core.map(u32::from),
        min_cpus_per_node: (*min_cpus_per_node).into(),
        memory: memory.map(|memory| match memory {
            MemoryRequest::PerNode(mib) => Memory::MemoryPerNodeMib(mib),
            MemoryRequest::PerCpu(mib) => Memory::MemoryPerCpuMib(mib),
        }),
        tmp_disk_mib: *tmp_disk_mib,
        exclusive: exclusive.number(),
        share: *share,
        overcommit: *overcommit,
        contiguous: *contiguous,
        core_spec: core_spec.map(u32::from),
        required_nodes: text(required_nodes),
        excluded_nodes: text(excluded_nodes),
        features: text(features),
        time_limit_min: *time_limit_min,
        time_unlimited: *time_unlimited,
        time_min_min: *time_min_min,
        begin: seconds(*begin),
        deadline: seconds(*deadline),
        dependency_join: join.number(),
        dependencies: conditions.iter().map(write_dependency).collect(),
        licenses: write_licenses(licenses),
        gres: gres.iter().map(write_wish).collect(),
        nice: *nice,
        fixed_priority: *fixed_priority,
        requeue: *requeue,
        kill_on_node_fail: *kill_on_node_fail,
        immediate: *immediate,
        warn_signal: (*warn_signal).into(),
        warn_time_s: (*warn_time_s).into(),
        warn_flags: (*warn_flags).into(),
        submitted_by: submitted_by.map(|uid| uid.0),
        texts: carried.texts().iter().map(|(o, text)| (o.tag(), text.to_string())).collect(),
        numbers: carried.numbers().iter().map(|(o, number)| (o.tag(), *number)).collect(),
    }
}

/// A spec from its record, and how many of its options this release does not know.
pub(crate) fn read(record: proto::JobSpec) -> Result<(JobSpec, u64), RecordError> {
    let (carried, unknown) = read_carried(record.texts, record.numbers);
    let spec = JobSpec {
        name: record.name.into(),
        partitions: record.partitions.into_iter().map(Arc::from).collect(),
        min_nodes: record.min_nodes,
        max_nodes: record.max_nodes,
        min_cpus: record.min_cpus,
        max_cpus: record.max_cpus,
        tasks: record.tasks,
        cpus_per_task: narrow_if_set("spec.cpus_per_task", record.cpus_per_task)?,
        tasks_per_node: narrow_if_set("spec.tasks_per_node", record.tasks_per_node)?,
        tasks_per_socket: narrow_if_set("spec.tasks_per_socket", record.tasks_per_socket)?,
        tasks_per_core: narrow_if_set("spec.tasks_per_core", record.tasks_per_core)?,
        tasks_per_board: narrow_if_set("spec.tasks_per_board", record.tasks_per_board)?,
        sockets_per_node: narrow_if_set("spec.sockets_per_node", record.sockets_per_node)?,
        cores_per_socket: narrow_if_set("spec.cores_per_socket", record.cores_per_socket)?,
        threads_per_core: narrow_if_set("spec.threads_per_core", record.threads_per_core)?,
        min_cpus_per_node: narrow("spec.min_cpus_per_node", record.min_cpus_per_node)?,
        memory: record.memory.map(|memory| match memory {
            Memory::MemoryPerNodeMib(mib) => MemoryRequest::PerNode(mib),
            Memory::MemoryPerCpuMib(mib) => MemoryRequest::PerCpu(mib),
        }),
        tmp_disk_mib: record.tmp_disk_mib,
        exclusive: Exclusive::numbered("spec.exclusive", record.exclusive)?,
        share: record.share,
        overcommit: record.overcommit,
        contiguous: record.contiguous,
        core_spec: narrow_if_set("spec.core_spec", record.core_spec)?,
        required_nodes: shared(record.required_nodes),
        excluded_nodes: shared(record.excluded_nodes),
        features: shared(record.features),
        time_limit_min: record.time_limit_min,
        time_unlimited: record.time_unlimited,
        time_min_min: record.time_min_min,
        begin: time(record.begin),
        deadline: time(record.deadline),
        dependencies: Dependencies {
            conditions: record
                .dependencies
                .iter()
                .map(read_dependency)
                .collect::<Result<_, _>>()?,
            join: Join::numbered("spec.dependency_join", record.dependency_join)?,
        },
        licenses: read_licenses(record.licenses),
        gres: record.gres.into_iter().map(read_wish).collect::<Result<_, _>>()?,
        nice: record.nice,
        fixed_priority: record.fixed_priority,
        requeue: record.requeue,
        kill_on_node_fail: record.kill_on_node_fail,
        immediate: record.immediate,
        warn_signal: narrow("spec.warn_signal", record.warn_signal)?,
        warn_time_s: narrow("spec.warn_time_s", record.warn_time_s)?,
        warn_flags: narrow("spec.warn_flags", record.warn_flags)?,
        submitted_by: record.submitted_by.map(Uid),
        carried,
    };
    Ok((spec, unknown))
}

fn read_carried(texts: BTreeMap<u32, String>, numbers: BTreeMap<u32, u64>) -> (Carried, u64) {
    let (mut carried, mut unknown) = (Carried::default(), 0);
    for (tag, text) in texts {
        match TextOption::from_tag(tag) {
            Some(option) => carried.set_text(option, Some(text.into())),
            None => unknown += 1,
        }
    }
    for (tag, number) in numbers {
        match NumberOption::from_tag(tag) {
            Some(option) => carried.set_number(option, Some(number)),
            None => unknown += 1,
        }
    }
    (carried, unknown)
}

fn write_dependency(dependency: &Dependency) -> proto::Dependency {
    let Dependency { kind, job, task, delay_min, state } = dependency;
    proto::Dependency {
        kind: kind.number(),
        job: job.map(|job| job.0),
        task: *task,
        delay_min: *delay_min,
        state: state.number(),
    }
}

fn read_dependency(record: &proto::Dependency) -> Result<Dependency, RecordError> {
    Ok(Dependency {
        kind: DependencyKind::numbered("spec.dependencies.kind", record.kind)?,
        job: record.job.map(JobId),
        task: record.task,
        delay_min: record.delay_min,
        state: DependencyState::numbered("spec.dependencies.state", record.state)?,
    })
}

fn write_wish(wish: &GresWish) -> proto::GresWish {
    let GresWish {
        name,
        kind,
        per_node,
        per_socket,
        per_task,
        per_job,
        cpus_each,
        memory_each_mib,
    } = wish;
    proto::GresWish {
        name: name.to_string(),
        kind: text(kind),
        per_node: *per_node,
        per_socket: *per_socket,
        per_task: *per_task,
        per_job: *per_job,
        cpus_each: (*cpus_each).into(),
        memory_each_mib: *memory_each_mib,
    }
}

fn read_wish(record: proto::GresWish) -> Result<GresWish, RecordError> {
    Ok(GresWish {
        name: record.name.into(),
        kind: shared(record.kind),
        per_node: record.per_node,
        per_socket: record.per_socket,
        per_task: record.per_task,
        per_job: record.per_job,
        cpus_each: narrow("spec.gres.cpus_each", record.cpus_each)?,
        memory_each_mib: record.memory_each_mib,
    })
}
