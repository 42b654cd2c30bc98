//! The macros with which `build.rs` replaces serde's derived code in the types of answers.

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess};
use serde_json::Value;

use super::{Any, Lenient, Notes, Place, decode, number_in, put, skip_list};

/// Reads an object in which every member is optional. If a member occurs twice, the last readable value counts.
#[doc(hidden)]
#[macro_export]
macro_rules! read_object {
    ($name:ident { $($wire:literal => $field:ident,)* }) => {
        impl $crate::lenient::Members for $name {
            fn member<'de, A: ::serde::de::MapAccess<'de>>(
                &mut self,
                name: &str,
                map: &mut A,
                notes: &mut $crate::lenient::Notes,
            ) -> ::std::result::Result<(), A::Error> {
                match name {
                    $($wire => notes.member($wire, &mut self.$field, map),)*
                    name => notes.unknown(name, map),
                }
            }
        }

        impl $crate::lenient::Lenient for $name {
            fn object<'de, A: ::serde::de::MapAccess<'de>>(
                place: &mut ::std::option::Option<Self>,
                map: &mut A,
                notes: &mut $crate::lenient::Notes,
            ) -> ::std::result::Result<bool, A::Error> {
                let empty = <Self as ::std::default::Default>::default();
                $crate::lenient::Members::members(place.insert(empty), map, notes).map(|()| true)
            }
        }

        $crate::read_document_of!($name);
    };
}

/// Reads one of several kinds of JSON.
#[doc(hidden)]
#[macro_export]
macro_rules! read_choice {
    (@text $variant:ident $inner:ty) => {
        fn text(text: &str) -> ::std::option::Option<Self> {
            <$inner as $crate::lenient::Lenient>::text(text).map(Self::$variant)
        }
    };
    (@object $variant:ident $inner:ty) => {
        fn object<'de, A: ::serde::de::MapAccess<'de>>(
            place: &mut ::std::option::Option<Self>,
            map: &mut A,
            notes: &mut $crate::lenient::Notes,
        ) -> ::std::result::Result<bool, A::Error> {
            let mut read = ::std::option::Option::None;
            <$inner as $crate::lenient::Lenient>::object(&mut read, map, notes)?;
            ::std::result::Result::Ok($crate::lenient::put(place, read.map(Self::$variant)))
        }
    };
    (@list $variant:ident $inner:ty) => {
        fn list<'de, A: ::serde::de::SeqAccess<'de>>(
            place: &mut ::std::option::Option<Self>,
            seq: &mut A,
            notes: &mut $crate::lenient::Notes,
        ) -> ::std::result::Result<bool, A::Error> {
            let mut read = ::std::option::Option::None;
            <$inner as $crate::lenient::Lenient>::list(&mut read, seq, notes)?;
            ::std::result::Result::Ok($crate::lenient::put(place, read.map(Self::$variant)))
        }
    };
    ($name:ident { $($kind:ident => $variant:ident($inner:ty),)* }) => {
        impl $crate::lenient::Lenient for $name {
            $($crate::read_choice!(@$kind $variant $inner);)*
        }

        $crate::read_document_of!($name);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! read_document_of {
    ($name:ident) => {
        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                $crate::lenient::read_document(deserializer)
            }
        }
    };
}

/// Reads any JSON with serde's derived code, as a whole or not at all. For types that the macros above don't cover.
#[doc(hidden)]
#[macro_export]
macro_rules! read_derived {
    ($name:ident) => {
        impl $crate::lenient::Lenient for $name {
            fn text(text: &str) -> ::std::option::Option<Self> {
                $crate::lenient::derived($crate::lenient::Lenient::text(text))
            }

            fn integer(number: u64) -> ::std::option::Option<Self> {
                $crate::lenient::derived($crate::lenient::Lenient::integer(number))
            }

            fn float(number: f64) -> ::std::option::Option<Self> {
                $crate::lenient::derived($crate::lenient::Lenient::float(number))
            }

            fn truth(truth: bool) -> ::std::option::Option<Self> {
                $crate::lenient::derived($crate::lenient::Lenient::truth(truth))
            }

            fn object<'de, A: ::serde::de::MapAccess<'de>>(
                place: &mut ::std::option::Option<Self>,
                map: &mut A,
                notes: &mut $crate::lenient::Notes,
            ) -> ::std::result::Result<bool, A::Error> {
                let mut read = ::std::option::Option::None;
                $crate::lenient::Lenient::object(&mut read, map, notes)?;
                ::std::result::Result::Ok($crate::lenient::put(place, $crate::lenient::derived(read)))
            }

            fn list<'de, A: ::serde::de::SeqAccess<'de>>(
                place: &mut ::std::option::Option<Self>,
                seq: &mut A,
                notes: &mut $crate::lenient::Notes,
            ) -> ::std::result::Result<bool, A::Error> {
                let mut read = ::std::option::Option::None;
                $crate::lenient::Lenient::list(&mut read, seq, notes)?;
                ::std::result::Result::Ok($crate::lenient::put(place, $crate::lenient::derived(read)))
            }
        }
    };
}

