//! Messages meet the cluster: a request becomes a reply (a read) or an event (a write), an answer or
//! a reject becomes a reply, an effect becomes a message.
//!
//! The table of requests is [`row`]; each family's file names its own rows. To add a request: its
//! codec in `protocol::msg`, a function of one of the two kinds in the family's file, a row in that
//! file's `ROWS`.

mod array_reply;
mod build_info;
pub mod cache;
pub mod client_message;
mod complete;
mod control;
pub mod credential;
mod crontab;
pub mod environment;
mod errno;
mod facility_info;
mod field;
mod file_copy;
#[cfg(test)]
pub(crate) mod fixtures;
mod gres;
mod job_id;
mod job_info;
mod job_query;
#[cfg(test)]
mod job_tests;
pub mod job_word;
mod kill;
mod node_info;
pub mod node_message;
mod odd_job;
mod partition_info;
mod priorities;
#[cfg(test)]
mod privilege_tests;
mod program;
mod registration;
mod requeue;
mod reservation_info;
mod reservation_update;
pub(crate) mod sheet;
pub mod sluid;
mod state_word;
mod stats_info;
mod step_create;
mod step_info;
pub mod submit;
mod suspend_except;
pub(crate) mod tres;
mod trigger;
mod update_job;
mod update_node;
mod update_partition;
mod visible;

use std::net::SocketAddr;

use bytes::Bytes;
use ctld_core::{Answer, Caller, Event, Reject};
use model::Timestamp;
use protocol::wire::{self, DecodeError, Wire};
use protocol::{Errno, Number, Version, msg};

use crate::view::View;

pub use errno::errno;

/// A request whose sender is known.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The message.
    pub number: Number,
    /// The sender's release: the reply's too.
    pub version: Version,
    /// Who sent it.
    pub caller: Caller,
    /// Where from.
    pub peer: SocketAddr,
    /// The machine that its token was made on, by its own short name; empty if the token does not say.
    pub host: &'a str,
    /// Its body.
    pub body: &'a [u8],
    /// When it came.
    pub now: Timestamp,
}

impl Request<'_> {
    /// The body as a message.
    ///
    /// # Errors
    ///
    /// [`Failure::Malformed`] if it is none.
    pub fn decode<T: Wire>(&self) -> Result<T, Failure> {
        wire::from_bytes(self.body, self.version).map_err(Failure::Malformed)
    }

    /// A reply in the sender's release.
    pub fn reply<T: Wire>(&self, number: Number, body: &T) -> Reply {
        Reply { number, body: wire::to_bytes(body, self.version), tail: Vec::new(), version: None }
    }

    /// A bare return code.
    pub fn return_code(&self, code: Errno) -> Reply {
        self.reply(Number::RESPONSE_SLURM_RC, &msg::ReturnCode { code })
    }

    /// A return code with a text that the client prints.
    pub fn explained(&self, code: Errno, text: String) -> Reply {
        let body = msg::ReturnCodeMessage { code, message: Some(text) };
        self.reply(Number::RESPONSE_SLURM_RC_MSG, &body)
    }
}

/// What goes back to the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The message.
    pub number: Number,
    /// Its body.
    pub body: Vec<u8>,
    /// The rest of its body: bytes that replies share.
    pub tail: Vec<Bytes>,
    /// The release of its body and header, if it is not the sender's.
    pub version: Option<Version>,
}

#[cfg(test)]
impl Reply {
    /// The whole body.
    fn whole(&self) -> Vec<u8> {
        [&self.body[..], &self.tail.concat()].concat()
    }
}

/// Why a request has no reply of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The body cannot be read: the connection is closed, as stock controllers do.
    #[error("malformed body: {0}")]
    Malformed(DecodeError),
    /// The core refuses it.
    #[error(transparent)]
    Rejected(#[from] Reject),
    /// A number that Slurm has for it.
    #[error("{0}")]
    Code(Errno),
    /// A number, and a text that the client prints.
    #[error("{0}: {1}")]
    CodeWithText(Errno, String),
    /// A reply that tells more than a number.
    #[error("refused")]
    Told(Reply),
    /// Stock controllers leave such a sender without an answer.
    #[error("the sender may not send this")]
    Silent,
}

