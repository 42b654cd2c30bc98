use std::fmt;

use cmp_generated::{scalar::Personal, types};
use serde::{Deserialize, Deserializer};

use super::checks;
use crate::{
    error::InvalidInput,
    value::read::{self, Part},
};

/// Who holds a card. Personal data: `Debug` shows only which parts are there.
///
/// A request with a part that breaks its limits, or holds a control character, is refused before it is sent.
///
/// For Amex network tokens to succeed often, give phone number and e-mail address (source: schema `Cardholder`).
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Cardholder {
    name: Option<String>,
    company: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    address: Option<Address>,
}

/// A cardholder's address. Personal data: `Debug` shows only which parts are there. Limits are kept as in [`Cardholder`].
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Address {
    lines: [Option<String>; 4],
    city: Option<String>,
    region: Option<String>,
    postal_code: Option<String>,
    country: Option<String>,
}

impl Cardholder {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The name, 1 to 255 characters.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The company, up to 255 characters.
    pub fn with_company(mut self, company: impl Into<String>) -> Self {
        self.company = Some(company.into());
        self
    }

    /// The phone number, up to 16 characters.
    pub fn with_phone(mut self, phone: impl Into<String>) -> Self {
        self.phone = Some(phone.into());
        self
    }

    /// The e-mail address: one `@` with something on both sides, no spaces, up to 320 characters.
    pub fn with_email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into());
        self
    }

    /// The address.
    pub fn with_address(mut self, address: Address) -> Self {
        self.address = Some(address);
        self
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The company.
    #[must_use]
    pub fn company(&self) -> Option<&str> {
        self.company.as_deref()
    }

    /// The phone number.
    #[must_use]
    pub fn phone(&self) -> Option<&str> {
        self.phone.as_deref()
    }

    /// The e-mail address.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> Option<&Address> {
        self.address.as_ref()
    }
}

impl Address {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The first line, up to 255 characters.
    pub fn with_line1(mut self, line: impl Into<String>) -> Self {
        self.lines[0] = Some(line.into());
        self
    }

    /// The second line, up to 255 characters.
    pub fn with_line2(mut self, line: impl Into<String>) -> Self {
        self.lines[1] = Some(line.into());
        self
    }

    /// The third line, up to 255 characters.
    pub fn with_line3(mut self, line: impl Into<String>) -> Self {
        self.lines[2] = Some(line.into());
        self
    }

    /// The fourth line, up to 255 characters.
    pub fn with_line4(mut self, line: impl Into<String>) -> Self {
        self.lines[3] = Some(line.into());
        self
    }

    /// The city, up to 255 characters.
    pub fn with_city(mut self, city: impl Into<String>) -> Self {
        self.city = Some(city.into());
        self
    }

    /// The region or state, up to 255 characters.
    pub fn with_region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// The postal code, up to 10 characters.
    pub fn with_postal_code(mut self, postal_code: impl Into<String>) -> Self {
        self.postal_code = Some(postal_code.into());
        self
    }

    /// The country, ISO 3166-1 alpha-2 or alpha-3: two or three letters.
    pub fn with_country(mut self, country: impl Into<String>) -> Self {
        self.country = Some(country.into());
        self
    }

    /// The four lines, in order.
    #[must_use]
    pub fn lines(&self) -> [Option<&str>; 4] {
        self.lines.each_ref().map(Option::as_deref)
    }

    /// The city.
    #[must_use]
    pub fn city(&self) -> Option<&str> {
        self.city.as_deref()
    }

    /// The region or state.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// The postal code.
    #[must_use]
    pub fn postal_code(&self) -> Option<&str> {
        self.postal_code.as_deref()
    }

    /// The country, ISO 3166-1 alpha-2 or alpha-3.
    #[must_use]
    pub fn country(&self) -> Option<&str> {
        self.country.as_deref()
    }
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
