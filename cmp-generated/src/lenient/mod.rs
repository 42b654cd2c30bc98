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
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

#[doc(hidden)]
pub use crate::{
    read_choice as choice, read_derived as derived, read_masked as masked, read_object as object,
};
pub use decode::{Unreadable, decode, decode_repaired, noting, repaired};
#[doc(hidden)]
pub use decode::{append, from_response};
pub(crate) use json::Json;
pub use notes::Notes;
#[doc(hidden)]
pub use object::{derived, read_document};

/// The maximum length of a string in bytes; a longer one is not read. The API's longest strings are addresses of
/// pictures, which are far shorter. The strings of free-form JSON have no maximum: callers choose them.
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
    /// `true` if a number is read as its text, because a float would round its digits.
    const IS_EXACT: bool = false;

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
    fn object<'de>(
        place: &mut Option<Self>,
        object: &mut dyn Object<'de>,
        _notes: &mut Notes,
    ) -> Result<bool, Broken> {
        Ok(number_in(object)?.is_some_and(|number| place.number(&number)))
    }

    /// Reads a list to its end.
    ///
    /// # Errors
    /// Invalid JSON.
    fn list(_place: &mut Option<Self>, list: &mut dyn List, _notes: &mut Notes) -> Result<bool, Broken> {
        skip_list(list).map(|()| false)
    }

    /// Returns a value that stands for unreadable entries of a list. Without it, the list would look complete.
    fn placeholder() -> Option<Self> {
        None
    }
}

/// A place for a value of a type that the reader need not know. A function returns `false` if the value can't be read.
///
/// All types share one copy of the code that reads JSON. A call runs through most code once, so the size of the code
/// costs more time than its instructions.
pub trait Place {
    /// Reads a string.
    fn text(&mut self, text: &str) -> bool;

    /// Reads a non-negative integer.
    fn integer(&mut self, number: u64) -> bool;

    /// Reads a number that is not an integer from 0 on.
    fn float(&mut self, number: f64) -> bool;

    /// Reads a negative integer.
    #[expect(clippy::cast_precision_loss, reason = "most types read no negative numbers anyway")]
    fn negative(&mut self, number: i64) -> bool {
        self.float(number as f64)
    }

    /// Reads `true` or `false`.
    fn truth(&mut self, truth: bool) -> bool;

    /// Reads `null`.
    fn null(&mut self) -> bool;

    /// Reads an object to its end.
    ///
    /// # Errors
    /// Invalid JSON.
    fn object<'de>(&mut self, object: &mut dyn Object<'de>, notes: &mut Notes) -> Result<bool, Broken>;

    /// Reads a list to its end.
    ///
    /// # Errors
    /// Invalid JSON.
    fn list(&mut self, list: &mut dyn List, notes: &mut Notes) -> Result<bool, Broken>;

    /// Returns `true` if a number is read as its text.
    fn is_exact(&self) -> bool {
        false
    }

    /// The maximum length of a string in bytes.
    fn longest_text(&self) -> usize {
        LONGEST_TEXT
    }

    /// Reads the text of a number.
    fn number(&mut self, text: &str) -> bool {
        if self.is_exact() && are_digits(text) {
            return text.len() <= LONGEST_TEXT && self.text(text);
        }
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

    fn object<'de>(&mut self, object: &mut dyn Object<'de>, notes: &mut Notes) -> Result<bool, Broken> {
        T::object(self, object, notes)
    }

    fn list(&mut self, list: &mut dyn List, notes: &mut Notes) -> Result<bool, Broken> {
        T::list(self, list, notes)
    }

    fn is_exact(&self) -> bool {
        T::IS_EXACT
    }
}

/// An object in which every member is optional.
pub trait Members {
    /// Returns the place of the member with the name `name`, or `None` if the type has no such member.
    fn member(&mut self, name: &str) -> Option<&mut dyn Place>;
}

/// Reads all members to the end of the object. If a member occurs twice, the last readable value counts.
///
/// # Errors
/// Invalid JSON.
#[doc(hidden)]
pub fn read_members(
    members: &mut dyn Members,
    object: &mut dyn Object<'_>,
    notes: &mut Notes,
) -> Result<(), Broken> {
    while let Some(name) = object.name()? {
        read_member(members, &name, object, notes)?;
    }
    Ok(())
}

/// Reads the value of the member with the name `name`, which was returned last.
pub(crate) fn read_member(
    members: &mut dyn Members,
    name: &str,
    object: &mut dyn Object<'_>,
    notes: &mut Notes,
) -> Result<(), Broken> {
    match members.member(name) {
        Some(place) => {
            notes.enter(name);
            let is_read = object.value(place, notes)?;
            notes.leave();
            if notes.is_at_the_top() && name == "data" {
                notes.has_data |= is_read;
            }
            Ok(())
        }
        None if name == "errors" && notes.is_at_the_top() => {
            let mut errors = None::<Errors>;
            object.value(&mut errors, &mut Notes::default())?;
            notes.has_errors |= errors.is_some();
            Ok(())
        }
        None => object.skip(),
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
    let mut read = None::<T>;
    Any { place: &mut read, notes: &mut Notes::default() }.deserialize(deserializer)?;
    read.ok_or_else(|| D::Error::custom(format_args!("invalid value, expected {expecting}")))
}

/// Reads a value of any kind into its place. The result is `false` if the value can't be read.
pub(crate) struct Any<'p> {
    pub(crate) place: &'p mut dyn Place,
    pub(crate) notes: &'p mut Notes,
}

