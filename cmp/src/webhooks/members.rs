//! A lenient reader of JSON objects.
//!
//! A webhook can't be requested again in another form, so only broken JSON makes it unreadable. A member of another type
//! counts as absent. An unknown member is skipped, whatever its depth and its numbers.

use std::{collections::BTreeMap, fmt, str::FromStr};

use chrono::{DateTime, Utc};
use cmp_generated::scalar::{Last4, Timestamp};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::{
    scrub::scrub,
    value::{Expiry, Text},
};

/// The members of an object. Objects within are read on access.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Members(BTreeMap<String, Node>);

#[derive(Clone, PartialEq, Eq)]
enum Node {
    String(Zeroizing<String>),
    /// The digits as they came, which may be too many for an `f64`.
    Number(Zeroizing<String>),
    Boolean(bool),
    /// The object's JSON.
    Object(Zeroizing<String>),
    Nothing,
}

impl Members {
    /// Reads an object. Its values are skipped without recursion, so their depth needs no limit.
    pub(super) fn parse(json: &str) -> serde_json::Result<Self> {
        let values: BTreeMap<String, &RawValue> = serde_json::from_str(json)?;
        Ok(Self(values.into_iter().map(|(name, value)| (name, Node::read(value.get()))).collect()))
    }

    /// A string that is not empty, without white space at its ends.
    pub(super) fn str(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Node::String(text)) => Some(text.trim()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<Text> {
        self.str(name).and_then(Text::new)
    }

    pub(super) fn parsed<T: FromStr>(&self, name: &str) -> Option<T> {
        self.str(name)?.parse().ok()
    }

    /// A string, or a number of digits only.
    pub(super) fn digits(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Node::Number(number)) => Some(number.as_str()).filter(|number| only_digits(number)),
            _ => self.str(name),
        }
    }

    /// [`digits`](Self::digits) for a secret type.
    pub(super) fn secret<'m, S>(&'m self, name: &str, secret: impl Fn(&'m str) -> S) -> Option<S> {
        self.digits(name).map(secret)
    }

    /// A boolean, or a string with one.
    pub(super) fn boolean(&self, name: &str) -> Option<bool> {
        match self.0.get(name) {
            Some(Node::Boolean(boolean)) => Some(*boolean),
            _ => self.str(name)?.to_ascii_lowercase().parse().ok(),
        }
    }

    /// A string, number or boolean as text.
    pub(super) fn scalar(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Node::Number(number) => Some(number),
            Node::Boolean(boolean) => Some(if *boolean { "true" } else { "false" }),
            _ => self.str(name),
        }
    }

    pub(super) fn members(&self, name: &str) -> Option<Self> {
        match self.0.get(name) {
            Some(Node::Object(json)) => Self::parse(json).ok(),
            _ => None,
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Digits that are too few for a PAN.
    pub(super) fn leading_digits(&self, name: &str) -> Option<Text> {
        const MOST: usize = 10;
        Text::new(self.digits(name).filter(|digits| digits.len() <= MOST && only_digits(digits))?)
    }

    /// Four digits; a number gets its leading zeros back.
    pub(super) fn last4(&self, name: &str) -> Option<Text> {
        let last4 = match self.0.get(name)? {
            Node::Number(number) => number.parse().ok().and_then(Last4::of_number),
            _ => self.str(name).and_then(Last4::new),
        };
        last4.map(Last4::into_inner).map(Text::from)
    }

    /// A date-time in each form that responses use.
    pub(super) fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        Timestamp::parse(self.str(name)?).map(Timestamp::get)
    }

    /// Month and year in two members. The year has two digits or four.
    pub(super) fn month_and_year(&self, month: &str, year: &str) -> Option<Expiry> {
        let (month, year) = (self.digits(month)?, self.digits(year)?);
        let padded = if year.len() == 1 { "0" } else { "" };
        format!("{month}/{padded}{year}").parse().ok()
    }

    /// `MMYY`, as documented, `MMYYYY`, or either with a slash; a number gets its leading zero back.
    pub(super) fn expiry(&self, name: &str) -> Option<Expiry> {
        let text = self.digits(name)?;
        if text.contains('/') {
            return text.parse().ok();
        }
        let digits = if text.len() % 2 == 0 { text.to_owned() } else { format!("0{text}") };
        let (month, year) = digits.split_at_checked(2)?;
        format!("{month}/{year}").parse().ok()
    }
}

impl Node {
    /// Reads one JSON value, by its first byte.
    fn read(json: &str) -> Self {
        let owned = || Zeroizing::new(json.to_owned());
        match json.as_bytes() {
            [b'"', ..] => {
                serde_json::from_str(json).map_or(Self::Nothing, |text| Self::String(Zeroizing::new(text)))
            }
            [b'-' | b'0'..=b'9', ..] => Self::Number(owned()),
            [b'{', ..] => Self::Object(owned()),
            b"true" => Self::Boolean(true),
            b"false" => Self::Boolean(false),
            _ => Self::Nothing,
        }
    }
}

fn only_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Shows names only: any value can be a PAN.
impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys().map(|name| scrub(name))).finish()
    }
}
