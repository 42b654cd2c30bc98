//! The cardholder of a card to store. What the service would refuse is refused before anything is sent; the messages name
//! the rule and never the value.

use std::{fmt, ops::RangeInclusive};

use cmp_generated::{scalar::Personal, types};
use serde::{Deserialize, Deserializer};

use crate::{
    error::InvalidInput,
    value::read::{self, Part},
};

/// A cardholder. `Debug` shows only which parts are there, because they are personal data.
///
/// A request with a part that breaks its limits, or contains a control character, is refused before it is sent.
///
/// American Express network tokens succeed more often with a phone number and an e-mail address (source: schema
/// `Cardholder`).
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct Cardholder {
    /// The name, 1 to 255 characters.
    pub name: Option<String>,
    /// The company, up to 255 characters.
    pub company: Option<String>,
    /// The phone number, up to 16 characters.
    pub phone: Option<String>,
    /// The e-mail address: one `@` with text on both sides, no spaces, up to 320 characters.
    pub email: Option<String>,
    /// The address.
    pub address: Option<Address>,
}

/// A cardholder's address. `Debug` shows only which parts are there, because they are personal data.
///
/// Limits are checked as in [`Cardholder`].
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct Address {
    /// The four lines, in order, each up to 255 characters.
    pub lines: [Option<String>; 4],
    /// The city, up to 255 characters.
    pub city: Option<String>,
    /// The region or state, up to 255 characters.
    pub region: Option<String>,
    /// The postal code, up to 10 characters.
    pub postal_code: Option<String>,
    /// The country, ISO 3166-1 alpha-2 or alpha-3: two or three letters.
    pub country: Option<String>,
}

macro_rules! setters {
    ($($name:ident),*) => {$(
        #[doc = concat!("Sets [`", stringify!($name), "`](Self::", stringify!($name), ").")]
        pub fn $name(mut self, $name: impl Into<String>) -> Self {
            self.$name = Some($name.into());
            self
        }
    )*};
}

impl Cardholder {
    /// Starts without any part.
    pub fn new() -> Self {
        Self::default()
    }

    setters!(name, company, phone, email);

    /// Sets the address.
    pub fn address(mut self, address: Address) -> Self {
        self.address = Some(address);
        self
    }
}

impl Address {
    /// Starts without any part.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the first line.
    pub fn line1(self, line: impl Into<String>) -> Self {
        self.line(0, line.into())
    }

    /// Sets the second line.
    pub fn line2(self, line: impl Into<String>) -> Self {
        self.line(1, line.into())
    }

    /// Sets the third line.
    pub fn line3(self, line: impl Into<String>) -> Self {
        self.line(2, line.into())
    }

    /// Sets the fourth line.
    pub fn line4(self, line: impl Into<String>) -> Self {
        self.line(3, line.into())
    }

    fn line(mut self, index: usize, line: String) -> Self {
        self.lines[index] = Some(line);
        self
    }

    setters!(city, region, postal_code, country);
}

/// From an object with the parts that are there: `name`, `company`, `phone`, `email` and `address`. A refusal does not
/// repeat what was read.
impl<'de> Deserialize<'de> for Cardholder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Parts {
            name: Option<Part>,
            company: Option<Part>,
            phone: Option<Part>,
            email: Option<Part>,
            address: Option<Address>,
        }

        let parts: Parts = read::members(deserializer, "cardholder")?;
        Ok(Self {
            name: text(parts.name),
            company: text(parts.company),
            phone: text(parts.phone),
            email: text(parts.email),
            address: parts.address,
        })
    }
}

/// From an object with the parts that are there: `line1` to `line4`, `city`, `region`, `postal_code` and `country`. A
/// refusal does not repeat what was read.
impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Parts {
            line1: Option<Part>,
            line2: Option<Part>,
            line3: Option<Part>,
            line4: Option<Part>,
            city: Option<Part>,
            region: Option<Part>,
            postal_code: Option<Part>,
            country: Option<Part>,
        }

        let parts: Parts = read::members(deserializer, "address")?;
        Ok(Self {
            lines: [parts.line1, parts.line2, parts.line3, parts.line4].map(text),
            city: text(parts.city),
            region: text(parts.region),
            postal_code: text(parts.postal_code),
            country: text(parts.country),
        })
    }
}

fn text(part: Option<Part>) -> Option<String> {
    part.map(|Part(text)| text)
}

