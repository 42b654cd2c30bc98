//! HTTP: one client for each host, whose connections and failures this crate knows exactly.

mod cause;
mod client;
mod connect;
mod exchange;
mod quiet;
mod tls;

use bytes::Bytes;
pub(crate) use cause::Cause;
pub(crate) use client::{Http, Settings};
pub(crate) use connect::ProxyTo;
pub(crate) use exchange::Exchange;
use futures_util::{Stream, StreamExt, pin_mut};
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};
pub(crate) use tls::{Tls, roots};
use zeroize::Zeroizing;

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("cmp-rust/", env!("CARGO_PKG_VERSION")));

#[derive(Debug)]
pub(crate) enum BodyError {
    TooLarge,
    Broken,
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read_body(
    body: impl Stream<Item = reqwest::Result<Bytes>>,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, BodyError> {
    pin_mut!(body);
    let mut read = Zeroizing::new(Vec::new());
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| match Cause::of(&error) {
            Cause::BodyTooLarge => BodyError::TooLarge,
            _ => BodyError::Broken,
        })?;
        if read.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read)
}

/// The content coding of an answer that nobody asked for, in words of our own; `None` if it has none.
fn content_coding(headers: &HeaderMap) -> Option<&'static str> {
    const KNOWN: [&str; 6] = ["gzip", "x-gzip", "deflate", "br", "zstd", "compress"];
    let values = headers.get_all(CONTENT_ENCODING);
    let texts = values.into_iter().map(|value| value.to_str().unwrap_or("unknown"));
    let mut codings = texts.flat_map(|text| text.split(',')).map(str::trim);
    let coding = codings.find(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))?;
    let known = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(coding));
    Some(known.unwrap_or("of an unknown name"))
}
