use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use protocol::msg::{JobDesc, SubmitResponse};
use protocol::shape::Limit;
use protocol::{Errno, Number};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time;

use super::latency::Times;
use super::{Latency, next_address};
use crate::call::{self, CallError, Reply, Speaker};

/// How long a submission may take before it counts as failed.
const LIMIT: Duration = Duration::from_secs(60);

/// Pause after an answer that asks to come back, or none.
const PAUSE: Duration = Duration::from_millis(100);

/// The environment that each job brings: that of somebody on a login node, with a few modules
/// loaded.
const ENVIRONMENT: &str = include_str!("environment.txt");

/// What is submitted, by how many at once.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Where the controller listens.
    pub controller: SocketAddr,
    /// How many jobs.
    pub jobs: u64,
    /// How many clients submit at once, each waiting for its answer before its next job.
    pub clients: usize,
    /// The users that the jobs belong to, in turn.
    pub users: Vec<u32>,
    /// The partition; the default one when it is not given.
    pub partition: Option<String>,
    /// The node that each job must have, if it must.
    pub node: Option<String>,
    /// For how long a job sleeps, seconds.
    pub sleep_s: f64,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Submitted {
    /// The jobs that were acknowledged.
    pub jobs: Vec<u32>,
    /// Submissions that were refused for good, or not answered in time.
    pub failed: u64,
    /// Answers that asked to come back, and connections without an answer, which were tried again.
    pub retries: u64,
    /// From the first to the last, seconds.
    pub seconds: f64,
    /// From the first attempt to the acknowledgement.
    pub latency: Latency,
}

/// What the clients of a submission share.
struct Clients {
    speaker: Speaker,
    order: Submission,
    frames: Vec<Vec<u8>>,
    /// Jobs that some client has begun to submit.
    begun: AtomicU64,
    turn: AtomicUsize,
    stopped: AtomicBool,
}

#[derive(Default)]
struct Own {
    jobs: Vec<u32>,
    failed: u64,
    retries: u64,
}

impl Submission {
    /// Submits all jobs, or as many as the controller takes until `stop` resolves.
    pub async fn run(self, speaker: Speaker, stop: impl Future<Output = ()>) -> Submitted {
        // One frame a user: tokens are good for any number of requests, and what signs them must not take the controller's processor.
        let frames = self
            .users
            .iter()
            .map(|&uid| speaker.user_frame(uid, Number::REQUEST_SUBMIT_BATCH_JOB, &self.job(uid)));
        let frames = frames.collect();
        let clients = self.clients;
        let shared = Arc::new(Clients {
            speaker,
            order: self,
            frames,
            begun: AtomicU64::new(0),
            turn: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let begin = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..clients {
            tasks.spawn(Arc::clone(&shared).work());
        }
        let mut times = Times::new();
        let mut all = Own::default();
        tokio::pin!(stop);
        while !tasks.is_empty() {
            tokio::select! {
                () = &mut stop, if !shared.stopped.load(Ordering::Relaxed) => {
                    shared.stopped.store(true, Ordering::Relaxed);
                }
                Some(done) = tasks.join_next() => {
                    let (own, own_times) = done.expect("a client does not panic");
                    all.jobs.extend(own.jobs);
                    all.failed += own.failed;
                    all.retries += own.retries;
                    times.merge(&own_times);
                }
            }
        }
        Submitted {
            jobs: all.jobs,
            failed: all.failed,
            retries: all.retries,
            seconds: begin.elapsed().as_secs_f64(),
            latency: times.latency(),
        }
    }

    /// About 4 KB, as sbatch sends it: the environment and a short script.
    fn job(&self, uid: u32) -> JobDesc {
        let script = format!(
            "#!/bin/sh\n{}\nsleep {}\n",
            "# A line of a script that people write. #\n".repeat(4),
            self.sleep_s
        );
        JobDesc {
            name: Some("bench".to_owned()),
            partition: self.partition.clone(),
            req_nodes: self.node.clone(),
            script: Some(script),
            argv: vec!["bench.sh".to_owned()],
            environment: ENVIRONMENT.lines().map(str::to_owned).collect(),
            work_dir: Some("/tmp".to_owned()),
            std_in: Some("/dev/null".to_owned()),
            std_out: Some("/dev/null".to_owned()),
            submit_line: Some("sbatch bench.sh".to_owned()),
            alloc_node: Some("bench".to_owned()),
            user_id: uid,
            group_id: uid,
            min_nodes: Limit::Value(1),
            min_cpus: Limit::Value(1),
            num_tasks: Limit::Value(1),
            time_limit: Limit::Value(10),
            ..JobDesc::default()
        }
    }
}

impl Clients {
    async fn work(self: Arc<Self>) -> (Own, Times) {
        let mut own = Own::default();
        let mut times = Times::new();
        while !self.stopped.load(Ordering::Relaxed)
            && self.begun.fetch_add(1, Ordering::Relaxed) < self.order.jobs
        {
            let user = self.turn.fetch_add(1, Ordering::Relaxed) % self.frames.len();
            let begin = Instant::now();
            match self.submit(&self.frames[user], &mut own.retries).await {
                Ok(job) => {
                    times.add(begin.elapsed());
                    own.jobs.push(job);
                }
                Err(_) if self.stopped.load(Ordering::Relaxed) => {}
                Err(_) => own.failed += 1,
            }
        }
        (own, times)
    }

    async fn submit(&self, frame: &[u8], retries: &mut u64) -> Result<u32, CallError> {
        let begin = Instant::now();
        loop {
            let (to, from) = (self.order.controller, next_address());
            let reply = call::exchange(to, Some(from), frame, self.speaker.version(), LIMIT).await;
            let is_stopped = self.stopped.load(Ordering::Relaxed);
            match accepted(reply) {
                Err(why) if begin.elapsed() < LIMIT && is_passing(&why) && !is_stopped => {
                    *retries += 1;
                    time::sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }
}

fn accepted(reply: Result<Reply, CallError>) -> Result<u32, CallError> {
    let answer: SubmitResponse = reply?.expect(Number::RESPONSE_SUBMIT_BATCH_JOB)?;
    Ok(answer.step.0.job_id)
}

/// Whether the next attempt may get through.
fn is_passing(why: &CallError) -> bool {
    match why {
        CallError::Io(_) | CallError::Cut(_) => true,
        CallError::Unexpected { code, .. } => {
            matches!(code, Some(Errno::SLURMCTLD_COMMUNICATIONS_BACKOFF | Errno::EAGAIN))
        }
        CallError::Late(_) | CallError::Oversized(_) | CallError::Body { .. } => false,
    }
}
