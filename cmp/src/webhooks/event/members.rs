//! JSON objects whose shape is not promised.
//!
//! A notification comes once and can't be asked for again in another form. So nothing in it but broken JSON makes it
//! unreadable: a member that isn't what is expected counts as absent.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};
use cmp_generated::scalar::{Last4, Timestamp};
use serde::{
    Deserialize, Deserializer,
    de::{
        Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
        value::{Error as Unreadable, StrDeserializer},
    },
};
use zeroize::Zeroizing;

use crate::value::Expiry;

/// An object: its texts and numbers as text, and its objects. All else is left out.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Members(BTreeMap<String, Node>);

#[derive(Clone, PartialEq, Eq)]
enum Node {
    Text(Zeroizing<String>),
    Members(Members),
    Nothing,
}

impl Members {
    /// The text; an empty one is none.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Node::Text(text)) => Some(text.trim()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    pub(super) fn secret<S>(&self, name: &str, kind: impl Fn(String) -> S) -> Option<S> {
        self.text(name).map(|text| kind(text.to_owned()))
    }

    pub(super) fn members(&self, name: &str) -> Option<&Self> {
        match self.0.get(name) {
            Some(Node::Members(members)) => Some(members),
            _ => None,
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Digits that are too few for a PAN.
    pub(super) fn leading_digits(&self, name: &str) -> Option<String> {
        const MOST: usize = 10;
        self.owned(name).filter(|digits| digits.len() <= MOST && only_digits(digits))
    }

    /// Four digits; a number has lost its leading zeros.
    pub(super) fn last4(&self, name: &str) -> Option<String> {
        let digits = self.text(name).filter(|digits| only_digits(digits))?;
        Some(Last4::new(digits).into_inner()).filter(|digits| digits.len() == 4)
    }

    /// A date-time with or without a zone, which is UTC then.
    pub(super) fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        let text: StrDeserializer<'_, Unreadable> = StrDeserializer::new(self.text(name)?);
        Timestamp::deserialize(text).ok().map(Timestamp::get)
    }

    /// Month and year in two members; the year with two digits or four.
    pub(super) fn month_and_year(&self, month: &str, year: &str) -> Option<Expiry> {
        let (month, year) = (self.text(month)?, self.text(year)?);
        let padded = if year.len() == 1 { "0" } else { "" };
        format!("{month}/{padded}{year}").parse().ok()
    }

    /// `MMYY`, as documented, `MMYYYY`, or either with a slash; a number has lost its leading zero.
    pub(super) fn expiry(&self, name: &str) -> Option<Expiry> {
        let text = self.text(name)?;
        if text.contains('/') {
            return text.parse().ok();
        }
        let digits = if text.len() % 2 == 0 { text.to_owned() } else { format!("0{text}") };
        let (month, year) = digits.split_at_checked(2)?;
        format!("{month}/{year}").parse().ok()
    }
}

fn only_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Names only: any value can be a PAN.
impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys().map(|name| crate::error::scrub(name))).finish()
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, node)) = map.next_entry()? {
            members.insert(name, node);
        }
        Ok(Members(members))
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl NodeVisitor {
    fn text<E>(text: impl Into<String>) -> Result<Node, E> {
        Ok(Node::Text(Zeroizing::new(text.into())))
    }
}

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        Self::text(text)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Node, E> {
        Self::text(number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Node, E> {
        Self::text(number.to_string())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Node, E> {
        Self::text(number.to_string())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Self::text(value.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Node, A::Error> {
        ObjectVisitor.visit_map(map).map(Node::Members)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Node::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(value: &str) -> Members {
        serde_json::from_str(&format!("{{\"m\":{value}}}")).expect("JSON")
    }

    #[test]
    fn expiry_dates_in_each_form() {
        for (value, expected) in [
            ("\"1225\"", Some("12/2025")),
            ("\"0125\"", Some("01/2025")),
            ("125", Some("01/2025")),
            ("1225", Some("12/2025")),
            ("\"122025\"", Some("12/2025")),
            ("\"12/25\"", Some("12/2025")),
            ("\"1/2025\"", Some("01/2025")),
            ("\"1325\"", None),
            ("\"0000\"", None),
            ("\"\"", None),
            ("\"1\"", None),
            ("\"12\"", None),
            ("\"1é25\"", None),
            ("null", None),
            ("[1225]", None),
        ] {
            let expiry = members(value).expiry("m").map(|expiry| expiry.to_string());
            assert_eq!(expiry.as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn months_and_years_are_texts_or_numbers() {
        for (month, year, expected) in [
            ("\"12\"", "\"2025\"", Some("12/2025")),
            ("\"1\"", "\"25\"", Some("01/2025")),
            ("1", "5", Some("01/2005")),
            ("13", "2025", None),
            ("\"+1\"", "2025", None),
            ("1", "null", None),
        ] {
            let json = format!("{{\"month\":{month},\"year\":{year}}}");
            let members: Members = serde_json::from_str(&json).expect("JSON");
            let expiry = members.month_and_year("month", "year").map(|expiry| expiry.to_string());
            assert_eq!(expiry.as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn what_is_as_long_as_a_pan_is_no_last4_and_no_bin() {
        assert_eq!(members("42").last4("m").as_deref(), Some("0042"));
        assert_eq!(members("\"4111111111111111\"").last4("m"), None);
        assert_eq!(members("\"4111111111111111\"").leading_digits("m"), None);
        assert_eq!(members("558004").leading_digits("m").as_deref(), Some("558004"));
    }

    #[test]
    fn times_with_and_without_a_zone() {
        for text in ["2025-01-17T12:53:17.948Z", "2025-01-17T12:53:17.948", "2025-01-17T13:53:17.948+01:00"] {
            let time = members(&format!("\"{text}\"")).time("m").map(|time| time.to_rfc3339());
            assert_eq!(time.as_deref(), Some("2025-01-17T12:53:17.948+00:00"), "{text}");
        }
        assert_eq!(members("\"yesterday\"").time("m"), None);
    }
}
