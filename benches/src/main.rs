//! `benches`: hollow nodes, load, and the measurement that compares controllers. README.md says how to use each.

use std::error::Error;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use benches::call::Speaker;
use benches::hollow::{Hollow, Mishaps, Plan};
use benches::load::{Poll, Question, Submission};
use benches::report;
use benches::round::{self, Said};
use benches::throughput::Order;
use clap::{Args, Parser};
use protocol::auth::KeySet;
use protocol::{Hostlist, Version};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::Runtime;
use tokio::time;

/// Load must not take the processor that the controller is measured on: this halves what allocation costs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often hollow nodes say what they have done, when it has changed.
const TELL: Duration = Duration::from_millis(50);

/// Descriptors: a listener a node, a connection a call.
const FILES: u64 = 65_536;

/// What README promises, measured
#[derive(Debug, Parser)]
enum Command {
    /// Plays slurmds: thousands of nodes in one process, over the real protocol
    Hollow(HollowFlags),
    /// Submits batch jobs and measures how long the answers take
    Submit(SubmitFlags),
    /// Asks again and again, as squeue, scontrol and sinfo do
    Poll(PollFlags),
    /// Compares controllers: each scenario, round after round, on this machine
    Throughput(Box<Order>),
    /// Writes the report anew from a folder's result.json
    Report {
        /// The folder
        #[arg(default_value = "benches/results")]
        folder: PathBuf,
    },
    /// One controller in the namespaces of this process; `throughput` starts it
    #[command(hide = true)]
    Round {
        /// The plan, as JSON
        plan: String,
    },
}

/// Whom to talk to, and how.
#[derive(Debug, Args)]
struct Peer {
    /// Where the controller listens
    #[arg(long, default_value = "127.0.0.1:6817")]
    controller: SocketAddr,
    /// The cluster's slurm.key
    #[arg(long, default_value = "/etc/slurm/slurm.key")]
    key: PathBuf,
    /// The release to speak
    #[arg(long, default_value = "24.11", value_parser = release)]
    release: Version,
}

#[derive(Debug, Args)]
struct HollowFlags {
    #[command(flatten)]
    peer: Peer,
    /// The nodes, as a host expression
    #[arg(long, default_value = "h[1-10]")]
    nodes: String,
    /// Where the first node listens; the others at the ports after it
    #[arg(long, default_value = "127.0.0.1:20001")]
    first: SocketAddrV4,
    /// The others listen at the same port of the addresses after it instead
    #[arg(long)]
    own_addresses: bool,
    /// CPUs of a node
    #[arg(long, default_value_t = 64)]
    cpus: u16,
    /// Memory of a node, MiB
    #[arg(long, default_value_t = 256_000)]
    memory: u64,
    /// How long a script runs that does not say `sleep`, ms
    #[arg(long, default_value_t = 0)]
    run_ms: u64,
    /// How long the prolog takes, ms
    #[arg(long, default_value_t = 0)]
    prolog_ms: u64,
    /// Run an epilog of this many ms; without it clean-up is acknowledged at once
    #[arg(long)]
    epilog_ms: Option<u64>,
    /// Fetch the configuration from the controller first, as `slurmd --conf-server` does
    #[arg(long)]
    configless: bool,
    /// Verify the tokens and credentials that come, as slurmd does
    #[arg(long)]
    verify: bool,
    /// Least time before each answer, ms
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// Further time before each answer, up to this, ms
    #[arg(long, default_value_t = 0)]
    jitter_ms: u64,
    /// Chance that a message stays without an answer
    #[arg(long, default_value_t = 0.0)]
    drop: f64,
    /// Chance that a launch is refused
    #[arg(long, default_value_t = 0.0)]
    refuse: f64,
    /// Chance that a script fails
    #[arg(long, default_value_t = 0.0)]
    fail: f64,
    /// Where the sequence of chances begins
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Args)]
struct SubmitFlags {
    #[command(flatten)]
    peer: Peer,
    /// How many jobs
    #[arg(long, default_value_t = 100)]
    jobs: u64,
    /// How many clients at once
    #[arg(long, default_value_t = 4)]
    clients: usize,
    /// The users that the jobs belong to
    #[arg(long, value_delimiter = ',', default_value = "0")]
    users: Vec<u32>,
    /// The partition
    #[arg(long)]
    partition: Option<String>,
    /// The node that each job must have
    #[arg(long)]
    node: Option<String>,
    /// For how long a job sleeps, seconds
    #[arg(long, default_value_t = 0.0)]
    sleep: f64,
}

