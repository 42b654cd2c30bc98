//! The parts that the checks of a run share: time limits, interrupts, HTTP clients, and the cards that are left.

use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use cmp_simulator::Operation;
use reqwest::{Certificate, Client};
use tokio::sync::watch;

use super::{answer::network, outcome::Checked, target::is_loopback};

/// The time limits of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The limit for one response, from the first byte of the request to the last of the response.
    pub(crate) answer: Duration,
    /// The time after which a response is slow.
    pub(crate) slow: Duration,
    /// The limit for the sum of the times beyond `slow`, over all responses.
    pub(crate) patience: Duration,
}

impl Limits {
    pub(crate) const USUAL: Self = Self {
        answer: Duration::from_secs(15),
        slow: Duration::from_secs(3),
        patience: Duration::from_secs(40),
    };
}

pub(crate) struct Run {
    pub(crate) limits: Limits,
    /// The number of interrupts.
    interrupts: watch::Receiver<usize>,
    waited: Mutex<Duration>,
    left: Mutex<Vec<String>>,
    /// Certificates to trust in addition to the usual ones.
    certificates: Vec<Certificate>,
    /// A client that may use the process environment's proxy, and a client that doesn't. Making a client takes far
    /// longer than a request.
    clients: [OnceLock<Client>; 2],
}

impl Run {
    pub(crate) fn new(limits: Limits, interrupts: watch::Receiver<usize>) -> Self {
        Self {
            limits,
            interrupts,
            waited: Mutex::default(),
            left: Mutex::default(),
            certificates: Vec::new(),
            clients: Default::default(),
        }
    }

    /// Trusts these certificates too.
    pub(crate) fn trusting(self, certificates: Vec<Certificate>) -> Self {
        Self { certificates, ..self }
    }

    /// A run without interrupts.
    #[cfg(test)]
    pub(crate) fn undisturbed() -> Self {
        Self::new(Limits::USUAL, watch::channel(0).1)
    }

    /// Returns the client for this URL. Only a URL on another machine may use a proxy.
    pub(crate) fn client(&self, url: &str) -> Checked<Client> {
        // A proxy would see the client secret. It would also take loopback for its own machine.
        let is_here = reqwest::Url::parse(url).is_ok_and(|url| is_loopback(&url));
        let slot = &self.clients[usize::from(is_here)];
        if let Some(client) = slot.get() {
            return Ok(client.clone());
        }
        let mut http = Client::builder()
            .timeout(self.limits.answer)
            .redirect(reqwest::redirect::Policy::none())
            .tls_certs_merge(self.certificates.iter().cloned())
            .referer(false);
        if is_here {
            http = http.no_proxy();
        }
        let client = http.build().map_err(|error| network(Operation::Token, error))?;
        Ok(slot.get_or_init(|| client).clone())
    }

    /// Returns `true` after this number of interrupts.
    pub(crate) fn is_interrupted(&self, times: usize) -> bool {
        *self.interrupts.borrow() >= times
    }

    /// Waits for this number of interrupts.
    pub(crate) async fn interrupted(&self, times: usize) {
        let mut interrupts = self.interrupts.clone();
        if interrupts.wait_for(|count| *count >= times).await.is_err() {
            // The sender is gone, so no interrupt can come.
            std::future::pending::<()>().await;
        }
    }

    /// Counts the time of a response beyond the usual.
    pub(crate) fn waited(&self, took: Duration) {
        let mut waited = self.waited.lock().unwrap_or_else(PoisonError::into_inner);
        *waited += took.saturating_sub(self.limits.slow);
    }

    /// Returns `true` if the time beyond the usual is used up.
    pub(crate) fn is_out_of_patience(&self) -> bool {
        *self.waited.lock().unwrap_or_else(PoisonError::into_inner) >= self.limits.patience
    }

    /// Notes a card that the run stored, or may have stored, and could not delete.
    pub(crate) fn leave(&self, what: String) {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    pub(crate) fn take_left(&self) -> Vec<String> {
        std::mem::take(&mut self.left.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Counts interrupts (Ctrl-C and SIGTERM) from now to the end of the process.
pub(crate) fn interrupts() -> std::io::Result<watch::Receiver<usize>> {
    let (sender, receiver) = watch::channel(0);
    let mut signals = Signals::new()?;
    tokio::spawn(async move {
        while signals.next().await.is_some() {
            sender.send_modify(|count| *count += 1);
        }
    });
    Ok(receiver)
}

#[cfg(unix)]
struct Signals(tokio::signal::unix::Signal, tokio::signal::unix::Signal);

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self(signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?))
    }

    async fn next(&mut self) -> Option<()> {
        tokio::select! {
            signal = self.0.recv() => signal,
            signal = self.1.recv() => signal,
        }
    }
}

#[cfg(not(unix))]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) -> Option<()> {
        self.0.recv().await
    }
}
