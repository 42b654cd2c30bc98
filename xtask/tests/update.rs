//! `cargo xtask spec update` on copies of this workspace: the right verdict and the right items, and a tree that is
//! consistent or untouched.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tempfile::TempDir;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Updates rehearse in one place, which cargo has compiled before.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

type Files = BTreeMap<PathBuf, Vec<u8>>;

struct Workspace {
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

/// How an update ended, and what it printed.
struct Ended {
    good: bool,
    text: String,
}

impl Ended {
    #[track_caller]
    fn says(&self, expected: &[&str]) {
        for part in expected {
            assert!(self.text.contains(part), "no \"{part}\" in:\n{}", self.text);
        }
    }
}

impl Workspace {
    fn new() -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let workspace = Self { folder: TempDir::new().expect("a folder"), _turn: turn };
        for (path, content) in files(Path::new(ROOT)) {
            workspace.write(&path, &content);
        }
        workspace
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    fn write(&self, path: &Path, content: &[u8]) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        fs::write(path, content).expect("written");
    }

    /// Writes the documentation page `title` as it would be published, each of its documents changed by `edit`.
    fn page(&self, title: &str, mut edit: impl FnMut(&str, &mut Value)) -> String {
        let sources = fs::read_to_string(self.root().join("openapi/sources.toml")).expect("sources");
        let sources: toml::Table = toml::from_str(&sources).expect("TOML");
        let mut page = format!("# {title}\n");
        for (file, source) in sources.iter().filter(|(_, source)| source["page"].as_str() == Some(title)) {
            let text =
                fs::read_to_string(self.root().join("openapi/fragments").join(file)).expect("a fragment");
            let mut document = serde_json::from_str(&text).expect("JSON");
            edit(file, &mut document);
            page +=
                &format!("\n## {}\n\n```json\n{document}\n```\n", source["section"].as_str().expect("one"));
        }
        let path = self.folder.path().join(format!("{title}.md"));
        fs::write(&path, page).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        // The tests' own target folder, so that no dependency is compiled again.
        let target = Path::new(env!("CARGO_BIN_EXE_xtask")).ancestors().nth(2).expect("a target folder");
        let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["spec", "--root"])
            .arg(self.root())
            .args(arguments)
            .env("CARGO_TARGET_DIR", target)
            .output()
            .expect("runs");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        Ended { good: output.status.success(), text }
    }

    /// Rehearses an update, after which nothing may have changed.
    fn dry_run(&self, page: &str) -> Ended {
        let before = files(&self.root());
        let ended = self.run(&["update", page, "--dry-run", "--no-tests"]);
        assert!(before == files(&self.root()), "files changed:\n{}", ended.text);
        ended
    }
}

fn files(root: &Path) -> Files {
    let mut found = Files::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && name != ".git" {
            open.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        } else if path.is_file() && name != ".git" {
            let content = fs::read(&path).expect("a file");
            found.insert(path.strip_prefix(root).expect("below the root").to_owned(), content);
        }
    }
    found
}

/// Sets a member of a schema wherever the page has the schema.
fn in_schema(name: &'static str, change: impl Fn(&mut Value)) -> impl FnMut(&str, &mut Value) {
    move |_, document| {
        if let Some(schema) = document.pointer_mut(&format!("/components/schemas/{name}")) {
            change(schema);
        }
    }
}

#[test]
fn a_new_optional_member_of_answers_is_taken_in() {
    let workspace = Workspace::new();
    let edit = in_schema("EnrichedCardAttributes", |schema| {
        schema["properties"]["loyalty_program"] = json!({"type": "string"});
    });
    let ended = workspace.dry_run(&workspace.page("Cards", edit));
    assert!(ended.good, "{}", ended.text);
    ended.says(&[
        "additive      response-optional-property-added (for readers)",
        "Rust: cmp_generated::types::EnrichedCardAttributes.loyalty_program",
        "Rust: cmp::EnrichedAttributes",
        "GET /cards/{card_id} (additive)",
        "generated types change",
        "could be updated",
    ]);
}

