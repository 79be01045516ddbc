//! The crontabs that the controller keeps for users (scrontab).

use crate::Errno;
use crate::msg::{CronFlags, JobDesc};
use crate::shape::{Bitmap, ShortArray};
use crate::wire::{DecodeError, Reader, Wire, Writer};
use crate::wire_struct;

wire_struct! {
    /// `REQUEST_CRONTAB`: the crontab of a user, please. From scrontab, answered by
    /// `RESPONSE_CRONTAB`.
    pub struct CrontabRequest {
        /// The user.
        pub uid: u32,
    }
}

wire_struct! {
    /// `RESPONSE_CRONTAB`: the controller's answer.
    pub struct CrontabResponse {
        /// The text as the user wrote it.
        pub crontab: Option<String>,
        /// Lines that no longer run, as a range expression.
        pub disabled_lines: Option<String>,
    }
}

wire_struct! {
    /// `REQUEST_UPDATE_CRONTAB`: replaces a user's crontab. From scrontab, answered by
    /// `RESPONSE_UPDATE_CRONTAB`.
    pub struct CrontabUpdateRequest {
        /// The text; NULL removes it.
        pub crontab: Option<String>,
        /// A job for each line.
        pub jobs: ShortArray<JobDesc>,
        /// The user.
        pub uid: u32,
        /// The group.
        pub gid: u32,
    }
}

wire_struct! {
    /// `RESPONSE_UPDATE_CRONTAB`: the controller's answer.
    pub struct CrontabUpdateResponse {
        /// What was wrong.
        pub err_msg: Option<String>,
        /// What the job_submit plugin has to say.
        pub job_submit_user_msg: Option<String>,
        /// The lines that failed, as a range expression.
        pub failed_lines: Option<String>,
        /// The new jobs.
        pub job_ids: Vec<u32>,
        /// 0, or why not.
        pub code: Errno,
    }
}

wire_struct! {
    /// When a line of a crontab runs, and where it stands.
    pub struct CronEntry {
        /// Which parts are `*`.
        pub flags: CronFlags,
        /// Minutes, out of 61 numbers.
        pub minute: Option<Bitmap>,
        /// Hours, out of 25.
        pub hour: Option<Bitmap>,
        /// Days of the month, out of 32.
        pub day_of_month: Option<Bitmap>,
        /// Months, out of 13.
        pub month: Option<Bitmap>,
        /// Days of the week, out of 8; Sunday is 0.
        pub day_of_week: Option<Bitmap>,
        /// The five parts as they were written.
        pub cronspec: Option<String>,
        /// First line in the crontab, with its `#SCRON` lines.
        pub line_start: u32,
        /// Last line in the crontab.
        pub line_end: u32,
    }
}

/// One byte says whether there is one.
impl Wire for Option<CronEntry> {
    fn encode(&self, w: &mut Writer) {
        self.is_some().encode(w);
        if let Some(entry) = self {
            entry.encode(w);
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        bool::decode(r)?.then(|| CronEntry::decode(r)).transpose()
    }
}
