//! Reads JSON and YAML strictly. What other readers drop silently is an error with its line: a member that occurs twice, a
//! second YAML document, a number that JSON can't hold.

use std::{cell::Cell, collections::BTreeSet, fmt, fs, path::Path};

use anyhow::{Result, bail, ensure};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The limit for the number of values. YAML's aliases can ask for any number in a few lines.
const MOST_VALUES: usize = 2_000_000;
/// YAML's key for the members of another mapping.
const MERGE: &str = "<<";

/// The language of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Json,
    Yaml,
}

impl Language {
    /// The language of a file, by its extension; `None` for a page.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
        }
    }
}

/// A reason why a text can't be read, and the place. Lines and columns count from 1.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) line: usize,
    column: usize,
    message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for Fault {}

/// The text of a file: UTF-8, without a byte order mark.
pub(crate) fn text(path: &Path) -> Result<String> {
    decoded(fs::read(path)?)
}

/// The text that these bytes are.
pub(crate) fn decoded(bytes: Vec<u8>) -> Result<String> {
    let is_utf_16 = bytes.starts_with(&[0xFE, 0xFF]) || bytes.starts_with(&[0xFF, 0xFE]);
    ensure!(
        !is_utf_16 && !bytes.contains(&0),
        "the file is not UTF-8 but looks like UTF-16; save it as UTF-8"
    );
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{FEFF}').map(str::to_owned).unwrap_or(text)),
        Err(error) => bail!("the file is not UTF-8: byte {}", error.utf8_error().valid_up_to()),
    }
}

/// The value in a JSON file.
pub(crate) fn json_file(path: &Path) -> Result<Value> {
    Ok(parse(&text(path)?, Language::Json)?)
}

/// The value in `text`.
pub(crate) fn parse(text: &str, language: Language) -> Result<Value, Fault> {
    parse_at_most(MOST_VALUES, text, language)
}

fn parse_at_most(most: usize, text: &str, language: Language) -> Result<Value, Fault> {
    let (left, inexact) = (Cell::new(most), inexact_integers(text));
    let strict = Strict { left: &left, inexact: &inexact, language };
    match language {
        Language::Json => {
            let mut reader = serde_json::Deserializer::from_str(text);
            let value = strict.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
            value.map_err(|error| fault(&error, Some((error.line(), error.column())), language))
        }
        Language::Yaml => strict.deserialize(yaml_serde::Deserializer::from_str(text)).map_err(|error| {
            let place = error.location().map(|place| (place.line(), place.column()));
            fault(&error, place, language)
        }),
    }
}

fn fault(error: &dyn fmt::Display, place: Option<(usize, usize)>, language: Language) -> Fault {
    let (line, column) = place.unwrap_or((1, 1));
    let text = error.to_string();
    let message = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
    Fault { line, column, message: format!("not {}: {message}", language.name()) }
}

/// The bits of each integer in `text` that a reader takes for the nearest float, where that is another number.
fn inexact_integers(text: &str) -> BTreeSet<u64> {
    let continues = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
    let words = text.split(|c: char| !continues(c));
    let integers = words.filter(|word| word.len() >= 19 && word.bytes().all(|b| b.is_ascii_digit()));
    let nearest = integers.filter_map(|word| {
        let value: f64 = word.parse().ok()?;
        (format!("{value:.0}") != word.trim_start_matches('0')).then(|| value.to_bits())
    });
    nearest.collect()
}

/// Reads any value, and counts.
#[derive(Clone, Copy)]
struct Strict<'c> {
    left: &'c Cell<usize>,
    inexact: &'c BTreeSet<u64>,
    language: Language,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let Some(left) = self.left.get().checked_sub(1) else {
            return Err(D::Error::custom("too many values"));
        };
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON can hold")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        if self.inexact.contains(&value.abs().to_bits()) {
            return Err(E::custom("an integer of more than 64 bits"));
        }
        let number = Number::from_f64(value);
        number.map(Value::Number).ok_or_else(|| E::custom(format!("{value} is not a number in JSON")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            out.push(item);
        }
        Ok(out.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        let mut merged: Option<Map<String, Value>> = None;
        let merges = self.language == Language::Yaml;
        while let Some(key) = members.next_key_seed(Key { known: &out, has_merged: merged.is_some() })? {
            let value = members.next_value_seed(self)?;
            if merges && key == MERGE {
                merged = Some(mergeable(value).map_err(A::Error::custom)?);
            } else {
                out.insert(key, value);
            }
        }
        // The mapping's own members win, in any order.
        for (key, value) in merged.into_iter().flatten() {
            out.entry(key).or_insert(value);
        }
        Ok(Value::Object(out))
    }
}

/// Returns the members that `<<` adds, from one mapping or from a list. In a list the first mapping wins.
fn mergeable(value: Value) -> Result<Map<String, Value>, String> {
    let maps = match value {
        Value::Array(maps) => maps,
        one => vec![one],
    };
    let mut out = Map::new();
    for map in maps {
        let Value::Object(map) = map else {
            return Err(format!("\"{MERGE}\" takes a mapping, or a list of mappings"));
        };
        for (key, value) in map {
            out.entry(key).or_insert(value);
        }
    }
    Ok(out)
}

