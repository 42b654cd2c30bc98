//! Masking of requests and settings: no card number, CVC or credential stays visible.

use http::{HeaderMap, header};
use serde_json::{Map, Value};

use crate::http::decode_form;

const MASK: &str = "****";

/// Members with a secret value. Case, hyphens and underscores do not matter.
const SECRET_MEMBERS: &[&str] = &[
    "pan",
    "cardnumber",
    "accountnumber",
    "oldaccountnumber",
    "newaccountnumber",
    "cvc",
    "cvc2",
    "cvcstatus",
    "cvv",
    "cvv2",
    "csc",
    "securitycode",
    "pin",
    "track1",
    "track2",
    "networktoken",
    "cryptogram",
    "clientsecret",
    "signingsecret",
    "secondsecret",
    "secret",
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "assertion",
    "authorization",
    "apikey",
    "password",
    "privatekey",
    "oldvalue",
    "newvalue",
    "value",
];

/// Words in the names of headers and query parameters with a secret value.
const SECRET_WORDS: &[&str] = &[
    "auth",
    "token",
    "secret",
    "password",
    "passwd",
    "apikey",
    "accesskey",
    "credential",
    "assertion",
    "cookie",
    "session",
    "signature",
    "cardnumber",
    "cvc",
    "cvv",
];

fn is_secret_member(name: &str) -> bool {
    SECRET_MEMBERS.contains(&plain(name).as_str())
}

fn is_secret_parameter(name: &str) -> bool {
    let name = plain(name);
    SECRET_MEMBERS.contains(&name.as_str()) || SECRET_WORDS.iter().any(|word| name.contains(word))
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|character| character.to_ascii_lowercase()).collect()
}

/// The fewest digits of a card number. The API takes 14 or more; the shortest of any card network
/// has 12.
const CARD_NUMBER_DIGITS: usize = 12;

/// Returns the JSON with every secret member masked, and everything that looks like a card number.
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

/// Returns `true` if a part of the JSON is masked.
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
        let masked = match value {
            Value::Null => Value::Null,
            Value::Object(_) => json(value),
            _ if is_secret_member(name) => MASK.into(),
            _ => json(value),
        };
        (text(name), masked)
    };
    members.iter().map(mask).collect()
}

/// Returns the text with long runs of digits cut to their last four, and with secret URL parameters
/// masked.
pub(crate) fn text(text: &str) -> String {
    match text.split_once('?') {
        Some((before, parameters)) if parameters.contains('=') => {
            format!("{}?{}", digits(before), query(parameters))
        }
        _ => digits(text),
    }
}

/// Returns the query with the values of secret parameters masked, and card numbers in the others.
pub(crate) fn query(query: &str) -> String {
    let mask = |pair: &str| match pair.split_once('=') {
        Some((name, value)) if !value.is_empty() && is_secret_parameter(&decode_form(name.as_bytes())) => {
            format!("{}={MASK}", digits(name))
        }
        _ => digits(pair),
    };
    query.split('&').map(mask).collect::<Vec<_>>().join("&")
}

/// The most characters between two digits of one number, such as blanks, hyphens, dots or `%20`. A
/// colon belongs to a time of day.
const SEPARATORS: usize = 3;

fn digits(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut masked = String::with_capacity(text.len());
    let mut place = 0;
    while let Some(&character) = characters.get(place) {
        let end = if character.is_numeric() { end_of_run(&characters, place) } else { place + 1 };
        let run = &characters[place..end];
        let digits: Vec<_> = run.iter().copied().filter(|character| character.is_numeric()).collect();
        if digits.len() < CARD_NUMBER_DIGITS {
            masked.extend(run);
        } else {
            masked.push_str(MASK);
            masked.extend(&digits[digits.len() - 4..]);
        }
        place = end;
    }
    masked
}

/// Returns the place after the last digit of the run that starts here.
fn end_of_run(characters: &[char], start: usize) -> usize {
    let mut end = start + 1;
    let mut place = end;
    while let Some(character) = characters.get(place) {
        place += 1;
        if character.is_numeric() {
            end = place;
        } else if character.is_alphanumeric() || *character == ':' || place - end > SEPARATORS {
            break;
        }
    }
    end
}

