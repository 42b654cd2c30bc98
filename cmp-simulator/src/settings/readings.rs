//! Where the documents, their samples and the service disagree: each reading as a setting.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which reading the answers follow.
///
/// The default is the reading of the OpenAPI document, so that every answer validates against it;
/// [`Readings::as_sampled`] is that of the documents' samples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Readings {
    /// Date-times with or without a zone.
    pub times: Times,
    /// `network_token`, `last4` and `bin` of a network token as strings or numbers.
    pub numbers: Numbers,
    /// When a card's document has `included`.
    pub include: IncludeWhen,
    /// Where `included` stands in a card's document.
    pub included: IncludedPlace,
    /// What stands there when nothing is included.
    pub empty_included: EmptyIncluded,
    /// The status of a cryptogram request without an active token.
    pub no_active_token: NoActiveToken,
    /// What a 303 for a duplicate card holds.
    pub duplicate: DuplicateAnswer,
    /// Which brands have `first8`.
    pub first8: First8,
    /// How the states of network tokens are written.
    pub states: StateCase,
    /// What `pan` is for an access token without `cards:read-pci`.
    pub pan_without_scope: PanWithoutScope,
    /// The members of a failed network token.
    pub failed_token: FailedToken,
    /// The body of a 403 for a missing scope.
    pub missing_scope: ForbiddenBody,
    /// The bodies of the test cards' 502, 503 and 504, which come from in front of the application.
    pub gateway: GatewayBody,
    /// What happens to a name in `include` that is no included type.
    pub unknown_include: UnknownInclude,
    /// `jsonapi.version` as the number of the schema or the string of JSON:API.
    pub jsonapi_version: JsonApiVersion,
    /// The status of a new V1 enrollment.
    pub v1_enrolled: V1Enrolled,
    /// Adds enum values, an included type and members that no document has, as a later version would.
    pub future_values: bool,
}

impl Readings {
    /// The reading of the documents' samples: times without zone, numbers as numbers, `included` inside `data`.
    pub fn as_sampled() -> Self {
        Self {
            times: Times::Naive,
            numbers: Numbers::Numbers,
            included: IncludedPlace::InData,
            ..Self::default()
        }
    }

    /// Digits that are no quantity.
    pub(crate) fn number(&self, digits: &str) -> Value {
        match self.numbers {
            Numbers::Strings => digits.into(),
            Numbers::Numbers => digits.parse::<u64>().map_or_else(|_| digits.into(), Value::from),
        }
    }

    pub(crate) fn time(&self, time: DateTime<Utc>) -> Value {
        let text = time.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
        match self.times {
            Times::Zoned => format!("{text}Z").into(),
            Times::Naive => text.into(),
        }
    }
}

/// How date-times are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Times {
    /// `2025-01-17T12:53:17.948290Z`
    #[default]
    Zoned,
    /// `2025-01-17T12:53:17.948290`
    Naive,
}

/// How numbers that are no quantities are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Numbers {
    /// As JSON strings, as the schema says
    #[default]
    Strings,
    /// As JSON numbers, which lose their leading zeros
    Numbers,
}

/// How `jsonapi.version` is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JsonApiVersion {
    /// The number 1.1, as the schema says
    #[default]
    Number,
    /// The string "1.1", as JSON:API says
    Text,
}

/// When a card's document has `included`; the documents don't say whether it comes unasked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "program", derive(clap::ValueEnum))]
pub enum IncludeWhen {
    /// Always. The parameter `include` of a GET selects kinds.
    #[default]
    Always,
    /// Only in a GET with the parameter `include`, and only the kinds that it names.
    #[serde(alias = "on_request")]
    #[cfg_attr(feature = "program", value(alias = "on_request"))]
    OnRequest,
    /// Always. A GET with the parameter `include`, whatever it names, is answered by 400.
    Unsupported,
}

/// Where `included` stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncludedPlace {
    /// At the top, as JSON:API and the schema say.
    #[default]
    Top,
    /// Inside `data`, as the guide's sample has it.
    InData,
}

/// What stands for an empty `included`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyIncluded {
    /// `[]`
    #[default]
    Empty,
    /// No member
    Absent,
    /// `null`
    Null,
}

/// The status of a cryptogram request without an active token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoActiveToken {
    /// 424, as the OpenAPI document says
    #[default]
    #[serde(rename = "424")]
    FailedDependency,
    /// 422, as the table of error codes says
    #[serde(rename = "422")]
    Unprocessable,
}

/// What a 303 holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateAnswer {
    /// The existing card, without `Location`, as documented
    #[default]
    Body,
    /// The existing card and its `Location`
    BodyAndLocation,
    /// `Location` alone
    Location,
}

/// Which brands have `first8`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum First8 {
    /// Visa and Mastercard, as the member's description says
    #[default]
    VisaAndMastercard,
    /// All, as the schema's `required` says
    All,
}

/// How states are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateCase {
    /// `active`
    #[default]
    Lower,
    /// `ACTIVE`, as in older documents
    Upper,
}

/// What `pan` is without `cards:read-pci`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PanWithoutScope {
    /// Not there
    #[default]
    Absent,
    /// The alias
    Alias,
}

/// The members of a failed network token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedToken {
    /// Times, state and reason: there is no token number to give
    #[default]
    Sparse,
    /// All members that the schema requires
    Complete,
}

/// The body of a 403.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForbiddenBody {
    /// `ErrorForbiddenResponse`: `status`, `title`, `details`
    #[default]
    Forbidden,
    /// `ErrorResponse`: `error_code`, `summary`, `detail`
    Error,
}

/// A body from in front of the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatewayBody {
    /// `ErrorResponse` as `application/json`
    #[default]
    Json,
    /// A page of a load balancer
    Html,
    /// Nothing
    Empty,
}

/// What happens to an unknown name in `include`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownInclude {
    /// 400, as JSON:API says
    #[default]
    Refused,
    /// It selects nothing.
    Ignored,
}

/// The status of a new V1 enrollment; the API reference lists two successes without their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum V1Enrolled {
    /// 201
    #[default]
    Created,
    /// 202
    Accepted,
}
