//! The committed contract is up to date, is valid OpenAPI 3.1, and accepts every published example.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use jsonschema::{Draft, Registry, Resource};
use serde_json::{Value, json};

/// The OpenAPI Initiative's schema of OpenAPI documents, as of 2022-10-07 (Apache-2.0).
const OPENAPI_SCHEMA: &str = include_str!("fixtures/openapi-3.1.schema.json");

/// The workspace whose tests run.
fn root() -> PathBuf {
    Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests")).join("..")
}

fn read(path: &str) -> Value {
    let text = fs::read_to_string(root().join(path)).expect("a committed file");
    serde_json::from_str(&text).expect("JSON")
}

/// Validates `instance` with the contract's schema `name`, and returns the errors.
fn errors(contract: &Value, name: &str, instance: &Value) -> Vec<String> {
    let schema = json!({"$ref": format!("urn:contract#/components/schemas/{name}")});
    let registry = Registry::new()
        .add("urn:contract", Resource::from_contents(contract.clone()))
        .expect("a resource")
        .prepare()
        .expect("a registry");
    let validator = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_registry(&registry)
        .should_validate_formats(true)
        .build(&schema)
        .expect("a schema");
    validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn both_documents_are_fresh() {
    let mut check = Command::new(env!("CARGO_BIN_EXE_cmp-contract"));
    let check = check.args(["spec", "check", "--root"]).arg(root()).output().expect("runs");
    assert!(check.status.success(), "{}{}", text(&check.stdout), text(&check.stderr));
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_contract_is_valid_openapi() {
    let schema: Value = serde_json::from_str(OPENAPI_SCHEMA).expect("JSON");
    let validator = jsonschema::options().with_draft(Draft::Draft202012).build(&schema).expect("a schema");
    let contract = read("openapi/cmp.json");
    let errors: Vec<_> =
        validator.iter_errors(&contract).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(errors, Vec::<String>::new());
    let mut broken = contract;
    broken["paths"]["/cards"]["post"]["responses"] = json!("none");
    assert!(!validator.is_valid(&broken));
}

#[test]
fn every_schema_of_the_contract_is_a_json_schema() {
    let contract = read("openapi/cmp.json");
    for (name, schema) in contract["components"]["schemas"].as_object().expect("schemas") {
        if let Err(error) = jsonschema::draft202012::meta::validate(schema) {
            panic!("{name}: {error}");
        }
    }
}

#[test]
fn every_published_example_fits_the_contract() {
    let contract = read("openapi/cmp.json");
    for (file, schema) in [
        ("provision-answer", "NetworkTokenResourceResponse"),
        ("cryptogram-answer", "NetworkTokenAndCryptogramResource"),
        ("cryptogram-request", "CryptoFetchRequest"),
        ("card-answer", "CardResourceResponse"),
        ("v1-provision-request", "V1Enrollment"),
        ("v1-provision-answer", "V1NetworkToken"),
        ("v1-get-answer", "V1NetworkToken"),
        ("v1-delete-answer", "V1NetworkToken"),
    ] {
        let example = read(&format!("openapi/examples/{file}.json"));
        assert_eq!(errors(&contract, schema, &example), Vec::<String>::new(), "{file}");
    }
}

/// Validates answers of the service that only fit the contract because of the corrections.
#[test]
fn the_shapes_that_the_service_sends_fit_the_contract() {
    let contract = read("openapi/cmp.json");
    let mut card = read("openapi/examples/card-answer.json");
    let attributes = card.pointer_mut("/data/attributes").and_then(Value::as_object_mut).expect("attributes");
    attributes.shift_remove("first8");
    attributes.insert("pan".to_owned(), json!("tok_sandbox_9GfZrBnYFNWLFYYqjaMfWC"));
    attributes.insert("cvc_status".to_owned(), json!("unavailable"));
    attributes.insert("token_type".to_owned(), json!("qpan"));
    attributes.insert("capabilities".to_owned(), json!(["network-tokens", "tap-to-pay"]));
    attributes.insert("created_at".to_owned(), json!("2025-08-01T00:00:00.12345"));
    card["included"] = json!([
        {"type": "network_tokens", "id": "NT1", "attributes": {"state": "failed", "reason_text": "declined"}},
        {"type": "card_updates", "id": "CU1", "attributes": {
            "occurred_at": "2025-08-01T00:00:00", "received_at": "2025-08-01T00:00:00Z", "event": "moved",
            "changed_fields": [], "updated_values": []}},
        {"type": "card_update_subscriptions", "id": "CUS1", "attributes": {"bin": 411_111, "state": "paused"}},
        {"type": "loyalty_programmes", "id": "L1", "points": 3}
    ]);
    card["jsonapi"] = json!({"version": "1.1"});
    card["links_to_come"] = json!({});
    assert_eq!(errors(&contract, "CardResourceResponse", &card), Vec::<String>::new());
    card["included"] = Value::Null;
    assert_eq!(errors(&contract, "CardResourceResponse", &card), Vec::<String>::new());
    card["data"]["attributes"]["created_at"] = json!("yesterday");
    assert_ne!(errors(&contract, "CardResourceResponse", &card), Vec::<String>::new());
}

#[test]
fn notifications_are_held_to_what_a_receiver_needs() {
    let contract = read("openapi/cmp.json");
    let token = json!({
        "id": "evt-1", "event": "cmp_network_token.updated", "timestamp": "2025-01-15T10:00:00.000Z",
        "details": {"card_id": "CRD1", "state": "SUSPENDED", "card_last4": 42, "updated_at": "2025-01-15T10:00:00.1"}
    });
    let mut v1 = token.clone();
    v1["details"] = json!({"network_token_id": "NTK1", "pan_alias": "tok_1", "state": "frozen"});
    let mut update = token.clone();
    update["details"] = json!({"card_id": "CRD1", "new_expiration_date": "1225", "more": null});
    let kinds = [
        ("NetworkTokenNotification", &token, "/details/card_id"),
        ("V1NetworkTokenNotification", &v1, "/details/pan_alias"),
        ("CardUpdateNotification", &update, "/details/card_id"),
        ("V1CardUpdateNotification", &update, "/details"),
    ];
    for (name, good, essential) in kinds {
        assert_eq!(errors(&contract, name, good), Vec::<String>::new(), "{name}");
        for place in ["/id", "/event", "/timestamp", "/details", essential] {
            let (holder, key) = place.rsplit_once('/').expect("a member");
            let mut less = good.clone();
            less.pointer_mut(holder).and_then(Value::as_object_mut).expect("an object").remove(key);
            assert_ne!(errors(&contract, name, &less), Vec::<String>::new(), "{name} without {place}");
            let mut other = good.clone();
            *other.pointer_mut(place).expect("a member") = json!([1]);
            assert_ne!(errors(&contract, name, &other), Vec::<String>::new(), "{name}, {place} as a list");
        }
        let mut undated = good.clone();
        undated["timestamp"] = "yesterday".into();
        assert_ne!(errors(&contract, name, &undated), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn requests_stay_as_strict_as_documented() {
    let contract = read("openapi/cmp.json");
    let card = |attributes: &Value| json!({"data": {"attributes": attributes}});
    let good = json!({"pan": "4111111111111111", "exp_month": 5, "exp_year": 28, "token_type": "pan"});
    assert_eq!(errors(&contract, "CardResourceRequest", &card(&good)), Vec::<String>::new());
    for (key, bad) in [
        ("pan", json!("4111")),
        ("pan", json!(4_111_111_111_111_111_u64)),
        ("exp_month", json!(13)),
        ("exp_year", json!(2028)),
        ("token_type", json!("qpan")),
        ("cvc", json!("12345")),
        ("cardholder", json!({"name": ""})),
    ] {
        let mut attributes = good.clone();
        attributes[key] = bad;
        assert_ne!(
            errors(&contract, "CardResourceRequest", &card(&attributes)),
            Vec::<String>::new(),
            "{key}"
        );
    }
    let unknown = json!({"data": {"attributes": good}, "extra": 1});
    assert_ne!(errors(&contract, "CardResourceRequest", &unknown), Vec::<String>::new());
    let amount = |amount: Value| json!({"data": {"attributes": {"amount": amount}}});
    assert_eq!(errors(&contract, "CryptoFetchRequest", &amount(json!(19.99))), Vec::<String>::new());
    assert_ne!(errors(&contract, "CryptoFetchRequest", &amount(json!(-1))), Vec::<String>::new());
}

#[test]
fn the_two_bodies_of_a_403_are_told_apart() {
    let contract = read("openapi/cmp.json");
    let plain = json!({"errors": [{"summary": "s", "detail": "d", "error_code": "forbidden"}]});
    let other = json!({"errors": [{"status": 403, "title": "Forbidden", "details": "no scope"}]});
    for (name, fits, fits_not) in
        [("ErrorResponse", &plain, &other), ("ErrorForbiddenResponse", &other, &plain)]
    {
        assert_eq!(errors(&contract, name, fits), Vec::<String>::new(), "{name}");
        assert_ne!(errors(&contract, name, fits_not), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn the_readme_lists_every_correction() {
    let readme = fs::read_to_string(root().join("openapi/README.md")).expect("a README");
    let mut files: Vec<_> = fs::read_dir(root().join("openapi/corrections"))
        .expect("corrections")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    files.sort();
    let rows = files.iter().map(|file| {
        let correction = read(&format!("openapi/corrections/{file}"));
        let text = |key: &str| correction[key].as_str().expect("text").to_owned();
        let name = file.trim_end_matches(".json");
        format!("| [{name}](corrections/{file}) | {} | {} |\n", text("title"), text("evidence"))
    });
    let table = "| File | Correction | Evidence |\n|---|---|---|\n".to_owned() + &rows.collect::<String>();
    assert!(readme.ends_with(&table), "openapi/README.md should end with this table:\n{table}");
}

/// Uses of generated types that list all members by name, without `..`. Each new member breaks such code.
#[derive(Default)]
struct Whole(Vec<String>);

impl Whole {
    fn note(&mut self, path: &syn::Path, is_open: bool) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        match &names[..] {
            [.., module, name] if module == "types" && !is_open => self.0.push(name.clone()),
            _ => {}
        }
    }
}

impl<'a> syn::visit::Visit<'a> for Whole {
    fn visit_expr_struct(&mut self, made: &'a syn::ExprStruct) {
        self.note(&made.path, made.rest.is_some());
        syn::visit::visit_expr_struct(self, made);
    }

    fn visit_pat_struct(&mut self, matched: &'a syn::PatStruct) {
        self.note(&matched.path, matched.rest.is_some());
        syn::visit::visit_pat_struct(self, matched);
    }
}

#[test]
fn a_member_that_is_added_to_an_answer_breaks_nothing_in_the_facade() {
    let lowered = read("cmp-generated/openapi.json");
    let mut received = std::collections::BTreeSet::new();
    let mut open: Vec<&Value> = vec![&lowered["components"]["schemas"]["ErrorDocument"]];
    for operation in lowered["paths"].as_object().expect("paths").values().filter_map(Value::as_object) {
        open.extend(operation.values().map(|operation| &operation["responses"]));
    }
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => open.extend(members.values()),
            Value::Array(items) => open.extend(items),
            Value::String(text) => {
                let name = text.strip_prefix("#/components/schemas/");
                if let Some(name) = name.filter(|name| received.insert(*name)) {
                    open.push(&lowered["components"]["schemas"][name]);
                }
            }
            _ => {}
        }
    }
    assert!(received.contains("NetworkTokenAttributes"));
    let mut folders = vec![root().join("cmp/src")];
    let mut whole = Whole::default();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let file = syn::parse_file(&fs::read_to_string(&path).expect("a file")).expect("Rust");
                syn::visit::Visit::visit_file(&mut whole, &file);
            }
        }
    }
    assert!(whole.0.iter().any(|name| name == "NewAddress"), "requests are made whole");
    let breaking: Vec<_> = whole.0.iter().filter(|name| received.contains(name.as_str())).collect();
    assert_eq!(breaking, [""; 0]);
}
