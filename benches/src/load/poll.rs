use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use protocol::Number;
use protocol::msg::{
    JobInfoRequest, JobQuery, NodeInfoRequest, PartitionInfoRequest, ShowFlags, show,
};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time;

use super::latency::Times;
use super::{Latency, next_address};
use crate::call::{self, Speaker};

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(120);

/// What a poller asks again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
pub enum Question {
    /// All jobs, as `squeue` asks.
    Squeue,
    /// One job, as `squeue -j` and `scontrol show job` ask.
    Job,
    /// All nodes and partitions, as `sinfo` asks: two calls.
    Sinfo,
    /// Nothing: what a call costs by itself.
    Ping,
}

/// A storm of questions.
#[derive(Clone, Debug)]
pub struct Poll {
    /// Where the controller listens.
    pub controller: SocketAddr,
    /// What is asked.
    pub question: Question,
    /// The job that [`Question::Job`] is about.
    pub job: u32,
    /// How many ask at once.
    pub pollers: usize,
    /// How often all of them together ask, a second. Without it each asks as soon as it has its answer.
    pub rate: Option<f64>,
    /// For how long.
    pub time: Duration,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Polled {
    /// From when a question was due to its whole answer: a question that waits for the one before waits, too.
    pub latency: Latency,
    /// Questions without an answer, or with another one than asked for.
    pub failed: u64,
    /// Until the last answer came, seconds.
    pub seconds: f64,
    /// The longest answer, bytes.
    pub bytes: u64,
}

struct Asked {
    frame: Vec<u8>,
    answer: Number,
}

impl Poll {
    /// Asks until the time is over.
    pub async fn run(self, speaker: Speaker) -> Polled {
        let (stop, stopped) = oneshot::channel();
        let polled = self.run_until(speaker, stopped).await;
        drop(stop);
        polled
    }

    /// Asks until the time is over or the order to stop comes.
    pub async fn run_until(self, speaker: Speaker, stop: oneshot::Receiver<()>) -> Polled {
        let asked: Arc<Vec<Asked>> = Arc::new(self.asked(&speaker));
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let watch = tokio::spawn(async move {
            // A sender that goes without a word stops it, too.
            let _ = stop.await;
            over.store(true, Ordering::Relaxed);
        });
        let begin = Instant::now();
        let mut tasks = JoinSet::new();
        for number in 0..self.pollers {
            let (speaker, asked) = (speaker.clone(), Arc::clone(&asked));
            tasks.spawn(poller(self.clone(), speaker, asked, number, Arc::clone(&is_over)));
        }
        let mut all = Polled::default();
        let mut times = Times::new();
        while let Some(done) = tasks.join_next().await {
            let (own, own_times) = done.expect("a poller does not panic");
            times.merge(&own_times);
            all.failed += own.failed;
            all.bytes = all.bytes.max(own.bytes);
        }
        watch.abort();
        Polled { latency: times.latency(), seconds: begin.elapsed().as_secs_f64(), ..all }
    }

    fn asked(&self, speaker: &Speaker) -> Vec<Asked> {
        let ask = |question: Number, body: &dyn Fn(Number) -> Vec<u8>, answer: Number| Asked {
            frame: body(question),
            answer,
        };
        match self.question {
            Question::Squeue => vec![ask(
                Number::REQUEST_JOB_INFO,
                &|number| speaker.user_frame(0, number, &JobInfoRequest::default()),
                Number::RESPONSE_JOB_INFO,
            )],
            Question::Job => {
                let show_flags = ShowFlags::ALL | ShowFlags::DETAIL;
                let query = JobQuery { job: self.job.into(), show_flags };
                vec![ask(
                    Number::REQUEST_JOB_INFO_SINGLE,
                    &|number| speaker.user_frame(0, number, &query),
                    Number::RESPONSE_JOB_INFO,
                )]
            }
            Question::Sinfo => {
                let show_flags = show::MIXED;
                let nodes = NodeInfoRequest { show_flags, ..NodeInfoRequest::default() };
                let partitions = PartitionInfoRequest { show_flags, ..Default::default() };
                vec![
                    ask(
                        Number::REQUEST_NODE_INFO,
                        &|number| speaker.user_frame(0, number, &nodes),
                        Number::RESPONSE_NODE_INFO,
                    ),
                    ask(
                        Number::REQUEST_PARTITION_INFO,
                        &|number| speaker.user_frame(0, number, &partitions),
                        Number::RESPONSE_PARTITION_INFO,
                    ),
                ]
            }
            Question::Ping => vec![ask(
                Number::REQUEST_PING,
                &|number| speaker.user_frame(0, number, &()),
                Number::RESPONSE_SLURM_RC,
            )],
        }
    }
}

async fn poller(
    poll: Poll,
    speaker: Speaker,
    asked: Arc<Vec<Asked>>,
    number: usize,
    is_over: Arc<AtomicBool>,
) -> (Polled, Times) {
    let mut own = Polled::default();
    let mut times = Times::new();
    let begin = Instant::now();
    let pollers = f64::from(u32::try_from(poll.pollers).unwrap_or(u32::MAX));
    let every = poll.rate.map(|rate| Duration::from_secs_f64(pollers / rate));
    // Pollers with a rate begin one after another, not all at once.
    let share = f64::from(u32::try_from(number).unwrap_or(u32::MAX)) / pollers;
    let mut due = begin + every.map_or(Duration::ZERO, |every| every.mul_f64(share));
    let end = begin + poll.time;
    while Instant::now() < end && due < end && !is_over.load(Ordering::Relaxed) {
        match every {
            Some(_) => time::sleep_until(due.into()).await,
            None => due = Instant::now(),
        }
        match ask(&poll, &speaker, &asked).await {
            Some(bytes) => {
                times.add(due.elapsed());
                own.bytes = own.bytes.max(bytes);
            }
            None => own.failed += 1,
        }
        due += every.unwrap_or_default();
    }
    (own, times)
}

async fn ask(poll: &Poll, speaker: &Speaker, asked: &[Asked]) -> Option<u64> {
    let mut longest = 0;
    for question in asked {
        let (to, from) = (poll.controller, next_address());
        let reply =
            call::exchange(to, Some(from), &question.frame, speaker.version(), LIMIT).await.ok()?;
        reply.is(question.answer).ok()?;
        longest = longest.max(u64::try_from(reply.length()).unwrap_or(u64::MAX));
    }
    Some(longest)
}
