//! Slurm's wire protocol as values: bytes to messages and back, six releases. Pure.
