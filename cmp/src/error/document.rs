//! What an error answer says, from either of the documented shapes.

use cmp_generated::types;

use super::{code::ErrorCode, scrub, scrub_path};

const MOST_DETAILS: usize = 20;
const LONGEST_TRACE_ID: usize = 64;

/// One entry of an error answer's `errors`.
///
/// Texts are the service's own words with every digit run and long word masked, since they may repeat what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        let trace_id = document.meta.as_ref().and_then(|meta| {
            meta.members()
                .get("observability")?
                .get("trace_id")?
                .as_str()
                .filter(|id| is_trace_id(id))
                .map(str::to_owned)
        });
        Self { code: details.iter().find_map(|detail| detail.code.clone()), details, trace_id }
    }
}

impl ErrorDetail {
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

/// Hexadecimal or base-62 text, and not a number, which could be a PAN.
fn is_trace_id(id: &str) -> bool {
    id.len() <= LONGEST_TRACE_ID
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && id.bytes().any(|byte| byte.is_ascii_alphabetic())
}
