//! Metrics, for whoever is on call. Needs the feature `opentelemetry`.
//!
//! A client, a webhook verifier and a deduplicator measure what they do if they are given a `Meter` of OpenTelemetry.
//! Without one, nothing is measured, and without the feature nothing is compiled in.
//!
#![cfg_attr(feature = "opentelemetry", doc = "```")]
#![cfg_attr(not(feature = "opentelemetry"), doc = "```ignore")]
//! use cmp::{Client, Environment, ServiceAccount, opentelemetry};
//!
//! fn connect() -> cmp::Result<Client> {
//!     // The program has set a meter provider before.
//!     let meter = opentelemetry::global::meter("cmp");
//!     Client::builder(Environment::Sandbox)
//!         .service_account(ServiceAccount::from_env()?)
//!         .meter(&meter)
//!         .build()
//! }
//! ```
//!
//! `Verifier::meter` and `Deduplicator::meter` do the same for webhooks. What is exported, how often and where to is the
//! program's choice, with the crate `opentelemetry_sdk` of the same version as [`cmp::opentelemetry`](crate#reexports).
//!
//! `docs/on-call.md` in the repository says what to watch and what to do. A Grafana dashboard and six alerts for Prometheus
//! are beside it.
//!
//! # What is measured
//!
//! Durations are histograms in seconds. `?` marks an attribute that is only there when it has a value.
//!
//! | metric | kind, unit | attributes |
//! |---|---|---|
//! | `http.client.request.duration` | histogram, `s` | `http.request.method`, `url.template`, `server.address`, `server.port`, `cmp.operation`, `http.response.status_code`?, `network.protocol.version`?, `error.type`? |
//! | `cmp.client.operation.duration` | histogram, `s` | `cmp.operation`, `error.type`?, `cmp.delivery`? |
//! | `cmp.client.operation.attempts` | histogram, `{attempt}` | `cmp.operation`, `error.type`?, `cmp.delivery`? |
//! | `cmp.client.retries` | counter, `{retry}` | `cmp.operation`, `cmp.retry.reason` |
//! | `cmp.client.retry_budget.left` | gauge, `{token}` | `server.address`, `server.port` |
//! | `cmp.client.access_token.fetch.duration` | histogram, `s` | `server.address`, `server.port`, `error.type`? |
//! | `cmp.client.access_token.age` | gauge, `s` | `server.address`, `server.port` |
//! | `cmp.client.network_token.wait.duration` | histogram, `s` | `cmp.operation`, `error.type`? |
//! | `cmp.client.drift` | counter, `{finding}` | `cmp.operation`, `cmp.drift.kind`, `cmp.drift.name` |
//! | `cmp.bulk.items` | counter, `{item}` | `cmp.operation`, `error.type`? |
//! | `cmp.bulk.in_flight` | up-down counter, `{item}` | `cmp.operation` |
//! | `cmp.webhook.verifications` | counter, `{delivery}` | `cmp.webhook.verdict` |
//! | `cmp.webhook.events` | counter, `{event}` | `cmp.webhook.outcome` |
//!
//! * `http.client.request.duration` is OpenTelemetry's: one record for each attempt at the API that has an access token. Requests
//!   for an access token have a metric of their own.
//! * An operation is one request with its access token, pauses and retries. A call that looks twice, such as
//!   [`Cards::get`](crate::cards::Cards::get), is two of them.
//! * `error.type` and `cmp.retry.reason` are a status such as `503`, or one of `connection`, `timeout`, `throttled`, `authentication`,
//!   `decode`, `unexpected_answer`, `no_network_token`, `no_pan` and `invalid_input`. `cancelled` means that the caller dropped the
//!   future, for example because of a time-out of its own. A token fetch has a status, or `refused`, `unavailable`
//!   (for now) or `unusable` (until someone mends it). Its `server.address` is the API's too, so that it names the client.
//! * A cancelled operation has no `cmp.delivery` and no number of attempts.
//! * A retry counts when it is decided. The deadline can still end the call before the retry is sent.
//! * `cmp.delivery` is `not_sent`, `outcome_unknown` or `answered`: see [`Delivery`].
//! * A wait for a network token is measured from the start of the wait to the usable token, and with [`v1`](crate::v1) to the
//!   final state. The service does not say when it began to make a token, so nothing earlier can be measured.
//! * `cmp.drift.name` is `_OTHER` once 256 different findings were counted. Drift is measured if the client
//!   [watches it](crate::drift).
//! * `cmp.webhook.verdict` is `valid`, `no_signature`, `malformed_signature`, `wrong_signature`, `too_old` or `too_new`.
//! * `cmp.webhook.outcome` is `handled`, `duplicate`, `in_progress`, `failed` (the work), `store_failed`, or `cancelled` if the
//!   future was dropped. A signed body that is no event has `not_utf8`, `not_json` or `not_an_event`. An event that is recorded in a transaction of yours, such as by
//!   `cmp_store::record`, does not pass a deduplicator and is not counted.
//!
//! No attribute holds an id, an alias, card data, a path with values or a host that the service named. The numbers of
//! attribute values are bounded. Clones of a client count together. Two clients of one server need meters with different
//! scope attributes: otherwise their gauges overwrite each other.

