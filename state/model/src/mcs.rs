//! Multi-Category Security: labels of jobs, and nodes that are shared under one label only.

use std::sync::Arc;

use crate::config::Config;
use crate::id::Gid;
use crate::job::{Exclusive, Job, JobSpec, Phase, TextOption};

/// What MCSPlugin and MCSParameters say. The default is that of a cluster without the plugin, where a label is
/// any text, and closes the nodes of jobs that ask for it (`--exclusive=mcs`), as in stock (24.11, 26.05).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mcs {
    /// What a label is.
    pub plugin: Option<McsPlugin>,
    /// `enforced`: every job has a label, and not only those that ask for one.
    pub enforced: bool,
    /// Which labels close nodes.
    pub select: McsSelect,
    /// `privatedata`: what PrivateData hides is shown to those who share the label.
    pub private: bool,
    /// mcs/group: the groups that a label may be, in the order in which they are looked through.
    pub groups: Arc<[(Gid, Arc<str>)]>,
}

/// MCSPlugin: what a label is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum McsPlugin {
    /// mcs/user: the name of the job's owner.
    User,
    /// mcs/group: one of the owner's groups.
    Group,
    /// mcs/account: the job's account.
    Account,
    /// mcs/label: any text, since 24.11.
    Label,
}

/// Which jobs close their nodes to jobs without their label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum McsSelect {
    /// `noselect`: none.
    Never,
    /// `ondemandselect`: those that ask for it (`--exclusive=mcs`).
    #[default]
    OnDemand,
    /// `select`: all that have a label.
    Always,
}

/// The label that was asked for is not one that the job may have, or there is none that it could have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such label for this job")]
pub struct BadLabel;

/// The groups of a job's owner: names, and the one that it runs as.
#[derive(Clone, Copy, Debug)]
pub struct Groups<'a> {
    /// The names of those that the owner is in.
    pub names: &'a [Arc<str>],
    /// The job's own.
    pub own: Gid,
}

impl Mcs {
    /// The label of a job that asks for one, or for none.
    ///
    /// # Errors
    ///
    /// If it may not have that one, or has to have one and there is none.
    pub fn label(
        &self,
        spec: &JobSpec,
        asked: Option<&Arc<str>>,
        groups: Groups<'_>,
    ) -> Result<Option<Arc<str>>, BadLabel> {
        let text = |option| spec.carried.text(option).cloned();
        let own = match self.plugin {
            None | Some(McsPlugin::Label) => return Ok(asked.cloned()),
            Some(McsPlugin::Group) => return self.group(spec, asked, groups),
            Some(McsPlugin::User) => text(TextOption::UserName),
            Some(McsPlugin::Account) => text(TextOption::Account),
        };
        match asked {
            Some(_) if own.as_ref() == asked => Ok(own),
            Some(_) => Err(BadLabel),
            None => Ok(own.filter(|_| self.is_wanted(spec))),
        }
    }

    /// The first of the groups that the owner is in, unless one is named, by its name or number.
    fn group(
        &self,
        spec: &JobSpec,
        asked: Option<&Arc<str>>,
        groups: Groups<'_>,
    ) -> Result<Option<Arc<str>>, BadLabel> {
        let has =
            |(gid, name): &&(Gid, Arc<str>)| *gid == groups.own || groups.names.contains(name);
        let mut usable = self.groups.iter().filter(has);
        match asked {
            Some(asked) => {
                let number = asked.parse().ok().map(Gid);
                let is_meant =
                    |(gid, name): &(Gid, Arc<str>)| name == asked || number == Some(*gid);
                usable.any(is_meant).then(|| Some(Arc::clone(asked))).ok_or(BadLabel)
            }
            None if self.is_wanted(spec) => {
                usable.next().map(|(_, name)| Some(Arc::clone(name))).ok_or(BadLabel)
            }
            None => Ok(None),
        }
    }

    /// Whether a job that names no label has one nevertheless.
    fn is_wanted(&self, spec: &JobSpec) -> bool {
        self.enforced || asks_for_nodes(spec)
    }

    /// The label under which a job has its nodes: only jobs that have theirs under the same come beside it.
    pub fn closes<'s>(&self, spec: &'s JobSpec) -> Option<&'s Arc<str>> {
        match self.select {
            McsSelect::Never => None,
            McsSelect::OnDemand if !asks_for_nodes(spec) => None,
            McsSelect::OnDemand | McsSelect::Always => spec.carried.text(TextOption::McsLabel),
        }
    }

    /// Whether a job that would have its nodes under a label, or under none, may come beside one that is there.
    ///
    /// Nodes keep their label until the last job is gone; one without a label that has not the node any more
    /// does not keep others off.
    pub fn may_join(&self, label: Option<&Arc<str>>, other: &Job) -> bool {
        let theirs = self.closes(&other.spec);
        let is_leaving = matches!(other.phase, Phase::Suspended | Phase::Completing(_));
        theirs == label || theirs.is_none() && is_leaving
    }
}

