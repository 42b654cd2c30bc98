//! Runs `cargo xtask spec` on a copy of this workspace. Checks the files that it writes, and that bad input changes
//! none.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use tempfile::TempDir;

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The workspace whose tests run.
fn this_workspace() -> PathBuf {
    Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests")).join("..")
}

/// A copy of everything that `cargo xtask spec` reads and writes.
struct Workspace(TempDir);

impl Workspace {
    fn new() -> Self {
        let workspace = Self(TempDir::new().expect("a folder"));
        for (path, content) in files(
            &this_workspace(),
            &["openapi", "cmp-generated/openapi.json", "cmp/src/drift/known.json", "docs/conformance.md"],
        ) {
            workspace.write(path.to_str().expect("UTF-8"), content);
        }
        workspace
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        fs::write(path, content).expect("written");
    }

    fn read(&self, path: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(path)).expect("a file")).expect("JSON")
    }

    /// Changes the JSON file at `path`.
    fn edit(&self, path: &str, change: impl FnOnce(&mut Value)) {
        let mut value = self.read(path);
        change(&mut value);
        self.write(path, serde_json::to_string_pretty(&value).expect("JSON"));
    }

    /// Returns every file of the workspace, except the pages to import.
    fn files(&self) -> Files {
        files(self.0.path(), &["openapi", "cmp-generated"])
    }

    fn run(&self, args: &[&str]) -> Result<String, String> {
        let output = Command::new(env!("CARGO_BIN_EXE_cmp-contract"))
            .args(["spec", "--root"])
            .arg(self.0.path())
            .args(args)
            .output()
            .expect("runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        if output.status.success() {
            Ok(text(output.stdout))
        } else {
            Err(text(output.stdout) + &text(output.stderr))
        }
    }

    /// Runs a command that must fail and must not change a file. Returns its message.
    fn fails(&self, args: &[&str]) -> String {
        let before = self.files();
        let message = self.run(args).expect_err("bad input");
        assert!(before == self.files(), "files changed, though the command failed with: {message}");
        message
    }

    /// Runs a command that must succeed. Returns the files that it changed, created or removed.
    fn changed_by(&self, args: &[&str]) -> Vec<String> {
        let before = self.files();
        self.run(args).expect("works");
        let after = self.files();
        let all = before.keys().chain(after.keys().filter(|path| !before.contains_key(*path)));
        let changed = all.filter(|path| before.get(*path) != after.get(*path));
        changed.map(|path| path.display().to_string()).collect()
    }

    /// Returns the documentation page `title`, rebuilt from its fragments.
    fn page(&self, title: &str) -> Page {
        let sources = fs::read_to_string(self.path("openapi/sources.toml")).expect("sources");
        let sources: BTreeMap<String, BTreeMap<String, String>> = toml::from_str(&sources).expect("TOML");
        let from_page = sources.into_iter().filter(|(_, source)| source["page"] == title);
        let sections = from_page.map(|(file, source)| {
            (source["section"].clone(), self.read(&format!("openapi/fragments/{file}")))
        });
        Page { title: title.to_owned(), sections: sections.collect() }
    }

    fn transcription(&self) -> String {
        self.transcribed("v1-network-tokens")
    }

    /// Returns all transcriptions, as arguments for `import`.
    fn transcriptions(&self) -> Vec<String> {
        let files = fs::read_dir(self.path("openapi/transcribed")).expect("a folder");
        files.map(|file| file.expect("a file").path().to_str().expect("UTF-8").to_owned()).collect()
    }

    fn transcribed(&self, name: &str) -> String {
        let path = self.path(&format!("openapi/transcribed/{name}.yaml"));
        path.to_str().expect("UTF-8").to_owned()
    }

    /// Writes a page outside the compared folders. Returns the argument for `import`.
    fn save(&self, page: &Page) -> String {
        let path = self.path(&format!("{}.md", page.title));
        fs::write(&path, page.text()).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    }
}

