use std::sync::Arc;

use model::{
    CoreSet, CpuFrequency, JobId, NodeId, Step, StepClient, StepLaunch, StepNumber, StepShare,
    StepTexts, Timestamp,
};

use super::{narrow, node_numbers, proto, read_held, shared, text, write_held};
use crate::error::RecordError;

pub(crate) fn write(step: &Step) -> proto::Step {
    let Step { job, number, name, nodes, node_list, tasks, cpus, started, protocol, launch } = step;
    let (kind, number, component) = match *number {
        StepNumber::Normal(number) => (proto::StepKind::Normal, number, 0),
        StepNumber::Interactive => (proto::StepKind::Interactive, 0, 0),
        StepNumber::Batch => (proto::StepKind::Batch, 0, 0),
        StepNumber::Extern => (proto::StepKind::Extern, 0, 0),
        StepNumber::Component { step, component } => (proto::StepKind::Component, step, component),
    };
    proto::Step {
        job: job.0,
        kind: kind.into(),
        number,
        component,
        name: name.to_string(),
        nodes: node_numbers(nodes),
        node_list: node_list.to_string(),
        tasks: *tasks,
        cpus: *cpus,
        started: started.0,
        protocol: (*protocol).into(),
        launch: launch.as_deref().map(write_launch),
    }
}

pub(crate) fn read(record: proto::Step) -> Result<Step, RecordError> {
    let number = match proto::StepKind::try_from(record.kind) {
        Err(_) => return Err(RecordError::Unknown { field: "kind", number: record.kind }),
        Ok(proto::StepKind::Normal) => StepNumber::Normal(record.number),
        Ok(proto::StepKind::Interactive) => StepNumber::Interactive,
        Ok(proto::StepKind::Batch) => StepNumber::Batch,
        Ok(proto::StepKind::Extern) => StepNumber::Extern,
        Ok(proto::StepKind::Component) => {
            StepNumber::Component { step: record.number, component: record.component }
        }
    };
    Ok(Step {
        job: JobId(record.job),
        number,
        name: record.name.into(),
        nodes: record.nodes.into_iter().map(NodeId).collect(),
        node_list: record.node_list.into(),
        tasks: record.tasks,
        cpus: record.cpus,
        started: Timestamp(record.started),
        protocol: narrow("protocol", record.protocol)?,
        launch: record.launch.map(read_launch).transpose()?.map(Arc::new),
    })
}

fn write_launch(launch: &StepLaunch) -> proto::StepLaunch {
    let StepLaunch {
        distribution,
        shares,
        overlaps,
        counts_memory,
        cpus_per_task,
        client,
        time_limit_min,
        ignores_signals,
        submit_line,
        ended_on,
        status,
        ports,
        texts,
        cpu_frequency: CpuFrequency { min, max, governor },
    } = launch;
    proto::StepLaunch {
        distribution: *distribution,
        shares: shares.iter().map(write_share).collect(),
        overlaps: *overlaps,
        counts_memory: *counts_memory,
        cpus_per_task: (*cpus_per_task).into(),
        client: client.as_ref().map(|client| proto::StepClient {
            host: client.host.to_string(),
            port: client.port.into(),
            pid: client.pid,
        }),
        time_limit_min: *time_limit_min,
        ignores_signals: *ignores_signals,
        submit_line: submit_line.as_deref().map(str::to_owned),
        ended_on: ended_on.iter().copied().collect(),
        status: *status,
        ports: ports.iter().copied().map(u32::from).collect(),
        texts: Some(write_texts(texts)).filter(|texts| *texts != proto::StepTexts::default()),
        cpu_frequency_min: *min,
        cpu_frequency_max: *max,
        cpu_frequency_governor: *governor,
    }
}

fn read_launch(record: proto::StepLaunch) -> Result<StepLaunch, RecordError> {
    let client = |client: proto::StepClient| {
        let port = narrow("launch.client.port", client.port)?;
        Ok::<_, RecordError>(StepClient { host: client.host.into(), port, pid: client.pid })
    };
    let ports = record.ports.into_iter().map(|port| narrow("launch.ports", port));
    Ok(StepLaunch {
        distribution: record.distribution,
        shares: record.shares.into_iter().map(read_share).collect(),
        overlaps: record.overlaps,
        counts_memory: record.counts_memory,
        cpus_per_task: narrow("launch.cpus_per_task", record.cpus_per_task)?,
        client: record.client.map(client).transpose()?,
        time_limit_min: record.time_limit_min,
        ignores_signals: record.ignores_signals,
        submit_line: record.submit_line.map(Into::into),
        ended_on: record.ended_on.into_iter().collect(),
        status: record.status,
        ports: ports.collect::<Result<_, _>>()?,
        texts: record.texts.map(read_texts).unwrap_or_default(),
        cpu_frequency: CpuFrequency {
            min: record.cpu_frequency_min,
            max: record.cpu_frequency_max,
            governor: record.cpu_frequency_governor,
        },
    })
}

fn write_texts(texts: &StepTexts) -> proto::StepTexts {
    let StepTexts {
        tres_per_step,
        tres_per_node,
        tres_per_socket,
        tres_per_task,
        cpus_per_tres,
        mem_per_tres,
        tres_bind,
        tres_freq,
        network,
        container,
        container_id,
        container_type,
        cwd,
        std_in,
        std_out,
        std_err,
        host,
    } = texts;
    proto::StepTexts {
        tres_per_step: text(tres_per_step),
        tres_per_node: text(tres_per_node),
        tres_per_socket: text(tres_per_socket),
        tres_per_task: text(tres_per_task),
        cpus_per_tres: text(cpus_per_tres),
        mem_per_tres: text(mem_per_tres),
        tres_bind: text(tres_bind),
        tres_freq: text(tres_freq),
        network: text(network),
        container: text(container),
        container_id: text(container_id),
        container_type: text(container_type),
        cwd: text(cwd),
        std_in: text(std_in),
        std_out: text(std_out),
        std_err: text(std_err),
        host: text(host),
    }
}

fn read_texts(record: proto::StepTexts) -> StepTexts {
    StepTexts {
        tres_per_step: shared(record.tres_per_step),
        tres_per_node: shared(record.tres_per_node),
        tres_per_socket: shared(record.tres_per_socket),
        tres_per_task: shared(record.tres_per_task),
        cpus_per_tres: shared(record.cpus_per_tres),
        mem_per_tres: shared(record.mem_per_tres),
        tres_bind: shared(record.tres_bind),
        tres_freq: shared(record.tres_freq),
        network: shared(record.network),
        container: shared(record.container),
        container_id: shared(record.container_id),
        container_type: shared(record.container_type),
        cwd: shared(record.cwd),
        std_in: shared(record.std_in),
        std_out: shared(record.std_out),
        std_err: shared(record.std_err),
        host: shared(record.host),
    }
}

fn write_share(share: &StepShare) -> proto::StepShare {
    let StepShare { tasks, cores, cpus, memory_mib, gres } = share;
    proto::StepShare {
        tasks: tasks.clone(),
        cores: cores.words().to_vec(),
        cpus: *cpus,
        memory_mib: *memory_mib,
        gres: gres.iter().map(write_held).collect(),
    }
}

fn read_share(record: proto::StepShare) -> StepShare {
    StepShare {
        tasks: record.tasks,
        cores: CoreSet::from_words(record.cores),
        cpus: record.cpus,
        memory_mib: record.memory_mib,
        gres: record.gres.into_iter().map(read_held).collect(),
    }
}
