//! Member by member: whatever JSON stands in the place of one member, all others read the same.

use cmp_generated::included::IncludedResource;
use cmp_generated::lenient::{Unreadable, decode, noting};
use cmp_generated::scalar::{Last4, Reference};
use cmp_generated::types;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// JSON that stands in no place of the documents, and JSON that stands in the wrong one.
const ODD: [&str; 27] = [
    "null",
    "true",
    "false",
    "0",
    "-1",
    "7",
    "1.5",
    "-0.0",
    "1e400",
    "-1e400",
    "123456789012345678901234567890",
    r#""""#,
    r#"" ""#,
    r#""x""#,
    r#""\ud800""#,
    r#""\udc00\ud800 \u0000""#,
    r#""4111111111111111""#,
    "4111111111111111",
    "[]",
    "{}",
    "[null]",
    "[[],{},0,\"\"]",
    r#"{"":null}"#,
    r#"{"id":{"id":[]},"id":1,"type":2,"data":3}"#,
    r#"{"$serde_json::private::Number":{}}"#,
    r#"{"$serde_json::private::RawValue":"{"}"#,
    "\"\u{202e}\u{0}\t\"",
];

fn odd() -> Vec<String> {
    let mut odd: Vec<_> = ODD.map(str::to_owned).into();
    odd.push(format!("{}1{}", "[".repeat(500), "]".repeat(500)));
    odd.push(format!("{}1{}", "{\"a\":".repeat(500), "}".repeat(500)));
    odd.push(format!("\"{}\"", "x".repeat(10_000)));
    odd
}

const RELATED: &str = r#"{"relationships": {"card": {"data": {"id": "CRD1", "type": "cards", "lid": "l", "meta": {"a": 1}},
    "links": {"self": "https://a.example", "related": {"href": "h", "rel": "r", "describedby": "d", "title": "t",
    "type": "t", "hreflang": ["de"], "meta": {"a": 1}}}, "meta": {"a": [1, {"b": null}]}},
    "others": {"data": [{"id": "X1", "type": "x"}]}}, "links": {"self": {"href": "h", "hreflang": "de"}}}"#;

