//! Notifications: signed messages about what happens to cards and tokens without a request.
//!
//! One is sent to each endpoint for a network token that arrives or changes its state
//! (`cmp_network_token.updated`), and for what the account updater tells (`cmp_au_card.…`). They are signed as
//! VGS is known to sign: `vgs-signature: t=<unix seconds>,v0=<hex of HMAC-SHA256 over "t.body">`. When they are due, and
//! the times that they tell, are of the simulator's clock; `t` is the machine's time of sending, since a receiver compares
//! it with its own clock. What a request to CMP does, its answer tells: of that there is no notification.
//!
//! V1 tells of its network tokens (`network_token.…`) and of its account updater (`au_card.…`) in the same way. Its
//! answers are not final, so a deletion is told of too: it "leads to a token status update" (source: the V1 API
//! reference).
//!
//! ```no_run
//! # async fn test(card_id: &str) -> Result<(), Box<dyn std::error::Error>> {
//! use cmp_simulator::{Simulator, webhooks::Outcome};
//!
//! let simulator = Simulator::builder().webhook("http://127.0.0.1:3000/hooks", "a secret")?.start().await?;
//! simulator.configure(|settings| settings.webhooks.duplicates = 1);
//! // … the service under test stores a card …
//! simulator.world().suspend_token(card_id)?;
//! simulator.webhooks().settled().await;
//! assert!(simulator.webhooks().sent().iter().all(|sent| sent.outcome == Outcome::Delivered));
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
/// [`WebhookSettings`] says how they are delivered; change them with
/// [`Simulator::configure`](crate::Simulator::configure).
#[derive(Clone, Copy)]
pub struct Webhooks<'a> {
    instance: &'a Instance,
}

impl<'a> Webhooks<'a> {
    pub(crate) fn new(instance: &'a Instance) -> Self {
        Self { instance }
    }

    /// Sends what happens from now on to this `http` URL too.
    ///
    /// # Errors
    /// If the URL is no `http` URL or the secret is empty.
    pub fn send_to(self, url: impl Into<String>, secret: impl Into<String>) -> io::Result<()> {
        let endpoint = Endpoint::new(url, secret)?;
        self.instance.state().settings.webhooks.endpoints.push(endpoint);
        Ok(())
    }

    /// Sends this body to each endpoint, signed and delivered as the settings say: an event that the simulator doesn't
    /// know, or what is no event at all.
    ///
    /// ```no_run
    /// # async fn test() -> Result<(), Box<dyn std::error::Error>> {
    /// use cmp_simulator::{Simulator, webhooks::Signing};
    ///
    /// let simulator = Simulator::builder().webhook("http://127.0.0.1:3000/hooks", "a secret")?.start().await?;
    /// simulator.webhooks().send(r#"{ "id": "evt-1", "event": "cmp_card.painted", "details": null }"#);
    /// simulator.webhooks().settled().await;
    /// assert_eq!(simulator.webhooks().sent()[0].attempts[0].status, Some(204));
    ///
    /// simulator.configure(|settings| settings.webhooks.signing = Signing::OffBySeconds(-600));
    /// simulator.webhooks().send(r#"{ "id": "evt-2", "event": "cmp_card.painted" }"#);
    /// simulator.webhooks().settled().await;
    /// assert_eq!(simulator.webhooks().sent()[1].attempts[0].status, Some(401));
    /// # Ok(())
    /// # }
    /// ```
    pub fn send(self, body: impl Into<Vec<u8>>) {
        let state = &mut *self.instance.state();
        let now = state.now();
        state.notifications.add_body(&state.settings.webhooks, &body.into().into(), now);
        self.instance.webhooks.wake();
    }

    /// The notifications that were sent or are to be, the oldest first, whatever became of them; card data in
    /// them is masked. As many finished ones are kept as [`Settings::request_log`](crate::Settings::request_log)
    /// says.
    pub fn sent(self) -> Vec<Notification> {
        self.instance.state().notifications.list()
    }

    /// Ready once nothing is due any more: each notification was delivered or given up, or waits for a later
    /// time of the simulator's clock.
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
