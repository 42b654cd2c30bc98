//! What every attempt to send a request needs, and what it leaves behind.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use progenitor_client::{ClientHooks, ClientInfo, Error, OperationInfo};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue,
};
use reqwest::{Body, Request, Response, ResponseBuilderExt, StatusCode};
use zeroize::Zeroizing;

use crate::Client;

/// Sent by the generator with every request, and asked for by no document.
const API_VERSION: HeaderName = HeaderName::from_static("api-version");

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

/// One attempt to send one request: made afresh for each, and given to [`Client::new_with_client`].
#[derive(Clone)]
pub struct Attempt {
    media_type: MediaType,
    headers: HeaderMap,
    max_body_bytes: usize,
    keeps_body: bool,
    observation: Observation,
}

impl Attempt {
    /// An attempt without credentials that reads at most `max_body_bytes` of the answer's body.
    pub fn new(media_type: MediaType, max_body_bytes: usize) -> Self {
        Self {
            media_type,
            headers: HeaderMap::new(),
            max_body_bytes,
            keeps_body: false,
            observation: Observation::default(),
        }
    }

    /// Adds `authorization: Bearer <token>`, marked sensitive.
    ///
    /// # Errors
    /// A token that can't stand in a header; the error does not repeat it.
    pub fn with_bearer(mut self, token: &str) -> Result<Self, InvalidHeaderValue> {
        let text = Zeroizing::new(format!("Bearer {token}"));
        let mut value = HeaderValue::from_str(&text)?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }

    /// Adds headers to those that every request has.
    #[must_use]
    pub fn with_headers(mut self, headers: &HeaderMap) -> Self {
        self.headers.extend(headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        self
    }

    /// Keeps what is read of the answer's body for [`Observation::body`], whoever reads it.
    #[must_use]
    pub fn keeping_body(mut self) -> Self {
        self.keeps_body = true;
        self
    }

    /// What becomes of the attempt; stays readable after the call, whatever the call returns.
    pub fn observation(&self) -> Observation {
        self.observation.clone()
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Attempt")
            .field("media_type", &self.media_type)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("max_body_bytes", &self.max_body_bytes)
            .finish_non_exhaustive()
    }
}

/// What is known of an attempt, even where the generated client's error has lost it.
#[derive(Clone, Default)]
pub struct Observation(Arc<Mutex<Seen>>);

#[derive(Clone, Default)]
struct Seen {
    started: bool,
    status: Option<StatusCode>,
    headers: HeaderMap,
    body_too_large: bool,
    body: Vec<Bytes>,
}

impl Observation {
    /// Whether the request was handed to the HTTP client. If not, nothing was sent.
    pub fn started(&self) -> bool {
        self.read(|seen| seen.started)
    }

    /// The answer's status, once its head has come.
    pub fn status(&self) -> Option<StatusCode> {
        self.read(|seen| seen.status)
    }

    /// The answer's headers; empty until its head has come.
    pub fn headers(&self) -> HeaderMap {
        self.read(|seen| seen.headers.clone())
    }

    /// Whether reading stopped because the answer's body was larger than allowed.
    pub fn body_too_large(&self) -> bool {
        self.read(|seen| seen.body_too_large)
    }

    /// The answer's body as far as it was read, in the pieces in which it came, with [`Attempt::keeping_body`]; empty
    /// without. It shares the memory of what was read, and holds whatever secrets the answer had.
    pub fn body(&self) -> Vec<Bytes> {
        self.read(|seen| seen.body.clone())
    }

    fn read<T>(&self, what: impl FnOnce(&Seen) -> T) -> T {
        what(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, what: impl FnOnce(&mut Seen)) {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl fmt::Debug for Observation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Observation")
            .field("started", &self.started())
            .field("status", &self.status())
            .field("body_too_large", &self.body_too_large())
            .finish_non_exhaustive()
    }
}

impl ClientHooks<Attempt> for Client {
    async fn pre<E>(&self, request: &mut Request, _: &OperationInfo) -> Result<(), Error<E>> {
        let attempt = self.inner();
        let has_body = request.body().is_some();
        let headers = request.headers_mut();
        headers.remove(&API_VERSION);
        headers.insert(ACCEPT, attempt.media_type.value());
        if has_body {
            headers.insert(CONTENT_TYPE, attempt.media_type.value());
        }
        for (name, value) in &attempt.headers {
            headers.append(name, value.clone());
        }
        Ok(())
    }

    async fn exec(&self, request: Request, _: &OperationInfo) -> reqwest::Result<Response> {
        let attempt = self.inner();
        attempt.observation.note(|seen| seen.started = true);
        let response = self.client().execute(request).await?;
        attempt.observation.note(|seen| {
            seen.status = Some(response.status());
            seen.headers = response.headers().clone();
        });
        Ok(limited(response, attempt))
    }
}

fn limited(response: Response, attempt: &Attempt) -> Response {
    let observation = attempt.observation();
    let kept = attempt.keeps_body.then(|| attempt.observation());
    let max = attempt.max_body_bytes;
    let url = http::Response::builder().url(response.url().clone()).body(());
    let mut limited = http::Response::from(response).map(|body| {
        let limited = Limited::new(body, max).map_err(move |error| {
            if error.is::<LengthLimitError>() {
                observation.note(|seen| seen.body_too_large = true);
            }
            error
        });
        Body::wrap(limited.map_frame(move |frame| {
            if let (Some(kept), Some(bytes)) = (&kept, frame.data_ref()) {
                kept.note(|seen| seen.body.push(Bytes::clone(bytes)));
            }
            frame
        }))
    });
    // reqwest loses the URL on the way through `http` unless it is among the extensions.
    limited.extensions_mut().extend(url.map(|url| url.into_parts().0.extensions).unwrap_or_default());
    limited.into()
}
