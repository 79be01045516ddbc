//! Reservations.

use crate::msg::{Codec, Dated, Minutes};
use crate::number::Number;
use crate::shape::{Bitmap, Limit, Timestamp};
use crate::version::Version::*;
use crate::wire_struct;

/// `RESERVE_FLAG_*`: in records what holds, in updates what to set and (`NO_*`) to clear. Source:
/// slurm.h; the numbers are the same in all six releases.
pub mod reservation_flags {
    /// `MAINT`.
    pub const MAINT: u64 = 1 << 0;
    /// Clears it.
    pub const NO_MAINT: u64 = 1 << 1;
    /// `DAILY`.
    pub const DAILY: u64 = 1 << 2;
    /// Clears it.
    pub const NO_DAILY: u64 = 1 << 3;
    /// `WEEKLY`.
    pub const WEEKLY: u64 = 1 << 4;
    /// Clears it.
    pub const NO_WEEKLY: u64 = 1 << 5;
    /// `IGNORE_JOBS`.
    pub const IGNORE_JOBS: u64 = 1 << 6;
    /// Clears it.
    pub const NO_IGNORE_JOBS: u64 = 1 << 7;
    /// `ANY_NODES`.
    pub const ANY_NODES: u64 = 1 << 8;
    /// Clears it.
    pub const NO_ANY_NODES: u64 = 1 << 9;
    /// `STATIC_ALLOC`.
    pub const STATIC: u64 = 1 << 10;
    /// Clears it.
    pub const NO_STATIC: u64 = 1 << 11;
    /// `PART_NODES`.
    pub const PART_NODES: u64 = 1 << 12;
    /// Clears it.
    pub const NO_PART_NODES: u64 = 1 << 13;
    /// `OVERLAP`.
    pub const OVERLAP: u64 = 1 << 14;
    /// `SPEC_NODES`: the nodes were named.
    pub const SPEC_NODES: u64 = 1 << 15;
    /// `TIME_FLOAT`: the start is an offset from now.
    pub const TIME_FLOAT: u64 = 1 << 17;
    /// `REPLACE`.
    pub const REPLACE: u64 = 1 << 18;
    /// `ALL_NODES`.
    pub const ALL_NODES: u64 = 1 << 19;
    /// `PURGE_COMP`.
    pub const PURGE_COMP: u64 = 1 << 20;
    /// `WEEKDAY`.
    pub const WEEKDAY: u64 = 1 << 21;
    /// Clears it.
    pub const NO_WEEKDAY: u64 = 1 << 22;
    /// `WEEKEND`.
    pub const WEEKEND: u64 = 1 << 23;
    /// Clears it.
    pub const NO_WEEKEND: u64 = 1 << 24;
    /// `FLEX`.
    pub const FLEX: u64 = 1 << 25;
    /// Clears it.
    pub const NO_FLEX: u64 = 1 << 26;
    /// Updates only: the duration grows by the one given.
    pub const DURATION_PLUS: u64 = 1 << 27;
    /// Updates only: the duration shrinks by the one given.
    pub const DURATION_MINUS: u64 = 1 << 28;
    /// `NO_HOLD_JOBS_AFTER`.
    pub const NO_HOLD_JOBS: u64 = 1 << 29;
    /// `REPLACE_DOWN`.
    pub const REPLACE_DOWN: u64 = 1 << 30;
    /// Clears `PURGE_COMP`.
    pub const NO_PURGE_COMP: u64 = 1 << 31;
    /// `MAGNETIC`.
    pub const MAGNETIC: u64 = 1 << 32;
    /// Clears it.
    pub const NO_MAGNETIC: u64 = 1 << 33;
    /// `SKIP`.
    pub const SKIP: u64 = 1 << 34;
    /// `HOURLY`.
    pub const HOURLY: u64 = 1 << 35;
    /// Clears it.
    pub const NO_HOURLY: u64 = 1 << 36;
    /// It was asked for with GRES.
    pub const GRES_REQUESTED: u64 = 1 << 37;
    /// The TRES are those of each node.
    pub const TRES_PER_NODE: u64 = 1 << 38;
    /// `USER_DELETE` (24.05+).
    pub const USER_DELETE: u64 = 1 << 39;
    /// Clears it (24.05+).
    pub const NO_USER_DELETE: u64 = 1 << 40;
    /// `FORCE_START` (25.05+).
    pub const FORCE_START: u64 = 1 << 42;
    /// It comes again.
    pub const REOCCURRING: u64 = HOURLY | DAILY | WEEKLY | WEEKDAY | WEEKEND;
}

wire_struct! {
    /// `REQUEST_RESERVATION_INFO`: all reservations; [`ReservationsInfo`] answers, or
    /// `SLURM_NO_CHANGE_IN_DATA`.
    pub struct ReservationInfoRequest {
        /// What the client already has; 0 is nothing.
        pub last_update: Timestamp,
    }
}

wire_struct! {
    /// The cores of a node that a reservation has.
    pub struct ReservedCores {
        /// The node.
        pub node_name: Option<String>,
        /// Its cores, such as `0-3`.
        pub core_ids: Option<String>,
    }
}

