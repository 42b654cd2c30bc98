//! Runs `cargo xtask spec diff` with each form of its arguments and each form of its report.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

const NOTHING: &str = "no change\n";
const ADDITIVE: i32 = 20;
const BREAKING: i32 = 30;

/// The workspace whose tests run.
fn this_workspace() -> PathBuf {
    Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests")).join("..")
}

fn diff(root: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cmp-contract"));
    command.args(["spec", "diff", "--root"]).arg(root).args(arguments).current_dir(root);
    command.output().expect("runs")
}

#[track_caller]
fn says(output: &Output, status: i32, text: &str) {
    let all = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
    assert!(output.status.code() == Some(status) && all.contains(text), "{:?}: {all}", output.status);
}

/// Returns a folder with copies of the files that a comparison reads.
fn workspace() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let mut open: Vec<PathBuf> =
        ["openapi", "cmp/src", "cmp-generated/openapi.json"].map(PathBuf::from).into();
    while let Some(path) = open.pop() {
        let (from, to) = (this_workspace().join(&path), folder.path().join(&path));
        if from.is_dir() {
            let entries = fs::read_dir(&from).expect("a folder");
            open.extend(entries.map(|entry| path.join(entry.expect("an entry").file_name())));
        } else {
            fs::create_dir_all(to.parent().expect("a folder")).expect("created");
            fs::copy(from, to).expect("copied");
        }
    }
    folder
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a file")).expect("JSON")
}

/// Returns a page with one of the operations, whose schema has one additional member.
fn page(root: &Path) -> PathBuf {
    let mut document = read(&root.join("openapi/fragments/post-cards-card_id-cryptogram.json"));
    let members = &mut document["components"]["schemas"]["CryptoFetchAttributes"]["properties"];
    members["merchant_name"] = serde_json::json!({"type": "string"});
    let path = root.join("Cryptograms.md");
    fs::write(&path, format!("# Cryptograms\n\n## Request cryptogram\n\n```json\n{document}\n```\n"))
        .expect("written");
    path
}

#[test]
fn fragments_and_the_written_contract_are_the_same() {
    let root = workspace();
    says(&diff(root.path(), &["openapi/cmp.json", "openapi/fragments"]), 0, NOTHING);
    says(&diff(root.path(), &["cmp-generated/openapi.json", "cmp-generated/openapi.json"]), 0, NOTHING);
}

#[test]
fn a_page_is_laid_over_what_is_there() {
    let root = workspace();
    let page = page(root.path());
    let output = diff(root.path(), &["openapi/cmp.json", page.to_str().expect("UTF-8")]);
    says(&output, ADDITIVE, "Rust: cmp_generated::types::CryptoFetchAttributes.merchant_name");
    says(&output, ADDITIVE, "Rust: cmp::network_tokens::RequestCryptogram");
    let pages = root.path().join("pages");
    fs::create_dir(&pages).expect("created");
    fs::rename(&page, pages.join("Cryptograms.md")).expect("moved");
    says(&diff(root.path(), &["openapi/cmp.json", "pages"]), ADDITIVE, "new-optional-request-property");
}

#[test]
fn items_are_named_although_lowering_toml_is_not_settled_yet() {
    let root = workspace();
    let mut contract = read(&root.path().join("openapi/cmp.json"));
    let schemas = &mut contract["components"]["schemas"];
    schemas["EnrichedCardAttributes"]["properties"]["support_email"] = serde_json::json!({"type": "string"});
    let members = schemas["UpdatedCardFieldResource"]["properties"].as_object_mut().expect("members");
    members.remove("old_value").expect("a secret");
    members.remove("field_name").expect("a plain member");
    fs::write(root.path().join("new.json"), contract.to_string()).expect("written");
    let output = diff(root.path(), &["openapi/cmp.json", "new.json"]);
    for text in [
        "Rust: cmp_generated::types::EnrichedCardAttributes.support_email\n",
        "Rust: cmp_generated::types::UpdatedCardFieldResource.old_value\n",
        "support_email could hold a secret by its name",
        "[scalars] names \"UpdatedCardFieldResource.old_value\", which no schema has\n",
        "[plain] names \"field_name\", which no unmarked member needs\n",
    ] {
        says(&output, BREAKING, text);
    }
}

