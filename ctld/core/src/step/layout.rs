//! Which task of a step runs on which of its nodes (srun(1), `--distribution`).

/// How tasks are distributed over nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Node after node, as evenly as their room allows; packed, the first nodes are filled before
    /// the others get more than one.
    Block {
        /// Whether nodes are filled one after the other.
        packed: bool,
    },
    /// Round robin.
    Cyclic,
    /// Round robin, so many neighbours at a time.
    Plane(u16),
}

/// The tasks of each node. `room` is how many each node has CPUs for; tasks beyond that are spread
/// over all. Every node gets a task as long as there are enough.
pub(super) fn lay_out(how: Distribution, tasks: u32, room: &[u32]) -> Vec<Vec<u32>> {
    if room.is_empty() {
        return Vec::new();
    }
    match how {
        Distribution::Block { packed } => {
            let counts = if packed { packed_counts(tasks, room) } else { even_counts(tasks, room) };
            let mut next = 0;
            let run = |count: u32| {
                let first = next;
                next += count;
                (first..next).collect()
            };
            counts.into_iter().map(run).collect()
        }
        Distribution::Cyclic => number(&cyclic_counts(tasks, room), 1),
        Distribution::Plane(size) => {
            let size = u32::from(size.max(1));
            number(&plane_counts(tasks, room, size), size)
        }
    }
}

/// Gives tasks to nodes in rounds: in each, `share` says how many more a node takes.
fn in_rounds(tasks: u32, counts: &mut [u32], mut share: impl FnMut(usize, u32) -> u32) -> u32 {
    let mut left = tasks;
    loop {
        let before = left;
        for (node, count) in counts.iter_mut().enumerate() {
            let more = share(node, *count).min(left);
            *count += more;
            left -= more;
        }
        if left == 0 || left == before {
            return left;
        }
    }
}

/// What finds no room goes to all nodes in turn.
fn spread(left: u32, counts: &mut [u32]) {
    in_rounds(left, counts, |_, _| 1);
}

fn even_counts(tasks: u32, room: &[u32]) -> Vec<u32> {
    let mut counts = vec![0; room.len()];
    let left = in_rounds(tasks, &mut counts, |node, count| u32::from(count < room[node]));
    spread(left, &mut counts);
    counts
}

fn packed_counts(tasks: u32, room: &[u32]) -> Vec<u32> {
    let mut counts = vec![0; room.len()];
    let mut first = true;
    let nodes = room.len();
    let left = in_rounds(tasks, &mut counts, |node, count| {
        let more = if first { room[node].min(1) } else { room[node].saturating_sub(count) };
        first &= node + 1 < nodes;
        more
    });
    spread(left, &mut counts);
    counts
}

/// Where there are more tasks than room, every node's room is widened by the same amount first.
fn cyclic_counts(tasks: u32, room: &[u32]) -> Vec<u32> {
    let nodes = u32::try_from(room.len()).unwrap_or(u32::MAX);
    let total: u32 = room.iter().fold(0, |sum, room| sum.saturating_add(*room));
    let extra = tasks.saturating_sub(total).div_ceil(nodes);
    let wide: Vec<u32> = room.iter().map(|room| room.saturating_add(extra)).collect();
    even_counts(tasks, &wide)
}

/// One on each node first, which counts as part of its first plane.
fn plane_counts(tasks: u32, room: &[u32], size: u32) -> Vec<u32> {
    let nodes = u32::try_from(room.len()).unwrap_or(u32::MAX);
    let mut counts: Vec<u32> = (0..nodes).map(|node| u32::from(node < tasks)).collect();
    let left = tasks.saturating_sub(nodes);
    let mut first = true;
    let last = room.len() - 1;
    let left = in_rounds(left, &mut counts, |node, count| {
        let plane = if first { size - 1 } else { size };
        first &= node < last;
        plane.min(room[node].saturating_sub(count))
    });
    in_rounds(left, &mut counts, |_, _| size);
    counts
}