use std::{borrow::Cow, sync::Arc, time::Duration};

#[cfg(not(feature = "opentelemetry"))]
use absent::{Instruments, Running};
#[cfg(feature = "opentelemetry")]
use present::{Instruments, Running};

#[cfg(not(feature = "opentelemetry"))]
pub(crate) use absent::Meter;
#[cfg(feature = "opentelemetry")]
pub(crate) use opentelemetry::metrics::Meter;

use crate::{
    clock::Clock,
    error::{Delivery, Error},
    operation::Operation,
};

/// Measures what a client, a verifier or a deduplicator does, if there is a meter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics(Option<Instruments>);

/// Something that takes time.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "opentelemetry"), expect(dead_code, reason = "nothing is measured"))]
pub(crate) enum Work {
    /// One HTTP request.
    Attempt(Operation),
    /// One request with its access token, pauses and retries.
    Operation(Operation),
    TokenFetch,
    /// Waiting for a network token.
    Wait(Operation),
    BulkItem(Operation),
}

/// How work ended.
#[derive(Debug, Default)]
#[cfg_attr(not(feature = "opentelemetry"), expect(dead_code, reason = "nothing is measured"))]
pub(crate) struct Ending {
    /// `None` for a success.
    pub(crate) error_type: Option<Cow<'static, str>>,
    pub(crate) delivery: Option<Delivery>,
    pub(crate) attempts: Option<u32>,
    pub(crate) status: Option<u16>,
    pub(crate) protocol_version: Option<&'static str>,
}

impl Ending {
    pub(crate) fn of(error: Option<&Error>) -> Self {
        Self {
            error_type: error.map(Error::telemetry_type),
            delivery: error.map(Error::delivery),
            ..Self::default()
        }
    }
}

