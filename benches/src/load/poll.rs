use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use protocol::Number;
use protocol::msg::{
    JobInfoRequest, JobQuery, JobUserQuery, NodeInfoRequest, PartitionInfoRequest, ShowFlags, show,
};
use protocol::wire::Wire;
use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time;

use super::latency::Times;
use super::{Latency, next_address};
use crate::call::{self, Speaker};

/// How long an answer may take.
pub(super) const LIMIT: Duration = Duration::from_secs(120);

/// What a poller reads into; answers are not kept.
const BUFFER_BYTES: usize = 256 << 10;

/// Different questions of one kind are signed beforehand, since what signs must not take the controller's processor.
const VARIANTS_MAX: usize = 64;

/// What a poller asks again and again.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, Serialize, Deserialize,
)]
pub enum Question {
    /// All jobs, as `squeue` asks.
    Squeue,
    /// The jobs of a user, as `squeue -u` and `squeue --me` ask.
    User,
    /// One job, as `squeue -j` and `scontrol show job` ask.
    Job,
    /// All nodes and partitions, as `sinfo` asks: two calls.
    Sinfo,
    /// Nothing: what a call costs by itself.
    Ping,
}

impl Question {
    /// What people and workflow tools ask, a hundred times: nearly always for the jobs that they wait for.
    pub const MIX: [(Self, usize); 4] =
        [(Self::Job, 70), (Self::User, 15), (Self::Sinfo, 14), (Self::Squeue, 1)];

    /// The command that asks so.
    pub fn name(self) -> &'static str {
        match self {
            Self::Squeue => "squeue of all",
            Self::User => "squeue -u",
            Self::Job => "scontrol show job",
            Self::Sinfo => "sinfo",
            Self::Ping => "ping",
        }
    }
}

/// A storm of questions.
#[derive(Clone, Debug)]
pub struct Poll {
    /// Where the controller listens.
    pub controller: SocketAddr,
    /// What is asked, and how often of all times together.
    pub questions: Vec<(Question, usize)>,
    /// The jobs that [`Question::Job`] is about, in turn.
    pub jobs: Vec<u32>,
    /// The users that [`Question::User`] is about, in turn.
    pub users: Vec<u32>,
    /// How many ask at once.
    pub pollers: usize,
    /// How often all of them together ask, a second. Without it each asks as soon as it has its answer.
    pub rate: Option<f64>,
    /// For how long.
    pub time: Duration,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Polled {
    /// Of each kind of question.
    pub answers: Vec<Answers>,
    /// Until the last answer came, seconds.
    pub seconds: f64,
}

/// What came of the questions of one kind.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Answers {
    /// Which.
    pub question: Question,
    /// From when a question was due to its whole answer: a question that waits for the one before waits, too. One that
    /// still waits when a storm with a rate ends counts with the time that it has waited by then.
    pub latency: Latency,
    /// Questions that got another answer than asked for, or none in time.
    pub failed: u64,
    /// Questions that were due, and without an answer when the storm ended.
    pub unanswered: u64,
    /// The longest answer, bytes.
    pub bytes: u64,
}

/// A question, ready to be sent: the frames, each with what answers it.
type Asked = Vec<(Vec<u8>, Number)>;

/// What the pollers of a storm share.
struct Storm {
    poll: Poll,
    /// Variants of each kind of question.
    asked: Vec<Vec<Asked>>,
    /// Which kind is asked, in turn.
    order: Vec<usize>,
    turn: AtomicUsize,
    begin: Instant,
}

