//! Pages and OpenAPI files in, fragments and their sources out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use chrono::NaiveDate;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    files,
    files::{Layout, Tree, visible},
    json, merge, page, pipeline,
    read::{self, Language},
    sources,
    sources::{Origin, Source, Sources},
    split, write,
};

/// What the person who imports says about the pages.
#[derive(Default)]
pub(crate) struct Note {
    /// `YYYY-MM-DD`
    pub(crate) date: Option<String>,
    /// Where the files were fetched from.
    pub(crate) fetched: BTreeMap<PathBuf, Fetched>,
}

/// A page or OpenAPI file that was fetched.
pub(crate) struct Fetched {
    /// The name that its fragments had before. An OpenAPI file keeps it.
    pub(crate) page: String,
    pub(crate) url: String,
}

/// One operation's document as it stands on a page or in a file.
struct Found {
    page: String,
    /// The address that the page was fetched from.
    url: Option<String>,
    section: Option<String>,
    /// The line of the page on which it begins.
    line: Option<usize>,
    origin: Origin,
    text: String,
    document: Value,
}

pub(crate) fn run(layout: &Layout, pages: &[PathBuf], note: &Note) -> Result<()> {
    let old = layout.tree_to_import_into()?;
    let new = checked(&old, pages, note)?;
    write::replace_tree(layout, &old, &new, &[])?;
    write::to_stdout(&files::summary(&old, &new))
}

/// The fragments and sources after the import, if they fit together.
pub(crate) fn checked(old: &Tree, pages: &[PathBuf], note: &Note) -> Result<Tree> {
    if let Some(date) = &note.date {
        ensure!(is_date(date), "--date {date}: expected a day as YYYY-MM-DD");
    }
    let new = imported(old, pages, note)?;
    merge::merge(&new.fragments, None)
        .context("the imported documents do not fit those in openapi/fragments; nothing was written")?;
    Ok(new)
}

/// The fragments and sources as they are once `pages` are imported over `old`.
pub(crate) fn imported(old: &Tree, pages: &[PathBuf], note: &Note) -> Result<Tree> {
    import(old, read_all(pages, note)?, note)
}

/// The same for the text of one page, by the name of its file.
pub(crate) fn of_text(old: &Tree, file: &Path, text: &str) -> Result<Tree> {
    import(old, read(file, text)?, &Note::default())
}

/// Fails unless the transcribed fragments are what the files in `openapi/transcribed` give.
pub(crate) fn check_transcribed(layout: &Layout) -> Result<()> {
    let old = layout.tree()?;
    let files = transcribed_files(layout)?;
    let new = transcriptions(&old, &files)?;
    let stale = old.fragments.iter().find(|(file, fragment)| {
        new.fragments.get(*file) != Some(*fragment) || new.sources.0.get(*file) != old.sources.0.get(*file)
    });
    let missing = new.fragments.keys().find(|file| !old.fragments.contains_key(*file));
    let file = stale.map(|(file, _)| file).or(missing);
    ensure!(
        file.is_none(),
        "openapi/fragments/{} is not what openapi/transcribed gives; run `cargo xtask spec import openapi/transcribed/*`",
        file.map(String::as_str).unwrap_or_default()
    );
    Ok(())
}

fn transcribed_files(layout: &Layout) -> Result<Vec<PathBuf>> {
    let folder = layout.transcriptions();
    if folder.exists() { visible(&folder) } else { Ok(Vec::new()) }
}

/// What the published fragments of `old` and these transcriptions make together.
pub(crate) fn transcriptions(old: &Tree, files: &[PathBuf]) -> Result<Tree> {
    let found = read_all(files, &Note::default())?;
    let mut names = BTreeSet::new();
    for Found { page, origin, document, .. } in &found {
        let file = Operation::of(document)?.file_name();
        ensure!(*origin == Origin::Transcribed, "{page}: {} is missing for {file}", sources::TRANSCRIBED);
        names.insert(file);
    }
    let mut new = import(old, found, &Note::default())?;
    new.sources.0.retain(|file, source| source.origin == Origin::Published || names.contains(file));
    new.fragments.retain(|file, _| new.sources.0.contains_key(file));
    Ok(new)
}

fn read_all(pages: &[PathBuf], note: &Note) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for path in pages {
        let text = read::text(path).with_context(|| path.display().to_string())?;
        let mut read = read(path, &text).with_context(|| path.display().to_string())?;
        if let Some(fetched) = note.fetched.get(path) {
            for one in &mut read {
                one.url = Some(fetched.url.clone());
                if one.page == name_of(path) {
                    one.page.clone_from(&fetched.page);
                }
            }
        }
        found.extend(read);
    }
    Ok(found)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The documents in one input: a Markdown page, or an OpenAPI file in JSON or YAML.
