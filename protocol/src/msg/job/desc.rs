//! The description of a job, as a client asks for it.

use crate::msg::job::order::{job_number, wire_in_order, wire_order};
use crate::msg::{CronEntry, JobFlags, KillFlags, MailTypes, Minutes, Nice, StepId};
use crate::shape::{Limit, Timestamp};
use crate::version::Version::*;

/// What a job asks for: the body of `REQUEST_SUBMIT_BATCH_JOB` (answered by
/// `RESPONSE_SUBMIT_BATCH_JOB`), `REQUEST_RESOURCE_ALLOCATION` (`RESPONSE_RESOURCE_ALLOCATION`),
/// `REQUEST_JOB_WILL_RUN` (`RESPONSE_JOB_WILL_RUN`) and `REQUEST_UPDATE_JOB` (a return code, or
/// `RESPONSE_JOB_ARRAY_ERRORS`).
///
/// Several of them (`ShortArray`) are the components of `REQUEST_HET_JOB_ALLOCATION` (answered by
/// `RESPONSE_HET_JOB_ALLOCATION`) and `REQUEST_SUBMIT_BATCH_HET_JOB` (`RESPONSE_SUBMIT_BATCH_JOB`).
///
/// From clients to the controller. A field that was not given is `Unset`, NULL or 0; in an update
/// that means "leave it". A field that a release lacks decodes as not given. TRES requests are
/// lists `gres/gpu:2,license/x:1`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobDesc {
    /// The job to update, or unset. Up to 25.05 only the job number is on the wire.
    pub step_id: StepId,
    /// Factor of the site's own in the priority.
    pub site_factor: Nice,
    /// Features that the batch host must have.
    pub batch_features: Option<String>,
    /// Features that the cluster of the federation must have.
    pub cluster_features: Option<String>,
    /// Clusters to choose from (`-M`).
    pub clusters: Option<String>,
    /// 1 if the nodes must be contiguous.
    pub contiguous: Limit<u16>,
    /// OCI bundle path.
    pub container: Option<String>,
    /// OCI container id.
    pub container_id: Option<String>,
    /// Container plugin, 26.05+.
    pub container_type: Option<String>,
    /// Specialized cores (or threads, see [`CORE_SPEC_THREAD`](crate::msg::CORE_SPEC_THREAD)) on
    /// each node.
    pub core_spec: Limit<u16>,
    /// Task distribution (`-m`), as `enum task_dist_states`.
    pub task_dist: Limit<u32>,
    /// 1 if the failure of a node ends the job (the default), 0 if not (`--no-kill`).
    pub kill_on_node_fail: Limit<u16>,
    /// Features that nodes must have (`-C`).
    pub features: Option<String>,
    /// Sibling clusters where the job is active, one bit each.
    pub fed_siblings_active: u64,
    /// Sibling clusters where the job could run, one bit each.
    pub fed_siblings_viable: u64,
    /// The job or array expression to update: `12`, `12_[1-3]`, `12+1`.
    pub job_id_str: Option<String>,
    /// Job name.
    pub name: Option<String>,
    /// The host that asks.
    pub alloc_node: Option<String>,
    /// The session id there; in an update, who holds: see [`alloc_sid`](crate::msg::alloc_sid).
    pub alloc_sid: Limit<u32>,
    /// Array expression: `1-10:2%4`.
    pub array_inx: Option<String>,
    /// Burst buffer specification.
    pub burst_buffer: Option<String>,
    /// Least CPUs on each node.
    pub pn_min_cpus: Limit<u16>,
    /// Memory on each node, or for each CPU with [`MEM_PER_CPU`](crate::msg::MEM_PER_CPU); MiB.
    pub pn_min_memory: Limit<u64>,
    /// Delay of the automatic reduction of memory, minutes, 26.05+.
    pub mem_update_delay: u16,
    /// Margin of the automatic reduction of memory, percent, 26.05+.
    pub mem_update_margin: u16,
    /// 1 if one task out of memory ends the step, 24.11+.
    pub oom_kill_step: Limit<u16>,
    /// Temporary disk on each node, MiB.
    pub pn_min_tmp_disk: Limit<u32>,
    /// Power flags in 23.11, 0 in 24.05, gone later.
    pub power_flags: u8,
    /// Features wanted if possible (`--prefer`).
    pub prefer: Option<String>,
    /// Lowest CPU frequency, kHz or one of the named ones.
    pub cpu_freq_min: Limit<u32>,
    /// Highest CPU frequency, kHz or one of the named ones.
    pub cpu_freq_max: Limit<u32>,
    /// CPU frequency governors, one bit each.
    pub cpu_freq_gov: Limit<u32>,
    /// Partitions, comma separated.
    pub partition: Option<String>,
    /// Priority: 0 holds, infinite releases.
    pub priority: Limit<u32>,
    /// Dependency expression.
    pub dependency: Option<String>,
    /// Account.
    pub account: Option<String>,
    /// Comment by an administrator (update only).
    pub admin_comment: Option<String>,
    /// Comment.
    pub comment: Option<String>,
    /// Nice value.
    pub nice: Nice,
    /// Profiles to gather, one bit each.
    pub profile: u32,
    /// QOS, comma separated from 24.11 on.
    pub qos: Option<String>,
    /// MCS label.
    pub mcs_label: Option<String>,
    /// The cluster that the job was submitted to first.
    pub origin_cluster: Option<String>,
    /// See [`open_mode`](crate::msg::open_mode).
    pub open_mode: u8,
    /// 1 if tasks may share CPUs.
    pub overcommit: Limit<u8>,
    /// Accounting frequencies: `task=30,energy=10`.
    pub acctg_freq: Option<String>,
    /// Tasks.
    pub num_tasks: Limit<u32>,
    /// SELinux context asked for.
    pub req_context: Option<String>,
    /// Nodes that must be among the allocated (`-w`).
    pub req_nodes: Option<String>,
    /// Nodes that must not be (`-x`).
    pub exc_nodes: Option<String>,
    /// Environment of the batch script, `NAME=value`.
    pub environment: Vec<String>,
    /// Environment of prolog and epilog set by SPANK plugins, `NAME=value`.
    pub spank_job_env: Vec<String>,
    /// The batch script.
    pub script: Option<String>,
    /// Arguments of the script, its name first.
    pub argv: Vec<String>,
    /// Standard error path pattern.
    pub std_err: Option<String>,
    /// Standard input path pattern.
    pub std_in: Option<String>,
    /// Standard output path pattern.
    pub std_out: Option<String>,
    /// The command line that asked.
    pub submit_line: Option<String>,
    /// Working directory.
    pub work_dir: Option<String>,
    /// 1 to start now or fail.
    pub immediate: u16,
    /// 1 to reboot the nodes first.
    pub reboot: Limit<u16>,
    /// 1 if the job may be requeued, 0 if not.
    pub requeue: Limit<u16>,
    /// See [`shared`](crate::msg::shared).
    pub shared: Limit<u16>,
    /// CPUs for each task.
    pub cpus_per_task: Limit<u16>,
    /// Tasks on each node.
    pub ntasks_per_node: Limit<u16>,
    /// Tasks on each board.
    pub ntasks_per_board: u16,
    /// Tasks on each socket.
    pub ntasks_per_socket: Limit<u16>,
    /// Tasks on each core.
    pub ntasks_per_core: Limit<u16>,
    /// Tasks on each GPU.
    pub ntasks_per_tres: Limit<u16>,
    /// Tasks in a block of the plane distribution.
    pub plane_size: Limit<u16>,
    /// CPU binding, `enum cpu_bind_type`.
    pub cpu_bind_type: Limit<u16>,
    /// Memory binding, `enum mem_bind_type`.
    pub mem_bind_type: Limit<u16>,
    /// CPU binding map or masks.
    pub cpu_bind: Option<String>,
    /// Memory binding map or masks.
    pub mem_bind: Option<String>,
    /// Time limit.
    pub time_limit: Minutes,
    /// Least time limit.
    pub time_min: Minutes,
    /// Least CPUs.
    pub min_cpus: Limit<u32>,
    /// Most CPUs.
    pub max_cpus: Limit<u32>,
    /// Least nodes.
    pub min_nodes: Limit<u32>,
    /// Most nodes.
    pub max_nodes: Limit<u32>,
    /// Acceptable node counts: `2,4,8-16:4`.
    pub job_size_str: Option<String>,
    /// Boards on each node.
    pub boards_per_node: u16,
    /// Sockets on each board.
    pub sockets_per_board: u16,
    /// Sockets on each node.
    pub sockets_per_node: Limit<u16>,
    /// Cores in each socket.
    pub cores_per_socket: Limit<u16>,
    /// Threads in each core.
    pub threads_per_core: Limit<u16>,
    /// The user the job is for; 99 (nobody) is not given.
    pub user_id: u32,
    /// The group the job is for; 99 (nobody) is not given.
    pub group_id: u32,
    /// Port of the client that waits for the allocation.
    pub alloc_resp_port: u16,
    /// TLS certificate of that client, PEM, 25.05+.
    pub alloc_tls_cert: Option<String>,
    /// Host of that client.
    pub resp_host: Option<String>,
    /// Port for notices (`SRUN_*`).
    pub other_port: u16,
    /// MPI ports to reserve on each node, 24.05+.
    pub resv_port_cnt: Limit<u16>,
    /// Network requirements.
    pub network: Option<String>,
    /// Not to begin before.
    pub begin_time: Timestamp,
    /// To end by (update only).
    pub end_time: Timestamp,
    /// Removed if it cannot end before.
    pub deadline: Timestamp,
    /// Licences.
    pub licenses: Option<String>,
    /// When to send mail.
    pub mail_type: Limit<MailTypes>,
    /// To whom.
    pub mail_user: Option<String>,
    /// Reservation.
    pub reservation: Option<String>,
    /// How often it was restarted.
    pub restart_cnt: u16,
    /// How to warn.
    pub warn_flags: KillFlags,
    /// Signal to warn with.
    pub warn_signal: u16,
    /// Seconds before the end to warn.
    pub warn_time: u16,
    /// Workload key.
    pub wckey: Option<String>,
    /// Most leaf switches.
    pub req_switch: Limit<u32>,
    /// Seconds to wait for that few.
    pub wait4switch: Limit<u32>,
    /// 1 to begin when all nodes are up, 0 when the first is.
    pub wait_all_nodes: Limit<u16>,
    /// Flags.
    pub bitflags: JobFlags,
    /// Seconds to wait before rebooting nodes for features.
    pub delay_boot: Limit<u32>,
    /// Free text of the site.
    pub extra: Option<String>,
    /// X11 forwarding flags.
    pub x11: u16,
    /// X11 cookie.
    pub x11_magic_cookie: Option<String>,
    /// X11 host, or Unix socket if the port is 0.
    pub x11_target: Option<String>,
    /// X11 port.
    pub x11_target_port: u16,
    /// CPUs for each TRES.
    pub cpus_per_tres: Option<String>,
    /// Memory for each TRES.
    pub mem_per_tres: Option<String>,
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
    /// When to run again, if it comes from a crontab.
    pub crontab_entry: Option<CronEntry>,
    /// Nodes in a segment of the block topology, 24.05+; 0 is not given.
    pub segment_size: u16,
}

