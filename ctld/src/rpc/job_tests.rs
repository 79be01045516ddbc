//! Captured requests about jobs become the events that they mean, and answers what clients expect.

use ctld_core::{Answer, Event, JobEdit, Kill, Reject, StepDone, TaskResult};
use model::{Hold, IndexSet, JobId, JobSpec, NumberOption, StepNumber, TextOption};
use protocol::msg::{
    EpilogComplete, JobArrayErrors, JobDesc, JobOrStepId, JobState, KillJobsRequest,
    KillJobsResponse, ReturnCode, StepId,
};
use protocol::shape::{Limit, Timestamp};
use protocol::wire::from_bytes;
use protocol::{Errno, Number, Version};

use super::{Failure, Kind, Reply, fixtures, row};
use crate::view::View;

const CONF: &str = "NodeName=n[1-3] CPUs=4 Features=fast\n\
    PartitionName=main Nodes=n[1-3] Default=YES\n";

fn made(view: &View, number: Number, version: Version, body: &[u8]) -> Result<Event, Failure> {
    let Kind::Write(write, _) = row(number).unwrap().kind else { panic!("{number} is a write") };
    write(view, &fixtures::request(number, version, body))
}

fn answered(number: Number, version: Version, body: &[u8], answer: Answer) -> Reply {
    let Kind::Write(_, answered) = row(number).unwrap().kind else { panic!("a write") };
    answered(&fixtures::view(CONF, &[]), &fixtures::request(number, version, body), answer)
}

fn captured_events(number: Number) -> Vec<Event> {
    let view = fixtures::view(CONF, &[]);
    let frames = fixtures::captured(number);
    assert!(!frames.is_empty());
    let event =
        |frame: protocol::frame::Frame| made(&view, number, frame.header.version, &frame.body);
    frames.into_iter().map(|frame| event(frame).unwrap()).collect()
}

#[test]
fn every_captured_request_becomes_its_event() {
    let all = |number: Number, is: fn(&Event) -> bool| {
        let events = captured_events(number);
        assert!(events.iter().all(is), "{number}: {events:?}");
    };
    all(Number::REQUEST_KILL_JOB, |e| {
        matches!(e, Event::Kill(Kill { signal: 9 | 10, step: None, .. }))
    });
    all(
        Number::REQUEST_COMPLETE_BATCH_SCRIPT,
        |e| matches!(e, Event::BatchDone(done) if done.slurm_code == 0 && done.node_name.starts_with('n')),
    );
    all(Number::REQUEST_STEP_COMPLETE, |e| {
        matches!(e, Event::StepDone(StepDone { range: (0 | 1, 0 | 1), .. }))
    });
    all(Number::REQUEST_COMPLETE_JOB_ALLOCATION, |e| matches!(e, Event::AllocationDone { .. }));
    all(
        Number::REQUEST_JOB_REQUEUE,
        |e| matches!(e, Event::Requeue(requeue) if requeue.hold == Hold::None && !requeue.started_only),
    );
    all(Number::REQUEST_SUSPEND, |e| matches!(e, Event::Suspend { .. }));
    all(Number::REQUEST_TOP_JOB, |e| matches!(e, Event::Top { jobs, .. } if jobs.len() == 1));
    all(Number::REQUEST_JOB_NOTIFY, |e| matches!(e, Event::Notify { text, .. } if **text == *"hi"));
    all(Number::REQUEST_RESOURCE_ALLOCATION, |e| {
        matches!(e, Event::Submit(new) if new.script.is_none()
            && new.spec.carried.number(NumberOption::AllocRespPort).is_some()
            && new.spec.carried.text(TextOption::RespHost).is_some())
    });
}

