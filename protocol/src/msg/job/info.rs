//! One job as queries show it: the struct. Its two wire orders are in `info_order.rs`.

use crate::msg::{
    JobFlags, JobReason, JobResources, JobState, MailTypes, Minutes, MultiCore, Nice, ShowFlags,
    StepId,
};
use crate::shape::{Bitmap, Fixed, Limit, Timestamp};
use crate::version::RawVersion;
use crate::wire_struct;

/// One job of `RESPONSE_JOB_INFO`.
///
/// The struct is flat and the same in all releases; 24.11 changed the order of nearly all fields on
/// the wire. A record can be encoded by itself, and `JobInfoBody` makes a reply of encoded records.
/// A field that a release lacks is left out on encoding.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobInfo {
    /// The job. Up to 25.05 only the job number is on the wire.
    pub step_id: StepId,
    /// Account.
    pub account: Option<String>,
    /// When the age began to count for the priority.
    pub accrue_time: Timestamp,
    /// Comment by an administrator.
    pub admin_comment: Option<String>,
    /// The host that asked.
    pub alloc_node: Option<String>,
    /// The session id there.
    pub alloc_sid: u32,
    /// The array that it belongs to, or 0.
    pub array_job_id: u32,
    /// Its index in the array.
    pub array_task_id: Limit<u32>,
    /// Most tasks of the array that run at once, 0 for no limit.
    pub array_max_tasks: u32,
    /// Indexes of the array that have not been split off, as a hex bitmap, perhaps with `%max`.
    pub array_task_str: Option<String>,
    /// Association id, 0 without accounting.
    pub assoc_id: u32,
    /// Features that the batch host must have.
    pub batch_features: Option<String>,
    /// 1 if it has a batch script; higher after requeues up to 23.02.
    pub batch_flag: u16,
    /// The node that runs the batch script.
    pub batch_host: Option<String>,
    /// Billable TRES; `NO_VAL` as a number while unknown.
    pub billable_tres: Fixed,
    /// Flags.
    pub bitflags: JobFlags,
    /// Burst buffer specification.
    pub burst_buffer: Option<String>,
    /// Burst buffer state.
    pub burst_buffer_state: Option<String>,
    /// The cluster it is on.
    pub cluster: Option<String>,
    /// Features that the cluster of the federation must have.
    pub cluster_features: Option<String>,
    /// The command, from the first argument.
    pub command: Option<String>,
    /// Comment.
    pub comment: Option<String>,
    /// OCI bundle path; twice on the wire up to 24.05.
    pub container: Option<String>,
    /// OCI container id.
    pub container_id: Option<String>,
    /// Container plugin, 26.05+.
    pub container_type: Option<String>,
    /// 1 if the nodes must be contiguous.
    pub contiguous: u16,
    /// Specialized cores or threads.
    pub core_spec: Limit<u16>,
    /// Lowest CPU frequency.
    pub cpu_freq_min: Limit<u32>,
    /// Highest CPU frequency.
    pub cpu_freq_max: Limit<u32>,
    /// CPU frequency governors, one bit each.
    pub cpu_freq_gov: Limit<u32>,
    /// CPUs for each task.
    pub cpus_per_task: Limit<u16>,
    /// CPUs for each TRES.
    pub cpus_per_tres: Option<String>,
    /// When it runs, if it comes from a crontab.
    pub cronspec: Option<String>,
    /// Removed if it cannot end before.
    pub deadline: Timestamp,
    /// Seconds to wait before rebooting nodes for features.
    pub delay_boot: u32,
    /// Dependencies that are not met yet.
    pub dependency: Option<String>,
    /// Highest exit code of its steps, a wait status.
    pub derived_ec: u32,
    /// True if the controller has forgotten the details; then they are not on the wire from 24.11
    /// on, and zero or NULL before.
    pub details_forgotten: bool,
    /// When it becomes eligible (its begin time).
    pub eligible_time: Timestamp,
    /// End, real or expected.
    pub end_time: Timestamp,
    /// Nodes that must not be allocated.
    pub exc_nodes: Option<String>,
    /// The same as a set of node indexes.
    pub exc_node_bitmap: Option<Bitmap>,
    /// See [`exclusive`](crate::msg::exclusive), 26.05+.
    pub exclusive: u16,
    /// Exit code, a wait status.
    pub exit_code: u32,
    /// Free text of the site.
    pub extra: Option<String>,
    /// The node whose failure ended it.
    pub failed_node: Option<String>,
    /// Features that nodes must have; once started, those in use.
    pub features: Option<String>,
    /// Where it is in a federation.
    pub federation: Option<JobFederation>,
    /// Gres of each allocated node as text (`gpu:2(IDX:0-1)`), with `SHOW_DETAIL`.
    pub gres_detail: Vec<Option<String>>,
    /// Total gres as text.
    pub gres_total: Option<String>,
    /// Group.
    pub group_id: u32,
    /// Leader of the heterogeneous job, or 0.
    pub het_job_id: u32,
    /// All its components.
    pub het_job_id_set: Option<String>,
    /// Which component it is.
    pub het_job_offset: u32,
    /// Acceptable node counts.
    pub job_size_bitmap: Option<Bitmap>,
    /// State.
    pub job_state: JobState,
    /// When the scheduler last looked at it.
    pub last_sched_eval: Timestamp,
    /// Licences asked for.
    pub licenses: Option<String>,
    /// Licences allocated, 25.05+.
    pub licenses_allocated: Option<String>,
    /// When to send mail.
    pub mail_type: MailTypes,
    /// To whom.
    pub mail_user: Option<String>,
    /// Most CPUs, 0 for no limit or once started.
    pub max_cpus: u32,
    /// Most nodes, 0 for no limit or once started.
    pub max_nodes: u32,
    /// MCS label.
    pub mcs_label: Option<String>,
    /// Memory for each TRES.
    pub mem_per_tres: Option<String>,
    /// Delay of the automatic reduction of memory, minutes, 26.05+.
    pub mem_update_delay: u16,
    /// Margin of the automatic reduction of memory, percent, 26.05+.
    pub mem_update_margin: u16,
    /// Sockets, cores and threads asked for.
    pub multi_core: Option<MultiCore>,
    /// Job name.
    pub name: Option<String>,
    /// Network requirements.
    pub network: Option<String>,
    /// Nice value.
    pub nice: Nice,
    /// Allocated nodes; while completing, those not done yet.
    pub nodes: Option<String>,
    /// The same as a set of node indexes.
    pub node_bitmap: Option<Bitmap>,
    /// Tasks on each node.
    pub ntasks_per_node: u16,
    /// Tasks on each GPU.
    pub ntasks_per_tres: Limit<u16>,
    /// Least CPUs; once started, those allocated.
    pub num_cpus: u32,
    /// Least nodes; once started, those allocated.
    pub num_nodes: u32,
    /// Tasks.
    pub num_tasks: Limit<u32>,
    /// 1 if one task out of memory ends the step, 24.11+.
    pub oom_kill_step: Limit<u16>,
    /// See [`oversubscribe`](crate::msg::oversubscribe), 26.05+.
    pub oversubscribe: u16,
    /// Partition; while pending all that it asked for.
    pub partition: Option<String>,
    /// Least CPUs on each node.
    pub pn_min_cpus: u16,
    /// Memory on each node, or for each CPU with [`MEM_PER_CPU`](crate::msg::MEM_PER_CPU); MiB.
    pub pn_min_memory: u64,
    /// Temporary disk on each node, MiB.
    pub pn_min_tmp_disk: u32,
    /// Power flags in 23.11, 0 in 24.05, gone later.
    pub power_flags: u8,
    /// Seconds that it ran before it was last suspended.
    pub pre_sus_time: i64,
    /// When it was signalled for preemption.
    pub preempt_time: Timestamp,
    /// From when on it may be preempted.
    pub preemptable_time: Timestamp,
    /// Features wanted if possible.
    pub prefer: Option<String>,
    /// Priority: 0 is held, 1 is below all that can run.
    pub priority: u32,
    /// Priority in each partition that it asked for, 24.05+.
    pub priority_array: Vec<u32>,
    /// Those partitions, 24.05+.
    pub priority_array_names: Option<String>,
    /// Profiles to gather, one bit each.
    pub profile: u32,
    /// QOS; from late 24.11 on all that a pending job asked for.
    pub qos: Option<String>,
    /// 1 if the nodes are rebooted first.
    pub reboot: u8,
    /// Nodes that must be allocated.
    pub req_nodes: Option<String>,
    /// The same as a set of node indexes.
    pub req_node_bitmap: Option<Bitmap>,
    /// Most leaf switches.
    pub req_switch: u32,
    /// 1 if it may be requeued.
    pub requeue: u16,
    /// When its size last changed.
    pub resize_time: Timestamp,
    /// What it holds on each node, with `SHOW_DETAIL`.
    pub resources: Option<JobResources>,
    /// How often it was restarted.
    pub restart_cnt: u16,
    /// Reservation.
    pub resv_name: Option<String>,
    /// Reserved MPI ports, 24.05+.
    pub resv_ports: Option<String>,
    /// Nodes that it is expected to get.
    pub sched_nodes: Option<String>,
    /// Nodes in a segment of the block topology, 25.05+.
    pub segment_size: u16,
    /// SELinux context.
    pub selinux_context: Option<String>,
    /// See [`shared`](crate::msg::shared).
    pub shared: u16,
    /// The flags of the request, up to 24.05.
    pub show_flags: ShowFlags,
    /// Factor of the site's own in the priority.
    pub site_factor: Nice,
    /// Release of the oldest slurmd of the job.
    pub start_protocol_ver: RawVersion,
    /// Start, real or expected.
    pub start_time: Timestamp,
    /// Why it is in this state, in words.
    pub state_desc: Option<String>,
    /// Why it is in this state.
    pub state_reason: JobReason,
    /// Standard error path pattern.
    pub std_err: Option<String>,
    /// Standard input path pattern.
    pub std_in: Option<String>,
    /// Standard output path pattern.
    pub std_out: Option<String>,
    /// The command line that asked, 25.11+.
    pub submit_line: Option<String>,
    /// When it was submitted.
    pub submit_time: Timestamp,
    /// When it was last suspended or resumed.
    pub suspend_time: Timestamp,
    /// Comment by the controller.
    pub system_comment: Option<String>,
    /// Time limit; the partition's if it asked for none.
    pub time_limit: Minutes,
    /// Least time limit, 0 if none.
    pub time_min: u32,
    /// TRES allocated, as text with names.
    pub tres_alloc_str: Option<String>,
    /// Binding of tasks to TRES.
    pub tres_bind: Option<String>,
    /// Frequencies of TRES.
    pub tres_freq: Option<String>,
    /// TRES of the job.
    pub tres_per_job: Option<String>,
    /// TRES of each node.
    pub tres_per_node: Option<String>,
    /// TRES of each socket.
    pub tres_per_socket: Option<String>,
    /// TRES of each task.
    pub tres_per_task: Option<String>,
    /// TRES asked for, as text with names.
    pub tres_req_str: Option<String>,
    /// User.
    pub user_id: u32,
    /// The user's name, NULL if the client is to look it up.
    pub user_name: Option<String>,
    /// Seconds to wait for few switches.
    pub wait4switch: u32,
    /// Workload key.
    pub wckey: Option<String>,
    /// Working directory.
    pub work_dir: Option<String>,
}

wire_struct! {
    /// A job's place in a federation.
    pub struct JobFederation {
        /// The cluster it was submitted to.
        pub origin: Option<String>,
        /// Clusters where it is active, one bit each.
        pub siblings_active: u64,
        /// Their names.
        pub siblings_active_names: Option<String>,
        /// Clusters where it could run, one bit each.
        pub siblings_viable: u64,
        /// Their names.
        pub siblings_viable_names: Option<String>,
    }
}