/// Every member that the documents have.
fn documents() -> Vec<(&'static str, Value)> {
    let related: Value = serde_json::from_str(RELATED).expect("JSON");
    let attributes = json!({"payment_account_reference": "V0010013020358954378123456789", "bin": "411111",
        "network_token": "4113216317012304", "last4": "2304", "exp_month": 9, "exp_year": 27, "state": "active",
        "created_at": "2025-01-10T17:56:12.783411Z", "updated_at": "2025-01-10T17:56:12Z",
        "reason_code": "cmp_network_token.provisioned", "reason_text": "text"});
    let asset = json!({"download_url": "https://a.example", "height": 1, "width": 2, "mime_type": "image/png",
        "type": "CARD_SYMBOL"});
    let art = json!({"assets": [asset], "background_color": "b", "contact_name": "n", "contact_number": "c",
        "contact_website": "w", "foreground_color": "f", "issuer_name": "i", "label_color": "l",
        "long_description": "l", "short_description": "s"});
    let token =
        json!({"id": "NT1", "type": "network_tokens", "attributes": attributes, "meta": {"card_art": art}});
    let update = json!({"id": "CU1", "type": "card_updates", "attributes": {"event": "updated", "reason_code": "c",
        "reason_text": "t", "changed_fields": ["pan", "exp_year"], "occurred_at": "2025-01-10T17:56:12Z",
        "received_at": "2025-01-10T17:56:12Z", "updated_values": [
            {"field_name": "pan", "old_value": "4111111111111111", "new_value": "4222222222222"}]}});
    let subscription = json!({"id": "CUS1", "type": "card_update_subscriptions", "attributes": {"bin": "411111",
        "state": "enrolled", "created_at": "2025-01-10T17:56:12Z", "updated_at": "2025-01-10T17:56:12Z"}});
    let other = json!({"id": "V1", "type": "vouchers", "attributes": {"a": 1}});
    let observability = json!({"observability": {"account_id": "AC1", "client_id": "c", "fingerprint": "f",
        "trace_id": "f2046b6548e7dbe5793adee1f4a13c63", "vault_id": "v"}});
    let version = json!({"version": "1.1", "ext": ["e"], "profile": ["p"], "meta": {"a": 1}});
    let enriched = json!({"additional_card_brands": [{"card_brand": "b"}], "bank": {"issuer_name": "n",
        "issuer_phone_number": "1", "issuer_website": "w"}, "card_capabilities": {"commercial_level2": true,
        "commercial_level3": true, "ebt": true, "fsa": true, "hsa": true, "reloadable": true},
        "card_properties": {"card_number_length": 16, "card_segment_type": "c", "country_letter_code": "US",
        "country_name": "n", "country_numeric": 840, "issuer_bin": "411111", "level_2": true, "level_3": true,
        "prepaid_card": true, "product_name": "p", "virtual_card": true}, "interchange": {"regulated": "r"}});
    let address = json!({"address1": "1", "address2": "2", "address3": "3", "address4": "4", "city": "c",
        "region": "r", "postal_code": "p", "country": "US"});
    let card = json!({"pan": "4111111111111111", "pan_alias": "tok_a", "cvc": "123", "cvc_alias": "tok_b",
        "cvc_status": "active", "exp_month": 5, "exp_year": 28, "bin": "411111", "first8": "41111111", "last4": "1111",
        "card_fingerprint": "f", "card_brand": "visa", "card_type": "credit", "token_type": "pan",
        "wallet_type": "apple", "capabilities": ["network-tokens"], "enriched_attributes": enriched,
        "created_at": "2025-01-10T17:56:12Z", "updated_at": "2025-01-10T17:56:12Z",
        "cardholder": {"name": "n", "company": "c", "phone": "1", "email": "a@example.com", "address": address}});
    let mut cryptogram = token["attributes"].clone();
    cryptogram["cryptogram"] = json!({"type": "TAVV", "value": "JWrMYLqNQjmEHQDAZbSx+A==", "eci": "07"});
    let billing = json!({"name": "n", "company": "c", "address1": "1", "address2": "2", "city": "c", "region": "r",
        "country": "US", "postal_code": "p", "phone": "1"});
    vec![
        (
            "card",
            json!({"data": {"id": "CRD1", "type": "cards", "attributes": card, "meta": {"a": "b"},
            "links": {"self": "h"}, "relationships": {"card": {}}, "included": [{"id": "NT2", "type": "network_tokens"}]},
            "included": [token, update, subscription, other], "jsonapi": version, "metadata": observability}),
        ),
        ("token", json!({"data": token, "jsonapi": version, "metadata": observability})),
        (
            "cryptogram",
            json!({"data": {"id": "NT1", "type": "network_tokens", "attributes": cryptogram},
            "jsonapi": version, "metadata": observability}),
        ),
        (
            "v1",
            json!({"pan_alias": "a", "network_token_last4": "2345", "state": "ACTIVE", "expires_at": "2027-01",
            "created_at": "2025-01-10T17:56:12Z", "updated_at": "2025-01-10T17:56:12Z", "card": {"bin": "489537",
            "last4": "1234", "expires_at": "2027-01", "holder_info": {"name": "n", "email": "e", "number": "1",
            "billing_address": billing}}}),
        ),
        (
            "errors",
            json!({"errors": [{"code": "c", "detail": "d", "details": "d", "error_code": "e", "fingerprint": "f",
            "path": "p", "status": "400", "summary": "s", "title": "t"}, {"code": "d"}], "jsonapi": version,
            "links": related["links"], "meta": {"observability": {"trace_id": "t"}}, "included": [
            {"id": "X1", "type": "x", "attributes": {"a": 1}, "meta": {"a": 1},
            "relationships": related["relationships"], "links": related["links"]}]}),
        ),
    ]
}

