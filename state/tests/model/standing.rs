//! What users leave with the controller: triggers and crontabs.

use model::{Cause, CronLine, Crontab, Gid, JobId, Pulled, Trigger, Uid, Watched};

use super::Draw;

impl Draw {
    pub(super) fn trigger(&mut self) -> Trigger {
        let nodes = Some(format!("n{}", self.u32()).into());
        let job = Watched::Job(JobId(self.u32()));
        let pulled = |d: &mut Self| Pulled {
            due: d.time(),
            cause: if d.bool() {
                Cause::Nodes(d.several(Self::node))
            } else {
                Cause::Word(d.text())
            },
        };
        Trigger {
            id: self.u32(),
            owner: Uid(self.u32()),
            group: Gid(self.u32()),
            watched: self.one(&[
                job,
                Watched::Nodes(nodes),
                Watched::Nodes(None),
                Watched::Controller,
                Watched::Slurmdbd,
                Watched::Database,
                Watched::Other,
            ]),
            events: self.u32(),
            offset_s: -30_000,
            flags: u16::from(self.u8()),
            program: self.text(),
            pulled: self.maybe(pulled),
        }
    }

    pub(super) fn crontab(&mut self) -> Crontab {
        Crontab {
            owner: Uid(self.u32()),
            text: self.text(),
            disabled: self.several(|d| (d.u32(), d.u32())),
        }
    }

    pub(super) fn cron_line(&mut self) -> CronLine {
        CronLine {
            minutes: self.maybe(Self::u64),
            hours: self.maybe(Self::u64),
            days: self.maybe(Self::u64),
            months: self.maybe(Self::u64),
            weekdays: self.maybe(Self::u64),
            line_start: self.u32(),
            line_end: self.u32(),
        }
    }
}
