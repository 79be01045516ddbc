//! The last events of a world, printed when it comes to grief.

use std::collections::VecDeque;
use std::fmt;

use ctld_core::Event;

use crate::world::Happening;

/// How many events are kept.
const KEPT: usize = 50;

/// What happened last, and how to see it again.
pub(crate) struct Trail {
    seed: u64,
    last: VecDeque<String>,
}

impl Trail {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, last: VecDeque::new() }
    }

    /// Notes what comes into a turn.
    pub(crate) fn turn(&mut self, now_ms: u64, event: &Event) {
        if !matches!(event, Event::Tick) {
            self.say(now_ms, format_args!("turn {event:?}"));
        }
    }

    pub(crate) fn note(&mut self, now_ms: u64, happening: &Happening) {
        match happening {
            // These are told where they have their effect.
            Happening::Ticks(_)
            | Happening::Writes(_)
            | Happening::Plans(..)
            | Happening::Arrives(..)
            | Happening::Answered(_)
            | Happening::Unanswered(_)
            | Happening::Acts
            | Happening::Breaks => {}
            Happening::Message { node, message, .. } => {
                self.say(now_ms, format_args!("node {node} gets {message:?}"));
            }
            _ => self.say(now_ms, format_args!("{happening:?}")),
        }
    }

    pub(crate) fn say(&mut self, now_ms: u64, what: fmt::Arguments<'_>) {
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        let mut line = format!("{:>9}.{:03} {what}", now_ms / 1000, now_ms % 1000);
        if let Some((cut, _)) = line.char_indices().nth(LINE_MAX) {
            line.truncate(cut);
        }
        self.last.push_back(line);
    }
}

/// How much is kept of a line; a job in full is thousands of characters.
const LINE_MAX: usize = 400;

impl Drop for Trail {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for line in &self.last {
                eprintln!("{line}");
            }
            let seed = self.seed;
            eprintln!("seed {seed}; again: SEED={seed} cargo test -p ctld --test sim one_seed");
        }
    }
}
