//! The log: tracing's events as lines in slurmctld's form, to SlurmctldLogFile and, in the
//! foreground, to standard error.
//!
//! ```text
//! [2026-11-22T18:07:41.123] error: authentication failed peer=10.0.0.7:51312 cause="…"
//! ```

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Where lines go, and from which level on.
#[derive(Debug)]
pub struct Log {
    /// SlurmctldDebug, 0 (quiet) to 9 (debug5).
    level: AtomicU16,
    path: Option<PathBuf>,
    file: Mutex<Option<File>>,
    to_stderr: bool,
}

impl Log {
    /// Opens the log and makes it the program's.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened for appending.
    pub fn start(path: Option<&Path>, level: u16, to_stderr: bool) -> io::Result<Arc<Self>> {
        let log = Arc::new(Self {
            level: AtomicU16::new(level),
            path: path.map(Path::to_owned),
            file: Mutex::new(path.map(open).transpose()?),
            to_stderr,
        });
        let subscriber = tracing_subscriber::registry().with(Lines(Arc::clone(&log)));
        // Only a second log in one process (a test) can fail here, and it keeps the first.
        let _ = tracing::subscriber::set_global_default(subscriber);
        Ok(log)
    }

    /// Opens the file anew, after somebody has moved it away (SIGUSR2).
    ///
    /// # Errors
    ///
    /// If it cannot be opened; the old file is used on.
    pub fn reopen(&self) -> io::Result<()> {
        if let Some(path) = &self.path {
            let file = open(path)?;
            *self.file.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
        }
        Ok(())
    }

    /// Sets SlurmctldDebug.
    pub fn set_level(&self, level: u16) {
        self.level.store(level, Ordering::Relaxed);
    }

    /// SlurmctldDebug.
    pub fn level(&self) -> u16 {
        self.level.load(Ordering::Relaxed)
    }

    fn takes(&self, level: &Level) -> bool {
        // Slurm: 1 fatal, 2 error, 3 info, 4 verbose, 5 debug, 6 and above debug2 and finer.
        let needed = match *level {
            Level::ERROR => 1,
            Level::WARN => 2,
            Level::INFO => 3,
            Level::DEBUG => 5,
            Level::TRACE => 6,
        };
        self.level() >= needed
    }

    fn write(&self, line: &str) {
        if let Some(file) = self.file.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            // A full disk must not stop the controller: the line is lost.
            let _ = file.write_all(line.as_bytes());
        }
        if self.to_stderr {
            let _ = io::stderr().write_all(line.as_bytes());
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

struct Lines(Arc<Log>);

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        // What libraries say at their finer levels is theirs to debug.
        let ours = metadata.target().starts_with("ctld") || *metadata.level() <= Level::WARN;
        ours && self.0.takes(metadata.level())
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let word = match *event.metadata().level() {
            Level::ERROR => "error: ",
            Level::WARN => "warning: ",
            Level::INFO => "",
            Level::DEBUG => "debug:  ",
            Level::TRACE => "debug2: ",
        };
        let now = jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%.3f").to_string();
        self.0.write(&format!("[{now}] {word}{}{}\n", text.message, text.fields));
    }
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write as _;
        // Writing to a String does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
