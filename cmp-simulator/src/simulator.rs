//! The handle of a running simulator, and its builder.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::card_data::Brand;
use crate::faults::{Chaos, Fault, FaultId};
use crate::instance::Instance;
use crate::openapi;
use crate::operation::{Operation, TOKEN_PATH};
use crate::received::ReceivedRequest;
use crate::server::{self, Transport};
use crate::settings::{
    Endpoint, Enrollment, Protocol, RateLimit, Readings, ServiceAccount, Settings, TokenArrival,
};
use crate::state::{CardView, CryptogramRefused, Redemption, V1TokenView, saved};
use crate::webhooks::{self, Webhooks};
use crate::world::World;

/// A running simulator. Dropping it stops it and ends its connections.
pub struct Simulator {
    instance: Arc<Instance>,
    address: SocketAddr,
    account: ServiceAccount,
    transport: Transport,
    serving: JoinHandle<()>,
}

impl Simulator {
    /// Starts a simulator with the default settings on a free port of 127.0.0.1, in the current
    /// tokio runtime.
    ///
    /// # Errors
    /// If no socket can be opened.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Returns a builder for a simulator with other settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Returns the base URL of the API: `http://127.0.0.1:PORT`, or `https://127.0.0.1:PORT` with
    /// TLS.
    pub fn url(&self) -> &str {
        &self.instance.url
    }

    /// Returns the URL of the OAuth token endpoint.
    pub fn token_url(&self) -> String {
        format!("{}{TOKEN_PATH}", self.instance.url)
    }

    /// Returns the certificate, as PEM, that a TLS client must trust. Returns `None` without TLS.
    ///
    /// Each simulator makes its own certificate when it starts. The certificate signs that of a
    /// server for `127.0.0.1` and `localhost`.
    pub fn root_certificate(&self) -> Option<&str> {
        self.transport.root_certificate()
    }

    /// Returns the address of the socket.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the client id of the first service account. The default account has all five scopes.
    pub fn client_id(&self) -> &str {
        self.account.client_id()
    }

    /// Returns the client secret of the first service account.
    pub fn client_secret(&self) -> &str {
        self.account.client_secret()
    }

    /// Returns the latest requests, the oldest first. [`Settings::request_log`] limits their number.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.instance.log().latest()
    }

    /// Returns how many requests for this operation were received, with any response.
    pub fn count(&self, operation: Operation) -> usize {
        self.instance.log().count(operation)
    }

    /// Clears the received requests and their counts.
    pub fn forget_requests(&self) {
        self.instance.log().clear();
    }

    /// Clears everything but the settings: cards, access tokens, cryptograms, notifications, requests and faults.
    ///
    /// Ids and random numbers go on, so ids from before the reset are not used again.
    pub fn reset(&self) {
        self.instance.reset();
    }

    /// Returns how many access tokens were issued.
    pub fn tokens_minted(&self) -> usize {
        self.instance.state().access.minted()
    }

    /// Returns all stored cards in the order of their creation.
    pub fn cards(&self) -> Vec<CardView> {
        self.instance.state().views()
    }

    /// Returns one stored card.
    pub fn card(&self, id: &str) -> Option<CardView> {
        self.instance.state().card(id).map(|card| card.view())
    }

    /// Returns the V1 network token of an alias.
    pub fn v1_token(&self, pan_alias: &str) -> Option<V1TokenView> {
        self.instance.state().v1.view(pan_alias)
    }

    /// Uses a cryptogram as a payment service does. The first use returns what the cryptogram was
    /// made for; a second use is refused.
    ///
    /// # Errors
    /// If the cryptogram was never issued, has been used or is older than 24 hours, or if its network token is no
    /// longer usable.
    pub fn redeem_cryptogram(&self, value: &str) -> Result<Redemption, CryptogramRefused> {
        self.instance.state().redeem(value)
    }

    /// Writes the account to a file, from which [`Builder::restore`] starts: cards, network tokens, V1's
    /// tokens, the clock and the sequences of ids.
    ///
    /// Access tokens, cryptograms, notifications, received requests, faults and settings are not part of it. An
    /// earlier file is replaced as a whole or not at all. **The file holds card numbers and CVCs in clear**: those
    /// that clients sent, which must be test cards.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn save(&self, file: impl AsRef<Path>) -> io::Result<()> {
        saved::save(&self.instance.state(), file.as_ref())
    }

    /// Returns the faults.
    pub fn faults(&self) -> Faults<'_> {
        Faults { instance: &self.instance }
    }

    /// Returns the world around the simulator.
    pub fn world(&self) -> World<'_> {
        World::new(&self.instance)
    }

    /// Returns the notifications that it sends.
    pub fn webhooks(&self) -> Webhooks<'_> {
        Webhooks::new(&self.instance)
    }

    /// Returns the current settings.
    pub fn settings(&self) -> Settings {
        self.instance.state().settings.clone()
    }

    /// Changes the settings of the running simulator. `protocol`, `seed`, `request_log` and
    /// `control_api` are read only at the start.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.instance.state().settings);
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").field("url", &self.instance.url).finish_non_exhaustive()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The faults of one simulator.
#[derive(Clone, Copy)]
pub struct Faults<'a> {
    instance: &'a Instance,
}