fn files(root: &Path, parts: &[&str]) -> Files {
    let mut found = Files::new();
    let mut open: Vec<PathBuf> = parts.iter().map(|part| root.join(part)).collect();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        } else {
            let name = path.strip_prefix(root).expect("inside").to_owned();
            found.insert(name, fs::read(&path).expect("a file"));
        }
    }
    found
}

struct Page {
    title: String,
    sections: Vec<(String, Value)>,
}

impl Page {
    fn text(&self) -> String {
        let sections = self.sections.iter().map(|(section, document)| {
            let json = serde_json::to_string(document).expect("JSON");
            format!("## {section}\n\n> Prose.\n\n```json\n{json}\n```\n\n")
        });
        format!("# {}\n\n{}", self.title, sections.collect::<String>())
    }

    fn section(&mut self, section: &str) -> &mut Value {
        let found = self.sections.iter_mut().find(|(name, _)| name == section);
        &mut found.expect("a section").1
    }
}

/// Returns a document of another API with one operation, `GET path`.
fn other(path: &str) -> Value {
    json!({
        "openapi": "3.1.0", "info": {"title": "Other API", "version": "1"},
        "components": {"schemas": {"A": {"type": "object", "properties": {"id": {"type": "string"}}}}},
        "paths": {path: {"get": {"operationId": "x", "responses": {"200": {
            "description": "d", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}
        }}}}}
    })
}

/// Checks that the message is exactly one error, and contains every part of `parts`.
fn names(message: &str, parts: &[&str]) {
    assert_eq!(message.matches("Error: ").count(), 1, "{message}");
    for part in parts {
        assert!(message.contains(part), "\"{part}\" is missing in: {message}");
    }
}

const CARDS: &str = "Cards";
const TOKENS: &str = "Network Tokens";
/// The transcription of the service's notifications.
const NOTIFICATIONS: &str = "notifications";

#[test]
fn importing_the_pages_into_nothing_gives_the_fragments_as_they_are() {
    let workspace = Workspace::new();
    let pages = [workspace.save(&workspace.page(CARDS)), workspace.save(&workspace.page(TOKENS))];
    let date = "--date=2026-11-22";
    let before = workspace.files();
    fs::remove_dir_all(workspace.path("openapi/fragments")).expect("removed");
    fs::remove_file(workspace.path("openapi/sources.toml")).expect("removed");
    workspace.run(&["import", &pages[0], &pages[1], date]).expect("imports");
    assert_eq!(fs::read_dir(workspace.path("openapi/fragments")).expect("fragments").count(), 7);
    for transcription in workspace.transcriptions() {
        let date = if transcription.ends_with("account-updater.yaml") { "--date=2026-11-28" } else { date };
        workspace.run(&["import", &transcription, date]).expect("imports");
    }
    assert!(before == workspace.files(), "the fragments or their sources came out differently");
}

#[test]
fn emptied_fragments_are_brought_back_with_their_dates() {
    let workspace = Workspace::new();
    let pages = [workspace.save(&workspace.page(CARDS)), workspace.save(&workspace.page(TOKENS))];
    let before = workspace.files();
    fs::remove_dir_all(workspace.path("openapi/fragments")).expect("removed");
    let transcriptions = workspace.transcriptions();
    let all = ["import", &pages[0], &pages[1]].into_iter().chain(transcriptions.iter().map(String::as_str));
    workspace.run(&all.collect::<Vec<_>>()).expect("imports");
    assert!(before == workspace.files(), "the fragments or their sources came out differently");
}

#[test]
fn everything_twice_changes_nothing() {
    let workspace = Workspace::new();
    let pages = [workspace.save(&workspace.page(CARDS)), workspace.save(&workspace.page(TOKENS))];
    let nothing = Vec::<String>::new();
    assert_eq!(workspace.changed_by(&["import", &pages[0], &pages[1], "--date", "2030-01-01"]), nothing);
    assert_eq!(workspace.changed_by(&["merge"]), nothing);
    assert_eq!(workspace.changed_by(&["check"]), nothing);
}