#[test]
fn a_new_optional_member_of_requests_is_for_the_facade_to_send() {
    let workspace = Workspace::new();
    let edit = in_schema("CryptoFetchAttributes", |schema| {
        schema["properties"]["merchant_name"] = json!({"type": "string"});
    });
    let page = workspace.page("Network Tokens", edit);
    let ended = workspace.dry_run(&page);
    assert!(!ended.good, "{}", ended.text);
    ended.says(&[
        "additive      new-optional-request-property (for callers)",
        "Rust: cmp_generated::types::CryptoFetchAttributes.merchant_name",
        "Rust: cmp::RequestCryptogram",
        "Facade code that no longer compiles:\n  cmp/src/network_tokens/",
        "missing field `merchant_name`",
        "the workspace is untouched",
    ]);

    let accepted = workspace.run(&["update", &page, "--no-tests", "--accept-broken-build"]);
    assert!(accepted.good, "{}", accepted.text);
    accepted.says(&["missing field `merchant_name`", "The workspace is updated."]);
    let check = workspace.run(&["check"]);
    assert!(check.good, "{}", check.text);
}

#[test]
fn a_removed_enum_value_names_the_variants_and_the_code_that_uses_them() {
    let workspace = Workspace::new();
    let edit = in_schema("TokenType", |schema| schema["enum"] = json!(["dpan", "pan"]));
    let ended = workspace.dry_run(&workspace.page("Cards", edit));
    assert!(!ended.good, "{}", ended.text);
    ended.says(&[
        "breaking      request-property-enum-value-removed (for callers)",
        "Rust: cmp_generated::types::KnownTokenType::Mpan",
        "Rust: cmp::TokenType::Mpan",
        "Facade code that no longer compiles:\n  cmp/src/cards/",
        "no variant or associated item named `Mpan` found for enum `KnownTokenType`",
        "the contract breaks",
    ]);
}

#[test]
fn a_renamed_operation_is_one_gone_and_one_new() {
    let workspace = Workspace::new();
    let (old, new) = ("/cards/{card_id}/cryptogram", "/cards/{card_id}/cryptograms");
    let page = workspace.page("Network Tokens", |_, document| {
        let paths = document["paths"].as_object_mut().expect("paths");
        if let Some(operation) = paths.remove(old) {
            paths.insert(new.to_owned(), operation);
        }
    });
    let ended = workspace.dry_run(&page);
    assert!(!ended.good, "{}", ended.text);
    ended.says(&[
        "breaking      api-path-removed-without-deprecation (for both)",
        "POST /cards/{card_id}/cryptogram is gone; POST /cards/{card_id}/cryptograms takes and answers the same",
        "Rust: cmp_generated::Client::request_cryptogram",
        "Rust: cmp::NetworkTokens::cryptogram",
        "additive      endpoint-added (for both)",
        "[operations] names \"POST /cards/{card_id}/cryptogram\", which is gone",
        "[operations] has no name for \"POST /cards/{card_id}/cryptograms\"",
        "Corrections that no longer apply:\n  openapi/corrections/",
    ]);
}

#[test]
fn a_new_operation_asks_for_a_name() {
    let workspace = Workspace::new();
    let page = workspace.page("Network Tokens", |_, _| {});
    let fragment = "openapi/fragments/post-cards-card_id-network-tokens.json";
    let text = fs::read_to_string(workspace.root().join(fragment)).expect("a fragment");
    let mut document: Value = serde_json::from_str(&text).expect("JSON");
    let operations =
        document["paths"]["/cards/{card_id}/network-tokens"].as_object_mut().expect("operations");
    let mut operation = operations.remove("post").expect("an operation");
    operation["operationId"] = json!("list_nt_for_card");
    operations.insert("get".to_owned(), operation);
    let section = format!("\n## List\n\n```json\n{document}\n```\n");
    fs::OpenOptions::new()
        .append(true)
        .open(&page)
        .expect("a page")
        .write_all(section.as_bytes())
        .expect("written");

    let ended = workspace.dry_run(&page);
    assert!(!ended.good, "{}", ended.text);
    ended.says(&[
        "additive      endpoint-added (for both)",
        "GET /cards/{card_id}/network-tokens is new",
        "Rust: cmp_generated::Client::list_nt_for_card",
        "To settle in openapi:\n  openapi/lowering.toml, [operations] has no name for \"GET \
         /cards/{card_id}/network-tokens\"; `list_nt_for_card` would be one",
    ]);

    let rules = fs::read_to_string(workspace.root().join("openapi/lowering.toml")).expect("rules");
    let named = "[operations]\n\"GET /cards/{card_id}/network-tokens\" = \"list_network_tokens\"\n";
    workspace.write(Path::new("openapi/lowering.toml"), rules.replace("[operations]\n", named).as_bytes());
    let ended = workspace.dry_run(&page);
    assert!(ended.good, "{}", ended.text);
    ended.says(&["Rust: cmp_generated::Client::list_network_tokens", "could be updated"]);
}

