//! Choices where the documents, their samples and the service disagree.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How the responses read the documents where these are ambiguous.
///
/// The default follows the OpenAPI document, so that every response validates against it.
/// [`Readings::as_sampled`] follows the documents' samples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Readings {
    /// Whether date-times have a zone.
    pub times: Times,
    /// Whether `network_token`, `last4` and `bin` of a network token are strings or numbers.
    pub numbers: Numbers,
    /// When a card document has `included`.
    pub include: IncludeWhen,
    /// The place of `included` in a card document.
    pub included: IncludedPlace,
    /// The form of an empty `included`.
    pub empty_included: EmptyIncluded,
    /// The status of a cryptogram request without an active token.
    pub no_active_token: NoActiveToken,
    /// The content of a 303 for a duplicate card.
    pub duplicate: DuplicateAnswer,
    /// The card networks that have `first8`.
    pub first8: First8,
    /// The case of network token states.
    pub states: StateCase,
    /// The value of `pan` for an access token without `cards:read-pci`.
    pub pan_without_scope: PanWithoutScope,
    /// The members of a failed network token.
    pub failed_token: FailedToken,
    /// The body of a 403 for a missing scope.
    pub missing_scope: ForbiddenBody,
    /// The bodies of the test cards' 502, 503 and 504, which come from in front of the application.
    pub gateway: GatewayBody,
    /// The response to an unknown name in `include`.
    pub unknown_include: UnknownInclude,
    /// Whether `jsonapi.version` is a number or a string.
    pub jsonapi_version: JsonApiVersion,
    /// The status of a new V1 enrollment.
    pub v1_enrolled: V1Enrolled,
    /// The data of the response to a check for card updates.
    pub check: CheckAnswer,
    /// Adds enum values, an included type and members that no document has, as a later version
    /// might.
    pub future_values: bool,
}

impl Readings {
    /// Follows the documents' samples: times without zone, numbers as numbers, `included` inside
    /// `data`.
    pub fn as_sampled() -> Self {
        Self {
            times: Times::Naive,
            numbers: Numbers::Numbers,
            included: IncludedPlace::InData,
            ..Self::default()
        }
    }

    /// Returns a string of digits that is not a quantity, in the form that `numbers` chooses.
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

/// The form of date-times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Times {
    /// `2025-01-17T12:53:17.948290Z`
    #[default]
    Zoned,
    /// `2025-01-17T12:53:17.948290`
    Naive,
}

/// The form of numbers that are not quantities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Numbers {
    /// As JSON strings, as the schema says
    #[default]
    Strings,
    /// As JSON numbers, which lose leading zeros
    Numbers,
}

/// The form of `jsonapi.version`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JsonApiVersion {
    /// The number 1.1, as in the schema
    #[default]
    Number,
    /// The string "1.1", as in JSON:API
    Text,
}

/// When a card document has `included`. The documents do not state whether it comes unasked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "program", derive(clap::ValueEnum))]
pub enum IncludeWhen {
    /// Always. The parameter `include` of a GET selects types.
    #[default]
    Always,
    /// Only for a GET with the parameter `include`, and only the types that it names.
    #[serde(alias = "on_request")]
    #[cfg_attr(feature = "program", value(alias = "on_request"))]
    OnRequest,
    /// Always. A GET with the parameter `include` is answered with 400.
    Unsupported,
}

/// The place of `included`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncludedPlace {
    /// At the top, as in JSON:API and in the schema.
    #[default]
    Top,
    /// Inside `data`, as in the guide's sample.
    InData,
}

/// The form of an empty `included`.
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
    /// 424, as in the OpenAPI document
    #[default]
    #[serde(rename = "424")]
    FailedDependency,
    /// 422, as in the table of error codes
    #[serde(rename = "422")]
    Unprocessable,
}

/// The content of a 303.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateAnswer {
    /// The existing card, without `Location`, as documented
    #[default]
    Body,
    /// The existing card and its `Location`
    BodyAndLocation,
    /// `Location` without a body
    Location,
}

/// The card networks that have `first8`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum First8 {
    /// Visa and Mastercard, as in the member's description
    #[default]
    VisaAndMastercard,
    /// All, as in the schema's `required`
    All,
}

/// The case of network token states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateCase {
    /// `active`
    #[default]
    Lower,
    /// `ACTIVE`, as in older documents
    Upper,
}

/// The value of `pan` without `cards:read-pci`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PanWithoutScope {
    /// No member
    #[default]
    Absent,
    /// The alias
    Alias,
}

/// The members of a failed network token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedToken {
    /// Times, state and reason. A failed token has no number.
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

/// A body that comes from in front of the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatewayBody {
    /// `ErrorResponse` as `application/json`
    #[default]
    Json,
    /// The page of a load balancer
    Html,
    /// No body
    Empty,
}

/// The response to an unknown name in `include`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownInclude {
    /// 400, as in JSON:API
    #[default]
    Refused,
    /// No error; the name selects nothing.
    Ignored,
}

/// The status of a new V1 enrollment. The API reference lists two successes without their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum V1Enrolled {
    /// 201
    #[default]
    Created,
    /// 202
    Accepted,
}

/// The data of the response to a check for card updates. The documents show no response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckAnswer {
    /// The update
    #[default]
    One,
    /// A list with the update
    List,
}