impl fmt::Debug for Cardholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("name", self.name.is_some()),
            ("company", self.company.is_some()),
            ("phone", self.phone.is_some()),
            ("email", self.email.is_some()),
            ("address", self.address.is_some()),
        ];
        list_present(f, "Cardholder", &parts)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("lines", self.lines.iter().any(Option::is_some)),
            ("city", self.city.is_some()),
            ("region", self.region.is_some()),
            ("postal_code", self.postal_code.is_some()),
            ("country", self.country.is_some()),
        ];
        list_present(f, "Address", &parts)
    }
}

fn list_present(f: &mut fmt::Formatter<'_>, name: &str, parts: &[(&str, bool)]) -> fmt::Result {
    let present = parts.iter().filter(|(_, present)| *present).map(|(part, _)| part);
    write!(f, "{name} with ")?;
    f.debug_list().entries(present).finish()
}

impl Cardholder {
    pub(super) fn into_wire(self) -> Result<types::NewCardholder, InvalidInput> {
        Ok(types::NewCardholder {
            name: within("cardholder name", &NAME, self.name)?,
            company: within("cardholder company", &TEXT, self.company)?,
            phone: within("cardholder phone", &PHONE, self.phone)?,
            email: email(self.email)?,
            address: self.address.map(Address::into_wire).transpose()?,
        })
    }
}

impl Address {
    fn into_wire(self) -> Result<types::NewAddress, InvalidInput> {
        let [address1, address2, address3, address4] = self.lines;
        let line = |line| within("address line", &TEXT, line);
        Ok(types::NewAddress {
            address1: line(address1)?,
            address2: line(address2)?,
            address3: line(address3)?,
            address4: line(address4)?,
            city: within("address city", &TEXT, self.city)?,
            region: within("address region", &TEXT, self.region)?,
            postal_code: within("address postal code", &POSTAL_CODE, self.postal_code)?,
            country: country(self.country)?,
        })
    }
}

impl Cardholder {
    pub(super) fn from_wire(wire: types::Cardholder) -> Self {
        Self {
            name: wire.name.map(Personal::into_inner),
            company: wire.company.map(Personal::into_inner),
            phone: wire.phone.map(Personal::into_inner),
            email: wire.email.map(Personal::into_inner),
            address: wire.address.map(Address::from_wire),
        }
    }
}

impl Address {
    fn from_wire(wire: types::Address) -> Self {
        let lines = [wire.address1, wire.address2, wire.address3, wire.address4];
        Self {
            lines: lines.map(|line| line.map(Personal::into_inner)),
            city: wire.city.map(Personal::into_inner),
            region: wire.region.map(Personal::into_inner),
            postal_code: wire.postal_code.map(Personal::into_inner),
            country: wire.country.map(Personal::into_inner),
        }
    }
}

/// How many characters a text may have, with the words that say so.
#[derive(Debug, Clone)]
struct Limit {
    lengths: RangeInclusive<usize>,
    rule: &'static str,
}

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident = $least:literal to $most:literal;)*) => {$(
        $(#[$doc])*
        const $name: Limit =
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

fn within(
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

fn email(email: Option<String>) -> Result<Option<Personal>, InvalidInput> {
    let fits = |email: &str| {
        let sides = email.split('@').collect::<Vec<_>>();
        email.chars().count() <= LONGEST_EMAIL
            && !email.chars().any(is_blank)
            && matches!(sides[..], [mailbox, domain] if !mailbox.is_empty() && !domain.is_empty())
    };
    keep("cardholder email", "must be up to 320 characters without spaces, with one `@` inside", fits, email)
}

/// Only the form: which codes exist is for the service to know.
fn country(country: Option<String>) -> Result<Option<Personal>, InvalidInput> {
    let fits =
        |code: &str| matches!(code.len(), 2 | 3) && code.bytes().all(|byte| byte.is_ascii_alphabetic());
    keep("address country", "must be two or three letters (ISO 3166-1)", fits, country)
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

pub(super) fn is_blank(character: char) -> bool {
    character.is_whitespace() || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_to_its_length_and_has_no_control_characters() {
        let name = |value: &str| within("cardholder name", &NAME, Some(value.to_owned()));
        assert!(name(&"é".repeat(255)).is_ok(), "characters are counted, not bytes");
        for bad in [String::new(), "x".repeat(256)] {
            let error = name(&bad).unwrap_err().to_string();
            assert_eq!(error, "invalid cardholder name: must be 1 to 255 characters");
        }
        for bad in ["Jane\0Doe", "Jane\r\nDoe", "Jane\u{85}"] {
            assert!(name(bad).unwrap_err().to_string().contains("control character"), "{bad:?}");
        }
        assert_eq!(within("address city", &TEXT, None), Ok(None));
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
}
