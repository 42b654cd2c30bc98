//! What the facade says of its operations and notifications, read from its source.
//!
//! This crate must not depend on the facade: after a change of the contract that breaks the facade's build, this crate
//! is what mends it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use regex::Regex;

const SOURCE: &str = "cmp/src/operation.rs";
const FACTS: &str = r#"(?s)name: "(\w+)",\s+method: "(\w+)",\s+path: "([^"]+)",.*?class: RetryClass::(\w+),"#;

const EVENTS: &str = "cmp/src/webhooks/model.rs";
const DETAILS: &str = r"pub struct (\w+Details) \{";
/// A member that is read: how, and by which names.
const MEMBER: &str = r#"from\.(\w+)\(("\w+"(?:, "\w+")*)"#;

/// One operation, as `cmp::Operation` has it.
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) path: String,
    /// `Safe`, `Idempotent` or `Unsafe`.
    pub(crate) class: String,
}

pub(crate) fn operations(root: &Path) -> Result<Vec<Operation>> {
    let source = std::fs::read_to_string(root.join(SOURCE)).with_context(|| SOURCE.to_owned())?;
    let found: Vec<_> = Regex::new(FACTS)?
        .captures_iter(&source)
        .map(|facts| {
            let [name, method, path, class] = facts.extract().1.map(str::to_owned);
            Operation { name, method, path, class }
        })
        .collect();
    let written = source.matches("class: RetryClass::").count();
    ensure!(found.len() == written && written > 0, "{SOURCE}: read {} of {written} operations", found.len());
    Ok(found)
}

/// What the facade makes of a notification's details.
pub(crate) struct Details {
    pub(crate) name: String,
    /// The members that it reads, by their names in the contract.
    pub(crate) members: BTreeSet<String>,
    /// Those of them that it keeps as secrets.
    pub(crate) secrets: BTreeSet<String>,
}

/// The types of details, by name.
pub(crate) fn details(root: &Path) -> Result<Vec<Details>> {
    let source = std::fs::read_to_string(root.join(EVENTS)).with_context(|| EVENTS.to_owned())?;
    let mut found = details_in(&source)?;
    ensure!(!found.is_empty(), "{EVENTS} has no type of details");
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// Each type of details, with the members that are read before the next type.
fn details_in(source: &str) -> Result<Vec<Details>> {
    let (name, member) = (Regex::new(DETAILS)?, Regex::new(MEMBER)?);
    let starts: Vec<_> = source.match_indices("pub struct ").map(|(start, _)| start).collect();
    let ends = starts.iter().skip(1).copied().chain([source.len()]);
    let mut found = Vec::new();
    for part in starts.iter().zip(ends).map(|(start, end)| &source[*start..end]) {
        let Some(name) = name.captures(part).map(|found| found[1].to_owned()) else { continue };
        let mut details = Details { name, members: BTreeSet::new(), secrets: BTreeSet::new() };
        for member in member.captures_iter(part) {
            let names = member[2].split(", ").map(|name| name.trim_matches('"').to_owned());
            let names: Vec<_> = names.collect();
            if &member[1] == "secret" {
                details.secrets.extend(names.iter().cloned());
            }
            details.members.extend(names);
        }
        found.push(details);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_from_the_source() {
        let source = "pub struct CardDetails { }\nid: from.owned(\"id\").and_then(|id| id.ok()),\n\
                      pan: from.secret(\"pan\", Pan::new),\nexpiry: from.date(\"month\", \"year\"),\n\
                      pub struct OtherDetails(Members);\nfrom.text(\"other\")";
        let mut found = details_in(source).unwrap();
        assert_eq!(found.len(), 1, "the other has no members of its own");
        let details = found.remove(0);
        assert_eq!(details.name, "CardDetails");
        assert_eq!(details.members.into_iter().collect::<Vec<_>>(), ["id", "month", "pan", "year"]);
        assert_eq!(details.secrets.into_iter().collect::<Vec<_>>(), ["pan"]);
    }

    #[test]
    fn the_two_types_of_details_are_found() {
        let found = details(&crate::root::of_tests()).unwrap();
        let names: Vec<_> = found.iter().map(|details| details.name.as_str()).collect();
        assert_eq!(names, ["CardUpdateDetails", "NetworkTokenDetails"]);
        assert!(
            found.iter().all(|details| !details.secrets.is_empty()),
            "each has a card's or a token's number"
        );
    }
}
