use model::{CronLine, Crontab, Uid};

use super::proto;
use crate::error::RecordError;

pub(crate) fn write(crontab: &Crontab) -> proto::Crontab {
    let Crontab { owner, text, disabled } = crontab;
    proto::Crontab {
        owner: owner.0,
        text: text.to_string(),
        disabled: disabled.iter().flat_map(|&(first, last)| [first, last]).collect(),
    }
}

pub(crate) fn read(record: proto::Crontab) -> Result<Crontab, RecordError> {
    let (stretches, rest) = record.disabled.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(RecordError::Missing { field: "disabled" });
    }
    Ok(Crontab {
        owner: Uid(record.owner),
        text: record.text.into(),
        disabled: stretches.iter().map(|&[first, last]| (first, last)).collect(),
    })
}

pub(super) fn write_line(line: &CronLine) -> proto::CronLine {
    let CronLine { minutes, hours, days, months, weekdays, line_start, line_end } = line;
    proto::CronLine {
        minutes: *minutes,
        hours: *hours,
        days: *days,
        months: *months,
        weekdays: *weekdays,
        line_start: *line_start,
        line_end: *line_end,
    }
}

pub(super) fn read_line(record: proto::CronLine) -> CronLine {
    let proto::CronLine { minutes, hours, days, months, weekdays, line_start, line_end } = record;
    CronLine { minutes, hours, days, months, weekdays, line_start, line_end }
}
