//! The two wire orders of [`JobInfo`]: up to 24.05 as it grew, from 24.11 by the alphabet.

use crate::msg::job::order::{Part, job_number, wire_order};
use crate::msg::{JobFederation, JobInfo};
use crate::version::Version::*;
use crate::wire::{DecodeError, Reader, Wire, Writer};

impl Wire for JobInfo {
    fn encode(&self, w: &mut Writer) {
        if w.version() >= V24_11 {
            ByAlphabet::encode(self, w);
        } else {
            AsItGrew::encode(self, w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut job = Self::default();
        if r.version() >= V24_11 {
            ByAlphabet::decode(&mut job, r)?;
        } else {
            AsItGrew::decode(&mut job, r)?;
        }
        Ok(job)
    }
}

wire_order! {
    AsItGrew of JobInfo {
        array_job_id, array_task_id, array_task_str, array_max_tasks, assoc_id, container,
        container_id, delay_boot, failed_node, (step_id as job_number), user_id, group_id,
        het_job_id, het_job_id_set, het_job_offset, profile, job_state, batch_flag, state_reason,
        power_flags, reboot, restart_cnt, show_flags, deadline, alloc_sid, time_limit, time_min,
        nice, submit_time, eligible_time, accrue_time, start_time, end_time, suspend_time,
        pre_sus_time, resize_time, last_sched_eval, preempt_time, priority,
        priority_array [V24_05..], priority_array_names [V24_05..], billable_tres, cluster,
        nodes, sched_nodes, partition, account, admin_comment, site_factor, network, comment,
        extra, container, batch_features, batch_host, burst_buffer, burst_buffer_state,
        system_comment, qos, preemptable_time, licenses, state_desc, resv_name,
        resv_ports [V24_05..], mcs_label, exit_code, derived_ec, gres_total, resources,
        gres_detail, name, user_name, wckey, req_switch, wait4switch, alloc_node, node_bitmap,
        features, prefer, cluster_features, work_dir, dependency, command, num_cpus, max_cpus,
        num_nodes, max_nodes, job_size_bitmap, requeue, ntasks_per_node, ntasks_per_tres,
        num_tasks, shared, cpu_freq_min, cpu_freq_max, cpu_freq_gov, cronspec, (AskedFor),
        bitflags, tres_alloc_str, tres_req_str, start_protocol_ver,
        (federation as always_federation), cpus_per_tres, mem_per_tres, tres_bind, tres_freq,
        tres_per_job, tres_per_node, tres_per_socket, tres_per_task, mail_type, mail_user,
        selinux_context,
    }
}

wire_order! {
    ByAlphabet of JobInfo {
        (Common), array_task_str, array_max_tasks, time_limit, start_time, end_time,
        priority_array, priority_array_names, cluster, nodes, sched_nodes, partition, qos,
        preemptable_time, resources, gres_detail, node_bitmap, (Details), (AskedFor),
    }
}

wire_order! {
    Common of JobInfo {
        step_id [V25_11..], account, admin_comment, alloc_node, alloc_sid, array_job_id,
        array_task_id, assoc_id, batch_features, batch_flag, batch_host, bitflags, burst_buffer,
        burst_buffer_state, billable_tres, comment, container, container_id,
        container_type [V26_05..], cpus_per_tres, deadline, delay_boot, derived_ec, exit_code,
        extra, failed_node, (federation as some_federation), gres_total, group_id, het_job_id,
        het_job_id_set, het_job_offset, (step_id as job_number) [..V25_11], job_state,
        last_sched_eval, licenses, licenses_allocated [V25_05..], mail_type, mail_user,
        mcs_label, mem_per_tres, name, network, preempt_time, pre_sus_time, priority, profile,
        reboot, req_switch, resize_time, restart_cnt, resv_name, resv_ports, selinux_context,
        site_factor, start_protocol_ver, state_desc, state_reason, suspend_time, system_comment,
        time_min, tres_bind, tres_alloc_str, tres_req_str, tres_freq, tres_per_job,
        tres_per_node, tres_per_socket, tres_per_task, user_id, user_name, wait4switch, wckey,
    }
}

/// A byte says whether the details are known.
struct Details;

impl Part<JobInfo> for Details {
    fn encode(of: &JobInfo, w: &mut Writer) {
        (!of.details_forgotten).encode(w);
        if of.details_forgotten {
            Forgotten::encode(of, w);
        } else {
            Known::encode(of, w);
        }
    }

    fn decode(into: &mut JobInfo, r: &mut Reader<'_>) -> Result<(), DecodeError> {
        into.details_forgotten = !bool::decode(r)?;
        if into.details_forgotten { Forgotten::decode(into, r) } else { Known::decode(into, r) }
    }
}

wire_order! {
    Forgotten of JobInfo { num_cpus, num_nodes, nice }
}

wire_order! {
    Known of JobInfo {
        accrue_time, eligible_time, cluster_features, cpu_freq_gov, cpu_freq_max, cpu_freq_min,
        dependency, job_size_bitmap, nice, ntasks_per_node, ntasks_per_tres, requeue,
        segment_size [V25_05..], submit_time, work_dir, features, prefer, command,
        submit_line [V25_11..], num_cpus, max_cpus, num_nodes, max_nodes, num_tasks,
        exclusive [V26_05..], shared, oversubscribe [V26_05..], cronspec,
        mem_update_delay [V26_05..], mem_update_margin [V26_05..],
    }
}

wire_order! {
    /// What was asked for on each node.
    AskedFor of JobInfo {
        contiguous, core_spec, cpus_per_task, pn_min_cpus, pn_min_memory, pn_min_tmp_disk,
        oom_kill_step [V24_11..], req_nodes, req_node_bitmap, exc_nodes, exc_node_bitmap,
        std_err, std_in, std_out, multi_core,
    }
}

/// The five fields are always there; empty, they mean no federation.
mod always_federation {
    use super::{DecodeError, JobFederation, Reader, Wire, Writer};

    pub fn encode(federation: &Option<JobFederation>, w: &mut Writer) {
        match federation {
            Some(federation) => federation.encode(w),
            None => JobFederation::default().encode(w),
        }
    }

    pub fn decode(r: &mut Reader<'_>) -> Result<Option<JobFederation>, DecodeError> {
        let federation = JobFederation::decode(r)?;
        Ok((federation != JobFederation::default()).then_some(federation))
    }
}

/// A byte says whether the five fields follow.
mod some_federation {
    use super::{DecodeError, JobFederation, Reader, Wire, Writer};

    pub fn encode(federation: &Option<JobFederation>, w: &mut Writer) {
        federation.is_some().encode(w);
        if let Some(federation) = federation {
            federation.encode(w);
        }
    }

    pub fn decode(r: &mut Reader<'_>) -> Result<Option<JobFederation>, DecodeError> {
        bool::decode(r)?.then(|| JobFederation::decode(r)).transpose()
    }
}
