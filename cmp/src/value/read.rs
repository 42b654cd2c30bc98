//! serde for the values of this crate. serde's own messages repeat the value that doesn't fit, so none of them is used.

use std::{borrow::Cow, fmt, marker::PhantomData};

use cmp_generated::lenient::{NUMBER, Name};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IntoDeserializer, MapAccess, Visitor, value::MapAccessDeserializer},
};
use zeroize::Zeroizing;

/// serde for a value that is read from text, by `$read`, with the same checks.
macro_rules! read_as_text {
    ($name:ident, $field:literal, $read:expr) => {
        /// From a string, with the checks that the type makes. A refusal does not repeat what was read.
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = $crate::value::read::text(deserializer, $field)?;
                $read(text.as_str()).map_err(serde::de::Error::custom)
            }
        }
    };
}

/// serde for a value that is stored as text: written by `$write`, read as `FromStr` does, with the same checks.
macro_rules! stored_as_text {
    ($name:ident, $field:literal, $write:ident) => {
        /// As a string.
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&*self.$write())
            }
        }

        $crate::value::read::read_as_text!($name, $field, str::parse::<$name>);
    };
}

pub(crate) use read_as_text;
pub(crate) use stored_as_text;

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

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let first = members.next_key()?.map(|Name(name)| name);
        if first.as_deref() == Some(NUMBER) {
            return self.refuse();
        }
        let ended = first.is_none();
        let members = MapAccessDeserializer::new(Begun { first, ended, members });
        T::deserialize(members).map(TextOrMembers::Members)
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

/// An object whose first name was read.
struct Begun<'de, A> {
    first: Option<Cow<'de, str>>,
    /// There is no name. A format need not bear to be asked again.
    ended: bool,
    members: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Begun<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(name) => seed.deserialize(name.into_deserializer()).map(Some),
            None if self.ended => Ok(None),
            None => self.members.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.members.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::{Serialize, de::DeserializeOwned};

    use crate::{
        CardId, Expiry, NetworkTokenId, payments::NetworkTransactionId, v1::PanAlias,
        value::NetworkTokenState,
    };

    fn stores<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, json: &str) {
        assert_eq!(serde_json::to_string(value).unwrap(), json);
        assert_eq!(&serde_json::from_str::<T>(json).unwrap(), value);
    }

    fn refuses<T: DeserializeOwned + Debug>(field: &str, texts: &[&str]) {
        for bad in texts.iter().chain(&["4111111111111111", "4111.1111", "null", "[]"]) {
            let error = serde_json::from_str::<T>(bad).unwrap_err().to_string();
            assert!(error.contains(field) && !error.contains("1111"), "{bad}: {error}");
        }
    }

    #[test]
    fn each_is_stored_as_its_text() {
        stores(&CardId::new("CRDecqZp3xRgXU3TFmtcDdzQs").unwrap(), r#""CRDecqZp3xRgXU3TFmtcDdzQs""#);
        stores(&NetworkTokenId::new("NTx1").unwrap(), r#""NTx1""#);
        stores(&NetworkTransactionId::new("MCC012345 1122").unwrap(), r#""MCC012345 1122""#);
        stores(&Expiry::new(5, 2028).unwrap(), r#""05/2028""#);
        stores(&NetworkTokenState::CardUpdated, r#""card_updated""#);
        stores(&NetworkTokenState::Other("Frozen".to_owned()), r#""Frozen""#);
        stores(&PanAlias::new("5573495XKjDP28V7312").unwrap(), r#""5573495XKjDP28V7312""#);
    }

    #[test]
    fn what_is_read_is_checked_and_not_repeated() {
        refuses::<CardId>("card id", &[r#""..""#, r#""4111-1111-1111-1111""#]);
        refuses::<NetworkTokenId>("network token id", &[r#""""#]);
        refuses::<NetworkTransactionId>("network transaction id", &[r#""""#, r#"" 123""#]);
        refuses::<Expiry>("expiry", &[r#""13/2028""#, r#""4111111111111111/28""#]);
        refuses::<NetworkTokenState>("token state", &[]);
        refuses::<PanAlias>("pan alias", &[r#""..""#, r#""a/b""#]);
    }
}
