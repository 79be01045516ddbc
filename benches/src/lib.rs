//! What README promises, measured.
