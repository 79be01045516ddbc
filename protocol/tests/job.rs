//! Jobs whose odd parts no capture shows go through every release.

use proptest::prelude::*;
use protocol::Version;
use protocol::msg::{
    ArrayOutcome, ContainerSteps, CronEntry, CronFlags, CrontabUpdateRequest, GresIndex,
    GresLayout, JobArrayErrors, JobDesc, JobFederation, JobInfo, JobResources, JobState,
    KillJobsRequest, KillJobsResponse, KilledJob, MultiCore, Nice, NodeLayout, ResourceLayout,
    SelectedStep, StepId, SuspendRequest,
};
use protocol::shape::{Bitmap, Limit, NullOr, ShortArray, Timestamp};
use protocol::wire::{Wire, from_bytes, to_bytes};

/// Decodes what was encoded, and gives it if encoding that makes the same bytes.
fn through<T: Wire>(value: &T, version: Version) -> T {
    let bytes = to_bytes(value, version);
    let back: T = from_bytes(&bytes, version).unwrap_or_else(|e| panic!("{version}: {e}"));
    assert_eq!(to_bytes(&back, version), bytes, "{version}");
    back
}

/// Any text but the characters that stand for bytes: two of them side by side may be one character.
fn text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[^\\x{10FF80}-\\x{10FFFF}]{0,20}")
}

fn bitmap() -> impl Strategy<Value = Option<Bitmap>> {
    proptest::option::of(
        (1u32..200, any::<u64>())
            .prop_map(|(len, bits)| Bitmap::with(len, (0..64).filter(|bit| bits >> bit & 1 == 1))),
    )
}

fn limit() -> impl Strategy<Value = Limit<u32>> {
    prop_oneof![Just(Limit::Unset), Just(Limit::Infinite), (0u32..1_000_000).prop_map(Limit::Value)]
}

fn resources() -> impl Strategy<Value = Option<JobResources>> {
    let held = (text(), any::<u8>(), any::<Vec<u64>>(), bitmap(), bitmap(), any::<Vec<u32>>());
    proptest::option::of(held.prop_map(|(nodes, whole, memory, cores, nodes_held, ranks)| {
        JobResources {
            node_count: 3,
            nodes,
            whole_node: whole,
            memory_allocated: memory,
            core_bitmap: cores,
            node_bitmap: nodes_held,
            node_ranks: ranks,
            ..JobResources::default()
        }
    }))
}

fn federation() -> impl Strategy<Value = Option<JobFederation>> {
    let of = ("[a-z]{1,9}", any::<u64>(), text());
    proptest::option::of(of.prop_map(|(origin, active, names)| JobFederation {
        origin: Some(origin),
        siblings_active: active,
        siblings_active_names: names,
        ..JobFederation::default()
    }))
}

prop_compose! {
    fn job()(
        id in 0u32..1_000_000,
        account in text(),
        nodes in text(),
        state in any::<u32>(),
        time_limit in limit(),
        job_size_bitmap in bitmap(),
        node_bitmap in bitmap(),
        resources in resources(),
        federation in federation(),
        gres_detail in proptest::collection::vec(text(), 0..4),
        nice in any::<i32>(),
        shape in proptest::option::of(any::<u16>()),
    ) -> JobInfo {
        JobInfo {
            step_id: StepId::job(id),
            account,
            nodes,
            job_state: JobState(state),
            time_limit,
            job_size_bitmap,
            node_bitmap,
            resources,
            federation,
            gres_detail,
            nice: Nice::new(nice),
            multi_core: shape.map(|n| MultiCore { plane_size: n, ..MultiCore::default() }),
            ..JobInfo::default()
        }
    }
}

proptest! {
    #[test]
    fn a_job_comes_back_in_every_release(job in job()) {
        for version in Version::ALL {
            let mut back = through(&job, version);
            // What the nodes are is told in three ways, each by some releases only.
            let resources = job.resources.clone().map(|mut held| {
                let back = back.resources.clone().unwrap_or_default();
                held.node_bitmap = back.node_bitmap;
                held.node_ranks = back.node_ranks;
                held
            });
            prop_assert_eq!(&back.resources, &resources);
            back.resources = job.resources.clone();
            prop_assert_eq!(&back, &job, "{}", version);
        }
    }

    #[test]
    fn a_job_without_details_keeps_its_counts(job in job(), cpus: u32) {
        let job = JobInfo {
            details_forgotten: true,
            num_cpus: cpus,
            work_dir: Some("/forgotten".into()),
            ..job
        };
        for version in [Version::V24_11, Version::V25_05, Version::V25_11, Version::V26_05] {
            let back = through(&job, version);
            prop_assert!(back.details_forgotten);
            prop_assert_eq!(back.num_cpus, cpus);
            prop_assert_eq!(back.work_dir, None);
        }
    }

    #[test]
    fn damaged_descriptions_are_refused_without_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        for version in Version::ALL {
            let _ = from_bytes::<JobDesc>(&bytes, version);
            let _ = from_bytes::<JobInfo>(&bytes, version);
        }
    }
}

