use std::sync::Arc;

use model::{CpuFrequency, JobId, Step, StepClient, StepLaunch, StepNumber, StepShare, StepTexts};

use super::Draw;

impl Draw {
    pub(super) fn step(&mut self) -> Step {
        let normal = StepNumber::Normal(self.u32());
        let component = StepNumber::Component { step: self.u32(), component: self.u32() };
        let special = [StepNumber::Interactive, StepNumber::Batch, StepNumber::Extern, component];
        Step {
            job: JobId(self.u32()),
            number: if self.bool() { self.one(&special) } else { normal },
            name: self.text(),
            nodes: self.several(Self::node),
            node_list: self.text(),
            tasks: self.u32(),
            cpus: self.u32(),
            started: self.time(),
            protocol: self.u16(),
            launch: self.bool().then(|| Arc::new(self.step_launch())),
        }
    }

    fn step_launch(&mut self) -> StepLaunch {
        let share = |r: &mut Self| StepShare {
            tasks: r.several(Self::u32),
            cores: (0..r.u16().into()).step_by(97).collect(),
            cpus: r.u32(),
            memory_mib: r.u32().into(),
            gres: r.several(Self::held),
        };
        let ended_on: Vec<u32> = self.several(Self::u32);
        let host = self.text();
        let client = StepClient { host, port: self.u16(), pid: self.u32() };
        StepLaunch {
            distribution: self.u32(),
            shares: self.several(share),
            overlaps: self.bool(),
            counts_memory: self.bool(),
            cpus_per_task: self.u16(),
            client: self.bool().then_some(client),
            time_limit_min: self.bool().then(|| self.u32()),
            ignores_signals: self.bool(),
            submit_line: self.bool().then(|| self.text()),
            ended_on: ended_on.into_iter().collect(),
            status: self.u32(),
            ports: self.several(Self::u16),
            texts: StepTexts {
                tres_per_step: self.maybe(Self::text),
                tres_per_node: self.maybe(Self::text),
                tres_per_socket: self.maybe(Self::text),
                tres_per_task: self.maybe(Self::text),
                cpus_per_tres: self.maybe(Self::text),
                mem_per_tres: self.maybe(Self::text),
                tres_bind: self.maybe(Self::text),
                tres_freq: self.maybe(Self::text),
                network: self.maybe(Self::text),
                container: self.maybe(Self::text),
                container_id: self.maybe(Self::text),
                container_type: self.maybe(Self::text),
                cwd: self.maybe(Self::text),
                std_in: self.maybe(Self::text),
                std_out: self.maybe(Self::text),
                std_err: self.maybe(Self::text),
                host: self.maybe(Self::text),
            },
            cpu_frequency: CpuFrequency {
                min: self.maybe(Self::u32),
                max: self.maybe(Self::u32),
                governor: self.maybe(Self::u32),
            },
        }
    }
}
