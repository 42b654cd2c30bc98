//! Generates the client. `build.rs` uses this module. `cargo xtask spec merge` also uses it, to refuse a contract from
//! which no client can be generated.

use std::error::Error;

use openapiv3::{OpenAPI, ReferenceOr};
use proc_macro2::TokenStream;
use progenitor::{GenerationSettings, Generator, HooksMode, InterfaceStyle};
use serde_json::{Value, json};

/// The extension that marks a string as an open list. It refers to the list of known values.
const OPEN_ENUM: &str = "x-open-enum";

/// The JSON type and the format of each mark, and the hand-written type for it.
const SCALARS: [(&str, &str, &str); 11] = [
    ("string", "text", "crate::scalar::Text"),
    ("string", "reference", "crate::scalar::Reference"),
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

/// The schemas that hand-written types replace.
pub(crate) const REPLACED: [(&str, &str); 2] =
    [("IncludedResource", "crate::included::IncludedResource"), ("FreeForm", "crate::scalar::FreeForm")];

/// A lowered document that is ready for the generator.
pub(crate) struct Client {
    document: OpenAPI,
    mocked: OpenAPI,
    settings: GenerationSettings,
}

impl Client {
    pub(crate) fn of(lowered: &str) -> Result<Self, Box<dyn Error>> {
        let value = serde_json::from_str(lowered)?;
        check_marks(&value, "")?;
        let document = serde_json::from_str(lowered)?;
        let mocked = serde_json::from_value(with_text_parameters(value))?;
        let settings = settings(&document)?;
        Ok(Self { document, mocked, settings })
    }

    /// Returns the code of the client and its types.
    pub(crate) fn code(&self) -> Result<TokenStream, Box<dyn Error>> {
        Ok(Generator::new(&self.settings).generate_tokens(&self.document)?)
    }

    /// Returns the code of the operations' mocks, for tests with httpmock.
    pub(crate) fn mock(&self) -> Result<TokenStream, Box<dyn Error>> {
        Ok(Generator::new(&self.settings).httpmock(&self.mocked, "crate")?)
    }
}

/// Gives query parameters a string type if they are lists, objects or choices. A mock compares a query as text, and
/// such types have no text form.
fn with_text_parameters(mut document: Value) -> Value {
    let schemas = document.pointer("/components/schemas").cloned().unwrap_or_default();
    let items = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    let operations = items.flat_map(|(_, item)| item.as_object_mut()).flatten();
    let parameters = operations.flat_map(|(_, operation)| operation.get_mut("parameters")?.as_array_mut());
    for parameter in parameters.flatten() {
        let mut schema = &parameter["schema"];
        while let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|to| to.rsplit('/').next())
        {
            schema = &schemas[name];
        }
        let kind = schema["type"].as_str().unwrap_or_default();
        if parameter["in"] == "query" && !matches!(kind, "string" | "integer" | "number" | "boolean") {
            parameter["schema"] = json!({"type": "string"});
        }
    }
    document
}

fn settings(document: &OpenAPI) -> Result<GenerationSettings, Box<dyn Error>> {
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Positional)
        .with_hooks(HooksMode::Expected)
        .with_inner_type("crate::hooks::Context".parse()?)
        .with_map_type("crate::scalar::Named");
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

/// Fails on an unknown mark, or a mark with a limit beside it. The generator would silently ignore such a mark, and
/// generate a type that prints its value.
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
            return Err(format!("{at}: no type for the format \"{format}\" as it stands here"));
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
