//! What may be shown of requests: structure and harmless values, never a card number, CVC or credential.

use http::{HeaderMap, header};
use serde_json::{Map, Value};

const MASK: &str = "****";

/// Members whose values are secret whatever they look like.
const SECRET_MEMBERS: &[&str] = &[
    "pan",
    "cvc",
    "network_token",
    "cryptogram",
    "client_secret",
    "access_token",
    "refresh_token",
    "assertion",
    "password",
    "old_value",
    "new_value",
    "value",
    "old_account_number",
    "new_account_number",
    "signing_secret",
    "second_secret",
];

/// Fewer digits are no card number: the shortest that the API takes has 14, the shortest of any network 12.
const CARD_NUMBER_DIGITS: usize = 12;

/// The JSON with every secret member and everything that looks like a card number replaced.
pub(crate) fn json(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(object(members)),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::String(string) => text(string).into(),
        Value::Number(number) => match text(&number.to_string()) {
            masked if masked == number.to_string() => value.clone(),
            masked => masked.into(),
        },
        Value::Bool(_) | Value::Null => value.clone(),
    }
}

/// Whether something in the JSON was masked here.
pub(crate) fn is_in(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(name, value)| name.contains(MASK) || is_in(value)),
        Value::Array(items) => items.iter().any(is_in),
        Value::String(text) => text.contains(MASK),
        Value::Number(_) | Value::Bool(_) | Value::Null => false,
    }
}

fn object(members: &Map<String, Value>) -> Map<String, Value> {
    let mask = |(name, value): (&String, &Value)| {
        let secret = SECRET_MEMBERS.iter().any(|known| name.eq_ignore_ascii_case(known));
        let masked = if secret && !value.is_object() { MASK.into() } else { json(value) };
        (text(name), masked)
    };
    members.iter().map(mask).collect()
}

/// The text with every long run of digits replaced by its last four; blanks and hyphens may stand in it.
pub(crate) fn text(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut run = String::new();
    for character in text.chars() {
        let goes_on = !run.is_empty() && matches!(character, ' ' | '-');
        if character.is_ascii_digit() || goes_on {
            run.push(character);
        } else {
            close_run(&mut masked, &mut run);
            masked.push(character);
        }
    }
    close_run(&mut masked, &mut run);
    masked
}

fn close_run(masked: &mut String, run: &mut String) {
    let digits: String = run.chars().filter(char::is_ascii_digit).collect();
    if digits.len() < CARD_NUMBER_DIGITS {
        masked.push_str(run);
    } else {
        masked.push_str(MASK);
        masked.push_str(&digits[digits.len() - 4..]);
    }
    run.clear();
}

/// The headers in order, credentials replaced.
pub(crate) fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let secret = [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE];
    let mask = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        let shown = match value.split_once(' ') {
            _ if !secret.contains(name) => text(&value),
            Some((scheme @ ("Bearer" | "Basic"), _)) => format!("{scheme} {MASK}"),
            _ => MASK.to_owned(),
        };
        (name.to_string(), shown)
    };
    headers.iter().map(mask).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_in_any_place() {
        assert_eq!(text("/cards/4111111111111111/x"), "/cards/****1111/x");
        assert_eq!(text("4111 1111 1111 1111"), "****1111");
        assert_eq!(text("CRD4111-1111"), "CRD4111-1111");
        let body = serde_json::json!({
            "data": { "attributes": { "pan": "tok_1", "exp_month": 5, "4111111111111111": 4111111111111111u64 } }
        });
        let expected = serde_json::json!({
            "data": { "attributes": { "pan": "****", "exp_month": 5, "****1111": "****1111" } }
        });
        assert_eq!(json(&body), expected);
    }

    #[test]
    fn credentials_in_headers() {
        let mut map = HeaderMap::new();
        map.insert(header::AUTHORIZATION, "Bearer abc.def".parse().unwrap());
        map.append(header::COOKIE, "session=1".parse().unwrap());
        let shown = headers(&map);
        assert_eq!(shown[0].1, "Bearer ****");
        assert_eq!(shown[1].1, "****");
    }
}
