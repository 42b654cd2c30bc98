//! A request and its response.

use cmp_simulator::Operation;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;

use super::outcome::{Checked, Stop};

pub(crate) const JSON_API: &str = "application/vnd.api+json";
const JSON: &str = "application/json";

/// Returns the media type of an operation's requests and responses.
pub(crate) fn media_type(operation: Operation) -> &'static str {
    if operation.is_v1() { JSON } else { JSON_API }
}

/// The largest response that is read, so that a broken service can't fill the memory.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

/// The account that sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The target's service account.
    Main,
    /// An account with every scope but this.
    Without(cmp_simulator::Scope),
    /// An account that the service does not know.
    Nobody,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    None,
    /// A body that the request schema allows.
    Valid(Value),
    /// A body that the request schema refuses.
    Invalid(Value),
    /// Any text, with this media type.
    Raw(&'static str, String),
}

#[derive(Debug, Clone)]
pub(crate) struct Call<'a> {
    pub(crate) operation: Operation,
    /// The card's id, or its alias for V1.
    pub(crate) card_id: &'a str,
    pub(crate) query: &'static str,
    pub(crate) body: Body,
    pub(crate) caller: Caller,
    /// `true` if the gateway in front of the application should answer the request.
    pub(crate) of_the_gateway: bool,
}

/// The query that asks for network tokens. Some services include nothing without it.
pub(crate) const INCLUDE: &str = "?include=network_tokens";

impl<'a> Call<'a> {
    pub(crate) fn new(operation: Operation, card_id: &'a str) -> Self {
        let query = if operation == Operation::GetCard { INCLUDE } else { "" };
        Self { operation, card_id, query, body: Body::None, caller: Caller::Main, of_the_gateway: false }
    }

    pub(crate) fn body(self, body: Body) -> Self {
        Self { body, ..self }
    }

    pub(crate) fn valid(self, body: Value) -> Self {
        self.body(Body::Valid(body))
    }

    pub(crate) fn by(self, caller: Caller) -> Self {
        Self { caller, ..self }
    }

    pub(crate) fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    pub(crate) fn url(&self, base: &str) -> String {
        let template = self.operation.path_template();
        let path = template.replace("{card_id}", self.card_id).replace("{pan_alias}", self.card_id);
        format!("{base}{path}{}", self.query)
    }

    pub(crate) fn payload(&self) -> Option<(&'static str, String)> {
        match &self.body {
            Body::None => None,
            Body::Valid(document) | Body::Invalid(document) => {
                Some((media_type(self.operation), document.to_string()))
            }
            Body::Raw(media_type, text) => Some((*media_type, text.clone())),
        }
    }
}

#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) operation: Operation,
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    pub(crate) json: Option<Value>,
}

impl Answer {
    pub(crate) async fn read(operation: Operation, mut response: reqwest::Response) -> Checked<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut bytes = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| network(operation, error))? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > LARGEST_ANSWER {
                return Err(no_answer(
                    operation,
                    &format!("the answer is larger than {LARGEST_ANSWER} bytes"),
                ));
            }
        }
        let json = serde_json::from_slice(&bytes).ok();
        Ok(Self { operation, status, headers, bytes, json })
    }

    /// Builds a response from a published example.
    pub(crate) fn published(operation: Operation, status: u16, document: &Value) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type(operation)))]);
        let bytes = document.to_string().into_bytes();
        Self { operation, status, headers, bytes, json: Some(document.clone()) }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn media_type(&self) -> &str {
        self.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim()
    }

    /// Returns the value at the pointer, or null.
    pub(crate) fn at(&self, pointer: &str) -> &Value {
        self.json.as_ref().and_then(|json| json.pointer(pointer)).unwrap_or(&Value::Null)
    }

    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_default()
    }

    /// Describes the response without its content.
    pub(crate) fn outline(&self) -> String {
        let body = match (&self.json, self.bytes.len()) {
            (_, 0) => "without a body",
            (Some(_), _) => "with JSON",
            (None, _) => "with something else than JSON",
        };
        format!("{} {body}", self.status)
    }

    /// Returns the included resources of this type, from both places where services put them.
    pub(crate) fn included(&self, kind: &str) -> Vec<&Value> {
        let places = [self.at("/included"), self.at("/data/included")];
        let all = places.into_iter().filter_map(Value::as_array).flatten();
        all.filter(|resource| resource["type"] == kind).collect()
    }
}

/// Reports a transport error without its URL, which may contain an id.
pub(crate) fn network(operation: Operation, error: reqwest::Error) -> Stop {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    no_answer(operation, &format!("{error}: {cause}"))
}

/// Reports that no complete response of the application came.
pub(crate) fn no_answer(operation: Operation, why: &str) -> Stop {
    Stop::Network(format!("{operation}: {why}"))
}
