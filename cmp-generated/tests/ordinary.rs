//! What `cargo xtask spec merge` accepts compiles: a client of a contract with each ordinary construct of OpenAPI, and with
//! names that are hard on Rust. The contract is contract/tests/ordinary/contract.yaml; a test there holds ordinary.json to it.

#![allow(
    missing_docs,
    missing_debug_implementations,
    nonstandard_style,
    unused,
    unreachable_pub,
    unused_qualifications
)]
#![allow(clippy::all, clippy::pedantic, clippy::unwrap_used, rustdoc::all, reason = "generated code")]

use cmp_generated::{hooks, included, lenient, scalar};
use serde_json::{Value, json};

include!(concat!(env!("OUT_DIR"), "/ordinary.rs"));

#[cfg(feature = "httpmock")]
mod mock {
    mod stand_in {
        include!(concat!(env!("OUT_DIR"), "/ordinary_mock.rs"));
    }
}

impl ClientHooks<hooks::Context> for Client {}

fn thing() -> Value {
    json!({
        "id": "t1", "kind": "new kind", "nullable_kind": null, "level": 7, "ratio": 9.5, "flag": false, "one": 3,
        "only": "thing", "base": null, "secret_code": "123", "created": "2026-11-22T00:00:00Z", "odd": "o",
        "children": [{"id": "t2"}], "map": {"a": 1}, "text_or_base": "text", "choice": 3, "inside": {"deep": "z"},
        "unlisted": "kept"
    })
}

#[test]
fn lists_and_maps_of_secrets_show_nothing() {
    let mut thing = thing();
    thing["phones"] = json!(["5550100"]);
    thing["emails"] = json!({"work": "me@example.com"});
    let thing: types::Thing = serde_json::from_value(thing).expect("a lenient type");
    assert_eq!(thing.phones.as_ref().map(Vec::len), Some(1));
    assert_eq!(thing.emails.as_ref().map(|emails| emails.len()), Some(1));
    let shown = format!("{thing:?}");
    assert!(!shown.contains("5550100") && !shown.contains("example"), "{shown}");
}

#[test]
fn answers_decode_values_that_the_contract_does_not_list() {
    let thing: types::Thing = serde_json::from_value(thing()).expect("a lenient type");
    assert_eq!(thing.level.as_ref().map(|level| level.0), Some(7));
    let text = format!("{thing:?}");
    assert!(!text.contains("123"), "{text}");
    assert_eq!((thing.ratio.map(|ratio| ratio.0), thing.flag), (Some(9.5), Some(false)));
}

#[test]
fn requests_are_exact_and_numbers_stay_numbers() {
    let level = types::NewLevel::try_from(2).expect("listed");
    assert_eq!(serde_json::to_value(&level).expect("JSON"), json!(2));
    types::NewLevel::try_from(7).expect_err("not listed");
    let mut request = json!({
        "kind": "one", "level": 2, "secret_code": "123", "pin": "1234", "base": {}, "created": "x", "flag": true
    });
    let sent: types::NewThing = serde_json::from_value(request.clone()).expect("a request");
    let sent = serde_json::to_value(&sent).expect("JSON");
    for (key, value) in request.as_object().expect("an object") {
        assert_eq!(&sent[key], value, "{key}");
    }
    request["kind"] = "other".into();
    serde_json::from_value::<types::NewThing>(request).expect_err("not listed");
}

#[test]
fn what_goes_one_way_only_is_not_in_the_other() {
    let sent = |request: types::NewThing| (request.pin, request.level);
    let received = |answer: types::Thing| answer.id;
    let _ = (sent, received);
    let answer: types::Thing =
        serde_json::from_value(json!({"id": "t", "pin": "1234"})).expect("no such member");
    assert!(!format!("{answer:?}").contains("pin: "));
}
