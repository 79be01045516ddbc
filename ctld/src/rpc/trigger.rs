//! Triggers (strigger).

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use ctld_core::{Caller, Event, NewTrigger, TriggerSelection};
use model::{JobId, Uid, Watched};
use protocol::msg::{Trigger, Triggers, trigger_resource};
use protocol::shape::Limit;
use protocol::{Errno, Number};

use super::{Failure, Privilege, Reply, Request, Row, done};
use crate::view::View;

pub(super) const ROWS: &[Row] = &[
    Row::write(Number::REQUEST_TRIGGER_SET, Privilege::Anybody, set, done),
    Row::read(Number::REQUEST_TRIGGER_GET, get),
    Row::write(Number::REQUEST_TRIGGER_CLEAR, Privilege::Anybody, clear, done),
    Row::write(Number::REQUEST_TRIGGER_PULL, Privilege::Anybody, pull, done),
];

/// Zero of [`Trigger::offset`].
const OFFSET_ZERO: u16 = 0x8000;

/// `REQUEST_TRIGGER_SET`. strigger sends one at a time; slurmctld takes several too, and keeps the
/// good ones beside a bad one, which nobody has asked for.
fn set(_: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let trigger = only(request)?;
    let program: Arc<str> = trigger.program.clone().unwrap_or_default().into();
    Ok(Event::SetTrigger(Box::new(NewTrigger {
        caller: request.caller,
        watched: watched(&trigger),
        events: trigger.event,
        offset_s: i32::from(trigger.offset) - i32::from(OFFSET_ZERO),
        flags: trigger.flags,
        may_run: may_run(&program, request.caller),
        program,
    })))
}

fn only(request: &Request<'_>) -> Result<Trigger, Failure> {
    let message: Triggers = request.decode()?;
    let [trigger] =
        <[Trigger; 1]>::try_from(message.triggers).map_err(|_| Failure::Code(Errno::ESRCH))?;
    Ok(trigger)
}

fn watched(trigger: &Trigger) -> Watched {
    let id = trigger.resource_id.as_deref().filter(|id| !id.starts_with('*'));
    match trigger.resource {
        trigger_resource::JOB => Watched::Job(job(trigger)),
        trigger_resource::NODE => {
            Watched::Nodes(id.filter(|nodes| !nodes.is_empty()).map(Arc::from))
        }
        trigger_resource::SLURMCTLD => Watched::Controller,
        trigger_resource::SLURMDBD => Watched::Slurmdbd,
        trigger_resource::DATABASE => Watched::Database,
        _ => Watched::Other,
    }
}

/// The number of the job; no job has the number of what is none.
fn job(trigger: &Trigger) -> JobId {
    let text = trigger.resource_id.as_deref().unwrap_or_default();
    JobId(text.trim().parse().unwrap_or(0))
}

/// Whether the file is one that the caller may execute, as slurmctld looks at it.
fn may_run(program: &str, caller: Caller) -> bool {
    let path = program.split_whitespace().next().unwrap_or_default();
    let Ok(file) = Path::new(path).metadata() else {
        return false;
    };
    let shift = match (file.uid() == caller.uid.0, file.gid() == caller.gid.0) {
        (true, _) => 6,
        (false, true) => 3,
        (false, false) => 0,
    };
    file.is_file() && file.mode() >> shift & 1 == 1
}

/// `REQUEST_TRIGGER_GET`: all that wait. The client picks those that were asked for.
fn get(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    request.decode::<Triggers>()?;
    let waiting = view.cluster.triggers().filter(|trigger| trigger.pulled.is_none());
    let triggers = waiting.map(|trigger| shown(trigger)).collect();
    Ok(request.reply(Number::RESPONSE_TRIGGER_GET, &Triggers { triggers }))
}

