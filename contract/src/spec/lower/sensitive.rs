//! Members whose names say that they could hold a secret: each must be marked, as one or as none.

use anyhow::{Result, bail};
use serde_json::Value;

use super::rules::Scalar;
use super::schema::{self, target};
use crate::spec::json::below;

/// How a word of such a name ends. Names are run together as often as not: `cardnumber`, `firstname`.
const ENDINGS: [&str; 26] = [
    "account",
    "address",
    "alias",
    "birth",
    "birthday",
    "city",
    "code",
    "cryptogram",
    "cvc",
    "cvv",
    "cvv2",
    "holder",
    "iban",
    "mail",
    "name",
    "number",
    "pan",
    "password",
    "phone",
    "pin",
    "postal",
    "secret",
    "ssn",
    "street",
    "token",
    "zip",
];

/// Fails on the first member that looks like a secret, is not marked, and is not in `plain`.
pub(super) fn check(mut document: Value, plain: &[String]) -> Result<Value> {
    let whole = document.clone();
    schema::roots(&mut document, &mut |root, root_at| {
        let owner = root_at.strip_prefix("/components/schemas/").unwrap_or_default().to_owned();
        schema::inside_out(root, root_at, &mut |schema, at| {
            for (key, property) in schema::members(schema, "properties") {
                if !looks_secret(key) || !may_hold_anything(property, &whole) {
                    continue;
                }
                let exact = format!("{owner}.{key}");
                if !plain.iter().any(|entry| entry == key || *entry == exact) {
                    let place = below(&below(at, "properties"), key);
                    bail!(
                        "{place} could hold a secret by its name: in openapi/lowering.toml, add \"{exact}\" (or \"{key}\", \
                         for every schema) to `secret` or `personal` below [scalars], or to `plain` if it holds none"
                    );
                }
            }
            Ok(())
        })
    })?;
    Ok(document)
}

fn looks_secret(name: &str) -> bool {
    let ends = |word: &str| ENDINGS.iter().any(|ending| word.ends_with(ending));
    words(name).iter().any(|word| {
        let counted = word.trim_end_matches(|c: char| c.is_ascii_digit());
        ends(word)
            || ends(counted)
            || counted.strip_suffix('s').is_some_and(ends)
            || counted.strip_suffix("es").is_some_and(ends)
    })
}

/// The words of `snake_case`, `kebab-case` and `camelCase`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && !before.is_ascii_uppercase()) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_ascii_alphanumeric(), words.last_mut()) {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words
}

/// Whether it is a string or a number that no mark and no list of values says more about.
fn may_hold_anything(schema: &Value, document: &Value) -> bool {
    if let Some(name) = target(schema) {
        return schema::component(document, name).is_ok_and(|schema| may_hold_anything(schema, document));
    }
    let format = schema.get("format").cloned().unwrap_or_default();
    let is_marked = serde_json::from_value::<Scalar>(format).is_ok();
    if is_marked || schema.get("enum").is_some() || schema.get("const").is_some() {
        return false;
    }
    let simple = |kind: &Value| ["string", "number", "integer"].iter().any(|word| kind == word);
    let own = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(simple),
        Some(kind) => simple(kind),
        None => false,
    };
    let parts =
        ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
    let parts: Vec<_> = parts.collect();
    // An open list of values: what it will hold is of the same kind.
    let is_open_list = parts.iter().any(|part| part.get("enum").is_some());
    let items = schema.get("items").is_some_and(|items| may_hold_anything(items, document));
    own || items || (!is_open_list && parts.iter().any(|part| may_hold_anything(part, document)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(name: &str, property: Value) -> Value {
        json!({"components": {"schemas": {"Card": {"properties": {name: property}}}}})
    }

    #[test]
    fn a_member_that_looks_like_a_secret_must_be_marked() {
        let names = [
            "security_code",
            "billing_email",
            "pan",
            "panNumber",
            "cardnumber",
            "firstName",
            "phones",
            "address2",
            "mailing-address",
            "account_numbers",
            "fundingPAN",
            "cvv2",
            "aliases",
        ];
        let text = json!({"type": ["string", "null"]});
        for name in names {
            for property in [text.clone(), json!({"anyOf": [text, {"type": "null"}]}), json!({"items": text})]
            {
                let error = check(document(name, property), &[]).expect_err(name).to_string();
                assert!(error.contains(&format!("/properties/{name} could hold a secret")), "{error}");
                assert!(error.contains(&format!("add \"Card.{name}\"")), "{error}");
            }
        }
    }

    #[test]
    fn what_can_not_hold_one_needs_no_mark() {
        let text = json!({"type": "string"});
        for name in ["company", "state", "brand", "expanded", "codec", "renamed_at"] {
            assert!(check(document(name, text.clone()), &[]).is_ok(), "{name}");
        }
        for property in [
            json!({"type": "string", "format": "secret"}),
            json!({"enum": ["a", "b"]}),
            json!({"anyOf": [{"enum": ["a"]}, {"type": "string"}]}),
            json!({"type": "boolean"}),
            json!({"type": "object"}),
        ] {
            assert!(check(document("security_code", property.clone()), &[]).is_ok(), "{property}");
        }
    }

    #[test]
    fn what_is_plain_is_named() {
        let text = json!({"type": "string"});
        for entry in ["currency_code", "Card.currency_code"] {
            assert!(check(document("currency_code", text.clone()), &[entry.to_owned()]).is_ok(), "{entry}");
        }
    }
}