/// One kind of question of one poller.
struct Kind {
    times: Times,
    failed: u64,
    unanswered: u64,
    bytes: u64,
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
        let kinds: Vec<Question> = self.questions.iter().map(|(question, _)| *question).collect();
        let asked = kinds.iter().map(|question| self.asked(*question, &speaker)).collect();
        let shares: Vec<usize> = self.questions.iter().map(|(_, share)| *share).collect();
        let (pollers, most) = (self.pollers, self.time);
        let order = interleaved(&shares);
        let turn = AtomicUsize::new(0);
        let storm = Arc::new(Storm { poll: self, asked, order, turn, begin: Instant::now() });
        let (over, is_over) = watch::channel(false);
        let end = tokio::spawn(async move {
            // A sender that goes without a word stops it, too.
            let _ = time::timeout(most, stop).await;
            over.send_replace(true);
            over
        });
        let mut tasks = JoinSet::new();
        for number in 0..pollers {
            tasks.spawn(Arc::clone(&storm).poller(number, is_over.clone()));
        }
        let mut all: Vec<Kind> = kinds.iter().map(|_| Kind::new()).collect();
        while let Some(done) = tasks.join_next().await {
            let own = done.expect("a poller does not panic");
            for (all, own) in all.iter_mut().zip(own) {
                all.merge(&own);
            }
        }
        end.abort();
        let answers = kinds.into_iter().zip(all).map(|(question, kind)| kind.answers(question));
        Polled { answers: answers.collect(), seconds: storm.begin.elapsed().as_secs_f64() }
    }

    /// All frames that it sends, each once.
    pub(super) fn frames(&self, speaker: &Speaker) -> Vec<Vec<u8>> {
        let kinds = self.questions.iter().map(|(question, _)| self.asked(*question, speaker));
        kinds.flatten().flatten().map(|(frame, _)| frame).collect()
    }

    fn asked(&self, question: Question, speaker: &Speaker) -> Vec<Asked> {
        fn one(speaker: &Speaker, number: Number, body: &impl Wire, answer: Number) -> Asked {
            vec![(speaker.user_frame(0, number, body), answer)]
        }
        let jobs = Number::RESPONSE_JOB_INFO;
        match question {
            Question::Squeue => {
                vec![one(speaker, Number::REQUEST_JOB_INFO, &JobInfoRequest::default(), jobs)]
            }
            Question::User => {
                let ask = |&user_id: &u32| {
                    let query = JobUserQuery { user_id, show_flags: ShowFlags::ALL };
                    one(speaker, Number::REQUEST_JOB_USER_INFO, &query, jobs)
                };
                spread(&self.users).map(ask).collect()
            }
            Question::Job => {
                let ask = |&job: &u32| {
                    let show_flags = ShowFlags::ALL | ShowFlags::DETAIL;
                    let query = JobQuery { job: job.into(), show_flags };
                    one(speaker, Number::REQUEST_JOB_INFO_SINGLE, &query, jobs)
                };
                spread(&self.jobs).map(ask).collect()
            }
            Question::Sinfo => {
                let show_flags = show::MIXED;
                let nodes = NodeInfoRequest { show_flags, ..NodeInfoRequest::default() };
                let partitions = PartitionInfoRequest { show_flags, ..Default::default() };
                let answer = Number::RESPONSE_NODE_INFO;
                let mut asked = one(speaker, Number::REQUEST_NODE_INFO, &nodes, answer);
                let answer = Number::RESPONSE_PARTITION_INFO;
                asked.extend(one(speaker, Number::REQUEST_PARTITION_INFO, &partitions, answer));
                vec![asked]
            }
            Question::Ping => {
                vec![one(speaker, Number::REQUEST_PING, &(), Number::RESPONSE_SLURM_RC)]
            }
        }
    }
}

/// As many as may be, from all over the list.
fn spread(all: &[u32]) -> impl Iterator<Item = &u32> {
    all.iter().step_by(all.len().div_ceil(VARIANTS_MAX).max(1))
}

/// Indexes of shares, each as often as its share says and far from itself.
fn interleaved(shares: &[usize]) -> Vec<usize> {
    let mut places: Vec<(usize, usize)> = Vec::new();
    for (index, share) in shares.iter().enumerate() {
        // The middles of as many equal parts of the whole as the share is.
        places.extend((0..*share).map(|n| ((2 * n + 1) * 10_000 / share, index)));
    }
    places.sort_unstable();
    places.into_iter().map(|(_, index)| index).collect()
}

