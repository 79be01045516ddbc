use std::fmt;
use std::io;
use std::net::AddrParseError;
use std::path::PathBuf;

use crate::key::Name;

/// Why the store could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the store open.
    #[error("the store in {} is in use by {}", dir.display(), Holder(*pid))]
    Locked {
        /// The store.
        dir: PathBuf,
        /// The other process, if it told.
        pid: Option<u32>,
    },
    /// A newer release has written the store, in a format that this one would spoil.
    #[error(
        "the store in {} was written by ctld {written_by} in format {major}; this release knows \
         formats up to {}", dir.display(), crate::FORMAT_MAJOR
    )]
    NewerFormat {
        /// The store.
        dir: PathBuf,
        /// Its format.
        major: u32,
        /// The release that wrote it last.
        written_by: String,
    },
    /// A record cannot be read.
    #[error("the record of {name} is damaged")]
    Record {
        /// Which.
        name: Name,
        /// What is wrong with it.
        source: RecordError,
    },
    /// The journal is damaged in a way that no crash explains: opening it would lose commits that
    /// were acknowledged.
    #[error("the journal {} is damaged at byte {offset}: {fault}", file.display())]
    Journal {
        /// The file.
        file: PathBuf,
        /// Where it stops to be readable.
        offset: u64,
        /// How.
        fault: JournalFault,
    },
    /// The engine does not hold the last commit that its journal has.
    #[error("the store in {} holds commit {found} where its journal ends with {expected}", dir.display())]
    Incomplete {
        /// The store.
        dir: PathBuf,
        /// The last commit that the engine holds.
        found: u64,
        /// The last commit of the journal.
        expected: u64,
    },
    /// A file of the store is not what was written there.
    #[error("{} is damaged", file.display())]
    File {
        /// The file.
        file: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
    /// The engine refused.
    #[error("cannot {doing}")]
    Engine {
        /// What was tried.
        doing: &'static str,
        /// Its answer.
        source: fjall::Error,
    },
    /// An earlier commit failed, and what is durable is not known.
    #[error("an earlier commit failed")]
    Broken,
    /// The simulated disk failed, as it was told to.
    #[error("the simulated disk failed at commit {commit}")]
    Simulated {
        /// The number of the commit, from 1.
        commit: u64,
    },
}

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Its bytes are no such record.
    #[error("it cannot be decoded")]
    Undecodable(#[from] prost::DecodeError),
    /// What is packed in it cannot be unpacked.
    #[error("what is packed in it cannot be unpacked")]
    Unpackable,
    /// A field is absent that every release writes.
    #[error("{field} is missing")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A number is larger than it can be.
    #[error("{field} cannot be {value}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// The number.
        value: u64,
    },
    /// A choice that this release does not know.
    #[error("{field} has choice {number}, which this release does not know")]
    Unknown {
        /// The field.
        field: &'static str,
        /// The number of the choice.
        number: i32,
    },
    /// A text is no network address.
    #[error("{field} is no address")]
    NoAddress {
        /// The field.
        field: &'static str,
        /// Why.
        source: AddrParseError,
    },
    /// It lies under the key of another.
    #[error("it is the record of another key")]
    WrongKey,
}

/// How a journal is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalFault {
    /// No commit can be read there, and later ones follow.
    #[error("unreadable, and later commits follow")]
    Unreadable,
    /// A journal that was closed ends in something that is no commit.
    #[error("unreadable, in a journal that was complete")]
    SealedUnreadable,
    /// Commits are missing.
    #[error("commit {found} follows commit {last}")]
    Gap {
        /// The commit there.
        found: u64,
        /// The one before it.
        last: u64,
    },
    /// The engine's own count goes back.
    #[error("sequence number {found} follows {last}")]
    Sequence {
        /// The number there.
        found: u64,
        /// The one before it.
        last: u64,
    },
    /// A commit that was not made by this store.
    #[error("a commit without the store's seal")]
    Unsealed,
}

struct Holder(Option<u32>);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("another process"),
        }
    }
}
