//! What an error answer says, from either of the documented shapes.

use std::fmt;

use cmp_generated::{scalar::FreeForm, types};

use super::code::ErrorCode;
use crate::scrub::{scrub, scrub_path};

const MOST_DETAILS: usize = 20;
const LONGEST_TRACE_ID: usize = 64;
const SHORTEST_PAN: usize = 12;

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
        let Ok(document) = serde_json::from_slice::<types::ErrorDocument>(body) else {
            return Self::default();
        };
        let details: Vec<_> =
            document.errors.into_iter().flatten().take(MOST_DETAILS).map(ErrorDetail::from_wire).collect();
        let trace_id =
            document.meta.and_then(trace_id).or_else(|| trace_id(serde_json::from_slice(body).ok()?));
        Self { code: details.iter().find_map(|detail| detail.code.clone()), details, trace_id }
    }
}

impl ErrorDetail {
    /// Whether anything in it could be read.
    pub(super) fn says_something(&self) -> bool {
        self.code.is_some() || self.path.is_some() || self.summary.is_some() || self.detail.is_some()
    }

    fn from_wire(wire: types::ErrorObject) -> Self {
        let text = |text: Option<String>| text.map(|text| scrub(&text)).filter(|text| !text.is_empty());
        Self {
            code: wire.error_code.or(wire.code).map(|code| ErrorCode::read(&code)),
            path: wire.path.map(|path| scrub_path(&path)),
            summary: text(wire.summary.or(wire.title)),
            detail: text(wire.detail.or(wire.details)),
        }
    }
}

/// Successes carry `metadata.observability.trace_id`; the documented errors have `meta` alone. Both are looked at.
fn trace_id(holder: FreeForm) -> Option<String> {
    let members = holder.into_inner();
    let observability =
        members.get("observability").or_else(|| members.get("metadata")?.as_object()?.get("observability"));
    let id = observability?.get("trace_id")?.as_str()?;
    is_trace_id(id).then(|| id.to_owned())
}

/// Hexadecimal or base-62 text, and not a number, which could be a PAN.
pub(crate) fn is_trace_id(id: &str) -> bool {
    (1..=LONGEST_TRACE_ID).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && id.split(|c: char| !c.is_ascii_digit()).all(|digits| digits.len() < SHORTEST_PAN)
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
    fn what_is_no_trace_id_is_not_kept() {
        for id in ["4111111111111111", "a4111111111111111", "a b", &"a".repeat(65)] {
            let body = serde_json::json!({"meta": {"observability": {"trace_id": id}}}).to_string();
            assert_eq!(Document::read(body.as_bytes()).trace_id, None, "{id}");
        }
    }
}
