//! The macros with which `build.rs` replaces serde's derived code in the types of answers.

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error};
use serde_json::Value;

use super::{Any, Lenient, decode};

/// Reads an object in which every member is optional. With `placeholder`, an empty object stands for unreadable entries of a
/// list.
#[doc(hidden)]
#[macro_export]
macro_rules! read_object {
    ($name:ident $($placeholder:ident)? { $($wire:literal => $field:ident,)* }) => {
        impl $crate::lenient::Members for $name {
            fn member(&mut self, name: &str) -> ::std::option::Option<&mut dyn $crate::lenient::Place> {
                match name {
                    $($wire => ::std::option::Option::Some(&mut self.$field),)*
                    _ => ::std::option::Option::None,
                }
            }
        }

        impl $crate::lenient::Lenient for $name {
            fn object<'de>(
                place: &mut ::std::option::Option<Self>,
                object: &mut dyn $crate::lenient::Object<'de>,
                notes: &mut $crate::lenient::Notes,
            ) -> ::std::result::Result<bool, $crate::lenient::Broken> {
                let empty = <Self as ::std::default::Default>::default();
                $crate::lenient::read_members(place.insert(empty), object, notes).map(|()| true)
            }

            $(fn $placeholder() -> ::std::option::Option<Self> {
                ::std::option::Option::Some(<Self as ::std::default::Default>::default())
            })?
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
        fn object<'de>(
            place: &mut ::std::option::Option<Self>,
            object: &mut dyn $crate::lenient::Object<'de>,
            notes: &mut $crate::lenient::Notes,
        ) -> ::std::result::Result<bool, $crate::lenient::Broken> {
            let mut read = ::std::option::Option::None;
            <$inner as $crate::lenient::Lenient>::object(&mut read, object, notes)?;
            ::std::result::Result::Ok($crate::lenient::put(place, read.map(Self::$variant)))
        }
    };
    (@list $variant:ident $inner:ty) => {
        fn list(
            place: &mut ::std::option::Option<Self>,
            list: &mut dyn $crate::lenient::List,
            notes: &mut $crate::lenient::Notes,
        ) -> ::std::result::Result<bool, $crate::lenient::Broken> {
            let mut read = ::std::option::Option::None;
            <$inner as $crate::lenient::Lenient>::list(&mut read, list, notes)?;
            ::std::result::Result::Ok($crate::lenient::put(place, read.map(Self::$variant)))
        }
    };
    // A text, number or truth in the place of a list.
    (@other $variant:ident $inner:ty) => {
        fn text(text: &str) -> ::std::option::Option<Self> {
            <$inner as $crate::lenient::Lenient>::text(text).map(Self::$variant)
        }

        fn integer(number: u64) -> ::std::option::Option<Self> {
            <$inner as $crate::lenient::Lenient>::integer(number).map(Self::$variant)
        }

        fn float(number: f64) -> ::std::option::Option<Self> {
            <$inner as $crate::lenient::Lenient>::float(number).map(Self::$variant)
        }

        fn truth(truth: bool) -> ::std::option::Option<Self> {
            <$inner as $crate::lenient::Lenient>::truth(truth).map(Self::$variant)
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

            fn object<'de>(
                place: &mut ::std::option::Option<Self>,
                object: &mut dyn $crate::lenient::Object<'de>,
                notes: &mut $crate::lenient::Notes,
            ) -> ::std::result::Result<bool, $crate::lenient::Broken> {
                let mut read = ::std::option::Option::None;
                $crate::lenient::Lenient::object(&mut read, object, notes)?;
                ::std::result::Result::Ok($crate::lenient::put(place, $crate::lenient::derived(read)))
            }

            fn list(
                place: &mut ::std::option::Option<Self>,
                list: &mut dyn $crate::lenient::List,
                notes: &mut $crate::lenient::Notes,
            ) -> ::std::result::Result<bool, $crate::lenient::Broken> {
                let mut read = ::std::option::Option::None;
                $crate::lenient::Lenient::list(&mut read, list, notes)?;
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
        let mut read = None::<T>;
        Any { place: &mut read, notes }.deserialize(deserializer)?;
        // A document with `data` is read even if it also has `errors`, which JSON:API forbids. A document without
        // `data` can be valid: V1's documents have none.
        if notes.has_errors && !notes.has_data {
            return Err(D::Error::custom(decode::ERRORS));
        }
        read.ok_or_else(|| D::Error::custom("invalid value, expected an object"))
    })
}