#[test]
fn a_changed_description_changes_what_it_should_and_nothing_else() {
    let workspace = Workspace::new();
    let mut page = workspace.page(CARDS);
    page.section("Create a card")["paths"]["/cards"]["post"]["description"] = "Stores a card.".into();
    let path = workspace.save(&page);
    assert_eq!(
        workspace.changed_by(&["import", &path]),
        ["openapi/fragments/post-cards.json", "openapi/sources.toml"]
    );
    let stale = workspace.fails(&["check"]);
    names(
        &stale,
        &["openapi/cmp.json", "cmp-generated/openapi.json", "+", "Stores a card.", "cargo xtask spec merge"],
    );
    assert_eq!(workspace.changed_by(&["merge"]), ["cmp-generated/openapi.json", "openapi/cmp.json"]);
    workspace.run(&["check"]).expect("fresh");
}

#[test]
fn show_prints_each_of_the_three_documents() {
    let workspace = Workspace::new();
    let shown = |args: &[&str]| workspace.run(args).expect("prints");
    assert_eq!(shown(&["show"]).as_bytes(), fs::read(workspace.path("openapi/cmp.json")).expect("a file"));
    let lowered = fs::read(workspace.path("cmp-generated/openapi.json")).expect("a file");
    assert_eq!(shown(&["show", "--lowered"]).as_bytes(), lowered);
    let merged: Value = serde_json::from_str(&shown(&["show", "--uncorrected"])).expect("JSON");
    assert_eq!(
        merged.pointer("/components/schemas/ErrorResponse/properties/errors/required/0"),
        Some(&json!("summary"))
    );
}

#[test]
fn a_whole_openapi_file_gives_the_same_contract() {
    let workspace = Workspace::new();
    let merged = workspace.run(&["show", "--uncorrected"]).expect("prints");
    let value: Value = serde_json::from_str(&merged).expect("JSON");
    for (name, text) in [("cmp.json", merged), ("cmp.yaml", yaml_serde::to_string(&value).expect("YAML"))] {
        let file = workspace.path(name);
        fs::write(&file, text).expect("written");
        fs::remove_dir_all(workspace.path("openapi/fragments")).expect("removed");
        fs::remove_file(workspace.path("openapi/sources.toml")).expect("removed");
        workspace.run(&["import", file.to_str().expect("UTF-8")]).expect("imports");
        let again: Value =
            serde_json::from_str(&workspace.run(&["show", "--uncorrected"]).expect("prints")).expect("JSON");
        assert_eq!(again, value, "{name}");
    }
}

#[test]
fn a_page_without_a_document_is_refused() {
    let workspace = Workspace::new();
    let path = workspace.save(&Page { title: CARDS.to_owned(), sections: Vec::new() });
    names(&workspace.fails(&["import", &path]), &["Cards.md", "has no fenced OpenAPI document"]);
}

#[test]
fn broken_json_is_refused() {
    let workspace = Workspace::new();
    let path = workspace.path("Cards.md");
    let text = workspace.page(CARDS).text().replacen("\"openapi\":", "\"openapi\"", 1);
    fs::write(&path, text).expect("written");
    let message = workspace.fails(&["import", path.to_str().expect("UTF-8")]);
    names(&message, &["Cards.md", "section \"", "line 8, column 11", "not JSON"]);
    workspace.write("openapi/fragments/get-cards-card_id.json", "{");
    names(
        &workspace.fails(&["merge"]),
        &["openapi/fragments/get-cards-card_id.json: line 1, column 1: not JSON"],
    );
}

#[test]
fn two_definitions_of_one_schema_are_refused() {
    let workspace = Workspace::new();
    let mut page = workspace.page(CARDS);
    page.section("Get a card")["components"]["schemas"]["TokenType"]["enum"][1] = "vpan".into();
    let path = workspace.save(&page);
    let parts =
        ["get-cards-card_id.json", "patch-cards-card_id.json", "/components/schemas/TokenType/enum/1"];
    names(&workspace.fails(&["import", &path]), &parts);
    workspace.edit("openapi/fragments/get-cards-card_id.json", |fragment| {
        fragment["components"]["schemas"]["TokenType"]["enum"][1] = "vpan".into();
    });
    names(&workspace.fails(&["merge"]), &parts);
}

