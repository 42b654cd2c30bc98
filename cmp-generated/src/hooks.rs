//! Headers and transport of each attempt to send a request.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use progenitor_client::{ClientHooks, ClientInfo, Error, OperationInfo};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, InvalidHeaderValue};
use reqwest::{Request, Response};
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
    let text = Zeroizing::new(format!("Bearer {token}"));
    let mut value = HeaderValue::from_str(&text)?;
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
    transport: Option<Arc<dyn Transport>>,
}

impl Context {
    /// A context without credentials, for requests that the generated client's own `reqwest::Client` sends.
    pub fn new(media_type: MediaType) -> Self {
        Self { media_type, authorization: None, headers: None, transport: None }
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

    /// Sends the request through `transport`.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
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
        match &self.inner().transport {
            Some(transport) => transport.send(request).await,
            None => self.client().execute(request).await,
        }
    }
}
