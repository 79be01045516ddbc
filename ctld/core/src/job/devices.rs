//! Which devices a job gets when it starts.

use model::{Allocation, Cluster, Job, PartRules};

/// The allocation of a job that starts now, with the devices that it gets of each node: chosen again,
/// since others may have started since it was planned.
pub(super) fn chosen(cluster: &Cluster, job: &Job, mut allocation: Allocation) -> Allocation {
    for share in &mut allocation.shares {
        let Some(node) = cluster.node(share.node).filter(|_| !share.gres.is_empty()) else {
            continue;
        };
        let taken = cluster.usage(share.node).taken.clone();
        let rules = PartRules::of(cluster.config(), &job.spec);
        let (wishes, cores) = (&job.spec.gres, &share.cores);
        share.gres = model::bound(node, wishes, &share.gres, cores, taken, rules)
            .expect("that parts of devices are to be had was checked with the rest of the start");
    }
    allocation
}