fn shown(trigger: &model::Trigger) -> Trigger {
    let all = || Some("*".to_owned());
    let (resource, resource_id) = match &trigger.watched {
        Watched::Job(job) => (trigger_resource::JOB, Some(job.to_string())),
        Watched::Nodes(Some(nodes)) => (trigger_resource::NODE, Some(nodes.to_string())),
        Watched::Nodes(None) => (trigger_resource::NODE, all()),
        Watched::Controller => (trigger_resource::SLURMCTLD, all()),
        Watched::Slurmdbd => (trigger_resource::SLURMDBD, all()),
        Watched::Database => (trigger_resource::DATABASE, all()),
        Watched::Other => (trigger_resource::OTHER, None),
    };
    let offset = i32::from(OFFSET_ZERO) + trigger.offset_s;
    Trigger {
        flags: trigger.flags,
        id: trigger.id,
        resource,
        resource_id,
        event: trigger.events,
        control_index: 0,
        offset: u16::try_from(offset).unwrap_or(OFFSET_ZERO),
        user_id: Limit::Value(trigger.owner.0),
        program: Some(trigger.program.to_string()),
    }
}

/// `REQUEST_TRIGGER_CLEAR`.
fn clear(_: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let trigger = only(request)?;
    let about_job = trigger.resource == trigger_resource::JOB;
    if about_job && job(&trigger) == JobId(0) {
        return Err(Failure::Code(Errno::ESLURM_INVALID_JOB_ID));
    }
    let which = TriggerSelection {
        id: Some(trigger.id).filter(|id| *id != 0),
        job: about_job.then(|| job(&trigger)),
        owner: trigger.user_id.value().map(Uid),
    };
    Ok(Event::ClearTriggers { caller: request.caller, which })
}

/// `REQUEST_TRIGGER_PULL`, from slurmdbd and backup controllers.
fn pull(_: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let trigger = only(request)?;
    let watched = watched(&trigger);
    Ok(Event::TriggerTold { caller: request.caller, watched, events: trigger.event })
}

#[cfg(test)]
mod tests {
    use ctld_core::{Caller, Event};
    use model::{Gid, Uid, Watched};
    use protocol::Number;

    use super::may_run;
    use crate::rpc::{Kind, fixtures, row};

    /// `strigger --set --node --down --program=/bin/true`, `--get`, `--clear --id=1`.
    #[test]
    fn what_strigger_sends_is_understood() {
        let view = fixtures::golden();
        let frames = fixtures::captured(Number::REQUEST_TRIGGER_SET);
        assert!(!frames.is_empty());
        for frame in frames {
            let (number, version) = (frame.header.number, frame.header.version);
            let request = fixtures::request(number, version, &frame.body);
            let Some(Kind::Write(set, _)) = row(number).map(|row| row.kind) else {
                panic!("it is a write")
            };
            let Ok(Event::SetTrigger(new)) = set(&view, &request) else { panic!("it is refused") };
            assert_eq!((&new.watched, new.events), (&Watched::Nodes(None), 1 << 1));
            assert_eq!((new.offset_s, new.flags, &*new.program), (0, 0, "/bin/true"));
            assert!(new.may_run);
        }
        for frame in fixtures::captured(Number::REQUEST_TRIGGER_CLEAR) {
            let (number, version) = (frame.header.number, frame.header.version);
            let request = fixtures::request(number, version, &frame.body);
            let Some(Kind::Write(clear, _)) = row(number).map(|row| row.kind) else {
                panic!("it is a write")
            };
            let Ok(Event::ClearTriggers { which, .. }) = clear(&view, &request) else {
                panic!("it is refused")
            };
            assert_eq!((which.id, which.job, which.owner), (Some(1), None, None), "{version:?}");
        }
    }

    #[test]
    fn a_program_must_be_a_file_that_its_owner_may_execute() {
        let nobody = Caller { uid: Uid(65534), gid: Gid(65534) };
        assert!(may_run("/bin/sh -c true", nobody));
        assert!(!may_run("/etc/passwd", nobody));
        assert!(!may_run("/bin", nobody));
        assert!(!may_run("/nonexistent", nobody));
        assert!(!may_run("", nobody));
    }
}