/// `--exclusive=mcs`. Specialized cores come with whole nodes, whatever else is asked for.
fn asks_for_nodes(spec: &JobSpec) -> bool {
    spec.exclusive == Exclusive::Mcs && spec.core_spec.is_none()
}

impl Config {
    /// The label under which nodes are that these jobs are on.
    pub fn node_label<'j>(
        &self,
        mut jobs: impl Iterator<Item = &'j Arc<Job>>,
    ) -> Option<&'j Arc<str>> {
        jobs.find_map(|job| self.mcs.closes(&job.spec))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["staff", "physics", "math"];

    fn spec(exclusive: Exclusive) -> JobSpec {
        let mut spec = JobSpec { exclusive, ..JobSpec::default() };
        spec.carried.set_text(TextOption::UserName, Some("alice".into()));
        spec.carried.set_text(TextOption::Account, Some("chem".into()));
        spec
    }

    fn label(
        mcs: &Mcs,
        exclusive: Exclusive,
        asked: Option<&str>,
    ) -> Result<Option<String>, BadLabel> {
        let names: Vec<Arc<str>> = NAMES[..2].iter().map(|name| (*name).into()).collect();
        let groups = Groups { names: &names, own: Gid(7) };
        let asked = asked.map(Arc::from);
        let label = mcs.label(&spec(exclusive), asked.as_ref(), groups)?;
        Ok(label.map(|label| label.to_string()))
    }

    fn of(plugin: McsPlugin, enforced: bool) -> Mcs {
        let groups =
            [(Gid(3), "math".into()), (Gid(2), "physics".into()), (Gid(1), "staff".into())];
        Mcs { plugin: Some(plugin), enforced, groups: groups.into(), ..Mcs::default() }
    }

    #[test]
    fn a_label_is_what_the_plugin_says_it_is() {
        let some = |text: &str| Ok(Some(text.to_owned()));
        let (plain, asks) = (Exclusive::Unset, Exclusive::Mcs);
        for (plugin, own) in [(McsPlugin::User, "alice"), (McsPlugin::Account, "chem")] {
            assert_eq!(label(&of(plugin, false), plain, None), Ok(None));
            assert_eq!(label(&of(plugin, false), asks, None), some(own));
            assert_eq!(label(&of(plugin, true), plain, None), some(own));
            assert_eq!(label(&of(plugin, false), plain, Some(own)), some(own));
            assert_eq!(label(&of(plugin, false), plain, Some("bob")), Err(BadLabel));
        }
        for mcs in [of(McsPlugin::Label, true), Mcs::default()] {
            assert_eq!(label(&mcs, asks, None), Ok(None));
            assert_eq!(label(&mcs, asks, Some("x")), some("x"));
        }
    }

    #[test]
    fn a_group_is_the_first_in_the_list_that_the_owner_is_in() {
        let some = |text: &str| Ok(Some(text.to_owned()));
        let mcs = of(McsPlugin::Group, true);
        assert_eq!(label(&mcs, Exclusive::Unset, None), some("physics"), "not math");
        assert_eq!(label(&mcs, Exclusive::Unset, Some("staff")), some("staff"));
        assert_eq!(label(&mcs, Exclusive::Unset, Some("1")), some("1"), "as it was written");
        for wrong in ["math", "3", "nobody"] {
            assert_eq!(label(&mcs, Exclusive::Unset, Some(wrong)), Err(BadLabel));
        }
        let mcs = Mcs { groups: [(Gid(3), "math".into())].into(), ..mcs };
        assert_eq!(label(&mcs, Exclusive::Unset, None), Err(BadLabel), "has to have one");
        assert_eq!(
            label(&Mcs { enforced: false, ..mcs.clone() }, Exclusive::Unset, None),
            Ok(None)
        );
        let own = Mcs { groups: [(Gid(7), "own".into())].into(), ..mcs };
        assert_eq!(
            label(&own, Exclusive::Unset, None),
            some("own"),
            "the group that the job runs as"
        );
    }

    #[test]
    fn select_says_which_labels_close_nodes() {
        let labelled = |exclusive, core_spec| {
            let mut spec = JobSpec { core_spec, ..spec(exclusive) };
            spec.carried.set_text(TextOption::McsLabel, Some("x".into()));
            spec
        };
        let closes =
            |select, spec: &JobSpec| Mcs { select, ..Mcs::default() }.closes(spec).is_some();
        let (plain, asks) = (labelled(Exclusive::Unset, None), labelled(Exclusive::Mcs, None));
        let found = [McsSelect::Never, McsSelect::OnDemand, McsSelect::Always]
            .map(|select| (closes(select, &plain), closes(select, &asks)));
        assert_eq!(found, [(false, false), (false, true), (true, true)]);
        assert!(!closes(McsSelect::OnDemand, &labelled(Exclusive::Mcs, Some(1))));
        assert!(!closes(McsSelect::Always, &spec(Exclusive::Mcs)), "there is no label");
    }
}
