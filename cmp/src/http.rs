//! Small helpers on HTTP bodies and errors.

use std::error::Error as _;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, pin_mut};
use zeroize::Zeroizing;

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

/// The innermost reason of a transport error, which is what a person needs: "connection refused", not "error sending
/// request". Transport errors hold no body; the URL is left out.
pub(crate) fn cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    if error.source().is_none() {
        return if error.is_timeout() { "timed out".to_owned() } else { "the request failed".to_owned() };
    }
    innermost.to_string()
}
