//! A lenient reader of JSON objects.
//!
//! A webhook can't be requested again in another form, so only broken JSON makes it unreadable. A member of another type
//! counts as absent. An unknown member is skipped, whatever its depth and its numbers.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use cmp_generated::{
    lenient::{NUMBER, Name},
    scalar::{Last4, Timestamp},
};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::value::{Expiry, Text};

/// Reads the object in `json` into its place, or `None` if the document has another type.
pub(super) fn read<'j, T: Members<'j>>(place: &mut Option<T>, json: &'j str) -> serde_json::Result<()> {
    let mut document = serde_json::Deserializer::from_str(json);
    Object(place).deserialize(&mut document)?;
    document.end()
}

/// A kind of object. Of two members with one name, the last one counts.
pub(super) trait Members<'j>: Default {
    /// Reads the value of the next member, or skips it.
    fn member<A: MapAccess<'j>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error>;
}

/// Defines the members of a kind of object. All others are skipped.
macro_rules! members {
    ($(#[$doc:meta])* $object:ident { $($member:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Default)]
        struct $object<'j> {
            $($member: $kind,)*
        }

        impl<'j> $crate::webhooks::members::Members<'j> for $object<'j> {
            fn member<A: ::serde::de::MapAccess<'j>>(
                &mut self,
                name: &str,
                map: &mut A,
            ) -> ::std::result::Result<(), A::Error> {
                match name {
                    $(stringify!($member) => $crate::webhooks::members::Member::read(&mut self.$member, map),)*
                    _ => map.next_value::<::serde::de::IgnoredAny>().map(drop),
                }
            }
        }
    };
}

pub(super) use members;

/// The value of a member. It is read into its place, because moving an object costs more than reading it.
pub(super) trait Member<'j>: Default {
    fn read<A: MapAccess<'j>>(&mut self, map: &mut A) -> Result<(), A::Error>;
}

impl<'j> Member<'j> for Scalar<'j> {
    fn read<A: MapAccess<'j>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        *self = Self::of(map.next_value::<&RawValue>()?.get());
        Ok(())
    }
}

/// An object, or `None` for a value of another type.
impl<'j, T: Members<'j>> Member<'j> for Option<T> {
    fn read<A: MapAccess<'j>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        map.next_value_seed(Object(self))
    }
}

struct Object<'p, T>(&'p mut Option<T>);

impl<'j, T: Members<'j>> DeserializeSeed<'j> for Object<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<(), D::Error> {
        *self.0 = None;
        deserializer.deserialize_any(self)
    }
}

macro_rules! skipped {
    ($($visit:ident($type:ty),)*) => {
        $(fn $visit<E: Error>(self, _: $type) -> Result<(), E> {
            Ok(())
        })*
    };
}

impl<'j, T: Members<'j>> Visitor<'j> for Object<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    skipped! { visit_bool(bool), visit_u64(u64), visit_i64(i64), visit_f64(f64), visit_str(&str), }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'j>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<(), A::Error> {
        let members = self.0.insert(T::default());
        let mut is_number = false;
        while let Some(Name(name)) = map.next_key()? {
            is_number |= name == NUMBER;
            members.member(&name, &mut map)?;
        }
        if is_number {
            *self.0 = None;
        }
        Ok(())
    }
}

/// A value that is no object and no list. A copy of it is overwritten when it is dropped.
#[derive(Default)]
pub(super) enum Scalar<'j> {
    /// There is no such value.
    #[default]
    Absent,
    Boolean(bool),
    /// The digits as they came, which may be too many for an `f64`.
    Number(&'j str),
    String(&'j str),
    /// A string that has escapes in the document.
    Unescaped(Zeroizing<String>),
}

impl<'j> Scalar<'j> {
    /// Reads the value whose JSON this is.
    pub(super) fn of(json: &'j str) -> Self {
        match json.as_bytes() {
            // Without an early end, this needs one instruction for many octets.
            [b'"', text @ .., b'"'] if !text.iter().fold(false, |found, byte| found | (*byte == b'\\')) => {
                Self::String(&json[1..json.len() - 1])
            }
            [b'"', ..] => {
                serde_json::from_str(json).map_or(Self::Absent, |text| Self::Unescaped(Zeroizing::new(text)))
            }
            [b'-' | b'0'..=b'9', ..] => Self::Number(json),
            b"true" => Self::Boolean(true),
            b"false" => Self::Boolean(false),
            _ => Self::Absent,
        }
    }

    /// A string that is not empty, without white space at its ends.
    pub(super) fn str(&self) -> Option<&str> {
        let text = match self {
            Self::String(text) => text,
            Self::Unescaped(text) => text.as_str(),
            _ => return None,
        };
        match text.as_bytes() {
            [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => Some(text),
            _ => Some(text.trim()).filter(|text| !text.is_empty()),
        }
    }

    pub(super) fn text(&self) -> Option<Text> {
        self.str().and_then(Text::new)
    }

    pub(super) fn parsed<T: FromStr>(&self) -> Option<T> {
        self.str()?.parse().ok()
    }

    /// A string, or a number of digits only.
    pub(super) fn digits(&self) -> Option<&str> {
        match self {
            Self::Number(number) => Some(*number).filter(|number| only_digits(number)),
            _ => self.str(),
        }
    }

    /// [`digits`](Self::digits) for a secret type.
    pub(super) fn secret<'s, S>(&'s self, secret: impl Fn(&'s str) -> S) -> Option<S> {
        self.digits().map(secret)
    }

    /// A boolean, or a string with one.
    pub(super) fn boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(boolean) => Some(*boolean),
            _ => self.str()?.to_ascii_lowercase().parse().ok(),
        }
    }

    /// A string, number or boolean as text.
    pub(super) fn any(&self) -> Option<&str> {
        match self {
            Self::Number(number) => Some(number),
            Self::Boolean(boolean) => Some(if *boolean { "true" } else { "false" }),
            _ => self.str(),
        }
    }

    /// Digits that are too few for a PAN.
    pub(super) fn leading_digits(&self) -> Option<Text> {
        const MOST: usize = 10;
        Text::new(self.digits().filter(|digits| digits.len() <= MOST && only_digits(digits))?)
    }

    /// Four digits; a number gets its leading zeros back.
    pub(super) fn last4(&self) -> Option<Text> {
        let last4 = match self {
            Self::Number(number) => number.parse().ok().and_then(Last4::of_number),
            _ => self.str().and_then(Last4::new),
        };
        last4.map(Last4::into_inner).map(Text::from)
    }

    /// A date-time in each form that responses use.
    pub(super) fn time(&self) -> Option<DateTime<Utc>> {
        Timestamp::parse(self.str()?).map(Timestamp::get)
    }

    /// `MMYY`, as documented, `MMYYYY`, or either with a slash; a number gets its leading zero back.
    pub(super) fn expiry(&self) -> Option<Expiry> {
        let text = self.digits()?;
        if text.contains('/') {
            return text.parse().ok();
        }
        let (month, year) = text.split_at_checked(if text.len() % 2 == 0 { 2 } else { 1 })?;
        Expiry::from_texts(month, year).ok()
    }
}

/// Month and year in two members. The year has two digits or four, or as a number one.
pub(super) fn month_and_year(month: &Scalar<'_>, year: &Scalar<'_>) -> Option<Expiry> {
    let (month, year) = (month.digits()?, year.digits()?);
    let expiry = match year.len() {
        1 => Expiry::from_texts(month, &format!("0{year}")),
        _ => Expiry::from_texts(month, year),
    };
    expiry.ok()
}

fn only_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