#[test]
fn two_operations_on_one_path_are_refused() {
    let workspace = Workspace::new();
    let mut page = workspace.page(CARDS);
    let twice = page.sections[0].clone();
    page.sections.push(twice);
    let path = workspace.save(&page);
    names(&workspace.fails(&["import", &path]), &["Cards, section", "already on another of these pages"]);
    let copy = fs::read(workspace.path("openapi/fragments/post-cards.json")).expect("a file");
    workspace.write("openapi/fragments/post-cards-again.json", copy);
    let sources = fs::read_to_string(workspace.path("openapi/sources.toml")).expect("sources");
    let entry = sources.split("\n\n").find(|part| part.contains("[\"post-cards.json\"]")).expect("an entry");
    let again = entry.replace("post-cards.json", "post-cards-again.json");
    workspace.write("openapi/sources.toml", format!("{}\n\n{again}\n", sources.trim_end()));
    names(
        &workspace.fails(&["merge"]),
        &["post-cards.json", "post-cards-again.json", "/paths/~1cards/post", "the same operation"],
    );
}

#[test]
fn two_versions_of_one_document_are_refused() {
    let workspace = Workspace::new();
    let mut page = workspace.page(CARDS);
    for (_, document) in &mut page.sections {
        document["info"]["version"] = "doc version 2.3.0 | API version 1.0.0".into();
    }
    let path = workspace.save(&page);
    names(
        &workspace.fails(&["import", &path]),
        &["openapi/fragments/", "differs from the one in", "/info/version"],
    );
}

#[test]
fn a_missing_version_is_refused() {
    let workspace = Workspace::new();
    let mut page = workspace.page(CARDS);
    page.section("Get a card")["info"] = json!({"title": "VGS Card Management Platform (CMP) API"});
    let path = workspace.save(&page);
    names(&workspace.fails(&["import", &path]), &["Cards, section \"Get a card\"", "no /info/version"]);
}

#[test]
fn an_unknown_keyword_is_refused() {
    let workspace = Workspace::new();
    let mut page = workspace.page(CARDS);
    for section in ["Create a card", "Get a card", "Update a Card"] {
        page.section(section)["components"]["schemas"]["Address"]["unevaluatedProperties"] = false.into();
    }
    let path = workspace.save(&page);
    workspace.run(&["import", &path]).expect("a valid document");
    names(
        &workspace.fails(&["merge"]),
        &["step vocabulary", "/components/schemas/Address/unevaluatedProperties: unknown keyword"],
    );
}

#[test]
fn what_is_deprecated_still_lowers() {
    let workspace = Workspace::new();
    workspace.edit("openapi/fragments/delete-cards-card_id.json", |fragment| {
        fragment["paths"]["/cards/{card_id}"]["delete"]["deprecated"] = true.into();
    });
    workspace.edit("openapi/fragments/patch-cards-card_id.json", |fragment| {
        fragment["components"]["schemas"]["CardUpdateAttributes"]["properties"]["cvc"]["deprecated"] =
            true.into();
    });
    workspace.run(&["merge"]).expect("merges");
    let contract = workspace.read("openapi/cmp.json");
    assert_eq!(contract["paths"]["/cards/{card_id}"]["delete"]["deprecated"], true);
}

#[test]
fn a_dangling_reference_is_refused() {
    let workspace = Workspace::new();
    let mut page = workspace.page(CARDS);
    page.section("Delete a card")["components"]["schemas"] = json!({});
    let path = workspace.save(&page);
    let message = workspace.fails(&["import", &path]);
    names(
        &message,
        &["delete-cards-card_id.json", "/paths/~1cards~1{card_id}/delete/responses/401", "does not exist"],
    );
}

