//! The factors of priorities, for sprio.

use crate::msg::job::order::job_number;
use crate::msg::{Nice, StepId};
use crate::shape::{Fixed, NullOr};
use crate::version::Version::*;
use crate::wire::{DecodeError, Reader, Wire, Writer};
use crate::wire_struct;

wire_struct! {
    /// `RESPONSE_PRIORITY_FACTORS`: the factors of pending jobs, a record a job and partition. From
    /// the controller, to `REQUEST_PRIORITY_FACTORS` (an empty body, from sprio).
    pub struct PriorityFactorsResponse {
        /// The records.
        pub jobs: NullOr<JobPriority>,
    }
}

/// How the priority of a job in a partition comes about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobPriority {
    /// Account.
    pub account: Option<String>,
    /// The job. Up to 25.11 only the job number is on the wire.
    pub step_id: StepId,
    /// Partition.
    pub partition: Option<String>,
    /// The priority, 0 to 1, if an administrator set it; then there are no factors.
    pub direct_prio: Fixed,
    /// The factors, if nobody set the priority.
    pub factors: PriorityFactors,
    /// QOS.
    pub qos: Option<String>,
    /// User.
    pub user_id: u32,
}

impl JobPriority {
    fn is_computed(&self) -> bool {
        self.direct_prio.get() == 0.0
    }
}

impl Wire for JobPriority {
    fn encode(&self, w: &mut Writer) {
        self.account.encode(w);
        if w.version() >= V26_05 {
            self.step_id.encode(w);
        } else {
            job_number::encode(&self.step_id, w);
        }
        self.partition.encode(w);
        self.direct_prio.encode(w);
        if self.is_computed() {
            self.factors.encode(w);
        }
        self.qos.encode(w);
        self.user_id.encode(w);
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut job = Self {
            account: Option::decode(r)?,
            step_id: match r.version() {
                V26_05 => StepId::decode(r)?,
                _ => job_number::decode(r)?,
            },
            partition: Option::decode(r)?,
            direct_prio: Fixed::decode(r)?,
            ..Self::default()
        };
        if job.is_computed() {
            job.factors = PriorityFactors::decode(r)?;
        }
        job.qos = Option::decode(r)?;
        job.user_id = u32::decode(r)?;
        Ok(job)
    }
}

wire_struct! {
    /// The factors, each already multiplied by its weight.
    pub struct PriorityFactors {
        /// How long it waits.
        pub age: Fixed,
        /// Its association.
        pub assoc: Fixed,
        /// Fair share.
        pub fair_share: Fixed,
        /// Job size.
        pub job_size: Fixed,
        /// Partition.
        pub partition: Fixed,
        /// QOS.
        pub qos: Fixed,
        /// The site's own.
        pub site: Nice,
        /// TRES, in the order of `tres_names`.
        pub tres: Vec<Fixed>,
        /// Names of TRES.
        pub tres_names: Vec<Option<String>>,
        /// Weights of TRES.
        pub tres_weights: Vec<Fixed>,
        /// Nice value.
        pub nice: Nice,
    }
}

#[cfg(test)]
mod tests {
    use super::{JobPriority, PriorityFactors, PriorityFactorsResponse};
    use crate::msg::StepId;
    use crate::shape::{Fixed, NullOr};
    use crate::version::Version;
    use crate::wire::{from_bytes, to_bytes};

    #[test]
    fn a_set_priority_has_no_factors() {
        let job = JobPriority { step_id: StepId::job(4), ..JobPriority::default() };
        let factors = PriorityFactors { age: Fixed::new(10.5), ..PriorityFactors::default() };
        let reply = PriorityFactorsResponse {
            jobs: NullOr::list(vec![
                JobPriority { direct_prio: Fixed::new(0.5), ..job.clone() },
                JobPriority { factors, ..job },
            ]),
        };
        for version in Version::ALL {
            let bytes = to_bytes(&reply, version);
            assert_eq!(from_bytes(&bytes, version), Ok(reply.clone()), "{version}");
        }
    }
}