impl Faults<'_> {
    /// Adds a fault after the existing ones.
    pub fn add(&self, fault: Fault) -> FaultId {
        self.instance.faults().add(fault)
    }

    /// Adds several faults in order.
    pub fn extend(&self, faults: impl IntoIterator<Item = Fault>) {
        let mut book = self.instance.faults();
        for fault in faults {
            book.add(fault);
        }
    }

    /// Returns how many requests the fault met.
    pub fn fired(&self, id: FaultId) -> u32 {
        self.instance.faults().fired(id)
    }

    /// Turns chaos on.
    pub fn chaos(&self, chaos: Chaos) {
        self.instance.faults().set_chaos(Some(chaos));
    }

    /// Removes all faults, and chaos.
    pub fn clear(&self) {
        self.instance.faults().clear();
    }
}

impl fmt::Debug for Faults<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let book = self.instance.faults();
        f.debug_list().entries(book.list()).finish()
    }
}

/// A builder for a simulator.
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    settings: Settings,
    /// Whether [`account`](Self::account) has replaced the default account
    has_account: bool,
    port: u16,
    openapi: Option<String>,
    state: Option<PathBuf>,
}

impl Builder {
    /// Replaces all settings.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self.has_account = false;
        self
    }

    /// Sets the protocol. Plain HTTP/1.1 by default.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.settings.protocol = protocol;
        self
    }

    /// Sets the seed of every id, number and fault that is drawn at random.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Sets when network tokens are made. With the card by default.
    pub fn enrollment(mut self, enrollment: Enrollment) -> Self {
        self.settings.enrollment = enrollment;
        self
    }

    /// Sets when the network tokens of one card network are made.
    pub fn enrollment_for(mut self, brand: Brand, enrollment: Enrollment) -> Self {
        self.settings.enrollment_by_brand.insert(brand, enrollment);
        self
    }

    /// Sets when tokens that are made with the card appear. At once by default.
    pub fn token_arrival(mut self, arrival: TokenArrival) -> Self {
        self.settings.token_arrival = arrival;
        self
    }

    /// Sets whether a card number that is already stored is answered with 303. Off by default, as in
    /// a new account.
    pub fn duplicate_detection(mut self, on: bool) -> Self {
        self.settings.duplicate_detection = on;
        self
    }

    /// Sets whether new cards are enrolled with the account updater. Off by default.
    pub fn account_updater(mut self, on: bool) -> Self {
        self.settings.account_updater = on;
        self
    }

    /// Replaces the default service account. Each further call adds one.
    pub fn account(mut self, account: ServiceAccount) -> Self {
        if !self.has_account && self.settings.accounts == [ServiceAccount::default()] {
            self.settings.accounts.clear();
        }
        self.has_account = true;
        self.settings.accounts.push(account);
        self
    }

    /// Limits the requests of the account. No limit by default.
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.settings.rate_limit = Some(limit);
        self
    }

    /// Sets how the responses read the documents where these are ambiguous.
    pub fn readings(mut self, readings: Readings) -> Self {
        self.settings.readings = readings;
        self
    }

    /// Sends notifications to this `http` URL, signed with this secret. Each further call adds a
    /// receiver.
    ///
    /// # Errors
    /// If the URL is not an `http` URL or the secret is empty.
    pub fn webhook(mut self, url: impl Into<String>, secret: impl Into<String>) -> io::Result<Self> {
        self.settings.webhooks.endpoints.push(Endpoint::new(url, secret)?);
        Ok(self)
    }

    /// Sets whether the control API under `/_simulator/` is served. Off by default.
    pub fn control_api(mut self, on: bool) -> Self {
        self.settings.control_api = on;
        self
    }

    /// Sets the port. A free one by default.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets the OpenAPI document that is served at `/openapi.json`. None by default.
    ///
    /// It is served with this simulator as its only server, and with links from a created card to
    /// its operations.
    pub fn openapi(mut self, document: impl Into<String>) -> Self {
        self.openapi = Some(document.into());
        self
    }

    /// Starts with the cards of this file, which [`Simulator::save`] wrote.
    pub fn restore(mut self, file: impl Into<PathBuf>) -> Self {
        self.state = Some(file.into());
        self
    }

    /// Starts the simulator on 127.0.0.1, inside the current tokio runtime.
    ///
    /// # Errors
    /// If the settings have no account, the port is taken, no socket can be opened, the protocol needs the feature
    /// `tls`, or the file to restore can't be read.
    pub async fn start(self) -> io::Result<Simulator> {
        self.settings.check().map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        let transport = Transport::new(self.settings.protocol)?;
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let listener = TcpListener::bind(wanted)
            .await
            .map_err(|error| io::Error::new(error.kind(), format!("{wanted}: {error}")))?;
        let address = listener.local_addr()?;
        let account = self.settings.accounts.first().cloned().unwrap_or_default();
        let scheme = if transport.root_certificate().is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{address}");
        let openapi = self.openapi.map(|document| openapi::of_simulator(document, &url));
        let instance = Arc::new(Instance::new(self.settings, url, openapi));
        if let Some(file) = &self.state {
            saved::restore(&mut instance.state(), file)?;
        }
        let serving = server::serve(listener, transport.clone(), Arc::clone(&instance));
        let delivering = webhooks::deliver(Arc::clone(&instance));
        let serving = tokio::spawn(async { tokio::join!(serving, delivering).0 });
        Ok(Simulator { instance, address, account, transport, serving })
    }
}