#[test]
fn a_correction_that_no_longer_applies_is_refused() {
    let workspace = Workspace::new();
    for entry in fs::read_dir(workspace.path("openapi/fragments")).expect("fragments") {
        let name = entry.expect("an entry").file_name();
        workspace.edit(&format!("openapi/fragments/{}", name.display()), |fragment| {
            if let Some(errors) = fragment.pointer_mut("/components/schemas/ErrorResponse/properties/errors")
            {
                let required = errors.as_object_mut().and_then(|errors| errors.shift_remove("required"));
                errors["items"]["required"] = required.expect("the mistake");
            }
        });
    }
    names(
        &workspace.fails(&["merge"]),
        &[
            "openapi/corrections/012-error-required-members.json no longer applies",
            "operation 0, test /components/schemas/ErrorResponse/properties/errors/required",
        ],
    );
    workspace.fails(&["check"]);
}

#[test]
fn a_removed_operation_is_missed_by_name() {
    let workspace = Workspace::new();
    let mut page = workspace.page(TOKENS);
    page.sections.retain(|(section, _)| section != "Request cryptogram");
    let path = workspace.save(&page);
    let changed = workspace.changed_by(&["import", &path]);
    assert_eq!(changed, ["openapi/fragments/post-cards-card_id-cryptogram.json", "openapi/sources.toml"]);
    // The first correction of the removed operation fails, and the error names both.
    names(
        &workspace.fails(&["check"]),
        &["openapi/corrections/", "/paths/~1cards~1{card_id}~1cryptogram/post"],
    );
}

#[test]
fn an_unused_mark_and_a_stale_name_are_refused() {
    let workspace = Workspace::new();
    let rules = fs::read_to_string(workspace.path("openapi/lowering.toml")).expect("rules");
    for (old, new, parts) in [
        ("\"pan\",", "\"pan\",\n  \"track2\",", ["step scalars", "\"track2\", which no schema has"]),
        (
            "[types]",
            "[types]\n\"Card.gone\" = \"Gone\"",
            ["step hoist", "\"Card.gone\", which is no inline type"],
        ),
    ] {
        workspace.write("openapi/lowering.toml", rules.replacen(old, new, 1));
        names(&workspace.fails(&["merge"]), &parts);
    }
    workspace.write("openapi/lowering.toml", &rules);
    let facts = fs::read_to_string(workspace.path("openapi/operations.toml")).expect("facts");
    for (old, new, part) in [
        ("POST /cards\"", "POST /gone\"", "no entry for \"POST /cards\""),
        (
            "[[notifications]]",
            "[[operations]]\nname = \"gone\"\nrequest = \"GET /gone\"\n\n[[notifications]]",
            "an entry for \"GET /gone\", which no fragment has",
        ),
        ("name = \"au_card\"", "name = \"gone\"", "the notification \"gone\", which no fragment has"),
    ] {
        workspace.write("openapi/operations.toml", facts.replacen(old, new, 1));
        names(&workspace.fails(&["merge"]), &["openapi/operations.toml", part]);
    }
}

#[test]
fn a_hand_edited_fragment_folder_is_refused() {
    let workspace = Workspace::new();
    fs::remove_file(workspace.path("openapi/fragments/post-cards.json")).expect("removed");
    names(&workspace.fails(&["merge"]), &["openapi/sources.toml names", "post-cards.json"]);
    let other_page = workspace.save(&workspace.page(TOKENS));
    names(&workspace.fails(&["import", &other_page]), &["post-cards.json is missing"]);
}

#[test]
fn transcribed_fragments_are_what_their_transcription_gives() {
    let workspace = Workspace::new();
    let transcription = workspace.transcription();
    assert_eq!(workspace.changed_by(&["import", &transcription]), [""; 0]);

    workspace.edit("openapi/fragments/post-network-tokens.json", |fragment| {
        fragment["paths"]["/network-tokens"]["post"]["summary"] = "Enrolls.".into();
    });
    let stale = workspace.fails(&["check"]);
    names(
        &stale,
        &["openapi/fragments/post-network-tokens.json", "cargo xtask spec import openapi/transcribed/*"],
    );
    workspace.run(&["import", &transcription]).expect("imports");
    workspace.run(&["check"]).expect("fresh");

    let text = fs::read_to_string(&transcription).expect("a transcription");
    workspace.write(&transcription, text.replace("summary: Retrieve", "summary: Get"));
    names(&workspace.fails(&["check"]), &["openapi/fragments/get-network-tokens-pan_alias.json"]);
    fs::remove_file(&transcription).expect("removed");
    names(&workspace.fails(&["check"]), &["openapi/fragments/delete-network-tokens-pan_alias.json"]);
}

