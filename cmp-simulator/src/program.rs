//! The simulator as a program, for services in any language.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use clap::Parser;
//! use cmp_simulator::program::{self, Options};
//!
//! #[derive(Parser)]
//! struct Cli {
//!     #[command(flatten)]
//!     options: Options,
//! }
//!
//! fn main() -> ExitCode {
//!     program::exit(program::main(&Cli::parse().options, None))
//! }
//! ```

use std::fmt::Display;
use std::future::Future;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::ctrl_c;
use tracing_subscriber::EnvFilter;

use crate::settings::{Enrollment, IncludeWhen, Protocol, Settings};
use crate::simulator::Simulator;

/// The options of the command line. They override the settings file.
#[derive(Clone, Debug, Default, clap::Args)]
#[non_exhaustive]
pub struct Options {
    /// Listen on this port of 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Speak plain HTTP/1.1, TLS with HTTP/2 and HTTP/1.1, or TLS with one of them
    #[arg(long, value_enum)]
    pub protocol: Option<Protocol>,
    /// Write the certificate that TLS clients must trust to this file, as PEM
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// Set the seed of every id, number and fault that is drawn at random
    #[arg(long)]
    pub seed: Option<u64>,
    /// Make network tokens with the card or on request
    #[arg(long, value_enum)]
    pub enrollment: Option<Enrollment>,
    /// Send `included` with every card, only on request (parameter `include`), or refuse the
    /// parameter
    #[arg(long, value_enum)]
    pub include: Option<IncludeWhen>,
    /// Start with the account in this file if it exists, and write it when interrupted: card numbers
    /// in clear
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Read the settings from this JSON file
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
}

impl Options {
    /// # Errors
    /// If the settings file cannot be read or does not contain settings.
    fn settings(&self) -> io::Result<Settings> {
        let mut settings = self.settings.as_deref().map(read_settings).transpose()?.unwrap_or_default();
        settings.protocol = self.protocol.unwrap_or(settings.protocol);
        settings.seed = self.seed.unwrap_or(settings.seed);
        settings.enrollment = self.enrollment.unwrap_or(settings.enrollment);
        settings.readings.include = self.include.unwrap_or(settings.readings.include);
        settings.control_api = true;
        Ok(settings)
    }
}

/// The mark that some editors write at the start of a file.
const BYTE_ORDER_MARK: char = '\u{feff}';

fn read_settings(path: &Path) -> io::Result<Settings> {
    let named = |error: &dyn Display| io::Error::other(format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| named(&error))?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
    // serde would read a list as the members in their order, and an empty one as settings.
    if !text.trim_start().starts_with('{') {
        return Err(named(&"expected a JSON object"));
    }
    serde_json::from_str(text).map_err(|error| named(&error))
}

/// Runs the program until it is interrupted. Log lines go to stderr; `RUST_LOG` selects them.
///
/// `openapi` is the document at `/openapi.json`.
///
/// # Errors
/// If the settings cannot be read or the port cannot be opened.
pub fn main(options: &Options, openapi: Option<String>) -> io::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("cmp_simulator=info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if let Err(error) = log.try_init() {
        tracing::debug!(%error, "there is a subscriber already");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async { run(options, openapi, interrupted()?).await })
}

/// Converts the result of [`main`] into an exit code. Prints an error to stderr in one line.
pub fn exit(result: io::Result<()>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    // A closed stderr has no reader.
    let _ = writeln!(io::stderr(), "Error: {error}");
    ExitCode::FAILURE
}

/// Runs the program until `shutdown` completes. Prints `cmp-simulator listening on URL` to stdout
/// when it is ready.
///
/// # Errors
/// If the settings cannot be read, the port cannot be opened or stdout cannot be written.
pub async fn run(
    options: &Options,
    openapi: Option<String>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut builder = Simulator::builder().settings(options.settings()?).port(options.port);
    if let Some(openapi) = openapi {
        builder = builder.openapi(openapi);
    }
    let state = options.state.as_deref();
    if let Some(file) = state.filter(|file| file.exists()) {
        builder = builder.restore(file);
    }
    let simulator = builder.start().await?;
    if let Some(path) = &options.certificate {
        write_certificate(path, &simulator)?;
    }
    let save = || state.map_or(Ok(()), |file| simulator.save(file));
    // A file that can't be written fails now, and not when there is something to lose.
    save()?;
    writeln!(io::stdout(), "cmp-simulator listening on {}", simulator.url())?;
    shutdown.await;
    save()?;
    tracing::info!("stopped");
    Ok(())
}

fn write_certificate(path: &Path, simulator: &Simulator) -> io::Result<()> {
    let Some(certificate) = simulator.root_certificate() else {
        return Err(io::Error::other("--certificate needs TLS: set --protocol"));
    };
    std::fs::write(path, certificate)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// Completes when the process gets SIGINT (ctrl-c) or SIGTERM. It listens from the call on, so that it
/// misses no signal after the ready line.
///
/// # Errors
/// If the process cannot listen to signals.
#[cfg(unix)]
pub fn interrupted() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Completes when the process is interrupted (ctrl-c).
///
/// # Errors
/// If the process cannot listen to signals.
#[cfg(windows)]
pub fn interrupted() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
