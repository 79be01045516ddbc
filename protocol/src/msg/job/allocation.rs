//! Answers to requests for resources, and questions about an allocation.

use crate::Errno;
use crate::msg::job::order::{job_number, wire_in_order, wire_order};
use crate::msg::{JobAndStep, JobOrStepId, StepId, WorkingCluster};
use crate::shape::{Fixed, Limit, NullOr, Runs, Timestamp};
use crate::version::RawVersion;
use crate::version::Version::*;
use crate::wire_struct;

wire_struct! {
    /// `RESPONSE_SUBMIT_BATCH_JOB`: the job is accepted. From the controller.
    pub struct SubmitResponse {
        /// The job, and [`StepId::BATCH`] as its step.
        pub step: JobAndStep,
        /// 0, or a warning.
        pub code: Errno,
        /// What the job_submit plugin has to say.
        pub job_submit_user_msg: Option<String>,
    }
}

/// `RESPONSE_RESOURCE_ALLOCATION` and `RESPONSE_JOB_ALLOCATION_INFO`: an allocation, and one
/// component of `RESPONSE_HET_JOB_ALLOCATION`. From the controller to salloc, srun and others.
///
/// An allocation that is not granted yet has no nodes; the client then waits for the same message
/// at its `alloc_resp_port`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Allocation {
    /// Account.
    pub account: Option<String>,
    /// NULL, where the node aliases stood; up to 24.11.
    pub reserved_alias_list: Option<String>,
    /// The node of the batch script.
    pub batch_host: Option<String>,
    /// Environment to set, `NAME=value`.
    pub environment: Vec<String>,
    /// 0, or a warning.
    pub code: Errno,
    /// Group.
    pub gid: u32,
    /// Its name.
    pub group_name: Option<String>,
    /// What the job_submit plugin has to say.
    pub job_submit_user_msg: Option<String>,
    /// The job. Up to 25.05 only the job number is on the wire.
    pub step_id: StepId,
    /// How many nodes.
    pub node_cnt: u32,
    /// 0, where the select plugin's data stood; up to 24.11.
    pub reserved_select: u8,
    /// The nodes.
    pub node_list: Option<String>,
    /// Tasks on each board.
    pub ntasks_per_board: Limit<u16>,
    /// Tasks on each core.
    pub ntasks_per_core: Limit<u16>,
    /// Tasks on each GPU.
    pub ntasks_per_tres: Limit<u16>,
    /// Tasks on each socket.
    pub ntasks_per_socket: Limit<u16>,
    /// CPUs of each node.
    pub cpus: Runs<u16>,
    /// Partition.
    pub partition: Option<String>,
    /// Memory on each node, or for each CPU with [`MEM_PER_CPU`](crate::msg::MEM_PER_CPU); MiB.
    pub pn_min_memory: u64,
    /// QOS.
    pub qos: Option<String>,
    /// Reservation.
    pub resv_name: Option<String>,
    /// Nodes in a segment of the block topology, 25.11+.
    pub segment_size: u16,
    /// Release of the oldest slurmd of the job, 25.11+.
    pub start_protocol_ver: RawVersion,
    /// TRES of each node.
    pub tres_per_node: Option<String>,
    /// TRES of each task, 25.05+.
    pub tres_per_task: Option<String>,
    /// User.
    pub uid: u32,
    /// Its name.
    pub user_name: Option<String>,
    /// The cluster to talk to from now on, in a federation.
    pub working_cluster: WorkingCluster,
}

wire_in_order!(Allocation, Order);

wire_order! {
    Order of Allocation {
        account, reserved_alias_list [..V25_05], batch_host, environment, code, gid, group_name,
        job_submit_user_msg, (step_id as job_number) [..V25_11], node_cnt,
        reserved_select [..V25_05], node_list, ntasks_per_board, ntasks_per_core,
        ntasks_per_tres, ntasks_per_socket, cpus, partition, pn_min_memory, qos, resv_name,
        segment_size [V25_11..], start_protocol_ver [V25_11..], step_id [V25_11..],
        tres_per_node, tres_per_task [V25_05..], uid, user_name, working_cluster,
    }
}

wire_struct! {
    /// A question about an allocation: `REQUEST_JOB_ALLOCATION_INFO` (answered by
    /// `RESPONSE_JOB_ALLOCATION_INFO`), `REQUEST_HET_JOB_ALLOC_INFO`
    /// (`RESPONSE_HET_JOB_ALLOCATION`, also for an ordinary job), `REQUEST_JOB_END_TIME`
    /// (`SRUN_TIMEOUT`). From srun and others.
    pub struct AllocationQuery {
        /// The job. The rest of the step id that 25.11 clients send means nothing.
        pub job: JobOrStepId,
        /// The cluster, if not this one.
        pub cluster: Option<String>,
    }
}

wire_struct! {
    /// `RESPONSE_JOB_WILL_RUN`: when and where a job would start. From the controller.
    pub struct WillRunResponse {
        /// The job.
        pub job: JobOrStepId,
        /// What the job_submit plugin has to say.
        pub job_submit_user_msg: Option<String>,
        /// The nodes.
        pub node_list: Option<String>,
        /// The partition.
        pub partition: Option<String>,
        /// The jobs that would be preempted.
        pub preemptees: NullOr<u32>,
        /// CPUs.
        pub cpu_count: u32,
        /// The start.
        pub start_time: Timestamp,
        /// How busy the system is, which is always 0 from 25.05 on and read by nobody.
        pub reserved_system_usage: Fixed,
    }
}

#[cfg(test)]
mod tests {
    use super::Allocation;
    use crate::msg::{ClusterRecord, StepId, WorkingCluster};
    use crate::version::Version;
    use crate::wire::{from_bytes, to_bytes};

    #[test]
    fn a_working_cluster_comes_back_in_every_release() {
        let cluster = ClusterRecord {
            name: Some("east".into()),
            control_host: Some("10.0.0.1".into()),
            control_port: 6817,
            ..ClusterRecord::default()
        };
        let allocation = Allocation {
            step_id: StepId::job(9),
            working_cluster: WorkingCluster(Some(Box::new(cluster))),
            ..Allocation::default()
        };
        for version in Version::ALL {
            let bytes = to_bytes(&allocation, version);
            assert_eq!(from_bytes(&bytes, version), Ok(allocation.clone()), "{version}");
        }
    }
}
