//! A lenient reader of JSON objects.
//!
//! A webhook can't be requested again in another form, so only broken JSON makes it unreadable. A member of another type
//! counts as absent. An unknown member is skipped, whatever its depth and its numbers.

use std::{borrow::Cow, collections::BTreeMap, fmt, ops::Deref, str::FromStr};

use chrono::{DateTime, Utc};
use cmp_generated::{
    lenient::Name,
    scalar::{Last4, Timestamp},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::{
    scrub::scrub,
    value::{Expiry, Text},
};

/// The members of an object, in the order of its text. Objects within are read on access.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Members<'j>(Vec<(Cow<'j, str>, Node<'j>)>);

#[derive(Clone, PartialEq, Eq)]
enum Node<'j> {
    String(Value<'j>),
    /// The digits as they came, which may be too many for an `f64`.
    Number(Value<'j>),
    Boolean(bool),
    /// The object's JSON.
    Object(Value<'j>),
    Nothing,
}

/// A part of the document's text, or a copy of it that is overwritten when it is dropped.
#[derive(Clone, Eq)]
enum Value<'j> {
    Borrowed(&'j str),
    Owned(Zeroizing<String>),
}

impl<'j> Members<'j> {
    /// Reads an object. Its values are skipped without recursion, so their depth needs no limit.
    pub(super) fn parse(json: &'j str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }

    /// Copies the members out of the document, each name once and in order.
    pub(super) fn into_owned(self) -> Members<'static> {
        let members =
            self.0.into_iter().map(|(name, node)| (Cow::Owned(name.into_owned()), node.into_owned()));
        Members(members.collect::<BTreeMap<_, _>>().into_iter().collect())
    }

    /// The last member of this name.
    fn get(&self, name: &str) -> Option<&Node<'j>> {
        self.0.iter().rfind(|(other, _)| other == name).map(|(_, node)| node)
    }

    /// A string that is not empty, without white space at its ends.
    pub(super) fn str(&self, name: &str) -> Option<&str> {
        match self.get(name) {
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
        match self.get(name) {
            Some(Node::Number(number)) => Some(&**number).filter(|number| only_digits(number)),
            _ => self.str(name),
        }
    }

    /// [`digits`](Self::digits) for a secret type.
    pub(super) fn secret<'m, S>(&'m self, name: &str, secret: impl Fn(&'m str) -> S) -> Option<S> {
        self.digits(name).map(secret)
    }

    /// A boolean, or a string with one.
    pub(super) fn boolean(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Some(Node::Boolean(boolean)) => Some(*boolean),
            _ => self.str(name)?.to_ascii_lowercase().parse().ok(),
        }
    }

    /// A string, number or boolean as text.
    pub(super) fn scalar(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Node::Number(number) => Some(number),
            Node::Boolean(boolean) => Some(if *boolean { "true" } else { "false" }),
            _ => self.str(name),
        }
    }

    pub(super) fn members(&self, name: &str) -> Option<Members<'_>> {
        match self.get(name) {
            Some(Node::Object(json)) => Members::parse(json).ok(),
            _ => None,
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// Digits that are too few for a PAN.
    pub(super) fn leading_digits(&self, name: &str) -> Option<Text> {
        const MOST: usize = 10;
        Text::new(self.digits(name).filter(|digits| digits.len() <= MOST && only_digits(digits))?)
    }

    /// Four digits; a number gets its leading zeros back.
    pub(super) fn last4(&self, name: &str) -> Option<Text> {
        let last4 = match self.get(name)? {
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

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::with_capacity(32);
                while let Some((Name(name), value)) = map.next_entry::<_, &RawValue>()? {
                    members.push((name, Node::read(value.get())));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

impl<'j> Node<'j> {
    fn read(json: &'j str) -> Self {
        match json.as_bytes() {
            [b'"', .., b'"'] if !json.contains('\\') => {
                Self::String(Value::Borrowed(&json[1..json.len() - 1]))
            }
            [b'"', ..] => serde_json::from_str(json)
                .map_or(Self::Nothing, |text| Self::String(Value::Owned(Zeroizing::new(text)))),
            [b'-' | b'0'..=b'9', ..] => Self::Number(Value::Borrowed(json)),
            [b'{', ..] => Self::Object(Value::Borrowed(json)),
            b"true" => Self::Boolean(true),
            b"false" => Self::Boolean(false),
            _ => Self::Nothing,
        }
    }

    fn into_owned(self) -> Node<'static> {
        match self {
            Self::String(text) => Node::String(text.into_owned()),
            Self::Number(number) => Node::Number(number.into_owned()),
            Self::Boolean(boolean) => Node::Boolean(boolean),
            Self::Object(json) => Node::Object(json.into_owned()),
            Self::Nothing => Node::Nothing,
        }
    }
}

impl Value<'_> {
    fn into_owned(self) -> Value<'static> {
        Value::Owned(match self {
            Self::Borrowed(text) => Zeroizing::new(text.to_owned()),
            Self::Owned(text) => text,
        })
    }
}

impl Deref for Value<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text,
        }
    }
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

fn only_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Shows names only: any value can be a PAN.
impl fmt::Debug for Members<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names().map(scrub)).finish()
    }
}