fn read_as(name: &str, text: &str) -> Result<Value, Unreadable> {
    fn read<T: DeserializeOwned + Serialize>(text: &str) -> Result<Value, Unreadable> {
        decode::<T>(text.as_bytes()).map(|document| serde_json::to_value(&document).expect("encodes"))
    }
    match name {
        "card" => read::<types::CardResourceResponse>(text),
        "token" => read::<types::NetworkTokenResourceResponse>(text),
        "cryptogram" => read::<types::NetworkTokenAndCryptogramResource>(text),
        "v1" => read::<types::V1NetworkToken>(text),
        _ => read::<types::ErrorDocument>(text),
    }
}

/// The JSON pointers of all members and entries below a value.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(entries) => {
            entries.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    for (name, value) in inner {
        let at = format!("{at}/{name}");
        places(value, &at, found);
        found.push(at);
    }
}

/// The document as text, with `odd` in one place.
fn with_odd(document: &Value, at: &str, odd: &str) -> String {
    const HOLE: &str = "the hole";
    let mut document = document.clone();
    *document.pointer_mut(at).expect("a place") = HOLE.into();
    document.to_string().replace(&format!("\"{HOLE}\""), odd)
}

/// Whether two values are the same but for what is at or below `at`. An entry of a list may be left out, and what stands
/// in the place of free-form members is free.
fn same_elsewhere(good: &Value, read: &Value, at: &[&str]) -> bool {
    let Some((first, rest)) = at.split_first() else { return true };
    match (good, read) {
        (Value::Object(good), Value::Object(read)) => {
            let names = good.keys().chain(read.keys());
            names.into_iter().all(|name| match (good.get(name), read.get(name)) {
                (Some(good), Some(read)) if name == first => same_elsewhere(good, read, rest),
                (good, read) => name == first || good == read,
            })
        }
        (Value::Array(good), Value::Array(read)) => {
            let at: usize = first.parse().expect("an index");
            let left_out =
                || good.iter().enumerate().filter(|(index, _)| *index != at).map(|(_, value)| value);
            if rest.is_empty() && read.iter().eq(left_out()) {
                return true;
            }
            good.len() == read.len()
                && good.iter().zip(read).enumerate().all(|(index, (good, read))| {
                    if index == at { same_elsewhere(good, read, rest) } else { good == read }
                })
        }
        _ => false,
    }
}

