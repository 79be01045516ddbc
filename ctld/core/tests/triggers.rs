//! Triggers: who sets them, what pulls them, when their programs run.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use ctld_core::{
    Caller, Core, Effect, Event, NewTrigger, NodeUpdate, NodeUpdateState, Reject, TriggerSelection,
    Turned,
};
use model::{Config, Gid, JobId, PriorityType, Timestamp, Trigger, Uid, Watched};
use world::{ANN, ROOT, World, batch};

const UP: u32 = 1 << 0;
const DOWN: u32 = 1 << 1;
const TIME: u32 = 1 << 3;
const FINI: u32 = 1 << 4;
const IDLE: u32 = 1 << 7;
const DRAINED: u32 = 1 << 8;
const RESUMED: u32 = 1 << 10;
const DBD_FAIL: u32 = 1 << 16;
const DRAINING: u32 = 1 << 21;

fn new(watched: Watched, events: u32) -> NewTrigger {
    NewTrigger {
        caller: ROOT,
        watched,
        events,
        offset_s: 0,
        flags: 0,
        program: "/bin/tell me".into(),
        may_run: true,
    }
}

fn set(world: &mut World, trigger: NewTrigger) {
    world.accepted(Event::SetTrigger(Box::new(trigger)));
}

fn on_nodes(nodes: &str) -> Watched {
    Watched::Nodes(Some(nodes.into()))
}

fn alter(world: &mut World, nodes: &[&str], state: NodeUpdateState) -> Turned {
    let update = NodeUpdate {
        state: Some(state),
        reason: Some("test".into()),
        ..NodeUpdate::of(ROOT, nodes.iter().map(|name| (*name).into()).collect())
    };
    world.accepted(Event::UpdateNodes(Box::new(update)))
}

/// Numbers of the triggers that run, and what they are told.
fn runs(turned: &Turned) -> Vec<(u32, String)> {
    let run = |effect: &Effect| match effect {
        Effect::RunTrigger { trigger, argument } => Some((trigger.id, argument.to_string())),
        _ => None,
    };
    turned.effects.iter().filter_map(run).collect()
}

fn told(id: u32, argument: &str) -> Vec<(u32, String)> {
    vec![(id, argument.to_owned())]
}

#[test]
fn a_trigger_runs_once_when_its_nodes_go_down() {
    let mut world = World::new();
    set(&mut world, new(on_nodes("n[1-3]"), DOWN));
    assert_eq!(runs(&alter(&mut world, &["n4"], NodeUpdateState::Down)), []);
    assert_eq!(runs(&world.wait(1)), [], "it watches others");
    alter(&mut world, &["n1"], NodeUpdateState::Down);
    alter(&mut world, &["n3"], NodeUpdateState::Down);
    assert_eq!(runs(&world.wait(1)), told(1, "n[1,3]"));
    assert_eq!(world.cluster().trigger_count(), 0);
    alter(&mut world, &["n2"], NodeUpdateState::Down);
    assert_eq!(runs(&world.wait(1)), []);
}

