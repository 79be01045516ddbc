//! MCSPlugin and MCSParameters.

use std::sync::Arc;

use model::{Gid, Mcs, McsPlugin, McsSelect};
use tracing::warn;

use crate::config::Keys;
use crate::users::Users;

/// What they say. Words count by being part of the text before the colon, as in stock (24.11); the groups of
/// mcs/group are behind it. Where none of those is known here, nothing of the rest counts either.
pub(super) fn mcs(keys: &Keys, users: &Users) -> Mcs {
    let Some(plugin) = keys.mcs_plugin.as_deref().and_then(plugin) else {
        return Mcs::default();
    };
    let text = keys.mcs_parameters.as_deref().unwrap_or_default();
    let (words, list) = text.split_once(':').unwrap_or((text, ""));
    let words = words.to_ascii_lowercase();
    let has = |word: &str| words.contains(word);
    let select = if has("noselect") {
        McsSelect::Never
    } else if has("select") && !has("ondemandselect") {
        McsSelect::Always
    } else {
        McsSelect::OnDemand
    };
    let (enforced, private) = (has("enforced"), has("privatedata"));
    let groups = match plugin {
        McsPlugin::Group => groups(list, users),
        McsPlugin::User | McsPlugin::Account | McsPlugin::Label => Arc::default(),
    };
    if plugin == McsPlugin::Group && groups.is_empty() {
        warn!(groups = list, "no valid groups in MCSParameters: ondemand, ondemandselect set");
        return Mcs { plugin: Some(plugin), ..Mcs::default() };
    }
    Mcs { plugin: Some(plugin), enforced, select, private, groups }
}

/// The plugin of a name, if there is one.
fn plugin(name: &str) -> Option<McsPlugin> {
    match name {
        "mcs/user" => Some(McsPlugin::User),
        "mcs/group" => Some(McsPlugin::Group),
        "mcs/account" => Some(McsPlugin::Account),
        "mcs/label" => Some(McsPlugin::Label),
        _ => None,
    }
}

/// `one|two|three`; of several, the last ends at a colon.
fn groups(list: &str, users: &Users) -> Arc<[(Gid, Arc<str>)]> {
    let list = match list.rsplit_once('|') {
        Some((first, last)) => {
            let last = last.split(':').next().unwrap_or_default();
            format!("{first}|{last}")
        }
        None => list.to_owned(),
    };
    let known = |name: &str| {
        let gid = users.gid(name);
        let found = gid.and_then(|gid| Some((gid, users.group_name(gid)?)));
        if found.is_none() {
            warn!(group = name, "invalid group in MCSParameters");
        }
        found
    };
    list.split('|').filter(|name| !name.is_empty()).filter_map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(plugin: &str, parameters: &str) -> Mcs {
        let keys = Keys {
            mcs_plugin: Some(plugin.to_owned()),
            mcs_parameters: Some(parameters.to_owned()),
            ..Keys::default()
        };
        mcs(&keys, &Users::default())
    }

    #[test]
    fn words_count_wherever_they_stand_before_the_colon() {
        let select = |text: &str| read("mcs/user", text).select;
        assert_eq!(select("enforced"), McsSelect::OnDemand);
        assert_eq!(select("ondemand,ondemandselect"), McsSelect::OnDemand);
        assert_eq!(select("enforced,NoSelect"), McsSelect::Never);
        assert_eq!(select("ondemand,select,privatedata"), McsSelect::Always);
        let (first, second) =
            (read("mcs/user", "Enforced:privatedata"), read("mcs/label", "privatedata"));
        assert_eq!((first.enforced, first.private), (true, false));
        assert_eq!((second.enforced, second.private), (false, true));
        assert_eq!(read("mcs/none", "enforced"), Mcs::default());
    }

    #[test]
    fn groups_are_those_that_are_known_here_and_without_any_nothing_else_counts() {
        let groups = |text: &str| {
            let mcs = read("mcs/group", text);
            let names: Vec<String> = mcs.groups.iter().map(|(_, name)| name.to_string()).collect();
            (mcs.enforced, names)
        };
        let root = || vec!["root".to_owned()];
        assert_eq!(groups("enforced:root"), (true, root()));
        assert_eq!(groups("enforced:0"), (true, root()), "by number");
        assert_eq!(groups("enforced:no such group|root:more"), (true, root()));
        assert_eq!(groups("enforced:no such group"), (false, Vec::new()));
        assert_eq!(groups("enforced"), (false, Vec::new()));
    }
}