fn read(path: &Path, text: &str) -> Result<Vec<Found>> {
    let Some(language) = Language::of(path) else { return from_page(text) };
    let document = read::parse(text, language)?;
    not_written_here(&document)?;
    let document = split::with_path_items(document)?;
    let name = name_of(path);
    let parts = split::by_operation(&document)?;
    let found = parts.into_iter().map(|document| {
        let (page, section, origin) = match sources::place(&document)? {
            Some(place) => (place.page, Some(place.section), Origin::Transcribed),
            None => (name.clone(), None, Origin::Published),
        };
        Ok(Found { page, url: None, section, line: None, origin, text: json::pretty(&document)?, document })
    });
    found.collect()
}

fn from_page(text: &str) -> Result<Vec<Found>> {
    let page = page::parse(text)?;
    let mut found = Vec::new();
    for page::Fence { section, line, text, document } in page.fences {
        let documents = documents(document, text);
        for (document, text) in documents.with_context(|| format!("section \"{section}\", line {line}"))? {
            let (page, section) = (page.title.clone(), Some(section.clone()));
            let origin = Origin::Published;
            found.push(Found { page, url: None, section, line: Some(line), origin, text, document });
        }
    }
    Ok(found)
}

/// The document of a fence with its text; one for each operation, where the fence has a whole API.
fn documents(document: Value, text: String) -> Result<Vec<(Value, String)>> {
    let document = split::with_path_items(document)?;
    if split::operations(&document)?.len() < 2 {
        return Ok(vec![(document, text)]);
    }
    let parts = split::by_operation(&document)?;
    parts.into_iter().map(|part| json::pretty(&part).map(|text| (part, text))).collect()
}

/// The fragments and sources after the import; what the same pages held before and hold no more is gone. Into an empty
/// folder it is a new start, for which the sources only lend their dates.
fn import(old: &Tree, found: Vec<Found>, note: &Note) -> Result<Tree> {
    let mut new = Tree::default();
    for found in found {
        let place = found.place();
        add(&mut new, &old.sources, found, note).context(place)?;
    }
    if !old.fragments.is_empty() {
        keep(&mut new, old)?;
    }
    Ok(new)
}

impl Found {
    fn place(&self) -> String {
        let section = self.section.as_ref().map(|section| format!(", section \"{section}\""));
        let line = self.line.map(|line| format!(", line {line}"));
        self.page.clone() + &section.unwrap_or_default() + &line.unwrap_or_default()
    }
}

fn not_written_here(document: &Value) -> Result<()> {
    ensure!(
        document.get(pipeline::MARK).is_none(),
        "\"{}\" says that this tool wrote the document; import what VGS publishes",
        pipeline::MARK
    );
    Ok(())
}

fn add(new: &mut Tree, old: &Sources, found: Found, note: &Note) -> Result<()> {
    let Found { page, url, section, origin, text, document, .. } = found;
    not_written_here(&document)?;
    let operation = Operation::of(&document)?;
    let file = operation.file_name();
    if let Some(other) = new.fragments.get(&file) {
        operation.check_same(&file, other)?;
        bail!("{operation} is already on another of these pages or sections");
    }
    let sha256 = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let source = Source {
        document: info(&document, "title")?,
        version: info(&document, "version")?,
        imported: old.date_for(&file, &sha256, note.date.as_ref()),
        origin,
        url: url.or_else(|| old.url_of(&page)),
        page,
        section,
        sha256,
    };
    new.fragments.insert(file.clone(), document);
    new.sources.0.insert(file, source);
    Ok(())
}

/// Takes over from `old` what stands on other pages. A page may have another title than before, at the same address. An
/// operation stays with its document.
fn keep(new: &mut Tree, old: &Tree) -> Result<()> {
    let pages: BTreeSet<_> = new.sources.0.values().map(|s| (s.page.clone(), s.document.clone())).collect();
    let urls: BTreeSet<_> = new.sources.0.values().map(|s| (s.url.clone(), s.document.clone())).collect();
    for (file, source) in &old.sources.0 {
        if let Some(fresh) = new.sources.0.get(file) {
            ensure!(
                fresh.document == source.document,
                "{file}: the document \"{}\" ({}) has an operation of the document \"{}\" ({}); if that was \
                 renamed, empty openapi/fragments and import all its pages",
                fresh.document,
                fresh.page,
                source.document,
                source.page
            );
        }
        let is_at_its_address =
            source.url.is_some() && urls.contains(&(source.url.clone(), source.document.clone()));
        if is_at_its_address || pages.contains(&(source.page.clone(), source.document.clone())) {
            continue;
        }
        let fragment = old.fragments.get(file).with_context(|| format!("fragments/{file} is missing"))?;
        match new.fragments.get(file) {
            Some(fresh) => Operation::of(fresh)?.check_same(file, fragment)?,
            None => {
                new.fragments.insert(file.clone(), fragment.clone());
                new.sources.0.insert(file.clone(), source.clone());
            }
        }
    }
    Ok(())
}

