//! Values of the model, drawn from bytes: each byte string is a value, every value with few
//! elements has one, and a shorter or smaller string is a simpler value, so that proptest shrinks.
//! Every field is named, so that a new one has to be drawn here too.

mod standing;
mod step;
mod wait;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use model::{
    Address, Allocation, ArrayRole, Availability, Carried, Change, Completing, CoreSet, Counters,
    Dependencies, Dependency, DependencyKind, DependencyState, Exclusive, Exit, Gid, GresCount,
    GresHeld, GresLine, GresUse, GresWish, Hardware, HetRole, Hold, Job, JobId, JobSpec, Join,
    Launch, MemoryDefault, MemoryRequest, Node, NodeFlags, NodeId, NodeReason, NodeShare,
    NumberOption, Origin, Outcome, Partition, PartitionState, PendingTasks, Phase, PowerRequest,
    PreemptMode, Prologs, Registration, Resized, Script, Sharing, TextOption, Timestamp, Uid,
};

pub struct Draw(std::vec::IntoIter<u8>);

impl Draw {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes.into_iter())
    }

    fn u8(&mut self) -> u8 {
        self.0.next().unwrap_or(0)
    }

    fn bool(&mut self) -> bool {
        self.u8() & 1 == 1
    }

    /// Small, random or as large as it can be.
    fn u64(&mut self) -> u64 {
        match self.u8() % 4 {
            0 => 0,
            1 => self.u8().into(),
            2 => u64::from_le_bytes(std::array::from_fn(|_| self.u8())),
            _ => u64::MAX,
        }
    }

    fn u32(&mut self) -> u32 {
        self.u64() as u32
    }

    fn u16(&mut self) -> u16 {
        self.u64() as u16
    }

    fn i64(&mut self) -> i64 {
        self.u64() as i64
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::from(self.u8()) % of.len()].clone()
    }

    fn maybe<T>(&mut self, draw: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.bool().then(|| draw(self))
    }

    fn several<T, C: FromIterator<T>>(&mut self, mut draw: impl FnMut(&mut Self) -> T) -> C {
        (0..self.u8() % 4).map(|_| draw(self)).collect()
    }

    fn text(&mut self) -> Arc<str> {
        self.one(&["", "a", "physics", "zwölf\n", "n[1-4]"]).into()
    }

    fn time(&mut self) -> Timestamp {
        Timestamp(self.i64())
    }

    fn node(&mut self) -> NodeId {
        NodeId(self.u32())
    }

    fn gres(&mut self) -> GresCount {
        GresCount { name: self.text(), kind: self.maybe(Self::text), count: self.u64() }
    }

    fn held(&mut self) -> GresHeld {
        let devices = self.several::<u32, CoreSet>(|d| d.u8().into());
        let parts = self.several(|d| (d.u32(), d.u64()));
        GresHeld { devices, parts, endless: self.bool(), ..GresHeld::counted(self.gres()) }
    }

    fn wish(&mut self) -> GresWish {
        GresWish {
            name: self.text(),
            kind: self.maybe(Self::text),
            per_node: self.u64(),
            per_socket: self.u64(),
            per_task: self.u64(),
            per_job: self.u64(),
            cpus_each: self.u16(),
            memory_each_mib: self.u64(),
        }
    }

    fn license(&mut self) -> (Arc<str>, u32) {
        (self.text(), self.u32())
    }

    fn memory_default(&mut self) -> MemoryDefault {
        if self.bool() {
            MemoryDefault::PerCpu(self.u64())
        } else {
            MemoryDefault::PerNode(self.u64())
        }
    }

    /// Any change that is kept.
    pub fn change(&mut self) -> Change {
        match self.u8() % 9 {
            0 => Change::Counters(Counters {
                next_job: self.u32(),
                next_priority: self.u32(),
                last_trigger: self.u32(),
                last_reservation: self.u32(),
            }),
            1 => Change::Job(Arc::new(self.job())),
            2 => Change::Script(JobId(self.u32()), Arc::new(self.script())),
            3 => Change::Step(Arc::new(self.step())),
            4 => Change::Node(Arc::new(self.whole_node())),
            5 => Change::Trigger(Arc::new(self.trigger())),
            6 => Change::Crontab(Arc::new(self.crontab())),
            7 => Change::Reservation(Arc::new(self.reservation())),
            _ => Change::Partition(Arc::new(self.partition())),
        }
    }

    fn script(&mut self) -> Script {
        Script {
            script: self.text().to_string(),
            environment: self.several(|d| d.text().to_string()),
            arguments: self.several(|d| d.text().to_string()),
            spank_environment: self.several(|d| d.text().to_string()),
        }
    }

    pub fn job(&mut self) -> Job {
        Job {
            id: JobId(self.u32()),
            array: self.maybe(Self::array),
            het: self.maybe(Self::het),
            owner: Uid(self.u32()),
            group: Gid(self.u32()),
            spec: Arc::new(self.spec()),
            partition: self.text(),
            phase: self.phase(),
            prologs: self.maybe(|d| {
                Box::new(Prologs {
                    unasked: d.several(Self::node),
                    running: d.several(Self::node),
                    holds: d.bool(),
                    since: d.time(),
                })
            }),
            hold: self.one(&[
                Hold::None,
                Hold::User,
                Hold::Admin,
                Hold::SpecialExit,
                Hold::Requeued,
                Hold::LaunchLimit,
                Hold::ReservationDeleted,
            ]),
            wait: self.wait(),
            state_text: self.maybe(Self::text),
            priority: self.u32(),
            allocation: self.maybe(Self::allocation).map(Arc::new),
            outcome: self.maybe(Self::outcome),
            submitted: self.time(),
            eligible: self.maybe(Self::time),
            begin: self.maybe(Self::time),
            started: self.maybe(Self::time),
            expected_nodes: self.maybe(Self::text),
            ended: self.maybe(Self::time),
            suspended: self.maybe(Self::time),
            ran_before_suspend_s: self.u64(),
            last_evaluated: self.maybe(Self::time),
            restarts: self.u16(),
            time_limit_min: self.maybe(Self::u32),
            failed_node: self.maybe(Self::text),
            next_step: self.u32(),
            next_step_node: self.u32(),
            batch: self.bool(),
            protocol: self.u16(),
            warned: self.bool(),
            derived_status: self.u32(),
            client_listens: self.bool(),
            launch_failures: self.u16(),
            stopped: self.bool(),
            mailed_percent: self.u8(),
            preempted: self.maybe(Self::time),
            cron: self.maybe(Self::cron_line).map(Arc::new),
        }
    }

    fn het(&mut self) -> HetRole {
        let members: Vec<JobId> = (0..=self.u8() % 4).map(|_| JobId(self.u32())).collect();
        let offset = u32::from(self.u8()) % u32::try_from(members.len()).unwrap();
        HetRole::new(members.into(), offset).unwrap()
    }

    fn array(&mut self) -> ArrayRole {
        let tasks = if self.bool() {
            let first = u32::from(self.u8());
            let more: BTreeSet<u32> = self.several(|d| d.u8().into());
            PendingTasks::Several([first].into_iter().chain(more).collect())
        } else {
            PendingTasks::One(self.u32())
        };
        ArrayRole { array_job: JobId(self.u32()), tasks, running_max: self.u32(), size: self.u32() }
    }

    fn phase(&mut self) -> Phase {
        match self.u8() % 9 {
            0 => Phase::Pending,
            1 => Phase::Running(Launch::Configuring { since: self.time() }),
            2 => Phase::Running(Launch::Sending { since: self.time() }),
            3 => Phase::Running(Launch::Done),
            4 => Phase::Running(Launch::Preparing),
            5 => Phase::Suspended,
            8 => Phase::Running(Launch::Waking { prolog: self.maybe(Self::time) }),
            6 => Phase::Completing(Completing {
                waiting_on: self.several(Self::node),
                since: self.time(),
                told: self.time(),
                requeue: self.bool(),
                epilog: self.bool(),
            }),
            _ => Phase::Ended,
        }
    }

    fn outcome(&mut self) -> Outcome {
        let by = Uid(self.u32());
        Outcome {
            exit: self.one(&[
                Exit::Completed,
                Exit::Cancelled { by },
                Exit::Failed,
                Exit::Timeout,
                Exit::NodeFail,
                Exit::Preempted,
                Exit::BootFail,
                Exit::Deadline,
                Exit::OutOfMemory,
            ]),
            status: self.u32(),
            derived_status: self.u32(),
        }
    }

    fn allocation(&mut self) -> Allocation {
        let first = self.share();
        let more: Vec<NodeShare> = self.several(Self::share);
        Allocation {
            shares: [first].into_iter().chain(more).collect(),
            batch_at: self.u32(),
            node_list: self.text(),
            exclusive: self.bool(),
            tasks: self.u32(),
            licenses: self.several(Self::license),
            resized: self.bool().then(|| Resized {
                at: Timestamp(i64::from(self.u32())),
                script_on: self.bool().then(|| self.node()),
            }),
            reservation: self.maybe(Self::text),
        }
    }

    fn share(&mut self) -> NodeShare {
        NodeShare {
            node: self.node(),
            cores: self.several::<u32, CoreSet>(|d| d.u8().into()),
            cpus: self.u32(),
            memory_mib: self.u64(),
            tasks: self.u32(),
            gres: self.several(Self::held),
        }
    }

    fn spec(&mut self) -> JobSpec {
        JobSpec {
            name: self.text(),
            partitions: self.several(Self::text),
            min_nodes: self.u32(),
            max_nodes: self.maybe(Self::u32),
            min_cpus: self.u32(),
            max_cpus: self.maybe(Self::u32),
            tasks: self.maybe(Self::u32),
            cpus_per_task: self.maybe(Self::u16),
            tasks_per_node: self.maybe(Self::u16),
            tasks_per_socket: self.maybe(Self::u16),
            tasks_per_core: self.maybe(Self::u16),
            tasks_per_board: self.maybe(Self::u16),
            sockets_per_node: self.maybe(Self::u16),
            cores_per_socket: self.maybe(Self::u16),
            threads_per_core: self.maybe(Self::u16),
            min_cpus_per_node: self.u16(),
            memory: self.maybe(|d| match d.bool() {
                false => MemoryRequest::PerNode(d.u64()),
                true => MemoryRequest::PerCpu(d.u64()),
            }),
            tmp_disk_mib: self.u32(),
            exclusive: self.one(&[
                Exclusive::Unset,
                Exclusive::No,
                Exclusive::Node,
                Exclusive::User,
                Exclusive::Mcs,
                Exclusive::Topology,
            ]),
            share: self.bool(),
            overcommit: self.bool(),
            contiguous: self.bool(),
            core_spec: self.maybe(Self::u16),
            required_nodes: self.maybe(Self::text),
            excluded_nodes: self.maybe(Self::text),
            features: self.maybe(Self::text),
            time_limit_min: self.maybe(Self::u32),
            time_unlimited: self.bool(),
            time_min_min: self.maybe(Self::u32),
            begin: self.maybe(Self::time),
            deadline: self.maybe(Self::time),
            dependencies: Dependencies {
                conditions: self.several(Self::dependency),
                join: self.one(&[Join::All, Join::Any]),
            },
            licenses: self.several(Self::license),
            gres: self.several(Self::wish),
            nice: self.u32() as i32,
            fixed_priority: self.maybe(Self::u32),
            requeue: self.bool(),
            kill_on_node_fail: self.bool(),
            immediate: self.bool(),
            warn_signal: self.u16(),
            warn_time_s: self.u16(),
            warn_flags: self.u16(),
            submitted_by: self.maybe(Self::u32).map(Uid),
            carried: self.carried(),
        }
    }

    fn carried(&mut self) -> Carried {
        let mut carried = Carried::default();
        for option in TextOption::ALL {
            carried.set_text(*option, self.maybe(Self::text));
        }
        for option in NumberOption::ALL {
            carried.set_number(*option, self.maybe(Self::u64));
        }
        carried
    }

    fn dependency(&mut self) -> Dependency {
        use DependencyKind as K;
        use DependencyState as S;

        Dependency {
            kind: self.one(&[
                K::After,
                K::AfterAny,
                K::AfterNotOk,
                K::AfterOk,
                K::AfterCorr,
                K::AfterBurstBuffer,
                K::Expand,
                K::Singleton,
            ]),
            job: self.maybe(Self::u32).map(JobId),
            task: self.maybe(Self::u32),
            delay_min: self.u32(),
            state: self.one(&[S::Unfulfilled, S::Fulfilled, S::Failed]),
        }
    }

    /// A node as it is kept: without what it last said.
    fn whole_node(&mut self) -> Node {
        let addresses: [SocketAddr; 2] =
            ["10.0.0.1:6818".parse().unwrap(), "[fe80::1]:6818".parse().unwrap()];
        Node {
            id: self.node(),
            name: self.text(),
            address: Address {
                host: self.text(),
                host_name: self.text(),
                port: self.u16(),
                seen: self.maybe(|d| d.one(&addresses)),
            },
            hardware: self.hardware(),
            availability: self.one(&[
                Availability::Unknown,
                Availability::Up,
                Availability::Down,
                Availability::Future,
            ]),
            flags: self.flags(),
            reason: self.maybe(|d| NodeReason { text: d.text(), by: Uid(d.u32()), at: d.time() }),
            registration: self.maybe(Self::registration).map(Arc::new),
            last_response: None,
            last_busy: self.maybe(Self::time),
            cpu_load: None,
            free_memory_mib: None,
            features_available: self.several(Self::text),
            features_active: self.several(Self::text),
            weight: self.u32(),
            comment: self.maybe(Self::text),
            extra: self.maybe(Self::text),
            instance_id: self.maybe(Self::text),
            instance_type: self.maybe(Self::text),
            origin: self.one(&[Origin::Configured, Origin::Dynamic]),
            resume_after: self.maybe(Self::time),
            power: self.maybe(|d| PowerRequest { at: d.time(), taken: d.bool() }),
        }
    }

    fn hardware(&mut self) -> Hardware {
        Hardware {
            boards: self.u16(),
            sockets: self.u16(),
            cores_per_socket: self.u16(),
            threads_per_core: self.u16(),
            cpus: self.u16(),
            memory_mib: self.u64(),
            tmp_disk_mib: self.u32(),
            spec_cores: self.u16(),
            spec_cpu_list: self.maybe(Self::text),
            spec_memory_mib: self.u64(),
            gres: self.several(Self::gres),
            gres_text: self.maybe(Self::text),
            cpu_bind: self.u32(),
        }
    }

    fn flags(&mut self) -> NodeFlags {
        NodeFlags {
            drain: self.bool(),
            fail: self.bool(),
            not_responding: self.bool(),
            invalid: self.bool(),
            reboot_requested: self.bool(),
            reboot_issued: self.bool(),
            reboot_drained: self.bool(),
            reboot_resumes: self.bool(),
            reboot_downs: self.bool(),
            powering_up: self.bool(),
            powering_down: self.bool(),
            powered_down: self.bool(),
            power_down_requested: self.bool(),
            cloud: self.bool(),
            unclean: self.bool(),
            power_up_requested: self.bool(),
        }
    }

    fn registration(&mut self) -> Registration {
        Registration {
            protocol: self.u16(),
            version: self.text(),
            booted: self.time(),
            slurmd_started: self.time(),
            arch: self.text(),
            os: self.text(),
            cpus: self.u16(),
            boards: self.u16(),
            sockets: self.u16(),
            cores_per_socket: self.u16(),
            threads_per_core: self.u16(),
            memory_mib: self.u64(),
            tmp_disk_mib: self.u32(),
            gres: self.several::<_, Vec<_>>(Self::gres_line).into(),
            parameters: self.maybe(Self::text),
        }
    }

    fn gres_line(&mut self) -> GresLine {
        let GresCount { name, kind, count } = self.gres();
        let cores: CoreSet = self.several::<u32, _>(|d| d.u8().into());
        let cores = Some(cores).filter(|cores| !cores.is_empty());
        let used = match self.u8() % 4 {
            0 => GresUse::Counted,
            1 => GresUse::Device,
            2 => GresUse::Shared,
            _ => GresUse::SharedOne,
        };
        GresLine { name, kind, count, cores, used }
    }

    fn partition(&mut self) -> Partition {
        use PartitionState as S;
        use PreemptMode as P;

        let jobs = self.u16();
        Partition {
            name: self.text(),
            state: self.one(&[S::Up, S::Down, S::Drain, S::Inactive]),
            nodes: self.several(Self::node),
            nodes_text: self.maybe(Self::text),
            node_sets: self.maybe(Self::text),
            is_default: self.bool(),
            hidden: self.bool(),
            root_only: self.bool(),
            disable_root_jobs: self.bool(),
            exclusive_user: self.bool(),
            exclusive_topo: self.bool(),
            lln: self.bool(),
            req_resv: self.bool(),
            power_down_on_idle: self.bool(),
            allow_accounts: self.maybe(Self::text),
            deny_accounts: self.maybe(Self::text),
            allow_groups: self.maybe(Self::text),
            allow_alloc_nodes: self.maybe(Self::text),
            allow_qos: self.maybe(Self::text),
            deny_qos: self.maybe(Self::text),
            qos: self.maybe(Self::text),
            alternate: self.maybe(Self::text),
            default_time_min: self.maybe(Self::u32),
            max_time_min: self.maybe(Self::u32),
            min_nodes: self.u32(),
            max_nodes: self.maybe(Self::u32),
            max_cpus_per_node: self.maybe(Self::u32),
            max_cpus_per_socket: self.maybe(Self::u32),
            def_memory: self.maybe(Self::memory_default),
            max_memory: self.maybe(Self::memory_default),
            grace_time_s: self.u32(),
            over_time_limit_min: self.maybe(Self::u16),
            preempt_mode: self.maybe(|d| {
                d.one(&[
                    P::Off,
                    P::Cancel,
                    P::Gang,
                    P::Requeue,
                    P::Suspend,
                    P::SuspendGang,
                    P::Within,
                ])
            }),
            priority_job_factor: self.u16(),
            priority_tier: self.u16(),
            sharing: self.one(&[
                Sharing::Exclusive,
                Sharing::No,
                Sharing::Yes(jobs),
                Sharing::Force(jobs),
            ]),
            select_bits: self.u16(),
            cpu_bind: self.u32(),
            resume_timeout_s: self.maybe(Self::u16),
            suspend_timeout_s: self.maybe(Self::u16),
            suspend_time_s: self.maybe(Self::u32),
            billing_weights: self.maybe(Self::text),
            job_defaults: self.maybe(Self::text),
            topology: self.maybe(Self::text),
        }
    }
}