/// Something that happens.
#[derive(Debug)]
#[cfg_attr(
    not(all(feature = "opentelemetry", feature = "webhooks")),
    expect(dead_code, reason = "not everything is measured")
)]
pub(crate) enum Happening<'a> {
    Retry { operation: Operation, reason: Cow<'static, str> },
    Drift { operation: Operation, kind: &'static str, name: &'a str },
    Verification(&'static str),
    Event(&'static str),
}

impl Metrics {
    pub(crate) fn new(meter: Option<&Meter>, clock: &Arc<dyn Clock>, server: Option<(&str, u16)>) -> Self {
        Self(meter.map(|meter| Instruments::new(meter, Arc::clone(clock), server)))
    }

    pub(crate) fn start(&self, work: Work) -> Timed {
        Timed(self.0.as_ref().map(|instruments| instruments.start(work)))
    }

    pub(crate) fn count<'a>(&self, what: impl FnOnce() -> Happening<'a>) {
        if let Some(instruments) = &self.0 {
            instruments.count(what());
        }
    }

    /// Reads these values whenever metrics are collected, for as long as they are there.
    pub(crate) fn observe(
        &self,
        budget_left: impl Fn() -> Option<u32> + Send + Sync + 'static,
        token_age: impl Fn() -> Option<Duration> + Send + Sync + 'static,
    ) {
        if let Some(instruments) = &self.0 {
            instruments.observe(budget_left, token_age);
        }
    }
}

/// Work that has not ended. If this is dropped before [`end`](Self::end), the work was cancelled.
#[derive(Debug)]
#[must_use = "work ends when this is dropped"]
pub(crate) struct Timed(Option<Running>);

impl Timed {
    pub(crate) fn end(mut self, ending: impl FnOnce() -> Ending) {
        if let Some(running) = self.0.take() {
            running.end(ending());
        }
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        if let Some(running) = self.0.take() {
            running.end(Ending { error_type: Some("cancelled".into()), ..Ending::default() });
        }
    }
}

/// The same without the feature. These types have no values, so the compiler removes everything that measures.
#[cfg(not(feature = "opentelemetry"))]
mod absent {
    use std::{sync::Arc, time::Duration};

    use super::{Ending, Happening, Work};
    use crate::clock::Clock;

    #[derive(Debug)]
    pub(crate) enum Meter {}

    #[derive(Debug, Clone)]
    pub(super) enum Instruments {}

    #[derive(Debug)]
    pub(super) enum Running {}

    impl Instruments {
        pub(super) fn new(meter: &Meter, _: Arc<dyn Clock>, _: Option<(&str, u16)>) -> Self {
            match *meter {}
        }

        pub(super) fn start(&self, _: Work) -> Running {
            match *self {}
        }

        pub(super) fn count(&self, _: Happening<'_>) {
            match *self {}
        }

        pub(super) fn observe(&self, _: impl Fn() -> Option<u32>, _: impl Fn() -> Option<Duration>) {
            match *self {}
        }
    }

    impl Running {
        pub(super) fn end(self, _: Ending) {
            match self {}
        }
    }
}

#[cfg(feature = "opentelemetry")]
mod present {
    use std::{
        sync::Arc,
        time::{Duration, Instant},
    };

    use opentelemetry::{
        KeyValue, StringValue,
        metrics::{Counter, Histogram, Meter, UpDownCounter},
    };

    use super::{Ending, Happening, Work};
    use crate::{clock::Clock, error::Delivery, operation::Operation};

    /// Those that OpenTelemetry advises for HTTP.
    const HTTP: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
    /// A call may take a minute.
    const OPERATION: [f64; 13] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0];
    const WAIT: [f64; 11] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];
    const ATTEMPTS: [f64; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 10.0];

    #[derive(Debug, Clone)]
    pub(super) struct Instruments(Arc<Inner>);

    #[derive(Debug)]
    struct Inner {
        meter: Meter,
        clock: Arc<dyn Clock>,
        server: Vec<KeyValue>,
        request: Histogram<f64>,
        operation: Histogram<f64>,
        attempts: Histogram<u64>,
        retries: Counter<u64>,
        token_fetch: Histogram<f64>,
        wait: Histogram<f64>,
        drift: Counter<u64>,
        bulk_items: Counter<u64>,
        bulk_in_flight: UpDownCounter<i64>,
        verifications: Counter<u64>,
        events: Counter<u64>,
    }

    #[derive(Debug)]
    pub(super) struct Running {
        instruments: Instruments,
        work: Work,
        since: Instant,
    }

    impl Instruments {
        pub(super) fn new(meter: &Meter, clock: Arc<dyn Clock>, server: Option<(&str, u16)>) -> Self {
            let seconds = |name: &'static str, bounds: &[f64], description: &'static str| {
                let histogram = meter.f64_histogram(name).with_unit("s").with_description(description);
                histogram.with_boundaries(bounds.to_vec()).build()
            };
            let counter = |name: &'static str, unit: &'static str, description: &'static str| {
                meter.u64_counter(name).with_unit(unit).with_description(description).build()
            };
            let server = server.map(|(address, port)| {
                [
                    KeyValue::new("server.address", StringValue::from(address.to_owned())),
                    KeyValue::new("server.port", i64::from(port)),
                ]
            });
            Self(Arc::new(Inner {
                clock,
                server: server.into_iter().flatten().collect(),
                request: seconds("http.client.request.duration", &HTTP, "Duration of HTTP client requests."),
                operation: seconds(
                    "cmp.client.operation.duration",
                    &OPERATION,
                    "Duration of operations, with access token, pauses and retries.",
                ),
                attempts: meter
                    .u64_histogram("cmp.client.operation.attempts")
                    .with_unit("{attempt}")
                    .with_description("Attempts of an operation.")
                    .with_boundaries(ATTEMPTS.to_vec())
                    .build(),
                retries: counter("cmp.client.retries", "{retry}", "Retries, by the failure before them."),
                token_fetch: seconds(
                    "cmp.client.access_token.fetch.duration",
                    &HTTP,
                    "Duration of fetches of an access token.",
                ),
                wait: seconds(
                    "cmp.client.network_token.wait.duration",
                    &WAIT,
                    "Time from the start of a wait to a usable network token.",
                ),
                drift: counter("cmp.client.drift", "{finding}", "Unknown parts of responses."),
                bulk_items: counter(
                    "cmp.bulk.items",
                    "{item}",
                    "Items of bulk runs that ended or were cancelled.",
                ),
                bulk_in_flight: meter
                    .i64_up_down_counter("cmp.bulk.in_flight")
                    .with_unit("{item}")
                    .with_description("Items of bulk runs in flight.")
                    .build(),
                verifications: counter(
                    "cmp.webhook.verifications",
                    "{delivery}",
                    "Webhook deliveries, by the verdict about their signature.",
                ),
                events: counter("cmp.webhook.events", "{event}", "Webhook events, by outcome."),
                meter: meter.clone(),
            }))
        }

        pub(super) fn start(&self, work: Work) -> Running {
            if let Work::BulkItem(operation) = work {
                self.0.bulk_in_flight.add(1, &[name_of(operation)]);
            }
            Running { instruments: self.clone(), work, since: self.0.clock.now() }
        }

        pub(super) fn count(&self, what: Happening<'_>) {
            match what {
                Happening::Retry { operation, reason } => {
                    let reason = KeyValue::new("cmp.retry.reason", StringValue::from(reason));
                    self.0.retries.add(1, &[name_of(operation), reason]);
                }
                Happening::Drift { operation, kind, name } => {
                    let kind = KeyValue::new("cmp.drift.kind", kind);
                    let name = KeyValue::new("cmp.drift.name", name.to_owned());
                    self.0.drift.add(1, &[name_of(operation), kind, name]);
                }
                Happening::Verification(verdict) => {
                    self.0.verifications.add(1, &[KeyValue::new("cmp.webhook.verdict", verdict)]);
                }
                Happening::Event(outcome) => {
                    self.0.events.add(1, &[KeyValue::new("cmp.webhook.outcome", outcome)]);
                }
            }
        }

        /// The meter keeps what it calls for ever, so that must not keep the client alive.
        pub(super) fn observe(
            &self,
            budget_left: impl Fn() -> Option<u32> + Send + Sync + 'static,
            token_age: impl Fn() -> Option<Duration> + Send + Sync + 'static,
        ) {
            let Inner { meter, server, .. } = &*self.0;
            let attributes = server.clone();
            let budget = meter.u64_observable_gauge("cmp.client.retry_budget.left").with_unit("{token}");
            let budget = budget.with_description("Tokens left in the retry budget; a retry takes five.");
            let budget = budget.with_callback(move |gauge| {
                if let Some(left) = budget_left() {
                    gauge.observe(left.into(), &attributes);
                }
            });
            let attributes = server.clone();
            let age = meter.f64_observable_gauge("cmp.client.access_token.age").with_unit("s");
            let age = age.with_description("Age of the access token in use.");
            let age = age.with_callback(move |gauge| {
                if let Some(age) = token_age() {
                    gauge.observe(age.as_secs_f64(), &attributes);
                }
            });
            budget.build();
            age.build();
        }
    }

    impl Running {
        pub(super) fn end(self, ending: Ending) {
            let Inner { clock, server, request, operation, attempts, token_fetch, wait, .. } =
                &*self.instruments.0;
            let took = clock.now().saturating_duration_since(self.since).as_secs_f64();
            let mut attributes = Vec::with_capacity(8);
            if let Work::Attempt(of) | Work::Operation(of) | Work::Wait(of) | Work::BulkItem(of) = self.work {
                attributes.push(name_of(of));
            }
            let error_type = ending.error_type.map(StringValue::from);
            attributes.extend(error_type.map(|of| KeyValue::new("error.type", of)));
            match self.work {
                Work::Attempt(of) => {
                    attributes.push(KeyValue::new("http.request.method", of.method()));
                    attributes.push(KeyValue::new("url.template", of.path()));
                    attributes.extend(server.iter().cloned());
                    let status = ending.status.map(i64::from);
                    attributes
                        .extend(status.map(|status| KeyValue::new("http.response.status_code", status)));
                    let version = ending.protocol_version;
                    attributes
                        .extend(version.map(|version| KeyValue::new("network.protocol.version", version)));
                    request.record(took, &attributes);
                }
                Work::Operation(_) => {
                    let delivery = ending.delivery.map(delivery);
                    attributes.extend(delivery.map(|delivery| KeyValue::new("cmp.delivery", delivery)));
                    operation.record(took, &attributes);
                    if let Some(made) = ending.attempts {
                        attempts.record(made.into(), &attributes);
                    }
                }
                Work::TokenFetch => {
                    attributes.extend(server.iter().cloned());
                    token_fetch.record(took, &attributes);
                }
                Work::Wait(_) => wait.record(took, &attributes),
                Work::BulkItem(of) => {
                    self.instruments.0.bulk_in_flight.add(-1, &[name_of(of)]);
                    self.instruments.0.bulk_items.add(1, &attributes);
                }
            }
        }
    }

    fn name_of(operation: Operation) -> KeyValue {
        KeyValue::new("cmp.operation", operation.name())
    }

    fn delivery(delivery: Delivery) -> &'static str {
        match delivery {
            Delivery::NotSent => "not_sent",
            Delivery::OutcomeUnknown => "outcome_unknown",
            Delivery::Answered => "answered",
        }
    }
}