#[test]
fn webhooks_are_in_the_contract_and_not_in_what_is_generated() {
    let workspace = Workspace::new();
    let transcription = workspace.transcribed(NOTIFICATIONS);
    let text = fs::read_to_string(&transcription).expect("a transcription");
    workspace.write(&transcription, text.replace("summary: A network token changed", "summary: Changed"));
    names(&workspace.fails(&["check"]), &["openapi/fragments/notify-cmp_network_token.json"]);
    workspace.run(&["import", &transcription]).expect("imports");
    assert_eq!(workspace.changed_by(&["merge"]), ["openapi/cmp.json"]);
    let contract = workspace.read("openapi/cmp.json");
    assert_eq!(contract["webhooks"]["cmp_network_token"]["post"]["summary"], "Changed");

    workspace.write(&transcription, text.replace("  au_card:\n    post:", "  au_card:\n    put:"));
    names(&workspace.fails(&["import", &transcription]), &["webhook au_card: expected post, found put"]);
    workspace.write(&transcription, text.replace("title: CardUpdateDetails", "unevaluatedProperties: false"));
    workspace.run(&["import", &transcription]).expect("a valid document");
    names(
        &workspace.fails(&["merge"]),
        &["step vocabulary", "/components/schemas/CardUpdateDetails/unevaluatedProperties: unknown keyword"],
    );
}

#[test]
fn one_webhook_in_two_fragments_is_refused() {
    let workspace = Workspace::new();
    let copy = fs::read(workspace.path("openapi/fragments/notify-au_card.json")).expect("a file");
    workspace.write("openapi/fragments/notify-again.json", copy);
    let sources = fs::read_to_string(workspace.path("openapi/sources.toml")).expect("sources");
    let entry = sources.split("\n\n").find(|part| part.contains("notify-au_card.json")).expect("an entry");
    let again = entry.replace("notify-au_card.json", "notify-again.json");
    workspace.write("openapi/sources.toml", format!("{}\n\n{again}\n", sources.trim_end()));
    names(
        &workspace.fails(&["merge"]),
        &["notify-au_card.json", "notify-again.json", "/webhooks/au_card/post", "the same operation"],
    );
}

#[test]
fn a_folder_in_the_place_of_one_document_leaves_the_other_as_it_is() {
    let workspace = Workspace::new();
    workspace.edit("openapi/fragments/delete-cards-card_id.json", |fragment| {
        fragment["paths"]["/cards/{card_id}"]["delete"]["summary"] = "Removes a card.".into();
    });
    fs::remove_file(workspace.path("cmp-generated/openapi.json")).expect("removed");
    workspace.write("cmp-generated/openapi.json/inside", "");
    let message = workspace.fails(&["merge"]);
    names(&message, &["cmp-generated/openapi.json", "a folder stands where a file is to be written"]);
}

#[test]
fn what_a_write_that_was_cut_off_left_behind_is_passed_over() {
    let workspace = Workspace::new();
    workspace.write("openapi/fragments/.tmpAbCdEf", "{");
    workspace.write("openapi/transcribed/.tmpAbCdEf", "{");
    workspace.run(&["check"]).expect("fresh");
}

#[test]
fn an_import_says_what_it_did() {
    let workspace = Workspace::new();
    let mut page = workspace.page(CARDS);
    page.section("Create a card")["paths"]["/cards"]["post"]["description"] = "Stores a card.".into();
    page.sections.retain(|(section, _)| section != "Delete a card");
    let said = workspace.run(&["import", &workspace.save(&page)]).expect("imports");
    for line in [
        "changed        post-cards.json",
        "removed        delete-cards-card_id.json",
        "unchanged      get-cards-card_id.json",
        "unchanged      post-cards-card_id-cryptogram.json",
    ] {
        assert!(said.lines().any(|said| said == line), "\"{line}\" is missing in:\n{said}");
    }
    assert_eq!(said.lines().count(), 17);
}

