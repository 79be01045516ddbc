//! How much is measured: flags, and the presets that they alter.

use serde::{Deserialize, Serialize};

use crate::round::{Leg, Scenario, TUNING};

/// Sizes that go together. Times are of one round on two cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Preset {
    /// About a minute and a half a controller: whether all works, and the order of magnitude
    Quick,
    /// About seven minutes a controller: the sizes of the issue, with times cut where stock is slow
    Standard,
    /// About an hour and a half a controller and round: everything whole, 1,000,000 jobs under polls, too
    Full,
}

/// How much is measured; what is not given is the preset's.
#[derive(Clone, Debug, clap::Args)]
pub struct Flags {
    /// Sizes that go together
    #[arg(long, value_enum, default_value = "quick")]
    pub preset: Preset,
    /// Hollow nodes of scenario a, several numbers in turn; the first number is that of the others
    #[arg(long, value_delimiter = ',')]
    nodes: Option<Vec<u16>>,
    /// Jobs of scenario a
    #[arg(long)]
    jobs: Option<u64>,
    /// For how long scenario a submits at most, seconds
    #[arg(long, value_name = "S")]
    flow_s: Option<u64>,
    /// Waiting jobs that are submitted in scenarios b, c, d, e and i
    #[arg(long)]
    waiting: Option<u64>,
    /// Clients that submit at once
    #[arg(long)]
    submitters: Option<usize>,
    /// Users that jobs belong to
    #[arg(long)]
    users: Option<u16>,
    /// Clients that ask at once in scenario c at rest, several numbers in turn
    #[arg(long, value_delimiter = ',')]
    pollers: Option<Vec<usize>>,
    /// Seconds of each storm of questions at rest
    #[arg(long, value_name = "S")]
    poll_s: Option<u64>,
    /// Jobs in memory for scenarios c, d and e, several numbers in turn: put into the saved state, not submitted
    #[arg(long, value_delimiter = ',')]
    loaded: Option<Vec<u64>>,
    /// With how many jobs in memory at most jobs run under polls
    #[arg(long, value_name = "JOBS")]
    stormed: Option<u64>,
    /// Polls a second while jobs run, several numbers in turn; without polls is always measured, too
    #[arg(long, value_delimiter = ',')]
    rates: Option<Vec<f64>>,
    /// Seconds of each of these
    #[arg(long, value_name = "S")]
    storm_s: Option<u64>,
    /// Tasks a slot in scenario g, several numbers in turn
    #[arg(long, value_delimiter = ',')]
    tasks: Option<Vec<u32>>,
    /// Seconds of work a slot in scenario g, however many tasks it is cut into
    #[arg(long, value_name = "S")]
    work_s: Option<f64>,
    /// Seconds after which a controller's turn at a leg is given up
    #[arg(long, value_name = "S")]
    limit_s: Option<u64>,
    /// SchedulerParameters of both controllers
    #[arg(long, default_value = TUNING)]
    tuning: String,
    /// A further line of both controllers' slurm.conf, such as PrologFlags=Alloc; may be given several times
    #[arg(long, value_name = "LINE")]
    conf: Vec<String>,
    /// A further flag of the hollow nodes, such as --hollow=--epilog-ms=10; may be given several times
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    hollow: Vec<String>,
}

/// How much is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Size {
    /// Hollow nodes of scenario a; the first number is that of the others.
    pub nodes: Vec<u16>,
    /// Jobs of scenario a.
    pub jobs: u64,
    /// For how long it submits at most, seconds.
    pub flow_s: u64,
    /// Waiting jobs that are submitted.
    pub waiting: u64,
    /// Clients that submit at once.
    pub submitters: usize,
    /// Users that jobs belong to.
    pub users: u16,
    /// Clients that ask at once at rest.
    pub pollers: Vec<usize>,
    /// Seconds of each storm of questions at rest.
    pub poll_s: u64,
    /// Jobs in memory that were put into the saved state.
    pub loaded: Vec<u64>,
    /// With how many of them at most jobs run under polls.
    pub stormed: u64,
    /// Polls a second while jobs run.
    pub rates: Vec<f64>,
    /// Seconds of each of these.
    pub storm_s: u64,
    /// Tasks a slot in scenario g.
    pub tasks: Vec<u32>,
    /// Seconds of work a slot in scenario g.
    pub work_s: f64,
    /// Seconds after which a controller's turn at a leg is given up.
    pub limit_s: u64,
    /// `SchedulerParameters`.
    pub tuning: String,
    /// Further lines of slurm.conf.
    pub conf: Vec<String>,
    /// Further flags of the hollow nodes.
    pub hollow: Vec<String>,
}

