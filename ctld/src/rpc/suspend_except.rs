//! `scontrol update SuspendExcNodes=`, `SuspendExcParts=` and `SuspendExcStates=`.

use std::sync::Arc;

use ctld_core::Event;
use model::SuspendExceptions;
use protocol::msg::{SuspendException, update_mode};
use protocol::{Errno, Hostlist, Number};

use super::{Failure, Privilege, Request, Row, done, update_node};
use crate::settings;
use crate::view::View;

/// REQUEST_SET_SUSPEND_EXC_NODES. Terms with a count are set, not added or taken away.
fn nodes(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let (value, mode) = message(request)?;
    let now = current(view);
    let text = now.nodes_text.as_deref().unwrap_or_default();
    if mode != update_mode::SET && (text.contains(':') || value.contains(':')) {
        return Err(Failure::Code(Errno::ESLURM_INVALID_NODE_NAME));
    }
    let text = match mode {
        update_mode::ADD | update_mode::REMOVE => {
            let names = |text: &str| Hostlist::parse(text).map(|list| list.names());
            let bad = |_| Failure::Code(Errno::ESLURM_INVALID_NODE_NAME);
            let (mut all, more) = (names(text).map_err(bad)?, names(&value).map_err(bad)?);
            all.retain(|name| !more.contains(name));
            if mode == update_mode::ADD {
                all.extend(more);
            }
            all.sort();
            let all: Vec<Arc<str>> = all.into_iter().map(Arc::from).collect();
            update_node::ranged(&all)
        }
        _ => value,
    };
    let names = |word: &str| {
        let names = update_node::named(view, Some(word)).unwrap_or_default();
        names.iter().map(ToString::to_string).collect()
    };
    let nodes = settings::spared_nodes(&text, names);
    Ok(event(request, SuspendExceptions { nodes_text: some(text), nodes, ..now }))
}

/// REQUEST_SET_SUSPEND_EXC_PARTS.
fn partitions(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let (value, mode) = message(request)?;
    let now = current(view);
    let text = edited(now.partitions.as_deref(), &value, mode);
    Ok(event(request, SuspendExceptions { partitions: some(text), ..now }))
}

/// REQUEST_SET_SUSPEND_EXC_STATES.
fn states(view: &View, request: &Request<'_>) -> Result<Event, Failure> {
    let (value, mode) = message(request)?;
    let now = current(view);
    let value = if mode == update_mode::SET { value } else { value.to_lowercase() };
    let text = edited(now.states_text.as_deref(), &value, mode);
    let states = settings::excepted_states(&text);
    Ok(event(request, SuspendExceptions { states_text: some(text), states, ..now }))
}

fn message(request: &Request<'_>) -> Result<(String, u32), Failure> {
    let message: SuspendException = request.decode()?;
    Ok((message.value.unwrap_or_default(), message.mode))
}

fn current(view: &View) -> SuspendExceptions {
    view.cluster.config().suspend_except.clone()
}

fn event(request: &Request<'_>, except: SuspendExceptions) -> Event {
    Event::SetSuspendExceptions { caller: request.caller, except: Box::new(except) }
}

fn some(text: String) -> Option<Arc<str>> {
    (!text.is_empty()).then(|| text.into())
}

/// A list of words, set, added to or taken from.
fn edited(now: Option<&str>, value: &str, mode: u32) -> String {
    let words = |text: &str| -> Vec<String> {
        text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let (mut all, more) = (words(now.unwrap_or_default()), words(value));
    let is_named = |word: &String| more.iter().any(|other| other.eq_ignore_ascii_case(word));
    match mode {
        update_mode::ADD => {
            let new: Vec<String> =
                more.iter().filter(|word| !all.contains(word)).cloned().collect();
            all.extend(new);
        }
        update_mode::REMOVE => all.retain(|word| !is_named(word)),
        _ => return value.to_owned(),
    }
    all.join(",")
}

pub(super) const ROWS: &[Row] = &[
    Row::write(Number::REQUEST_SET_SUSPEND_EXC_NODES, Privilege::Admin, nodes, done),
    Row::write(Number::REQUEST_SET_SUSPEND_EXC_PARTS, Privilege::Admin, partitions, done),
    Row::write(Number::REQUEST_SET_SUSPEND_EXC_STATES, Privilege::Admin, states, done),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_added_once_and_taken_away() {
        assert_eq!(edited(Some("a,b"), "c,a", update_mode::ADD), "a,b,c");
        assert_eq!(edited(Some("a,b,c"), "B", update_mode::REMOVE), "a,c");
        assert_eq!(edited(Some("a"), "", update_mode::SET), "");
        assert_eq!(edited(None, "a", update_mode::ADD), "a");
    }
}
