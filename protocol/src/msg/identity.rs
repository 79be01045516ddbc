//! Who and which: step and job ids, the identity of a user.

use crate::shape::{Limit, Sentinel};
use crate::version::Version::*;
use crate::wire::{DecodeError, Reader, Wire, Writer};
use crate::wire_struct;

/// A job, or a step of one.
///
/// Up to 24.05 three numbers, from 24.11 with the `sluid` in front (0 when unknown). The special
/// steps have numbers near the top: see [`StepId::BATCH`] and its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId {
    /// The job's unique id over its requeues; 24.11+, 0 when unknown.
    pub sluid: u64,
    /// The job.
    pub job_id: u32,
    /// The step, or one of the special ones, or `NO_VAL` for the job itself.
    pub step_id: u32,
    /// The component of a heterogeneous step, or `NO_VAL`.
    pub step_het_comp: u32,
}

impl StepId {
    /// The step of a job that has not started.
    pub const PENDING: u32 = 0xffff_fffd;
    /// The external step (PrologFlags=Contain).
    pub const EXTERN: u32 = 0xffff_fffc;
    /// The batch script.
    pub const BATCH: u32 = 0xffff_fffb;
    /// The interactive step of salloc.
    pub const INTERACTIVE: u32 = 0xffff_fffa;

    /// The job itself.
    pub fn job(job_id: u32) -> Self {
        Self { job_id, ..Self::default() }
    }

    /// A step of a job.
    pub fn step(job_id: u32, step_id: u32) -> Self {
        Self { job_id, step_id, ..Self::default() }
    }
}

impl Default for StepId {
    fn default() -> Self {
        Self { sluid: 0, job_id: u32::NO_VAL, step_id: u32::NO_VAL, step_het_comp: u32::NO_VAL }
    }
}

impl Wire for StepId {
    fn encode(&self, w: &mut Writer) {
        if w.version() >= V24_11 {
            self.sluid.encode(w);
        }
        self.job_id.encode(w);
        self.step_id.encode(w);
        self.step_het_comp.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let sluid = if r.version() >= V24_11 { u64::decode(r)? } else { 0 };
        Ok(Self {
            sluid,
            job_id: u32::decode(r)?,
            step_id: u32::decode(r)?,
            step_het_comp: u32::decode(r)?,
        })
    }
}

/// The `u32 job_id` that became a [`StepId`] in 25.11, in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobOrStepId(pub StepId);

impl JobOrStepId {
    /// The job.
    pub fn job_id(self) -> u32 {
        self.0.job_id
    }
}

impl From<u32> for JobOrStepId {
    fn from(job_id: u32) -> Self {
        Self(StepId::job(job_id))
    }
}

impl Wire for JobOrStepId {
    fn encode(&self, w: &mut Writer) {
        if w.version() >= V25_11 {
            self.0.encode(w);
        } else {
            self.0.job_id.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if r.version() >= V25_11 {
            StepId::decode(r).map(Self)
        } else {
            u32::decode(r).map(Self::from)
        }
    }
}

wire_struct! {
    /// Who a user is, as credentials carry it.
    ///
    /// Uid or gid 99 (nobody) is refused by stock programs.
    pub struct Identity {
        /// User id.
        pub uid: u32,
        /// Primary group id.
        pub gid: u32,
        /// Login name.
        pub name: Option<String>,
        /// GECOS field.
        pub gecos: Option<String>,
        /// Home directory.
        pub home: Option<String>,
        /// Login shell.
        pub shell: Option<String>,
        /// Supplementary groups.
        pub gids: Vec<u32>,
        /// Their names: none, or as many.
        pub group_names: Vec<Option<String>>,
    }
}

/// A limit in minutes, as job and partition times are on the wire.
pub type Minutes = Limit<u32>;
