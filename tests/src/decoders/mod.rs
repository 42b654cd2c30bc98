//! Each decoder of bytes from outside as a function of bytes, with what must hold for any bytes: no panic, no card
//! number in an output, outputs of bounded size, and stored values that come back as they were.
//!
//! The fuzz targets in `fuzz/` are these functions. `tests/tests/decoders.rs` runs each for a moment.

#![expect(clippy::missing_panics_doc, reason = "a panic is what each function is run for")]

mod service;
mod values;
mod webhook;

use std::error::Error;

pub use cmp_contract::decoders::{comparison, correction, fragment, page};
pub use service::{answer, response, retry_after, token};
pub use values::{stored, text};
pub use webhook::webhook;

/// A decoder and the name of its fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct Decoder {
    /// The fuzz target, and its folder of seeds
    pub name: &'static str,
    /// Decodes the bytes, and panics if something is wrong.
    pub decode: fn(&[u8]),
}

/// All of them.
pub const ALL: [Decoder; 11] = [
    Decoder { name: "answer", decode: answer },
    Decoder { name: "comparison", decode: comparison },
    Decoder { name: "correction", decode: correction },
    Decoder { name: "fragment", decode: fragment },
    Decoder { name: "page", decode: page },
    Decoder { name: "response", decode: response },
    Decoder { name: "retry_after", decode: retry_after },
    Decoder { name: "stored", decode: stored },
    Decoder { name: "text", decode: text },
    Decoder { name: "token", decode: token },
    Decoder { name: "webhook", decode: webhook },
];

/// What an error may take, whatever it is about.
const LONGEST_ERROR: usize = 4_000;
/// A card number has at least this many digits.
const CARD_NUMBER: usize = 13;

/// Fails if a card number, or what could be one, is in the text. Digits beside letters are part of an id.
#[track_caller]
fn assert_shows_no_pan(shown: &str) {
    let mut words = shown.split(|c: char| !c.is_ascii_alphanumeric());
    let number =
        words.find(|word| word.len() >= CARD_NUMBER && word.bytes().all(|octet| octet.is_ascii_digit()));
    assert_eq!(number, None, "{shown}");
}

/// Checks every text of an error and of its sources.
#[track_caller]
fn check_error(error: &dyn Error) {
    let mut next = Some(error);
    while let Some(error) = next {
        for shown in [format!("{error}"), format!("{error:?}"), format!("{error:#?}")] {
            assert!(!shown.is_empty() && shown.len() < LONGEST_ERROR, "{} bytes: {shown}", shown.len());
            assert!(!shown.contains(is_unprintable), "{shown:?}");
            assert_shows_no_pan(&shown);
        }
        next = error.source();
    }
}

fn is_unprintable(c: char) -> bool {
    c.is_control() && c != '\n'
}
