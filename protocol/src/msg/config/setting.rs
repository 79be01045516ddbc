use crate::wire_struct;

wire_struct! {
    /// `REQUEST_SET_DEBUG_LEVEL` and `REQUEST_SET_SCHEDLOG_LEVEL`: from scontrol; a return code answers.
    pub struct DebugLevel {
        /// 0 quiet, 1 fatal, 2 error, 3 info, 4 verbose, 5 to 9 debug to debug5; of the scheduler's log
        /// 0 off, 1 on.
        pub level: u32,
    }
}

wire_struct! {
    /// `REQUEST_SET_DEBUG_FLAGS`: from scontrol; a return code answers.
    pub struct DebugFlags {
        /// Bits of `DebugFlags` to clear.
        pub minus: u64,
        /// Bits to set.
        pub plus: u64,
    }
}

wire_struct! {
    /// `REQUEST_SET_FS_DAMPENING_FACTOR`: from scontrol; a return code answers.
    pub struct DampeningFactor {
        /// The factor.
        pub factor: u16,
    }
}

/// How [`SuspendException`] changes the setting.
pub mod update_mode {
    /// Replaces it.
    pub const SET: u32 = 0;
    /// Adds to it (`+=`).
    pub const ADD: u32 = 1;
    /// Takes from it (`-=`).
    pub const REMOVE: u32 = 2;
}

wire_struct! {
    /// `REQUEST_SET_SUSPEND_EXC_NODES`, `_PARTS` and `_STATES`: from scontrol; a return code answers.
    pub struct SuspendException {
        /// The new value, or what is added or taken away.
        pub value: Option<String>,
        /// See [`update_mode`].
        pub mode: u32,
    }
}