impl Preset {
    /// What it measures.
    pub fn size(self) -> Size {
        let standard = Size {
            nodes: vec![1000, 10_000],
            jobs: 50_000,
            flow_s: 20,
            waiting: 10_000,
            submitters: 16,
            users: 100,
            pollers: vec![1, 10, 50],
            poll_s: 1,
            loaded: vec![10_000, 100_000, 1_000_000],
            stormed: 100_000,
            rates: vec![100.0, 1000.0],
            storm_s: 8,
            tasks: vec![1, 2, 4, 8, 16],
            work_s: 3.0,
            limit_s: 240,
            tuning: TUNING.to_owned(),
            conf: Vec::new(),
            hollow: Vec::new(),
        };
        match self {
            Self::Quick => Size {
                nodes: vec![200],
                jobs: 4000,
                flow_s: 8,
                waiting: 3000,
                users: 20,
                pollers: vec![1, 10],
                poll_s: 1,
                loaded: vec![10_000],
                storm_s: 4,
                tasks: vec![1, 2, 4, 8],
                work_s: 2.0,
                limit_s: 120,
                ..standard
            },
            Self::Standard => standard,
            Self::Full => Size {
                flow_s: 600,
                waiting: 100_000,
                poll_s: 20,
                stormed: 1_000_000,
                storm_s: 60,
                tasks: vec![1, 2, 4, 8, 16, 32, 64],
                work_s: 20.0,
                limit_s: 3600,
                ..standard
            },
        }
    }
}

impl Flags {
    /// The preset with what was given instead.
    pub fn size(&self) -> Size {
        let preset = self.preset.size();
        Size {
            nodes: self.nodes.clone().unwrap_or(preset.nodes),
            jobs: self.jobs.unwrap_or(preset.jobs),
            flow_s: self.flow_s.unwrap_or(preset.flow_s),
            waiting: self.waiting.unwrap_or(preset.waiting),
            submitters: self.submitters.unwrap_or(preset.submitters),
            users: self.users.unwrap_or(preset.users),
            pollers: self.pollers.clone().unwrap_or(preset.pollers),
            poll_s: self.poll_s.unwrap_or(preset.poll_s),
            loaded: self.loaded.clone().unwrap_or(preset.loaded),
            stormed: self.stormed.unwrap_or(preset.stormed),
            rates: self.rates.clone().unwrap_or(preset.rates),
            storm_s: self.storm_s.unwrap_or(preset.storm_s),
            tasks: self.tasks.clone().unwrap_or(preset.tasks),
            work_s: self.work_s.unwrap_or(preset.work_s),
            limit_s: self.limit_s.unwrap_or(preset.limit_s),
            tuning: self.tuning.clone(),
            conf: self.conf.clone(),
            hollow: self.hollow.clone(),
        }
    }
}

impl Size {
    /// The legs that these scenarios need, what takes long last.
    pub fn legs(&self, scenarios: &[Scenario]) -> Vec<Leg> {
        let has = |any: &[Scenario]| any.iter().any(|one| scenarios.contains(one));
        let (first, mut legs) = (self.nodes.first().copied().unwrap_or(1), Vec::new());
        if has(&[Scenario::A, Scenario::F]) {
            legs.extend(self.nodes.iter().map(|&nodes| Leg::Flow { nodes }));
        }
        if has(&[Scenario::B, Scenario::C, Scenario::D, Scenario::E, Scenario::I]) {
            legs.push(Leg::Queue { nodes: first });
        }
        let mut loaded = Vec::new();
        if has(&[Scenario::C, Scenario::D, Scenario::E]) {
            loaded.extend(self.loaded.iter().map(|&jobs| Leg::Loaded { nodes: first, jobs }));
        }
        let (long, short): (Vec<Leg>, Vec<Leg>) = loaded.into_iter().partition(Leg::is_long);
        legs.extend(short);
        if has(&[Scenario::G]) {
            legs.push(Leg::Launch);
        }
        if has(&[Scenario::H]) {
            legs.push(Leg::Death { nodes: first });
        }
        legs.extend(long);
        legs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scenario_has_its_legs() {
        let size = Preset::Standard.size();
        let names = |scenarios: &[Scenario]| -> Vec<String> {
            size.legs(scenarios).iter().map(Leg::name).collect()
        };
        assert_eq!(names(&[Scenario::A]), ["flow-1000", "flow-10000"]);
        assert_eq!(names(&[Scenario::B]), ["queue"]);
        let loaded = ["loaded-10000", "loaded-100000", "loaded-1000000"];
        assert_eq!(names(&[Scenario::D])[1..], loaded);
        assert_eq!(size.legs(&Scenario::ALL).len(), 8);
    }
}
