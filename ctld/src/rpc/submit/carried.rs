//! The options of a description that no decision depends on.

use std::sync::Arc;

use model::{Carried, NumberOption, TextOption};
use protocol::msg::{JobDesc, JobFlags};
use protocol::shape::{Limit, Sentinel};

use super::amount;
use crate::view::View;

/// `SLURM_DIST_CYCLIC`: what a description without a distribution means.
const DIST_CYCLIC: u64 = 1;
/// The longest wait for switches without SchedulerParameters=max_switch_wait, seconds.
const SWITCH_WAIT_S: u64 = 300;

/// All of them, as far as they were given.
pub(super) fn carried(view: &View, desc: &JobDesc) -> Carried {
    let mut carried = Carried::default();
    texts(desc, &mut carried);
    numbers(desc, &mut carried);
    if desc.req_switch != Limit::Unset {
        let wait_s = desc.wait4switch.value().unwrap_or(u32::MAX);
        carried.set_number(NumberOption::Wait4Switch, Some(switch_wait_s(view, wait_s)));
    }
    carried
}

/// How long a job waits for its number of switches at most, seconds: SchedulerParameters=max_switch_wait.
pub(in crate::rpc) fn switch_wait_s(view: &View, wanted_s: u32) -> u64 {
    let most = view.conf.settings.scheduler.number("max_switch_wait");
    u64::from(wanted_s).min(most.unwrap_or(SWITCH_WAIT_S))
}

fn text(of: &Option<String>) -> Option<Arc<str>> {
    of.as_deref().filter(|text| !text.is_empty()).map(Into::into)
}

fn lower(of: &Option<String>) -> Option<Arc<str>> {
    // Names of accounts and the like are kept in lower case by slurmdbd.
    text(of).map(|text| text.to_lowercase().into())
}

fn texts(desc: &JobDesc, carried: &mut Carried) {
    use TextOption as T;
    let all = [
        (T::Account, lower(&desc.account)),
        (T::AcctgFreq, text(&desc.acctg_freq)),
        (T::AdminComment, text(&desc.admin_comment)),
        (T::AllocNode, text(&desc.alloc_node)),
        (T::BatchFeatures, text(&desc.batch_features)),
        (T::BurstBuffer, text(&desc.burst_buffer)),
        (T::ClusterFeatures, text(&desc.cluster_features)),
        (T::Clusters, text(&desc.clusters)),
        (T::Comment, text(&desc.comment)),
        (T::Command, desc.argv.first().map(|command| command.as_str().into())),
        (T::Container, text(&desc.container)),
        (T::ContainerId, text(&desc.container_id)),
        (T::ContainerType, text(&desc.container_type)),
        (T::CpuBind, text(&desc.cpu_bind)),
        (T::CpusPerTres, text(&desc.cpus_per_tres)),
        (T::Extra, text(&desc.extra)),
        (T::JobSizeText, text(&desc.job_size_str)),
        (T::LicensesText, text(&amount::all_licenses(desc))),
        (T::McsLabel, text(&desc.mcs_label)),
        (T::MemBind, text(&desc.mem_bind)),
        (T::MemPerTres, text(&desc.mem_per_tres)),
        (T::Network, text(&desc.network)),
        (T::OriginCluster, text(&desc.origin_cluster)),
        (T::Prefer, text(&desc.prefer)),
        (T::Qos, text(&desc.qos)),
        (T::ReqContext, text(&desc.req_context)),
        (T::Reservation, text(&desc.reservation)),
        (T::RespHost, text(&desc.resp_host)),
        (T::StdErr, text(&desc.std_err)),
        (T::StdIn, text(&desc.std_in)),
        (T::StdOut, text(&desc.std_out)),
        (T::SubmitLine, text(&desc.submit_line)),
        (T::TresBind, text(&desc.tres_bind)),
        (T::TresFreq, text(&desc.tres_freq)),
        (T::TresPerJob, text(&desc.tres_per_job)),
        (T::TresPerNode, text(&desc.tres_per_node)),
        (T::TresPerSocket, text(&desc.tres_per_socket)),
        (T::TresPerTask, text(&desc.tres_per_task)),
        (T::Wckey, lower(&desc.wckey)),
        (T::WorkDir, text(&desc.work_dir)),
        (T::X11MagicCookie, text(&desc.x11_magic_cookie)),
        (T::X11Target, text(&desc.x11_target)),
        (T::AllocTlsCert, text(&desc.alloc_tls_cert)),
        (T::DependencyText, text(&desc.dependency)),
    ];
    for (option, text) in all {
        carried.set_text(option, text);
    }
}