/// Reads a member's name. YAML's `200:` is the name "200". A name that occurs twice is an error.
struct Key<'k> {
    known: &'k Map<String, Value>,
    has_merged: bool,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<String, E> {
        if self.known.contains_key(value) || self.has_merged && value == MERGE {
            return Err(E::custom(format!("the member \"{value}\" is there twice")));
        }
        Ok(value.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn yaml(text: &str) -> Result<Value, String> {
        parse(text, Language::Yaml).map_err(|fault| fault.to_string())
    }

    fn json_of(text: &str) -> Result<Value, String> {
        parse(text, Language::Json).map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_member_that_is_there_twice_is_an_error_with_its_line() {
        for (text, expected) in [
            ("{\n \"a\": 1,\n \"a\": 1\n}", "line 3, column 4: not JSON: the member \"a\" is there twice"),
            ("{\"a\": {\"b\": [{\"c\": 1, \"\\u0063\": 2}]}}", "not JSON: the member \"c\" is there twice"),
        ] {
            let error = json_of(text).expect_err(text);
            assert!(error.ends_with(expected), "{error}");
        }
        for (text, line, name) in [
            ("a: 1\nb: 2\na: 3\n", "line 3, column 1", "a"),
            ("x:\n  200: {}\n  \"200\": {}\n", "line 3, column 3", "200"),
            ("x: {a: 1, 'a': 2}\n", "line 1", "a"),
            ("a: &m {b: 1}\nc:\n  <<: *m\n  <<: *m\n", "line 4, column 3", "<<"),
        ] {
            let error = yaml(text).expect_err(text);
            assert!(error.starts_with(line), "{error}");
            assert!(error.ends_with(&format!("the member \"{name}\" is there twice")), "{error}");
        }
    }

    #[test]
    fn yaml_merges_what_a_merge_key_names() {
        let text =
            "one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\nout:\n  a: 0\n  <<: [*one, *two]\n  d: 3\n";
        assert_eq!(yaml(text).expect("merged")["out"], json!({"a": 0, "b": 1, "c": 2, "d": 3}));
        let error = yaml("a: 1\nb:\n  <<: 3\n").expect_err("no mapping");
        assert!(error.contains("takes a mapping"), "{error}");
        assert_eq!(json_of("{\"<<\": {\"a\": 1}}").expect("a member"), json!({"<<": {"a": 1}}));
    }

    #[test]
    fn yaml_keys_are_names_and_plain_words_are_strings() {
        let text = "200: a\ntrue: b\nno: on\n1.0: c\nday: 2026-11-22\nzip: 012\n";
        let expected =
            json!({"200": "a", "true": "b", "no": "on", "1.0": "c", "day": "2026-11-22", "zip": "012"});
        assert_eq!(yaml(text).expect("read"), expected);
    }

    #[test]
    fn what_json_can_not_hold_is_an_error() {
        for text in
            ["a: .inf\n", "a: .nan\n", "a: !tag b\n", "a: 1\n---\na: 2\n", "? [a, b]\n: 1\n", "a: *b\n"]
        {
            yaml(text).expect_err(text);
        }
        for text in ["{\"a\": 1e400}", "{\"a\": 1} {}", "{\"a\": 1,}", "{'a': 1}", ""] {
            json_of(text).expect_err(text);
        }
    }

    #[test]
    fn an_integer_is_read_exactly_or_not_at_all() {
        for integer in [
            "18446744073709551617",
            "-9223372036854775809",
            "123456789012345678901234567890",
            &"7".repeat(50),
        ] {
            let error = json_of(&format!("{{\n \"maximum\": {integer}}}")).expect_err(integer);
            assert!(error.starts_with("line 2, column "), "{error}");
            assert!(error.ends_with("an integer of more than 64 bits"), "{error}");
            yaml(&format!("maximum: {integer}\n")).expect_err(integer);
        }
        for (number, expected) in [
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("100000000000000000000", json!(1e20)),
            ("9.223372036854775807E18", json!(9.223_372_036_854_776E18)),
            ("1.7976931348623157E+308", json!(f64::MAX)),
            ("0.1234567890123456789012", json!(0.123_456_789_012_345_68)),
            ("\"18446744073709551617\"", json!("18446744073709551617")),
        ] {
            assert_eq!(json_of(number).expect(number), expected);
        }
    }

    #[test]
    fn deep_and_multiplied_values_are_bounded() {
        let deep = "[".repeat(2_000);
        assert!(json_of(&deep).expect_err("deep").contains("recursion limit"));
        assert!(yaml(&deep).expect_err("deep").contains("recursion limit"));
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb += &format!("a{level}: &a{level} [{aliases}]\n");
        }
        yaml(&bomb).expect_err("ten billion values");
        let wide = format!("a: &a [{}]\nb: [{}]\n", vec!["x"; 100].join(", "), vec!["*a"; 100].join(", "));
        let error = parse_at_most(10_000, &wide, Language::Yaml).expect_err("10,204 values").to_string();
        assert!(error.ends_with("too many values"), "{error}");
        parse_at_most(10_204, &wide, Language::Yaml).expect("10,204 values");
    }

    #[test]
    fn a_file_is_utf_8_with_or_without_a_mark() {
        assert_eq!(decoded(b"\xEF\xBB\xBF{}".to_vec()).expect("marked"), "{}");
        for bytes in [&b"\xFF\xFE{\0"[..], b"\xFE\xFF\0{", b"{\0}\0"] {
            let error = decoded(bytes.to_vec()).expect_err("UTF-16").to_string();
            assert!(error.contains("UTF-16"), "{error}");
        }
        assert_eq!(
            decoded(b"ab\xE9".to_vec()).expect_err("Latin-1").to_string(),
            "the file is not UTF-8: byte 2"
        );
    }

    #[test]
    fn the_extension_is_read_in_any_case() {
        assert_eq!(Language::of(Path::new("a.JSON")), Some(Language::Json));
        assert_eq!(Language::of(Path::new("a.YML")), Some(Language::Yaml));
        assert_eq!(Language::of(Path::new("a.Yaml")), Some(Language::Yaml));
        assert_eq!(Language::of(Path::new("a.md")), None);
    }
}
