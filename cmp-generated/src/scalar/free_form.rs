use std::fmt;

use serde::de::Deserializer;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::lenient::{self, Broken, Json, Lenient, Notes, Object};

/// An object whose members the documents do not list, such as a card's `meta`.
///
/// It can contain any data, so `Debug` prints only the number of its members. Two limits apply when it is read. Members
/// beyond the first ten thousand values are left out, and so are members nested more than a hundred levels deep.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FreeForm(Map<String, Value>);

impl FreeForm {
    /// Wraps `members`.
    pub const fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// The members.
    pub const fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The members.
    pub fn into_inner(self) -> Map<String, Value> {
        self.0
    }
}

impl fmt::Debug for FreeForm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "FreeForm({} members)", self.0.len())
    }
}

impl Lenient for FreeForm {
    fn object<'de>(
        place: &mut Option<Self>,
        object: &mut dyn Object<'de>,
        notes: &mut Notes,
    ) -> Result<bool, Broken> {
        Json::new().members(&mut place.insert(Self::default()).0, object, notes).map(|()| true)
    }
}

impl<'de> Deserialize<'de> for FreeForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::required(deserializer, "an object")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_kept_and_not_printed() {
        let json = r#"{"big":1e300,"list":[1,-2,0.5,true,null,{}],"order":"4111111111111111"}"#;
        let meta: FreeForm = serde_json::from_str(json).expect("decodes");
        assert_eq!(meta.members()["order"], "4111111111111111");
        assert_eq!(format!("{meta:?}"), "FreeForm(3 members)");
        assert_eq!(
            serde_json::to_value(&meta).expect("encodes"),
            serde_json::from_str::<Value>(json).expect("JSON")
        );
    }

    #[test]
    fn a_long_text_is_read() {
        let text = "x".repeat(100_000);
        let json = format!(r#"{{"text":"{text}","nested":{{"list":["{text}",1]}}}}"#);
        let meta: FreeForm = serde_json::from_str(&json).expect("decodes");
        assert_eq!(meta.members()["text"].as_str(), Some(&*text));
        assert_eq!(meta.members()["nested"]["list"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn what_is_too_large_or_too_deep_is_not_read() {
        for long in [
            format!("\"long\":[{}0]", "{},".repeat(20_000)),
            format!("\"deep\":{}0{}", "[".repeat(100_000), "]".repeat(100_000)),
            format!("\"a\":{}", "{\"a\":".repeat(500) + "0" + &"}".repeat(500)),
        ] {
            let json = format!("{{\"before\":1,{long}}}");
            let meta: FreeForm = serde_json::from_str(&json).expect("decodes");
            assert_eq!(meta.members().keys().collect::<Vec<_>>(), ["before"]);
        }
        let json = format!("{{{}\"b\":0}}", "\"a\":{\"\":0},".repeat(20_000));
        assert_eq!(serde_json::from_str::<FreeForm>(&json).expect("decodes").members().len(), 1);
        let json = format!("{{\"a\":[{}0]}}", "{},".repeat(5_000));
        assert!(serde_json::from_str::<FreeForm>(&json).expect("decodes").members().contains_key("a"));
    }
}
