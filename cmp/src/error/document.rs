//! What an error answer says, from either of the documented shapes.

use std::fmt;

use cmp_generated::{
    lenient,
    scalar::{FreeForm, Text},
    types,
};

use crate::{
    scrub::{is_harmless_name, scrub, scrub_path},
    value::TraceId,
};

const MOST_DETAILS: usize = 20;
const UNREADABLE: &str = "unreadable";

/// One entry of an error answer's `errors`.
///
/// Texts are the service's own words with every digit run and long word masked, since they may repeat what was sent.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorDetail {
    code: Option<ErrorCode>,
    path: Option<String>,
    summary: Option<String>,
    detail: Option<String>,
}

impl ErrorDetail {
    /// The entry's error code.
    #[must_use]
    pub fn code(&self) -> Option<&ErrorCode> {
        self.code.as_ref()
    }

    /// The member of the request that is at fault.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// A short text: `summary`, or `title` in the other shape.
    #[must_use]
    pub fn summary(&self) -> Option<&str> {
        self.summary.as_deref()
    }

    /// A longer text: `detail`, or `details` in the other shape.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

impl fmt::Debug for ErrorDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorDetail")
            .field("code", &self.code)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// What could be read of an error answer's body. HTML, an empty body and broken JSON leave it empty.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(crate) code: Option<ErrorCode>,
    pub(crate) details: Vec<ErrorDetail>,
    pub(crate) trace_id: Option<String>,
}

impl Document {
    pub(crate) fn read(body: &[u8]) -> Self {
        let Ok(document) = lenient::decode::<types::ErrorDocument>(body) else {
            return Self::default();
        };
        let entries = document.errors.into_iter().flatten().map(ErrorDetail::from_wire);
        let mut details: Vec<_> = entries.filter(ErrorDetail::says_something).collect();
        let code = first_readable(details.iter().filter_map(|detail| detail.code.clone()));
        details.truncate(MOST_DETAILS);
        let trace_id = document.meta.as_ref().and_then(trace_id);
        let trace_id = trace_id.or_else(|| trace_id_in_metadata(body));
        Self { code, details, trace_id }
    }

    /// Returns `true` if nothing could be read.
    pub(crate) fn is_empty(&self) -> bool {
        self.details.is_empty() && self.trace_id.is_none()
    }
}

impl ErrorDetail {
    /// Whether anything in it could be read.
    pub(super) fn says_something(&self) -> bool {
        self.code.is_some() || self.path.is_some() || self.summary.is_some() || self.detail.is_some()
    }

    fn from_wire(wire: types::ErrorObject) -> Self {
        let text = |text: Option<Text>| text.map(|text| scrub(text.as_str())).filter(|text| !text.is_empty());
        Self {
            code: first_readable(
                [wire.error_code, wire.code].into_iter().flatten().filter_map(|code| read_code(&code)),
            ),
            path: wire.path.map(|path| scrub_path(path.as_str())),
            summary: text(wire.summary.or(wire.title)),
            detail: text(wire.detail.or(wire.details)),
        }
    }
}

fn read_code(code: &Text) -> Option<ErrorCode> {
    let code = code.as_str().trim();
    (!code.is_empty()).then(|| ErrorCode::read(code))
}

/// Returns the first code that can be shown, or the stand-in for codes that can't.
fn first_readable(codes: impl Iterator<Item = ErrorCode>) -> Option<ErrorCode> {
    codes.min_by_key(ErrorCode::is_unreadable)
}

/// Successes carry `metadata.observability.trace_id`; the documented errors have `meta` alone. Both are looked at.
fn trace_id(holder: &FreeForm) -> Option<String> {
    let members = holder.members();
    let observability =
        members.get("observability").or_else(|| members.get("metadata")?.as_object()?.get("observability"));
    let id = TraceId::new(observability?.get("trace_id")?.as_str()?)?;
    Some((*id).to_owned())
}

fn trace_id_in_metadata(body: &[u8]) -> Option<String> {
    trace_id(&lenient::decode(body).ok()?)
}

macro_rules! codes {
    ($($variant:ident = $text:literal, $doc:literal;)*) => {
        /// The service's error codes (source: the error table of the CMP documentation, and for V1 the statuses of its
        /// API reference), open for new ones.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = concat!("`", $text, "`: ", $doc)] $variant,)*
            /// A code that this version doesn't know. One that could hold a secret is kept as `unreadable`.
            Other(String),
        }

        impl ErrorCode {
            /// The code as the service writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(code) => code,
                }
            }

            /// Whether this stands for a code that can't be shown.
            fn is_unreadable(&self) -> bool {
                self.as_str() == UNREADABLE
            }

            pub(crate) fn read(code: &str) -> Self {
                match code.trim().to_ascii_lowercase().replace('_', "-").as_str() {
                    $($text => Self::$variant,)*
                    other if is_harmless_name(other) => Self::Other(other.to_owned()),
                    _ => Self::Other(UNREADABLE.to_owned()),
                }
            }
        }
    };
}

