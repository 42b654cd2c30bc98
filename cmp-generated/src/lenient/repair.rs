//! Repairs text that is almost JSON.
//!
//! The repair is one pass, with time and memory proportional to the length of the text. Unknown defects stay.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::de::IgnoredAny;

/// Replaces half a surrogate pair in a string.
const REPLACEMENT: &str = "\\ufffd";

pub(super) fn repair(body: &[u8]) -> String {
    let text = decoded(body);
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\0' | '\u{feff}'));
    let mut repaired = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut depth = 0_usize;
    while let Some(first) = rest.chars().next() {
        let mut length = first.len_utf8();
        match first {
            '"' => length = string(rest, &mut repaired),
            ',' if is_trailing(rest, &repaired) => {}
            c if is_bare(c) => length = bare(rest, &mut repaired),
            _ => repaired.push(first),
        }
        match first {
            '{' | '[' => depth += 1,
            // Drops text after the document, such as a proxy's comment. A second document stays, and makes the text
            // invalid.
            '}' | ']' if depth == 1 && !rest[1..].trim_start().starts_with(['{', '[']) => break,
            '}' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        rest = &rest[length..];
    }
    repaired
}

/// Returns `true` if the comma at the start of `rest` follows the last entry of a list or object.
fn is_trailing(rest: &str, before: &str) -> bool {
    rest[1..].trim_start().starts_with(['}', ']']) && !before.trim_end().ends_with(['{', '[', ','])
}

/// Returns `true` for a character of a number or a name without quotes.
fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | '_')
}

/// Decodes UTF-8 or UTF-16. UTF-16 is recognised by a byte order mark, or by a `{` at the start.
fn decoded(body: &[u8]) -> Cow<'_, str> {
    let utf_16 = |octets: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = octets.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        let characters = char::decode_utf16(units).map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER));
        Cow::Owned(characters.collect())
    };
    match body {
        [0xff, 0xfe, rest @ ..] | rest @ [b'{', 0, ..] => utf_16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] | rest @ [0, b'{', ..] => utf_16(rest, u16::from_be_bytes),
        _ => String::from_utf8_lossy(body),
    }
}

/// Repairs a number or a name without quotes.
///
/// A number that is out of range becomes the nearest number in range. A number that is invalid in JSON, such as `007`,
/// becomes a string. `NaN`, infinities and other languages' words for null become `null`. `True` and `False` become
/// `true` and `false`.
fn bare(rest: &str, repaired: &mut String) -> usize {
    let token = &rest[..rest.find(|c: char| !is_bare(c)).unwrap_or(rest.len())];
    let mut digits = token.trim_start_matches(['-', '+', '.']).chars();
    match token {
        "NaN" | "Infinity" | "+Infinity" | "-Infinity" | "undefined" | "None" => repaired.push_str("null"),
        "True" => repaired.push_str("true"),
        "False" => repaired.push_str("false"),
        _ if !digits.next().is_some_and(|c| c.is_ascii_digit()) => repaired.push_str(token),
        _ if serde_json::from_str::<IgnoredAny>(token).is_err() => {
            let _ = write!(repaired, "\"{token}\"");
        }
        _ => match token.parse::<f64>() {
            Ok(number) if number.is_infinite() => {
                // The exponent form makes every reader read a float.
                let _ = write!(repaired, "{:e}", number.clamp(f64::MIN, f64::MAX));
            }
            _ => repaired.push_str(token),
        },
    }
    token.len()
}

/// Repairs a string that ends at its quote or at the end of the text. Returns the string's length in `rest`.
fn string(rest: &str, repaired: &mut String) -> usize {
    repaired.push('"');
    let mut at = 1;
    while let Some(length) = rest[at..].find(|c: char| c < ' ' || matches!(c, '"' | '\\')) {
        repaired.push_str(&rest[at..at + length]);
        at += length;
        at += match rest.as_bytes()[at] {
            b'"' => {
                repaired.push('"');
                return at + 1;
            }
            b'\\' => escape(&rest[at..], repaired),
            control => {
                let _ = write!(repaired, "\\u{control:04x}");
                1
            }
        };
    }
    repaired.push_str(&rest[at..]);
    rest.len()
}

