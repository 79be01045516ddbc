//! The messages about launching and ending that no capture holds, or holds only in a plain form:
//! each comes back from its bytes in every release, and no cut of it is taken for whole.

#![allow(clippy::unwrap_used, reason = "a test's own values may fail it")]

use std::fmt::Debug;

use protocol::auth::{Credential, SbcastCredential, Signed, VersionedCredential};
use protocol::msg::*;
use protocol::shape::{Limit, NullOr, Runs, ShortArray, Timestamp};
use protocol::wire::{Wire, from_bytes, to_bytes};
use protocol::{RawVersion, Version};

/// Writes `value` in every release and reads it again; what a release carries must come back.
fn settles<T: Wire + PartialEq + Debug>(value: &T) {
    for version in Version::ALL {
        let bytes = to_bytes(value, version);
        let read: T = from_bytes(&bytes, version).unwrap();
        assert_eq!(to_bytes(&read, version), bytes, "{version}");
        for end in 0..bytes.len() {
            assert!(from_bytes::<T>(&bytes[..end], version).is_err(), "{version} cut at {end}");
        }
        if version == Version::NEWEST {
            assert_eq!(&read, value);
        }
    }
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn token() -> Signed<Credential> {
    Signed::Token("eyJhbGciOiJIUzI1NiJ9.e30.c2ln".to_owned())
}

#[test]
fn a_prolog_launch_of_a_job_with_gres() {
    let gpu = GresPrep {
        plugin_id: gres_plugin_id("gpu"),
        allocated: GresNodes::with_counts(vec![2, 1]),
        ..GresPrep::default()
    };
    settles(&LaunchProlog {
        job_gres_prep: GresPreps(Some(vec![gpu])),
        uid: 1000,
        gid: 100,
        nodes: text("n[1-2]"),
        work_dir: text("/home/u"),
        x11: X11 { flags: 1, alloc_host: text("login"), alloc_port: 6010, ..X11::default() },
        spank_job_env: vec![text("A=b")],
        credential: token(),
        ..LaunchProlog::default()
    });
}

#[test]
fn a_launch_of_a_heterogeneous_step() {
    let het = HetLaunch {
        node_offset: Limit::Value(1),
        job_id: Limit::Value(7),
        task_ids: NullOr::list(vec![vec![0], vec![1, 2]]),
        task_components: NullOr::list(vec![0, 1, 1]),
        component: HetComponent {
            offset: Limit::Value(1),
            step_count: 2,
            step_task_counts: vec![1, 2],
        },
        task_offset: Limit::Value(1),
        node_list: text("n[1-2]"),
    };
    let terms = TaskTerms {
        cpus_per_task: Limit::Value(2),
        cpus_per_task_by_node: Runs::uniform(2, 1).into(),
        task_dist: task_dist::CYCLIC | task_dist::SOCKET_BLOCK,
        credential: VersionedCredential { version: Version::V25_05.into(), credential: token() },
        ..TaskTerms::default()
    };
    settles(&LaunchTasks {
        step_id: StepId { step_het_comp: 1, ..StepId::step(7, 0) },
        het,
        ntasks: 2,
        placement: TaskPlacement { terms, task_ids: vec![vec![0, 1]] },
        resp_port: ShortArray(vec![6000, 6001]),
        options: TaskOptions {
            switch_step: Vec::new(),
            options: vec![TaskOption { kind: 0, option: text("x:y"), argument: None }],
        },
        flags: launch_flags::LABEL_IO,
        ..LaunchTasks::default()
    });
}

#[test]
fn switch_data_without_a_length_ends_where_the_next_field_begins() {
    let switch = vec![0, 0, 0, 105, 0, 0, 0, 9];
    let version = Version::V24_05;
    let options = TaskOptions { switch_step: switch.clone(), options: Vec::new() };
    let bytes = to_bytes(&options, version);
    assert_eq!(from_bytes::<TaskOptions>(&bytes, version).unwrap(), options);

    let reply = StepCreateResponse {
        step_id: JobAndStep(StepId::step(7, 0)),
        credential: StepCredential(Some(token())),
        switch_step: TrailingSwitch(switch),
        use_protocol_ver: RawVersion(version.to_wire()),
        ..StepCreateResponse::default()
    };
    let mut bytes = to_bytes(&reply, version);
    assert_eq!(from_bytes::<StepCreateResponse>(&bytes, version).unwrap(), reply);

    // Bytes that are no switch plugin's are no switch data.
    let plugin = bytes.len() - 10;
    bytes[plugin] = 1;
    assert!(from_bytes::<StepCreateResponse>(&bytes, version).is_err());
}

#[test]
fn a_queued_step_needs_no_credential_in_26_05() {
    let reply = StepCreateResponse {
        step_id: JobAndStep(StepId::step(7, 3)),
        step_layout: Some(StepLayout::new("n1".to_owned(), task_dist::BLOCK, vec![vec![0, 1]])),
        ..StepCreateResponse::default()
    };
    let bytes = to_bytes(&reply, Version::V26_05);
    assert_eq!(from_bytes::<StepCreateResponse>(&bytes, Version::V26_05).unwrap(), reply);
    assert_eq!(reply.step_layout.unwrap().task_cnt, 2);
}

#[test]
fn a_queued_step_asks_with_all_that_a_launch_needs() {
    let params = LaunchParams {
        argv: vec![text("hostname")],
        env: vec![text("A=b")],
        cpus_per_task_by_node: Runs::uniform(1, 2).into(),
        pty: true,
        ..LaunchParams::default()
    };
    settles(&StepCreate {
        step_id: StepId::job(7),
        num_tasks: Limit::Value(2),
        flags: step_flags::ASYNC,
        launch_params: Some(params),
        ..StepCreate::default()
    });
}

#[test]
fn an_sbcast_credential_is_a_token_or_stands_in_the_open() {
    let body = SbcastCredential {
        step_id: StepId::step(7, 0),
        ctime: Timestamp(5),
        expiration: Timestamp(9),
        nodes: text("n1"),
        ..SbcastCredential::default()
    };
    let inline = Signed::Inline { body: Box::new(body), signature: text("MUNGE:x:") };
    for credential in [inline, Signed::Token("eyJ9.e30.c2ln".to_owned())] {
        settles(&SbcastCredentialResponse {
            node_list: text("n1"),
            credential,
            ..SbcastCredentialResponse::default()
        });
    }
}

#[test]
fn a_job_is_ended_with_and_without_a_credential() {
    for credential in [None, Some(token())] {
        settles(&KillJob {
            credential,
            step_id: StepId::job(7),
            job_state: 1,
            nodes: text("n[1-2]"),
            start_time: Timestamp(4),
            time: Timestamp(5),
            ..KillJob::default()
        });
    }
}

#[test]
fn reports_of_nodes() {
    let usage = StepUsage {
        user_cpu_sec: 3,
        tres_ids: vec![1, 2],
        tres_usage_in_tot: vec![u64::MAX, 5],
        ..StepUsage::default()
    };
    settles(&StepStat {
        num_tasks: 1,
        accounting: Some(usage),
        pids: StepPids { node_name: text("n1"), pids: vec![11, 12] },
        ..StepStat::default()
    });
    settles(&EpilogComplete { step_id: 7.into(), return_code: 256, node_name: text("n1") });
    settles(&CompleteProlog { step_id: 7.into(), node_name: text("n1"), prolog_rc: 0 });
    settles(&SuspendOnNode { step_id: 7.into(), op: SuspendRequest::RESUME });
    settles(&ReattachTasksResponse {
        node_name: text("n1"),
        return_code: 0,
        tasks: vec![AttachedTask { task_id: 0, pid: 11, executable: text("sleep") }],
    });
}

#[test]
fn the_job_of_a_finished_script_is_found_in_both_places() {
    let report = CompleteBatchScript {
        step_id: StepId::step(7, StepId::BATCH),
        job_rc: 256,
        node_name: text("n1"),
        ..CompleteBatchScript::default()
    };
    settles(&report);
    for version in Version::ALL {
        let read: CompleteBatchScript = from_bytes(&to_bytes(&report, version), version).unwrap();
        assert_eq!((read.step_id.job_id, read.job_rc), (7, 256));
    }
}

#[test]
fn messages_to_srun() {
    settles(&SrunTimeout { step_id: StepId::job(7), timeout: Timestamp(60) });
    settles(&SrunNodes { step_id: StepId::step(7, 0), nodelist: text("n1") });
    settles(&SrunMessage { step_id: 7.into(), message: text("hello") });
    settles(&NetForward { step_id: 7.into(), flags: 0, port: 6000, target: text("login") });
    settles(&Reroute { stepmgr: text("n1"), ..Reroute::default() });
    settles(&Some(StepLayout::new("n[1-2]".to_owned(), task_dist::CYCLIC, vec![vec![0], vec![1]])));
}

#[test]
fn the_records_of_a_step_manager_are_refused() {
    let launch = LaunchProlog { credential: token(), ..LaunchProlog::default() };
    let mut bytes = to_bytes(&launch, Version::V25_05);
    *bytes.last_mut().unwrap() = 1;
    let error = from_bytes::<LaunchProlog>(&bytes, Version::V25_05).unwrap_err();
    assert_eq!(error.to_string().split(' ').next(), Some("stepmgr_records"));
}
