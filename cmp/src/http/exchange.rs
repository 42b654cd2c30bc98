use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use cmp_generated::{
    hooks::{Sending, Transport},
    lenient::append,
};
use http::{
    HeaderMap, HeaderValue, Version,
    header::{self, CONTENT_ENCODING},
};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use reqwest::{Body, Request, Response, ResponseBuilderExt, StatusCode};
use zeroize::Zeroizing;

use super::{Http, cause::Cause, connect::USER_AGENT, quiet::Quiet};

/// One request and its answer.
///
/// Its connection is not used again unless the exchange was [`settle`](Self::settle)d before it is dropped: whatever
/// ended it early, a time-out above all, may be the connection's fault.
pub(crate) struct Exchange {
    http: Http,
    largest_answer: usize,
    connection: OnceLock<CaptureConnection>,
    answer: OnceLock<(StatusCode, Version)>,
    coding: OnceLock<&'static str>,
    kept: Option<Arc<Kept>>,
    keeps_headers: bool,
    headers: OnceLock<HeaderMap>,
    settled: AtomicBool,
    /// No connection could be made in the end. An earlier one was closed before the request was written to it.
    unconnected: AtomicBool,
    /// A second request was made in this exchange, as only a closure of `Raw::call` can.
    again: AtomicBool,
}

type Kept = Mutex<Zeroizing<Vec<u8>>>;

impl Http {
    /// Prepares one request, of whose answer at most `largest_answer` bytes are read.
    pub(crate) fn exchange(&self, largest_answer: usize) -> Exchange {
        Exchange::new(self.clone(), largest_answer)
    }
}

impl Exchange {
    fn new(http: Http, largest_answer: usize) -> Self {
        Self {
            http,
            largest_answer,
            connection: OnceLock::new(),
            answer: OnceLock::new(),
            coding: OnceLock::new(),
            kept: None,
            keeps_headers: false,
            headers: OnceLock::new(),
            settled: AtomicBool::new(false),
            unconnected: AtomicBool::new(false),
            again: AtomicBool::new(false),
        }
    }

    /// Keeps what is read of the answer's body for [`body`](Self::body).
    pub(crate) fn keeping_body(mut self) -> Self {
        self.kept = Some(Arc::default());
        self
    }

    /// Keeps the answer's headers for [`headers`](Self::headers).
    pub(crate) fn keeping_headers(mut self) -> Self {
        self.keeps_headers = true;
        self
    }

    pub(crate) fn headers(&self) -> Option<&HeaderMap> {
        self.headers.get()
    }

    /// Whether the request was whole and handed over; if so, whether anything may have been sent.
    pub(crate) fn is_tried(&self) -> Option<bool> {
        self.connection.get().map(|_| self.is_sent())
    }

    /// Whether anything may have been sent: there was a connection to send it on.
    pub(crate) fn is_sent(&self) -> bool {
        let connected =
            || self.connection.get().is_some_and(|connection| connection.connection_metadata().is_some());
        self.again.load(Ordering::Relaxed) || !self.unconnected.load(Ordering::Relaxed) && connected()
    }

