//! What may be said of values that came from the service: their type and size, never themselves.

use serde_json::Value;

const LONGEST_NAME: usize = 40;
const MOST_DIGITS: usize = 5;
/// The shortest card number of any network, and the longest.
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

/// A JSON pointer or a media type with every name that could hold a value hidden.
pub(crate) fn pointer(pointer: &str) -> String {
    let shown = |token: &str| if is_name(token) { token.to_owned() } else { "***".to_owned() };
    pointer.split('/').map(shown).collect::<Vec<_>>().join("/")
}

fn is_name(token: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '~' | '{' | '}');
    token.len() <= LONGEST_NAME
        && token.chars().all(letters)
        && token.chars().filter(char::is_ascii_digit).count() <= MOST_DIGITS
}

/// Whether a word of the text could be a card number: digits alone, as many as one has.
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
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_of_a_value_is_said() {
        for value in [json!("4111111111111111"), json!(4_111_111_111_111_111_u64), json!({"411111": 1})] {
            assert!(!describe(&value).contains("4111"), "{value}");
        }
        assert_eq!(pointer("/data/attributes/exp_month"), "/data/attributes/exp_month");
        assert_eq!(pointer("/data/meta/4111111111111111/0"), "/data/meta/***/0");
    }

    #[test]
    fn card_numbers_are_told_from_ids() {
        assert!(holds_card_number("no card 4111111111111111."));
        assert!(!holds_card_number("f2046b6548e7dbe5793adee1f4a13c63 37199757-3a4f-418f-bcf4 2025-01-17"));
    }
}
