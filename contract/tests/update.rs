//! Runs `cargo xtask spec update` on copies of this workspace. Checks the verdict and the items, and that the tree is
//! either consistent or untouched.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Serializes updates of whole workspaces. They share one rehearsal folder, so that cargo compiles the code only once.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The workspace whose tests run.
fn this_workspace() -> PathBuf {
    Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests")).join("..")
}

/// A copy of this workspace.
struct Workspace {
    folder: TempDir,
    target: PathBuf,
    _turn: Option<MutexGuard<'static, ()>>,
}

/// The result of an update, and its output.
struct Ended {
    good: bool,
    text: String,
}

impl Ended {
    fn of(output: &Output) -> Self {
        let text = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned();
        Self { good: output.status.success(), text }
    }

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
        // The tests' own target folder, which also contains the target folder of rehearsals.
        let target =
            Path::new(env!("CARGO_BIN_EXE_cmp-contract")).ancestors().nth(2).expect("a target folder");
        Self::copied(target.to_owned(), Some(turn))
    }

    /// Creates a workspace for an update that ends before anything is compiled. It waits for no other.
    fn unbuilt() -> Self {
        Self::copied(PathBuf::from("target"), None)
    }

    /// Creates a workspace whose client has hardly any code, so that it compiles quickly.
    fn small() -> Self {
        let workspace = Self::unbuilt();
        let manifest = "[workspace]\nmembers = [\"cmp\"]\nresolver = \"3\"\n\n[workspace.package]\nversion = \"0.1.0\"\n";
        workspace.write(Path::new("Cargo.toml"), manifest.as_bytes());
        let manifest = "[package]\nname = \"cmp\"\nedition = \"2024\"\nversion.workspace = true\n";
        workspace.write(Path::new("cmp/Cargo.toml"), manifest.as_bytes());
        workspace.write(Path::new("cmp/src/lib.rs"), b"//! The client.\n");
        for path in ["Cargo.lock", "cmp/build.rs"] {
            let _ = fs::remove_file(workspace.root().join(path));
        }
        for folder in ["cmp/examples", "cmp/benches"] {
            let _ = fs::remove_dir_all(workspace.root().join(folder));
        }
        workspace
    }

    fn copied(target: PathBuf, turn: Option<MutexGuard<'static, ()>>) -> Self {
        let workspace = Self { folder: TempDir::new().expect("a folder"), target, _turn: turn };
        for (path, content) in files(&this_workspace()) {
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

    /// Writes the documentation page `title` in its published form, after `edit` has changed each of its documents.
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

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cmp-contract"));
        command.args(["spec", "--root"]).arg(self.root()).args(arguments);
        command.env("CARGO_TARGET_DIR", self.root().join(&self.target));
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(&self.command(arguments).output().expect("runs"))
    }

    /// Compiles the client in the target folder of the updates. Returns `true` if that succeeds.
    fn compiles(&self) -> bool {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["check", "-p", "cmp", "--offline"]).current_dir(self.root());
        cargo.env("CARGO_TARGET_DIR", self.root().join(&self.target));
        Ended::of(&cargo.output().expect("runs")).good
    }

    /// Rehearses an update, and checks that it changed no file.
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
        if path.is_dir() && name != "target" && name != ".git" && name != ".update" {
            open.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        } else if path.is_file() && name != ".git" {
            let content = fs::read(&path).expect("a file");
            found.insert(path.strip_prefix(root).expect("below the root").to_owned(), content);
        }
    }
    found
}

/// Changes the schema `name` in each document of a page that has the schema.
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
        "Rust: cmp::cards::EnrichedAttributes",
        "GET /cards/{card_id} (additive)",
        "generated types change",
        "could be updated",
    ]);
}

