//! Generates macros with the facts about operations and responses, for the facade.

use std::collections::BTreeMap;
use std::error::Error;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use serde_json::Value;

/// The extension with the facts about an operation.
const EXTENSION: &str = "x-facts";

pub(crate) fn facts(lowered: &str) -> Result<TokenStream, Box<dyn Error>> {
    let lowered: Value = serde_json::from_str(lowered)?;
    let mut entries = Vec::new();
    for (path, item) in lowered["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if let Some(facts) = operation.get(EXTENSION) {
                entries.push((path, method.to_uppercase(), &operation["operationId"], facts));
            }
        }
    }
    entries.sort_by_key(|(path, method, ..)| (*path, method.clone()));
    let entries = entries
        .into_iter()
        .map(|(path, method, name, facts)| entry(path, &method, name, facts))
        .collect::<Result<Vec<_>, _>>()?;
    let responses = responses(&lowered);
    Ok(quote! {
        /// Expands to `$with! { … }` with the type of each successful response that has a body. A type is marked
        /// `traced` if it has the trace id that VGS support asks for, else `untraced`.
        #[macro_export]
        macro_rules! with_responses {
            ($with:ident) => { $with! { #(#responses)* } };
        }

        /// Expands to `$with! { … }` with one entry for each operation of the contract whose facts are known.
        ///
        /// The facade defines its enum of operations with this macro. The facts come from `openapi/operations.toml` in
        /// the project's repository.
        #[macro_export]
        macro_rules! with_operations {
            ($with:ident) => { $with! { #(#entries)* } };
        }
    })
}

fn responses(lowered: &Value) -> Vec<TokenStream> {
    let mut found = BTreeMap::new();
    let items = lowered["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    for operation in items.filter_map(Value::as_object).flat_map(|item| item.values()) {
        for (_, response) in operation["responses"].as_object().into_iter().flatten() {
            let schema = &response["content"]["application/json"]["schema"];
            if let Some(name) = schema["$ref"].as_str().and_then(|target| target.rsplit('/').next()) {
                found.insert(pascal(name), is_traced(lowered, schema));
            }
        }
    }
    let entry = |(name, is_traced)| {
        let [name, kind] = [name, if is_traced { "traced" } else { "untraced" }.to_owned()]
            .map(|ident: String| format_ident!("{ident}"));
        quote! { #name: #kind, }
    };
    found.into_iter().map(entry).collect()
}

fn is_traced(lowered: &Value, response: &Value) -> bool {
    let mut schema = response;
    for member in ["metadata", "observability", "trace_id"] {
        let target = schema["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
        schema = &target.and_then(|target| lowered.pointer(target)).unwrap_or(schema)["properties"][member];
    }
    !schema.is_null()
}

fn entry(path: &str, method: &str, name: &Value, facts: &Value) -> Result<TokenStream, Box<dyn Error>> {
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or("a fact is not a string");
    let (name, class, because) = (text(name)?, pascal(&text(&facts["class"])?), text(&facts["because"])?);
    let (scope, when_unknown) = (text(&facts["scope"])?, text(&facts["when_unknown"])?);
    let doc = format!(" `{method} {path}`: [`RetryClass::{class}`], since {because}.");
    let [variant, class, scope] =
        [pascal(&name), class, pascal(&scope)].map(|ident| format_ident!("{ident}"));
    Ok(quote! {
        #[doc = #doc]
        #variant {
            name: #name,
            method: #method,
            path: #path,
            class: #class,
            scope: #scope,
            when_unknown: #when_unknown,
        }
    })
}

/// Returns the name of a variant: `GetCard` for `get_card`, `CardsRead` for `cards:read`.
fn pascal(words: &str) -> String {
    let words = words.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}
