//! Requests as they came off the socket, replies before they go onto it.

pub(crate) mod bearer;
pub(crate) mod media_type;
pub(crate) mod path;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn new(mut head: http::request::Parts, body: Bytes) -> Self {
        // An authority in the request's target, which HTTP/2 always has, goes before `Host` (RFC 9112, 3.2.2).
        if let Some(authority) = head.uri.authority()
            && let Ok(host) = HeaderValue::from_str(authority.as_str())
        {
            head.headers.insert(header::HOST, host);
        }
        Self {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            headers: head.headers,
            body,
        }
    }

    /// The request as HTTP/1.1 would write it.
    pub(crate) fn to_octets(&self) -> Vec<u8> {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let mut octets = format!("{} {}{query}\r\n", self.method, self.path).into_bytes();
        for (name, value) in &self.headers {
            octets.extend(name.as_str().as_bytes());
            octets.extend(b": ");
            octets.extend(value.as_bytes());
            octets.extend(b"\r\n");
        }
        octets.extend(b"\r\n");
        octets.extend(&self.body);
        octets
    }

    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Bytes::new() }
    }

    pub(crate) fn text(status: StatusCode, media_type: &str, body: impl Into<Bytes>) -> Self {
        Self::empty(status).with_content_type(media_type).with_body(body)
    }

    /// A document in the API's own media type.
    pub(crate) fn json_api(status: StatusCode, document: &Value) -> Self {
        Self::text(status, media_type::JSON_API, document.to_string())
    }

    pub(crate) fn json(status: StatusCode, document: &Value) -> Self {
        Self::text(status, media_type::JSON, document.to_string())
    }

    pub(crate) fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn with_content_type(self, media_type: &str) -> Self {
        self.with_header(header::CONTENT_TYPE, media_type)
    }

    /// A value that can't stand in a header is left out; those of a fault were checked when it was made.
    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}