#[test]
fn a_change_of_a_notification_is_told_by_its_name() {
    let root = workspace();
    let mut contract = read(&root.path().join("openapi/cmp.json"));
    let schemas = &mut contract["components"]["schemas"];
    schemas["BaseCardUpdateDetails"]["properties"]["issuer"] = serde_json::json!({"type": "string"});
    schemas["BaseNetworkTokenDetails"]["properties"]["state"]["anyOf"][0]["enum"]
        .as_array_mut()
        .expect("a list")
        .push("frozen".into());
    schemas["NotificationEnvelope"]["required"] = serde_json::json!(["id"]);
    fs::write(root.path().join("new.json"), contract.to_string()).expect("written");
    let output = diff(root.path(), &["openapi/cmp.json", "new.json"]);
    for text in [
        "webhook-optional-property-added (for readers)\n              webhook au_card, webhook cmp_au_card: \
         notification, `details.issuer` is new\n",
        "Rust: cmp::webhooks::CardUpdateDetails\n",
        "webhook-property-enum-value-added (for readers)\n              webhook cmp_network_token, webhook \
         network_token: notification, `details.state` also lists frozen\n",
        "Rust: cmp::webhooks::NetworkTokenDetails\n",
        "webhook-property-became-optional (for readers)\n",
        "Rust: cmp::webhooks::Event\n",
        "1 breaking, 2 additive\n",
    ] {
        says(&output, BREAKING, text);
    }
    let details = contract.pointer_mut("/components/schemas/V1NetworkTokenDetails/allOf/1/required");
    *details.expect("the required members of V1") = serde_json::json!([]);
    fs::write(root.path().join("v1.json"), contract.to_string()).expect("written");
    says(
        &diff(root.path(), &["new.json", "v1.json"]),
        BREAKING,
        "webhook network_token: notification, `details.pan_alias` is optional now\n              at \
         /components/schemas/BaseNetworkTokenDetails/properties/pan_alias\n              Rust: \
         cmp::webhooks::NetworkTokenDetails\n1 breaking\n",
    );
    contract["webhooks"].as_object_mut().expect("webhooks").retain(|name, _| name != "au_card");
    fs::write(root.path().join("less.json"), contract.to_string()).expect("written");
    says(&diff(root.path(), &["v1.json", "less.json"]), BREAKING, "webhook au_card is gone");
    says(&diff(root.path(), &["less.json", "v1.json"]), ADDITIVE, "webhook au_card is new");
}

#[test]
fn what_no_rule_knows_is_reported_with_its_place_and_a_status_of_its_own() {
    let root = workspace();
    let mut contract = read(&root.path().join("openapi/cmp.json"));
    contract["paths"]["/cards"]["post"]["priority"] = "high".into();
    contract["paths"]["/cards"]["post"]["operationId"] = "make_card".into();
    let id = read(&root.path().join("openapi/cmp.json"))["paths"]["/cards"]["post"]["operationId"].clone();
    let id = id.as_str().expect("an id");
    fs::write(root.path().join("new.json"), contract.to_string()).expect("written");
    let output = diff(root.path(), &["openapi/cmp.json", "new.json"]);
    says(
        &output,
        25,
        "POST /cards changed, not classified: \"high\" is new\n              at /paths/~1cards/post/priority",
    );
    says(&output, 25, &format!("POST /cards has another operationId: {id} → make_card\n"));
    says(&output, 25, "1 unclassified, 1 documentation\n");
    says(&diff(root.path(), &["openapi/cmp.json", "new.json", "--fail-on", "breaking"]), 25, "");
}

#[test]
fn the_exit_statuses_are_documented() {
    let help = diff(&this_workspace(), &["--help"]);
    let pages =
        ["README.md", "openapi/README.md"].map(|page| fs::read_to_string(this_workspace().join(page)));
    for text in pages
        .map(|page| page.expect("a page"))
        .into_iter()
        .chain([String::from_utf8(help.stdout).expect("UTF-8")])
    {
        for status in ["10", "20", "25", "30", "not classified", "--fail-on"] {
            assert!(text.contains(status), "{status}: {text}");
        }
    }
}

#[test]
fn a_yaml_document_is_read_too() {
    let root = workspace();
    let mut contract = read(&root.path().join("openapi/cmp.json"));
    contract["info"]["description"] = "d".into();
    let yaml = yaml_serde::to_string(&contract).expect("YAML");
    fs::write(root.path().join("new.yaml"), yaml).expect("written");
    says(
        &diff(root.path(), &["openapi/cmp.json", "new.yaml", "--fail-on", "any"]),
        10,
        "info-description-changed",
    );
}

