//! All that is logged in this process, over `tracing` and `log`, at every level and by every target, and all panics.
//!
//! The servers of these tests run on threads of their own, whose HTTP crates log nothing: what they log is theirs.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    panic,
    sync::{Mutex, Once, PoisonError},
    thread,
};

use tokio::runtime::{Builder, Runtime};
use tracing::{level_filters::LevelFilter, subscriber};
use tracing_subscriber::{EnvFilter, fmt::format::FmtSpan};

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Lines;

impl Write for Lines {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).extend(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes the records of the crate `log`.
struct Records;

impl log::Log for Records {
    /// All but one target: it names the names in a certificate that nobody vouches for. `SECURITY.md` says so.
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        !metadata.target().starts_with("rustls_platform_verifier")
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        drop(writeln!(Lines, "{} {} {}", record.level(), record.target(), record.args()));
    }

    fn flush(&self) {}
}

/// Keeps what is logged from now on, in the whole process.
pub(crate) fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let everything = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_span_events(FmtSpan::FULL)
            .without_time()
            .with_ansi(false)
            .with_writer(|| Lines);
        subscriber::set_global_default(everything.finish()).expect("no other subscriber");
        log::set_boxed_logger(Box::new(Records)).expect("no other logger");
        log::set_max_level(log::LevelFilter::Trace);
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            // A failed test prints what it found, which is no find of the others.
            let file = panic.location().map_or("", panic::Location::file);
            if !file.contains("canary") || file.ends_with("planted.rs") {
                drop(writeln!(Lines, "{panic}"));
            }
            usual(panic);
        }));
    });
}

/// What was logged so far, each line once.
pub(crate) fn kept() -> String {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let text = String::from_utf8_lossy(&lines);
    text.lines().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join("\n")
}

/// Runs a server on a thread of its own, which logs only what `filter` lets through, and returns what `start` does.
pub(crate) fn apart<T: Send + 'static>(
    filter: &'static str,
    start: impl FnOnce(&Runtime) -> T + Send + 'static,
) -> T {
    keep();
    let (sender, started) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let own =
            tracing_subscriber::fmt().with_env_filter(EnvFilter::new(filter)).with_ansi(false).without_time();
        let _own = subscriber::set_default(own.with_writer(|| Lines).finish());
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        drop(sender.send(start(&runtime)));
        runtime.block_on(std::future::pending::<()>());
    });
    started.recv().expect("the server starts")
}