#[test]
fn the_good_documents_are_read_whole() {
    for (name, document) in documents() {
        let text = document.to_string();
        let (read, unreadable) = noting(|| read_as(name, &text));
        assert_eq!(read, Ok(document), "{name}");
        assert_eq!(unreadable, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn an_odd_member_is_absent_and_all_others_read_the_same() {
    let mut tried = 0;
    for (name, document) in documents() {
        let mut found = Vec::new();
        places(&document, "", &mut found);
        for at in found {
            for odd in odd() {
                let text = with_odd(&document, &at, &odd);
                let shown = &odd[..odd.len().min(80)];
                let read = match read_as(name, &text) {
                    Ok(read) => read,
                    Err(error) => panic!("{name}{at} as {shown}: {error}"),
                };
                let steps: Vec<_> = at[1..].split('/').collect();
                // The type of a resource decides what all of it is.
                let steps = if at.contains("included") && at.ends_with("/type") {
                    &steps[..steps.len() - 1]
                } else {
                    &steps
                };
                assert!(same_elsewhere(&document, &read, steps), "{name}{at} as {shown}: {read}");
                tried += 1;
            }
        }
    }
    assert!(tried > 5_000, "{tried}");
}

#[test]
fn what_could_not_be_read_is_listed_by_name() {
    let cases = [
        (
            r#"{"data": {"attributes": {"created_at": "yesterday", "last4": "12", "exp_month": 0}}}"#,
            vec!["data.attributes.created_at", "data.attributes.last4", "data.attributes.exp_month"],
        ),
        (
            r#"{"data": {"meta": 7, "links": {"self": 7}}, "metadata": [], "later": {}}"#,
            vec!["data.meta", "data.links.self", "metadata"],
        ),
        (
            r#"{"included": [{"type": "network_tokens", "attributes": {"bin": null, "state": {}}}]}"#,
            vec!["included[network_tokens].attributes.state"],
        ),
        (
            r#"{"included": [{"attributes": {"state": {}}, "type": "network_tokens"}, 7]}"#,
            vec!["included[network_tokens].attributes.state", "included[]"],
        ),
        (
            r#"{"data": {"attributes": {"last4": 1e400, "exp_year": "\ud800"}}}"#,
            vec!["data.attributes.last4", "data.attributes.exp_year"],
        ),
    ];
    for (text, expected) in cases {
        let (read, found) = noting(|| read_as("card", text));
        read.expect("a document");
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn errors_in_the_place_of_data_are_no_document() {
    for name in ["card", "token", "cryptogram", "v1"] {
        for errors in [r#"[{"code": "declined"}]"#, "[null]", "{}", "\"no\""] {
            let text = format!(r#"{{"errors": {errors}, "state": "ACTIVE"}}"#);
            assert_eq!(read_as(name, &text), Err(Unreadable::Errors), "{name} {text}");
        }
        for errors in ["null", "[]", "0.5", "7"] {
            assert!(read_as(name, &format!(r#"{{"errors": {errors}}}"#)).is_ok(), "{name} {errors}");
        }
    }
    let both = r#"{"errors": [{"code": "c"}], "data": {"id": "CRD1"}}"#;
    assert!(read_as("card", both).is_ok());
}

#[test]
fn a_document_is_an_object() {
    for text in ["null", "[]", "[{\"id\": 1}]", "7", "\"x\"", "true"] {
        assert_eq!(read_as("card", text), Err(Unreadable::NotADocument), "{text}");
    }
    for text in ["", "{", "{\"data\": {\"id\": \"CRD1\"}", "<html>", "{{}}", "{}{}"] {
        assert!(matches!(read_as("card", text), Err(Unreadable::NotJson { .. })), "{text}");
    }
}

#[test]
fn of_a_member_that_is_there_twice_the_last_readable_one_counts() {
    for text in [
        r#"{"data": 5, "data": {"id": "a", "id": "b"}}"#,
        r#"{"data": {"id": "b", "id": null, "id": []}, "data": null, "data": 7}"#,
        r#"{"data": {"id": "b"}, "errors": [{}], "data": null, "errors": null}"#,
    ] {
        assert_eq!(read_as("card", text).expect("a document"), json!({"data": {"id": "b"}}), "{text}");
    }
    let errors = r#"{"errors": [{"code": "c"}], "errors": null}"#;
    assert_eq!(read_as("errors", errors).expect("a document"), json!({"errors": [{"code": "c"}]}));
    assert_eq!(read_as("card", errors), Err(Unreadable::Errors));
}

#[test]
fn an_error_without_its_list_is_read() {
    let read = read_as("errors", r#"{"errors": {"code": "c", "detail": []}}"#).expect("a document");
    assert_eq!(read, json!({"errors": [{"code": "c"}]}));
    let read = read_as("card", r#"{"data": {"id": "a"}, "included": {"type": "network_tokens"}}"#);
    assert_eq!(read.expect("a document")["included"], json!([null]));
}

/// Octets that are no JSON, but whose meaning is clear.
#[test]
fn a_document_survives_what_is_written_as_json_does_not_allow() {
    for (odd, expected) in [
        ("0042", json!("0042")),
        ("+42", Value::Null),
        (".5", Value::Null),
        ("5.", Value::Null),
        ("0x1f", Value::Null),
        ("None", Value::Null),
        ("undefined", Value::Null),
        (r#"["a",]"#, Value::Null),
        (r#"{"a": 1,}"#, Value::Null),
    ] {
        let text = format!(
            r#"{{"data": {{"attributes": {{"last4": {odd}, "bin": "411111",}}, "id": "CRD1"}}}} odd"#
        );
        let read = read_as("card", &text).expect(&text);
        let data = &read["data"];
        assert_eq!((&data["id"], &data["attributes"]["bin"]), (&json!("CRD1"), &json!("411111")), "{text}");
        assert_eq!(data["attributes"]["last4"], expected, "{text}");
    }
}

/// Two million entries may not become hundreds of megabytes: what is kept follows what a card can have.
#[test]
fn lists_without_end_are_cut() {
    for entry in ["{}", "null", "0", "[]", r#"{"type":"network_tokens"}"#, r#"{"a":{"":0}}"#] {
        let entries = vec![entry; 1_000_000 / (entry.len() + 1)].join(",");
        for text in [
            format!(r#"{{"included":[{entries}]}}"#),
            format!(
                r#"{{"data":{{"attributes":{{"capabilities":[{entries}]}},"meta":{{"a":[{entries}]}}}}}}"#
            ),
        ] {
            let read = read_as("card", &text).expect("a document");
            let size = read.to_string().len();
            assert!(size < 200_000, "{entry}: {size}");
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]{}\":,0-9a-z\\\\ .eE+-]{0,200}") {
        for name in ["card", "v1", "errors"] {
            let _ = read_as(name, &text);
        }
    }
}

#[test]
fn members_before_the_type_are_read_like_those_after_it() {
    let attributes = r#""attributes": {"last4": 12, "bin": [], "payment_account_reference": 501234567890123456789012345678}"#;
    for kind in [
        r#""type": "network_tokens""#,
        r#""type": "vouchers""#,
        r#""type": "card\u005fupdates""#,
        r#""type": "card_updates""#,
        r#""type": null"#,
        r#""type": "network_tokens", "type": "vouchers""#,
        r#""type": "vouchers", "type": "network_tokens""#,
        r#""id": 7"#,
    ] {
        let late = format!("{{{attributes}, {kind}}}");
        let text = format!(
            r#"{{"data": {{}}, "included": [{{{attributes}, "type": "network_tokens"}}, {late}, {{{kind}, {attributes}}}]}}"#
        );
        let decoded: types::CardResourceResponse = decode(text.as_bytes()).expect("a card");
        let plain: types::CardResourceResponse = serde_json::from_str(&text).expect("a card");
        let [decoded, plain] = [decoded, plain].map(|card| serde_json::to_value(&card).expect("JSON"));
        assert_eq!(decoded, plain, "{kind}");
        // Only documents that can be read again are read with a guess.
        let alone: IncludedResource = serde_json::from_str(&late).expect("a resource");
        assert_eq!(serde_json::to_value(&alone).expect("JSON"), plain["included"][1], "{kind}");
    }
}

#[test]
fn a_number_as_an_account_reference_keeps_every_digit() {
    const LONG: &str = "501234567890123456789012345678";
    let too_long = "5".repeat(10_000);
    for (number, expected) in [
        (LONG, Some(LONG)),
        ("42", Some("42")),
        ("-7", None),
        ("1.5", None),
        ("1e40", None),
        (&too_long, None),
    ] {
        for other in ["", r#", {"type": "card_updates", "id": "CU1"}"#] {
            let text = format!(
                r#"{{"data": {{"id": "CRD1"}}, "included": [{{"attributes":
                {{"payment_account_reference": {number}, "last4": "1234"}}, "id": "NT1", "type": "network_tokens"}}{other}]}}"#
            );
            let card: types::CardResourceResponse = decode(text.as_bytes()).expect("a document");
            let included = card.included.expect("a list");
            let Some(IncludedResource::NetworkToken(token)) = included.first() else { panic!("not a token") };
            let attributes = token.attributes.as_ref().expect("attributes");
            let reference = attributes.payment_account_reference.as_ref();
            assert_eq!(reference.map(Reference::as_str), expected, "{text}");
            assert_eq!(attributes.last4.as_ref().map(Last4::as_str), Some("1234"), "{text}");
        }
    }
}

#[test]
fn an_integer_as_long_as_a_card_number_is_absent() {
    for number in
        ["5100260000019206", "\"5100260000019206\"", "5.100260000019206e15", "-510026000001", "100000000000"]
    {
        let json = format!(r#"{{"country_numeric":{number},"card_number_length":16}}"#);
        let read = serde_json::from_str::<types::EnrichedCardProperties>(&json).expect("decodes");
        assert_eq!((read.country_numeric, read.card_number_length), (None, Some(16)), "{number}");
    }
    let json = r#"{"country_numeric":99999999999}"#;
    let read = serde_json::from_str::<types::EnrichedCardProperties>(json).expect("decodes");
    assert_eq!(read.country_numeric, Some(99_999_999_999));
}
