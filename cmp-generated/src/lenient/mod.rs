//! Reads answers member by member.
//!
//! A member that can't be read is absent, and does not affect the other members. A list leaves out the entries that
//! can't be read. So decoding fails only if the document is not JSON, is not an object, or has `errors` instead of
//! `data`. The caller checks for members that it requires.
//!
//! Reading is one pass over the text. The text is [repaired](decode) and read again only if this pass fails.

mod decode;
mod json;
mod notes;
mod object;
mod repair;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasher;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

#[doc(hidden)]
pub use crate::{
    read_choice as choice, read_derived as derived, read_masked as masked, read_object as object,
};
#[doc(hidden)]
pub use decode::from_response;
pub use decode::{Unreadable, decode, decode_repaired, noting, repaired};
pub(crate) use json::Json;
pub use notes::Notes;
#[doc(hidden)]
pub use object::{derived, read_document};

/// The maximum length of a string in bytes; a longer one is not read. The API's longest strings are addresses of
/// pictures, which are far shorter.
pub const LONGEST_TEXT: usize = 8 * 1024;
/// The maximum number of entries in a list or object; further entries are not read.
///
/// A card has a few network tokens, and at most one update a month. A thousand entries cover more than 80 years of
/// updates. Without a limit, 4 MB of tiny entries would take hundreds of MB of memory.
pub const MOST_ENTRIES: usize = 1_000;

/// The member that holds a number's text, if `serde_json` has its feature `arbitrary_precision`. Then a number is an
/// object with this one member. Any crate of a build can turn the feature on.
#[doc(hidden)]
pub const NUMBER: &str = "$serde_json::private::Number";

/// A value of an answer. Each function reads one kind of JSON.
///
/// A function returns `None` if the value can't be read. A function that reads a value into a place returns `false`
/// instead, and leaves the place unchanged. Large values are read into their place, because moving them costs more than
/// reading them. Only invalid JSON is an error.
pub trait Lenient: Sized {
    /// `true` if a value is never an object or a list. All such types share one copy of the code that reads JSON: a call
    /// runs through most code once, so its size costs more time than its instructions.
    const IS_SCALAR: bool = false;

    /// Reads a string.
    fn text(_text: &str) -> Option<Self> {
        None
    }

    /// Reads a non-negative integer.
    fn integer(_number: u64) -> Option<Self> {
        None
    }

    /// Reads a number that is written with a fraction or an exponent, is negative, or has more than 19 digits.
    fn float(number: f64) -> Option<Self> {
        exact_integer(number).and_then(|number| Self::integer(number.try_into().ok()?))
    }

    /// Reads `true` or `false`.
    fn truth(_truth: bool) -> Option<Self> {
        None
    }

    /// Reads `null`. By default, `null` is the same as absent.
    fn null() -> Option<Self> {
        None
    }

    /// Reads an object to its end.
    ///
    /// # Errors
    /// Invalid JSON.
    fn object<'de, A: MapAccess<'de>>(
        place: &mut Option<Self>,
        map: &mut A,
        _notes: &mut Notes,
    ) -> Result<bool, A::Error> {
        Ok(number_in(map)?.is_some_and(|number| place.number(&number)))
    }

    /// Reads a list to its end.
    ///
    /// # Errors
    /// Invalid JSON.
    fn list<'de, A: SeqAccess<'de>>(
        _place: &mut Option<Self>,
        seq: &mut A,
        _notes: &mut Notes,
    ) -> Result<bool, A::Error> {
        skip_list(seq).map(|()| false)
    }

    /// Returns a value that stands for unreadable entries of a list. Without it, the list would look complete.
    fn placeholder() -> Option<Self> {
        None
    }

    /// Reads a value of any kind.
    ///
    /// # Errors
    /// Invalid JSON.
    fn read<'de, D: Deserializer<'de>>(
        place: &mut Option<Self>,
        deserializer: D,
        notes: &mut Notes,
    ) -> Result<bool, D::Error> {
        if Self::IS_SCALAR {
            let place: &mut dyn Place = place;
            return deserializer.deserialize_any(Any { place, notes });
        }
        deserializer.deserialize_any(Any { place, notes })
    }
}

/// A place for a value of a type that the reader need not know. A function returns `false` if the value can't be read.
pub(crate) trait Place {
    fn text(&mut self, text: &str) -> bool;
    fn integer(&mut self, number: u64) -> bool;
    fn float(&mut self, number: f64) -> bool;
    fn truth(&mut self, truth: bool) -> bool;
    fn null(&mut self) -> bool;

    fn number(&mut self, text: &str) -> bool {
        match text.parse() {
            Ok(integer) => self.integer(integer),
            Err(_) => text.parse().is_ok_and(|number| self.float(number)),
        }
    }
}

