//! Marked secrets, and the search for them in every form that a program might print.

use std::collections::HashSet;

use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD, Engine as _};

/// A secret that no output may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// What it is, for the message of a failed test
    pub name: &'static str,
    /// The secret itself
    pub value: &'static str,
}

const fn mark(name: &'static str, value: &'static str) -> Mark {
    Mark { name, value }
}

/// A documented test card.
pub const PAN: Mark = mark("PAN", "5100260000019206");
/// The security code of the card
pub const CVC: Mark = mark("CVC", "7391");
/// The number of its network token
pub const NETWORK_TOKEN: Mark = mark("network token", "5580043943638177");
/// A short cryptogram, which takes the place of a CVC. With a nought first it is no count, size or port.
pub const SHORT_CRYPTOGRAM: Mark = mark("short cryptogram", "073");
/// A cryptogram for one payment
pub const CRYPTOGRAM: Mark = mark("cryptogram", "CanaryCryptogram+0123456789A==");
/// The secret of the service account
pub const CLIENT_SECRET: Mark = mark("client secret", "canary-Client-s3cret-8841");
/// The access token
pub const ACCESS_TOKEN: Mark = mark("access token", "canary-bearer-0123456789");
/// The key of webhook signatures
pub const WEBHOOK_SECRET: Mark = mark("webhook secret", "whsec_Canary7Webhook2Secret9");
/// The password of a proxy
pub const PROXY_PASSWORD: Mark = mark("proxy password", "canary-Pr0xy-pass-5512");
/// The cardholder's name
pub const HOLDER: Mark = mark("cardholder's name", "Canary Holder");
/// The cardholder's e-mail address
pub const EMAIL: Mark = mark("cardholder's e-mail", "canary.77321@holder.example");
/// The cardholder's telephone number
pub const PHONE: Mark = mark("cardholder's phone", "+15550109876");
/// The cardholder's address
pub const STREET: Mark = mark("cardholder's address", "4417 Canary Street");
/// The cardholder's postal code. Five digits alone would also be those of a time in a log.
pub const POSTAL_CODE: Mark = mark("cardholder's postal code", "94107-7731");
/// An alias of digits, as a vault that keeps the format of a card number makes it
pub const ALIAS: Mark = mark("alias", "9914040119524512000");
/// A value that the caller stores with the card
pub const METADATA: Mark = mark("metadata value", "canary metadata 8231 of the caller");

/// All of them.
pub const MARKS: [Mark; 16] = [
    PAN,
    CVC,
    NETWORK_TOKEN,
    SHORT_CRYPTOGRAM,
    CRYPTOGRAM,
    CLIENT_SECRET,
    ACCESS_TOKEN,
    WEBHOOK_SECRET,
    PROXY_PASSWORD,
    HOLDER,
    EMAIL,
    PHONE,
    STREET,
    POSTAL_CODE,
    ALIAS,
    METADATA,
];

/// Marks of plain words. In the place where the API has them, their types hide them. In another place they look like
/// any words of the service, and are shown like these.
pub const PLAIN_WORDS: [Mark; 3] = [HOLDER, STREET, METADATA];

/// The marks that are found out wherever they are.
#[must_use]
pub fn recognizable() -> Vec<Mark> {
    MARKS.into_iter().filter(|mark| !PLAIN_WORDS.contains(mark)).collect()
}

/// A secret that the tests leak on purpose, to see that the search finds it.
pub const PLANTED: Mark = mark("planted secret", "4111111111111111");

/// Text that has letters or digits next to a secret this short is something else.
const SHORT: usize = 4;
/// PCI DSS allows the first eight digits and the last four.
const MOST_DIGITS_IN_A_ROW: usize = 8;
/// The shortest piece of base64 that can't be there by chance.
const SHORTEST_BASE64: usize = 6;
const SHORTEST_CARD_NUMBER: usize = 14;

