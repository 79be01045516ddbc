//! Crontabs: their jobs run again and again, and a new one takes the place of the old.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use ctld_core::{Answer, Caller, CronRefusal, Event, JobEdit, Kill, NewCrontab, Reject};
use model::{
    Change, Config, CronLine, Exit, Hold, JobId, NumberOption, Phase, PriorityType, TextOption,
    Timestamp, WaitReason,
};
use world::{ANN, BOB, ROOT, World, batch, whole};

fn world() -> World {
    World::with(config(false))
}

fn config(explicit_scancel: bool) -> Config {
    Config {
        crontabs: true,
        explicit_scancel,
        slurmd_timeout_s: 0,
        priority_type: PriorityType::Basic,
        ..Config::default()
    }
}

/// Every ten minutes.
fn line(first: u32) -> CronLine {
    let minutes = (0..60).step_by(10).fold(0, |bits, minute| bits | 1 << minute);
    CronLine {
        minutes: Some(minutes),
        line_start: first,
        line_end: first + 1,
        ..CronLine::default()
    }
}

fn crontab(caller: Caller, lines: &[CronLine]) -> NewCrontab {
    NewCrontab {
        caller,
        owner: caller.uid,
        group: caller.gid,
        text: Some("the text".into()),
        jobs: lines.iter().map(|line| (line.clone(), batch(caller))).collect(),
    }
}

fn set(world: &mut World, new: NewCrontab) -> Vec<JobId> {
    match world.accepted(Event::SetCrontab(Box::new(new))).answer.unwrap() {
        Answer::Crontab { jobs, refused: None } => jobs,
        other => panic!("{other:?}"),
    }
}

fn refused(world: &mut World, new: NewCrontab) -> CronRefusal {
    match world.accepted(Event::SetCrontab(Box::new(new))).answer.unwrap() {
        Answer::Crontab { jobs, refused: Some(refusal) } if jobs.is_empty() => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_job_of_a_crontab_waits_for_its_time_and_for_its_next_one() {
    let mut world = world();
    let [job] = set(&mut world, crontab(ANN, &[line(3)]))[..] else { panic!("one job") };
    let record = world.job(job).clone();
    // 1,000 s are 00:16:40.
    assert_eq!((record.begin, record.wait), (Some(Timestamp(1_200)), WaitReason::BeginTime));
    let spec = record.spec.carried.text(TextOption::Cronspec).cloned();
    assert_eq!(spec.as_deref(), Some("0,10,20,30,40,50 * * * *"));
    assert_eq!(record.spec.carried.number(NumberOption::Bitflags), Some(1 << 22));
    world.wait(200);
    assert_eq!(world.job(job).wait, WaitReason::None);
    for run in 1..=3_u16 {
        world.start(job, None, &[1]);
        world.launched(job);
        world.batch_done(job, 256);
        let outcome = world.job(job).outcome.clone().unwrap();
        assert_eq!(outcome.exit, Exit::Failed, "while its node cleans up it has ended");
        world.epilog(job, 1);
        let again = world.job(job);
        assert_eq!((again.phase.clone(), again.restarts), (Phase::Pending, run));
        let next = 1_200 + i64::from(run) * 600;
        assert_eq!(again.begin, Some(Timestamp(next)));
        let left = u64::try_from(next - world.now.0).unwrap();
        world.wait(left);
    }
}

#[test]
fn a_job_that_is_sent_back_runs_when_its_line_next_allows_it() {
    let mut world = world();
    let any = CronLine { minutes: None, ..line(1) };
    let job = set(&mut world, crontab(ANN, &[any]))[0];
    world.wait(20);
    world.start(job, None, &[1]);
    world.launched(job);
    world.requeue(ANN, job, Hold::None);
    world.epilog(job, 1);
    // 121 s later, in the minute of which it may run.
    assert_eq!(world.job(job).begin, Some(Timestamp(1_140)));
}

#[test]
fn a_new_crontab_takes_the_place_of_the_old_one() {
    let mut world = world();
    let old = set(&mut world, crontab(ANN, &[line(1), line(5)]));
    let others = set(&mut world, crontab(BOB, &[line(1)]));
    world.wait(200);
    world.start(old[0], None, &[1]);
    world.launched(old[0]);
    let new = set(&mut world, crontab(ANN, &[line(2)]));
    let waited = world.job(old[1]);
    assert_eq!(waited.phase, Phase::Ended);
    let outcome = waited.outcome.as_ref().unwrap();
    assert_eq!((outcome.exit, outcome.status), (Exit::Cancelled { by: ANN.uid }, 1));
    assert!(world.job(old[0]).is_active(), "what runs runs on");
    world.ends(old[0], 0);
    assert!(world.job(new[0]).is_pending() && world.job(others[0]).is_pending());
    let none = NewCrontab { text: None, ..crontab(ANN, &[]) };
    set(&mut world, none);
    assert_eq!(world.job(new[0]).phase, Phase::Ended);
    assert_eq!(world.cluster().crontab(ANN.uid), None);
    assert!(world.cluster().crontab(BOB.uid).is_some());
}

#[test]
fn a_crontab_is_taken_whole_or_not_at_all() {
    let mut world = world();
    let old = set(&mut world, crontab(ANN, &[line(1)]));
    let mut new = crontab(ANN, &[line(1), line(7)]);
    new.jobs[1].1.spec.partitions = vec!["nowhere".into()];
    let refusal = refused(&mut world, new);
    let why = Reject::NoSuchPartition("nowhere".into());
    assert_eq!(refusal, CronRefusal { lines: Some((7, 8)), why });
    assert_eq!(world.cluster().job_records(), 1, "nothing is left of it");
    assert!(world.job(old[0]).cron.is_some());
    let never = CronLine { days: Some(1 << 30), months: Some(1 << 2), ..line(1) };
    let refusal = refused(&mut world, crontab(ANN, &[never]));
    assert_eq!(refusal, CronRefusal { lines: None, why: Reject::InvalidCronLine });
    let foreign = NewCrontab { owner: BOB.uid, ..crontab(ANN, &[]) };
    let refusal = refused(&mut world, foreign);
    assert_eq!(refusal, CronRefusal { lines: None, why: Reject::NotYourself });
    let by_root = NewCrontab { caller: ROOT, ..crontab(BOB, &[]) };
    set(&mut world, by_root);

    let mut disabled = World::new();
    let event = Event::SetCrontab(Box::new(crontab(ANN, &[])));
    assert_eq!(disabled.refused(event), Reject::CrontabsDisabled);
}

#[test]
fn a_cancelled_job_of_a_crontab_disables_its_lines() {
    const KILL_CRON: u16 = 1 << 12;
    let mut world = World::with(config(true));
    let job = set(&mut world, crontab(ANN, &[line(4)]))[0];
    let kill = |flags| {
        Event::Kill(Kill { caller: ANN, selection: whole(job), step: None, signal: 9, flags })
    };
    assert_eq!(world.refused(kill(0)), Reject::CronJobNotMeant(job));
    let edit = JobEdit::Nice(3);
    assert_eq!(world.update(ROOT, job, edit).answer, Err(Reject::CronJob(job)));
    world.wait(200);
    world.start(job, None, &[1]);
    world.launched(job);
    let killed = world.accepted(kill(KILL_CRON));
    assert!(killed.changes.iter().any(|change| matches!(change, Change::Crontab(_))));
    assert_eq!(world.cluster().crontab(ANN.uid).unwrap().disabled, [(4, 5)]);
    world.epilog(job, 1);
    assert_eq!(world.job(job).phase, Phase::Ended, "it does not run again");
}
