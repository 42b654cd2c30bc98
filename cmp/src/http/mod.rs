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
use reqwest::header::HeaderValue;
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
        let chunk = chunk.map_err(|_| BodyError::Broken)?;
        if read.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read)
}
