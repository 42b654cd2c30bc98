//! Requests from the socket, replies for it, and the encodings in both.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

pub(crate) const JSON_API: &str = "application/vnd.api+json";
pub(crate) const JSON: &str = "application/json";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const HTML: &str = "text/html; charset=utf-8";

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

    /// Returns the request in the form of HTTP/1.1.
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

    /// Returns the access token of `Authorization: Bearer …`. The scheme's name has no case (RFC
    /// 9110, 11.1).
    pub(crate) fn access_token(&self) -> Option<&str> {
        let (scheme, token) = self.header(&header::AUTHORIZATION)?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
    }

    /// Returns `true` for JSON:API, whose media type has no parameters but `ext` and `profile`
    /// (JSON:API 1.1).
    pub(crate) fn is_json_api(&self) -> bool {
        let value = self.header(&header::CONTENT_TYPE).unwrap_or_default();
        let known = |name: &str| name.eq_ignore_ascii_case("ext") || name.eq_ignore_ascii_case("profile");
        self.is_of(JSON_API)
            && value
                .split(';')
                .skip(1)
                .all(|parameter| known(parameter.split('=').next().unwrap_or_default().trim()))
    }

    /// Returns `true` for a body of this media type with any parameters.
    pub(crate) fn is_of(&self, media_type: &str) -> bool {
        let value = self.header(&header::CONTENT_TYPE).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type)
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

    /// Returns a document in the API's own media type.
    pub(crate) fn json_api(status: StatusCode, document: &Value) -> Self {
        Self::text(status, JSON_API, document.to_string())
    }

    pub(crate) fn json(status: StatusCode, document: &Value) -> Self {
        Self::text(status, JSON, document.to_string())
    }

    pub(crate) fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn with_content_type(self, media_type: &str) -> Self {
        self.with_header(header::CONTENT_TYPE, media_type)
    }

    /// Leaves out an invalid header value. The headers of a fault are checked when it is made.
    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}

/// Returns the segments of a path, each decoded once: `%2F` separates nothing, and `..` is an
/// ordinary name.
///
/// Returns `None` without a `/` at the start, or with an invalid escape.
pub(crate) fn path_segments(path: &str) -> Option<Vec<Cow<'_, str>>> {
    path.strip_prefix('/')?.split('/').map(decode_segment).collect()
}

fn decode_segment(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(segment.into());
    }
    let (first, escaped) = segment.split_once('%')?;
    let mut octets = first.as_bytes().to_vec();
    for piece in escaped.split('%') {
        let (digits, rest) = piece.split_at_checked(2)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        octets.push(u8::from_str_radix(digits, 16).ok()?);
        octets.extend(rest.as_bytes());
    }
    String::from_utf8(octets).ok().map(Cow::Owned)
}

/// Returns the pairs of a form or query in order (`application/x-www-form-urlencoded`). An invalid
/// escape stays unchanged.
pub(crate) fn form_pairs(text: &[u8]) -> Vec<(String, String)> {
    text.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            (decode_form(&pair[..equals]), decode_form(pair.get(equals + 1..).unwrap_or_default()))
        })
        .collect()
}

pub(crate) fn decode_form(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let hex = if first == b'%' { tail.get(..2).and_then(hex_byte) } else { None };
        bytes.push(match (first, hex) {
            (b'+', _) => b' ',
            (_, Some(byte)) => byte,
            _ => first,
        });
        rest = if hex.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_api_without_foreign_parameters() {
        let cases = [
            ("application/vnd.api+json", true),
            ("Application/VND.api+JSON", true),
            (r#"application/vnd.api+json; profile="https://example.com/p""#, true),
            ("application/vnd.api+json; charset=utf-8", false),
            ("application/json", false),
            ("", false),
        ];
        for (value, expected) in cases {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]);
            let request = Request {
                method: Method::POST,
                path: String::new(),
                query: None,
                headers,
                body: Bytes::new(),
            };
            assert_eq!(request.is_json_api(), expected, "{value}");
        }
    }
    #[test]
    fn segments_are_decoded_once() {
        let cases = [
            ("/cards/%43RD1", Some(vec!["cards", "CRD1"])),
            ("/%63ards/CR%441", Some(vec!["cards", "CRD1"])),
            ("/cards/%2543RD1", Some(vec!["cards", "%43RD1"])),
            ("/cards/a%2Fb%2fc", Some(vec!["cards", "a/b/c"])),
            ("/cards/%2E%2e/x", Some(vec!["cards", "..", "x"])),
            ("/cards/a+b%20c", Some(vec!["cards", "a+b c"])),
            ("/cards/%C3%A4", Some(vec!["cards", "ä"])),
            ("/cards/", Some(vec!["cards", ""])),
            ("/", Some(vec![""])),
            ("/cards/%zz", None),
            ("/cards/%4", None),
            ("/cards/%", None),
            ("/cards/%%34", None),
            ("/cards/%+1", None),
            ("/cards/%ä1", None),
            ("/cards/%C3", None),
            ("*", None),
            ("", None),
        ];
        for (path, expected) in cases {
            let expected = expected.map(|expected| expected.into_iter().map(Cow::from).collect());
            assert_eq!(path_segments(path), expected, "{path}");
        }
    }
    #[test]
    fn pairs_decode() {
        let text = b"a=1&b=x+y%20z&c&=d&e=%zz&&f=%E4";
        let expected = [("a", "1"), ("b", "x y z"), ("c", ""), ("", "d"), ("e", "%zz"), ("f", "\u{fffd}")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(form_pairs(text), expected);
    }
}