wire_in_order!(JobDesc, Order);

wire_order! {
    Order of JobDesc {
        step_id [V25_11..], site_factor, batch_features, cluster_features, clusters, contiguous,
        container, container_id, container_type [V26_05..], core_spec, task_dist,
        kill_on_node_fail, features, fed_siblings_active, fed_siblings_viable,
        (step_id as job_number) [..V25_11], job_id_str, name, alloc_node, alloc_sid, array_inx,
        burst_buffer, pn_min_cpus, pn_min_memory, mem_update_delay [V26_05..],
        mem_update_margin [V26_05..], oom_kill_step [V24_11..], pn_min_tmp_disk,
        power_flags [..V24_11], prefer, cpu_freq_min, cpu_freq_max, cpu_freq_gov, partition,
        priority, dependency, account, admin_comment, comment, nice, profile, qos, mcs_label,
        origin_cluster, open_mode, overcommit, acctg_freq, num_tasks, req_context, req_nodes,
        exc_nodes, environment, spank_job_env, script, argv, std_err, std_in, std_out,
        submit_line, work_dir, immediate, reboot, requeue, shared, cpus_per_task,
        ntasks_per_node, ntasks_per_board, ntasks_per_socket, ntasks_per_core, ntasks_per_tres,
        plane_size, cpu_bind_type, mem_bind_type, cpu_bind, mem_bind, time_limit, time_min,
        min_cpus, max_cpus, min_nodes, max_nodes, job_size_str, boards_per_node,
        sockets_per_board, sockets_per_node, cores_per_socket, threads_per_core, user_id,
        group_id, alloc_resp_port, alloc_tls_cert [V25_05..], resp_host, other_port,
        resv_port_cnt [V24_05..], network, begin_time, end_time, deadline, licenses, mail_type,
        mail_user, reservation, restart_cnt, warn_flags, warn_signal, warn_time, wckey,
        req_switch, wait4switch, wait_all_nodes, bitflags, delay_boot, extra, x11,
        x11_magic_cookie, x11_target, x11_target_port, cpus_per_tres, mem_per_tres, tres_bind,
        tres_freq, tres_per_job, tres_per_node, tres_per_socket, tres_per_task, crontab_entry,
        segment_size [V24_05..],
    }
}