fn cron_line() -> JobDesc {
    JobDesc {
        step_id: StepId::job(7),
        script: Some("#!/bin/sh\n".into()),
        environment: vec!["PATH=/bin".into(), "EMPTY=".into()],
        argv: vec!["x".into()],
        time_limit: Limit::Infinite,
        begin_time: Timestamp(1_700_000_000),
        crontab_entry: Some(CronEntry {
            flags: CronFlags::WILD_HOUR,
            minute: Some(Bitmap::with(61, [0, 30])),
            hour: Some(Bitmap::with(25, 0..24)),
            day_of_month: Some(Bitmap::new(32)),
            month: None,
            day_of_week: Some(Bitmap::with(8, [1])),
            cronspec: Some("0,30 * * * 1".into()),
            line_start: 3,
            line_end: 4,
        }),
        ..JobDesc::default()
    }
}

#[test]
fn a_crontab_comes_back_in_every_release() {
    let update = CrontabUpdateRequest {
        crontab: Some("0,30 * * * 1 x\n".into()),
        jobs: ShortArray(vec![cron_line(), JobDesc::default()]),
        uid: 1000,
        gid: 1000,
    };
    for version in Version::ALL {
        assert_eq!(through(&update, version), update, "{version}");
    }
}

#[test]
fn a_field_that_a_release_lacks_is_not_given() {
    let desc = JobDesc {
        alloc_tls_cert: Some("pem".into()),
        segment_size: 4,
        resv_port_cnt: Limit::Value(2),
        container_type: Some("oci".into()),
        power_flags: 1,
        ..JobDesc::default()
    };
    let oldest = through(&desc, Version::V23_11);
    assert_eq!(oldest, JobDesc { power_flags: 1, ..JobDesc::default() });
    let newest = through(&desc, Version::V26_05);
    assert_eq!(newest, JobDesc { power_flags: 0, ..desc });
}

#[test]
fn the_place_of_the_job_of_a_suspension_depends_on_the_release() {
    let suspend = SuspendRequest {
        step_id: StepId::job(0x0102_0304),
        op: SuspendRequest::RESUME,
        job_id_str: None,
    };
    for version in Version::ALL {
        assert_eq!(through(&suspend, version), suspend, "{version}");
    }
    let bytes = to_bytes(&suspend, Version::V25_05);
    assert_eq!(bytes, [0, 1, 1, 2, 3, 4, 0, 0, 0, 0]);
    assert!(to_bytes(&suspend, Version::V25_11).starts_with(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]));
}

#[test]
fn the_outcome_of_ending_many_jobs_comes_back() {
    let id = SelectedStep {
        step_id: StepId::job(5),
        array_task_id: Limit::Value(3),
        het_job_offset: Limit::Unset,
        array_bitmap: None,
    };
    let outcome = KillJobsResponse {
        jobs: vec![
            KilledJob { id, real_job_id: Limit::Value(8), ..KilledJob::default() },
            KilledJob::default(),
        ],
    };
    let request = KillJobsRequest {
        jobs: vec![Some("5_3".into()), None],
        state: JobState::END,
        ..KillJobsRequest::default()
    };
    for version in Version::ALL {
        assert_eq!(through(&outcome, version), outcome, "{version}");
        assert_eq!(through(&request, version), request, "{version}");
    }
}

#[test]
fn layouts_and_lists_come_back() {
    let gres = |index| GresLayout { count: 2, index: GresIndex(index), ..GresLayout::default() };
    let layout = ResourceLayout {
        nodes: NullOr::list(vec![NodeLayout {
            node: Some("n1".into()),
            gres: NullOr::list(vec![gres(None), gres(Some(Bitmap::with(4, [0, 3])))]),
            ..NodeLayout::default()
        }]),
    };
    let steps = ContainerSteps { steps: NullOr::list(vec![StepId::step(1, 2)]) };
    let errors = JobArrayErrors {
        outcomes: vec![ArrayOutcome {
            job_array_id: Some("12_[1-3]".into()),
            ..Default::default()
        }],
    };
    for version in Version::ALL {
        assert_eq!(through(&layout, version), layout, "{version}");
        assert_eq!(through(&steps, version), steps, "{version}");
        assert_eq!(through(&errors, version), errors, "{version}");
    }
}
