//! Which job starts where: a pure function from a cluster to a plan.
