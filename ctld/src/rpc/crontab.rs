//! Crontabs (scrontab).

use ctld_core::{Answer, Event, NewCrontab, NewJob, Reject};
use model::{CronLine, Gid, Uid};
use protocol::msg::{
    CronEntry, CronFlags, CrontabRequest, CrontabResponse, CrontabUpdateRequest,
    CrontabUpdateResponse, JobDesc,
};
use protocol::shape::Bitmap;
use protocol::{Errno, Number};

use super::{Failure, Privilege, Reply, Request, Row, errno, submit};
use crate::view::View;

pub(super) const ROWS: &[Row] = &[
    Row::read(Number::REQUEST_CRONTAB, shown),
    Row::write(Number::REQUEST_UPDATE_CRONTAB, Privilege::Anybody, update, updated),
];

/// `REQUEST_CRONTAB`: one's own, or as an administrator anybody's.
fn shown(view: &View, request: &Request<'_>) -> Result<Reply, Failure> {
    let asked: CrontabRequest = request.decode()?;
    let config = view.cluster.config();
    if !config.crontabs {
        return Err(Failure::Code(Errno::SLURM_ERROR));
    }
    if asked.uid != request.caller.uid.0 && !submit::is_admin(view, request.caller) {
        return Err(Failure::Code(Errno::ESLURM_USER_ID_MISSING));
    }
    let crontab = view.cluster.crontab(Uid(asked.uid));
    let crontab = crontab.ok_or(Failure::Code(Errno::ESLURM_JOB_SCRIPT_MISSING))?;
    let lines = crontab.disabled.iter().map(|(first, last)| format!("{first}-{last}"));
    let body = CrontabResponse {
        crontab: Some(crontab.text.to_string()),
        disabled_lines: Some(lines.collect::<Vec<_>>().join(",")),
    };
    Ok(request.reply(Number::RESPONSE_CRONTAB, &body))
}

/// `REQUEST_UPDATE_CRONTAB`.
fn update(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let message: CrontabUpdateRequest = request.decode()?;
    if !view.cluster.config().crontabs {
        return Err(Failure::Code(Errno::SLURM_ERROR));
    }
    let owner = (message.uid, message.gid);
    let descs = if message.crontab.is_some() { message.jobs.0 } else { Vec::new() };
    let jobs: Result<Vec<_>, Failure> =
        descs.into_iter().map(|desc| cron_job(view, request, desc, owner)).collect();
    Ok(Event::SetCrontab(Box::new(NewCrontab {
        caller: request.caller,
        owner: Uid(owner.0),
        group: Gid(owner.1),
        text: message.crontab.map(Into::into),
        jobs: jobs?,
    })))
}

fn cron_job(
    view: &View,
    request: &Request<'_>,
    mut desc: JobDesc,
    owner: (u32, u32),
) -> Result<(CronLine, NewJob), Failure> {
    let entry = desc.crontab_entry.take();
    let line = entry.as_ref().and_then(line).ok_or_else(|| {
        told(request, CrontabUpdateResponse { code: Errno::SLURM_ERROR, ..Default::default() })
    })?;
    let lines = (line.line_start, line.line_end);
    let job = submit::cron_job(view, request, desc, owner).map_err(|failure| {
        let (code, text) = match &failure {
            Failure::Code(code) => (*code, None),
            Failure::CodeWithText(code, text) => (*code, Some(text.clone())),
            Failure::Rejected(reject) => (errno(reject), errno::explanation(reject)),
            Failure::Malformed(_) | Failure::Told(_) | Failure::Silent => return failure,
        };
        told(request, refusal(Some(lines), code, text))
    })?;
    Ok((line, job))
}

fn told(request: &Request<'_>, body: CrontabUpdateResponse) -> Failure {
    Failure::Told(request.reply(Number::RESPONSE_UPDATE_CRONTAB, &body))
}

fn refusal(
    lines: Option<(u32, u32)>,
    code: Errno,
    err_msg: Option<String>,
) -> CrontabUpdateResponse {
    CrontabUpdateResponse {
        err_msg,
        failed_lines: lines.map(|(first, last)| format!("{first}-{last}")),
        code,
        ..CrontabUpdateResponse::default()
    }
}

/// When a line runs; `None` if its parts are not of the size that they must be.
fn line(entry: &CronEntry) -> Option<CronLine> {
    let field = |any: CronFlags, set: &Option<Bitmap>, len: u32, from: u32| {
        let set = set.as_ref().filter(|set| set.len() == len)?;
        if entry.flags.has(any) {
            return Some(None);
        }
        // The highest place of some and the lowest of others are for scrontab's own use.
        let numbers = set.members().filter(|number| (from..from + len - 1).contains(number));
        Some(Some(numbers.fold(0, |bits, number| bits | 1 << number)))
    };
    Some(CronLine {
        minutes: field(CronFlags::WILD_MINUTE, &entry.minute, 61, 0)?,
        hours: field(CronFlags::WILD_HOUR, &entry.hour, 25, 0)?,
        days: field(CronFlags::WILD_DAY_OF_MONTH, &entry.day_of_month, 32, 1)?,
        months: field(CronFlags::WILD_MONTH, &entry.month, 13, 1)?,
        weekdays: field(CronFlags::WILD_DAY_OF_WEEK, &entry.day_of_week, 8, 0)?,
        line_start: entry.line_start,
        line_end: entry.line_end,
    })
}

/// `RESPONSE_UPDATE_CRONTAB`.
fn updated(_: &View, request: &Request<'_>, answer: Answer) -> Reply {
    let body = match answer {
        Answer::Crontab { refused: Some(refused), .. } => {
            let text = |reject: &Reject| errno::explanation(reject);
            refusal(refused.lines, errno(&refused.why), text(&refused.why))
        }
        Answer::Crontab { jobs, refused: None } => CrontabUpdateResponse {
            job_ids: jobs.iter().map(|job| job.0).collect(),
            ..CrontabUpdateResponse::default()
        },
        _ => CrontabUpdateResponse { code: Errno::ESLURM_INTERNAL, ..Default::default() },
    };
    request.reply(Number::RESPONSE_UPDATE_CRONTAB, &body)
}

#[cfg(test)]
mod tests {
    use protocol::msg::{CronEntry, CronFlags};
    use protocol::shape::Bitmap;

    use super::line;

    fn entry() -> CronEntry {
        CronEntry {
            flags: CronFlags::WILD_HOUR | CronFlags::WILD_MONTH | CronFlags::WILD_DAY_OF_WEEK,
            minute: Some(Bitmap::with(61, [0, 30, 60])),
            hour: Some(Bitmap::with(25, [])),
            day_of_month: Some(Bitmap::with(32, [0, 1, 31])),
            month: Some(Bitmap::with(13, [])),
            day_of_week: Some(Bitmap::with(8, [])),
            cronspec: Some("whatever".to_owned()),
            line_start: 4,
            line_end: 6,
        }
    }

    #[test]
    fn the_places_for_scrontabs_own_use_do_not_count() {
        let line = line(&entry()).unwrap();
        assert_eq!(line.spec(), "0,30 * 1,31 * *");
        assert_eq!((line.line_start, line.line_end), (4, 6));
    }

    #[test]
    fn parts_of_another_size_are_refused() {
        let short = CronEntry { minute: Some(Bitmap::with(60, [1])), ..entry() };
        assert_eq!(line(&short), None);
        assert_eq!(line(&CronEntry { month: None, ..entry() }), None);
    }
}