#[test]
fn a_revision_is_what_was_committed_then() {
    let root = workspace();
    let git = |arguments: &[&str]| {
        let settings = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").args(settings).args(arguments).current_dir(root.path()).output();
        let output = output.expect("git runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "The contract as it was"]);
    let path = root.path().join("openapi/cmp.json");
    let mut contract = read(&path);
    contract["servers"]
        .as_array_mut()
        .expect("a list")
        .push(serde_json::json!({"url": "https://new.example"}));
    fs::write(&path, contract.to_string()).expect("written");
    says(&diff(root.path(), &["HEAD", "openapi/cmp.json"]), ADDITIVE, "api-server-added");
    says(&diff(root.path(), &["rev:HEAD", "HEAD"]), 0, NOTHING);
    says(&diff(root.path(), &["rev:nowhere", "HEAD"]), 1, "nowhere: ");
}

#[test]
fn what_is_nothing_of_that_is_an_error() {
    let root = workspace();
    let message = "no-such-thing: neither a file, nor a folder, nor a git revision";
    says(&diff(root.path(), &["no-such-thing", "openapi/fragments"]), 1, message);
    fs::write(root.path().join("broken.json"), "{").expect("written");
    says(&diff(root.path(), &["broken.json", "openapi/fragments"]), 1, "broken.json");
    says(
        &diff(root.path(), &["cmp", "openapi/fragments"]),
        1,
        "expected either fragments (.json) or pages (.md)",
    );
}

#[test]
fn the_report_has_three_forms() {
    let root = workspace();
    let page = page(root.path());
    let arguments = ["openapi/cmp.json", page.to_str().expect("UTF-8"), "--fail-on", "breaking", "--format"];
    let report = |format: &str| {
        let output = diff(root.path(), &[&arguments[..], &[format]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    assert!(report("text").ends_with("\n1 additive\n"));
    let json: Value = serde_json::from_str(&report("json")).expect("JSON");
    let change = &json["changes"][0];
    assert_eq!(change["id"], "new-optional-request-property");
    assert_eq!(change["member"], "data.attributes.merchant_name");
    assert_eq!(change["operations"], serde_json::json!(["POST /cards/{card_id}/cryptogram"]));
    let markdown = report("markdown");
    assert!(
        markdown.starts_with("### Contract: 1 additive\n\n#### Additive\n\n| change | for |"),
        "{markdown}"
    );
    assert!(
        markdown.contains("| `new-optional-request-property` | callers | POST /cards/{card_id}/cryptogram: ")
    );
    assert!(markdown.contains("`cmp_generated::types::CryptoFetchAttributes.merchant_name`<br>`cmp::"));
}

#[test]
fn a_text_from_outside_stays_on_its_line() {
    let root = workspace();
    let mut contract = read(&root.path().join("openapi/cmp.json"));
    contract["components"]["schemas"]["TokenType"]["enum"]
        .as_array_mut()
        .expect("a list")
        .push("y\nbreaking      fake\u{1b}[31m\u{202e}\u{ad}\u{e0001}".into());
    fs::write(root.path().join("new.json"), contract.to_string()).expect("written");
    let escaped = r"y\nbreaking      fake\u{1b}[31m\u{202e}\u{ad}\u{e0001}";
    for (format, value) in
        [("text", escaped), ("markdown", r"y breaking      fake\u{1b}[31m\u{202e}\u{ad}\u{e0001}")]
    {
        let output = diff(root.path(), &["openapi/cmp.json", "new.json", "--format", format]);
        says(&output, ADDITIVE, &format!("also lists {value}"));
    }
}

#[test]
fn a_request_without_credentials_has_a_name() {
    let root = workspace();
    let mut contract = read(&root.path().join("openapi/cmp.json"));
    let scheme = contract["security"][0].clone();
    contract["paths"]["/cards"]["post"]["security"] = serde_json::json!([{}, scheme]);
    fs::write(root.path().join("new.json"), contract.to_string()).expect("written");
    let output = diff(root.path(), &["openapi/cmp.json", "new.json", "--fail-on", "any"]);
    says(&output, ADDITIVE, "POST /cards takes a request without credentials too");
    let output = diff(root.path(), &["new.json", "openapi/cmp.json"]);
    says(&output, BREAKING, "POST /cards no longer takes a request without credentials");
}
