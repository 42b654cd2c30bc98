//! What `build.rs` writes in the place of serde's derived code for the types of answers.

use serde::de::{DeserializeOwned, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess};
use serde_json::Value;

use super::{Any, Lenient, Notes, decode, skip_list};

/// Reads an object whose members may all be absent. Of a member that is there twice the last one that can be read counts.
#[doc(hidden)]
#[macro_export]
macro_rules! read_object {
    ($name:ident { $($wire:literal => $field:ident,)* }) => {
        impl $crate::lenient::Lenient for $name {
            fn object<'de, A: ::serde::de::MapAccess<'de>>(
                map: &mut A,
                notes: &mut $crate::lenient::Notes,
            ) -> ::std::result::Result<::std::option::Option<Self>, A::Error> {
                let mut read = <Self as ::std::default::Default>::default();
                while let ::std::option::Option::Some($crate::lenient::Name(name)) = map.next_key()? {
                    match &*name {
                        $($wire => {
                            if let value @ ::std::option::Option::Some(_) = notes.member($wire, map)? {
                                read.$field = value;
                            }
                        })*
                        name => notes.unknown(name, map)?,
                    }
                }
                ::std::result::Result::Ok(::std::option::Option::Some(read))
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
            map: &mut A,
            notes: &mut $crate::lenient::Notes,
        ) -> ::std::result::Result<::std::option::Option<Self>, A::Error> {
            <$inner as $crate::lenient::Lenient>::object(map, notes).map(|read| read.map(Self::$variant))
        }
    };
    (@list $variant:ident $inner:ty) => {
        fn list<'de, A: ::serde::de::SeqAccess<'de>>(
            seq: &mut A,
            notes: &mut $crate::lenient::Notes,
        ) -> ::std::result::Result<::std::option::Option<Self>, A::Error> {
            <$inner as $crate::lenient::Lenient>::list(seq, notes).map(|read| read.map(Self::$variant))
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

/// Reads any JSON by serde's derived code, as a whole or not at all: for types that the readers above don't cover.
#[doc(hidden)]
#[macro_export]
macro_rules! read_derived {
    ($name:ident) => {
        impl $crate::lenient::Lenient for $name {
            fn text(text: &str) -> ::std::option::Option<Self> {
                $crate::lenient::derived(text.into())
            }

            fn integer(number: u64) -> ::std::option::Option<Self> {
                $crate::lenient::derived(number.into())
            }

            fn float(number: f64) -> ::std::option::Option<Self> {
                $crate::lenient::derived_from_float(number)
            }

            fn truth(truth: bool) -> ::std::option::Option<Self> {
                $crate::lenient::derived(truth.into())
            }

            fn object<'de, A: ::serde::de::MapAccess<'de>>(
                map: &mut A,
                _: &mut $crate::lenient::Notes,
            ) -> ::std::result::Result<::std::option::Option<Self>, A::Error> {
                $crate::lenient::json_object(map).map(|read| read.and_then($crate::lenient::derived))
            }

            fn list<'de, A: ::serde::de::SeqAccess<'de>>(
                seq: &mut A,
                _: &mut $crate::lenient::Notes,
            ) -> ::std::result::Result<::std::option::Option<Self>, A::Error> {
                $crate::lenient::json_list(seq).map(|read| read.and_then($crate::lenient::derived))
            }
        }
    };
}

/// Shows nothing of a text from outside.
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
pub fn derived<T: DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}

#[doc(hidden)]
pub fn derived_from_float<T: DeserializeOwned>(number: f64) -> Option<T> {
    Value::float(number).and_then(derived)
}

/// Reads a whole document.
///
/// # Errors
/// What is wrong with the JSON; not an object; errors in the place of data.
#[doc(hidden)]
pub fn read_document<'de, T: Lenient, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    decode::with_notes(|notes| {
        let read = T::read(deserializer, notes)?;
        // JSON:API allows only one of them, and V1's documents have no `data`.
        if notes.has_errors && !notes.has_data {
            return Err(D::Error::custom(decode::ERRORS));
        }
        read.ok_or_else(|| D::Error::custom("invalid value, expected an object"))
    })
}

impl Notes {
    /// Reads the member that comes next.
    ///
    /// # Errors
    /// What is wrong with the JSON.
    #[doc(hidden)]
    pub fn member<'de, T: Lenient, A: MapAccess<'de>>(
        &mut self,
        name: &'static str,
        map: &mut A,
    ) -> Result<Option<T>, A::Error> {
        self.enter(name);
        let read = map.next_value_seed(Any::new(self))?;
        self.leave();
        if self.is_at_the_top() && name == "data" {
            self.has_data |= read.is_some();
        }
        Ok(read)
    }

    /// Skips a member that the type doesn't have.
    ///
    /// # Errors
    /// What is wrong with the JSON.
    #[doc(hidden)]
    pub fn unknown<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        if name == "errors" && self.is_at_the_top() {
            let mut nothing = Self::default();
            self.has_errors |= map.next_value_seed(Any::<Errors>::new(&mut nothing))?.is_some();
            return Ok(());
        }
        map.next_value::<IgnoredAny>().map(drop)
    }
}

/// A list that is not empty, or anything else but nothing.
struct Errors;

impl Lenient for Errors {
    fn text(_: &str) -> Option<Self> {
        Some(Self)
    }

    fn object<'de, A: MapAccess<'de>>(map: &mut A, _: &mut Notes) -> Result<Option<Self>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Some(Self))
    }

    fn list<'de, A: SeqAccess<'de>>(seq: &mut A, _: &mut Notes) -> Result<Option<Self>, A::Error> {
        let first = seq.next_element::<IgnoredAny>()?;
        skip_list(seq)?;
        Ok(first.map(|_| Self))
    }
}