/// Numbers tasks in rounds of `size` neighbours.
fn number(counts: &[u32], size: u32) -> Vec<Vec<u32>> {
    let mut ids: Vec<Vec<u32>> = counts.iter().map(|_| Vec::new()).collect();
    let mut given = vec![0; counts.len()];
    let total: u32 = counts.iter().sum();
    let mut next = 0;
    while next < total {
        for (node, count) in counts.iter().enumerate() {
            let more = size.min(count - given[node]);
            ids[node].extend(next..next + more);
            given[node] += more;
            next += more;
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Distribution, lay_out};

    const BLOCK: Distribution = Distribution::Block { packed: false };

    #[test]
    fn block_spreads_evenly_and_numbers_node_after_node() {
        // Stock slurmctld: `srun -N2 -n4` on nodes of 3 and 1 CPUs (capture of 24.11).
        assert_eq!(lay_out(BLOCK, 4, &[3, 1]), [vec![0, 1, 2], vec![3]]);
        assert_eq!(lay_out(BLOCK, 4, &[4, 4]), [vec![0, 1], vec![2, 3]]);
        assert_eq!(lay_out(BLOCK, 5, &[1, 1]), [vec![0, 1, 2], vec![3, 4]]);
    }

    /// Stock slurmctld 24.11, `srun` in a job of all of three nodes with 4, 8 and 2 CPUs.
    #[test]
    fn uneven_nodes_are_filled_as_stock_fills_them() {
        const ROOM: [u32; 3] = [4, 8, 2];
        let packed = Distribution::Block { packed: true };
        let (cyclic, plane) = (Distribution::Cyclic, Distribution::Plane);
        let run = |first: u32, last: u32| (first..=last).collect::<Vec<u32>>();
        let table = [
            (BLOCK, 7, [run(0, 2), run(3, 4), run(5, 6)]),
            (BLOCK, 14, [run(0, 3), run(4, 11), run(12, 13)]),
            (BLOCK, 15, [run(0, 4), run(5, 12), run(13, 14)]),
            (packed, 5, [run(0, 2), vec![3], vec![4]]),
            (cyclic, 5, [vec![0, 3], vec![1, 4], vec![2]]),
            (cyclic, 9, [vec![0, 3, 6, 8], vec![1, 4, 7], vec![2, 5]]),
            (
                cyclic,
                20,
                [
                    vec![0, 3, 6, 9, 12, 14],
                    vec![1, 4, 7, 10, 13, 15, 16, 17, 18, 19],
                    vec![2, 5, 8, 11],
                ],
            ),
            (plane(2), 9, [vec![0, 1, 6, 7], vec![2, 3, 8], vec![4, 5]]),
            (plane(3), 9, [vec![0, 1, 2, 8], vec![3, 4, 5], vec![6, 7]]),
            (
                plane(4),
                20,
                [
                    vec![0, 1, 2, 3, 10, 11, 12, 13],
                    vec![4, 5, 6, 7, 14, 15, 16, 17, 18, 19],
                    vec![8, 9],
                ],
            ),
        ];
        for (how, tasks, wanted) in table {
            assert_eq!(lay_out(how, tasks, &ROOM), wanted, "{how:?} {tasks}");
        }
    }

    #[test]
    fn packed_fills_the_first_node_once_each_has_one() {
        let packed = Distribution::Block { packed: true };
        assert_eq!(lay_out(packed, 5, &[4, 4]), [vec![0, 1, 2, 3], vec![4]]);
    }

    #[test]
    fn cyclic_goes_round() {
        assert_eq!(lay_out(Distribution::Cyclic, 5, &[4, 4]), [vec![0, 2, 4], vec![1, 3]]);
        assert_eq!(lay_out(Distribution::Cyclic, 4, &[1, 3]), [vec![0], vec![1, 2, 3]]);
    }

    #[test]
    fn planes_go_round() {
        let planes = lay_out(Distribution::Plane(2), 8, &[4, 4]);
        assert_eq!(planes, [vec![0, 1, 4, 5], vec![2, 3, 6, 7]]);
    }

    proptest! {
        #[test]
        fn each_task_is_somewhere_once_and_no_node_is_left_out(
            tasks in 1_u32..200, room in proptest::collection::vec(1_u32..9, 1..9), kind in 0..4_u16,
        ) {
            let how = match kind {
                0 => BLOCK,
                1 => Distribution::Block { packed: true },
                2 => Distribution::Cyclic,
                _ => Distribution::Plane(3),
            };
            let placed = lay_out(how, tasks, &room);
            let mut all: Vec<u32> = placed.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..tasks).collect::<Vec<_>>());
            let used = placed.iter().filter(|ids| !ids.is_empty()).count();
            prop_assert_eq!(used, room.len().min(tasks as usize));
        }
    }
}