codes! {
    BadRequest = "bad-request", "400, the request can't be understood";
    Unauthorized = "unauthorized", "401, the access token is missing, wrong or expired";
    Forbidden = "forbidden", "403, the service account may not do this";
    NotFound = "not-found", "404, there is no such resource";
    UnsupportedMediaType = "unsupported-media-type", "415, the body is not `application/vnd.api+json`";
    MissingRequiredField = "missing-required-field", "422, a required member is absent";
    ValidationFailed = "validation-failed", "422, a member breaks a rule";
    FailedDependency = "failed-dependency", "422 or 424, the card has no active network token";
    ServerError = "server-error", "500, not to be retried";
    BadGateway = "bad-gateway", "502, transient";
    ServiceUnavailable = "service-unavailable", "503, transient";
    GatewayTimeout = "gateway-timeout", "504, transient";
    Declined = "declined", "V1, 404, there is no network token to be had for the card";
    CardNotAllowed = "card-not-allowed", "V1, 422, the card can't be enrolled";
    CardBrandNotSupported = "card-brand-not-supported", "V1, 422, cards of this brand can't be enrolled";
    RequiredFieldsMissing = "required-fields-missing", "V1, 422, a required member is absent";
    InvalidFormat = "invalid-format", "V1, 422, a member breaks a rule";
    Rejected = "rejected", "V1, 422, the network rejects the card";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_id_is_found_in_meta_and_in_metadata() {
        for body in [
            r#"{"errors": [], "meta": {"observability": {"trace_id": "f2046b6548e7"}}}"#,
            r#"{"errors": [], "metadata": {"observability": {"trace_id": "f2046b6548e7"}}}"#,
        ] {
            assert_eq!(Document::read(body.as_bytes()).trace_id.as_deref(), Some("f2046b6548e7"), "{body}");
        }
    }

    #[test]
    fn an_odd_member_leaves_the_others_readable() {
        let good = r#"{"code": "failed-dependency", "summary": "s", "path": "/data"}"#;
        for odd in ["null", "7", "[\"a\"]", "{}", "true", "1e400", "\"\\ud800\""] {
            for body in [
                format!(
                    r#"{{"errors": [{odd}, {good}], "meta": {{"observability": {{"trace_id": "abc"}}}}}}"#
                ),
                format!(
                    r#"{{"errors": [{{"title": {odd}, "detail": {odd}, "status": {odd}}}, {good}],
                        "jsonapi": {odd}, "links": {odd}, "included": {odd},
                        "meta": {{"observability": {{"trace_id": "abc", "more": {odd}}}, "more": {odd}}}}}"#
                ),
                format!(
                    r#"{{"errors": [{good}], "meta": {odd},
                        "metadata": {{"observability": {{"trace_id": "abc"}}}}}}"#
                ),
                format!(
                    "\u{feff}{{\"errors\": [{good}], \"metadata\": {{\"observability\": {{\"trace_id\": \"abc\"}}}}}}\0"
                ),
            ] {
                let document = Document::read(body.as_bytes());
                assert_eq!(document.code, Some(ErrorCode::FailedDependency), "{body}");
                assert_eq!(document.trace_id.as_deref(), Some("abc"), "{body}");
                let detail = document.details.iter().find(|detail| detail.code().is_some()).unwrap();
                assert_eq!((detail.summary(), detail.path()), (Some("s"), Some("/data")), "{body}");
            }
        }
    }

    #[test]
    fn what_is_no_trace_id_is_not_kept() {
        for id in ["4111111111111111", "a4111111111111111", "4111-1111-1111-1111", "a b", &"a".repeat(65)] {
            let body = serde_json::json!({"meta": {"observability": {"trace_id": id}}}).to_string();
            assert_eq!(Document::read(body.as_bytes()).trace_id, None, "{id}");
        }
    }

    #[test]
    fn spelling_is_forgiven_and_new_codes_are_kept() {
        assert_eq!(ErrorCode::read("FAILED_DEPENDENCY"), ErrorCode::FailedDependency);
        assert_eq!(ErrorCode::read("card-lost"), ErrorCode::Other("card-lost".into()));
    }

    #[test]
    fn a_code_that_could_hold_a_secret_is_not_kept() {
        for hostile in [
            "4111111111111111",
            "no card 411111",
            "cvc-123",
            "x\ny",
            "opensesame-prod-1",
            "Opensesame.prod_1",
        ] {
            assert_eq!(ErrorCode::read(hostile), ErrorCode::Other("unreadable".into()), "{hostile}");
        }
    }

    #[test]
    fn a_printed_entry_shows_its_code_and_path_and_no_text() {
        let body = r#"{"errors":[{"code":"not-found","path":"/data/id","title":"Jane","detail":"Doe"}]}"#;
        let shown = format!("{:?}", Document::read(body.as_bytes()).details);
        assert_eq!(shown, r#"[ErrorDetail { code: Some(NotFound), path: Some("/data/id"), .. }]"#);
    }
}
