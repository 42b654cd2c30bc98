//! Headers and transport of each attempt to send a request.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use progenitor_client::{ClientHooks, ClientInfo, Error, OperationInfo};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, InvalidHeaderValue};
use reqwest::{Method, Request, RequestBuilder, Response, Url};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::Client;

/// The media type of requests and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MediaType {
    /// `application/vnd.api+json`, which CMP requires.
    #[default]
    JsonApi,
    /// `application/json`.
    Json,
}

impl MediaType {
    const fn value(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::JsonApi => "application/vnd.api+json",
            Self::Json => "application/json",
        })
    }
}

/// The future of a [`Transport`].
pub type Sending<'a> = Pin<Box<dyn Future<Output = reqwest::Result<Response>> + Send + 'a>>;

/// Sends requests instead of the generated client's own `reqwest::Client`.
///
/// An implementation sends a request at most once and follows no redirect. Only the caller knows whether the operation
/// can be repeated.
pub trait Transport: Send + Sync {
    /// Sends `request` and returns the answer. The answer's body may still be in transfer.
    fn send(&self, request: Request) -> Sending<'_>;
}

/// Returns `Bearer <token>` as a header value that is marked sensitive.
///
/// # Errors
/// Fails if the token has characters that a header can't contain. The error does not contain the token.
pub fn bearer(token: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    sensitive(format!("Bearer {token}"))
}

/// Returns a header value that is marked sensitive. Its memory is overwritten when its last clone is dropped.
///
/// # Errors
/// Fails if the text has characters that a header can't contain. The error does not contain the text.
pub fn sensitive(text: String) -> Result<HeaderValue, InvalidHeaderValue> {
    let octets = Bytes::from_owner(Zeroizing::new(text.into_bytes()));
    let mut value = HeaderValue::from_maybe_shared(octets)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The headers and the transport of one attempt to send a request, for [`Client::new_with_client`]. Each attempt has
/// its own context.
#[derive(Clone)]
pub struct Context {
    media_type: MediaType,
    authorization: Option<HeaderValue>,
    headers: Option<Arc<HeaderMap>>,
    base_url: Option<Arc<Url>>,
    sender: Sender,
}

#[derive(Clone)]
enum Sender {
    /// The generated client's own `reqwest::Client`. Only [`Context::new`] refers to the function, so a program with a
    /// transport of its own has no second HTTP client in it.
    Own(fn(&reqwest::Client, Request) -> Sending<'_>),
    Transport(Arc<dyn Transport>),
}

impl Context {
    /// Returns a context without credentials, for requests that the generated client's own `reqwest::Client` sends.
    pub fn new(media_type: MediaType) -> Self {
        Self::with_sender(media_type, Sender::Own(|client, request| Box::pin(client.execute(request))))
    }

    /// Returns a context without credentials, for requests that `transport` sends.
    pub fn over(media_type: MediaType, transport: Arc<dyn Transport>) -> Self {
        Self::with_sender(media_type, Sender::Transport(transport))
    }

    fn with_sender(media_type: MediaType, sender: Sender) -> Self {
        Self { media_type, authorization: None, headers: None, base_url: None, sender }
    }

    /// Sets the header `authorization`: see [`bearer`].
    #[must_use]
    pub fn authorization(mut self, value: HeaderValue) -> Self {
        self.authorization = Some(value);
        self
    }

    /// Sets additional headers. They do not replace the headers that every request has.
    #[must_use]
    pub fn headers(mut self, headers: Arc<HeaderMap>) -> Self {
        self.headers = Some(headers);
        self
    }

    /// Sets the parsed form of the client's base URL, so that a request parses its path alone.
    #[must_use]
    pub fn base_url(mut self, url: Arc<Url>) -> Self {
        self.base_url = Some(url);
        self
    }

    /// Begins a request. The scheme and the host of `url` are not parsed again if they are the base URL's.
    #[doc(hidden)]
    pub fn begin<'c>(&self, http: &'c reqwest::Client, method: Method, url: &str) -> Begun<'c> {
        let base = self.base_url.as_deref();
        let request = match base.and_then(|base| Some((base, path_after(base, url)?))) {
            Some((base, path)) => {
                let mut url = base.clone();
                url.set_path(path);
                Ok(Request::new(method, url))
            }
            None => http.request(method, url).build(),
        };
        Begun { http, request }
    }
}

/// A request that the generated client makes, with the functions of reqwest's `RequestBuilder` that the client uses.
///
/// `RequestBuilder` looks for credentials in each URL, and checks each header and each part of the query by itself.
#[doc(hidden)]
#[derive(Debug)]
pub struct Begun<'c> {
    http: &'c reqwest::Client,
    request: reqwest::Result<Request>,
}

