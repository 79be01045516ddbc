use std::sync::Arc;

use model::{
    Address, Availability, CoreSet, GresLine, GresUse, Hardware, Node, NodeFlags, NodeId,
    NodeReason, Origin, PowerRequest, Registration, Timestamp, Uid,
};

use super::paired::Paired as _;
use super::{narrow, needed, proto, read_gres, seconds, shared, text, texts, time, write_gres};
use crate::error::RecordError;

pub(crate) fn write(node: &Node) -> proto::Node {
    let Node {
        id,
        name,
        address: Address { host, host_name, port, seen },
        hardware,
        availability,
        flags,
        reason,
        registration,
        last_response: _,
        last_busy,
        cpu_load: _,
        free_memory_mib: _,
        features_available,
        features_active,
        weight,
        comment,
        extra,
        instance_id,
        instance_type,
        origin,
        resume_after,
        power,
    } = node;
    proto::Node {
        id: id.0,
        name: name.to_string(),
        host: host.to_string(),
        host_name: host_name.to_string(),
        port: (*port).into(),
        seen: seen.map(|seen| seen.to_string()),
        hardware: Some(write_hardware(hardware)),
        availability: availability.number(),
        flags: Some(write_flags(*flags)),
        reason: reason.as_ref().map(|NodeReason { text, by, at }| proto::NodeReason {
            text: text.to_string(),
            by: by.0,
            at: at.0,
        }),
        registration: registration.as_deref().map(write_registration),
        last_busy: seconds(*last_busy),
        features_available: texts(features_available),
        features_active: texts(features_active),
        weight: *weight,
        comment: text(comment),
        extra: text(extra),
        instance_id: text(instance_id),
        instance_type: text(instance_type),
        origin: origin.number(),
        resume_after: seconds(*resume_after),
        power_asked: power.map(|power| power.at.0),
        power_taken: power.is_some_and(|power| power.taken),
    }
}

pub(crate) fn read(record: proto::Node) -> Result<Node, RecordError> {
    let seen = record.seen.map(|seen| seen.parse()).transpose();
    Ok(Node {
        id: NodeId(record.id),
        name: record.name.into(),
        address: Address {
            host: record.host.into(),
            host_name: record.host_name.into(),
            port: narrow("port", record.port)?,
            seen: seen.map_err(|source| RecordError::NoAddress { field: "seen", source })?,
        },
        hardware: read_hardware(needed("hardware", record.hardware)?)?,
        availability: Availability::numbered("availability", record.availability)?,
        flags: read_flags(record.flags.unwrap_or_default()),
        reason: record.reason.map(|reason| NodeReason {
            text: reason.text.into(),
            by: Uid(reason.by),
            at: Timestamp(reason.at),
        }),
        registration: record.registration.map(read_registration).transpose()?.map(Arc::new),
        last_response: None,
        last_busy: time(record.last_busy),
        cpu_load: None,
        free_memory_mib: None,
        features_available: record.features_available.into_iter().map(Arc::from).collect(),
        features_active: record.features_active.into_iter().map(Arc::from).collect(),
        weight: record.weight,
        comment: shared(record.comment),
        extra: shared(record.extra),
        instance_id: shared(record.instance_id),
        instance_type: shared(record.instance_type),
        origin: Origin::numbered("origin", record.origin)?,
        resume_after: time(record.resume_after),
        power: time(record.power_asked).map(|at| PowerRequest { at, taken: record.power_taken }),
    })
}

fn write_hardware(hardware: &Hardware) -> proto::Hardware {
    let Hardware {
        boards,
        sockets,
        cores_per_socket,
        threads_per_core,
        cpus,
        memory_mib,
        tmp_disk_mib,
        spec_cores,
        spec_cpu_list,
        spec_memory_mib,
        gres,
        gres_text,
        cpu_bind,
    } = hardware;
    proto::Hardware {
        boards: (*boards).into(),
        sockets: (*sockets).into(),
        cores_per_socket: (*cores_per_socket).into(),
        threads_per_core: (*threads_per_core).into(),
        cpus: (*cpus).into(),
        memory_mib: *memory_mib,
        tmp_disk_mib: *tmp_disk_mib,
        spec_cores: (*spec_cores).into(),
        spec_cpu_list: text(spec_cpu_list),
        spec_memory_mib: *spec_memory_mib,
        gres: gres.iter().map(write_gres).collect(),
        gres_text: text(gres_text),
        cpu_bind: *cpu_bind,
    }
}