    /// The answer's status, once its head has come.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        self.answer.get().map(|answer| answer.0)
    }

    /// The content coding of the answer's body, if it has one: none is asked for.
    pub(crate) fn content_coding(&self) -> Option<&'static str> {
        self.coding.get().copied()
    }

    /// The version of HTTP as OpenTelemetry names it, once the answer's head has come.
    pub(crate) fn version(&self) -> Option<&'static str> {
        Some(match self.answer.get()?.1 {
            Version::HTTP_2 => "2",
            Version::HTTP_10 => "1.0",
            _ => "1.1",
        })
    }

    /// The answer's body as far as it was read. It holds whatever secrets the answer had.
    pub(crate) fn body(&self) -> Zeroizing<Vec<u8>> {
        let kept = self.kept.as_ref();
        kept.map(|kept| kept.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }

    /// Says that the connection is as good as before.
    pub(crate) fn settle(&self) {
        self.settled.store(true, Ordering::Relaxed);
    }

    async fn run(&self, request: Request) -> reqwest::Result<Response> {
        let url = request.url().clone();
        let mut request = http::Request::<Body>::try_from(request)?;
        let headers = request.headers_mut();
        headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(authorization) = self.http.proxy_authorization() {
            headers.insert(header::PROXY_AUTHORIZATION, authorization.clone());
        }
        let is_first = self.connection.set(capture_connection(&mut request)).is_ok();
        if !is_first {
            self.again.store(true, Ordering::Relaxed);
        }
        let answer = match self.http.request(request).await {
            Ok(answer) => answer,
            Err(error) => {
                self.unconnected.store(is_first && error.is_connect(), Ordering::Relaxed);
                let cause = Cause::of(&error);
                if cause == Cause::StreamRefused {
                    self.settle();
                }
                return Err(cause.into_reqwest().await);
            }
        };
        let _first = self.answer.set((answer.status(), answer.version()));
        if self.keeps_headers {
            let _first = self.headers.set(answer.headers().clone());
        }
        if answer.headers().contains_key(CONTENT_ENCODING)
            && let Some(coding) = content_coding(answer.headers())
        {
            let _first = self.coding.set(coding);
        }
        let (head, body) = answer.into_parts();
        let body = Bounded {
            body: Quiet::new(body),
            left: self.largest_answer,
            kept: self.kept.clone(),
            has_last_frame: head.version == Version::HTTP_2,
        };
        let response = http::Response::builder().url(url).body(Body::wrap(body));
        let mut response = response.expect("a response needs nothing else");
        *response.status_mut() = head.status;
        *response.version_mut() = head.version;
        *response.headers_mut() = head.headers;
        Ok(response.into())
    }
}

impl Transport for Exchange {
    fn send(&self, request: Request) -> Sending<'_> {
        Box::pin(self.run(request))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !*self.settled.get_mut()
            && let Some(connection) = self.connection.get()
            && let Some(connected) = &*connection.connection_metadata()
        {
            connected.poison();
        }
    }
}

impl Cause {
    /// Puts the cause where the generated client can carry only reqwest's error.
    async fn into_reqwest(self) -> reqwest::Error {
        let failing = http::Response::new(Body::wrap(Failing(self)));
        match Response::from(failing).bytes().await {
            Err(error) => error,
            Ok(_) => unreachable!("the body is nothing but an error"),
        }
    }
}

struct Failing(Cause);

impl http_body::Body for Failing {
    type Data = Bytes;
    type Error = Cause;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cause>>> {
        Poll::Ready(Some(Err(self.0)))
    }
}

/// The body of an answer. Only so much of it is read.
struct Bounded {
    body: Quiet<Incoming>,
    left: usize,
    kept: Option<Arc<Kept>>,
    /// HTTP/2: hyper takes a stream that is reset with `NO_ERROR` for a complete one. It is complete if its last frame or all of
    /// its `content-length` has come.
    has_last_frame: bool,
}

impl Bounded {
    fn is_cut(&self) -> bool {
        self.has_last_frame && !self.is_end_stream() && self.size_hint().exact() != Some(0)
    }
}

impl http_body::Body for Bounded {
    type Data = Bytes;
    type Error = Cause;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cause>>> {
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(Cause::of(&error)))),
            None if self.is_cut() => return Poll::Ready(Some(Err(Cause::Closed))),
            None => return Poll::Ready(None),
        };
        if let Some(bytes) = frame.data_ref() {
            let Some(left) = self.left.checked_sub(bytes.len()) else {
                return Poll::Ready(Some(Err(Cause::BodyTooLarge)));
            };
            self.left = left;
            if let Some(kept) = &self.kept {
                append(&mut kept.lock().unwrap_or_else(PoisonError::into_inner), bytes);
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The content coding of an answer that nobody asked for, in words of our own; `None` if it has none.
#[cold]
fn content_coding(headers: &HeaderMap) -> Option<&'static str> {
    const KNOWN: [&str; 6] = ["gzip", "x-gzip", "deflate", "br", "zstd", "compress"];
    let values = headers.get_all(CONTENT_ENCODING);
    let texts = values.into_iter().map(|value| value.to_str().unwrap_or("unknown"));
    let mut codings = texts.flat_map(|text| text.split(',')).map(str::trim);
    let coding = codings.find(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))?;
    let known = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(coding));
    Some(known.unwrap_or("of an unknown name"))
}
