//! Pages and OpenAPI files in, fragments and their sources out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::files::{Layout, Tree};
use super::sources::{Origin, Source, Sources};
use super::{json, merge, page, split, transcribed, write};

/// What the person who imports says about the pages.
#[derive(Default)]
pub(crate) struct Note {
    /// `YYYY-MM-DD`
    pub(crate) date: Option<String>,
}

/// One operation's document as it stands on a page or in a file.
struct Found {
    page: String,
    section: Option<String>,
    origin: Origin,
    text: String,
    document: Value,
}

pub(crate) fn run(layout: &Layout, pages: &[PathBuf], note: &Note) -> Result<()> {
    let old = layout.tree_to_import_into()?;
    let new = checked(&old, pages, note)?;
    write::replace_tree(layout, &old, &new, &[])
}

/// The fragments and sources after the import, if they fit together.
pub(crate) fn checked(old: &Tree, pages: &[PathBuf], note: &Note) -> Result<Tree> {
    if let Some(date) = &note.date {
        ensure!(is_date(date), "--date {date}: expected YYYY-MM-DD");
    }
    let new = imported(old, pages, note)?;
    merge::merge(&new.fragments, None)
        .context("the imported documents do not fit those in openapi/fragments; nothing was written")?;
    Ok(new)
}

/// The fragments and sources as they are once `pages` are imported over `old`.
pub(crate) fn imported(old: &Tree, pages: &[PathBuf], note: &Note) -> Result<Tree> {
    import(old, read_all(pages)?, note)
}

/// What the published fragments of `old` and these transcriptions make together.
pub(crate) fn transcriptions(old: &Tree, files: &[PathBuf]) -> Result<Tree> {
    let found = read_all(files)?;
    let mut names = BTreeSet::new();
    for Found { page, origin, document, .. } in &found {
        let file = file_name(document)?;
        ensure!(*origin == Origin::Transcribed, "{page}: {} is missing for {file}", transcribed::MARK);
        names.insert(file);
    }
    let mut new = import(old, found, &Note::default())?;
    new.sources.0.retain(|file, source| source.origin == Origin::Published || names.contains(file));
    new.fragments.retain(|file, _| new.sources.0.contains_key(file));
    Ok(new)
}

fn read_all(pages: &[PathBuf]) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for path in pages {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        found.extend(read(path, &text).with_context(|| path.display().to_string())?);
    }
    Ok(found)
}

