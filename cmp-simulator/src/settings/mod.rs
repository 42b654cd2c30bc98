//! How the simulated account is set up.

mod account;
mod readings;
mod webhooks;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::card_data::Brand;

pub use account::{Scope, ServiceAccount};
pub use readings::{
    DuplicateAnswer, EmptyIncluded, FailedToken, First8, ForbiddenBody, GatewayBody, IncludeWhen,
    IncludedPlace, JsonApiVersion, NoActiveToken, Numbers, PanWithoutScope, Readings, StateCase, Times,
    UnknownInclude, V1Enrolled,
};
pub use webhooks::{DeliveryOrder, Endpoint, Signing, WebhookSettings};

/// When network tokens are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "program", derive(clap::ValueEnum))]
pub enum Enrollment {
    /// With the card: the card answers 201 first, its token arrives later.
    #[default]
    #[serde(alias = "on_create")]
    #[cfg_attr(feature = "program", value(alias = "on_create"))]
    OnCreate,
    /// On request only: `POST /cards/{card_id}/network-tokens` answers with the result.
    Manual,
}

/// What the simulator speaks on its socket.
///
/// Everything but plain HTTP/1.1 needs the feature `tls`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "program", derive(clap::ValueEnum))]
pub enum Protocol {
    /// HTTP/1.1 without TLS.
    #[default]
    Http1,
    /// TLS; the client chooses HTTP/2 or HTTP/1.1 (ALPN).
    Tls,
    /// TLS with HTTP/1.1 alone.
    #[serde(alias = "tls_http1")]
    #[cfg_attr(feature = "program", value(alias = "tls_http1"))]
    TlsHttp1,
    /// TLS with HTTP/2 alone.
    #[serde(alias = "tls_http2")]
    #[cfg_attr(feature = "program", value(alias = "tls_http2"))]
    TlsHttp2,
}

/// How connections of HTTP/2 are set up; a change holds for new ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Http2 {
    /// How many requests a connection takes at a time (`SETTINGS_MAX_CONCURRENT_STREAMS`); no limit by default.
    pub max_concurrent_streams: Option<u32>,
    /// Never opens the window for request bodies, and reads none: a request with a body never arrives.
    pub stall_requests: bool,
}

/// When a token made with on-create enrollment appears in `included`.
///
/// The answer to the creation itself never shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenArrival {
    /// At once after the answer to the creation.
    #[default]
    Immediate,
    /// After this many GETs of the card that don't show it yet.
    AfterGets(u32),
    /// After this many seconds of the simulator's clock.
    AfterSeconds(u32),
    /// When [`World::deliver_token`](crate::World::deliver_token) says so.
    Held,
}

/// Everything that can be set; each member has a default, so that a settings file names only what differs.
///
/// The defaults are those of a new account, as far as the documents say: duplicate detection and the account
/// updater are off, and access tokens live for 20 minutes. They don't say whether network tokens are made with
/// the card or on request; here, they are made with the card.
///
/// ```
/// let settings: cmp_simulator::Settings = serde_json::from_str(
///     r#"{ "enrollment": "manual", "token_arrival": { "after_gets": 2 }, "readings": { "times": "naive" } }"#,
/// )?;
/// assert!(!settings.duplicate_detection);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// What the simulator speaks on its socket.
    pub protocol: Protocol,
    /// How connections of HTTP/2 are set up.
    pub http2: Http2,
    /// Fixes every id, number and fault that is drawn at random.
    pub seed: u64,
    /// The enrollment mode of brands that `enrollment_by_brand` does not name.
    pub enrollment: Enrollment,
    /// The enrollment mode is set per card network.
    pub enrollment_by_brand: BTreeMap<Brand, Enrollment>,
    /// When tokens made with on-create enrollment appear.
    pub token_arrival: TokenArrival,
    /// Whether a card number that is already stored is answered with 303. Off by default, as in a new account:
    /// the number is stored again, as another card.
    pub duplicate_detection: bool,
    /// Whether cards are enrolled with the account updater on creation. The test cards of the account updater
    /// are enrolled in any case.
    pub account_updater: bool,
    /// Whether the account subscribes to the card attributes service (`enriched_attributes`).
    pub enriched_attributes: bool,
    /// Who may ask for access tokens; the first is the one that `Simulator::client_id` names.
    pub accounts: Vec<ServiceAccount>,
    /// Which reading of the documents the answers follow.
    pub readings: Readings,
    /// How many of the latest requests are kept for `Simulator::requests`.
    pub request_log: usize,
    /// Where notifications go, and how.
    pub webhooks: WebhookSettings,
    /// Whether the control API under `/_simulator/` is served, to loopback peers only.
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
            request_log: 10_000,
            webhooks: WebhookSettings::default(),
            control_api: false,
        }
    }
}

impl Settings {
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
