use crate::shape::Limit;
use crate::version::Version::*;
use crate::wire_struct;

wire_struct! {
    /// `REQUEST_UPDATE_NODE`, `REQUEST_CREATE_NODE` and `REQUEST_DELETE_NODE`: from scontrol.
    ///
    /// NULL and `Unset` leave a field as it is. To create, `extra` holds the lines that slurm.conf
    /// would; to delete, only the names are set. A return code answers, with a text when it fails.
    pub struct UpdateNode {
        /// Token for the node's certificate.
        pub cert_token: Option<String> [V24_11..],
        /// Free text.
        pub comment: Option<String>,
        /// Default binding of tasks; 0 leaves it.
        pub cpu_bind: u32,
        /// Free text for programs.
        pub extra: Option<String>,
        /// Features that it can have.
        pub features: Option<String>,
        /// Features that it has.
        pub features_active: Option<String>,
        /// GRES.
        pub gres: Option<String>,
        /// Id of the cloud instance.
        pub instance_id: Option<String>,
        /// Type of the cloud instance.
        pub instance_type: Option<String>,
        /// `NodeAddr`.
        pub node_addr: Option<String>,
        /// `NodeHostName`.
        pub node_hostname: Option<String>,
        /// The nodes, as a host expression.
        pub node_names: Option<String>,
        /// See [`node_state::update`](crate::msg::node_state::update).
        pub node_state: Limit<u32>,
        /// PowerAction to power it up or down by.
        pub power_action_name: Option<String> [V26_05..],
        /// Why it is down or drains.
        pub reason: Option<String>,
        /// Seconds after which it resumes by itself; `Infinite` clears that.
        pub resume_after: Limit<u32>,
        /// Place in the topology.
        pub topology: Option<String> [V25_05..],
        /// Weight.
        pub weight: Limit<u32>,
    }
}

/// Bits of [`RebootNodes::flags`].
pub mod reboot_flags {
    /// The nodes drain until then.
    pub const ASAP: u16 = 1 << 0;
    /// At once, whatever runs (26.05).
    pub const FORCE: u16 = 1 << 1;
}

wire_struct! {
    /// `REQUEST_REBOOT_NODES`: from scontrol to the controller, and from it to slurmd.
    ///
    /// A return code answers, with a text when nodes are skipped.
    pub struct RebootNodes {
        /// Features that the nodes have afterwards.
        pub features: Option<String>,
        /// See [`reboot_flags`].
        pub flags: u16,
        /// State that they have afterwards.
        pub next_state: Limit<u32>,
        /// The nodes, as a host expression.
        pub node_list: Option<String>,
        /// PowerAction to reboot by.
        pub power_action_name: Option<String> [V26_05..],
        /// Why.
        pub reason: Option<String>,
    }
}

wire_struct! {
    /// `REQUEST_RUN_POWER_ACTION` (26.05): has slurmd run a program; a return code answers.
    pub struct PowerAction {
        /// The PowerAction.
        pub action_name: Option<String>,
        /// What a file for the program holds.
        pub file_content: Option<String>,
        /// The variable that names the file.
        pub file_env_name: Option<String>,
    }
}