impl<'de> DeserializeSeed<'de> for Any<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        if !self.notes.may_guess && self.place.is_exact() {
            return Raw::deserialize(deserializer)?.read_exactly(self);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        Ok(self.notes.noted(text.len() <= self.place.longest_text() && self.place.text(text)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<bool, E> {
        Ok(self.notes.noted(self.place.integer(number)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<bool, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Ok(self.notes.noted(self.place.negative(number))),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<bool, E> {
        if self.place.is_exact() && self.notes.may_guess {
            return Err(E::custom("invalid value, expected a string or an integer"));
        }
        Ok(self.notes.noted(self.place.float(number)))
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<bool, E> {
        Ok(self.notes.noted(self.place.truth(truth)))
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(self.place.null())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<bool, A::Error> {
        let Self { place, notes } = self;
        let mut object = Erased { access: map, error: None };
        let is_read = place.object(&mut object, notes).map_err(|Broken| object.into_error())?;
        Ok(notes.noted(is_read))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<bool, A::Error> {
        let Self { place, notes } = self;
        let mut list = Erased { access: seq, error: None };
        let is_read = place.list(&mut list, notes).map_err(|Broken| list.into_error())?;
        Ok(notes.noted(is_read))
    }
}

/// Invalid JSON, or a wrong guess. The decoder's error stays where the JSON comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

/// An object to read, one member after the other.
pub trait Object<'de> {
    /// Returns the name of the next member, or `None` at the end of the object.
    ///
    /// # Errors
    /// Invalid JSON.
    fn name(&mut self) -> Result<Option<Cow<'de, str>>, Broken>;

    /// Reads the value of the member whose name was returned last.
    ///
    /// # Errors
    /// Invalid JSON.
    fn value(&mut self, place: &mut dyn Place, notes: &mut Notes) -> Result<bool, Broken>;

    /// Returns the text of the value of the member whose name was returned last.
    ///
    /// # Errors
    /// Invalid JSON.
    fn raw(&mut self) -> Result<Raw<'de>, Broken>;

    /// Skips the value of the member whose name was returned last.
    ///
    /// # Errors
    /// Invalid JSON.
    fn skip(&mut self) -> Result<(), Broken>;
}

/// A list to read, one entry after the other.
pub trait List {
    /// Reads the next entry. Returns `false` at the end of the list.
    ///
    /// # Errors
    /// Invalid JSON.
    fn entry(&mut self, place: &mut dyn Place, notes: &mut Notes) -> Result<bool, Broken>;

    /// Skips the next entry. Returns `false` at the end of the list.
    ///
    /// # Errors
    /// Invalid JSON.
    fn skip(&mut self) -> Result<bool, Broken>;
}

/// serde's access to an object or a list, and its first error.
struct Erased<A, E> {
    access: A,
    error: Option<E>,
}

impl<A, E: Error> Erased<A, E> {
    fn keep(&mut self, error: E) -> Broken {
        self.error = Some(error);
        Broken
    }

    fn into_error(self) -> E {
        self.error.unwrap_or_else(|| E::custom("invalid value, expected another type"))
    }
}

impl<'de, A: MapAccess<'de>> Object<'de> for Erased<A, A::Error> {
    fn name(&mut self) -> Result<Option<Cow<'de, str>>, Broken> {
        match self.access.next_key() {
            Ok(name) => Ok(name.map(|Name(name)| name)),
            Err(error) => Err(self.keep(error)),
        }
    }

    fn value(&mut self, place: &mut dyn Place, notes: &mut Notes) -> Result<bool, Broken> {
        self.access.next_value_seed(Any { place, notes }).map_err(|error| self.keep(error))
    }

    fn raw(&mut self) -> Result<Raw<'de>, Broken> {
        self.access.next_value().map_err(|error| self.keep(error))
    }

    fn skip(&mut self) -> Result<(), Broken> {
        self.access.next_value::<IgnoredAny>().map(drop).map_err(|error| self.keep(error))
    }
}

impl<'de, A: SeqAccess<'de>> List for Erased<A, A::Error> {
    fn entry(&mut self, place: &mut dyn Place, notes: &mut Notes) -> Result<bool, Broken> {
        match self.access.next_element_seed(Any { place, notes }) {
            Ok(entry) => Ok(entry.is_some()),
            Err(error) => Err(self.keep(error)),
        }
    }

    fn skip(&mut self) -> Result<bool, Broken> {
        match self.access.next_element::<IgnoredAny>() {
            Ok(entry) => Ok(entry.is_some()),
            Err(error) => Err(self.keep(error)),
        }
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
#[derive(Clone)]
pub struct Raw<'de>(Cow<'de, str>);

impl Raw<'_> {
    pub(crate) fn read(&self, any: Any<'_>) -> Result<bool, Broken> {
        any.deserialize(&mut serde_json::Deserializer::from_str(&self.0)).map_err(|_| Broken)
    }

    /// Reads the value into a place that takes the text of a number.
    fn read_exactly<E: Error>(&self, any: Any<'_>) -> Result<bool, E> {
        if are_digits(&self.0) {
            return Ok(any.notes.noted(any.place.number(&self.0)));
        }
        let read = (&mut serde_json::Deserializer::from_str(&self.0)).deserialize_any(any);
        // The decoder's own message could contain a value.
        read.map_err(|_| E::custom("invalid value, expected JSON"))
    }
}

impl fmt::Debug for Raw<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Raw(..)")
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
pub(crate) fn number_in(object: &mut dyn Object<'_>) -> Result<Option<String>, Broken> {
    let mut number = None;
    while let Some(name) = object.name()? {
        if name == NUMBER {
            number = number_text(object)?;
        } else {
            object.skip()?;
        }
    }
    Ok(number)
}

/// Returns the value of a [`NUMBER`] member if it is a string. Anyone can send a member of this name, with any value.
fn number_text(object: &mut dyn Object<'_>) -> Result<Option<String>, Broken> {
    let mut read = None;
    object.value(&mut read, &mut Notes::default())?;
    Ok(read)
}

pub(crate) fn skip_list(list: &mut dyn List) -> Result<(), Broken> {
    while list.skip()? {}
    Ok(())
}

pub(crate) fn are_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The value of `errors`, if it is a list that is not empty, an object or a string.
struct Errors;

impl Lenient for Errors {
    fn text(_: &str) -> Option<Self> {
        Some(Self)
    }

    fn object<'de>(
        place: &mut Option<Self>,
        object: &mut dyn Object<'de>,
        _: &mut Notes,
    ) -> Result<bool, Broken> {
        let is_number = number_in(object)?.is_some();
        Ok(!is_number && put(place, Some(Self)))
    }

    fn list(place: &mut Option<Self>, list: &mut dyn List, _: &mut Notes) -> Result<bool, Broken> {
        let is_empty = !list.skip()?;
        skip_list(list)?;
        Ok(put(place, (!is_empty).then_some(Self)))
    }
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
    fn object<'de>(
        place: &mut Option<Self>,
        object: &mut dyn Object<'de>,
        notes: &mut Notes,
    ) -> Result<bool, Broken> {
        let mut entry = T::placeholder();
        if entry.is_some() {
            number_in(object)?;
        } else {
            T::object(&mut entry, object, notes)?;
        }
        Ok(put(place, entry.map(|entry| vec![entry])))
    }

    fn list(place: &mut Option<Self>, list: &mut dyn List, notes: &mut Notes) -> Result<bool, Broken> {
        let read = place.insert(Self::new());
        notes.enter("[]");
        while read.len() < MOST_ENTRIES {
            let mut entry = None::<T>;
            if !list.entry(&mut entry, notes)? {
                notes.leave();
                return Ok(true);
            }
            read.extend(entry.or_else(T::placeholder));
            notes.next_entry();
        }
        if list.skip()? {
            skip_list(list)?;
            notes.unreadable();
            read.extend(T::placeholder());
        }
        notes.leave();
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

    fn object<'de>(
        place: &mut Option<Self>,
        object: &mut dyn Object<'de>,
        notes: &mut Notes,
    ) -> Result<bool, Broken> {
        let mut read = None;
        T::object(&mut read, object, notes)?;
        Ok(put(place, read.map(Some)))
    }

    fn list(place: &mut Option<Self>, list: &mut dyn List, notes: &mut Notes) -> Result<bool, Broken> {
        let mut read = None;
        T::list(&mut read, list, notes)?;
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

    fn object<'de>(
        place: &mut Option<Self>,
        object: &mut dyn Object<'de>,
        notes: &mut Notes,
    ) -> Result<bool, Broken> {
        Ok(put(place, Json::new().object(object, notes)?))
    }

    fn list(place: &mut Option<Self>, list: &mut dyn List, notes: &mut Notes) -> Result<bool, Broken> {
        Ok(put(place, Json::new().list(list, notes)?))
    }
}

impl Lenient for Map<String, Value> {
    fn object<'de>(
        place: &mut Option<Self>,
        object: &mut dyn Object<'de>,
        notes: &mut Notes,
    ) -> Result<bool, Broken> {
        Json::new().members(place.insert(Self::new()), object, notes).map(|()| true)
    }
}

impl<T: Members + Default> Lenient for Box<T> {
    fn object<'de>(
        place: &mut Option<Self>,
        object: &mut dyn Object<'de>,
        notes: &mut Notes,
    ) -> Result<bool, Broken> {
        read_members(&mut **place.insert(Self::default()), object, notes).map(|()| true)
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
    fn text(text: &str) -> Option<Self> {
        text.trim().to_ascii_lowercase().parse().ok()
    }

    fn truth(truth: bool) -> Option<Self> {
        Some(truth)
    }
}
