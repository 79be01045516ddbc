//! The same commands on two controllers, and what they print differently.
