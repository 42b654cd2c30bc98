use std::cell::{Cell, RefCell};
use std::error::Error;
use std::{fmt, mem};

use bytes::Bytes;
use progenitor_client::ResponseValue;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use zeroize::Zeroizing;

use super::Notes;
use super::repair::repair;

/// The message of the serde error for a document with errors instead of data.
pub(super) const ERRORS: &str = "invalid value, expected no errors";

thread_local! {
    /// The list of unreadable members for the next document that this thread reads.
    static LIST: RefCell<Option<Notes>> = const { RefCell::new(None) };
    /// `true` if the next document that this thread reads may be read with a guess.
    static MAY_GUESS: Cell<bool> = const { Cell::new(false) };
}

/// Why a document can't be read. The error can contain a place, but never contains text of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unreadable {
    /// The document is not JSON. This is the place of the first error.
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// The document is JSON, but not an object.
    NotADocument,
    /// The document has `errors` instead of `data`.
    Errors,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson { line, column } => write!(formatter, "not JSON at line {line}, column {column}"),
            Self::NotADocument => formatter.write_str("not a JSON object"),
            Self::Errors => formatter.write_str("errors in the place of data"),
        }
    }
}

impl Error for Unreadable {}

/// Reads a document, and [repairs](decode_repaired) it if necessary.
///
/// # Errors
/// [`Unreadable`]
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unreadable> {
    decode_strictly(body).or_else(|_| decode_repaired(body))
}

/// Reads a text without repairs.
///
/// The service sends most members of an included resource before its `type`. To read them only once, this function
/// guesses that they belong to a network token, unless the text names another type. If the guess was wrong, the text is
/// read again without it.
fn decode_strictly<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    // Checking the whole text as UTF-8 at once is much faster than string by string.
    let text = str::from_utf8(body).map_err(serde::de::Error::custom)?;
    MAY_GUESS.set(!text.contains("\"card_update"));
    let read = serde_json::from_str(text);
    MAY_GUESS.set(false);
    read.or_else(|_| serde_json::from_str(text))
}

/// Reads a successful answer for the generated client. The client's own code would copy the headers.
#[doc(hidden)]
pub async fn from_response<T: DeserializeOwned, E>(
    mut response: reqwest::Response,
) -> Result<ResponseValue<T>, progenitor_client::Error<E>> {
    let (status, headers) = (response.status(), mem::take(response.headers_mut()));
    let body = body(&mut response).await.map_err(progenitor_client::Error::ResponseBodyError)?;
    match decode_strictly(&body) {
        Ok(read) => Ok(ResponseValue::new(read, status, headers)),
        Err(error) => Err(progenitor_client::Error::InvalidResponsePayload(body, error)),
    }
}

/// Reads a body. Most come in one piece, which is not copied.
async fn body(response: &mut reqwest::Response) -> reqwest::Result<Bytes> {
    let first = response.chunk().await?.unwrap_or_default();
    let Some(second) = response.chunk().await? else { return Ok(first) };
    let mut body = Zeroizing::new(Vec::new());
    append(&mut body, &first);
    append(&mut body, &second);
    while let Some(piece) = response.chunk().await? {
        append(&mut body, &piece);
    }
    Ok(Bytes::from_owner(body))
}

/// Adds a piece to what was read. `Vec` by itself would leave a copy of it in freed memory, and a list of tiny pieces takes
/// a hundred times their length.
#[doc(hidden)]
pub fn append(body: &mut Zeroizing<Vec<u8>>, piece: &[u8]) {
    let length = body.len() + piece.len();
    if length > body.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(2 * length));
        larger.extend_from_slice(body);
        *body = larger;
    }
    body.extend_from_slice(piece);
}

/// Reads a document that `serde_json` refuses.
///
/// # Errors
/// It repairs a byte order mark, UTF-16, half a surrogate pair, and octets that are not UTF-8. It also repairs numbers
/// that are out of range or in a form that JSON doesn't allow, trailing commas, control characters, and text after the
/// document's end.
///
/// [`Unreadable`]
pub fn decode_repaired<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_str(&repaired(body)).map_err(|error| match error.classify() {
        Category::Data if error.to_string().starts_with(ERRORS) => Unreadable::Errors,
        Category::Data => Unreadable::NotADocument,
        Category::Io | Category::Syntax | Category::Eof => {
            Unreadable::NotJson { line: error.line(), column: error.column() }
        }
    })
}

/// Returns the document as text, without the defects that [`decode_repaired`] repairs.
#[must_use]
pub fn repaired(body: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(repair(body))
}

/// Runs `decode`, and also returns the paths of the members that were in its document but could not be read.
///
/// The paths contain names as the service sent them. Mask them before you show them.
pub fn noting<R>(decode: impl FnOnce() -> R) -> (R, Vec<String>) {
    LIST.with_borrow_mut(|list| *list = Some(Notes::listing()));
    let result = decode();
    let found = LIST.take().map(Notes::into_found).unwrap_or_default();
    (result, found)
}

pub(super) fn with_notes<R>(read: impl FnOnce(&mut Notes) -> R) -> R {
    let listing = LIST.with_borrow(Option::is_some);
    let mut notes = if listing { Notes::listing() } else { Notes::default() };
    // No guess while listing: a note before the type is known would have a different path.
    notes.may_guess = MAY_GUESS.take() && !listing;
    let result = read(&mut notes);
    if listing {
        LIST.with_borrow_mut(|list| *list = Some(notes));
    }
    result
}
