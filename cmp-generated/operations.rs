//! The facts about each operation, as a macro that makes the facade's `Operation`.

use std::error::Error;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use serde_json::Value;

/// The extension of an operation that has its facts.
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
    Ok(quote! {
        /// Expands to `$with! { … }` with one entry for each operation of the contract whose facts are known.
        ///
        /// The facade makes its enum of operations with it. The facts are data: see `openapi/operations.toml` in the
        /// project's repository.
        #[macro_export]
        macro_rules! with_operations {
            ($with:ident) => { $with! { #(#entries)* } };
        }
    })
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

/// `get_card` and `cards:read` as the names of variants.
fn pascal(words: &str) -> String {
    let words = words.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}
