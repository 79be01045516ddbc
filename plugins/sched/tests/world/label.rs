//! Labels of MCS in scripts.
//!
//! ```text
//! config mcs=select
//! job 3 label=x exclusive=mcs
//! ```

use model::{JobSpec, McsSelect, TextOption};

use crate::script::Line;

/// Of a `config` line.
pub fn select(line: &mut Line<'_>) -> Option<McsSelect> {
    line.text("mcs").map(|text| match text {
        "select" => McsSelect::Always,
        "noselect" => McsSelect::Never,
        other => panic!("mcs is select or noselect, not {other}"),
    })
}

/// Of a `job` line.
pub fn read(line: &mut Line<'_>, spec: &mut JobSpec) {
    spec.carried.set_text(TextOption::McsLabel, line.text("label").map(Into::into));
}