impl Storm {
    async fn poller(self: Arc<Self>, number: usize, mut over: watch::Receiver<bool>) -> Vec<Kind> {
        let mut own: Vec<Kind> = self.asked.iter().map(|_| Kind::new()).collect();
        let mut buffer = vec![0; BUFFER_BYTES];
        let pollers = f64::from(u32::try_from(self.poll.pollers).unwrap_or(u32::MAX));
        let every = self.poll.rate.map(|rate| Duration::from_secs_f64(pollers / rate));
        // Pollers with a rate begin one after another, not all at once.
        let share = f64::from(u32::try_from(number).unwrap_or(u32::MAX)) / pollers;
        let mut due = self.begin + every.map_or(Duration::ZERO, |every| every.mul_f64(share));
        while !*over.borrow() {
            if every.is_some() {
                tokio::select! {
                    () = time::sleep_until(due.into()) => {}
                    _ = over.changed() => break,
                }
            } else {
                due = Instant::now();
            }
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            let kind = self.order[turn % self.order.len()];
            let variants = &self.asked[kind];
            let Some(asked) = variants.get(turn % variants.len().max(1)) else { break };
            let ask = self.ask(asked, &mut buffer);
            let answer = if every.is_none() {
                ask.await
            } else {
                tokio::select! {
                    answer = ask => answer,
                    // Asked, and without an answer.
                    _ = over.changed() => {
                        own[kind].unanswered(due.elapsed());
                        due += every.unwrap_or_default();
                        break;
                    }
                }
            };
            own[kind].answered(answer, due.elapsed());
            due += every.unwrap_or_default();
        }
        // Due, and not asked, since the one before had no answer in time.
        while let Some(every) = every.filter(|_| due < Instant::now()) {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            own[self.order[turn % self.order.len()]].unanswered(due.elapsed());
            due += every;
        }
        own
    }

    async fn ask(&self, asked: &Asked, buffer: &mut [u8]) -> Option<u64> {
        let mut longest = 0;
        for (frame, answer) in asked {
            let (to, from) = (self.poll.controller, next_address());
            let got = call::glance(to, Some(from), frame, LIMIT, buffer).await.ok()?;
            if got.number != *answer {
                return None;
            }
            longest = longest.max(u64::try_from(got.length).unwrap_or(u64::MAX));
        }
        Some(longest)
    }
}

impl Kind {
    fn new() -> Self {
        Self { times: Times::new(), failed: 0, unanswered: 0, bytes: 0 }
    }

    fn answered(&mut self, bytes: Option<u64>, after: Duration) {
        match bytes {
            Some(bytes) => {
                self.times.add(after);
                self.bytes = self.bytes.max(bytes);
            }
            None => self.failed += 1,
        }
    }

    fn unanswered(&mut self, after: Duration) {
        self.times.add(after);
        self.unanswered += 1;
    }

    fn merge(&mut self, other: &Self) {
        self.times.merge(&other.times);
        self.failed += other.failed;
        self.unanswered += other.unanswered;
        self.bytes = self.bytes.max(other.bytes);
    }

    fn answers(&self, question: Question) -> Answers {
        let Self { times, failed, unanswered, bytes } = self;
        let (failed, unanswered, bytes) = (*failed, *unanswered, *bytes);
        Answers { question, latency: times.latency(), failed, unanswered, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_asks_each_as_often_as_its_share_and_never_all_of_one_at_once() {
        let order = interleaved(&Question::MIX.map(|(_, share)| share));
        assert_eq!(order.len(), 100);
        assert_eq!(order.iter().filter(|kind| **kind == 1).count(), 15);
        assert!(!order.windows(3).any(|three| three == [1, 1, 1]), "{order:?}");
    }

    #[test]
    fn variants_come_from_all_over_a_long_list() {
        let all: Vec<u32> = (0..1000).collect();
        let some: Vec<u32> = spread(&all).copied().collect();
        assert_eq!(some.len(), 63);
        assert_eq!(some[62], 992);
        assert_eq!(spread(&[7]).count(), 1);
    }
}
