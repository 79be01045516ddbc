//! Lists of things by name and count: licenses, generic resources.

use std::sync::Arc;

use model::GresWish;
use protocol::Errno;
use protocol::gres::GresRequests;
use protocol::msg::JobDesc;
use protocol::tres::TresName;

use crate::rpc::Failure;

/// `--licenses`: `matlab:2,fluent`. A name that comes twice counts twice.
///
/// # Errors
///
/// `ESLURM_INVALID_LICENSES`.
pub(in crate::rpc) fn licenses(text: &str) -> Result<Vec<(Arc<str>, u32)>, Failure> {
    let invalid = || Failure::Code(Errno::ESLURM_INVALID_LICENSES);
    let mut found: Vec<(Arc<str>, u32)> = Vec::new();
    for token in text.split([',', ';']).filter(|token| !token.is_empty()) {
        let (name, count) = match token.split_once([':', '=']) {
            Some((name, count)) => (name, count.parse().map_err(|_| invalid())?),
            None => (token, 1u32),
        };
        if name.is_empty() || token.contains(char::is_whitespace) {
            return Err(invalid());
        }
        match found.iter_mut().find(|(known, _)| **known == *name) {
            Some((_, sum)) => *sum = sum.checked_add(count).ok_or_else(invalid)?,
            None => found.push((name.into(), count)),
        }
    }
    Ok(found)
}

/// The licenses of a job (`--licenses`) and those of its tasks (`--tres-per-task=license/NAME=COUNT`), as
/// one text.
pub(super) fn all_licenses(desc: &JobDesc) -> Option<String> {
    let of_tasks = desc.tres_per_task.as_deref().unwrap_or_default();
    let tasks = desc.num_tasks.value().unwrap_or(1);
    let each = of_tasks.split(',').filter_map(|token| {
        let (name, count) = token.trim().strip_prefix("license/")?.split_once([':', '='])?;
        let count: u32 = count.parse().ok()?;
        Some(format!("{name}={}", count.saturating_mul(tasks)))
    });
    let given = desc.licenses.iter().filter(|text| !text.is_empty()).cloned();
    let all: Vec<String> = given.chain(each).collect();
    if all.is_empty() { desc.licenses.clone() } else { Some(all.join(",")) }
}

/// A name, a kind and a count.
pub(in crate::rpc) type Gres = (Arc<str>, Option<Arc<str>>, u64);

/// `--gres` and its like, as clients send it: `gres/gpu:tesla:2,gres/widget`. Things that are no
/// generic resources (`cpu=2`, `license/x:1`) are left out.
///
/// # Errors
///
/// `ESLURM_INVALID_GRES` for a name that GresTypes does not have, or a count that is none.
pub(in crate::rpc) fn gres(text: &str, types: &[Arc<str>]) -> Result<Vec<Gres>, Failure> {
    let invalid = || Failure::Code(Errno::ESLURM_INVALID_GRES);
    let tokens: Vec<&str> = text.split(',').filter(|token| !is_other_tres(token)).collect();
    let requests = GresRequests::parse(&tokens.join(",")).map_err(|_| invalid())?;
    let mut found: Vec<Gres> = Vec::new();
    for request in requests.0 {
        if !types.iter().any(|known| **known == *request.name) {
            return Err(invalid());
        }
        let kind: Option<Arc<str>> = request.model.map(Into::into);
        let same = |(name, k, _): &&mut Gres| **name == *request.name && *k == kind;
        match found.iter_mut().find(same) {
            Some((_, _, sum)) => *sum = sum.checked_add(request.count).ok_or_else(invalid)?,
            None => found.push((request.name.into(), kind, request.count)),
        }
    }
    Ok(found)
}

/// The ways in which generic resources are asked for, each with a text of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rpc) enum GresWay {
    /// `tres_per_job`.
    PerJob,
    /// `tres_per_node`.
    PerNode,
    /// `tres_per_socket`.
    PerSocket,
    /// `tres_per_task`.
    PerTask,
    /// `cpus_per_tres`.
    CpusEach,
    /// `mem_per_tres`, MiB.
    MemoryEach,
}

impl GresWay {
    /// Asks in this way for these, and for no others.
    pub(in crate::rpc) fn put(self, wishes: &mut Vec<GresWish>, asked: &[Gres]) {
        wishes.iter_mut().for_each(|wish| self.set(wish, 0));
        for (name, kind, count) in asked {
            let is_it = |wish: &&mut GresWish| wish.name == *name && wish.kind == *kind;
            if matches!(self, Self::CpusEach | Self::MemoryEach) {
                // What goes with each of a name goes with each of its types.
                let goes_with = |wish: &&mut GresWish| {
                    wish.name == *name && (kind.is_none() || wish.kind == *kind)
                };
                wishes.iter_mut().filter(goes_with).for_each(|wish| self.set(wish, *count));
            } else if let Some(wish) = wishes.iter_mut().find(is_it) {
                self.set(wish, *count);
            } else {
                let mut wish = GresWish::of(Arc::clone(name), kind.clone());
                self.set(&mut wish, *count);
                wishes.push(wish);
            }
        }
        wishes.retain(|wish| wish.total(1, 1, 1) > 0);
    }