/// Returns the headers in order, with credentials masked.
pub(crate) fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let mask = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        let scheme = value.split_once(' ').map(|(scheme, _)| scheme);
        let shown = match scheme.filter(|scheme| is_scheme(scheme)) {
            Some(scheme) => format!("{scheme} {MASK}"),
            None if is_secret_parameter(name.as_str()) => MASK.to_owned(),
            None => text(&value),
        };
        (text(name.as_str()), shown)
    };
    headers.iter().map(mask).collect()
}

fn is_scheme(text: &str) -> bool {
    ["bearer", "basic"].iter().any(|known| text.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_in_any_place() {
        assert_eq!(text("/cards/4111111111111111/x"), "/cards/****1111/x");
        for number in [
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "4111.1111.1111.1111",
            "4111_1111_1111_1111",
            "4111/1111/1111/1111",
            "4111 - 1111 - 1111 - 1111",
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
            "4111%201111%201111%201111",
            "4111+1111+1111+1111",
            "4111\u{a0}1111\u{2013}1111\u{200b}1111",
            "%34%31%31%31%31%31%31%31%31%31%31%31%31%31%31%31",
        ] {
            let shown = text(&format!("a {number} - b"));
            assert!(shown.contains("****") && shown.ends_with(" - b") && shown.len() < 17, "{shown}");
        }
        assert_eq!(text("\u{ff14}\u{ff11}".repeat(8).as_str()), "****\u{ff14}\u{ff11}\u{ff14}\u{ff11}");
        for harmless in [
            "CRD4111-1111",
            "2025-01-17T12:53:17.948290Z",
            "Sat, 01 Jan 2028 12:53:17 GMT",
            "127.0.0.1:54321",
        ] {
            assert_eq!(text(harmless), harmless);
        }
        let body = serde_json::json!({
            "data": {
                "attributes": { "pan": "tok_1", "exp_month": 5, "4111111111111111": 4111111111111111u64 },
                "meta": { "note": "card 4111.1111.1111.1111", "cardNumber": "x", "CVC-2": 123, "order": "A-1001" },
            }
        });
        let expected = serde_json::json!({
            "data": {
                "attributes": { "pan": "****", "exp_month": 5, "****1111": "****1111" },
                "meta": { "note": "card ****1111", "cardNumber": "****", "CVC-2": "****", "order": "A-1001" },
            }
        });
        assert_eq!(json(&body), expected);
    }

    #[test]
    fn secrets_in_queries() {
        let cases = [
            ("include=network_tokens", "include=network_tokens"),
            ("access_token=abc&x=1", "access_token=****&x=1"),
            ("a=1&Client-Secret=abc&client%5Fsecret=d", "a=1&Client-Secret=****&client%5Fsecret=****"),
            ("api_key=k&apiKey=k&signature=s&cvc=123", "api_key=****&apiKey=****&signature=****&cvc=****"),
            ("q=4111%201111%201111%201111", "q=****1111"),
            ("token", "token"),
        ];
        for (sent, shown) in cases {
            assert_eq!(query(sent), shown);
        }
        assert_eq!(text("http://127.0.0.1:1/hook?token=abc"), "http://127.0.0.1:1/hook?token=****");
        assert_eq!(text("Is it?"), "Is it?");
    }

    #[test]
    fn credentials_in_headers() {
        let mut map = HeaderMap::new();
        for (name, value, expected) in [
            ("authorization", "Bearer abc.def", "Bearer ****"),
            ("authorization", "bearer abc.def", "bearer ****"),
            ("authorization", "abc.def", "****"),
            ("proxy-authorization", "Digest abc", "****"),
            ("cookie", "session=1", "****"),
            ("x-api-key", "abc", "****"),
            ("x-auth-token", "abc", "****"),
            ("x-forwarded", "Basic abc", "Basic ****"),
            ("x-card", "4111.1111.1111.1111", "****1111"),
            ("referer", "http://a/?access_token=abc", "http://a/?access_token=****"),
            ("idempotency-key", "a-1", "a-1"),
        ] {
            map.clear();
            map.insert(header::HeaderName::from_static(name), value.parse().unwrap());
            assert_eq!(headers(&map)[0].1, expected, "{name}: {value}");
        }
    }
}