impl Begun<'_> {
    pub fn query(mut self, query: &impl Serialize) -> Self {
        if let Ok(request) = &mut self.request {
            match serde_urlencoded::to_string(query) {
                Ok(text) if text.is_empty() => {}
                Ok(text) => request.url_mut().set_query(Some(&text)),
                Err(_) => return self.by_reqwest(|builder| builder.query(query)),
            }
        }
        self
    }

    /// Sets the body. [`ClientHooks::pre`] sets its media type.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        if let Ok(request) = &mut self.request {
            match serde_json::to_vec(body) {
                Ok(body) => *request.body_mut() = Some(body.into()),
                Err(_) => return self.by_reqwest(|builder| builder.json(body)),
            }
        }
        self
    }

    /// Adds headers. [`ClientHooks::pre`] sets those that each request has.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        if let Ok(request) = &mut self.request
            && !headers.is_empty()
        {
            request.headers_mut().extend(headers);
        }
        self
    }

    pub fn build(self) -> reqwest::Result<Request> {
        self.request
    }

    /// Does what failed once more, because only reqwest can make its errors.
    #[cold]
    fn by_reqwest(self, add: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Self {
        let Self { http, request } = self;
        let again = |request| add(RequestBuilder::from_parts(http.clone(), request)).build();
        Self { http, request: request.and_then(again) }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Context")
            .field("media_type", &self.media_type)
            .field("authorization", &self.authorization.is_some())
            .field("headers", &self.headers.iter().flat_map(|headers| headers.keys()).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Returns the path of `url` if it has the origin of `base`, and only a plain path after it. A URL with credentials is
/// left to reqwest, which makes a header of them.
fn path_after<'u>(base: &Url, url: &'u str) -> Option<&'u str> {
    let origin = base.as_str().strip_suffix(base.path())?;
    let path = url.strip_prefix(origin)?;
    let has_credentials = origin.bytes().any(|byte| byte == b'@');
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#'));
    (path.starts_with('/') && is_plain && !has_credentials).then_some(path)
}

impl ClientHooks<Context> for Client {
    async fn pre<E>(&self, request: &mut Request, _: &OperationInfo) -> Result<(), Error<E>> {
        let context = self.inner();
        let has_body = request.body().is_some();
        let headers = request.headers_mut();
        headers.insert(ACCEPT, context.media_type.value());
        if has_body {
            headers.insert(CONTENT_TYPE, context.media_type.value());
        }
        if let Some(authorization) = &context.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        for (name, value) in context.headers.iter().flat_map(|headers| headers.iter()) {
            headers.append(name, value.clone());
        }
        Ok(())
    }

    async fn exec(&self, request: Request, _: &OperationInfo) -> reqwest::Result<Response> {
        match &self.inner().sender {
            Sender::Own(send) => send(self.client(), request).await,
            Sender::Transport(transport) => transport.send(request).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(request: reqwest::Result<Request>) -> Option<Url> {
        Some(request.ok()?.url().clone())
    }

    #[test]
    fn a_request_has_the_same_url_as_if_all_of_it_was_parsed() {
        const BASES: [&str; 3] =
            ["https://user@host.example:8443/base/v2", "http://[::1]:9", "HTTPS://Host.Example:443/a/../b/"];
        const PATHS: [&str; 11] = [
            "",
            "/",
            "/cards",
            "/cards/a%2Fb",
            "/cards/../x",
            "/cards/%2e%2e",
            "/cards/é\\ \t",
            "/c?d=/e",
            "/c#d",
            "x",
            "@other.example/",
        ];
        let http = reqwest::Client::new();
        for base in BASES {
            for text in PATHS.map(|path| format!("{base}{path}")) {
                let parsed = url(http.get(&text).build());
                for base in [base, "https://other.example"] {
                    let base = Arc::new(base.parse().expect("a URL"));
                    let context = Context::new(MediaType::JsonApi).base_url(base);
                    let request = context.begin(&http, Method::GET, &text).build();
                    assert_eq!(url(request), parsed, "{text}");
                }
            }
        }
    }

    #[test]
    fn a_query_and_a_body_are_those_of_reqwest() {
        struct Unserialisable;

        impl Serialize for Unserialisable {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("not JSON"))
            }
        }

        let http = reqwest::Client::new();
        let context = Context::new(MediaType::JsonApi);
        let begun = || context.begin(&http, Method::POST, "https://host.example/a");
        for query in [&[][..], &[("include", "a,b")], &[("a", "é &+%2F"), ("b", "")]] {
            let expected = http.post("https://host.example/a").query(query).build();
            assert_eq!(url(begun().query(&query).build()), url(expected));
        }
        let request = begun().json(&["a"]).build().expect("a request");
        assert_eq!(request.body().and_then(reqwest::Body::as_bytes), Some(&br#"["a"]"#[..]));
        for failed in [begun().json(&Unserialisable), begun().query(&Unserialisable), begun().query(&7)] {
            assert!(failed.headers(HeaderMap::new()).build().is_err_and(|error| error.is_builder()));
        }
        assert!(
            context
                .begin(&http, Method::GET, "no URL")
                .json(&1)
                .build()
                .is_err_and(|error| error.is_builder())
        );
    }
}
