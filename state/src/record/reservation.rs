use std::sync::Arc;

use model::{CoreSet, Member, NodeId, Reservation, ReservationFlags, Roster, Timestamp, Uid};

use super::{node_numbers, proto, read_licenses, seconds, shared, text, time, write_licenses};

pub(crate) fn write(reservation: &Reservation) -> proto::Reservation {
    let Reservation {
        name,
        id,
        start,
        end,
        duration_min,
        flags,
        nodes,
        cores,
        partition,
        features,
        licenses,
        licenses_text,
        burst_buffer,
        comment,
        users,
        accounts,
        partitions,
        groups,
        group_members,
        max_start_delay_s,
        purge_comp_s,
        idle_since,
        begun,
        over,
    } = reservation;
    proto::Reservation {
        name: name.to_string(),
        id: *id,
        start: start.0,
        end: end.0,
        duration_min: *duration_min,
        flags: flags.0,
        nodes: node_numbers(&**nodes),
        cores: cores.as_deref().map(write_cores),
        partition: text(partition),
        features: text(features),
        licenses: write_licenses(licenses),
        licenses_text: text(licenses_text),
        burst_buffer: text(burst_buffer),
        comment: text(comment),
        users: Some(write_roster(users)),
        accounts: Some(write_roster(accounts)),
        partitions: Some(write_roster(partitions)),
        groups: text(groups),
        group_members: group_members.iter().map(|user| user.0).collect(),
        max_start_delay_s: *max_start_delay_s,
        purge_comp_s: *purge_comp_s,
        idle_since: seconds(*idle_since),
        begun: *begun,
        over: *over,
    }
}

pub(crate) fn read(record: proto::Reservation) -> Reservation {
    Reservation {
        name: record.name.into(),
        id: record.id,
        start: Timestamp(record.start),
        end: Timestamp(record.end),
        duration_min: record.duration_min,
        flags: ReservationFlags(record.flags),
        nodes: record.nodes.into_iter().map(NodeId).collect(),
        cores: record.cores.map(read_cores),
        partition: shared(record.partition),
        features: shared(record.features),
        licenses: read_licenses(record.licenses),
        licenses_text: shared(record.licenses_text),
        burst_buffer: shared(record.burst_buffer),
        comment: shared(record.comment),
        users: read_roster(record.users),
        accounts: read_roster(record.accounts),
        partitions: read_roster(record.partitions),
        groups: shared(record.groups),
        group_members: record.group_members.into_iter().map(Uid).collect(),
        max_start_delay_s: record.max_start_delay_s,
        purge_comp_s: record.purge_comp_s,
        idle_since: time(record.idle_since),
        begun: record.begun,
        over: record.over,
    }
}

fn write_cores(cores: &[(NodeId, CoreSet)]) -> proto::ReservedCores {
    let of_node = |(node, cores): &(NodeId, CoreSet)| proto::NodeCores {
        node: node.0,
        cores: cores.words().to_vec(),
    };
    proto::ReservedCores { nodes: cores.iter().map(of_node).collect() }
}

fn read_cores(record: proto::ReservedCores) -> Arc<[(NodeId, CoreSet)]> {
    let of_node =
        |record: proto::NodeCores| (NodeId(record.node), CoreSet::from_words(record.cores));
    record.nodes.into_iter().map(of_node).collect()
}

fn write_roster(roster: &Roster) -> proto::Roster {
    let Roster { denies, members } = roster;
    let member = |Member { name, user }: &Member| proto::Member {
        name: name.to_string(),
        user: user.map(|user| user.0),
    };
    proto::Roster { denies: *denies, members: members.iter().map(member).collect() }
}

fn read_roster(record: Option<proto::Roster>) -> Roster {
    let record = record.unwrap_or_default();
    let member =
        |record: proto::Member| Member { name: record.name.into(), user: record.user.map(Uid) };
    Roster { denies: record.denies, members: record.members.into_iter().map(member).collect() }
}
