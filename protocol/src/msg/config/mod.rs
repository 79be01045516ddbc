//! Configuration: slurm.conf as a record, the files that configless daemons get, and the settings
//! that scontrol changes at run time.

mod build_info;
mod files;
mod setting;

pub use build_info::*;
pub use files::*;
pub use setting::*;

use crate::msg::Codec;
use crate::number::Number;
use crate::shape::{NullOr, Timestamp};
use crate::version::Version::*;
use crate::wire::{DecodeError, Reader, Wire, Writer};
use crate::wire_struct;

wire_struct! {
    /// `REQUEST_BUILD_INFO`: the configuration; [`BuildInfo`] answers, or `SLURM_NO_CHANGE_IN_DATA`.
    pub struct BuildInfoRequest {
        /// What the client already has; 0 is nothing.
        pub last_update: Timestamp,
    }
}

wire_struct! {
    /// A key of a companion file of slurm.conf, with its value.
    pub struct KeyPair {
        /// The key.
        pub name: Option<String>,
        /// The value.
        pub value: Option<String>,
    }
}

wire_struct! {
    /// The keys of one plugin.
    pub struct PluginParameters {
        /// The plugin.
        pub name: Option<String>,
        /// Its keys.
        pub pairs: NullOr<KeyPair>,
    }
}

wire_struct! {
    /// A default of `JobDefaults`.
    pub struct JobDefault {
        /// See [`job_default`].
        pub kind: u16,
        /// The value.
        pub value: u64,
    }
}

/// The kinds of [`JobDefault`].
pub mod job_default {
    /// `DefCpuPerGPU`.
    pub const CPU_PER_GPU: u16 = 1;
    /// `DefMemPerGPU`, MB.
    pub const MEM_PER_GPU: u16 = 2;
}

/// `Prolog` or `Epilog`, which may name several programs: an array, but in 23.11 the first alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Programs(pub Vec<Option<String>>);

impl Wire for Programs {
    fn encode(&self, w: &mut Writer) {
        if w.version() >= V24_05 {
            self.0.encode(w);
        } else {
            self.0.first().cloned().flatten().encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if r.version() >= V24_05 {
            Wire::decode(r).map(Self)
        } else {
            let one: Option<String> = Wire::decode(r)?;
            Ok(Self(one.into_iter().map(Some).collect()))
        }
    }
}

/// Bits of [`BuildInfo::conf_flags`]: yes-or-no keys. Source: slurm.h; releases that lack one ignore it.
pub mod conf_flags {
    /// `SlurmdParameters=config_overrides`.
    pub const CONFIG_OVERRIDES: u32 = 1 << 0;
    /// `AccountingStoreFlags=job_comment`.
    pub const STORE_JOB_COMMENT: u32 = 1 << 1;
    /// `DisableRootJobs`.
    pub const DISABLE_ROOT_JOBS: u32 = 1 << 2;
    /// `AllowSpecResourcesUsage`.
    pub const ALLOW_SPEC_RESOURCES: u32 = 1 << 3;
    /// `UsePAM`.
    pub const PAM: u32 = 1 << 4;
    /// `TrackWCKey`.
    pub const TRACK_WCKEY: u32 = 1 << 5;
    /// IPv4 is used.
    pub const IPV4: u32 = 1 << 6;
    /// IPv6 is used.
    pub const IPV6: u32 = 1 << 7;
    /// `AccountingStoreFlags=job_extra`.
    pub const STORE_JOB_EXTRA: u32 = 1 << 8;
    /// `AccountingStoreFlags=job_script`.
    pub const STORE_JOB_SCRIPT: u32 = 1 << 9;
    /// `AccountingStoreFlags=job_env`.
    pub const STORE_JOB_ENV: u32 = 1 << 10;
    /// `SlurmdParameters=l3cache_as_socket`.
    pub const L3_AS_SOCKET: u32 = 1 << 11;
    /// `SlurmdParameters=numa_node_as_socket`.
    pub const NUMA_AS_SOCKET: u32 = 1 << 12;
    /// `SlurmdParameters=allow_ecores`.
    pub const ALLOW_ECORES: u32 = 1 << 13;
    /// `SlurmdParameters=shutdown_on_reboot`.
    pub const SHUTDOWN_ON_REBOOT: u32 = 1 << 14;
    /// `SlurmdParameters=contain_spank`.
    pub const CONTAIN_SPANK: u32 = 1 << 15;
    /// `AccountingStoreFlags=no_stdio`.
    pub const STORE_NO_STDIO: u32 = 1 << 16;
    /// `CommunicationParameters=disable_http`.
    pub const DISABLE_HTTP: u32 = 1 << 17;
    /// `SlurmctldParameters=health_check_report`.
    pub const HEALTH_CHECK_REPORT: u32 = 1 << 18;
}

pub(super) const CODECS: &[Codec] = &[
    Codec::of::<BuildInfoRequest>(Number::REQUEST_BUILD_INFO),
    Codec::of::<BuildInfo>(Number::RESPONSE_BUILD_INFO),
    Codec::of::<ConfigRequest>(Number::REQUEST_CONFIG),
    Codec::of::<ConfigFiles>(Number::RESPONSE_CONFIG),
    Codec::of::<ConfigFiles>(Number::REQUEST_RECONFIGURE_WITH_CONFIG),
    Codec::of::<ConfigFiles>(Number::REQUEST_RECONFIGURE_SACKD),
    Codec::of::<DebugLevel>(Number::REQUEST_SET_DEBUG_LEVEL),
    Codec::of::<DebugLevel>(Number::REQUEST_SET_SCHEDLOG_LEVEL),
    Codec::of::<DebugFlags>(Number::REQUEST_SET_DEBUG_FLAGS),
    Codec::of::<DampeningFactor>(Number::REQUEST_SET_FS_DAMPENING_FACTOR),
    Codec::of::<SuspendException>(Number::REQUEST_SET_SUSPEND_EXC_NODES),
    Codec::of::<SuspendException>(Number::REQUEST_SET_SUSPEND_EXC_PARTS),
    Codec::of::<SuspendException>(Number::REQUEST_SET_SUSPEND_EXC_STATES),
];
