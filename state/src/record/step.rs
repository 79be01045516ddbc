use model::{JobId, NodeId, Step, StepNumber, Timestamp};

use super::{narrow, node_numbers, proto};
use crate::error::RecordError;

pub(crate) fn write(step: &Step) -> proto::Step {
    let Step { job, number, name, nodes, node_list, tasks, cpus, started, protocol } = step;
    let (kind, number) = match *number {
        StepNumber::Normal(number) => (proto::StepKind::Normal, number),
        StepNumber::Interactive => (proto::StepKind::Interactive, 0),
        StepNumber::Batch => (proto::StepKind::Batch, 0),
        StepNumber::Extern => (proto::StepKind::Extern, 0),
    };
    proto::Step {
        job: job.0,
        kind: kind.into(),
        number,
        name: name.to_string(),
        nodes: node_numbers(nodes),
        node_list: node_list.to_string(),
        tasks: *tasks,
        cpus: *cpus,
        started: started.0,
        protocol: (*protocol).into(),
    }
}

pub(crate) fn read(record: proto::Step) -> Result<Step, RecordError> {
    let number = match proto::StepKind::try_from(record.kind) {
        Err(_) => return Err(RecordError::Unknown { field: "kind", number: record.kind }),
        Ok(proto::StepKind::Normal) => StepNumber::Normal(record.number),
        Ok(proto::StepKind::Interactive) => StepNumber::Interactive,
        Ok(proto::StepKind::Batch) => StepNumber::Batch,
        Ok(proto::StepKind::Extern) => StepNumber::Extern,
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
    })
}