wire_struct! {
    /// A reservation, as clients are told of it.
    pub struct ReservationInfo {
        /// Accounts that may use it; `-name` may not.
        pub accounts: Option<String>,
        /// Burst buffer.
        pub burst_buffer: Option<String>,
        /// Free text.
        pub comment: Option<String>,
        /// How many cores.
        pub core_cnt: u32,
        /// When it ends.
        pub end_time: Timestamp,
        /// Features of its nodes.
        pub features: Option<String>,
        /// See [`reservation_flags`].
        pub flags: u64,
        /// Licenses.
        pub licenses: Option<String>,
        /// Seconds that a job from outside may delay it.
        pub max_start_delay: u32,
        /// Its name.
        pub name: Option<String>,
        /// How many nodes.
        pub node_cnt: u32,
        /// Its nodes, as a host expression.
        pub node_list: Option<String>,
        /// Its partition.
        pub partition: Option<String>,
        /// Seconds of idleness after which it is purged.
        pub purge_comp_time: u32,
        /// Watts, in 23.11; a placeholder up to 25.05.
        pub reserved_watts: Limit<u32> [..V25_11],
        /// When it starts.
        pub start_time: Timestamp,
        /// TRES, `cpu=8,…`.
        pub tres: Option<String>,
        /// Users that may use it; `-name` may not.
        pub users: Option<String>,
        /// Groups that may use it.
        pub groups: Option<String>,
        /// QOS that may use it.
        pub qos: Option<String> [V25_11..],
        /// Partitions that may use it.
        pub allowed_parts: Option<String> [V25_11..],
        /// Its nodes, by index.
        pub node_bitmap: Option<Bitmap>,
        /// Its cores, unless it has whole nodes.
        pub cores: Vec<ReservedCores>,
    }
}

/// `RESPONSE_RESERVATION_INFO`: the answer to [`ReservationInfoRequest`].
pub type ReservationsInfo = Dated<ReservationInfo>;

wire_struct! {
    /// `REQUEST_CREATE_RESERVATION` and `REQUEST_UPDATE_RESERVATION`: from scontrol.
    ///
    /// NULL, `Unset` and [`UpdateReservation::NO_TIME`] leave a field as it is. [`ReservationName`] answers a creation, a
    /// return code an update; both have a text when they fail.
    pub struct UpdateReservation {
        /// Its name; NULL has the controller make one up.
        pub name: Option<String>,
        /// When it starts; [`UpdateReservation::NO_TIME`] when not given.
        pub start_time: Timestamp,
        /// When it ends; [`UpdateReservation::NO_TIME`] when not given.
        pub end_time: Timestamp,
        /// How long, minutes.
        pub duration: Minutes,
        /// See [`reservation_flags`].
        pub flags: Limit<u64>,
        /// How many nodes.
        pub node_cnt: Limit<u32>,
        /// How many cores.
        pub core_cnt: Limit<u32>,
        /// Its nodes, or `ALL`.
        pub node_list: Option<String>,
        /// Features of its nodes.
        pub features: Option<String>,
        /// Licenses.
        pub licenses: Option<String>,
        /// Seconds that a job from outside may delay it.
        pub max_start_delay: Limit<u32>,
        /// Its partition.
        pub partition: Option<String>,
        /// Seconds of idleness after which it is purged.
        pub purge_comp_time: Limit<u32>,
        /// Watts, in 23.11; a placeholder up to 25.05.
        pub reserved_watts: Limit<u32> [..V25_11],
        /// Partitions that may use it.
        pub allowed_parts: Option<String> [V25_11..],
        /// QOS that may use it.
        pub qos: Option<String> [V25_11..],
        /// Users; `+name` and `-name` change the list.
        pub users: Option<String>,
        /// Accounts; `+name` and `-name` change the list.
        pub accounts: Option<String>,
        /// Burst buffer.
        pub burst_buffer: Option<String>,
        /// Groups.
        pub groups: Option<String>,
        /// Free text.
        pub comment: Option<String>,
        /// TRES.
        pub tres: Option<String>,
    }
}

impl UpdateReservation {
    /// A time that was not given: `NO_VAL` as a time.
    pub const NO_TIME: Timestamp = Timestamp(0xffff_fffe);
}

wire_struct! {
    /// `RESPONSE_CREATE_RESERVATION`, the controller's answer; and `REQUEST_DELETE_RESERVATION`, from
    /// scontrol, which a return code answers.
    pub struct ReservationName {
        /// The reservation.
        pub name: Option<String>,
    }
}

pub(super) const CODECS: &[Codec] = &[
    Codec::of::<ReservationInfoRequest>(Number::REQUEST_RESERVATION_INFO),
    Codec::of::<ReservationsInfo>(Number::RESPONSE_RESERVATION_INFO),
    Codec::of::<UpdateReservation>(Number::REQUEST_CREATE_RESERVATION),
    Codec::of::<UpdateReservation>(Number::REQUEST_UPDATE_RESERVATION),
    Codec::of::<ReservationName>(Number::RESPONSE_CREATE_RESERVATION),
    Codec::of::<ReservationName>(Number::REQUEST_DELETE_RESERVATION),
];