/// Answers at once, on the published cluster.
pub type Read = fn(&View, &Request<'_>) -> Result<Reply, Failure>;
/// Makes an event of a request; all that the domain forbids is the core's to refuse.
pub type Write = fn(&View, &Request<'_>) -> Result<Event, Failure>;
/// Makes the reply of an accepted event, on the cluster that has it.
pub type Answered = fn(&View, &Request<'_>, Answer) -> Reply;

/// The same, where the reply proves something to nodes.
pub type Signed = fn(&View, &Request<'_>, Answer, &credential::Signer<'_>) -> Reply;

/// Answers at once, with something that proves something to nodes.
pub type ReadSigned = fn(&View, &Request<'_>, &credential::Signer<'_>) -> Result<Reply, Failure>;

/// How a request is served.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// On the published cluster.
    Read(Read),
    /// On the published cluster; the reply holds a credential.
    ReadSigned(ReadSigned),
    /// Through the core.
    Write(Write, Answered),
    /// Through the core; the reply holds a credential.
    WriteSigned(Write, Signed),
    /// By the program itself: it ends, reads its configuration, changes its log level.
    Program(Command),
}

/// What the program itself does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// REQUEST_SHUTDOWN.
    Shutdown,
    /// REQUEST_RECONFIGURE.
    Reconfigure,
    /// REQUEST_CONFIG: the files are read from disk.
    Config,
    /// REQUEST_BATCH_SCRIPT: the script is read from the store.
    BatchScript,
    /// REQUEST_SET_DEBUG_LEVEL and its like.
    Tune,
    /// REQUEST_AUTH_TOKEN.
    Token,
    /// REQUEST_CONTROL, REQUEST_TAKEOVER.
    Control,
}

/// Who may send a request at all, from the privilege column of Slurm's RPC table. What depends on
/// the job or node named is the core's to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// Anybody with a good token.
    Anybody,
    /// root, SlurmUser or SlurmdUser.
    Daemon,
    /// root or SlurmUser.
    Admin,
}

/// A request that is served.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The message.
    pub number: Number,
    /// Who may send it.
    pub privilege: Privilege,
    /// How it is served.
    pub kind: Kind,
    /// Senders of older releases do not wait for an answer, and none is sent to them.
    pub answered_from: Version,
}

impl Row {
    /// A read that anybody may ask for.
    pub const fn read(number: Number, read: Read) -> Self {
        Self::of(number, Privilege::Anybody, Kind::Read(read))
    }

    /// A write.
    pub const fn write(
        number: Number,
        privilege: Privilege,
        write: Write,
        answered: Answered,
    ) -> Self {
        Self::of(number, privilege, Kind::Write(write, answered))
    }

    pub(super) const fn of(number: Number, privilege: Privilege, kind: Kind) -> Self {
        Self { number, privilege, kind, answered_from: Version::OLDEST }
    }

    /// The same, answered only to senders of this release and newer ones.
    #[must_use]
    pub const fn answered_from(self, version: Version) -> Self {
        Self { answered_from: version, ..self }
    }

    /// A command to the program.
    pub const fn program(number: Number, privilege: Privilege, command: Command) -> Self {
        Self::of(number, privilege, Kind::Program(command))
    }
}

/// Every request that is served, by family.
const ROWS: &[&[Row]] = &[
    // One family a line: two that are added at a time then meet nowhere.
    complete::ROWS,
    control::ROWS,
    kill::ROWS,
    job_info::ROWS,
    node_info::ROWS,
    odd_job::ROWS,
    partition_info::ROWS,
    program::ROWS,
    registration::ROWS,
    requeue::ROWS,
    reservation_update::ROWS,
    step_create::ROWS,
    submit::ROWS,
    submit::HET_ROWS,
    update_job::ROWS,
    update_node::ROWS,
    suspend_except::ROWS,
    update_partition::ROWS,
    build_info::ROWS,
    facility_info::ROWS,
    job_query::ROWS,
    priorities::ROWS,
    stats_info::ROWS,
    step_info::ROWS,
    trigger::ROWS,
    crontab::ROWS,
    file_copy::ROWS,
    reservation_info::ROWS,
];

/// The row of a message.
pub fn row(number: Number) -> Option<&'static Row> {
    ROWS.iter().copied().flatten().find(|row| row.number == number)
}

/// The reply of a write that has nothing to tell but that it was done.
pub fn done(_: &View, request: &Request<'_>, _: Answer) -> Reply {
    request.return_code(Errno::SLURM_SUCCESS)
}

/// The reply to a request that failed; `None` closes the connection without one.
pub fn failed(request: &Request<'_>, failure: &Failure) -> Option<Reply> {
    let code = match failure {
        Failure::Malformed(_) | Failure::Silent => return None,
        // A slurmd that hears of an error registers again at once, and again.
        Failure::Rejected(_) if request.number == Number::MESSAGE_NODE_REGISTRATION_STATUS => {
            Errno::SLURM_SUCCESS
        }
        Failure::Rejected(reject) => match errno::explanation(reject) {
            Some(text) => return Some(request.explained(errno(reject), text)),
            None => errno::in_release(request.version, reject),
        },
        Failure::Code(code) => *code,
        Failure::Told(reply) => return Some(reply.clone()),
        Failure::CodeWithText(code, text) => return Some(request.explained(*code, text.clone())),
    };
    Some(request.return_code(code))
}
