//! The cluster as a value. Pure.
