//! What the service sends, decoded: the published examples, and the shapes that the published schema does not allow.

use cmp_generated::included::IncludedResource;
use cmp_generated::scalar::{
    Amount, Digits, ExpMonth, ExpYear, FreeForm, JsonApiVersion, Last4, Open, Personal, Reference, Secret,
    Text, Timestamp,
};
use cmp_generated::types;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const CARD: &str = include_str!("../../openapi/examples/card-answer.json");
const PROVISION: &str = include_str!("../../openapi/examples/provision-answer.json");
const CRYPTOGRAM: &str = include_str!("../../openapi/examples/cryptogram-answer.json");
const V1_TOKEN: &str = include_str!("../../openapi/examples/v1-get-answer.json");
const CRYPTOGRAM_REQUEST: &str = include_str!("../../openapi/examples/cryptogram-request.json");

fn decode<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("decodes")
}

#[test]
fn the_guides_card_has_its_token_inside_data() {
    let card: types::CardResourceResponse = serde_json::from_str(CARD).expect("decodes");
    let data = card.data.expect("data");
    assert_eq!(data.id.as_ref().map(Text::as_str), Some("CRDecqZp3xRgXU3TFmtcDdzQs"));
    let attributes = data.attributes.expect("attributes");
    assert_eq!(attributes.pan.expect("a PAN").expose(), "4111111111111111");
    assert_eq!(attributes.exp_month.map(ExpMonth::get), Some(5));
    assert_eq!(attributes.exp_year.map(ExpYear::get), Some(28));
    assert_eq!(attributes.first8.as_ref().map(Digits::as_str), Some("41111111"));
    assert_eq!(attributes.capabilities, Some(vec![Open::Known(types::KnownCardCapability::NetworkTokens)]));
    let included = data.included.expect("included");
    let [IncludedResource::NetworkToken(token)] = included.as_slice() else { panic!("one token") };
    assert_eq!(token.id.as_ref().map(Text::as_str), Some("NTabcdefghijklH2Dy1BVE9iR"));
    assert_eq!(data.meta.expect("meta").members()["token_type"], "pan");
}

#[test]
fn numbers_in_a_provisioned_token_are_digits() {
    let token: types::NetworkTokenResourceResponse = serde_json::from_str(PROVISION).expect("decodes");
    let attributes = token.data.and_then(|data| data.attributes).expect("attributes");
    assert_eq!(attributes.network_token.expect("a token").expose(), "5580043943638177");
    assert_eq!(attributes.last4.as_ref().map(Last4::as_str), Some("8177"));
    assert_eq!(attributes.bin.as_ref().map(Digits::as_str), Some("558004"));
    let created = attributes.created_at.expect("a moment").get();
    assert_eq!(created.to_rfc3339(), "2025-01-10T17:56:12.783411+00:00");
}

#[test]
fn a_cryptogram_comes_with_its_token_and_trace() {
    let answer: types::NetworkTokenAndCryptogramResource = serde_json::from_str(CRYPTOGRAM).expect("decodes");
    assert!(!format!("{answer:?}").contains("JWrMYLqNQjmEHQDAZbSx"), "a cryptogram in Debug");
    assert!(!format!("{answer:?}").contains("4113216317012304"), "a network token in Debug");
    let attributes = answer.data.and_then(|data| data.attributes).expect("attributes");
    let cryptogram = attributes.cryptogram.expect("a cryptogram");
    assert_eq!(cryptogram.type_, Some(Open::Known(types::KnownCryptogramType::Tavv)));
    assert_eq!(cryptogram.value.expect("a value").expose(), "JWrMYLqNQjmEHQDAZbSx+A==");
    assert_eq!(cryptogram.eci.as_ref().map(Text::as_str), Some("07"));
    let observability = answer.metadata.and_then(|metadata| metadata.observability).expect("observability");
    assert_eq!(observability.trace_id.as_ref().map(Text::as_str), Some("f2046b6548e7dbe5793adee1f4a13c63"));
}

#[test]
fn an_empty_cryptogram_request_stays_empty() {
    let request: types::CryptoFetchRequest = serde_json::from_str(CRYPTOGRAM_REQUEST).expect("decodes");
    let published: Value = serde_json::from_str(CRYPTOGRAM_REQUEST).expect("JSON");
    assert_eq!(serde_json::to_value(&request).expect("encodes"), published);
}

