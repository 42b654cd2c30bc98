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

        $crate::value::stored::read_as_text!($name, $field, str::parse::<$name>);
    };
}

pub(crate) use read_as_text;
pub(crate) use stored_as_text;

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::{Serialize, de::DeserializeOwned};

    use crate::{CardId, Expiry, NetworkTokenId, NetworkTokenState, NetworkTransactionId, v1::PanAlias};

    fn stores<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, json: &str) {
        assert_eq!(serde_json::to_string(value).unwrap(), json);
        assert_eq!(&serde_json::from_str::<T>(json).unwrap(), value);
    }

    fn refuses<T: DeserializeOwned + Debug>(field: &str, texts: &[&str]) {
        for bad in texts.iter().chain(&["4111111111111111", "null", "[]"]) {
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
