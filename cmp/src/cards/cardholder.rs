use std::fmt;

use cmp_generated::{scalar::Personal, types};
use serde::{Deserialize, Deserializer};

use super::checks;
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
            name: checks::text("cardholder name", &checks::NAME, self.name)?,
            company: checks::text("cardholder company", &checks::TEXT, self.company)?,
            phone: checks::text("cardholder phone", &checks::PHONE, self.phone)?,
            email: checks::email(self.email)?,
            address: self.address.map(Address::into_wire).transpose()?,
        })
    }
}

impl Address {
    fn into_wire(self) -> Result<types::NewAddress, InvalidInput> {
        let [address1, address2, address3, address4] = self.lines;
        let line = |line| checks::text("address line", &checks::TEXT, line);
        Ok(types::NewAddress {
            address1: line(address1)?,
            address2: line(address2)?,
            address3: line(address3)?,
            address4: line(address4)?,
            city: checks::text("address city", &checks::TEXT, self.city)?,
            region: checks::text("address region", &checks::TEXT, self.region)?,
            postal_code: checks::text("address postal code", &checks::POSTAL_CODE, self.postal_code)?,
            country: checks::country(self.country)?,
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
