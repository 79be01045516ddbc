//! Labels of MCS in scripts, and with whom a job shares its nodes.
//!
//! ```text
//! config mcs=select
//! job 3 label=x exclusive=mcs
//! ```

use model::{Exclusive, JobSpec, McsSelect, TextOption};

use crate::script::Line;

/// Of a `config` line.
pub fn select(line: &mut Line<'_>) -> Option<McsSelect> {
    line.text("mcs").map(|text| match text {
        "select" => McsSelect::Always,
        "noselect" => McsSelect::Never,
        other => panic!("mcs is select or noselect, not {other}"),
    })
}

/// Of a `job` line: `exclusive`, `exclusive=user`, `exclusive=mcs`.
pub fn exclusive(line: &mut Line<'_>) -> Exclusive {
    match line.text("exclusive") {
        None => Exclusive::Unset,
        Some("") => Exclusive::Node,
        Some("user") => Exclusive::User,
        Some("mcs") => Exclusive::Mcs,
        Some(other) => panic!("exclusive, exclusive=user or exclusive=mcs, not {other}"),
    }
}

/// Of a `job` line.
pub fn read(line: &mut Line<'_>, spec: &mut JobSpec) {
    spec.carried.set_text(TextOption::McsLabel, line.text("label").map(Into::into));
}
