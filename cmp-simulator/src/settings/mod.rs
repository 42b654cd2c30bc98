//! The settings of a simulator.

mod account;
mod readings;
mod webhooks;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::card_data::Brand;

pub use account::{Scope, ServiceAccount};
pub use readings::{
    CheckAnswer, DuplicateAnswer, EmptyIncluded, FailedToken, First8, ForbiddenBody, GatewayBody,
    IncludeWhen, IncludedPlace, JsonApiVersion, NoActiveToken, Numbers, PanWithoutScope, Readings, StateCase,
    Times, UnknownInclude, V1Enrolled,
};
pub use webhooks::{DeliveryOrder, Endpoint, Signing, WebhookSettings};

/// When network tokens are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "program", derive(clap::ValueEnum))]
pub enum Enrollment {
    /// With the card. The 201 comes first, the token arrives later.
    #[default]
    #[serde(alias = "on_create")]
    #[cfg_attr(feature = "program", value(alias = "on_create"))]
    OnCreate,
    /// On request only. `POST /cards/{card_id}/network-tokens` answers with the result.
    Manual,
}

/// The protocol on the simulator's socket.
///
/// All but `Http1` need the feature `tls`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "program", derive(clap::ValueEnum))]
pub enum Protocol {
    /// HTTP/1.1 without TLS.
    #[default]
    Http1,
    /// TLS; the client chooses HTTP/2 or HTTP/1.1 (ALPN).
    Tls,
    /// TLS with HTTP/1.1 only.
    #[serde(alias = "tls_http1")]
    #[cfg_attr(feature = "program", value(alias = "tls_http1"))]
    TlsHttp1,
    /// TLS with HTTP/2 only.
    #[serde(alias = "tls_http2")]
    #[cfg_attr(feature = "program", value(alias = "tls_http2"))]
    TlsHttp2,
}

/// How HTTP/2 connections are set up. A change applies to new connections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Http2 {
    /// The most requests that a connection takes at a time (`SETTINGS_MAX_CONCURRENT_STREAMS`). No
    /// limit by default.
    pub max_concurrent_streams: Option<u32>,
    /// Keeps the window for request bodies closed. A request with a body never arrives.
    pub stall_requests: bool,
}

/// When a token that is made with the card appears in `included`.
///
/// The response to the creation never has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenArrival {
    /// Right after the response to the creation.
    #[default]
    Immediate,
    /// After this many GETs of the card that do not have it yet.
    AfterGets(u32),
    /// After this many seconds of the simulator's clock.
    AfterSeconds(u32),
    /// When [`World::deliver_token`](crate::World::deliver_token) is called.
    Held,
}

/// The most requests that the account may send. Those beyond are answered with 429 and change nothing.
///
/// It is a token bucket by the simulator's clock: a burst passes, and then requests at a steady rate.
/// Requests for an access token don't count. VGS documents no limit for CMP. For its proxies it documents
/// 200 requests a minute in the sandbox and 5,000 live, and 429 until a minute has passed.
///
/// ```
/// use cmp_simulator::RateLimit;
///
/// let text = r#"{ "per_minute": 200, "burst": 20 }"#;
/// let limit: RateLimit = serde_json::from_str(text)?;
/// assert_eq!((limit.burst, limit.retry_after), (Some(20), false));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RateLimit {
    /// The requests of a minute, at least one.
    pub per_minute: u32,
    /// The requests that pass at once after a pause, at least one. `per_minute` unless set.
    #[serde(default)]
    pub burst: Option<u32>,
    /// Whether a 429 says with `Retry-After` when the next request passes. Not documented, so off by
    /// default.
    #[serde(default)]
    pub retry_after: bool,
}

impl RateLimit {
    /// Returns a limit of so many requests a minute. They may all come at once.
    pub fn per_minute(requests: u32) -> Self {
        Self { per_minute: requests, burst: None, retry_after: false }
    }
}