/// The documents in one input: a Markdown page, or an OpenAPI file in JSON or YAML.
fn read(path: &Path, text: &str) -> Result<Vec<Found>> {
    let document = match path.extension().and_then(|e| e.to_str()) {
        Some("json") => serde_json::from_str(text).context("not JSON")?,
        Some("yaml" | "yml") => yaml_serde::from_str(text).context("not YAML")?,
        _ => return from_page(text),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let parts = split::by_operation(&document)?;
    let found = parts.into_iter().map(|document| {
        let (page, section, origin) = match transcribed::place(&document)? {
            Some(place) => (place.page, Some(place.section), Origin::Transcribed),
            None => (name.clone(), None, Origin::Published),
        };
        Ok(Found { page, section, origin, text: json::pretty(&document)?, document })
    });
    found.collect()
}

fn from_page(text: &str) -> Result<Vec<Found>> {
    let page = page::parse(text)?;
    let found = page.fences.into_iter().map(|fence| Found {
        page: page.title.clone(),
        section: Some(fence.section),
        origin: Origin::Published,
        text: fence.text,
        document: fence.document,
    });
    Ok(found.collect())
}

/// The fragments and sources after the import; what the same pages held before and hold no more is gone. Into an empty
/// folder it is a new start, for which the sources only lend their dates.
fn import(old: &Tree, found: Vec<Found>, note: &Note) -> Result<Tree> {
    let mut fragments = BTreeMap::new();
    let mut sources = Sources::default();
    for Found { page, section, origin, text, document } in found {
        let place =
            section.as_ref().map_or_else(|| page.clone(), |section| format!("{page}, section \"{section}\""));
        let file = file_name(&document).with_context(|| place.clone())?;
        let sha256 =
            Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let source = Source {
            document: info(&document, "title").with_context(|| place.clone())?,
            version: info(&document, "version").with_context(|| place.clone())?,
            imported: old.sources.date_for(&file, &sha256, note.date.as_ref()),
            origin,
            url: old.sources.url_of(&page),
            page,
            section,
            sha256,
        };
        if fragments.insert(file.clone(), document).is_some() {
            bail!("{place}: the operation of {file} is already on another of these pages or sections");
        }
        sources.0.insert(file, source);
    }
    if old.fragments.is_empty() {
        return Ok(Tree { fragments, sources });
    }
    let pages: BTreeSet<_> = sources.0.values().map(|s| (s.page.clone(), s.document.clone())).collect();
    for (file, source) in &old.sources.0 {
        if !sources.0.contains_key(file) && !pages.contains(&(source.page.clone(), source.document.clone())) {
            let fragment = old.fragments.get(file).with_context(|| format!("fragments/{file} is missing"))?;
            fragments.insert(file.clone(), fragment.clone());
            sources.0.insert(file.clone(), source.clone());
        }
    }
    Ok(Tree { fragments, sources })
}

fn info(document: &Value, key: &str) -> Result<String> {
    let value = document.pointer(&format!("/info/{key}")).and_then(Value::as_str);
    value.map(str::to_owned).with_context(|| format!("the document has no /info/{key}"))
}

/// `post-cards.json` for `POST /cards`, `get-cards-card_id.json` for `GET /cards/{card_id}`.
fn file_name(document: &Value) -> Result<String> {
    let mut operations = Vec::new();
    for (path, item) in json::section(document, "paths", "")? {
        let members = json::object(item, &json::below("/paths", path))?;
        operations.extend(members.keys().filter(|k| split::METHODS.contains(&k.as_str())).map(|m| (m, path)));
    }
    let [(method, path)] = operations[..] else {
        bail!("expected one operation, found {}", operations.len());
    };
    let words: Vec<&str> = path.split(['/', '{', '}']).filter(|word| !word.is_empty()).collect();
    Ok(format!("{method}-{}.json", words.join("-")))
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let digits = |part: &str, width| part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit());
    matches!(parts[..], [year, month, day] if digits(year, 4) && digits(month, 2) && digits(day, 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(page: &str, path: &str, text: &str) -> Found {
        let document =
            json!({"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": {path: {"get": {}}}});
        let (page, section) = (page.to_owned(), Some("S".to_owned()));
        Found { page, section, origin: Origin::Published, text: text.to_owned(), document }
    }

    fn note(date: &str) -> Note {
        Note { date: Some(date.to_owned()) }
    }

    #[test]
    fn files_are_named_by_method_and_path() {
        let name =
            |path: &str| file_name(&json!({"paths": {path: {"get": {}, "parameters": []}}})).expect("a name");
        assert_eq!(name("/cards"), "get-cards.json");
        assert_eq!(name("/cards/{card_id}/network-tokens"), "get-cards-card_id-network-tokens.json");
    }

    #[test]
    fn the_date_changes_only_with_the_content() {
        let empty = Tree::default();
        let first = import(&empty, vec![found("P", "/a", "one")], &note("2025-01-01")).expect("imported");
        let again = import(&first, vec![found("P", "/a", "one")], &note("2025-02-02")).expect("imported");
        assert_eq!(first.sources, again.sources);
        let changed = import(&again, vec![found("P", "/a", "two")], &note("2025-03-03")).expect("imported");
        assert_eq!(changed.sources.0["get-a.json"].imported.as_deref(), Some("2025-03-03"));
    }

    #[test]
    fn a_page_replaces_what_it_held_and_leaves_other_pages_alone() {
        let first = vec![found("P", "/a", "a"), found("P", "/b", "b"), found("Q", "/c", "c")];
        let before = import(&Tree::default(), first, &note("2025-01-01")).expect("imported");
        let after = import(&before, vec![found("P", "/b", "b")], &note("2025-02-02")).expect("imported");
        assert_eq!(after.fragments.keys().collect::<Vec<_>>(), ["get-b.json", "get-c.json"]);
    }

    #[test]
    fn dates_have_one_form() {
        assert!(is_date("2025-01-31"));
        assert!(!is_date("31.1.2025"));
        assert!(!is_date("2025-1-31"));
    }
}
