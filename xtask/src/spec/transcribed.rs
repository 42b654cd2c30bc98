//! Documents written down by hand from pages that have no OpenAPI document.
//!
//! They stand in `openapi/transcribed`, and `import --transcribed` makes fragments of them. Each of their operations
//! says where it was read, in an extension that stays on it in the contract.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::files::Layout;
use super::import;
use super::sources::Origin;
use super::split::METHODS;

/// The extension on an operation that says where it was read.
pub(crate) const MARK: &str = "x-transcribed-from";

/// What [`MARK`] holds.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    pub(crate) page: String,
    pub(crate) section: String,
}

/// Where a fragment's operation was read; `None` for a published one, which must not have the mark.
pub(crate) fn place(fragment: &Value, origin: Origin) -> Result<Option<Place>> {
    let items = fragment.get("paths").and_then(Value::as_object).into_iter().flatten();
    let operations = items.flat_map(|(path, item)| METHODS.map(|method| (path, method, item.get(method))));
    for (path, method, operation) in operations {
        let Some(operation) = operation else { continue };
        let at = format!("{} {path}", method.to_uppercase());
        return match (operation.get(MARK), origin) {
            (None, Origin::Published) => Ok(None),
            (None, Origin::Transcribed) => bail!("{at}: \"{MARK}\" is missing: which page was it read on?"),
            (Some(_), Origin::Published) => bail!("{at} has \"{MARK}\": import it with --transcribed"),
            (Some(mark), Origin::Transcribed) => {
                Place::deserialize(mark).map(Some).with_context(|| format!("{at}: \"{MARK}\""))
            }
        };
    }
    Ok(None)
}

/// Fails unless the transcribed fragments are what the files in `openapi/transcribed` give.
pub(crate) fn check(layout: &Layout) -> Result<()> {
    let old = layout.tree()?;
    let files = files(layout)?;
    let new = import::transcriptions(&old, &files)?;
    let stale = old.fragments.iter().find(|(file, fragment)| {
        new.fragments.get(*file) != Some(*fragment) || new.sources.0.get(*file) != old.sources.0.get(*file)
    });
    let missing = new.fragments.keys().find(|file| !old.fragments.contains_key(*file));
    let file = stale.map(|(file, _)| file).or(missing);
    ensure!(
        file.is_none(),
        "openapi/fragments/{} is not what openapi/transcribed gives; run `cargo xtask spec import --transcribed \
         openapi/transcribed/*`",
        file.map(String::as_str).unwrap_or_default()
    );
    Ok(())
}

fn files(layout: &Layout) -> Result<Vec<PathBuf>> {
    let folder = layout.transcriptions();
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        files.push(entry?.path());
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fragment(operation: Value) -> Value {
        json!({"paths": {"/a": {"get": operation}}})
    }

    #[test]
    fn the_mark_is_on_what_was_transcribed_and_nowhere_else() {
        let marked = fragment(json!({MARK: {"page": "P", "section": "S"}}));
        let found = place(&marked, Origin::Transcribed).expect("a place");
        assert_eq!(found, Some(Place { page: "P".to_owned(), section: "S".to_owned() }));
        assert_eq!(place(&fragment(json!({})), Origin::Published).expect("published"), None);

        let error = place(&marked, Origin::Published).expect_err("not published");
        assert_eq!(
            error.to_string(),
            "GET /a has \"x-transcribed-from\": import it with --transcribed"
        );
        let error = place(&fragment(json!({})), Origin::Transcribed).expect_err("no mark");
        assert!(error.to_string().starts_with("GET /a: \"x-transcribed-from\" is missing"), "{error}");
        let error =
            place(&fragment(json!({MARK: "P"})), Origin::Transcribed).expect_err("no section").to_string();
        assert_eq!(error, "GET /a: \"x-transcribed-from\"");
    }
}