/// A number that 0 leaves unset.
fn some<T: Into<u64>>(number: T) -> Option<u64> {
    Some(number.into()).filter(|number| *number > 0)
}

fn given<T: Sentinel + Into<u64>>(limit: Limit<T>) -> Option<u64> {
    limit.value().map(Into::into)
}

fn numbers(desc: &JobDesc, carried: &mut Carried) {
    use NumberOption as N;
    let mail = desc.mail_type.value().filter(|types| types.0 > 0);
    let site_factor = desc.site_factor.value().map(|_| u64::from(desc.site_factor.0));
    let all = [
        (N::AllocRespPort, some(desc.alloc_resp_port)),
        (N::AllocSid, given(desc.alloc_sid)),
        (N::BoardsPerNode, some(desc.boards_per_node)),
        (N::CpuBindType, given(desc.cpu_bind_type)),
        (N::CpuFreqGov, given(desc.cpu_freq_gov)),
        (N::CpuFreqMax, given(desc.cpu_freq_max)),
        (N::CpuFreqMin, given(desc.cpu_freq_min)),
        (N::DelayBoot, given(desc.delay_boot)),
        (N::FedSiblingsActive, some(desc.fed_siblings_active)),
        (N::FedSiblingsViable, some(desc.fed_siblings_viable)),
        (N::MailType, mail.map(|types| types.0.into())),
        (N::MemBindType, given(desc.mem_bind_type).filter(|bind| *bind > 0)),
        (N::MemUpdateDelay, some(desc.mem_update_delay)),
        (N::MemUpdateMargin, some(desc.mem_update_margin)),
        (N::NtasksPerTres, given(desc.ntasks_per_tres)),
        (N::OomKillStep, given(desc.oom_kill_step)),
        (N::OpenMode, some(desc.open_mode)),
        (N::OtherPort, some(desc.other_port)),
        (N::PlaneSize, given(desc.plane_size)),
        (N::Profile, some(desc.profile)),
        (N::Reboot, given(desc.reboot).filter(|reboot| *reboot > 0)),
        (N::ReqSwitch, given(desc.req_switch)),
        (N::ResvPortCount, given(desc.resv_port_cnt)),
        (N::SegmentSize, some(desc.segment_size)),
        (N::SiteFactor, site_factor),
        (N::SocketsPerBoard, some(desc.sockets_per_board)),
        (N::TaskDist, Some(given(desc.task_dist).unwrap_or(DIST_CYCLIC))),
        (N::WaitAllNodes, given(desc.wait_all_nodes)),
        (N::X11, some(desc.x11)),
        (N::X11TargetPort, some(desc.x11_target_port)),
    ];
    for (option, number) in all {
        carried.set_number(option, number);
    }
}

/// The flags as they are kept: without those that are the controller's own to set.
pub(super) fn flags(desc: &JobDesc) -> JobFlags {
    let own = JobFlags::HAS_STATE_DIR
        | JobFlags::BACKFILL_TEST
        | JobFlags::BF_WHOLE_NODE_TEST
        | JobFlags::ACCRUE_OVER
        | JobFlags::KILL_HURRY
        | JobFlags::SIB_JOB_FLUSH
        | JobFlags::TRES_STR_CALC
        | JobFlags::WAS_RUNNING
        | JobFlags::TASKS_CHANGED
        | JobFlags::CRON_JOB
        | JobFlags::GRACE_PREEMPT
        | JobFlags::TOP_PRIO_TMP
        | JobFlags::STEPMGR_ENABLED
        | JobFlags::HETJOB_PURGE;
    let mut flags = desc.bitflags.without(own);
    if desc.num_tasks.value().is_some() {
        flags = flags | JobFlags::NTASKS_SET;
    }
    if desc.pn_min_memory != Limit::Unset {
        flags = flags | JobFlags::MEM_SET;
    }
    if desc.partition.is_none() {
        flags = flags | JobFlags::PART_ASSIGNED;
    }
    flags
}
