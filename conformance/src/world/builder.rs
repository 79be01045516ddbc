//! What a world is to be, and its making.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::sync::Mutex;

use super::{CONTROLLER, Root, World, WorldError, chain, machines};
use crate::config::{Node, NodeKind};
use crate::ground::{self, say};
use crate::stock::Release;
use crate::subject::{self, Subject};

/// What a world is to be.
#[derive(Clone, Debug)]
pub struct Builder {
    subject: Subject,
    release: Release,
    nodes: Vec<Node>,
    extra: Vec<String>,
    clients: BTreeSet<Release>,
    files: Vec<(String, String)>,
    detached: bool,
    has_mpi: bool,
}

impl World {
    /// A world with the chosen subject; `None`, after one line that says why, where none can be made.
    ///
    /// # Panics
    /// Instead of `None` when `CI=true`: a suite that skips everything must not look like one that passes.
    pub fn builder() -> Option<Builder> {
        if let Err(why) = ground::check_rights() {
            if env::var("CI").as_deref() == Ok("true") {
                panic!("{why}");
            }
            say(&format!("skipped: {why}"));
            return None;
        }
        let release = Release::chosen();
        Some(Builder {
            subject: Subject::chosen(),
            release,
            nodes: Vec::new(),
            extra: Vec::new(),
            clients: BTreeSet::from([release]),
            files: Vec::new(),
            detached: false,
            has_mpi: false,
        })
    }
}

impl Builder {
    /// With this controller instead of the chosen one.
    pub fn subject(mut self, subject: Subject) -> Self {
        self.subject = subject;
        self
    }

    /// A controller of this release when the stock one is tested; ours speaks to all.
    pub fn stock_of(mut self, release: Release) -> Self {
        if let Subject::Stock(_) = self.subject {
            self.subject = Subject::Stock(release);
        }
        self
    }

    /// Clients and later slurmds of this release.
    pub fn release(mut self, release: Release) -> Self {
        self.release = release;
        self.clients.insert(release);
        self
    }

    /// Also clients of this release, by [`crate::Shell::release`].
    pub fn clients(mut self, release: Release) -> Self {
        self.clients.insert(release);
        self
    }

    /// A slurmd that has its line in slurm.conf.
    pub fn node(self, name: &str) -> Self {
        let release = self.release;
        self.node_of(name, release, NodeKind::Listed)
    }

    /// A slurmd of this release and kind.
    pub fn node_of(mut self, name: &str, release: Release, kind: NodeKind) -> Self {
        self.nodes.push(Node { name: name.to_owned(), release, kind });
        self
    }

    /// A further line of slurm.conf; one of the base with the same key gives way.
    pub fn conf(mut self, line: &str) -> Self {
        self.extra.push(line.to_owned());
        self
    }

    /// A further file in /etc/slurm, readable and executable by all.
    pub fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// The controller is started without `-D`, so that it detaches.
    pub fn detached(mut self) -> Self {
        self.detached = true;
        self
    }

    /// Roots of 24.11 have a compiler, OpenMPI over PMIx, and PMI-2.
    pub fn with_mpi(mut self) -> Self {
        self.has_mpi = true;
        self
    }

    /// Makes the world and waits until the controller answers and the listed nodes are idle.
    ///
    /// # Panics
    /// When it does not come up: the reason and the daemons' logs are in the message.
    #[track_caller]
    pub fn start(self) -> World {
        let listed: Vec<String> = self
            .nodes
            .iter()
            .filter(|node| node.kind != NodeKind::Dynamic)
            .map(|node| node.name.clone())
            .collect();
        let nodes: Vec<String> = self.nodes.iter().map(|node| node.name.clone()).collect();
        let world = self.start_bare();
        for node in &nodes {
            world.start_slurmd(node);
        }
        for node in &listed {
            world.wait_node(node, "idle");
        }
        world
    }

    /// Makes the world and waits until the controller answers; the slurmds are left to the test.
    ///
    /// # Panics
    /// When it does not come up: the reason and the daemons' logs are in the message.
    #[track_caller]
    pub fn start_bare(self) -> World {
        let world = self.made();
        world.start_controller();
        world
    }

    #[track_caller]
    fn made(self) -> World {
        match self.make() {
            Ok(world) => world,
            Err(why) => panic!("cannot make a world: {}", chain(&why)),
        }
    }

    /// Makes the world's machines; no daemon runs yet.
    ///
    /// # Errors
    /// When stock Slurm or ctld are not to be had, or the system refuses something.
    pub fn make(self) -> Result<World, WorldError> {
        let ctld = match self.subject {
            Subject::Ours => Some(subject::ctld()?),
            Subject::Stock(_) => None,
        };
        let (folder, init, leash) = machines::begin()?;
        let world = World {
            subject: self.subject,
            release: self.release,
            nodes: Mutex::new(self.nodes),
            detached: self.detached,
            has_mpi: self.has_mpi,
            ctld,
            folder,
            init,
            leash: Some(leash),
            machines: Mutex::new(BTreeMap::new()),
        };
        world.furnish(&self.extra, &self.files)?;
        world.add_machine(CONTROLLER, Some(&world.share().join("slurm")))?;
        match self.subject {
            Subject::Ours => world.add_root(CONTROLLER, Root::Host)?,
            Subject::Stock(release) => world.add_root(CONTROLLER, Root::Stock(release))?,
        }
        for release in self.clients {
            world.add_root(CONTROLLER, Root::Stock(release))?;
        }
        for node in world.nodes_now() {
            world.add_node_machine(&node)?;
        }
        Ok(world)
    }
}
