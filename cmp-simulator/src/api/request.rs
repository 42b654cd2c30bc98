//! Reading of requests, with checks from the documents' request schemas.

use serde_json::{Map, Value};

use crate::api::problem::Problem;
use crate::http::Request;
use crate::state::Grant;

/// A request to one operation.
pub(crate) struct Context<'a> {
    pub(crate) request: &'a Request,
    /// The parameter of the path, in V1 the alias; empty for an operation without one
    pub(crate) card_id: &'a str,
    pub(crate) base_url: &'a str,
    pub(crate) trace_id: &'a str,
    pub(crate) fingerprint: String,
    pub(crate) grant: Option<Grant>,
}

/// Returns the JSON object in the body, or `None` without a body.
pub(crate) fn json_body(request: &Request) -> Result<Option<Value>, Problem> {
    if request.body.is_empty() {
        return Ok(None);
    }
    if !request.is_json_api() {
        return Err(Problem::unsupported_media_type());
    }
    let document: Value = serde_json::from_slice(&request.body)
        .map_err(|_| Problem::bad_request("The body is not valid JSON."))?;
    if document.is_object() {
        Ok(Some(document))
    } else {
        Err(Problem::bad_request("The body is not a JSON object."))
    }
}

/// A JSON object and its path in the body.
pub(crate) struct Object<'a> {
    members: &'a Map<String, Value>,
    path: String,
}

impl<'a> Object<'a> {
    pub(crate) fn of(value: &'a Value, path: &str) -> Result<Self, Problem> {
        let members = value
            .as_object()
            .ok_or_else(|| Problem::invalid(path.to_owned(), "The value must be an object."))?;
        Ok(Self { members, path: path.to_owned() })
    }

    pub(crate) fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name)
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<Object<'a>>, Problem> {
        self.get(name).map(|value| Object::of(value, &self.path(name))).transpose()
    }

    pub(crate) fn required_object(&self, name: &str) -> Result<Object<'a>, Problem> {
        self.object(name)?.ok_or_else(|| Problem::missing_field(self.path(name)))
    }

    /// Checks `additionalProperties: false`. Does not repeat the unknown name, which may be a card
    /// number.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        if self.members.keys().all(|name| known.contains(&name.as_str())) {
            return Ok(());
        }
        Err(Problem::invalid(self.path.clone(), "The object has an unknown member."))
    }

    /// Returns a string of `least` to `most` characters.
    pub(crate) fn string(&self, name: &str, least: usize, most: usize) -> Result<Option<&'a str>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let text =
            value.as_str().ok_or_else(|| Problem::invalid(self.path(name), "The value must be a string."))?;
        if (least..=most).contains(&text.chars().count()) {
            return Ok(Some(text));
        }
        Err(Problem::invalid(self.path(name), "The string is too short or too long."))
    }

    pub(crate) fn required_string(&self, name: &str, least: usize, most: usize) -> Result<&'a str, Problem> {
        self.string(name, least, most)?.ok_or_else(|| Problem::missing_field(self.path(name)))
    }

    /// Returns an integer in the sense of JSON Schema, in which `5.0` is one.
    pub(crate) fn integer(&self, name: &str, least: u32, most: u32) -> Result<Option<u32>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        (least..=most).find(|candidate| value.as_f64() == Some(f64::from(*candidate))).map(Some).ok_or_else(
            || Problem::invalid(self.path(name), "The value is not an integer in the allowed range."),
        )
    }

    pub(crate) fn required_integer(&self, name: &str, least: u32, most: u32) -> Result<u32, Problem> {
        self.integer(name, least, most)?.ok_or_else(|| Problem::missing_field(self.path(name)))
    }

    pub(crate) fn one_of<T: Copy>(&self, name: &str, values: &[(&str, T)]) -> Result<Option<T>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        values
            .iter()
            .find(|(text, _)| value.as_str() == Some(text))
            .map(|(_, value)| Some(*value))
            .ok_or_else(|| Problem::invalid(self.path(name), "The value is not one of those allowed."))
    }
}

/// Checks `format: email` roughly: text on both sides of the last `@`.
pub(crate) fn is_email(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.is_empty()
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && text.chars().all(|character| !character.is_whitespace() && !character.is_control())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_something_on_both_sides() {
        for text in ["jane@example.com", "a@b", "\"a@b\"@example.com"] {
            assert!(is_email(text), "{text}");
        }
        for text in ["", "jane", "@example.com", "jane@", "jane@.com", "jane@com.", "ja ne@example.com"] {
            assert!(!is_email(text), "{text}");
        }
    }

    #[test]
    fn integers_as_json_schema_has_them() {
        let value = serde_json::json!({ "whole": 5.0, "half": 5.5, "text": "5", "large": 13, "month": 5 });
        let object = Object::of(&value, "").unwrap();
        assert_eq!(object.integer("whole", 1, 12).unwrap(), Some(5));
        assert_eq!(object.integer("month", 1, 12).unwrap(), Some(5));
        assert_eq!(object.integer("absent", 1, 12).unwrap(), None);
        for name in ["half", "text", "large"] {
            assert!(object.integer(name, 1, 12).is_err(), "{name}");
        }
    }
}
