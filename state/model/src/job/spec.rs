use std::sync::Arc;

use crate::dependency::Dependencies;
use crate::gres::GresWish;
use crate::id::{Timestamp, Uid};
use crate::job::Carried;
use crate::job::carried::share;

/// What was asked for, as far as the controller decides by it; the rest is [`Carried`].
///
/// Defaults have been filled in by the time that a job has one: what is `None` here really was left
/// open and is decided at the start of the job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobSpec {
    /// Job name.
    pub name: Arc<str>,
    /// The partitions asked for, in order; the controller's default if none was.
    pub partitions: Vec<Arc<str>>,
    /// Nodes: at least.
    pub min_nodes: u32,
    /// Nodes: at most; `None` is as many as it takes.
    pub max_nodes: Option<u32>,
    /// CPUs in all: at least.
    pub min_cpus: u32,
    /// CPUs in all: at most.
    pub max_cpus: Option<u32>,
    /// Tasks, if they were given or follow from what was.
    pub tasks: Option<u32>,
    /// CPUs for each task, if given.
    pub cpus_per_task: Option<u16>,
    /// Tasks on each node: as many if it is the only count given, else at most.
    pub tasks_per_node: Option<u16>,
    /// Tasks on each socket: at most.
    pub tasks_per_socket: Option<u16>,
    /// Tasks on each core: at most.
    pub tasks_per_core: Option<u16>,
    /// Tasks on each board: at most.
    pub tasks_per_board: Option<u16>,
    /// Sockets that a node must have, free ones.
    pub sockets_per_node: Option<u16>,
    /// Cores that a socket must have.
    pub cores_per_socket: Option<u16>,
    /// Threads that a core must have and that are used of it.
    pub threads_per_core: Option<u16>,
    /// CPUs that a node must have (`--mincpus`).
    pub min_cpus_per_node: u16,
    /// Memory asked for.
    pub memory: Option<MemoryRequest>,
    /// Temporary disk that a node must have, MiB.
    pub tmp_disk_mib: u32,
    /// Whether it wants its nodes for itself.
    pub exclusive: Exclusive,
    /// Whether it may share cores with others (`--oversubscribe`).
    pub share: bool,
    /// Whether more tasks than CPUs are fine.
    pub overcommit: bool,
    /// Whether its nodes must be neighbours.
    pub contiguous: bool,
    /// Cores of each node left to the system (`--core-spec`), threads if the high bit is set.
    pub core_spec: Option<u16>,
    /// Nodes that it must have, as a host expression.
    pub required_nodes: Option<Arc<str>>,
    /// Nodes that it must not have.
    pub excluded_nodes: Option<Arc<str>>,
    /// Features that its nodes must have.
    pub features: Option<Arc<str>>,
    /// Time limit, minutes.
    pub time_limit_min: Option<u32>,
    /// Whether it asked for no time limit at all, whatever its partition's default is.
    pub time_unlimited: bool,
    /// Time that would do, minutes.
    pub time_min_min: Option<u32>,
    /// Not before.
    pub begin: Option<Timestamp>,
    /// Not worth it later than.
    pub deadline: Option<Timestamp>,
    /// Jobs that it waits for.
    pub dependencies: Dependencies,
    /// Licenses, name and count.
    pub licenses: Vec<(Arc<str>, u32)>,
    /// Generic resources.
    pub gres: Vec<GresWish>,
    /// Added to the priority, negative: how far it steps back.
    pub nice: i32,
    /// A priority given by an administrator.
    pub fixed_priority: Option<u32>,
    /// Whether it may be started anew.
    pub requeue: bool,
    /// Whether it ends when a node of it goes away.
    pub kill_on_node_fail: bool,
    /// Whether it starts at once or not at all.
    pub immediate: bool,
    /// Signal to be sent before its time is up: number and seconds before; batch script only or not.
    pub warn_signal: u16,
    /// Seconds before the end.
    pub warn_time_s: u16,
    /// `KILL_*` bits of the warning, as given.
    pub warn_flags: u16,
    /// Who submitted it: not the owner if root did it for somebody.
    pub submitted_by: Option<Uid>,
    /// Options that are kept, shown and handed on, and that no decision depends on.
    pub carried: Carried,
}

impl JobSpec {
    /// The same, in as little memory as may be: what users submit one after another is alike, so a
    /// spec that is equal to one of `known` becomes that one, and one that is not takes over the
    /// texts that are equal. Texts are two thirds of a spec.
    #[must_use]
    pub fn shared<'a>(mut self, known: impl IntoIterator<Item = &'a Arc<Self>>) -> Arc<Self> {
        for known in known {
            if self == **known {
                return Arc::clone(known);
            }
            share(&mut self.name, &known.name);
            for (name, known) in self.partitions.iter_mut().zip(&known.partitions) {
                share(name, known);
            }
            self.carried.share_texts(&known.carried);
        }
        Arc::new(self)
    }
}

/// Memory asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryRequest {
    /// MiB on each node; 0 is all of it.
    PerNode(u64),
    /// MiB for each CPU given.
    PerCpu(u64),
}

/// Whether a job wants its nodes for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exclusive {
    /// It did not say: its partition decides.
    #[default]
    Unset,
    /// Others may have what it leaves.
    No,
    /// For itself.
    Node,
    /// Beside jobs of the same user.
    User,
    /// Beside jobs of the same MCS label.
    Mcs,
    /// A whole topology block for itself.
    Topology,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::JobSpec;
    use crate::job::{Carried, TextOption};

    fn spec(command: &str) -> JobSpec {
        let mut carried = Carried::default();
        carried.set_text(TextOption::WorkDir, Some("/home/ann".into()));
        carried.set_text(TextOption::Command, Some(command.into()));
        JobSpec { name: "weather".into(), carried, ..JobSpec::default() }
    }

    #[test]
    fn equal_specs_are_one_and_others_share_their_texts() {
        let first = spec("a.sh").shared([]);
        assert!(Arc::ptr_eq(&first, &spec("a.sh").shared([&first])));
        let second = spec("b.sh").shared([&first]);
        assert_eq!(*second, spec("b.sh"));
        assert!(Arc::ptr_eq(&first.name, &second.name));
        let text = |spec: &JobSpec, option| spec.carried.text(option).cloned().unwrap();
        let is_shared = |option| Arc::ptr_eq(&text(&first, option), &text(&second, option));
        assert!(is_shared(TextOption::WorkDir));
        assert!(!is_shared(TextOption::Command));
    }
}