#[test]
fn a_new_optional_member_of_requests_is_for_the_facade_to_send() {
    let workspace = Workspace::new();
    let edit = in_schema("CryptoFetchAttributes", |schema| {
        schema["properties"]["merchant_category"] = json!({"type": "string"});
    });
    let page = workspace.page("Network Tokens", edit);
    let ended = workspace.dry_run(&page);
    assert!(!ended.good, "{}", ended.text);
    ended.says(&[
        "additive      new-optional-request-property (for callers)",
        "Rust: cmp_generated::types::CryptoFetchAttributes.merchant_category",
        "Rust: cmp::network_tokens::RequestCryptogram",
        "Facade code that no longer compiles:\n  cmp/src/network_tokens/",
        "missing field `merchant_category`",
        "the workspace is untouched; run the update again with --accept-broken-build",
    ]);

    let accepted = workspace.run(&["update", &page, "--no-tests", "--accept-broken-build"]);
    assert!(accepted.good, "{}", accepted.text);
    accepted.says(&["missing field `merchant_category`", "The workspace is updated."]);
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
        "Rust: cmp::cards::TokenType::Mpan",
        "Facade code that no longer compiles:\n  cmp/src/cards/",
        "no variant or associated item named `Mpan` found for enum `KnownTokenType`",
        "the contract breaks",
    ]);
}

#[test]
fn a_renamed_operation_is_one_gone_and_one_new() {
    let workspace = Workspace::unbuilt();
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
        "Rust: cmp::network_tokens::NetworkTokens::cryptogram",
        "additive      endpoint-added (for both)",
        "openapi/operations.toml has an entry for \"POST /cards/{card_id}/cryptogram\", which is gone",
        "openapi/operations.toml has no entry for \"POST /cards/{card_id}/cryptograms\": add one",
        "Corrections that no longer apply:\n  openapi/corrections/",
    ]);
}

#[test]
fn a_new_operation_asks_for_a_name() {
    let workspace = Workspace::small();
    let page = with_a_new_operation(&workspace);
    let ended = workspace.dry_run(&page);
    assert!(!ended.good, "{}", ended.text);
    ended.says(&[
        "additive      endpoint-added (for both)",
        "GET /cards/{card_id}/network-tokens is new",
        "Rust: cmp_generated::Client::list_nt_for_card",
        "To settle in openapi:\n  openapi/operations.toml has no entry for \"GET \
         /cards/{card_id}/network-tokens\": add one, for instance with the name \"list_nt_for_card\"",
    ]);

    name_the_new_operation(&workspace);
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
    let workspace = Workspace::unbuilt();
    let edit = in_schema("CardArt", |schema| schema["properties"]["motif"] = json!({"type": "string"}));
    let ended = workspace.dry_run(&workspace.page("Network Tokens", edit));
    assert!(!ended.good, "{}", ended.text);
    ended.says(&["/components/schemas/CardArt differs from the one in openapi/fragments/"]);
}

#[test]
fn pages_are_fetched_from_where_the_sources_say_and_those_out_of_reach_are_named() {
    let workspace = Workspace::unbuilt();
    let text = fs::read(workspace.page("Cards", |_, _| {})).expect("a page");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let good = format!("http://{address}/cards");
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a request");
        let mut head = [0; 1024];
        let length = stream.read(&mut head).expect("a head");
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", text.len()).expect("written");
        stream.write_all(&text).expect("written");
        head[..length].to_vec()
    });
    // A port that was free, and has no listener.
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let bad = format!("https://{closed}/network-tokens");
    let path = workspace.root().join("openapi/sources.toml");
    let sources = fs::read_to_string(&path).expect("sources");
    let with_urls = sources
        .replace("page = \"Cards\"\n", &format!("page = \"Cards\"\nurl = \"{good}\"\n"))
        .replace("page = \"Network Tokens\"\n", &format!("page = \"Network Tokens\"\nurl = \"{bad}\"\n"));
    fs::write(&path, with_urls).expect("written");

    let mut command = workspace.command(&["update", "--dry-run", "--no-tests"]);
    let ended = Ended::of(&command.env("no_proxy", "*").output().expect("runs"));
    assert!(ended.good, "{}", ended.text);
    // A server that nobody has called waits no longer.
    drop(TcpStream::connect(address));
    assert!(server.join().expect("a request came").starts_with(b"GET /cards "), "{}", ended.text);
    ended.says(&[
        &format!("Pages that could not be fetched:\n  \"Network Tokens\", {bad}: curl: "),
        "the pages say what they said before",
    ]);
}