/// All settings. Each member has a default, so a settings file names only what differs.
///
/// The defaults are those of a new account, where the documents state them: duplicate detection and
/// the account updater are off, and access tokens live for 20 minutes. The documents do not state
/// when network tokens are made. Here they are made with the card.
///
/// ```
/// let settings: cmp_simulator::Settings = serde_json::from_str(
///     r#"{
///         "enrollment": "manual",
///         "token_arrival": { "after_gets": 2 },
///         "readings": { "times": "naive" }
///     }"#,
/// )?;
/// assert!(!settings.duplicate_detection);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// The protocol on the simulator's socket.
    pub protocol: Protocol,
    /// How HTTP/2 connections are set up.
    pub http2: Http2,
    /// The seed of every id, number and fault that is drawn at random.
    pub seed: u64,
    /// When network tokens are made, for card networks that `enrollment_by_brand` does not name.
    pub enrollment: Enrollment,
    /// When network tokens are made, by card network.
    pub enrollment_by_brand: BTreeMap<Brand, Enrollment>,
    /// When tokens that are made with the card appear.
    pub token_arrival: TokenArrival,
    /// Whether a card number that is already stored is answered with 303. Off by default, as in a
    /// new account: the number is stored again, as another card.
    pub duplicate_detection: bool,
    /// Whether new cards are enrolled with the account updater. Its test cards are always enrolled.
    pub account_updater: bool,
    /// Whether the account subscribes to the card attributes service (`enriched_attributes`).
    pub enriched_attributes: bool,
    /// The accounts that may request access tokens. `Simulator::client_id` returns the id of the
    /// first.
    pub accounts: Vec<ServiceAccount>,
    /// How the responses read the documents where these are ambiguous.
    pub readings: Readings,
    /// The most requests that the account may send. No limit by default.
    pub rate_limit: Option<RateLimit>,
    /// How many of the latest requests `Simulator::requests` returns.
    pub request_log: usize,
    /// Where notifications go, and how.
    pub webhooks: WebhookSettings,
    /// Whether the control API under `/_simulator/` is served. It answers loopback peers only.
    pub control_api: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            protocol: Protocol::default(),
            http2: Http2::default(),
            seed: 0,
            enrollment: Enrollment::default(),
            enrollment_by_brand: BTreeMap::new(),
            token_arrival: TokenArrival::default(),
            duplicate_detection: false,
            account_updater: false,
            enriched_attributes: false,
            accounts: vec![ServiceAccount::default()],
            readings: Readings::default(),
            rate_limit: None,
            request_log: 10_000,
            webhooks: WebhookSettings::default(),
            control_api: false,
        }
    }
}

impl Settings {
    /// Returns why a simulator can't work with these settings.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.accounts.is_empty() {
            return Err("the settings have no account: leave `accounts` out, or name one");
        }
        Ok(())
    }

    /// Returns the name of a setting that differs, and that is read only when the simulator starts.
    pub(crate) fn differs_for_good(&self, other: &Self) -> Option<&'static str> {
        [
            ("protocol", self.protocol != other.protocol),
            ("seed", self.seed != other.seed),
            ("request_log", self.request_log != other.request_log),
            ("control_api", self.control_api != other.control_api),
        ]
        .into_iter()
        .find_map(|(name, differs)| differs.then_some(name))
    }

    pub(crate) fn enrolls_on_create(&self, brand: Brand) -> bool {
        let mode = self.enrollment_by_brand.get(&brand).copied().unwrap_or(self.enrollment);
        mode == Enrollment::OnCreate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_shows_valid_settings() {
        let readme = include_str!("../../README.md");
        let from = readme.find("```json\n{\n  \"enrollment\"").unwrap() + "```json".len();
        let settings = &readme[from..from + readme[from..].find("```").unwrap()];
        let settings: Settings = serde_json::from_str(settings).unwrap();
        assert!(settings.enrolls_on_create(Brand::Visa) && !settings.enrolls_on_create(Brand::Amex));
        assert_eq!(settings.token_arrival, TokenArrival::AfterGets(2));
        assert_eq!((settings.webhooks.endpoints.len(), settings.webhooks.duplicates), (1, 1));
    }
}