/// Returns what of `marks` is in the text, each as "the PAN as base64: …" with what is before and behind it.
#[must_use]
pub fn found(text: &str, marks: &[Mark]) -> Vec<String> {
    let joined = joined_digits(text);
    let mut found = Vec::new();
    for mark in marks {
        for (form, needle) in forms(mark.value) {
            let alone = mark.value.len() <= SHORT;
            if let Some(at) = position(text, &needle, alone) {
                found.push(format!("the {} {form}: {}", mark.name, around(text, at)));
            }
        }
        if is_card_number(mark.value) {
            if let Some(at) = joined.find(mark.value) {
                found.push(format!("the {} in groups: {}", mark.name, around(&joined, at)));
            }
            let mut parts = windows(mark.value, MOST_DIGITS_IN_A_ROW + 1);
            if let Some(at) = parts.find_map(|part| text.find(part)) {
                found.push(format!("too many digits of the {}: {}", mark.name, around(text, at)));
            }
        }
    }
    found
}

/// A search through many texts that are much alike: a line is looked at once.
#[derive(Debug)]
pub struct Search {
    marks: Vec<Mark>,
    seen: HashSet<String>,
}

impl Search {
    /// A search for these marks.
    #[must_use]
    pub fn of(marks: &[Mark]) -> Self {
        Self { marks: marks.to_vec(), seen: HashSet::new() }
    }

    /// Panics if a mark is in the text; `place` says where the text is from.
    ///
    /// # Panics
    /// If one is found.
    #[track_caller]
    pub fn assert_none(&mut self, text: &str, place: &str) {
        let new: Vec<_> = text.lines().filter(|line| self.seen.insert((*line).to_owned())).collect();
        assert_none(&new.join("\n"), &self.marks, place);
    }
}

/// Panics if any of `marks` is in the text; `place` says where the text is from.
///
/// # Panics
/// If one is found.
#[track_caller]
pub fn assert_none(text: &str, marks: &[Mark], place: &str) {
    let found = found(text, marks);
    assert!(found.is_empty(), "{place} shows\n  {}", found.join("\n  "));
}

/// The forms in which a secret may be printed, with their names.
#[must_use]
pub fn forms(value: &str) -> Vec<(&'static str, String)> {
    let bytes = value.as_bytes();
    let each = |write: fn(u8) -> String, between: &str| {
        bytes.iter().map(|byte| write(*byte)).collect::<Vec<_>>().join(between)
    };
    let encoded = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.~".contains(c) {
            c.to_string()
        } else {
            format!("%{:02X}", c as u32)
        }
    };
    let url: String = value.chars().map(encoded).collect();
    let mut forms = vec![
        ("as it is", value.to_owned()),
        ("in lower hexadecimal", each(|byte| format!("{byte:02x}"), "")),
        ("in upper hexadecimal", each(|byte| format!("{byte:02X}"), "")),
        ("in hexadecimal pairs", each(|byte| format!("{byte:02x}"), " ")),
        ("in hexadecimal with colons", each(|byte| format!("{byte:02x}"), ":")),
        ("as a list of bytes", each(|byte| byte.to_string(), ", ")),
        ("with each byte escaped for a URL", each(|byte| format!("%{byte:02X}"), "")),
        ("with each character escaped for JSON", each(|byte| format!("\\u{byte:04x}"), "")),
        ("escaped for a URL", url.clone()),
        ("escaped for a form", url.replace("%20", "+")),
        ("as base64", BASE64_STANDARD_NO_PAD.encode(bytes)),
        ("as URL-safe base64", BASE64_URL_SAFE_NO_PAD.encode(bytes)),
    ];
    if value.len() > SHORT {
        forms.extend(inside_base64(bytes).map(|piece| ("inside base64", piece)));
        forms.push(("in upper case", value.to_uppercase()));
        forms.push(("in lower case", value.to_lowercase()));
        forms.push(("backwards", value.chars().rev().collect()));
    } else {
        for (form, size) in [("digit by digit", 1), ("in pairs", 2)] {
            let groups: Vec<_> = bytes.chunks(size).map(String::from_utf8_lossy).collect();
            forms.extend([" ", "-"].map(|between| (form, groups.join(between))));
        }
    }
    forms.sort_by(|one, other| one.1.cmp(&other.1));
    forms.dedup_by(|one, other| one.1 == other.1);
    forms
}