#[derive(Debug, Args)]
struct PollFlags {
    #[command(flatten)]
    peer: Peer,
    /// What to ask; without it the mix of people and workflow tools
    #[arg(long, value_enum)]
    question: Option<Question>,
    /// The job that `job` asks for
    #[arg(long, default_value_t = 1)]
    job: u32,
    /// The user that `user` asks for
    #[arg(long, default_value_t = 0)]
    user: u32,
    /// How many ask at once
    #[arg(long, default_value_t = 1)]
    pollers: usize,
    /// How often all together ask, a second; as fast as they get answers without it
    #[arg(long)]
    rate: Option<f64>,
    /// For how long, seconds
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

fn main() -> ExitCode {
    let command = Command::parse();
    let result = match command {
        Command::Hollow(flags) => hollow(flags),
        Command::Submit(flags) => submit(flags),
        Command::Poll(flags) => poll(flags),
        Command::Throughput(order) => order.run().map_err(Into::into),
        Command::Report { folder } => report::again(&folder).map_err(Into::into),
        Command::Round { plan } => one_round(&plan),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // Nobody may read it, which changes nothing.
            let _ = writeln!(io::stderr(), "benches: {}", chain(&*why));
            ExitCode::FAILURE
        }
    }
}

fn release(text: &str) -> Result<Version, String> {
    let known = Version::ALL.into_iter().find(|version| version.to_string() == text);
    known.ok_or_else(|| "want one of 23.11 to 26.05".to_owned())
}

impl Peer {
    fn speaker(&self) -> Result<Speaker, Box<dyn Error>> {
        let keys = KeySet::from_key_file(&fs::read(&self.key)?)?;
        Ok(Speaker::root(Arc::new(keys), self.release))
    }
}

fn hollow(flags: HollowFlags) -> Result<(), Box<dyn Error>> {
    raise_file_limit();
    let ms = Duration::from_millis;
    let plan = Plan {
        controller: flags.peer.controller,
        names: Hostlist::parse(&flags.nodes)?.names(),
        first: flags.first,
        own_addresses: flags.own_addresses,
        cpus: flags.cpus,
        memory_mib: flags.memory,
        run: ms(flags.run_ms),
        prolog: ms(flags.prolog_ms),
        epilog: flags.epilog_ms.map(ms),
        configless: flags.configless,
        verify: flags.verify,
        mishaps: Mishaps {
            delay: ms(flags.delay_ms),
            jitter: ms(flags.jitter_ms),
            drop: flags.drop,
            refuse: flags.refuse,
            fail: flags.fail,
            seed: flags.seed,
        },
    };
    let speaker = flags.peer.speaker()?;
    Runtime::new()?.block_on(async {
        let hollow = Hollow::start(plan, speaker).await?;
        let mut told = None;
        loop {
            let count = hollow.tally().count();
            if told != Some(count) {
                print(&count)?;
                told = Some(count);
            }
            time::sleep(TELL).await;
        }
    })
}

fn submit(flags: SubmitFlags) -> Result<(), Box<dyn Error>> {
    let speaker = flags.peer.speaker()?;
    let order = Submission {
        controller: flags.peer.controller,
        jobs: flags.jobs,
        clients: flags.clients,
        users: flags.users,
        partition: flags.partition,
        node: flags.node,
        sleep_s: flags.sleep,
    };
    let submitted = Runtime::new()?.block_on(order.run(speaker, std::future::pending()));
    print(&submitted)
}

fn poll(flags: PollFlags) -> Result<(), Box<dyn Error>> {
    let speaker = flags.peer.speaker()?;
    let poll = Poll {
        controller: flags.peer.controller,
        questions: match flags.question {
            Some(question) => vec![(question, 1)],
            None => Question::MIX.to_vec(),
        },
        jobs: vec![flags.job],
        users: vec![flags.user],
        pollers: flags.pollers,
        rate: flags.rate,
        time: Duration::from_secs(flags.seconds),
    };
    let polled = Runtime::new()?.block_on(poll.run(speaker));
    print(&polled)
}

fn one_round(plan: &str) -> Result<(), Box<dyn Error>> {
    // Who started the round holds the other end of standard input: when that closes, the round ends, and its namespaces.
    thread::spawn(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        process::exit(1);
    });
    raise_file_limit();
    let plan = serde_json::from_str(plan)?;
    let outcome = Runtime::new()?.block_on(round::run(plan));
    let said = outcome.map_or_else(|why| Said::Failed(chain(&why)), |()| Said::Done);
    said.say();
    Ok(())
}

/// As many descriptors as the kernel lets root have; with fewer, fewer nodes.
fn raise_file_limit() {
    let now = getrlimit(Resource::Nofile);
    let wanted = now.maximum.map_or(FILES, |most| most.max(FILES));
    let limit = Rlimit { current: Some(wanted), maximum: Some(wanted) };
    if setrlimit(Resource::Nofile, limit).is_err() {
        // Not root: what is allowed is all there is, and a listener that does not fit says so.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: now.maximum, maximum: now.maximum });
    }
}

fn print(value: &impl serde::Serialize) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

/// All causes of an error, the outermost first.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
