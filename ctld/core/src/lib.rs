//! The controller's decisions: an event becomes changes and effects. Pure.
