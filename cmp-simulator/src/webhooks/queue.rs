//! Notifications that wait, are being sent, or are done. No sockets here.

use std::collections::VecDeque;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{Notify, watch};

use crate::masked;
use crate::settings::{DeliveryOrder, Endpoint, Signing, WebhookSettings};
use crate::state::Ids;
use crate::webhooks::Event;

/// A notification of one event for one endpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Notification {
    /// The event's id, the same for every delivery; empty for a message without an id
    pub event_id: String,
    /// The event's name, such as `cmp_network_token.updated`; empty for a message without a name
    pub event: String,
    /// The URL of the endpoint
    pub url: String,
    /// The body with card data masked; a string if it is not JSON
    pub body: Value,
    /// All attempts so far, including repeats of an accepted notification
    pub attempts: Vec<Attempt>,
    /// The outcome
    pub outcome: Outcome,
}

impl Notification {
    pub(super) fn pending(url: &str, body: &[u8]) -> Self {
        let body = serde_json::from_slice(body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()));
        let text = |member: &str| body[member].as_str().unwrap_or_default().to_owned();
        Self {
            event_id: text("id"),
            event: text("event"),
            url: url.to_owned(),
            body: masked::json(&body),
            attempts: Vec::new(),
            outcome: Outcome::Pending,
        }
    }
}

/// One attempt to deliver a notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Attempt {
    /// The time by the simulator's clock
    pub at: DateTime<Utc>,
    /// The status of the endpoint's response
    pub status: Option<u16>,
    /// The reason for a missing response
    pub error: Option<String>,
}

impl Attempt {
    pub(super) fn new(at: DateTime<Utc>, answer: Result<u16, String>) -> Self {
        Self { at, status: answer.as_ref().ok().copied(), error: answer.err() }
    }

    /// Returns `true` if the endpoint accepted the notification with a 2xx.
    pub fn is_accepted(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// The outcome of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It waits to be sent, for the first time or again.
    Pending,
    /// It was accepted every time it was sent.
    Delivered,
    /// It was given up.
    Failed,
}

/// Gives the ids of notifications a sequence of their own, so that webhooks change no other id.
const SEED: u64 = 0x5745_4248_4f4f_4b53;

pub(crate) struct Queue {
    entries: VecDeque<Entry>,
    capacity: usize,
    ids: Ids,
    shuffle: fastrand::Rng,
    next: u64,
}

struct Entry {
    number: u64,
    endpoint: Endpoint,
    body: Bytes,
    shown: Notification,
    due: DateTime<Utc>,
    in_flight: bool,
    deliveries_left: u32,
    failures: u32,
}

/// One request to send.
pub(super) struct Delivery {
    pub(super) number: u64,
    pub(super) endpoint: Endpoint,
    pub(super) signing: Signing,
    pub(super) body: Bytes,
    /// The time by the simulator's clock
    pub(super) at: DateTime<Utc>,
}

impl Queue {
    pub(crate) fn new(seed: u64, capacity: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            capacity,
            ids: Ids::new(seed ^ SEED),
            shuffle: fastrand::Rng::with_seed(seed),
            next: 0,
        }
    }

    /// Returns the state of the ids, from which [`continue_ids`](Self::continue_ids) goes on.
    pub(crate) fn ids_seed(&self) -> u64 {
        self.ids.seed()
    }

    pub(crate) fn continue_ids(&mut self, seed: u64) {
        self.ids = Ids::new(seed);
    }

    /// Forgets all notifications. The end of one that is being sent is then not recorded.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Queues an event that happened at `now`, for each endpoint.
    pub(crate) fn add(&mut self, settings: &WebhookSettings, event: &Event, now: DateTime<Utc>) {
        let id = format!("evt-{}", self.ids.trace());
        self.add_body(settings, &event.body(&id, now).to_string().into(), now);
    }

    /// Queues a message unchanged, for each endpoint.
    pub(super) fn add_body(&mut self, settings: &WebhookSettings, body: &Bytes, now: DateTime<Utc>) {
        let due = now + TimeDelta::seconds(i64::from(settings.delay_seconds));
        for endpoint in &settings.endpoints {
            self.entries.push_back(Entry {
                number: self.next,
                endpoint: endpoint.clone(),
                body: body.clone(),
                shown: Notification::pending(endpoint.url(), body),
                due,
                in_flight: false,
                deliveries_left: settings.duplicates.saturating_add(1),
                failures: 0,
            });
            self.next += 1;
        }
    }

    /// Returns the next notification that is due, which is then being sent.
    pub(super) fn take(&mut self, settings: &WebhookSettings, now: DateTime<Utc>) -> Option<Delivery> {
        let due: Vec<_> = (0..self.entries.len()).filter(|place| self.entries[*place].is_due(now)).collect();
        let place = match settings.order {
            DeliveryOrder::OldestFirst => due.first().copied(),
            DeliveryOrder::NewestFirst => due.last().copied(),
            DeliveryOrder::Shuffled => self.shuffle.choice(due),
        };
        let entry = self.entries.get_mut(place?)?;
        entry.in_flight = true;
        Some(Delivery {
            number: entry.number,
            endpoint: entry.endpoint.clone(),
            signing: settings.signing,
            body: entry.body.clone(),
            at: now,
        })
    }

    /// Records the end of a delivery.
    pub(super) fn note(&mut self, settings: &WebhookSettings, number: u64, attempt: Attempt) {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.number == number) else { return };
        entry.note(settings, attempt);
        let is_over = |entry: &Entry| entry.shown.outcome != Outcome::Pending;
        while self.entries.len() > self.capacity && self.entries.front().is_some_and(is_over) {
            self.entries.pop_front();
        }
    }

    /// Returns when the next notification is due.
    pub(super) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.entries.iter().filter(|entry| entry.is_waiting()).map(|entry| entry.due).min()
    }

    pub(super) fn is_settled(&self, now: DateTime<Utc>) -> bool {
        !self.entries.iter().any(|entry| entry.in_flight || entry.is_due(now))
    }

    pub(super) fn list(&self) -> Vec<Notification> {
        self.entries.iter().map(|entry| entry.shown.clone()).collect()
    }
}

impl Entry {
    fn is_waiting(&self) -> bool {
        self.shown.outcome == Outcome::Pending && !self.in_flight
    }

    fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.is_waiting() && self.due <= now
    }

    fn note(&mut self, settings: &WebhookSettings, attempt: Attempt) {
        self.in_flight = false;
        if attempt.is_accepted() {
            self.failures = 0;
            self.deliveries_left = self.deliveries_left.saturating_sub(1);
            self.due = attempt.at + TimeDelta::seconds(i64::from(settings.delay_seconds));
            if self.deliveries_left == 0 {
                self.shown.outcome = Outcome::Delivered;
            }
        } else {
            self.failures += 1;
            self.due = attempt.at + TimeDelta::seconds(i64::from(settings.retry_after_seconds));
            if self.failures >= settings.attempts {
                self.shown.outcome = Outcome::Failed;
            }
        }
        self.shown.attempts.push(attempt);
    }
}

/// Wakes the task that sends, and those that wait for it.
#[derive(Default)]
pub(crate) struct Signals {
    pub(super) work: Notify,
    progress: watch::Sender<()>,
}

impl Signals {
    /// Wakes the task, because a notification may be due.
    pub(crate) fn wake(&self) {
        self.work.notify_one();
    }

    /// Wakes those that wait until no notification is due.
    pub(crate) fn report_progress(&self) {
        self.progress.send_replace(());
    }

    pub(super) fn watch_progress(&self) -> watch::Receiver<()> {
        self.progress.subscribe()
    }
}