/// What base64 makes of these bytes within a longer text, wherever in it they begin.
fn inside_base64(bytes: &[u8]) -> impl Iterator<Item = String> {
    (0..3).filter_map(move |before| {
        let padded = [&b"xxx"[..before], bytes].concat();
        let encoded = BASE64_STANDARD.encode(&padded);
        // Six bits a character: those at the ends belong to the neighbours too.
        let first = (before * 8).div_ceil(6);
        let end = padded.len() * 8 / 6;
        encoded.get(first..end).filter(|piece| piece.len() >= SHORTEST_BASE64).map(str::to_owned)
    })
}

fn position(text: &str, needle: &str, alone: bool) -> Option<usize> {
    let is_other = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    // As in `1.073`, which is a time or a part of something.
    let is_fraction = |before: &str| {
        before.strip_suffix('.').is_some_and(|whole| whole.ends_with(|c: char| c.is_ascii_digit()))
    };
    text.match_indices(needle).map(|(at, _)| at).find(|at| {
        let (before, after) = (&text[..*at], &text[at + needle.len()..]);
        let has_neighbours = is_other(before.chars().next_back()) || is_other(after.chars().next());
        !alone || !has_neighbours && !is_fraction(before)
    })
}

/// The text without what is between digits, if that is one or two characters and no letter: `5100 2600` is `51002600`.
fn joined_digits(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut joined = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        joined.push(chars[at]);
        at += 1;
        if chars[at - 1].is_ascii_digit() {
            let gap = chars[at..].iter().take(3).take_while(|c| !c.is_alphanumeric()).count();
            if gap <= 2 && chars.get(at + gap).is_some_and(char::is_ascii_digit) {
                at += gap;
            }
        }
    }
    joined
}

fn is_card_number(value: &str) -> bool {
    value.len() >= SHORTEST_CARD_NUMBER && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn windows(value: &str, size: usize) -> impl Iterator<Item = &str> {
    (0..=value.len() - size).map(move |at| &value[at..at + size])
}

/// A line or so before the place, and a little behind it.
fn around(text: &str, at: usize) -> String {
    let before: String = text[..at].chars().rev().take(200).collect();
    let before: String = before.chars().rev().collect();
    format!("…{before}>>>{}…", text[at..].chars().take(60).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_every_mark_is_found() {
        for mark in MARKS.into_iter().chain([PLANTED]) {
            for (form, text) in forms(mark.value) {
                let text = format!("some {{\"x\": \"{text}\"}} text");
                assert!(!found(&text, &[mark]).is_empty(), "{} {form}: {text}", mark.name);
            }
            for before in ["", "a", "ab", "abc"] {
                let text = BASE64_STANDARD.encode(format!("{before}:{}: and more", mark.value));
                assert!(
                    mark.value.len() <= SHORT || !found(&text, &[mark]).is_empty(),
                    "{} in {text}",
                    mark.name
                );
            }
        }
    }

    #[test]
    fn a_short_secret_is_no_part_of_a_number() {
        for text in ["took 1.073 s", "0731", "a073", "00:32:25.073941Z"] {
            assert_eq!(found(text, &[SHORT_CRYPTOGRAM]), Vec::<String>::new(), "{text}");
        }
        for text in ["073", "code=073.", "card.073", "\"073\""] {
            assert_eq!(found(text, &[SHORT_CRYPTOGRAM]).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_card_number_is_found_in_groups_and_in_part() {
        for text in [
            "5100 2600 0001 9206",
            "5100-2600-0001-9206",
            "51 00 26 00 00 01 92 06",
            "5.1.0.0.2.6.0.0.0.0.0.1.9.2.0.6",
            "510026, 0000019206",
            "[5, 1, 0, 0, 2, 6, 0, 0, 0, 0, 0, 1, 9, 2, 0, 6]",
            "510026000***",
            "***000019206",
        ] {
            assert!(!found(text, &[PAN]).is_empty(), "{text}");
        }
        for text in ["7 3 9 1", "73 91", "(7391)", "73-91"] {
            assert!(!found(text, &[CVC]).is_empty(), "{text}");
        }
    }

    #[test]
    fn what_may_be_shown_is_not_found() {
        let text = "51002600 9206 510026 at 2025-01-15T10:00:00.000Z, port 57391, id a7391b, 127.0.0.1:73915";
        assert_eq!(found(text, &MARKS), Vec::<String>::new());
    }
}
