//! What people leave with the controller: triggers, crontabs and reservations.

use model::{
    Cause, CoreSet, CronLine, Crontab, Gid, JobId, Member, Pulled, Reservation, ReservationFlags,
    Roster, Trigger, Uid, Watched,
};

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

    pub(super) fn reservation(&mut self) -> Reservation {
        Reservation {
            name: self.text(),
            id: self.u32(),
            start: self.time(),
            end: self.time(),
            duration_min: self.maybe(Self::u32),
            flags: ReservationFlags(self.u64()),
            nodes: self.several(Self::node),
            cores: self
                .maybe(|d| d.several(|d| (d.node(), d.several::<u32, CoreSet>(|d| d.u8().into())))),
            partition: self.maybe(Self::text),
            features: self.maybe(Self::text),
            licenses: self.several(Self::license),
            licenses_text: self.maybe(Self::text),
            burst_buffer: self.maybe(Self::text),
            comment: self.maybe(Self::text),
            users: self.roster(),
            accounts: self.roster(),
            partitions: self.roster(),
            groups: self.maybe(Self::text),
            group_members: self.several(|d| Uid(d.u32())),
            max_start_delay_s: self.u32(),
            purge_comp_s: self.u32(),
            idle_since: self.maybe(Self::time),
            begun: self.bool(),
            over: self.bool(),
        }
    }

    fn roster(&mut self) -> Roster {
        let member = |d: &mut Self| Member { name: d.text(), user: d.maybe(|d| Uid(d.u32())) };
        Roster { denies: self.bool(), members: self.several(member) }
    }
}