/// `info.title` or `info.version`. A version without quotes is a number in YAML.
fn info(document: &Value, key: &str) -> Result<String> {
    let value = document.pointer(&format!("/info/{key}"));
    let value = value.with_context(|| format!("the document has no /info/{key}"))?;
    let text = value.as_str().with_context(|| format!("/info/{key} is {value}; it must be a string"))?;
    Ok(text.to_owned())
}

/// What a fragment is about: one operation.
#[derive(Debug, PartialEq, Eq)]
enum Operation {
    Request {
        method: String,
        path: String,
    },
    Webhook(String),
    /// No operation, but what those of a large file share; by the document's title.
    Shared(String),
}

impl Operation {
    fn of(document: &Value) -> Result<Self> {
        let operations = split::operations(document)?;
        if document.get(split::SHARED).is_some() && operations.is_empty() {
            return Ok(Self::Shared(info(document, "title")?));
        }
        let [(section, path, method)] = operations[..] else {
            bail!("expected one operation, found {}", operations.len());
        };
        if section != split::WEBHOOKS {
            return Ok(Self::Request { method: method.clone(), path: path.clone() });
        }
        ensure!(method == split::NOTIFYING, "webhook {path}: expected {}, found {method}", split::NOTIFYING);
        Ok(Self::Webhook(path.clone()))
    }

    /// `post-cards.json` for `POST /cards`, `get-cards-card_id.json` for `GET /cards/{card_id}`, `notify-au_card.json`
    /// for the webhook `au_card`.
    fn file_name(&self) -> String {
        let (kind, path) = match self {
            Self::Request { method, path } => (method.as_str(), path),
            Self::Webhook(name) => ("notify", name),
            Self::Shared(title) => {
                let words: Vec<String> = title
                    .split(|c: char| !c.is_ascii_alphanumeric())
                    .filter(|word| !word.is_empty())
                    .map(str::to_ascii_lowercase)
                    .collect();
                return format!("shared-{}.json", words.join("-"));
            }
        };
        let words: Vec<&str> = path.split(['/', '{', '}']).filter(|word| !word.is_empty()).collect();
        format!("{kind}-{}.json", words.join("-"))
    }

    /// Fails if `other`, which has the same `file` name, is another operation's document.
    fn check_same(&self, file: &str, other: &Value) -> Result<()> {
        let other = Self::of(other)?;
        ensure!(*self == other, "{self} and {other} would both be openapi/fragments/{file}");
        Ok(())
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { method, path } => write!(f, "{} {path}", method.to_uppercase()),
            Self::Webhook(name) => write!(f, "webhook {name}"),
            Self::Shared(title) => write!(f, "what operations of \"{title}\" share"),
        }
    }
}

