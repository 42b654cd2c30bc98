//! Checks that each member whose name looks like a secret's is marked, as a scalar or as plain.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use serde_json::Value;

use super::{
    rules::{Scalar, Unsettled},
    schema::{self, target},
};
use crate::spec::json::below;

/// Endings of words in such a name. Endings are compared because names are often written as one word: `cardnumber`,
/// `firstname`.
const ENDINGS: [&str; 33] = [
    "account",
    "address",
    "alias",
    "birth",
    "birthday",
    "city",
    "code",
    "credential",
    "cryptogram",
    "csc",
    "cvc",
    "cvn",
    "cvv",
    "cvv2",
    "dob",
    "fax",
    "holder",
    "iban",
    "mail",
    "mobile",
    "name",
    "number",
    "pan",
    "passport",
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

/// Fails if a member looks like a secret but is neither marked nor in `plain`. Also fails if no member needs an entry
/// of `plain`.
pub(super) fn check(mut document: Value, plain: &[String]) -> Result<Value> {
    let whole = document.clone();
    let mut unused: BTreeSet<&String> = plain.iter().collect();
    schema::roots(&mut document, &mut |root, root_at| {
        let owner = root_at.strip_prefix("/components/schemas/").unwrap_or_default().to_owned();
        schema::inside_out(root, root_at, &mut |schema, at| {
            for (key, property) in schema::members(schema, "properties") {
                if !looks_secret(key) || !may_hold_anything(property, &whole) {
                    continue;
                }
                let exact = format!("{owner}.{key}");
                let entry = plain.iter().find(|entry| **entry == exact);
                let entry = entry.or_else(|| plain.iter().find(|entry| *entry == key));
                let Some(entry) = entry else {
                    let at = below(&below(at, "properties"), key);
                    bail!(Unsettled::Unmarked { at, exact, name: key.clone() });
                };
                unused.remove(entry);
            }
            Ok(())
        })
    })?;
    if let Some(stale) = unused.first() {
        bail!(Unsettled::Stale { section: "plain", name: (*stale).clone(), why: "no unmarked member needs" });
    }
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

/// Returns the words of a name in `snake_case`, `kebab-case` or `camelCase`.
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

/// Returns `true` if a schema allows arbitrary strings, numbers or values of any type: no mark and no list of values
/// restricts them.
fn may_hold_anything(schema: &Value, document: &Value) -> bool {
    let (mut open, mut seen) = (vec![schema], BTreeSet::new());
    while let Some(schema) = open.pop() {
        if let Some(name) = target(schema) {
            open.extend(schema::component(document, name).into_iter().filter(|_| seen.insert(name)));
            continue;
        }
        let format = schema.get("format").cloned().unwrap_or_default();
        let is_marked = serde_json::from_value::<Scalar>(format).is_ok();
        if is_marked || schema.get("enum").is_some() || schema.get("const").is_some() {
            continue;
        }
        let kinds = match schema.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().collect(),
            kind => Vec::from_iter(kind),
        };
        let is_simple = |kind: &&Value| ["string", "number", "integer"].iter().any(|word| *kind == word);
        let has_no_items = kinds.iter().any(|kind| *kind == "array") && schema.get("items").is_none();
        if kinds.iter().any(is_simple) || has_no_items || schema::is_untyped(schema) {
            return true;
        }
        let parts =
            ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
        let parts: Vec<_> = parts.collect();
        // Beside a list of values, a plain string only keeps the list open. Unknown values are of the same kind.
        if !parts.iter().any(|part| part.get("enum").is_some()) {
            open.extend(parts);
        }
        open.extend(schema.get("items"));
        // The type of an object without known members prints none of its values.
        open.extend(schema.get("additionalProperties").filter(|values| !schema::is_untyped(values)));
    }
    false
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
            "csc",
            "cvn2",
            "holder_dob",
            "faxes",
            "mobile",
            "passport",
            "credentials",
        ];
        let text = json!({"type": ["string", "null"]});
        for name in names {
            for property in [
                text.clone(),
                json!({"anyOf": [text, {"type": "null"}]}),
                json!({"items": text}),
                json!({"additionalProperties": text}),
                json!({"type": "array"}),
                json!({"items": {"description": "anything"}}),
                json!({}),
            ] {
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
            json!({"type": "object", "additionalProperties": {}}),
            json!({"type": "object", "additionalProperties": false}),
        ] {
            assert!(check(document("security_code", property.clone()), &[]).is_ok(), "{property}");
        }
    }

    #[test]
    fn a_schema_that_leads_back_to_itself_is_looked_at_once() {
        let to = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let mut whole = document("phone", to("Loop"));
        for holder in
            [json!({"items": to("Loop")}), json!({"anyOf": [to("Loop")]}), json!({"allOf": [to("Loop")]})]
        {
            whole["components"]["schemas"]["Loop"] = holder.clone();
            assert!(check(whole.clone(), &[]).is_ok(), "{holder}");
        }
        whole["components"]["schemas"]["Loop"] = json!({"anyOf": [to("Loop"), {"type": "string"}]});
        check(whole, &[]).expect_err("a string");
    }

    #[test]
    fn what_is_plain_is_named() {
        let text = json!({"type": "string"});
        for entry in ["currency_code", "Card.currency_code"] {
            assert!(check(document("currency_code", text.clone()), &[entry.to_owned()]).is_ok(), "{entry}");
        }
    }

    #[test]
    fn what_is_plain_and_needs_no_such_entry_is_stale() {
        let plain = |entries: &[&str]| entries.iter().map(ToString::to_string).collect::<Vec<_>>();
        let text = json!({"type": "string"});
        for (entries, stale, property) in [
            (plain(&["currency_code", "gone_code"]), "gone_code", &text),
            (plain(&["Card.currency_code", "Owner.currency_code"]), "Owner.currency_code", &text),
            (plain(&["Card.currency_code", "currency_code"]), "currency_code", &text),
            (plain(&["currency_code"]), "currency_code", &json!({"type": "boolean"})),
        ] {
            let error = check(document("currency_code", property.clone()), &entries).expect_err(stale);
            assert_eq!(
                error.to_string(),
                format!("openapi/lowering.toml, [plain] names \"{stale}\", which no unmarked member needs")
            );
        }
    }
}