impl<T: Lenient> Place for Option<T> {
    fn text(&mut self, text: &str) -> bool {
        put(self, T::text(text))
    }

    fn integer(&mut self, number: u64) -> bool {
        put(self, T::integer(number))
    }

    fn float(&mut self, number: f64) -> bool {
        put(self, T::float(number))
    }

    fn truth(&mut self, truth: bool) -> bool {
        put(self, T::truth(truth))
    }

    fn null(&mut self) -> bool {
        put(self, T::null())
    }
}

/// An object in which every member is optional.
pub trait Members: Lenient + Default {
    /// Reads the value of the next member, which has the name `name`.
    ///
    /// # Errors
    /// Invalid JSON.
    fn member<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        map: &mut A,
        notes: &mut Notes,
    ) -> Result<(), A::Error>;

    /// Reads all members to the end of the object.
    ///
    /// # Errors
    /// Invalid JSON.
    fn members<'de, A: MapAccess<'de>>(&mut self, map: &mut A, notes: &mut Notes) -> Result<(), A::Error> {
        while let Some(Name(name)) = map.next_key()? {
            self.member(&name, map, notes)?;
        }
        Ok(())
    }
}

/// Puts a value into its place if it could be read. Returns `true` in that case.
#[doc(hidden)]
pub fn put<T>(place: &mut Option<T>, read: Option<T>) -> bool {
    let is_read = read.is_some();
    if is_read {
        *place = read;
    }
    is_read
}

/// Reads a value that must be present, for the types of requests.
pub(crate) fn required<'de, T: Lenient, D: Deserializer<'de>>(
    deserializer: D,
    expecting: &'static str,
) -> Result<T, D::Error> {
    let mut read = None;
    T::read(&mut read, deserializer, &mut Notes::default())?;
    read.ok_or_else(|| D::Error::custom(format_args!("invalid value, expected {expecting}")))
}

/// Reads a value of any kind into its place. The result is `false` if the value can't be read.
pub(crate) struct Any<'p, P: ?Sized> {
    pub(crate) place: &'p mut P,
    pub(crate) notes: &'p mut Notes,
}

impl<'de, T: Lenient> DeserializeSeed<'de> for Any<'_, Option<T>> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        T::read(self.place, deserializer, self.notes)
    }
}

impl<'de> DeserializeSeed<'de> for Any<'_, dyn Place + '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any<'_, dyn Place + '_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        Ok(self.notes.noted(text.len() <= LONGEST_TEXT && self.place.text(text)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<bool, E> {
        Ok(self.notes.noted(self.place.integer(number)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<bool, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            #[expect(
                clippy::cast_precision_loss,
                reason = "a negative number is not read as an integer anyway"
            )]
            Err(_) => self.visit_f64(number as f64),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<bool, E> {
        Ok(self.notes.noted(self.place.float(number)))
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<bool, E> {
        Ok(self.notes.noted(self.place.truth(truth)))
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(self.place.null())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let number = number_in(&mut map)?;
        Ok(self.notes.noted(number.is_some_and(|number| self.place.number(&number))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        skip_list(&mut seq).map(|()| self.notes.noted(false))
    }
}

impl<'p, T: Lenient> Any<'p, Option<T>> {
    fn scalar(self) -> Any<'p, dyn Place + 'p> {
        Any { place: self.place, notes: self.notes }
    }
}

impl<'de, T: Lenient> Visitor<'de> for Any<'_, Option<T>> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        self.scalar().visit_str(text)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<bool, E> {
        self.scalar().visit_u64(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<bool, E> {
        self.scalar().visit_i64(number)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<bool, E> {
        self.scalar().visit_f64(number)
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<bool, E> {
        self.scalar().visit_bool(truth)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        self.scalar().visit_unit()
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        T::object(self.place, &mut map, self.notes).map(|is_read| self.notes.noted(is_read))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        T::list(self.place, &mut seq, self.notes).map(|is_read| self.notes.noted(is_read))
    }
}

/// The name of a member.
#[doc(hidden)]
#[derive(Debug)]
pub struct Name<'de>(pub Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Name<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a name")
            }

            fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }

        deserializer.deserialize_str(Names)
    }
}

/// The text of a value that is read later. The text is borrowed if the document is in memory, and copied otherwise.
pub(crate) struct Raw<'de>(pub(crate) Cow<'de, str>);

impl Raw<'_> {
    pub(crate) fn read<'r, S: DeserializeSeed<'r>, E: Error>(&'r self, seed: S) -> Result<S::Value, E> {
        let read = seed.deserialize(&mut serde_json::Deserializer::from_str(&self.0));
        // An error here can only be invalid JSON. The decoder's own message could contain a value.
        read.map_err(|_| E::custom("invalid value, expected JSON"))
    }
}

impl<'de> Deserialize<'de> for Raw<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// The name that `serde_json` recognises as its `RawValue`. `RawValue` itself is either always borrowed or
        /// always copied.
        const RAW_VALUE: &str = "$serde_json::private::RawValue";
        struct Texts;

        impl<'de> Visitor<'de> for Texts {
            type Value = Raw<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw<'de>, A::Error> {
                map.next_key::<IgnoredAny>()?;
                map.next_value().map(|Name(text)| Raw(text))
            }
        }

        deserializer.deserialize_newtype_struct(RAW_VALUE, Texts)
    }
}