    fn set(self, wish: &mut GresWish, count: u64) {
        match self {
            Self::PerJob => wish.per_job = count,
            Self::PerNode => wish.per_node = count,
            Self::PerSocket => wish.per_socket = count,
            Self::PerTask => wish.per_task = count,
            Self::CpusEach => wish.cpus_each = u16::try_from(count).unwrap_or(u16::MAX),
            Self::MemoryEach => wish.memory_each_mib = count,
        }
    }
}

/// All that a description asks for of generic resources.
///
/// # Errors
///
/// `ESLURM_INVALID_GRES` for a text that is none, and for CPUs or memory that are to come with
/// resources that are not asked for.
pub(in crate::rpc) fn wishes(desc: &JobDesc, types: &[Arc<str>]) -> Result<Vec<GresWish>, Failure> {
    let mut wishes = Vec::new();
    for (way, text) in gres_texts(desc) {
        let Some(text) = text else { continue };
        let asked = gres(text, types)?;
        if matches!(way, GresWay::CpusEach | GresWay::MemoryEach) {
            let is_there = |(name, ..): &Gres| wishes.iter().any(|w: &GresWish| w.name == *name);
            if !asked.iter().all(is_there) {
                return Err(Failure::Code(Errno::ESLURM_INVALID_GRES));
            }
        }
        way.put(&mut wishes, &asked);
    }
    if mixes_parts(&wishes) {
        return Err(Failure::Code(Errno::ESLURM_INVALID_GRES));
    }
    Ok(wishes)
}

/// Whether somebody asks for devices and for parts of devices.
pub(in crate::rpc) fn mixes_parts(wishes: &[GresWish]) -> bool {
    let asks = |name: &str| wishes.iter().any(|wish| *wish.name == *name);
    asks("gpu") && (asks("shard") || asks("mps"))
}

/// The texts of a description that speak of generic resources; those that add to others come last.
pub(in crate::rpc) fn gres_texts(desc: &JobDesc) -> [(GresWay, Option<&str>); 6] {
    [
        (GresWay::PerJob, desc.tres_per_job.as_deref()),
        (GresWay::PerNode, desc.tres_per_node.as_deref()),
        (GresWay::PerSocket, desc.tres_per_socket.as_deref()),
        (GresWay::PerTask, desc.tres_per_task.as_deref()),
        (GresWay::CpusEach, desc.cpus_per_tres.as_deref()),
        (GresWay::MemoryEach, desc.mem_per_tres.as_deref()),
    ]
}

fn is_other_tres(token: &str) -> bool {
    let name = token.split([':', '=', '/']).next().unwrap_or_default();
    TresName::of(name).fixed_id().is_some() || ["license", "bb", "fs", "ic"].contains(&name)
}

#[cfg(test)]
mod tests {
    use protocol::msg::JobDesc;
    use protocol::shape::Limit;

    use super::{all_licenses, gres, licenses};

    #[test]
    fn licenses_have_counts() {
        let read = licenses("matlab:2,fluent,matlab=1").unwrap();
        assert_eq!(read, [("matlab".into(), 3), ("fluent".into(), 1)]);
        for bad in ["matlab:x", ":2", "mat lab", "matlab:-1"] {
            assert!(licenses(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn licenses_of_tasks_are_added_to_those_of_the_job() {
        let desc = JobDesc {
            licenses: Some("lic:1".to_owned()),
            tres_per_task: Some("gres/gpu=1,license/lic=2,license/other:1".to_owned()),
            num_tasks: Limit::Value(2),
            ..JobDesc::default()
        };
        assert_eq!(all_licenses(&desc).as_deref(), Some("lic:1,lic=4,other=2"));
    }

    #[test]
    fn generic_resources_have_kinds_and_counts() {
        let types = ["gpu".into(), "widget".into()];
        let read = gres("gres/gpu:tesla:2,gres:widget:1k,gpu,cpu=2", &types).unwrap();
        assert_eq!(
            read,
            [
                ("gpu".into(), Some("tesla".into()), 2),
                ("widget".into(), None, 1024),
                ("gpu".into(), None, 1)
            ]
        );
        for bad in ["gres/nic:1", "gres/gpu:a:b", "gres/gpu:a:1:2", "gres/gpu::1"] {
            assert!(gres(bad, &types).is_err(), "{bad}");
        }
    }
}