#[test]
fn an_operation_of_another_document_is_refused() {
    let workspace = Workspace::new();
    let other = json!({
        "openapi": "3.1.0", "info": {"title": "Cards", "version": "9"},
        "paths": {"/cards": {"post": {"responses": {}}}}
    });
    let file = workspace.path("other.json");
    fs::write(&file, other.to_string()).expect("written");
    names(
        &workspace.fails(&["import", file.to_str().expect("UTF-8")]),
        &["post-cards.json", "\"Cards\" (other.json)", "\"VGS Card Management Platform (CMP) API\" (Cards)"],
    );
}

#[test]
fn the_written_contract_is_not_imported_as_published() {
    let workspace = Workspace::new();
    let contract = workspace.path("openapi/cmp.json");
    let message = workspace.fails(&["import", contract.to_str().expect("UTF-8")]);
    names(&message, &["cmp.json", "x-generated", "import what VGS publishes"]);
}

#[test]
fn a_day_that_is_not_in_the_calendar_is_refused() {
    let workspace = Workspace::new();
    let page = workspace.save(&workspace.page(CARDS));
    names(&workspace.fails(&["import", &page, "--date", "2025-13-45"]), &["--date 2025-13-45"]);
}

#[test]
fn names_that_can_not_be_built_are_refused() {
    let workspace = Workspace::new();
    let facts = fs::read_to_string(workspace.path("openapi/operations.toml")).expect("facts");
    for (name, part) in [("get card", "snake_case"), ("create_card", "both have the name")] {
        workspace.write("openapi/operations.toml", facts.replace("\"get_card\"", &format!("\"{name}\"")));
        names(&workspace.fails(&["merge"]), &["openapi/operations.toml", name, part]);
    }
}

