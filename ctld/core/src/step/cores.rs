//! Which cores of a node a step takes.

use model::{CoreSet, Hardware};

/// In which order the cores of a node are taken (srun(1), the second part of `--distribution`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SocketOrder {
    /// For each task in turn, from the next socket.
    #[default]
    Cyclic,
    /// Socket after socket.
    Block,
    /// Each core from the next socket.
    FullCyclic,
}

/// Cores in the order in which they are taken, as long as `wanted` accepts more of them; at most
/// `count`. With [`SocketOrder::Cyclic`] a socket gives `of_task` at a time.
pub(super) fn take(
    order: SocketOrder,
    hardware: &Hardware,
    count: u32,
    of_task: u32,
    is_free: impl Fn(u32) -> bool,
) -> CoreSet {
    let sockets = u32::from(hardware.sockets);
    let each = u32::from(hardware.cores_per_socket);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    match order {
        SocketOrder::Block => {
            (0..sockets * each).filter(|core| is_free(*core)).take(count).collect()
        }
        SocketOrder::FullCyclic => {
            let places = (0..each).flat_map(|core| (0..sockets).map(move |s| s * each + core));
            places.filter(|core| is_free(*core)).take(count).collect()
        }
        SocketOrder::Cyclic => {
            let free_of = |socket: u32| {
                let cores = socket * each..(socket + 1) * each;
                cores.filter(|core| is_free(*core)).collect::<Vec<u32>>().into_iter()
            };
            let mut free: Vec<_> = (0..sockets).map(free_of).collect();
            let mut taken = Vec::new();
            // What a socket lacks for a task, the next one gives.
            let mut of_this_task = 0;
            while free.iter().any(|socket| socket.len() > 0) {
                for core in free.iter_mut() {
                    for core in core.by_ref() {
                        taken.push(core);
                        of_this_task += 1;
                        if of_this_task >= of_task.max(1) {
                            of_this_task = 0;
                            break;
                        }
                    }
                }
            }
            taken.into_iter().take(count).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{CoreSet, Hardware};

    use super::{SocketOrder, take};

    fn cores(order: SocketOrder, count: u32, of_task: u32, used: &[u32]) -> Vec<u32> {
        let hardware = Hardware {
            boards: 1,
            sockets: 2,
            cores_per_socket: 4,
            threads_per_core: 1,
            cpus: 8,
            memory_mib: 0,
            tmp_disk_mib: 0,
            spec_cores: 0,
            spec_cpu_list: None,
            spec_memory_mib: 0,
            gres: [].into(),
            gres_text: None,
            cpu_bind: 0,
        };
        let used: CoreSet = used.iter().copied().collect();
        take(order, &hardware, count, of_task, |core| !used.contains(core)).iter().collect()
    }

    #[test]
    fn sockets_are_taken_from_in_the_order_asked_for() {
        assert_eq!(cores(SocketOrder::Block, 3, 1, &[]), [0, 1, 2]);
        assert_eq!(cores(SocketOrder::Cyclic, 3, 1, &[]), [0, 1, 4]);
        assert_eq!(cores(SocketOrder::FullCyclic, 3, 2, &[]), [0, 1, 4]);
        assert_eq!(cores(SocketOrder::Cyclic, 4, 2, &[]), [0, 1, 4, 5]);
        assert_eq!(cores(SocketOrder::Cyclic, 6, 3, &[]), [0, 1, 2, 4, 5, 6]);
    }

    #[test]
    fn taken_cores_are_passed_over() {
        assert_eq!(cores(SocketOrder::Block, 3, 1, &[1]), [0, 2, 3]);
        assert_eq!(cores(SocketOrder::Cyclic, 3, 1, &[0, 4]), [1, 2, 5]);
        assert_eq!(cores(SocketOrder::Cyclic, 4, 3, &[1, 2]), [0, 3, 4, 5]);
        assert_eq!(cores(SocketOrder::Block, 9, 1, &[]).len(), 8);
    }
}