#[test]
fn what_is_edited_while_an_update_runs_is_not_overwritten() {
    for (path, edit) in [
        ("README.md", "A new line.\n"),
        ("cmp/src/lib.rs", "//! More.\n"),
        ("openapi/lowering.toml", "# More.\n"),
    ] {
        let workspace = Workspace::small();
        let page = with_a_new_member(&workspace);
        // The build waits until the connection ends.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let build = format!(
            "fn main() {{ use std::io::Read; let mut s = std::net::TcpStream::connect(\"{address}\").unwrap(); \
             let _ = s.read_to_end(&mut Vec::new()); }}"
        );
        workspace.write(Path::new("cmp/build.rs"), build.as_bytes());
        let mut command = workspace.command(&["update", &page, "--no-tests"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let output = child.wait_with_output().expect("ends");
            drop(sender.send(Ended::of(&output)));
            // An update that ended before its build began would be waited for without this.
            drop(TcpStream::connect(address));
        });
        let (build, _) = listener.accept().expect("a connection");
        if let Ok(ended) = receiver.try_recv() {
            panic!("{path}: the update ended before its build began: {}", ended.text);
        }
        let text = fs::read_to_string(workspace.root().join(path)).expect("a file") + edit;
        workspace.write(Path::new(path), text.as_bytes());
        let before = files(&workspace.root());
        drop(build);
        let ended = receiver.recv().expect("it ends");
        assert!(!ended.good, "{path}: {}", ended.text);
        ended.says(&[&format!("{path} changed while the update ran: run it again")]);
        assert!(before == files(&workspace.root()), "{path}: files changed:\n{}", ended.text);
    }
}

#[test]
fn without_pages_and_addresses_there_is_nothing_to_update_from() {
    let workspace = Workspace::unbuilt();
    let ended = workspace.run(&["update"]);
    assert!(!ended.good);
    ended.says(&["give pages: no source in openapi/sources.toml has a `url`"]);
}

/// Writes a page of cards with a new member in answers. The small client still compiles with it.
fn with_a_new_member(workspace: &Workspace) -> String {
    let edit = in_schema("EnrichedCardAttributes", |schema| {
        schema["properties"]["loyalty_program"] = json!({"type": "string"});
    });
    workspace.page("Cards", edit)
}

#[test]
fn what_breaks_after_an_update_is_seen() {
    let workspace = Workspace::small();
    let page = with_a_new_member(&workspace);
    let updated = workspace.run(&["update", &page, "--no-tests"]);
    assert!(updated.good, "{}", updated.text);
    assert!(workspace.compiles());

    workspace.write(Path::new("cmp/src/lib.rs"), b"compile_error!(\"broken\");");
    assert!(!workspace.compiles());
    workspace.write(Path::new("openapi/cmp.json"), b"{}");
    let check = workspace.run(&["check"]);
    assert!(!check.good, "{}", check.text);
    let again = workspace.run(&["update", &page, "--no-tests"]);
    assert!(!again.good, "{}", again.text);
    again.says(&["cmp/src/lib.rs:1: broken"]);
}

/// The program uses the workspace in which cargo runs it, or else the one that contains the current folder.
#[test]
fn the_workspace_is_that_of_the_run() {
    let workspace = Workspace::small();
    workspace.write(Path::new("openapi/cmp.json"), b"{}");
    let mut by_cargo = Command::new(env!("CARGO_BIN_EXE_cmp-contract"));
    by_cargo.args(["spec", "check"]).env("CARGO_MANIFEST_DIR", workspace.root().join("contract"));
    let mut by_folder = Command::new(env!("CARGO_BIN_EXE_cmp-contract"));
    by_folder
        .args(["spec", "check"])
        .env_remove("CARGO_MANIFEST_DIR")
        .current_dir(workspace.root().join("cmp"));
    for mut command in [by_cargo, by_folder] {
        let ended = Ended::of(&command.output().expect("runs"));
        assert!(!ended.good, "{}", ended.text);
        ended.says(&["not up to date: openapi/cmp.json"]);
    }
}

