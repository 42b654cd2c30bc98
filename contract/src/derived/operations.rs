//! What the other crates and the README say of the operations: the simulator's list, and the README's table.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use heck::ToUpperCamelCase;
use serde_json::Value;

use super::page::secrets;
use crate::{
    diff::Facade,
    spec::{
        facts::{Class, Lowered},
        write::cell,
    },
};

/// The lines around the README's table.
const TABLE: [&str; 2] =
    ["<!-- operations: written by `cargo xtask spec merge` -->", "<!-- end of operations -->"];

/// The marked members that hold a card's or a token's data. The others are the cardholder's.
const CARD_DATA: [&str; 7] = ["cvc", "network_token", "new_value", "old_value", "pan", "pan_alias", "value"];

/// Returns the macro call in `cmp-simulator/src/documented.rs`.
pub(super) fn of_simulator(operations: &[Lowered], lowered: &Value) -> String {
    let mut text = "// Written by `cargo xtask spec merge`. Do not edit.\n\noperations! {\n".to_owned();
    for Lowered { method, path, facts } in operations {
        let variant = facts.name.to_upper_camel_case();
        let has_body = !lowered["paths"][path][method.to_lowercase()]["requestBody"].is_null();
        text += &format!("    {variant} \"{}\" {method} \"{path}\" {has_body}\n", facts.name);
    }
    text + "}\n"
}

/// Returns the README with a new table of operations; nothing where no README has a place for it.
pub(super) fn readme(
    root: &Path,
    operations: &[Lowered],
    lowered: &Value,
) -> Result<Option<(PathBuf, String)>> {
    let path = root.join("README.md");
    if !path.is_file() {
        return Ok(None);
    }
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let [begin, end] = TABLE;
    let Some((before, (_, after))) =
        text.split_once(begin).and_then(|(before, rest)| Some((before, rest.split_once(end)?)))
    else {
        // Another workspace's README. A test of this one misses the table.
        return Ok(None);
    };
    let table = table(&Facade::read(root)?, operations, lowered);
    Ok(Some((path, format!("{before}{begin}\n{table}{end}{after}"))))
}

fn table(facade: &Facade, operations: &[Lowered], lowered: &Value) -> String {
    let mut text =
        "| call | request | card data sent | card data returned | repeated after a lost answer | scope |\n\
                    |---|---|---|---|---|---|\n"
            .to_owned();
    for operation in operations {
        let Lowered { method, path, facts } = operation;
        let described = &lowered["paths"][path][method.to_lowercase()];
        let card_data = |part: &str| {
            let marked: BTreeSet<_> = secrets(&described[part], lowered).into_iter().collect();
            let names = CARD_DATA.iter().map(|name| format!("`{name}`"));
            names.filter(|name| marked.contains(name)).collect::<Vec<_>>().join(", ")
        };
        let (repeated, scope) = match &facts.known {
            Some(known) if known.class == Class::Unsafe => {
                (format!("no: {}", cell(&known.because)), format!("`{}`", known.scope))
            }
            Some(known) => ("yes".to_owned(), format!("`{}`", known.scope)),
            None => (String::new(), String::new()),
        };
        let calls: Vec<_> = facade.calls_of(&facts.name).iter().map(|call| format!("`{call}`")).collect();
        let _ = writeln!(
            text,
            "| {} | `{method} {path}` | {} | {} | {repeated} | {scope} |",
            calls.join(", "),
            card_data("requestBody"),
            card_data("responses"),
        );
    }
    text
}
