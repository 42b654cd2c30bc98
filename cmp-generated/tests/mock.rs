//! The typed stand-ins of feature `httpmock`.

#![cfg(feature = "httpmock")]

use cmp_generated::hooks::{Context, MediaType};
use cmp_generated::mock::MockServerExt;
use cmp_generated::{Client, types};
use httpmock::MockServer;

#[tokio::test]
async fn an_operation_is_expected_and_answered_by_its_types() {
    let server = MockServer::start_async().await;
    let answer: types::CardResourceResponse =
        serde_json::from_str("{\"data\":{\"id\":\"CRD1\"}}").expect("a card");
    let get = server.get_card(|when, then| {
        when.card_id("CRD1").include("network_tokens");
        then.ok(&answer);
    });
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let client = Client::new_with_client(&server.base_url(), http, Context::new(MediaType::JsonApi));
    let card = client.get_card("CRD1", Some("network_tokens")).await.expect("a card");
    let id = card.into_inner().data.and_then(|data| data.id).expect("an id");
    assert_eq!(id.as_str(), "CRD1");
    get.assert_calls(1);
}