#[test]
fn an_update_that_can_not_write_one_file_writes_none() {
    for blocked in ["docs/conformance.md", "cmp/src/drift/known.json", "openapi/cmp.json"] {
        let workspace = Workspace::small();
        let page = with_a_new_member(&workspace);
        fs::remove_file(workspace.root().join(blocked)).expect("a file");
        fs::create_dir(workspace.root().join(blocked)).expect("in its way");
        fs::write(workspace.root().join(blocked).join("inside"), "").expect("written");
        let before = files(&workspace.root());
        let ended = workspace.run(&["update", &page, "--no-tests"]);
        assert!(!ended.good, "{}", ended.text);
        assert!(before == files(&workspace.root()), "{blocked}: files changed:\n{}", ended.text);
        assert!(!workspace.root().join("openapi/.update").exists(), "{blocked}");
    }
}

/// When an update is killed.
#[derive(Debug, Clone, Copy)]
enum Killed {
    /// In the rehearsal, after so many lines of output.
    AfterLines(usize),
    /// In the replacement of files, when so many have their new content.
    AfterFiles(usize),
}

#[test]
fn an_update_that_is_killed_is_finished_or_undone() {
    let workspace = Workspace::small();
    let page = with_a_new_member(&workspace);
    let arguments = ["update", &page, "--no-tests", "--date", "2026-11-23"];
    let before = files(&workspace.root());
    let updated = workspace.run(&arguments);
    assert!(updated.good, "{}", updated.text);
    let after = files(&workspace.root());
    let journal = workspace.root().join("openapi/.update/journal.json");
    let changed: Vec<_> = after.iter().filter(|(path, content)| before.get(*path) != Some(content)).collect();
    let replaced = || {
        let is_new = |path: &Path, content: &[u8]| {
            fs::read(workspace.root().join(path)).is_ok_and(|now| now == content)
        };
        changed.iter().filter(|(path, content)| is_new(path, content)).count()
    };
    let in_rehearsal = [0, 1, 2].map(Killed::AfterLines);
    let in_replacement = [0, 3, 6, 9, changed.len()].map(Killed::AfterFiles);
    for round in in_rehearsal.into_iter().chain(in_replacement) {
        for (path, content) in &before {
            workspace.write(path, content);
        }
        let mut command = workspace.command(&arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts");
        let mut said = BufReader::new(child.stderr.take().expect("piped")).lines();
        match round {
            Killed::AfterLines(lines) => drop(said.by_ref().take(lines).count()),
            Killed::AfterFiles(files) => {
                said.find(|line| line.as_ref().is_ok_and(|line| line.contains("Finished")));
                while (replaced() < files || files == 0 && !journal.exists())
                    && child.try_wait().expect("a child").is_none()
                {
                    thread::yield_now();
                }
            }
        }
        child.kill().expect("killed");
        child.wait().expect("ended");
        let next = workspace.run(&["show"]);
        assert!(next.good, "{}", next.text);
        let now = files(&workspace.root());
        assert!(now == before || now == after, "{round:?}: neither as before nor as after");
        assert!(!journal.exists(), "{round:?}");
    }
    let last = workspace.run(&arguments);
    assert!(last.good, "{}", last.text);
    assert!(after == files(&workspace.root()));
}

#[test]
fn nothing_of_a_change_that_was_cut_off_can_be_committed() {
    let workspace = Workspace::small();
    let git = |arguments: &[&str]| {
        let output =
            Command::new("git").args(arguments).current_dir(workspace.root()).output().expect("runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    let change = json!([{"path": "openapi/cmp.json", "old": "an old one", "new": "a new one"}]);
    workspace.write(Path::new("openapi/.update/.gitignore"), b"*\n");
    workspace.write(Path::new("openapi/.update/journal.json"), change.to_string().as_bytes());
    assert_eq!(git(&["status", "--porcelain", "openapi/.update", "--untracked-files=all"]), "");
    let refused = workspace.run(&["check"]);
    assert!(!refused.good);
    refused.says(&["openapi/cmp.json has changed since then", "remove openapi/.update"]);
}

/// Writes a page of network tokens with one additional operation.
fn with_a_new_operation(workspace: &Workspace) -> String {
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
    page
}

/// Gives the new operation its name.
fn name_the_new_operation(workspace: &Workspace) {
    let path = workspace.root().join("openapi/operations.toml");
    let entry = "\n[[operations]]\nname = \"list_network_tokens\"\nrequest = \"GET /cards/{card_id}/network-tokens\"\n";
    let facts = fs::read_to_string(&path).expect("facts");
    fs::write(path, facts + entry).expect("written");
}

#[test]
fn a_new_operation_is_in_every_list_from_the_first_minute() {
    let workspace = Workspace::small();
    let page = with_a_new_operation(&workspace);
    name_the_new_operation(&workspace);
    let updated = workspace.run(&["update", &page, "--no-tests"]);
    assert!(updated.good, "{}", updated.text);
    updated.says(&[
        "$ cargo check -p cmp",
        "The workspace is updated.",
        "Left to do for new operations:\n  GET /cards/{card_id}/network-tokens (list_network_tokens; until then by \
         `cmp.raw()` with `Operation::Unlisted`)",
        "openapi/operations.toml: its facts",
        "tests/src/lib.rs: one call of it",
        "its endpoint in cmp-simulator/src/api",
    ]);
    let read = |path: &str| fs::read_to_string(workspace.root().join(path)).expect("a file");
    let page = read("docs/conformance.md");
    let row = page.lines().find(|line| line.contains("`list_network_tokens`")).expect("a row");
    assert!(row.contains("no facts in openapi/operations.toml") && row.contains("404"), "{row}");
    assert!(read("cmp/src/drift/known.json").contains("\"list_network_tokens\""));
    let today = chrono::Local::now().date_naive().to_string();
    assert!(read("openapi/sources.toml").contains(&format!("imported = \"{today}\"")));

    let mut contract = Command::new(env!("CARGO_BIN_EXE_cmp-contract"));
    contract.args(["check", "--only", "new/", "--root"]).arg(workspace.root());
    let checked = Ended::of(&contract.output().expect("runs"));
    assert!(checked.good, "{}", checked.text);
    checked.says(&["skipped  new/GET /cards/{card_id}/network-tokens", "not yet in the facade"]);
}

#[test]
fn a_new_member_that_looks_like_a_secret_must_be_marked() {
    let workspace = Workspace::small();
    for name in ["security_code", "billing_email"] {
        let edit = in_schema("EnrichedCardAttributes", |schema| {
            schema["properties"][name] = json!({"type": "string"});
        });
        let page = workspace.page("Cards", edit);
        let ended = workspace.dry_run(&page);
        assert!(!ended.good, "{}", ended.text);
        ended.says(&[
            &format!("/properties/{name} could hold a secret by its name"),
            "settle what is listed above, then run the update again",
        ]);
        let path = workspace.root().join("openapi/lowering.toml");
        let rules = fs::read_to_string(&path).expect("rules");
        fs::write(&path, rules.replace("secret = [", &format!("secret = [\n  \"{name}\",")))
            .expect("written");
        let ended = workspace.dry_run(&page);
        assert!(ended.good, "{}", ended.text);
        fs::write(&path, rules).expect("written");
    }
}

#[test]
fn an_operation_id_that_changes_shows_both() {
    let workspace = Workspace::small();
    let page = workspace.page("Cards", |file, document| {
        if file == "get-cards-card_id.json" {
            document["paths"]["/cards/{card_id}"]["get"]["operationId"] = json!("readOneCard");
        }
    });
    let before =
        fs::read_to_string(workspace.root().join("openapi/fragments/get-cards-card_id.json")).expect("one");
    let before: Value = serde_json::from_str(&before).expect("JSON");
    let before =
        before["paths"]["/cards/{card_id}"]["get"]["operationId"].as_str().unwrap_or("none").to_owned();
    workspace.dry_run(&page).says(&[&format!("has another operationId: {before} → readOneCard")]);
}