#[test]
fn a_permanent_trigger_runs_again_and_a_late_one_after_its_offset() {
    let mut world = World::new();
    let late = NewTrigger { offset_s: 60, ..new(Watched::Nodes(None), DOWN) };
    set(&mut world, late);
    set(&mut world, NewTrigger { flags: Trigger::PERMANENT, ..new(on_nodes("n1"), UP | DOWN) });
    alter(&mut world, &["n1"], NodeUpdateState::Down);
    assert_eq!(runs(&world.wait(1)), told(2, "n1"));
    alter(&mut world, &["n1"], NodeUpdateState::Idle);
    assert_eq!(runs(&world.wait(1)), told(2, "n1"));
    let mut restarted = World { core: Core::new(world.cluster().clone()), now: world.now };
    assert_eq!(runs(&restarted.wait(57)), []);
    assert_eq!(runs(&restarted.wait(1)), told(1, "n1"), "what was pulled is remembered");
    assert_eq!(restarted.cluster().triggers().map(|t| t.id).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_node_is_drained_when_its_last_job_has_left() {
    let mut world = World::new();
    set(&mut world, new(Watched::Nodes(None), DRAINED));
    set(&mut world, new(Watched::Nodes(None), DRAINING));
    let job = world.running(batch(ANN));
    alter(&mut world, &["n1"], NodeUpdateState::Drain);
    assert_eq!(runs(&world.wait(1)), told(2, "n1"));
    world.batch_done(job, 0);
    assert_eq!(runs(&world.wait(1)), [], "it is being cleaned up");
    world.epilog(job, 1);
    assert_eq!(runs(&world.wait(1)), told(1, "n1"));
    set(&mut world, new(Watched::Nodes(None), DRAINED));
    alter(&mut world, &["n2"], NodeUpdateState::Drain);
    assert_eq!(runs(&world.wait(1)), told(3, "n2"), "nothing ran there");
}

#[test]
fn jobs_are_watched_until_they_are_over() {
    let mut world = World::new();
    let job = world.running(batch(ANN));
    let word = job.to_string();
    set(&mut world, new(Watched::Job(job), FINI));
    set(&mut world, NewTrigger { offset_s: -120, ..new(Watched::Job(job), TIME) });
    set(&mut world, new(Watched::Job(job), DOWN));
    assert_eq!(runs(&world.wait(28 * 60 - 1)), []);
    assert_eq!(runs(&world.wait(1)), told(2, &word), "two minutes before its end");
    alter(&mut world, &["n1"], NodeUpdateState::Down);
    assert_eq!(runs(&world.wait(1)), told(3, &word));
    world.kill(ANN, world::whole(job));
    assert_eq!(runs(&world.wait(1)), told(1, &word));

    assert_eq!(
        world.refused(Event::SetTrigger(Box::new(new(Watched::Job(job), FINI)))),
        Reject::JobFinished(job)
    );
    let none = Watched::Job(JobId(77));
    let refused = world.refused(Event::SetTrigger(Box::new(new(none, FINI))));
    assert_eq!(refused, Reject::NoSuchJob(JobId(77)));
}

#[test]
fn nodes_that_are_idle_for_long_are_told() {
    let mut world = World::new();
    let job = world.running(batch(ANN));
    world.ends(job, 0);
    let ended = world.now;
    set(&mut world, NewTrigger { offset_s: 100, ..new(on_nodes("n1"), IDLE) });
    assert_eq!(runs(&world.wait(99)), []);
    let mut run = Vec::new();
    while run.is_empty() {
        run = runs(&world.wait(1));
        assert!(world.now.since(ended) < 130);
    }
    assert_eq!(run, told(1, "n1"));
}

#[test]
fn the_controller_and_slurmdbd_have_words_for_what_happens_to_them() {
    let mut world = World::new();
    set(&mut world, new(Watched::Controller, RESUMED));
    set(&mut world, new(Watched::Slurmdbd, DBD_FAIL));
    let pull = |caller| Event::TriggerTold { caller, watched: Watched::Slurmdbd, events: DBD_FAIL };
    assert_eq!(world.refused(pull(ANN)), Reject::NotYourself);
    world.accepted(pull(ROOT));
    assert_eq!(runs(&world.wait(1)), told(2, "primary_slurmdbd_failure"));
    let config = world.cluster().config().clone();
    let mut again = World { core: Core::new(world.cluster().clone()), now: world.now };
    again.accepted(Event::Configured(Box::new(ctld_core::Configuration {
        config,
        nodes: Vec::new(),
        partitions: Vec::new(),
        recover: ctld_core::Recover::NodeStates,
    })));
    assert_eq!(runs(&again.wait(1)), told(1, "primary_slurmctld_resumed_operation"));
}

const SLURM: Caller = Caller { uid: Uid(64030), gid: Gid(64030) };

fn config(slurm_user: Caller, user_triggers: bool) -> Config {
    Config {
        slurm_user: slurm_user.uid,
        user_triggers,
        slurmd_timeout_s: 0,
        priority_type: PriorityType::Basic,
        ..Config::default()
    }
}

#[test]
fn who_may_set_triggers() {
    for (slurm_user, user_triggers, may) in [
        (SLURM, false, [SLURM].as_slice()),
        (SLURM, true, &[SLURM]),
        (ROOT, false, &[ROOT]),
        (ROOT, true, &[ROOT, SLURM, ANN]),
    ] {
        for caller in [ROOT, SLURM, ANN] {
            let mut world = World::with(config(slurm_user, user_triggers));
            let new = NewTrigger { caller, ..new(Watched::Nodes(None), DOWN) };
            let answer = world.turn(Event::SetTrigger(Box::new(new))).answer;
            assert_eq!(answer.is_ok(), may.contains(&caller), "{slurm_user:?} {caller:?}");
        }
    }
    let mut world = World::with(Config { no_triggers: true, ..config(ROOT, false) });
    let refused = world.refused(Event::SetTrigger(Box::new(new(Watched::Nodes(None), DOWN))));
    assert_eq!(refused, Reject::TriggersDisabled);
}

#[test]
fn what_is_wrong_with_a_trigger_is_told() {
    let mut world = World::new();
    set(&mut world, new(Watched::Nodes(None), DOWN));
    let mut refused = |new: NewTrigger| world.refused(Event::SetTrigger(Box::new(new)));
    assert_eq!(refused(new(Watched::Nodes(None), DOWN)), Reject::TriggerExists);
    assert_eq!(refused(new(on_nodes("n9"), DOWN)), Reject::NoSuchNode("n9".into()));
    let foreign = NewTrigger { may_run: false, ..new(on_nodes("n1"), DOWN) };
    assert_eq!(refused(foreign), Reject::AccessDenied);
}

#[test]
fn triggers_are_cleared_by_their_owners_and_by_root() {
    let mut world = World::with(config(ROOT, true));
    let job = world.running(batch(ANN));
    let of_ann = |watched| NewTrigger { caller: ANN, ..new(watched, FINI | DOWN) };
    set(&mut world, of_ann(Watched::Job(job)));
    set(&mut world, of_ann(Watched::Nodes(None)));
    set(&mut world, new(Watched::Nodes(None), UP));
    let none = TriggerSelection { id: None, job: None, owner: None };
    let clear = |caller, which| Event::ClearTriggers { caller, which };
    assert_eq!(world.refused(clear(ANN, none)), Reject::InvalidValue("trigger"));
    let by_id = |id| TriggerSelection { id: Some(id), ..none };
    assert_eq!(world.refused(clear(ANN, by_id(9))), Reject::NoSuchTrigger);
    assert_eq!(world.refused(clear(ANN, by_id(3))), Reject::AccessDenied);
    world.accepted(clear(ANN, TriggerSelection { job: Some(job), ..none }));
    world.accepted(clear(ROOT, TriggerSelection { owner: Some(ANN.uid), ..none }));
    assert_eq!(world.cluster().triggers().map(|t| t.id).collect::<Vec<_>>(), [3]);
    assert_eq!(world.now, Timestamp(1_000));
}
