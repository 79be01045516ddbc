//! Waiting for jobs and nodes, as a person with `scontrol show` would.

use super::{CONTROLLER, World};

/// How long a job or a node may take to get somewhere, seconds.
const LIMIT_S: u64 = 45;

impl World {
    /// What `scontrol show job` prints for a job, one line.
    pub fn job(&self, id: u32) -> String {
        let outcome = self.shell().run(["scontrol", "-o", "show", "job", &id.to_string()]);
        outcome.to_string()
    }

    /// One value of `scontrol show job`, such as `JobState`; empty when it is not there.
    pub fn job_field(&self, id: u32, key: &str) -> String {
        field(&self.job(id), key).unwrap_or_default().to_owned()
    }

    /// Waits until a job is in this state.
    ///
    /// # Panics
    /// When it is not after a while.
    #[track_caller]
    pub fn wait_job(&self, id: u32, state: &str) {
        self.until_ok(LIMIT_S, || {
            let now = self.job(id);
            let there = field(&now, "JobState") == Some(state);
            if there { Ok(()) } else { Err(format!("job {id} is {state}; last seen:\n{now}")) }
        });
    }

    /// Waits until `sinfo` shows a node in this state (`%t`: the short word, with its mark).
    ///
    /// # Panics
    /// When it does not after a while.
    #[track_caller]
    pub fn wait_node(&self, node: &str, state: &str) {
        self.wait_node_within(node, state, LIMIT_S);
    }

    /// Waits as [`World::wait_node`] does, for this many seconds.
    ///
    /// # Panics
    /// When it is not so after that time.
    #[track_caller]
    pub fn wait_node_within(&self, node: &str, state: &str, limit_s: u64) {
        self.until_ok(limit_s, || {
            let now = self.node_state(node);
            if now == state {
                Ok(())
            } else {
                Err(format!("node {node} is {state}; it is {now:?}"))
            }
        });
    }

    /// The short word that `sinfo` has for a node's state.
    pub fn node_state(&self, node: &str) -> String {
        let outcome = self.shell().run(["sinfo", "-h", "-p", "main", "-N", "-n", node, "-o", "%t"]);
        outcome.stdout.trim().to_owned()
    }

    /// Waits until a file of the shared homes holds this text.
    ///
    /// # Panics
    /// When it does not after a while.
    #[track_caller]
    pub fn wait_text(&self, path: &str, text: &str) -> String {
        self.until(&format!("{path} holds {text:?}"), LIMIT_S, || {
            let now = self.read(CONTROLLER, path);
            now.contains(text).then_some(now)
        })
    }
}

/// The value of `key` in a line of `Key=Value` words, as `scontrol -o` prints.
pub fn field<'t>(line: &'t str, key: &str) -> Option<&'t str> {
    line.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_key_that_another_key_begins_with_is_not_it() {
        let line = "JobId=3 JobName=a JobState=RUNNING Reason=None";
        assert_eq!(field(line, "JobState"), Some("RUNNING"));
        assert_eq!(field(line, "Job"), None);
    }
}