/// Whether `text` is a day of the calendar in the one form that `sources.toml` has.
fn is_date(text: &str) -> bool {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d");
    date.is_ok_and(|date| date.format("%Y-%m-%d").to_string() == text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(page: &str, path: &str, text: &str) -> Found {
        let document =
            json!({"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": {path: {"get": {}}}});
        let (page, section) = (page.to_owned(), Some("S".to_owned()));
        let origin = Origin::Published;
        Found { page, url: None, section, line: None, origin, text: text.to_owned(), document }
    }

    fn note(date: &str) -> Note {
        Note { date: Some(date.to_owned()), ..Note::default() }
    }

    #[test]
    fn a_fetched_page_is_the_one_at_its_address_whatever_its_title() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let of = |paths: &[&str]| {
            let paths: serde_json::Map<_, _> =
                paths.iter().map(|path| ((*path).to_owned(), json!({"get": {}}))).collect();
            json!({"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": paths})
        };
        let page =
            |title: &str, paths: &[&str]| format!("# {title}\n\n## S\n\n```json\n{}\n```\n", of(paths));
        let url = "https://docs.example/it";
        for (first, before, second, after, known_as) in [
            (
                "openapi.json",
                of(&["/a", "/b"]).to_string(),
                "page-0.json",
                of(&["/a"]).to_string(),
                "openapi.json",
            ),
            ("Cards.md", page("Cards", &["/a", "/b"]), "page-0.md", page("Cards API", &["/a"]), "Cards API"),
        ] {
            let [first, second] = [(first, before), (second, after)].map(|(name, text)| {
                let path = folder.path().join(name);
                std::fs::write(&path, text).expect("written");
                path
            });
            let mut old = imported(&Tree::default(), &[first], &Note::default()).expect("imported");
            old.sources.0.values_mut().for_each(|source| source.url = Some(url.to_owned()));
            let name = old.sources.0.values().next().expect("a source").page.clone();
            let fetched = BTreeMap::from([(second.clone(), Fetched { page: name, url: url.to_owned() })]);
            let new = imported(&old, &[second], &Note { fetched, ..Note::default() }).expect("imported");
            let sources: Vec<_> = new.sources.0.iter().collect();
            let [(file, source)] = sources[..] else { panic!("{:?}", new.sources) };
            assert_eq!((file.as_str(), source.url.as_deref()), ("get-a.json", Some(url)));
            assert_eq!((source.page.as_str(), new.fragments.len()), (known_as, 1));
        }
    }

    #[test]
    fn files_are_named_by_method_and_path() {
        let name = |path: &str| {
            let document = json!({"paths": {path: {"get": {}, "parameters": []}}});
            Operation::of(&document).expect("an operation").file_name()
        };
        assert_eq!(name("/cards"), "get-cards.json");
        assert_eq!(name("/cards/{card_id}/network-tokens"), "get-cards-card_id-network-tokens.json");
        let webhook = Operation::of(&json!({"webhooks": {"au_card": {"post": {}}}})).expect("a webhook");
        assert_eq!(
            (webhook.file_name().as_str(), webhook.to_string().as_str()),
            ("notify-au_card.json", "webhook au_card")
        );
        let error =
            Operation::of(&json!({"webhooks": {"au_card": {"put": {}}}})).expect_err("not sent by POST");
        assert_eq!(error.to_string(), "webhook au_card: expected post, found put");
    }

    #[test]
    fn a_fence_with_a_whole_api_gives_one_fragment_for_each_operation() {
        let to = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
        let whole = json!({
            "openapi": "3.1.0", "info": {"title": "T", "version": "1"},
            "components": {"schemas": {"A": {"type": "object"}, "B": {"type": "object"}}},
            "paths": {
                "/a": {"get": {"responses": {"200": to("A")}}, "post": {"responses": {"200": to("B")}}},
                "/b": {"get": {"responses": {"200": to("B")}}}
            },
            "webhooks": {"sent": {"post": {"requestBody": to("A")}}}
        });
        let page = format!("# P\n\n## S\n\n```json\n{whole}\n```\n\n## More\n\n```json\n{}\n```\n", {
            let mut one = whole.clone();
            one["paths"] = json!({"/c": {"get": {}}});
            one["webhooks"] = json!({});
            one
        });
        let new =
            import(&Tree::default(), from_page(&page).expect("a page"), &Note::default()).expect("imported");
        let names: Vec<_> = new.fragments.keys().map(String::as_str).collect();
        assert_eq!(names, ["get-a.json", "get-b.json", "get-c.json", "notify-sent.json", "post-a.json"]);
        assert_eq!(new.fragments["post-a.json"]["components"]["schemas"], json!({"B": {"type": "object"}}));
        assert_eq!(new.sources.0["get-b.json"].section.as_deref(), Some("S"));
        // A fence with one operation stays as it was published, with what nothing refers to.
        assert_eq!(new.fragments["get-c.json"]["components"], whole["components"]);
        let error = from_page(&page.replace("#/components/schemas/A", "#/components/schemas/Gone"));
        let error = format!("{:#}", error.err().expect("a dangling reference"));
        assert!(error.starts_with("section \"S\", line 5: "), "{error}");
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
        assert!(!is_date("2025-13-45"));
        assert!(!is_date("2025-02-29") && is_date("2024-02-29"));
    }

    #[test]
    fn two_paths_of_one_file_name_are_both_named() {
        let both = vec![found("P", "/a-b", "a"), found("P", "/a/b", "b")];
        let error = import(&Tree::default(), both, &Note::default()).expect_err("one file name");
        assert_eq!(
            format!("{error:#}"),
            "P, section \"S\": GET /a/b and GET /a-b would both be openapi/fragments/get-a-b.json"
        );
        let before = import(&Tree::default(), vec![found("P", "/a-b", "a")], &Note::default());
        let before = before.expect("imported");
        let error =
            import(&before, vec![found("Q", "/a/b", "b")], &Note::default()).expect_err("of two pages");
        assert!(error.to_string().starts_with("GET /a/b and GET /a-b would both be"), "{error}");
        let moved = import(&before, vec![found("P", "/a/b", "b")], &Note::default()).expect("moved");
        assert_eq!(moved.fragments["get-a-b.json"]["paths"], json!({"/a/b": {"get": {}}}));
    }

    #[test]
    fn a_version_that_is_a_number_is_told_from_a_missing_one() {
        let mut numbered = found("P", "/a", "a");
        numbered.document["info"]["version"] = json!(1.0);
        let error = import(&Tree::default(), vec![numbered], &Note::default()).expect_err("a number");
        assert_eq!(format!("{error:#}"), "P, section \"S\": /info/version is 1.0; it must be a string");
    }
}