fn escape(rest: &str, repaired: &mut String) -> usize {
    const SHORT: usize = 2;
    const LONG: usize = 6;
    match rest.as_bytes().get(1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
            repaired.push_str(&rest[..SHORT]);
            SHORT
        }
        Some(b'u') => match (code_unit(rest), rest.get(LONG..).and_then(code_unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => {
                repaired.push_str(&rest[..2 * LONG]);
                2 * LONG
            }
            (Some(0xd800..=0xdfff), _) => {
                repaired.push_str(REPLACEMENT);
                LONG
            }
            (Some(_), _) => {
                repaired.push_str(&rest[..LONG]);
                LONG
            }
            (None, _) => {
                repaired.push_str("\\\\u");
                SHORT
            }
        },
        // Not an escape: the backslash stands for itself.
        _ => {
            repaired.push_str("\\\\");
            1
        }
    }
}

/// Returns the number of an escape `\u` with four hexadecimal digits.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_serde_json_refuses_is_mended() {
        for (body, expected) in [
            (&b"\xef\xbb\xbf {\"a\": 1}\r\n\0\0"[..], r#"{"a": 1}"#),
            (b"\xff\xfe{\0}\0", "{}"),
            (b"\xfe\xff\0{\0}", "{}"),
            (br#"{"a": "\ud800"}"#, r#"{"a": "\ufffd"}"#),
            (br#"{"a": "x\udc00y\ud83d\ude00\ud83d"}"#, r#"{"a": "x\ufffdy\ud83d\ude00\ufffd"}"#),
            (br#"{"\ud800": 1}"#, r#"{"\ufffd": 1}"#),
            (b"{\"a\": \"\xff\", \"b\": \"\t\n\"}", "{\"a\": \"\u{fffd}\", \"b\": \"\\u0009\\u000a\"}"),
            (br#"{"a": "\x", "b": "\u12"}"#, r#"{"a": "\\x", "b": "\\u12"}"#),
            (
                b"[1e400, -1E+400, 1e-400, 12]",
                "[1.7976931348623157e308, -1.7976931348623157e308, 1e-400, 12]",
            ),
            (b"[NaN, Infinity, -Infinity, null]", "[null, null, null, null]"),
            (b"[undefined, None, True, False, true]", "[null, null, true, false, true]"),
            (b"[007, 0, 0.5, -0, 1e5, 10]", r#"["007", 0, 0.5, -0, 1e5, 10]"#),
            (b"[+5, .5, 5., 0x1f, -.5, 1_000]", r#"["+5", ".5", "5.", "0x1f", "-.5", "1_000"]"#),
            (
                br#"{"a": [1, 2, ], "b": {"c": ",]",
            }, }"#,
                r#"{"a": [1, 2 ], "b": {"c": ",]"
            } }"#,
            ),
            (b"{\0}\0", "{}"),
            (br#"{"a": [1]}<!-- by a proxy -->"#, r#"{"a": [1]}"#),
            (b"\0{\0}", "{}"),
        ] {
            let text = repair(body);
            assert_eq!(text, expected, "{}", String::from_utf8_lossy(body));
            serde_json::from_str::<Value>(&text).expect("JSON");
        }
    }

    #[test]
    fn what_is_broken_stays_broken() {
        for body in [
            r#"{"a": "x"#,
            r#"{"a": 1"#,
            "{\"a\": \"\\",
            "",
            "<html>1</html>",
            "{\"a\": -}",
            "{}{}",
            "{} [",
            "{,}",
            "[1,,]",
            "{a: 1}",
            "Nothing to see, True or not",
        ] {
            assert!(serde_json::from_str::<Value>(&repair(body.as_bytes())).is_err(), "{body}");
        }
    }

    proptest! {
        #[test]
        fn good_json_stays_as_it_is(text in "\\PC*", number: f64) {
            let body = serde_json::json!({"a": [text, number, null, true], "b\u{1}\"\\": {}}).to_string();
            prop_assert_eq!(repair(body.as_bytes()), body);
        }

        #[test]
        fn no_body_makes_it_panic(body: Vec<u8>, text in "[\\[\\]{}\",:\\\\ud8c0-9eE+.NI\0\u{feff}é-]*") {
            repair(&body);
            repair(text.as_bytes());
        }
    }
}