#[test]
fn a_root_without_what_is_needed_is_named() {
    let nowhere = TempDir::new().expect("a folder");
    let run = |task: &[&str], root: &Path| {
        let output = Command::new(env!("CARGO_BIN_EXE_cmp-contract"))
            .args(task)
            .arg("--root")
            .arg(root)
            .output()
            .expect("runs");
        assert!(!output.status.success());
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    names(&run(&["spec", "check"], &nowhere.path().join("gone")), &["gone: there is no such folder"]);
    names(&run(&["spec", "check"], nowhere.path()), &["openapi/lowering.toml", "No such file"]);
}

#[test]
fn a_page_is_read_whole_however_its_fences_stand() {
    let indented = |text: &str, by: &str| text.replace('\n', &format!("\n{by}"));
    let (a, b) = (other("/other/a"), other("/other/b"));
    let pretty = serde_json::to_string_pretty(&b).expect("JSON");
    for fence in [
        format!("1. The document:\n\n   ```json\n   {}\n   ```\n", indented(&pretty, "   ")),
        format!("```json{{1,3}}\n{pretty}\n```\n"),
        format!("> ~~~\n> {}\n> ~~~\n", indented(&pretty, "> ")),
        format!("  ```yaml\n  {}\n  ```\n", indented(&yaml_serde::to_string(&b).expect("YAML"), "  ")),
    ] {
        let workspace = Workspace::new();
        let page = workspace.path("Other.md");
        fs::write(&page, format!("\u{FEFF}# Other\n\n## A\n\n```json\n{a}\n```\n\n## B\n\n{fence}"))
            .expect("written");
        let changed = workspace.changed_by(&["import", page.to_str().expect("UTF-8")]);
        let files = ["openapi/fragments/get-other-a.json", "openapi/fragments/get-other-b.json"];
        assert_eq!(changed[..1], ["openapi/sources.toml"], "{fence}");
        assert_eq!(changed[1..], files, "{fence}");
        assert_eq!((workspace.read(files[0]), workspace.read(files[1])), (a.clone(), b.clone()), "{fence}");
    }
}

#[test]
fn what_a_file_says_twice_is_refused_with_its_line() {
    let workspace = Workspace::new();
    let text = "{\n \"openapi\": \"3.1.0\",\n \"paths\": {\n  \"/other/a\": {},\n  \"/other/a\": {}\n }\n}";
    let yaml = "openapi: 3.1.0\npaths:\n  /other/a: {}\n  '/other/a': {}\n";
    for (name, text, place) in [
        ("other.json", text, "line 5, column 12: not JSON"),
        ("other.YML", yaml, "line 4, column 3: not YAML"),
        (
            "other.md",
            &format!("# Other\n\n- x\n\n  ```json\n  {}\n  ```\n", text.replace('\n', "\n  ")),
            "line 10, column 12: not JSON",
        ),
    ] {
        let file = workspace.path(name);
        fs::write(&file, text).expect("written");
        let message = workspace.fails(&["import", file.to_str().expect("UTF-8")]);
        names(&message, &[name, place, "the member \"/other/a\" is there twice"]);
    }
    let fragment = workspace.path("openapi/fragments/post-cards.json");
    let text = fs::read_to_string(&fragment).expect("a fragment");
    workspace.write(&fragment.display().to_string(), text.replacen("{", "{\n\"openapi\": \"3.1.0\",", 1));
    names(
        &workspace.fails(&["merge"]),
        &["openapi/fragments/post-cards.json: line 3", "\"openapi\" is there twice"],
    );
}

#[test]
fn a_readme_without_the_table_of_operations_stays_as_it_is() {
    let workspace = Workspace::new();
    for readme in ["", "# Ours\n", "<!-- operations: written by `cargo xtask spec merge` -->\n"] {
        workspace.write("README.md", readme);
        workspace.run(&["check"]).expect("fresh");
        workspace.run(&["merge"]).expect("merges");
        assert_eq!(fs::read_to_string(workspace.path("README.md")).expect("a file"), readme);
    }
}

#[test]
fn marks_of_byte_order_and_upper_case_extensions_do_not_matter() {
    let workspace = Workspace::new();
    for path in ["openapi/lowering.toml", "openapi/sources.toml", "openapi/fragments/post-cards.json"] {
        let text = fs::read_to_string(workspace.path(path)).expect("a file");
        workspace.write(path, format!("\u{FEFF}{text}"));
    }
    workspace.run(&["check"]).expect("fresh");
    let file = workspace.path("OTHER.JSON");
    fs::write(&file, format!("\u{FEFF}{}", other("/other/a"))).expect("written");
    workspace.run(&["import", file.to_str().expect("UTF-8")]).expect("imports");
    let wide: Vec<u8> = "\u{FEFF}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(&file, wide).expect("written");
    names(&workspace.fails(&["import", file.to_str().expect("UTF-8")]), &["OTHER.JSON", "UTF-16"]);
}

#[test]
fn an_imported_file_keeps_what_it_only_means() {
    let workspace = Workspace::new();
    let mut document = other("/other/a");
    let schemas = &mut document["components"]["schemas"];
    schemas["A"]["discriminator"] =
        json!({"propertyName": "id", "mapping": {"d": "#/components/schemas/My%20D"}});
    schemas["A"]["properties"]["thing"] = json!({"example": {"$ref": "https://example.com/thing"}});
    schemas["My D"] = json!({"allOf": [{"$ref": "#/components/schemas/A"}]});
    document["paths"]["/other/b"] = json!({"$ref": "#/components/pathItems/B"});
    document["components"]["pathItems"] = json!({"B": document["paths"]["/other/a"]});
    let file = workspace.path("other.json");
    fs::write(&file, document.to_string()).expect("written");
    workspace.run(&["import", file.to_str().expect("UTF-8")]).expect("imports");
    let fragment = workspace.read("openapi/fragments/get-other-b.json");
    assert_eq!(fragment["paths"]["/other/b"], document["paths"]["/other/a"]);
    assert_eq!(fragment["components"]["schemas"], document["components"]["schemas"]);
}