/// Implements `Debug` for a string from outside, without its content.
#[doc(hidden)]
#[macro_export]
macro_rules! read_masked {
    ($name:ident) => {
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                formatter.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

#[doc(hidden)]
pub fn derived<T: DeserializeOwned>(value: Option<Value>) -> Option<T> {
    serde_json::from_value(value?).ok()
}

/// Reads a whole document.
///
/// # Errors
/// Invalid JSON, a document that is not an object, or `errors` instead of `data`.
#[doc(hidden)]
pub fn read_document<'de, T: Lenient, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    decode::with_notes(|notes| {
        let mut read = None;
        T::read(&mut read, deserializer, notes)?;
        // A document with `data` is read even if it also has `errors`, which JSON:API forbids. A document without
        // `data` can be valid: V1's documents have none.
        if notes.has_errors && !notes.has_data {
            return Err(D::Error::custom(decode::ERRORS));
        }
        read.ok_or_else(|| D::Error::custom("invalid value, expected an object"))
    })
}

impl Notes {
    /// Reads the next member into its place.
    ///
    /// # Errors
    /// Invalid JSON.
    #[doc(hidden)]
    pub fn member<'de, T: Lenient, A: MapAccess<'de>>(
        &mut self,
        name: &'static str,
        place: &mut Option<T>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        if T::IS_SCALAR {
            let place: &mut dyn Place = place;
            return self.member_at(name, place, map);
        }
        self.member_at(name, place, map)
    }

    fn member_at<'de, P: ?Sized, A: MapAccess<'de>>(
        &mut self,
        name: &'static str,
        place: &mut P,
        map: &mut A,
    ) -> Result<(), A::Error>
    where
        for<'p> Any<'p, P>: DeserializeSeed<'de, Value = bool>,
    {
        self.enter(name);
        let is_read = map.next_value_seed(Any { place, notes: self })?;
        self.leave();
        if self.is_at_the_top() && name == "data" {
            self.has_data |= is_read;
        }
        Ok(())
    }

    /// Skips a member that the type doesn't have. Notes `errors` at the top of the document.
    ///
    /// # Errors
    /// Invalid JSON.
    #[doc(hidden)]
    pub fn unknown<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        if name == "errors" && self.is_at_the_top() {
            let mut errors = None::<Errors>;
            map.next_value_seed(Any { place: &mut errors, notes: &mut Self::default() })?;
            self.has_errors |= errors.is_some();
            return Ok(());
        }
        map.next_value::<IgnoredAny>().map(drop)
    }
}

/// The value of `errors`, if it is a list that is not empty, an object or a string.
struct Errors;

impl Lenient for Errors {
    fn text(_: &str) -> Option<Self> {
        Some(Self)
    }

    fn object<'de, A: MapAccess<'de>>(
        place: &mut Option<Self>,
        map: &mut A,
        _: &mut Notes,
    ) -> Result<bool, A::Error> {
        let is_number = number_in(map)?.is_some();
        Ok(!is_number && put(place, Some(Self)))
    }

    fn list<'de, A: SeqAccess<'de>>(
        place: &mut Option<Self>,
        seq: &mut A,
        _: &mut Notes,
    ) -> Result<bool, A::Error> {
        let first = seq.next_element::<IgnoredAny>()?;
        skip_list(seq)?;
        Ok(put(place, first.map(|_| Self)))
    }
}
