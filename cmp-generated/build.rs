//! Generates the client from `openapi.json`, and nothing else.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use openapiv3::{OpenAPI, ReferenceOr};
use progenitor::{GenerationSettings, Generator, HooksMode, InterfaceStyle};
use serde_json::{Value, json};

const DOCUMENT: &str = "openapi.json";
/// Marks a string whose known values the extension's target lists.
const OPEN_ENUM: &str = "x-open-enum";

/// JSON type and format of each mark, and the type that takes its place.
const SCALARS: [(&str, &str, &str); 9] = [
    ("string", "secret", "crate::scalar::Secret"),
    ("string", "personal", "crate::scalar::Personal"),
    ("string", "digits", "crate::scalar::Digits"),
    ("string", "last4", "crate::scalar::Last4"),
    ("string", "timestamp", "crate::scalar::Timestamp"),
    ("integer", "exp-month", "crate::scalar::ExpMonth"),
    ("integer", "exp-year", "crate::scalar::ExpYear"),
    ("number", "amount", "crate::scalar::Amount"),
    ("string", "jsonapi-version", "crate::scalar::JsonApiVersion"),
];

/// Schemas decoded by hand.
const REPLACED: [(&str, &str); 2] =
    [("IncludedResource", "crate::included::IncludedResource"), ("FreeForm", "crate::scalar::FreeForm")];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={DOCUMENT}");
    println!("cargo::rerun-if-changed=build.rs");
    let text = fs::read_to_string(DOCUMENT)?;
    check_marks(&serde_json::from_str(&text)?, "")?;
    let document: OpenAPI = serde_json::from_str(&text)?;
    let settings = settings(&document)?;
    let out = env::var("OUT_DIR")?;
    let client = Generator::new(&settings).generate_tokens(&document)?;
    fs::write(Path::new(&out).join("client.rs"), prettyplease::unparse(&syn::parse2(client)?))?;
    if env::var_os("CARGO_FEATURE_HTTPMOCK").is_some() {
        let mock = Generator::new(&settings).httpmock(&document, "crate")?;
        fs::write(Path::new(&out).join("mock.rs"), prettyplease::unparse(&syn::parse2(mock)?))?;
    }
    Ok(())
}

fn settings(document: &OpenAPI) -> Result<GenerationSettings, Box<dyn Error>> {
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Positional)
        .with_hooks(HooksMode::Expected)
        .with_inner_type("crate::hooks::Attempt".parse()?);
    for (json_type, format, path) in SCALARS {
        let schema = serde_json::from_value(json!({"type": json_type, "format": format}))?;
        settings.with_conversion(schema, path, [].into_iter());
    }
    for (name, path) in REPLACED {
        settings.with_replacement(name, path, [].into_iter());
    }
    for (name, known) in open_enums(document)? {
        settings.with_replacement(
            &name,
            format!("crate::scalar::Open<crate::types::{known}>"),
            [].into_iter(),
        );
    }
    Ok(settings)
}

/// The generator passes over a mark that it does not know, and one with a limit beside it, without a word, and makes a
/// type that prints what it holds.
fn check_marks(value: &Value, at: &str) -> Result<(), String> {
    let members = match value {
        Value::Object(members) => members,
        Value::Array(items) => return items.iter().try_for_each(|item| check_marks(item, at)),
        _ => return Ok(()),
    };
    if let Some(format) = members.get("format").and_then(Value::as_str) {
        let known =
            SCALARS.iter().any(|(json_type, mark, _)| *mark == format && members["type"] == **json_type);
        let plain = ["type", "format", "description", "nullable"];
        if !known || members.keys().any(|key| !plain.contains(&key.as_str())) {
            return Err(format!("{DOCUMENT}, {at}: no type for the format \"{format}\" as it stands here"));
        }
    }
    members.iter().try_for_each(|(key, member)| check_marks(member, &format!("{at}/{key}")))
}

fn open_enums(document: &OpenAPI) -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let mut found = Vec::new();
    for (name, schema) in document.components.iter().flat_map(|components| &components.schemas) {
        let ReferenceOr::Item(schema) = schema else { continue };
        if let Some(mark) = schema.schema_data.extensions.get(OPEN_ENUM) {
            let target =
                mark.get("$ref").and_then(Value::as_str).and_then(|target| target.rsplit('/').next());
            let known = target.ok_or_else(|| format!("{name}: {OPEN_ENUM} refers to nothing"))?;
            found.push((name.clone(), known.to_owned()));
        }
    }
    Ok(found)
}
