//! The configuration of a world: slurm.conf and what lies beside it, and who lives there.

use std::fmt::Write as _;

use crate::stock::Release;

/// The machine that the controller runs on.
pub const CONTROLLER: &str = "ctl";

/// The ordinary people of every world, with their user and group ids.
pub const PEOPLE: [(&str, u32); 3] = [("alice", 2001), ("bob", 2002), ("carol", 2003)];

/// SlurmUser's user and group id, as Debian's packages have it.
pub const SLURM_UID: u32 = 64030;

/// What works without systemd and cgroups; see the crate's README.
///
/// `DefMemPerCPU` lets several jobs share a node. `KillWait` is short so that a limit is seen to work in seconds.
const BASE: &str = "\
ClusterName=conformance
SlurmctldHost=ctl
SlurmUser=slurm
AuthType=auth/slurm
CredType=cred/slurm
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=100
SlurmdParameters=config_overrides
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd
SlurmctldPidFile=/run/slurmctld/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdLogFile=/var/log/slurm/slurmd.log
SlurmctldDebug=debug
SlurmdDebug=debug
MailProg=/bin/true
ReturnToService=1
KillWait=2
SchedulerParameters=batch_sched_delay=0,bf_interval=1,sched_interval=5
";

/// cgroup.conf where slurmd is to leave cgroups alone.
pub const CGROUPS_DISABLED: &str = "CgroupPlugin=disabled\n";

/// cgroup.conf of 23.11, whose daemons do not know that word and leave cgroups alone as long as no plugin asks for them.
pub const CGROUPS_UNNAMED: &str = "";

/// cgroup.conf for daemons of this series, such as `24.11`.
pub fn cgroup_conf(series: &str) -> &'static str {
    if series < "24.05" { CGROUPS_UNNAMED } else { CGROUPS_DISABLED }
}

/// A slurmd of a world.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name, and its machine's.
    pub name: String,
    /// The release of its slurmd.
    pub release: Release,
    /// Where its configuration comes from.
    pub kind: NodeKind,
}

/// Where a slurmd's configuration comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A line in slurm.conf, which the node has too.
    Listed,
    /// A line in slurm.conf, which the node asks the controller for (`--conf-server`).
    Configless,
    /// No line: it presents itself (`-Z`), and asks for slurm.conf.
    Dynamic,
}

/// slurm.conf for these nodes; `extra` lines come after the base, so that they win. One that begins with
/// `NodeName=` and a node's name stands in place of that node's own.
///
/// Partitions are `main` (the default, all nodes) and `short` (the first node, one hour).
pub fn slurm_conf(nodes: &[Node], extra: &[String]) -> String {
    let listed: Vec<&str> = nodes
        .iter()
        .filter(|node| node.kind != NodeKind::Dynamic)
        .map(|node| node.name.as_str())
        .collect();
    // slurmctld keeps the first value of a key that comes twice, so a base line gives way to an extra one.
    let replaced = |line: &&str| {
        let key = line.split('=').next().unwrap_or_default();
        !extra.iter().any(|other| other.split('=').next() == Some(key))
    };
    let mut text: String =
        BASE.lines().filter(replaced).fold(String::new(), |text, line| text + line + "\n");
    for line in extra {
        text.push_str(line);
        text.push('\n');
    }
    let has_own_line = |name: &str| {
        let line = format!("NodeName={name} ");
        extra.iter().any(|extra| extra.starts_with(&line))
    };
    for name in listed.iter().filter(|name| !has_own_line(name)) {
        writeln!(text, "NodeName={name} CPUs=4 RealMemory=2000 Feature=amd,fast Weight=1")
            .expect("writing to a String cannot fail");
    }
    text.push_str("PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n");
    if let Some(first) = listed.first() {
        writeln!(text, "PartitionName=short Nodes={first} MaxTime=1:00:00 State=UP")
            .expect("writing to a String cannot fail");
    }
    text
}

/// /etc/passwd of every machine.
pub fn passwd() -> String {
    let mut text = String::from(
        "root:x:0:0:root:/root:/bin/bash\n\
         daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    );
    writeln!(text, "slurm:x:{SLURM_UID}:{SLURM_UID}::/nonexistent:/usr/sbin/nologin")
        .expect("writing to a String cannot fail");
    for (name, id) in PEOPLE {
        writeln!(text, "{name}:x:{id}:{id}::/home/{name}:/bin/bash")
            .expect("writing to a String cannot fail");
    }
    text
}

/// /etc/shadow of every machine: nobody has a password, but `su` wants a line for each to find their environment.
pub fn shadow() -> String {
    let mut text = String::new();
    for name in ["root", "slurm"].into_iter().chain(PEOPLE.map(|(name, _)| name)) {
        writeln!(text, "{name}:*:19000:0:99999:7:::").expect("writing to a String cannot fail");
    }
    text
}

/// /etc/group of every machine.
pub fn group() -> String {
    let mut text = String::from("root:x:0:\ndaemon:x:1:\ntty:x:5:\nnogroup:x:65534:\n");
    writeln!(text, "slurm:x:{SLURM_UID}:").expect("writing to a String cannot fail");
    for (name, id) in PEOPLE {
        writeln!(text, "{name}:x:{id}:").expect("writing to a String cannot fail");
    }
    text.push_str("staff:x:2100:alice,bob\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extra_line_takes_the_place_of_the_base_line() {
        let node = Node { name: "n1".into(), release: Release::R24_11, kind: NodeKind::Listed };
        let text = slurm_conf(&[node], &["KillWait=30".into()]);
        assert!(text.contains("KillWait=30\n"));
        assert!(!text.contains("KillWait=2\n"));
        assert!(text.contains("PartitionName=short Nodes=n1 "));
    }

    #[test]
    fn a_node_can_have_a_line_of_its_own() {
        let node = Node { name: "n1".into(), release: Release::R24_11, kind: NodeKind::Listed };
        let text = slurm_conf(&[node], &["NodeName=n1 CPUs=8".into()]);
        assert_eq!(text.matches("NodeName=").count(), 1, "{text}");
        assert!(text.contains("NodeName=n1 CPUs=8\n"), "{text}");
    }

    #[test]
    fn a_dynamic_node_has_no_line() {
        let node = Node { name: "d1".into(), release: Release::R24_11, kind: NodeKind::Dynamic };
        assert!(!slurm_conf(&[node], &[]).contains("d1"));
    }
}