/// Reads an object to its end. Returns the text of the number if the object is one with [`NUMBER`], else `None`.
pub(crate) fn number_in<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<String>, A::Error> {
    let mut number = None;
    while let Some(Name(name)) = map.next_key()? {
        if name == NUMBER {
            number = number_text(map)?;
        } else {
            map.next_value::<IgnoredAny>()?;
        }
    }
    Ok(number)
}

/// Returns the value of a [`NUMBER`] member if it is a string. Anyone can send a member of this name, with any value.
fn number_text<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<String>, A::Error> {
    let mut read = None;
    map.next_value_seed(Any { place: &mut read, notes: &mut Notes::default() })?;
    Ok(read)
}

pub(crate) fn skip_list<'de, A: SeqAccess<'de>>(seq: &mut A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// If another value replaces the list, the list's entries are unknown: the result is the placeholder, if `T` has one.
impl<T: Lenient> Lenient for Vec<T> {
    fn text(_: &str) -> Option<Self> {
        T::placeholder().map(|placeholder| vec![placeholder])
    }

    fn integer(_: u64) -> Option<Self> {
        Self::text("")
    }

    fn float(_: f64) -> Option<Self> {
        Self::text("")
    }

    fn truth(_: bool) -> Option<Self> {
        Self::text("")
    }

    /// Reads an object as a list with one entry. If `T` has a placeholder, the result is the placeholder instead,
    /// because the list could have more entries.
    fn object<'de, A: MapAccess<'de>>(
        place: &mut Option<Self>,
        map: &mut A,
        notes: &mut Notes,
    ) -> Result<bool, A::Error> {
        let mut entry = T::placeholder();
        if entry.is_some() {
            number_in(map)?;
        } else {
            T::object(&mut entry, map, notes)?;
        }
        Ok(put(place, entry.map(|entry| vec![entry])))
    }

    fn list<'de, A: SeqAccess<'de>>(
        place: &mut Option<Self>,
        seq: &mut A,
        notes: &mut Notes,
    ) -> Result<bool, A::Error> {
        let read = place.insert(Self::new());
        notes.enter("[]");
        while read.len() < MOST_ENTRIES {
            let mut entry = None;
            if seq.next_element_seed(Any { place: &mut entry, notes })?.is_none() {
                notes.leave();
                return Ok(true);
            }
            read.extend(entry.or_else(T::placeholder));
            notes.next_entry();
        }
        if seq.next_element::<IgnoredAny>()?.is_some() {
            skip_list(seq)?;
            notes.unreadable();
            read.extend(T::placeholder());
        }
        notes.leave();
        Ok(true)
    }
}

impl<T: Lenient, S: BuildHasher + Default> Lenient for HashMap<String, T, S> {
    fn object<'de, A: MapAccess<'de>>(
        place: &mut Option<Self>,
        map: &mut A,
        notes: &mut Notes,
    ) -> Result<bool, A::Error> {
        let read = place.insert(Self::default());
        while let Some(Name(name)) = map.next_key()? {
            if read.len() == MOST_ENTRIES || name.len() > LONGEST_TEXT {
                map.next_value::<IgnoredAny>()?;
                notes.unreadable();
                continue;
            }
            notes.enter_named(&name);
            let mut value = None;
            map.next_value_seed(Any { place: &mut value, notes })?;
            notes.leave();
            if let Some(value) = value {
                read.insert(name.into_owned(), value);
            }
        }
        Ok(true)
    }
}

/// Reads a value that may be `null`, where `null` differs from absent.
impl<T: Lenient> Lenient for Option<T> {
    fn text(text: &str) -> Option<Self> {
        T::text(text).map(Some)
    }

    fn integer(number: u64) -> Option<Self> {
        T::integer(number).map(Some)
    }

    fn float(number: f64) -> Option<Self> {
        T::float(number).map(Some)
    }

    fn truth(truth: bool) -> Option<Self> {
        T::truth(truth).map(Some)
    }

    fn null() -> Option<Self> {
        Some(None)
    }

    fn object<'de, A: MapAccess<'de>>(
        place: &mut Option<Self>,
        map: &mut A,
        notes: &mut Notes,
    ) -> Result<bool, A::Error> {
        let mut read = None;
        T::object(&mut read, map, notes)?;
        Ok(put(place, read.map(Some)))
    }

    fn list<'de, A: SeqAccess<'de>>(
        place: &mut Option<Self>,
        seq: &mut A,
        notes: &mut Notes,
    ) -> Result<bool, A::Error> {
        let mut read = None;
        T::list(&mut read, seq, notes)?;
        Ok(put(place, read.map(Some)))
    }
}

/// Returns `true` if the number has fewer digits than a card number. Types print their integers, so a card number must
/// not become one. The contract's counts and codes are all shorter.
fn is_short(number: impl Into<i128>) -> bool {
    const SHORTEST_CARD_NUMBER: u128 = 10_u128.pow(11);
    number.into().unsigned_abs() < SHORTEST_CARD_NUMBER
}

macro_rules! integers {
    ($($name:ident)*) => {$(
        impl Lenient for $name {
            const IS_SCALAR: bool = true;

            fn text(text: &str) -> Option<Self> {
                text.trim().parse().ok().filter(|number: &Self| is_short(*number))
            }

            fn integer(number: u64) -> Option<Self> {
                number.try_into().ok().filter(|number: &Self| is_short(*number))
            }

            fn float(number: f64) -> Option<Self> {
                exact_integer(number).and_then(|number| number.try_into().ok()).filter(|number: &Self| is_short(*number))
            }
        }
    )*};
}

integers! { i8 i16 i32 i64 u8 u16 u32 u64 }

impl Lenient for f64 {
    const IS_SCALAR: bool = true;

    fn text(text: &str) -> Option<Self> {
        text.trim().parse().ok().filter(|number: &Self| number.is_finite())
    }

    fn integer(number: u64) -> Option<Self> {
        #[expect(clippy::cast_precision_loss, reason = "the contract says that it is a float")]
        Some(number as Self)
    }

    fn float(number: f64) -> Option<Self> {
        Some(number)
    }
}

impl Lenient for String {
    const IS_SCALAR: bool = true;

    fn text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Lenient for Value {
    fn text(text: &str) -> Option<Self> {
        Some(text.into())
    }

    fn integer(number: u64) -> Option<Self> {
        Some(number.into())
    }

    fn float(number: f64) -> Option<Self> {
        exact_integer(number).map_or_else(|| Some(number.into()), |number| Some(number.into()))
    }

    fn truth(truth: bool) -> Option<Self> {
        Some(truth.into())
    }

    fn object<'de, A: MapAccess<'de>>(
        place: &mut Option<Self>,
        map: &mut A,
        _: &mut Notes,
    ) -> Result<bool, A::Error> {
        Ok(put(place, Json::new().object(map)?))
    }

    fn list<'de, A: SeqAccess<'de>>(
        place: &mut Option<Self>,
        seq: &mut A,
        _: &mut Notes,
    ) -> Result<bool, A::Error> {
        Ok(put(place, Json::new().list(seq)?))
    }
}

impl Lenient for Map<String, Value> {
    fn object<'de, A: MapAccess<'de>>(
        place: &mut Option<Self>,
        map: &mut A,
        notes: &mut Notes,
    ) -> Result<bool, A::Error> {
        Json::new().members(place.insert(Self::new()), map, notes).map(|()| true)
    }
}

impl<T: Members> Lenient for Box<T> {
    fn object<'de, A: MapAccess<'de>>(
        place: &mut Option<Self>,
        map: &mut A,
        notes: &mut Notes,
    ) -> Result<bool, A::Error> {
        place.insert(Self::default()).members(map, notes).map(|()| true)
    }
}

/// Returns the integer that a float is equal to, if it is below 2⁵³. From 2⁵³ on, a float can stand for several
/// integers.
fn exact_integer(number: f64) -> Option<i64> {
    const FIRST_INEXACT: f64 = 9_007_199_254_740_992.0;
    let exact = number.abs() < FIRST_INEXACT && number.fract() == 0.0;
    #[expect(clippy::cast_possible_truncation, reason = "exact, as was just checked")]
    exact.then_some(number as i64)
}

impl Lenient for bool {
    const IS_SCALAR: bool = true;

    fn text(text: &str) -> Option<Self> {
        text.trim().to_ascii_lowercase().parse().ok()
    }

    fn truth(truth: bool) -> Option<Self> {
        Some(truth)
    }
}
