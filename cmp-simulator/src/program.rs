//! The simulator as a program, for services in any language.
//!
//! ```no_run
//! # #[derive(clap::Parser)]
//! # struct Cli { #[command(flatten)] options: cmp_simulator::program::Options }
//! # fn main() -> std::io::Result<()> {
//! let cli: Cli = clap::Parser::parse();
//! cmp_simulator::program::main(&cli.options, None)
//! # }
//! ```

use std::future::Future;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::settings::{Enrollment, IncludeWhen, Protocol, Settings};
use crate::simulator::Simulator;

/// The options of the command line; they go before what the settings file says.
#[derive(Clone, Debug, Default, clap::Args)]
#[non_exhaustive]
pub struct Options {
    /// Listen on this port of 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Speak plain HTTP/1.1, or TLS with HTTP/2 and HTTP/1.1, with HTTP/1.1 alone or with HTTP/2 alone
    #[arg(long, value_enum)]
    pub protocol: Option<Protocol>,
    /// Write the certificate that clients must trust to this file, as PEM
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// Fix every id, number and fault that is drawn at random
    #[arg(long)]
    pub seed: Option<u64>,
    /// Make network tokens with the card or on request
    #[arg(long, value_enum)]
    pub enrollment: Option<Enrollment>,
    /// Send `included` with every card, only with a request that has the parameter `include`, or refuse the parameter
    #[arg(long, value_enum)]
    pub include: Option<IncludeWhen>,
    /// Read the settings from this JSON file
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
}

impl Options {
    /// # Errors
    /// If the settings file can't be read or does not hold settings.
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

/// Some editors put it before the text of a file.
const BYTE_ORDER_MARK: char = '\u{feff}';

fn read_settings(path: &Path) -> io::Result<Settings> {
    let named = |error: &dyn std::fmt::Display| io::Error::other(format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| named(&error))?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
    // Of a list, serde would take the members in their order: an empty one would be settings.
    if !text.trim_start().starts_with('{') {
        return Err(named(&"expected a JSON object"));
    }
    serde_json::from_str(text).map_err(|error| named(&error))
}

/// Runs until the process is interrupted, with log lines on stderr (`RUST_LOG` chooses them).
///
/// `openapi` is what `/openapi.json` serves.
///
/// # Errors
/// If the settings can't be read or the port can't be opened.
pub fn main(options: &Options, openapi: Option<String>) -> io::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("cmp_simulator=info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if let Err(error) = log.try_init() {
        tracing::debug!(%error, "there is a subscriber already");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async { run(options, openapi, interrupted()?).await })
}

/// Says how the program ended: a failure is a line on stderr.
pub fn exit(ended: io::Result<()>) -> ExitCode {
    let Err(error) = ended else { return ExitCode::SUCCESS };
    // A closed standard error leaves nobody to read the message.
    let _ = writeln!(io::stderr(), "Error: {error}");
    ExitCode::FAILURE
}

/// Runs until `shutdown` is ready. The line `cmp-simulator listening on URL` on stdout says that it is ready.
///
/// # Errors
/// If the settings can't be read, the port can't be opened or stdout can't be written.
pub async fn run(
    options: &Options,
    openapi: Option<String>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut builder = Simulator::builder().settings(options.settings()?).port(options.port);
    if let Some(openapi) = openapi {
        builder = builder.openapi(openapi);
    }
    let simulator = builder.start().await?;
    if let Some(path) = &options.certificate {
        write_certificate(path, &simulator)?;
    }
    writeln!(io::stdout(), "cmp-simulator listening on {}", simulator.url())?;
    shutdown.await;
    tracing::info!("stopped");
    Ok(())
}

fn write_certificate(path: &Path, simulator: &Simulator) -> io::Result<()> {
    let Some(certificate) = simulator.root_certificate() else {
        return Err(io::Error::other("--certificate: there is no certificate without TLS, see --protocol"));
    };
    std::fs::write(path, certificate)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// Ready when the process is interrupted (ctrl-c) or, on Unix, asked to end. It listens from the call on, so
/// that nobody who has read the ready line ends the process without its knowledge.
///
/// # Errors
/// If the process can't listen to signals.
#[cfg(unix)]
pub fn interrupted() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ready when the process is interrupted (ctrl-c).
///
/// # Errors
/// If the process can't listen to signals.
#[cfg(windows)]
pub fn interrupted() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
