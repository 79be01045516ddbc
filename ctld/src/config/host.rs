//! The controllers: `SlurmctldHost=name(address)`, or the old pair of ControlMachine and
//! BackupController.
//!
//! Facts: `_parse_slurmctld_host` and `_load_slurmctld_host` of Slurm 24.11.5.

use super::{
    key::Keys,
    problem::{Cause, Place, Problems},
};

/// A host that runs a controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerHost {
    /// Its name. `localhost` stands for this machine; the program that knows its host name puts it
    /// in.
    pub host: String,
    /// The address to reach it at; the name if not given.
    pub address: String,
}

impl ControllerHost {
    /// Takes `name` or `name(address)` apart.
    pub(super) fn parse(value: &str) -> Result<Self, Cause> {
        let bad = || Cause::BadValue { key: "SlurmctldHost", value: value.to_owned() };
        let host = match value.split_once('(') {
            None => Self { host: value.to_owned(), address: value.to_owned() },
            Some((host, rest)) => {
                let address = rest.strip_suffix(')').ok_or_else(bad)?;
                Self { host: host.to_owned(), address: address.to_owned() }
            }
        };
        if host.host.is_empty() || host.host.contains(')') || host.address.contains(['(', ')']) {
            return Err(bad());
        }
        Ok(host)
    }
}

/// The controllers in the order of their succession: the SlurmctldHost lines, or without any the
/// old keys.
pub(super) fn controllers(
    lines: Vec<(ControllerHost, Place)>,
    keys: &Keys,
    problems: &mut Problems,
) -> Vec<ControllerHost> {
    let old = [
        ("ControlMachine", &keys.control_machine),
        ("ControlAddr", &keys.control_addr),
        ("BackupController", &keys.backup_controller),
        ("BackupAddr", &keys.backup_addr),
    ];
    let mut hosts: Vec<ControllerHost> = Vec::new();
    if lines.is_empty() {
        hosts.extend(pair(&keys.control_machine, &keys.control_addr));
        if hosts.is_empty() {
            problems.error(None, Cause::NoControllerHost);
        }
        hosts.extend(pair(&keys.backup_controller, &keys.backup_addr));
        if keys.backup_addr.is_some() && keys.backup_controller.is_none() {
            problems.error(None, Cause::BackupAddrAlone);
        }
        return hosts;
    }
    for (key, _) in old.iter().filter(|(_, value)| value.is_some()) {
        problems.warn(None, Cause::Overridden { key, stronger: "SlurmctldHost" });
    }
    for (host, place) in lines {
        if hosts.iter().any(|h| h.host == host.host) {
            let cause = Cause::DuplicateControllerHost { host: host.host };
            problems.error(Some(&place), cause);
        } else {
            hosts.push(host);
        }
    }
    hosts
}

fn pair(host: &Option<String>, address: &Option<String>) -> Option<ControllerHost> {
    let host = host.clone()?;
    let address = address.clone().unwrap_or_else(|| host.clone());
    Some(ControllerHost { host, address })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_have_an_address_in_brackets() {
        let host = ControllerHost::parse("ctl1(10.0.0.1)").unwrap();
        assert_eq!((host.host.as_str(), host.address.as_str()), ("ctl1", "10.0.0.1"));
        assert_eq!(ControllerHost::parse("ctl1").unwrap().address, "ctl1");
        for bad in ["ctl1(10.0.0.1", "ctl1)", "ctl1(a)b", "ctl1(a)(b)", "(a)", ""] {
            assert!(ControllerHost::parse(bad).is_err(), "{bad}");
        }
    }
}
