//! Webhooks: signed notifications about what happens to cards and tokens without a request.
//!
//! Each endpoint gets a notification when a network token arrives or changes its state
//! (`cmp_network_token.updated`), and when the account updater reports (`cmp_au_card.…`). A request
//! to CMP makes no notification, because its response says what it did.
//!
//! V1 notifies of its network tokens (`network_token.…`) and of its account updater (`au_card.…`) in
//! the same way. Its responses are not final, so a deletion makes a notification too: it "leads to a
//! token status update" (source: the V1 API reference).
//!
//! The signature has the form that VGS is known to use: `vgs-signature: t=<unix seconds>,v0=<hex of
//! HMAC-SHA256 over "t.body">`. The simulator's clock decides when a notification is due, and gives
//! the times in its body. `t` is the machine's time of sending, because a receiver compares it with
//! its own clock.
//!
//! ```no_run
//! # async fn test() -> Result<(), Box<dyn std::error::Error>> {
//! use cmp_simulator::{Simulator, webhooks::Outcome};
//!
//! let url = "http://127.0.0.1:3000/hooks";
//! let builder = Simulator::builder().webhook(url, "a secret")?;
//! let simulator = builder.start().await?;
//! simulator.configure(|settings| settings.webhooks.duplicates = 1);
//!
//! // … the service under test stores a card …
//!
//! let card = &simulator.cards()[0];
//! simulator.world().suspend_token(&card.id)?;
//! simulator.webhooks().settled().await;
//! for sent in simulator.webhooks().sent() {
//!     assert_eq!(sent.outcome, Outcome::Delivered);
//! }
//! # Ok(())
//! # }
//! ```

mod delivery;
mod events;
mod queue;

use std::fmt;
use std::io;

use crate::instance::Instance;

pub use crate::settings::{DeliveryOrder, Endpoint, Signing, WebhookSettings};
pub(crate) use delivery::deliver;
pub(crate) use events::{Event, V1TokenEvent, V1Update};
pub use queue::{Attempt, Notification, Outcome};
pub(crate) use queue::{Queue, Signals};

/// The notifications of one simulator.
///
/// [`WebhookSettings`] says how they are delivered. Change it with
/// [`Simulator::configure`](crate::Simulator::configure).
#[derive(Clone, Copy)]
pub struct Webhooks<'a> {
    instance: &'a Instance,
}

impl<'a> Webhooks<'a> {
    pub(crate) fn new(instance: &'a Instance) -> Self {
        Self { instance }
    }

    /// Adds a receiver at this `http` URL for later notifications.
    ///
    /// # Errors
    /// If the URL is not an `http` URL or the secret is empty.
    pub fn send_to(self, url: impl Into<String>, secret: impl Into<String>) -> io::Result<()> {
        let endpoint = Endpoint::new(url, secret)?;
        self.instance.state().settings.webhooks.endpoints.push(endpoint);
        Ok(())
    }

    /// Sends this body to each endpoint, signed and delivered as the settings say. It may be an
    /// unknown event, or not an event at all.
    ///
    /// ```no_run
    /// # async fn test() -> Result<(), Box<dyn std::error::Error>> {
    /// use cmp_simulator::{Simulator, webhooks::Signing};
    ///
    /// let url = "http://127.0.0.1:3000/hooks";
    /// let builder = Simulator::builder().webhook(url, "a secret")?;
    /// let simulator = builder.start().await?;
    /// let webhooks = simulator.webhooks();
    /// webhooks.send(r#"{ "id": "evt-1", "event": "cmp_card.painted" }"#);
    /// webhooks.settled().await;
    /// assert_eq!(webhooks.sent()[0].attempts[0].status, Some(204));
    ///
    /// simulator.configure(|settings| {
    ///     settings.webhooks.signing = Signing::OffBySeconds(-600);
    /// });
    /// webhooks.send(r#"{ "id": "evt-2", "event": "cmp_card.painted" }"#);
    /// webhooks.settled().await;
    /// assert_eq!(webhooks.sent()[1].attempts[0].status, Some(401));
    /// # Ok(())
    /// # }
    /// ```
    pub fn send(self, body: impl Into<Vec<u8>>) {
        let state = &mut *self.instance.state();
        let now = state.now();
        state.notifications.add_body(&state.settings.webhooks, &body.into().into(), now);
        self.instance.webhooks.wake();
    }

    /// Returns all notifications with any outcome, the oldest first. Card data in them is masked.
    ///
    /// [`Settings::request_log`](crate::Settings::request_log) limits how many finished ones are
    /// kept.
    pub fn sent(self) -> Vec<Notification> {
        self.instance.state().notifications.list()
    }

    /// Waits until no notification is due: each was delivered or given up, or waits for a later time
    /// of the simulator's clock.
    pub async fn settled(self) {
        let mut progress = self.instance.webhooks.watch_progress();
        loop {
            let is_settled = {
                let state = self.instance.state();
                state.notifications.is_settled(state.now())
            };
            if is_settled || progress.changed().await.is_err() {
                return;
            }
        }
    }
}

impl fmt::Debug for Webhooks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sent()).finish()
    }
}