fn read_hardware(record: proto::Hardware) -> Result<Hardware, RecordError> {
    Ok(Hardware {
        boards: narrow("hardware.boards", record.boards)?,
        sockets: narrow("hardware.sockets", record.sockets)?,
        cores_per_socket: narrow("hardware.cores_per_socket", record.cores_per_socket)?,
        threads_per_core: narrow("hardware.threads_per_core", record.threads_per_core)?,
        cpus: narrow("hardware.cpus", record.cpus)?,
        memory_mib: record.memory_mib,
        tmp_disk_mib: record.tmp_disk_mib,
        spec_cores: narrow("hardware.spec_cores", record.spec_cores)?,
        spec_cpu_list: shared(record.spec_cpu_list),
        spec_memory_mib: record.spec_memory_mib,
        gres: record.gres.into_iter().map(read_gres).collect(),
        gres_text: shared(record.gres_text),
        cpu_bind: record.cpu_bind,
    })
}

fn write_flags(flags: NodeFlags) -> proto::NodeFlags {
    let NodeFlags {
        drain,
        fail,
        not_responding,
        invalid,
        reboot_requested,
        reboot_issued,
        reboot_drained,
        reboot_resumes,
        reboot_downs,
        powering_up,
        powering_down,
        powered_down,
        power_down_requested,
        cloud,
        unclean,
        power_up_requested,
    } = flags;
    proto::NodeFlags {
        drain,
        fail,
        not_responding,
        invalid,
        reboot_requested,
        reboot_issued,
        reboot_drained,
        reboot_resumes,
        reboot_downs,
        powering_up,
        powering_down,
        powered_down,
        power_down_requested,
        cloud,
        unclean,
        power_up_requested,
    }
}

fn read_flags(record: proto::NodeFlags) -> NodeFlags {
    let proto::NodeFlags {
        drain,
        fail,
        not_responding,
        invalid,
        reboot_requested,
        reboot_issued,
        reboot_drained,
        reboot_resumes,
        reboot_downs,
        powering_up,
        powering_down,
        powered_down,
        power_down_requested,
        cloud,
        unclean,
        power_up_requested,
    } = record;
    NodeFlags {
        drain,
        fail,
        not_responding,
        invalid,
        reboot_requested,
        reboot_issued,
        reboot_drained,
        reboot_resumes,
        reboot_downs,
        powering_up,
        powering_down,
        powered_down,
        power_down_requested,
        cloud,
        unclean,
        power_up_requested,
    }
}

fn write_registration(registration: &Registration) -> proto::Registration {
    let Registration {
        protocol,
        version,
        booted,
        slurmd_started,
        arch,
        os,
        cpus,
        boards,
        sockets,
        cores_per_socket,
        threads_per_core,
        memory_mib,
        tmp_disk_mib,
        gres,
        parameters,
    } = registration;
    proto::Registration {
        protocol: (*protocol).into(),
        version: version.to_string(),
        booted: booted.0,
        slurmd_started: slurmd_started.0,
        arch: arch.to_string(),
        os: os.to_string(),
        cpus: (*cpus).into(),
        boards: (*boards).into(),
        sockets: (*sockets).into(),
        cores_per_socket: (*cores_per_socket).into(),
        threads_per_core: (*threads_per_core).into(),
        memory_mib: *memory_mib,
        tmp_disk_mib: *tmp_disk_mib,
        gres: gres.iter().map(write_line).collect(),
        parameters: text(parameters),
    }
}

fn read_registration(record: proto::Registration) -> Result<Registration, RecordError> {
    Ok(Registration {
        protocol: narrow("registration.protocol", record.protocol)?,
        version: record.version.into(),
        booted: Timestamp(record.booted),
        slurmd_started: Timestamp(record.slurmd_started),
        arch: record.arch.into(),
        os: record.os.into(),
        cpus: narrow("registration.cpus", record.cpus)?,
        boards: narrow("registration.boards", record.boards)?,
        sockets: narrow("registration.sockets", record.sockets)?,
        cores_per_socket: narrow("registration.cores_per_socket", record.cores_per_socket)?,
        threads_per_core: narrow("registration.threads_per_core", record.threads_per_core)?,
        memory_mib: record.memory_mib,
        tmp_disk_mib: record.tmp_disk_mib,
        gres: record.gres.into_iter().map(read_line).collect(),
        parameters: shared(record.parameters),
    })
}

fn write_line(line: &GresLine) -> proto::GresLine {
    let GresLine { name, kind, count, cores, used } = line;
    proto::GresLine {
        name: name.to_string(),
        kind: text(kind),
        count: *count,
        cores: cores.as_ref().map(|cores| cores.words().to_vec()).unwrap_or_default(),
        is_device: *used == GresUse::Device,
        is_shared: used.is_shared(),
        one_shared: *used == GresUse::SharedOne,
    }
}

fn read_line(record: proto::GresLine) -> GresLine {
    let proto::GresLine { name, kind, count, cores, is_device, is_shared, one_shared } = record;
    let used = match (is_shared, one_shared) {
        (true, true) => GresUse::SharedOne,
        (true, false) => GresUse::Shared,
        (false, _) if is_device => GresUse::Device,
        (false, _) => GresUse::Counted,
    };
    let cores = Some(CoreSet::from_words(cores)).filter(|cores| !cores.is_empty());
    GresLine { name: name.into(), kind: shared(kind), count, cores, used }
}
