//! What the service would refuse, refused before anything is sent. The messages name the rule and never the value.

use std::ops::RangeInclusive;

use cmp_generated::scalar::{Personal, Secret};

use crate::error::InvalidInput;

/// Room for an alias, such as `tok_sandbox_…`, in the place of a PAN.
const LONGEST_SECRET: usize = 64;

/// How many characters a text may have, with the words that say so.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    lengths: RangeInclusive<usize>,
    rule: &'static str,
}

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident = $least:literal to $most:literal;)*) => {$(
        $(#[$doc])*
        pub(super) const $name: Limit =
            Limit { lengths: $least..=$most, rule: concat!("must be ", $least, " to ", $most, " characters") };
    )*};
}

// The lengths are the contract's (schemas `Cardholder` and `Address`).
limits! {
    NAME = 1 to 255;
    TEXT = 0 to 255;
    PHONE = 0 to 16;
    POSTAL_CODE = 0 to 10;
}

/// The longest that RFC 5321 allows: 64 for the mailbox, 255 for the domain; the contract gives no length.
const LONGEST_EMAIL: usize = 320;

pub(super) fn text(
    field: &'static str,
    limit: &Limit,
    text: Option<String>,
) -> Result<Option<Personal>, InvalidInput> {
    let Some(text) = text else { return Ok(None) };
    if !limit.lengths.contains(&text.chars().count()) {
        return Err(InvalidInput::new(field, limit.rule));
    }
    if text.chars().any(char::is_control) {
        return Err(InvalidInput::new(field, "must not hold a control character, such as a line break"));
    }
    Ok(Some(Personal::new(text)))
}

pub(super) fn email(email: Option<String>) -> Result<Option<Personal>, InvalidInput> {
    let fits = |email: &str| {
        let sides = email.split('@').collect::<Vec<_>>();
        email.chars().count() <= LONGEST_EMAIL
            && !email.chars().any(is_blank)
            && matches!(sides[..], [mailbox, domain] if !mailbox.is_empty() && !domain.is_empty())
    };
    keep("cardholder email", "must be up to 320 characters without spaces, with one `@` inside", fits, email)
}

/// Only the form: which codes exist is for the service to know.
pub(super) fn country(country: Option<String>) -> Result<Option<Personal>, InvalidInput> {
    let fits =
        |code: &str| matches!(code.len(), 2 | 3) && code.bytes().all(|byte| byte.is_ascii_alphabetic());
    keep("address country", "must be two or three letters (ISO 3166-1)", fits, country)
}

/// A PAN or CVC, or behind an inbound proxy the alias that stands for it.
pub(super) fn secret(field: &'static str, value: &str) -> Result<Secret, InvalidInput> {
    if !(1..=LONGEST_SECRET).contains(&value.chars().count()) || value.chars().any(is_blank) {
        return Err(InvalidInput::new(
            field,
            "must be 1 to 64 characters without spaces and control characters",
        ));
    }
    Ok(Secret::new(value))
}

fn keep(
    field: &'static str,
    rule: &'static str,
    fits: impl Fn(&str) -> bool,
    text: Option<String>,
) -> Result<Option<Personal>, InvalidInput> {
    match text {
        Some(text) if !fits(&text) => Err(InvalidInput::new(field, rule)),
        text => Ok(text.map(Personal::new)),
    }
}

fn is_blank(character: char) -> bool {
    character.is_whitespace() || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_to_its_length_and_has_no_control_characters() {
        let name = |value: &str| text("cardholder name", &NAME, Some(value.to_owned()));
        assert!(name(&"é".repeat(255)).is_ok(), "characters are counted, not bytes");
        for bad in [String::new(), "x".repeat(256)] {
            let error = name(&bad).unwrap_err().to_string();
            assert_eq!(error, "invalid cardholder name: must be 1 to 255 characters");
        }
        for bad in ["Jane\0Doe", "Jane\r\nDoe", "Jane\u{85}"] {
            assert!(name(bad).unwrap_err().to_string().contains("control character"), "{bad:?}");
        }
        assert_eq!(text("address city", &TEXT, None), Ok(None));
    }

    #[test]
    fn an_email_address_has_two_sides() {
        for good in ["a@b", "jane.doe+cards@doe.example", "ж@почта.example"] {
            assert!(email(Some(good.to_owned())).is_ok(), "{good}");
        }
        let long = format!("a@{}", "b".repeat(319));
        for bad in ["", "jane", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\r\nc", "a@b\0", &long] {
            assert!(email(Some(bad.to_owned())).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_country_is_two_or_three_letters() {
        for good in ["US", "USA", "de"] {
            assert!(country(Some(good.to_owned())).is_ok(), "{good}");
        }
        for bad in ["", "U", "USAA", "U1", "84", "é", "U\n"] {
            assert!(country(Some(bad.to_owned())).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_secret_is_one_word() {
        for good in ["4111111111111111", "tok_sandbox_9GfZrBnYFNWLFYYqjaMfWC", "123"] {
            assert!(secret("pan", good).is_ok(), "{good}");
        }
        for bad in ["", "not a pan", "4111\n", "4111\0", "\u{a0}", &"1".repeat(65)] {
            let error = secret("pan", bad).unwrap_err();
            assert_eq!(error.field(), "pan", "{bad:?}");
        }
    }
}
