//! Ports of nodes that are reserved for the MPI of steps (MpiParams=ports=).

use std::collections::BTreeSet;

use model::{Cluster, NodeId, StepShare};

use super::request::StepRequest;
use crate::reject::{Reject, StepReject};

/// Where the next step's ports are looked for. Forgotten over a restart, since it only spreads them.
#[derive(Debug, Default)]
pub(crate) struct PortCursor {
    last: u16,
}

impl PortCursor {
    /// Reserves what a step needs on all of its nodes: as many ports as a node of it has tasks, and
    /// one more, unless it says how many.
    pub(super) fn reserve(
        &mut self,
        cluster: &Cluster,
        request: &StepRequest,
        nodes: &[NodeId],
        shares: &[StepShare],
    ) -> Result<Vec<u16>, Reject> {
        let range = cluster.config().mpi_ports;
        let tasks = shares.iter().map(|share| share.tasks.len()).max().unwrap_or(0);
        let wanted = match (request.ports, range) {
            (Some(wanted), _) => usize::from(wanted),
            (None, Some(_)) => tasks + 1,
            (None, None) => 0,
        };
        if wanted == 0 {
            return Ok(Vec::new());
        }
        let (first, last) = range.ok_or(Reject::Step(StepReject::TooManyPorts))?;
        let count = last.saturating_sub(first).saturating_add(1);
        if wanted > usize::from(count) {
            return Err(Reject::Step(StepReject::TooManyPorts));
        }
        let used = in_use(cluster, nodes);
        let mut cursor = self.last;
        let mut found = BTreeSet::new();
        for _ in 0..count {
            cursor = if cursor + 1 >= count { 0 } else { cursor + 1 };
            let port = first + cursor;
            if !used.contains(&port) {
                found.insert(port);
            }
            if found.len() == wanted {
                self.last = cursor;
                return Ok(found.into_iter().collect());
            }
        }
        Err(Reject::Step(StepReject::PortsBusy))
    }
}

/// Ports that steps have on any of these nodes.
fn in_use(cluster: &Cluster, nodes: &[NodeId]) -> BTreeSet<u16> {
    let jobs: BTreeSet<_> =
        nodes.iter().flat_map(|node| cluster.jobs_on(*node)).map(|job| job.id).collect();
    let steps = jobs.into_iter().flat_map(|job| cluster.steps_of(job));
    let meets = steps.filter(|step| step.nodes.iter().any(|node| nodes.contains(node)));
    meets.filter_map(|step| step.launch.as_ref()).flat_map(|l| l.ports.iter().copied()).collect()
}
