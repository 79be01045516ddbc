//! Licenses.

use crate::msg::{Codec, Dated};
use crate::number::Number;
use crate::shape::Timestamp;
use crate::version::Version::*;
use crate::wire_struct;

wire_struct! {
    /// `REQUEST_LICENSE_INFO`: all licenses; [`LicensesInfo`] answers, or `SLURM_NO_CHANGE_IN_DATA`.
    pub struct LicenseInfoRequest {
        /// What the client already has; 0 is nothing.
        pub last_update: Timestamp,
        /// See [`show`](crate::msg::show).
        pub show_flags: u16,
    }
}

wire_struct! {
    /// A license.
    pub struct LicenseInfo {
        /// Its name.
        pub name: Option<String>,
        /// How many there are.
        pub total: u32,
        /// How many are in use.
        pub used: u32,
        /// How many are reserved.
        pub reserved: u32,
        /// Whether slurmdbd defines it.
        pub remote: u8,
        /// How many the license server last said were in use.
        pub last_consumed: u32,
        /// How many more are in use than this cluster may have.
        pub last_deficit: u32,
        /// When that was.
        pub last_update: Timestamp,
        /// Mode of a hierarchical resource; 0 is a plain license.
        pub mode: u8 [V25_05..],
        /// Nodes of a hierarchical resource.
        pub nodes: Option<String> [V25_05..],
    }
}

/// `RESPONSE_LICENSE_INFO`: the answer to [`LicenseInfoRequest`].
pub type LicensesInfo = Dated<LicenseInfo>;

pub(super) const CODECS: &[Codec] = &[
    Codec::of::<LicenseInfoRequest>(Number::REQUEST_LICENSE_INFO),
    Codec::of::<LicensesInfo>(Number::RESPONSE_LICENSE_INFO),
];