#[test]
fn captured_updates_alter_what_their_command_lines_say() {
    // scontrol update job=6 comment=x timelimit=5; hold 6; release 6
    let updates = captured_events(Number::REQUEST_UPDATE_JOB);
    assert_eq!(updates.len(), 12);
    for three in updates.chunks(3) {
        let edits: Vec<&Vec<JobEdit>> = three
            .iter()
            .map(|event| match event {
                Event::UpdateJob(update) => &update.edits,
                other => panic!("{other:?}"),
            })
            .collect();
        let JobEdit::TimeLimit(Some(5)) = &edits[0][0] else { panic!("{:?}", edits[0]) };
        let JobEdit::Spec(comment) = &edits[0][1] else { panic!("{:?}", edits[0]) };
        let mut spec = JobSpec::default();
        (comment.apply)(&mut spec).unwrap();
        assert_eq!(spec.carried.text(TextOption::Comment).map(|text| &**text), Some("x"));
        let priority = |edits: &[JobEdit]| match edits {
            [JobEdit::Priority { priority, as_owner: false }] => *priority,
            other => panic!("{other:?}"),
        };
        assert_eq!((priority(edits[1]), priority(edits[2])), (Some(0), None));
    }
}

#[test]
fn an_update_that_gives_nothing_alters_nothing() {
    let view = fixtures::view(CONF, &[]);
    for version in Version::ALL {
        let desc = JobDesc { job_id_str: Some("7".into()), user_id: 99, ..JobDesc::default() };
        let body = fixtures::bytes(&desc, version);
        match made(&view, Number::REQUEST_UPDATE_JOB, version, &body).unwrap() {
            Event::UpdateJob(update) => assert_eq!(update.edits.len(), 0, "{:?}", update.edits),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn counts_in_an_update_follow_from_each_other() {
    let view = fixtures::view(CONF, &[]);
    let desc = JobDesc {
        job_id_str: Some("7".into()),
        user_id: 99,
        min_nodes: Limit::Value(2),
        max_nodes: Limit::Value(2),
        deadline: Timestamp(0),
        ..JobDesc::default()
    };
    let body = fixtures::bytes(&desc, Version::NEWEST);
    let event = made(&view, Number::REQUEST_UPDATE_JOB, Version::NEWEST, &body).unwrap();
    let Event::UpdateJob(update) = event else { panic!("{event:?}") };
    let mut spec = JobSpec { min_nodes: 1, min_cpus: 1, tasks: Some(1), ..JobSpec::default() };
    for edit in &update.edits {
        let JobEdit::Spec(edit) = edit else { panic!("{edit:?}") };
        (edit.apply)(&mut spec).unwrap();
    }
    assert_eq!((spec.min_nodes, spec.max_nodes), (2, Some(2)));
    assert_eq!((spec.tasks, spec.min_cpus), (Some(2), 2));
}

#[test]
fn a_throttle_is_for_whole_arrays() {
    let job = fixtures::job(7);
    let view = fixtures::view(CONF, &[model::Change::Job(job.into())]);
    for text in ["7", "8_[1-2]"] {
        let desc = JobDesc {
            job_id_str: Some(text.into()),
            array_inx: Some("3".into()),
            user_id: 99,
            ..JobDesc::default()
        };
        let body = fixtures::bytes(&desc, Version::NEWEST);
        let failure = made(&view, Number::REQUEST_UPDATE_JOB, Version::NEWEST, &body).unwrap_err();
        assert!(matches!(failure, Failure::CodeWithText(Errno::ESLURM_NOT_SUPPORTED, _)), "{text}");
    }
}

#[test]
fn tasks_that_fared_differently_are_told_apart() {
    let one = |tasks: &[u32], result| TaskResult {
        array_job: JobId(12),
        tasks: tasks.iter().copied().collect::<IndexSet>(),
        result,
    };
    let results = vec![
        one(&[1], Err(Reject::JobFinished(JobId(13)))),
        one(&[2], Ok(())),
        one(&[3, 4], Err(Reject::JobFinished(JobId(12)))),
    ];
    for version in Version::ALL {
        let number = Number::REQUEST_JOB_REQUEUE;
        let reply = answered(number, version, &[], Answer::Tasks(results.clone()));
        assert_eq!(reply.number, Number::RESPONSE_JOB_ARRAY_ERRORS);
        let body: JobArrayErrors = from_bytes(&reply.body, version).unwrap();
        let outcomes: Vec<_> = body
            .outcomes
            .iter()
            .map(|outcome| (outcome.code, outcome.job_array_id.as_deref().unwrap()))
            .collect();
        let expected = [(Errno::ESLURM_ALREADY_DONE, "12_1,3-4"), (Errno::SLURM_SUCCESS, "12_2")];
        assert_eq!(outcomes, expected);
        let kill = answered(Number::REQUEST_KILL_JOB, version, &[], Answer::Tasks(results.clone()));
        let code: ReturnCode = from_bytes(&kill.body, version).unwrap();
        assert_eq!(code.code, Errno::ESLURM_ALREADY_DONE);
    }
}

#[test]
fn scancel_by_the_controller_finds_jobs_and_tells_of_each() {
    let jobs = [fixtures::job(7), fixtures::job(8)];
    let changes: Vec<_> = jobs.into_iter().map(|job| model::Change::Job(job.into())).collect();
    let view = fixtures::view(CONF, &changes);
    for version in Version::ALL {
        let message = KillJobsRequest {
            jobs: vec![Some("7".into()), Some("8.batch".into()), Some("99".into())],
            signal: 9,
            state: JobState::END,
            user_id: 99,
            ..KillJobsRequest::default()
        };
        let body = fixtures::bytes(&message, version);
        let number = Number::REQUEST_KILL_JOBS;
        let Event::KillJobs(kills) = made(&view, number, version, &body).unwrap() else {
            panic!("kills")
        };
        let named: Vec<_> = kills.iter().map(|kill| (kill.selection.job, kill.step)).collect();
        let batch = Some(StepNumber::Batch);
        assert_eq!(named, [(JobId(7), None), (JobId(8), batch), (JobId(99), None)]);
        let results = kills
            .iter()
            .map(|kill| {
                let known = kill.selection.job != JobId(99);
                let result = if known { Ok(()) } else { Err(Reject::NoSuchJob(JobId(99))) };
                (kill.selection.clone(), result)
            })
            .collect();
        let reply = answered(number, version, &body, Answer::Each(results));
        let told: KillJobsResponse = from_bytes(&reply.body, version).unwrap();
        assert_eq!(told.jobs.len(), 1);
        assert_eq!(told.jobs[0].code, Errno::ESLURM_INVALID_JOB_ID);
        assert_eq!(told.jobs[0].id.step_id.job_id, 99);

        let all = KillJobsRequest { jobs: Vec::new(), job_name: Some("job".into()), ..message };
        let body = fixtures::bytes(&all, version);
        let Event::KillJobs(kills) = made(&view, number, version, &body).unwrap() else {
            panic!("kills")
        };
        assert_eq!(kills.len(), 2);
        let none = KillJobsRequest { job_name: None, ..all };
        let body = fixtures::bytes(&none, version);
        let failure = made(&view, number, version, &body).unwrap_err();
        assert_eq!(failure, Failure::Code(Errno::ESLURM_SIGNAL_JOBS_INVALID));
    }
}

#[test]
fn reports_of_nodes_are_taken_from_nodes_only_and_23_11_waits_for_no_answer() {
    let view = fixtures::view(CONF, &[]);
    let report = EpilogComplete {
        step_id: JobOrStepId(StepId::job(7)),
        return_code: 0,
        node_name: Some("n1".into()),
    };
    let number = Number::MESSAGE_EPILOG_COMPLETE;
    let body = fixtures::bytes(&report, Version::NEWEST);
    let mut request = fixtures::request(number, Version::NEWEST, &body);
    request.caller.uid = model::Uid(1000);
    let Kind::Write(write, _) = row(number).unwrap().kind else { panic!("a write") };
    assert_eq!(write(&view, &request).unwrap_err(), Failure::Silent);
    assert_eq!(row(number).unwrap().answered_from, Version::V24_05);
    assert_eq!(row(Number::REQUEST_KILL_JOB).unwrap().answered_from, Version::OLDEST);
}
