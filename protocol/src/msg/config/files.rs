use crate::shape::NullOr;
use crate::version::Version::*;
use crate::wire_struct;

/// Who asks for configuration, in [`ConfigRequest::flags`].
pub mod config_request {
    /// A client: its own files.
    pub const CLIENT: u32 = 0;
    /// slurmd: also the files and scripts of nodes; needs root or SlurmUser.
    pub const SLURMD: u32 = 1;
    /// sackd: as a client, and it wants to hear of changes.
    pub const SACKD: u32 = 2;
}

wire_struct! {
    /// `REQUEST_CONFIG`: the configuration files, for a daemon or client that has none.
    ///
    /// [`ConfigFiles`] answers.
    pub struct ConfigRequest {
        /// See [`config_request`].
        pub flags: u32,
        /// The port at which sackd hears of changes.
        pub port: u16 [V25_05..],
    }
}

wire_struct! {
    /// A file of the configuration.
    pub struct ConfigFile {
        /// Whether there is one; a daemon deletes its copy of one that there is not.
        pub exists: bool,
        /// Whether it is a program.
        pub execute: bool,
        /// Its name, without a directory.
        pub file_name: Option<String>,
        /// What is in it.
        pub content: Option<String>,
    }
}

wire_struct! {
    /// `RESPONSE_CONFIG`, and what the controller sends after a change: the configuration files.
    ///
    /// `REQUEST_RECONFIGURE_WITH_CONFIG` to slurmd and `REQUEST_RECONFIGURE_SACKD` to sackd have the
    /// same body.
    pub struct ConfigFiles {
        /// The files.
        pub files: NullOr<ConfigFile>,
        /// `SlurmdSpoolDir`.
        pub slurmd_spool_dir: Option<String>,
    }
}