#[test]
fn a_card_may_lack_almost_everything_and_have_more() {
    let card: types::CardResourceResponse = decode(json!({
        "data": {"id": "CRD1", "type": "cards", "relationships": null, "links": {"self": "https://a.example", "x": null},
            "attributes": {"pan": "tok_sandbox_9GfZrBnYFNWLFYYqjaMfWC", "cvc_status": "unavailable", "last4": 42,
                "exp_month": "5", "capabilities": null, "token_type": "qpan", "to_come": [1]}},
        "included": [{"type": "vouchers", "id": "V1"}], "jsonapi": {"version": "1.1"}, "to_come": 1
    }));
    let attributes = card.data.and_then(|data| data.attributes).expect("attributes");
    assert_eq!(attributes.last4.as_ref().map(Last4::as_str), Some("0042"));
    assert_eq!(attributes.token_type, Some(Open::Unknown("qpan".to_owned())));
    assert_eq!(attributes.capabilities, None);
    assert!(matches!(card.included.as_deref(), Some([IncludedResource::Other(_)])));
    for nothing in
        [json!({"data": {}, "included": null}), json!({"data": {}, "included": []}), json!({"data": {}})]
    {
        let card: types::CardResourceResponse = decode(nothing);
        assert!(card.included.unwrap_or_default().is_empty());
    }
}

#[test]
fn a_v1_token_is_flat_and_prints_nothing_personal() {
    let token: types::V1NetworkToken = serde_json::from_str(V1_TOKEN).expect("decodes");
    assert_eq!(token.network_token_last4.as_ref().map(Last4::as_str), Some("2345"));
    assert_eq!(token.expires_at.as_ref().map(Text::as_str), Some("2023-12"));
    let shown = format!("{token:?}");
    for personal in ["9914040119524512000", "Doe", "1415", "Unblock", "12301"] {
        assert!(!shown.contains(personal), "{personal}");
    }
    let card = token.card.expect("a card");
    assert_eq!(card.bin.as_ref().map(Digits::as_str), Some("489537"));
    let phone = card.holder_info.expect("a holder").number;
    assert_eq!(phone.as_ref().map(Personal::as_str), Some("+1415-123-4567"));
}

#[test]
fn a_failed_token_is_a_token() {
    let token: types::NetworkTokenResourceResponse =
        decode(json!({"data": {"id": "NT1", "type": "network_tokens",
        "attributes": {"state": "FAILED", "reason_code": "cmp_network_token.provisioning_failed"}}}));
    let state = token.data.and_then(|data| data.attributes).and_then(|attributes| attributes.state);
    assert_eq!(state.as_ref().map(Text::as_str), Some("FAILED"));
}

#[test]
fn both_error_shapes_are_one_type() {
    let error: types::ErrorDocument = decode(json!({
        "errors": [{"error_code": "forbidden", "detail": "d"}, {"status": 403, "title": "Forbidden", "details": "x"}]
    }));
    let errors = error.errors.expect("errors");
    assert_eq!(errors[0].error_code.as_ref().map(Text::as_str), Some("forbidden"));
    assert_eq!(errors[1].status.as_ref().map(Digits::as_str), Some("403"));
    assert_eq!(errors[1].title.as_ref().map(Text::as_str), Some("Forbidden"));
}

#[test]
fn requests_are_strict() {
    let extra = json!({"data": {"attributes": {}}, "extra": 1});
    assert!(serde_json::from_value::<types::CardUpdateResourceRequest>(extra).is_err());
    let unlisted = json!({"data": {"attributes": {"transaction_type": "MOTO"}}});
    assert!(serde_json::from_value::<types::CryptoFetchRequest>(unlisted).is_err());
    assert!("EURO".parse::<types::CryptoFetchAttributesCurrencyCode>().is_err());
}

/// Whatever a scalar does not take, its error does not repeat.
#[test]
fn no_decoding_error_repeats_a_value() {
    fn message<T: DeserializeOwned>(json: &str) -> Option<String> {
        serde_json::from_str::<T>(json).err().map(|error| error.to_string())
    }
    let mut errors = 0;
    for json in [
        "558004394.5",
        "-558004394",
        "\"558004394\"",
        "558004394",
        "[558004394]",
        "{\"558004394\":558004394}",
        "true",
        "null",
        "558004394558004394558004394",
    ] {
        for message in [
            message::<Secret>(json),
            message::<Personal>(json),
            message::<Digits>(json),
            message::<Last4>(json),
            message::<JsonApiVersion>(json),
            message::<Reference>(json),
            message::<Text>(json),
            message::<Timestamp>(json),
            message::<ExpMonth>(json),
            message::<ExpYear>(json),
            message::<Amount>(json),
            message::<FreeForm>(json),
            message::<Open<types::KnownTokenType>>(json),
            message::<IncludedResource>(json),
            message::<types::CardResourceResponse>(json),
            message::<types::V1NetworkToken>(json),
        ]
        .into_iter()
        .flatten()
        {
            errors += 1;
            assert!(!message.contains("558004394"), "{message}");
            assert!(message.contains("expected"), "{message}");
        }
    }
    assert!(errors > 50, "only {errors} errors: the cases no longer fail");
}
