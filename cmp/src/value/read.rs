//! Reading what a request is made of, without serde's own messages: these repeat the value that doesn't fit.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};
use zeroize::Zeroizing;

/// Reads a string. If it is not one, the error names `what`.
pub(crate) fn text<'de, D: Deserializer<'de>>(
    deserializer: D,
    what: &'static str,
) -> Result<Zeroizing<String>, D::Error> {
    // A format may refuse by itself and repeat the value, so its message is dropped.
    let text = deserializer.deserialize_string(Text);
    text.map_err(|_| D::Error::custom(format_args!("invalid {what}: must be a string")))
}

/// Reads the members of an object. If it is not one, the error names `what`.
pub(crate) fn members<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
    what: &'static str,
) -> Result<T, D::Error> {
    match text_or_members(deserializer, what)? {
        TextOrMembers::Members(members) => Ok(members),
        TextOrMembers::Text(_) => Err(D::Error::custom(format_args!("invalid {what}: must be an object"))),
    }
}

/// What can be written in one string or as an object.
pub(crate) enum TextOrMembers<T> {
    Text(Zeroizing<String>),
    Members(T),
}

/// Reads a string or the members of an object. `what` names it where it is neither.
///
/// It takes whatever is there, because a format that is asked for an object refuses by itself, and repeats the value.
pub(crate) fn text_or_members<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
    what: &'static str,
) -> Result<TextOrMembers<T>, D::Error> {
    deserializer.deserialize_any(Members { what, members: PhantomData })
}

/// A text that is personal, or else not for a message.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Part(#[serde(deserialize_with = "part")] pub(crate) String);

fn part<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    text(deserializer, "part of a card").map(|text| String::clone(&text))
}

struct Text;

impl Visitor<'_> for Text {
    type Value = Zeroizing<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Zeroizing::new(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Zeroizing::new(text))
    }
}

struct Members<T> {
    what: &'static str,
    members: PhantomData<T>,
}

impl<T> Members<T> {
    fn refuse<V, E: Error>(&self) -> Result<V, E> {
        Err(E::custom(format_args!("invalid {}: must be an object", self.what)))
    }
}

macro_rules! refuse {
    ($($method:ident($value:ty),)*) => {$(
        fn $method<E: Error>(self, _: $value) -> Result<Self::Value, E> {
            self.refuse()
        }
    )*};
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = TextOrMembers<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as an object", self.what)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(TextOrMembers::Members)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(TextOrMembers::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(TextOrMembers::Text(Zeroizing::new(text)))
    }

    // Without these, serde's defaults repeat the value.
    refuse! {
        visit_bool(bool),
        visit_i64(i64),
        visit_i128(i128),
        visit_u64(u64),
        visit_u128(u128),
        visit_f64(f64),
        visit_bytes(&[u8]),
    }
}
