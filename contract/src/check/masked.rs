//! Describes values from the service by type and size, and never shows them.

use std::collections::HashSet;

use serde_json::Value;

const MOST_DIGITS_OF_AN_INDEX: usize = 5;
const LONGEST_ID: usize = 64;
/// The possible lengths of a card number, over all networks.
const CARD_NUMBER: std::ops::RangeInclusive<usize> = 12..=19;

pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "a boolean".to_owned(),
        Value::Number(number) if number.is_f64() => "a number".to_owned(),
        Value::Number(_) => "an integer".to_owned(),
        Value::String(text) => format!("a string of {} characters", text.chars().count()),
        Value::Array(items) => format!("an array of {} items", items.len()),
        Value::Object(members) => format!("an object of {} members", members.len()),
    }
}

/// Masks unknown names in a JSON pointer, since a name that only the service knows could be a secret.
pub(crate) fn pointer(pointer: &str, known: &HashSet<String>) -> String {
    let is_index = |token: &str| {
        token.len() <= MOST_DIGITS_OF_AN_INDEX && token.bytes().all(|byte| byte.is_ascii_digit())
    };
    let shown = |token: &str| {
        if is_index(token) || known.contains(token) { token.to_owned() } else { "***".to_owned() }
    };
    pointer.split('/').map(shown).collect::<Vec<_>>().join("/")
}

/// Returns the media type if it is a usual one. Hides any other.
pub(crate) fn media_type(media_type: &str) -> String {
    const USUAL: [&str; 8] = [
        "application/json",
        "application/problem+json",
        "application/vnd.api+json",
        "application/xml",
        "application/octet-stream",
        "text/html",
        "text/plain",
        "text/xml",
    ];
    let known = USUAL.into_iter().find(|usual| usual.eq_ignore_ascii_case(media_type));
    known.unwrap_or("another media type").to_owned()
}

/// Returns the error of a token endpoint if RFC 6749, section 5.2, lists it. Hides any other.
pub(crate) fn known_word(error: &str) -> &'static str {
    const ERRORS: [&str; 6] = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    ];
    ERRORS.into_iter().find(|known| *known == error).unwrap_or("another error")
}

/// Returns the id of a test card that is left, so that somebody can delete the card. Hides a text that could be
/// something else than an id.
pub(crate) fn id(id: &str) -> String {
    let is_one = !id.is_empty()
        && id.len() <= LONGEST_ID
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && !id.as_bytes().windows(*CARD_NUMBER.start()).any(|run| run.iter().all(u8::is_ascii_digit));
    if is_one { id.to_owned() } else { "one whose id can't be shown".to_owned() }
}

/// Returns `true` if a word of the text could be a card number: only digits, and as many as a card number has.
pub(crate) fn holds_card_number(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| CARD_NUMBER.contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Calls `visit` with every string and number in the document, and its pointer.
pub(crate) fn leaves(value: &Value, at: &str, visit: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                leaves(member, &crate::spec::json::below(at, name), visit);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                leaves(item, &format!("{at}/{index}"), visit);
            }
        }
        Value::String(text) => visit(at, text),
        Value::Number(number) => visit(at, &number.to_string()),
        Value::Bool(_) | Value::Null => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_of_a_value_is_said() {
        for value in [json!("4111111111111111"), json!(4_111_111_111_111_111_u64), json!({"411111": 1})] {
            assert!(!describe(&value).contains("4111"), "{value}");
        }
        let known = ["data", "meta"].map(str::to_owned).into();
        for secret in ["4111111111111111", "aPlainAccessToken", "411111", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"] {
            assert_eq!(pointer(&format!("/data/meta/{secret}/0"), &known), "/data/meta/***/0");
            assert!(!media_type(&format!("application/{secret}")).contains(secret));
            assert!(!known_word(secret).contains(secret));
        }
    }

    #[test]
    fn the_id_of_a_card_that_is_left_is_shown_unless_it_holds_a_number() {
        assert_eq!(id("CRDsZ3kq9"), "CRDsZ3kq9");
        for other in ["", "..", "CRD5100260000019206", "a b"] {
            assert_eq!(id(other), "one whose id can't be shown");
        }
    }

    #[test]
    fn card_numbers_are_told_from_ids() {
        assert!(holds_card_number("no card 4111111111111111."));
        assert!(!holds_card_number("f2046b6548e7dbe5793adee1f4a13c63 37199757-3a4f-418f-bcf4 2025-01-17"));
    }
}