#[test]
fn a_second_error_shape_is_taken_in() {
    let workspace = Workspace::new();
    let page = workspace.page("Cards", |file, document| {
        if file != "get-cards-card_id.json" {
            return;
        }
        let hint = json!({"type": "object", "properties": {"hint": {"type": "string"}}});
        document["components"]["schemas"]["NotFoundResponse"] =
            json!({"type": "object", "properties": {"errors": {"type": "array", "items": hint}}});
        let answer = &mut document["paths"]["/cards/{card_id}"]["get"]["responses"]["404"];
        answer["content"]["application/vnd.api+json"]["schema"] = json!({"anyOf": [
            {"$ref": "#/components/schemas/ErrorResponse"}, {"$ref": "#/components/schemas/NotFoundResponse"}
        ]});
    });
    let ended = workspace.dry_run(&page);
    assert!(ended.good, "{}", ended.text);
    ended.says(&[
        "breaking      response-body-any-of-added (for readers)",
        "Rust: cmp_generated::Client::get_card",
        "Rust: cmp::Cards::get",
        "the contract breaks",
    ]);

    let updated = workspace.run(&["update", &page, "--no-tests", "--date", "2026-11-23"]);
    assert!(updated.good, "{}", updated.text);
    let check = workspace.run(&["check"]);
    assert!(check.good, "{}", check.text);
    let lowered =
        fs::read_to_string(workspace.root().join("cmp-generated/openapi.json")).expect("a document");
    assert!(lowered.contains("\"hint\""));
}

#[test]
fn one_page_of_two_that_share_a_schema_is_refused() {
    let workspace = Workspace::new();
    let edit = in_schema("CardArt", |schema| schema["properties"]["motif"] = json!({"type": "string"}));
    let ended = workspace.dry_run(&workspace.page("Network Tokens", edit));
    assert!(!ended.good, "{}", ended.text);
    ended.says(&["/components/schemas/CardArt differs from the one in openapi/fragments/"]);
}

#[test]
fn pages_are_fetched_from_where_the_sources_say_and_those_out_of_reach_are_named() {
    let workspace = Workspace::new();
    let text = fs::read(workspace.page("Cards", |_, _| {})).expect("a page");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let good = format!("http://{}/cards", listener.local_addr().expect("an address"));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a request");
        let mut head = [0; 1024];
        let length = stream.read(&mut head).expect("a head");
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", text.len()).expect("written");
        stream.write_all(&text).expect("written");
        head[..length].to_vec()
    });
    // A port that was free a moment ago, and has no listener now.
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let bad = format!("https://{closed}/network-tokens");
    let path = workspace.root().join("openapi/sources.toml");
    let sources = fs::read_to_string(&path).expect("sources");
    let with_urls = sources
        .replace("page = \"Cards\"\n", &format!("page = \"Cards\"\nurl = \"{good}\"\n"))
        .replace("page = \"Network Tokens\"\n", &format!("page = \"Network Tokens\"\nurl = \"{bad}\"\n"));
    fs::write(&path, with_urls).expect("written");

    let ended = workspace.run(&["update", "--dry-run", "--no-tests"]);
    assert!(server.join().expect("a request came").starts_with(b"GET /cards "));
    assert!(ended.good, "{}", ended.text);
    ended.says(&[
        &format!("Pages that could not be fetched:\n  \"Network Tokens\", {bad}: curl: "),
        "the pages say what they said before",
    ]);
}

#[test]
fn without_pages_and_addresses_there_is_nothing_to_update_from() {
    let workspace = Workspace::new();
    let ended = workspace.run(&["update"]);
    assert!(!ended.good);
    ended.says(&["give pages: no source in openapi/sources.toml has a `url`"]);
}
