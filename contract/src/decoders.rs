//! Each reader of texts from outside as a function of bytes, with what must hold for any bytes.
//!
//! `fuzz/` feeds them for hours and `tests/tests/decoders.rs` for a moment. The commands can't be used for this: they
//! read and write a workspace, print, and end the process.

#![expect(clippy::missing_panics_doc, reason = "a panic is what each function is run for")]

use std::{path::Path, sync::LazyLock};

use serde_json::Value;

use crate::{
    diff::{
        comparison::Comparison,
        items::Facade,
        prepare::{Prepared, prepare},
        report::{self, Format},
    },
    spec::{
        correct::{self, Correction},
        files::{Layout, Tree},
        import, json, merge, read,
    },
};

struct Known {
    layout: Layout,
    tree: Tree,
    merged: Value,
    contract: Prepared,
    facade: Facade,
}

/// The contract that this program was built with.
static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let layout = Layout::built_in();
    let tree = layout.tree().expect("fragments");
    let rules = layout.rules().expect("rules");
    let merged = merge::merge(&tree.fragments, Some(&rules.primary)).expect("a contract");
    let contract = prepare(&layout, &tree.fragments).expect("a contract");
    let facade = Facade::read(Path::new("no workspace")).expect("nothing to read");
    Known { layout, tree, merged, contract, facade }
});

/// A documentation page, as `spec import` reads it.
///
/// The documents of an accepted page are kept as they are, and a second import of the page changes nothing.
pub fn page(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let file = Path::new("page.md");
    let Ok(once) = refused_in_words(import::of_text(&Tree::default(), file, &text)) else { return };
    for fragment in once.fragments.values() {
        let written = json::pretty(fragment).expect("a value can be written");
        assert_eq!(&document(&written).expect("and read"), fragment);
    }
    if let Ok(twice) = import::of_text(&once, file, &text) {
        assert_eq!(once.fragments, twice.fragments, "a second import changes something");
    }
    // It may fit beside the contract or not.
    if let Ok(over) = refused_in_words(import::of_text(&KNOWN.tree, file, &text)) {
        drop(refused_in_words(merge::merge(&over.fragments, None)));
    }
}

/// One fragment among the others: merged, corrected, lowered, and compared with the contract as it is.
pub fn fragment(input: &[u8]) {
    let Some(text) = text(input) else { return };
    for file in ["fragment.json", "fragment.yaml"] {
        let Ok(tree) = refused_in_words(import::of_text(&KNOWN.tree, Path::new(file), &text)) else {
            continue;
        };
        if let Ok(prepared) = refused_in_words(prepare(&KNOWN.layout, &tree.fragments)) {
            compare(&prepared);
        }
        return;
    }
}

/// A correction, applied to the merged documents. A correction that applies changes something and leaves no reference
/// without a target.
pub fn correction(input: &[u8]) {
    let Some(document) = text(input).and_then(|text| document(&text)) else { return };
    let Ok(correction) = refused_in_words(Correction::parse("one.json", document)) else { return };
    correct::remains_of(KNOWN.merged.clone(), &correction);
    if let Ok(corrected) = refused_in_words(correct::correct(KNOWN.merged.clone(), &[correction])) {
        assert_ne!(corrected, KNOWN.merged);
        json::check_references(&corrected).expect("each reference has a target");
    }
}

/// A whole document, compared with the contract.
pub fn comparison(input: &[u8]) {
    let Some(document) = text(input).and_then(|text| document(&text)) else { return };
    if let Ok(prepared) = refused_in_words(Prepared::whole(&KNOWN.layout, document)) {
        compare(&prepared);
    }
}

/// Compares both ways. Nothing differs from itself, and a difference is one from either side.
fn compare(other: &Prepared) {
    let Known { contract, facade, .. } = &*KNOWN;
    let Ok(there) = refused_in_words(Comparison::of(contract, other, facade)) else { return };
    let back = Comparison::of(other, contract, facade).expect("it was compared");
    assert_eq!(there.changes.is_empty(), back.changes.is_empty(), "a difference from one side only");
    let same = Comparison::of(other, other, facade).expect("it was compared");
    assert!(same.changes.is_empty(), "a contract differs from itself");
    for format in [Format::Text, Format::Markdown, Format::Json] {
        report::render(&there, format).expect("a report");
    }
}

/// The error is written as a person would see it.
fn refused_in_words<T>(outcome: anyhow::Result<T>) -> anyhow::Result<T> {
    if let Err(error) = &outcome {
        assert!(!format!("{error:#}").trim().is_empty());
    }
    outcome
}

fn text(input: &[u8]) -> Option<String> {
    refused_in_words(read::decoded(input.to_vec())).ok()
}

/// JSON, or else YAML.
fn document(text: &str) -> Option<Value> {
    let json = read::parse(text, read::Language::Json);
    json.or_else(|_| read::parse(text, read::Language::Yaml)).ok()
}
