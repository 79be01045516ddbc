//! What the controller adds to the environment that a batch job was submitted with. The rest of the
//! `SLURM_*` variables is slurmstepd's.

use model::{Job, NumberOption, TextOption};
use protocol::Version;
use protocol::msg::open_mode;

use super::{batch, het};
use crate::rpc::credential::text;
use crate::rpc::environment::{self as variables, runs};
use crate::rpc::job_word;
use crate::view::View;

/// The environment of the script, of the one that it was submitted with.
pub(super) fn of(
    view: &View,
    job: &Job,
    mut environment: Vec<String>,
    version: Version,
) -> Vec<String> {
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            variables::set(&mut environment, name, &value);
        }
    };
    for (name, value) in het::variables(view, job, version) {
        set(&name, Some(value));
    }
    let name = (!job.spec.name.is_empty()).then(|| job.spec.name.to_string());
    set("SLURM_JOB_NAME", name);
    if version >= Version::V26_05 {
        let partition = view.cluster.partition(&job.partition).map(|partition| &**partition);
        let shares = job_word::oversubscribe_word(job_word::oversubscribe_value(job, partition));
        set("SLURM_JOB_OVERSUBSCRIBE", Some(shares.to_owned()));
        let exclusive = job_word::exclusive_word(job_word::exclusive_value(job, partition));
        set("SLURM_JOB_EXCLUSIVE", Some(exclusive.to_owned()));
    }
    let mode = match batch::open_mode(job) {
        open_mode::DEFAULT => None,
        open_mode::APPEND => Some("a".to_owned()),
        _ => Some("t".to_owned()),
    };
    set("SLURM_OPEN_MODE", mode);
    set("SLURM_JOB_DEPENDENCY", text(job, TextOption::DependencyText));
    set("SLURM_PROFILE", job.spec.carried.number(NumberOption::Profile).and_then(profile));
    set("SLURM_ACCTG_FREQ", text(job, TextOption::AcctgFreq));
    if version >= Version::V26_05 {
        set("SLURM_NETWORK", text(job, TextOption::Network));
        let segment = job.spec.carried.number(NumberOption::SegmentSize).filter(|n| *n != 0);
        set("SLURM_JOB_SEGMENT_SIZE", segment.map(|n| n.to_string()));
        set("SLURM_TASKS_PER_NODE", tasks_per_node(job));
    }
    environment
}

/// `--profile` in words, as acct_gather_profile writes them.
fn profile(bits: u64) -> Option<String> {
    const WORDS: [(u64, &str); 4] =
        [(1 << 1, "Energy"), (1 << 2, "Task"), (1 << 3, "Lustre"), (1 << 4, "Network")];
    if bits == 0 {
        return None;
    }
    let words: Vec<&str> =
        WORDS.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, word)| *word).collect();
    Some(if words.is_empty() { "None".to_owned() } else { words.join(",") })
}

/// Tasks on each node, equal neighbours written once: `2(x3),1`.
pub(super) fn tasks_per_node(job: &Job) -> Option<String> {
    let shares = &job.allocation.as_deref()?.shares;
    Some(runs(shares.iter().map(|share| share.tasks)))
}

#[cfg(test)]
mod tests {
    use super::profile;

    #[test]
    fn profiles_have_words() {
        assert_eq!(profile(0), None);
        assert_eq!(profile(1).as_deref(), Some("None"));
        assert_eq!(profile(6).as_deref(), Some("Energy,Task"));
    }
}
