//! Lines about nodes that exist: `NodeSet=`, `DownNodes=`, and the power actions of 26.05.
//!
//! Facts: `_parse_nodeset`, `_parse_downnodes`, `_handle_downnodes_line`, `_parse_power_action`.

use super::{
    fields::{Column, Fields},
    host_names,
    node::NodeState,
    problem::{Cause, Place, Problems},
    value::Kind,
};

/// A named set of nodes, for partitions to name.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeSetLine {
    /// Where it stands.
    pub place: Place,
    /// The set's name.
    pub name: String,
    /// Nodes with this feature belong to it.
    pub feature: Option<String>,
    /// These nodes belong to it.
    pub nodes: Vec<String>,
    /// `Nodes=` as written.
    pub nodes_text: Option<String>,
}

/// Nodes that are to be in a state at the first start, whatever their line says.
#[derive(Clone, Debug, PartialEq)]
pub struct DownNodesLine {
    /// Where it stands.
    pub place: Place,
    /// The nodes.
    pub nodes: Vec<String>,
    /// The state; down if not given.
    pub state: NodeState,
    /// Why.
    pub reason: String,
}

/// A program that resumes or suspends nodes in a way of its own (26.05).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PowerAction {
    /// Its name.
    pub name: String,
    /// What is run.
    pub program: String,
    /// Whether the controller runs it; the node does otherwise.
    pub on_controller: bool,
}

const SET: &[Column] = &[("Feature", Kind::Text), ("Nodes", Kind::Text)];
const DOWN: &[Column] = &[("Reason", Kind::Text), ("State", Kind::Text)];
const ACTION: &[Column] = &[("Program", Kind::Text), ("Location", Kind::Text)];

fn expand(key: &'static str, text: &str) -> Result<Vec<String>, Cause> {
    host_names(text).map_err(|why| Cause::Hosts { key, value: text.to_owned(), why })
}

impl NodeSetLine {
    pub(super) fn read(
        name: &str,
        rest: &str,
        place: &Place,
        problems: &mut Problems,
    ) -> Result<Self, Cause> {
        let fields = Fields::parse(SET, rest, place, problems);
        let nodes = fields.text("Nodes");
        Ok(Self {
            place: place.clone(),
            name: name.to_owned(),
            feature: fields.text("Feature").map(str::to_owned),
            nodes: expand("Nodes", nodes.unwrap_or_default())?,
            nodes_text: nodes.map(str::to_owned),
        })
    }
}

impl DownNodesLine {
    pub(super) fn read(
        nodes: &str,
        rest: &str,
        place: &Place,
        problems: &mut Problems,
    ) -> Result<Self, Cause> {
        let fields = Fields::parse(DOWN, rest, place, problems);
        let state = fields.text("State");
        let bad = || Cause::BadValue { key: "State", value: state.unwrap_or_default().to_owned() };
        Ok(Self {
            place: place.clone(),
            nodes: expand("DownNodes", nodes)?,
            state: NodeState::parse(state.unwrap_or("DOWN")).ok_or_else(bad)?,
            reason: fields.text("Reason").unwrap_or("Set in slurm.conf").to_owned(),
        })
    }
}

impl PowerAction {
    pub(super) fn read(
        name: &str,
        rest: &str,
        place: &Place,
        problems: &mut Problems,
    ) -> Result<Self, Cause> {
        let fields = Fields::parse(ACTION, rest, place, problems);
        let lacks = |key| Cause::PowerActionLacks { action: name.to_owned(), key };
        let location = fields.text("Location").ok_or_else(|| lacks("Location"))?;
        let on_controller = match location.to_ascii_lowercase().as_str() {
            "slurmctld" => true,
            "slurmd" => false,
            _ => return Err(Cause::BadValue { key: "Location", value: location.to_owned() }),
        };
        let program = fields.text("Program").filter(|p| !p.is_empty());
        let program = program.ok_or_else(|| lacks("Program"))?.to_owned();
        Ok(Self { name: name.to_owned(), program, on_controller })
    }
}
