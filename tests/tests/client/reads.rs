//! Every shape that the service is known to send, read as the table in the crate's documentation says.

use chrono::{TimeZone, Utc};
use cmp::{
    Card, Delivery, ErrorKind, Expiry, Provisioned, Stored,
    account_updater::Decision,
    cards::{Capability, CardEvent, SubscriptionState, TokenType, WalletType},
    error::{ErrorCode, NoNetworkToken, StopReason},
    network_tokens::{CardArtKind, CryptogramType, NetworkTokenState},
    operation::Operation,
};
use cmp_generated::mock::MockServerExt;
use httpmock::{Method, MockServer};
use serde_json::{Value, json};

use crate::support::{JSON_API, always, card_id, card_is, client, new_card};

/// The guide's sample (step 2) with one change.
fn guide_card(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = json!({"data": {
        "id": "CRDecqZp3xRgXU3TFmtcDdzQs",
        "type": "cards",
        "attributes": {
            "pan": "4111111111111111", "cvc_status": "active", "bin": "411111", "first8": "41111111",
            "last4": "1111", "exp_month": 5, "exp_year": 28,
            "card_fingerprint": "6TeSCB16LtyifEAmY2goxYfSk5sALriXpefzzxh29xhu",
            "capabilities": ["network-tokens"],
            "created_at": "2025-08-01T00:00:00Z", "updated_at": "2025-08-01T00:00:00Z"
        },
        "included": [network_token()],
        "meta": {"token_type": "pan"}
    }});
    change(&mut document);
    document
}

fn network_token() -> Value {
    json!({
        "type": "network_tokens",
        "id": "NTabcdefghijklH2Dy1BVE9iR",
        "attributes": {
            "payment_account_reference": "V0010014610000000085141000282",
            "network_token": "4124980000004244", "last4": "4244", "bin": "412492",
            "exp_month": 11, "exp_year": 27,
            "created_at": "2025-07-24T04:13:51.428077", "updated_at": "2025-07-24T04:13:51.428092",
            "state": "active"
        }
    })
}

async fn read(document: Value) -> Card {
    let (_server, cmp) = card_is(document).await;
    cmp.cards().get(&card_id()).await.expect("a readable card")
}

#[tokio::test]
async fn the_sample_of_the_guide() {
    let card = read(guide_card(|_| {})).await;
    assert_eq!(&card.id, &card_id());
    assert_eq!(card.pan.as_ref().map(cmp::Pan::expose), Some("4111111111111111"));
    assert_eq!(
        (card.bin.as_deref(), card.first8.as_deref(), card.last4.as_deref()),
        (Some("411111"), Some("41111111"), Some("1111"))
    );
    assert_eq!(card.expiry, Expiry::new(5, 2028).ok());
    assert_eq!(card.cvc_status.as_deref(), Some("active"));
    assert_eq!(card.fingerprint.as_deref(), Some("6TeSCB16LtyifEAmY2goxYfSk5sALriXpefzzxh29xhu"));
    assert_eq!(card.capabilities, [Capability::NetworkTokens]);
    assert_eq!(card.created_at, Some(Utc.with_ymd_and_hms(2025, 8, 1, 0, 0, 0).unwrap()));
    assert_eq!(card.meta.text("token_type"), Some("pan"));
    let token = card.network_token().expect("an active token");
    assert_eq!(
        token.number.as_ref().map(cmp::network_tokens::NetworkTokenNumber::expose),
        Some("4124980000004244")
    );
    assert_eq!(token.payment_account_reference.as_deref(), Some("V0010014610000000085141000282"));
    assert_eq!(token.expiry, Expiry::new(11, 2027).ok());
    assert_eq!(&token.state, &NetworkTokenState::Active);
}

#[tokio::test]
async fn date_times_without_zone_are_utc() {
    let card = read(guide_card(|_| {})).await;
    let created = card.network_tokens[0].created_at.expect("a time");
    assert_eq!(
        created,
        Utc.with_ymd_and_hms(2025, 7, 24, 4, 13, 51).unwrap() + chrono::TimeDelta::microseconds(428_077)
    );
}

#[tokio::test]
async fn included_is_found_wherever_it_is() {
    let top = read(guide_card(|card| {
        let included = card["data"].as_object_mut().unwrap().remove("included").unwrap();
        card["included"] = included;
    }));
    let both = read(guide_card(|card| card["included"] = json!([{"type": "card_updates", "id": "CUPx"}])));
    let (top, both) = tokio::join!(top, both);
    assert_eq!(top.network_tokens.len(), 1);
    assert_eq!((both.network_tokens.len(), both.updates.len()), (1, 1));
    // An empty list says that no token exists. A missing list says nothing.
    for (nothing, reason) in [(json!(null), NoNetworkToken::NotListed), (json!([]), NoNetworkToken::None)] {
        let card = read(guide_card(|card| card["data"]["included"] = nothing)).await;
        assert_eq!(card.network_token().unwrap_err(), reason);
    }
    let absent =
        read(guide_card(|card| drop(card["data"].as_object_mut().unwrap().remove("included")))).await;
    assert!(absent.network_tokens.is_empty());
}

#[tokio::test]
async fn included_resources_are_told_apart_by_type_in_any_order() {
    let update = json!({"type": "card_updates", "id": "CUP1", "attributes": {
        "event": "updated", "reason_code": "cmp_card_updated", "changed_fields": ["pan"],
        "updated_values": [{"field_name": "pan", "old_value": "4111111111111111", "new_value": "4000000000000002"}],
        "occurred_at": "2025-01-17T12:53:17.94829", "received_at": "2025-01-17T12:53:18"
    }});
    let subscription = json!({"attributes": {"bin": 411_111, "state": "enrolled", "created_at": "2025-01-17T12:53:17"},
        "id": "CUSabc", "type": "card_update_subscriptions"});
    let included = json!([subscription, {"type": "loyalty_points", "id": "LP1", "attributes": {"n": 1}}, update, network_token()]);
    let card = read(guide_card(|card| card["data"]["included"] = included)).await;
    assert!(card.network_token().is_ok());
    let update = &card.updates[0];
    assert_eq!((update.id.as_deref(), update.event.as_ref()), (Some("CUP1"), Some(&CardEvent::Updated)));
    assert_eq!(
        update.updated_values[0].new_value.as_ref().map(cmp::cards::UpdatedValue::expose),
        Some("4000000000000002")
    );
    assert!(update.occurred_at < update.received_at);
    let subscription = card.update_subscription().expect("a subscription");
    assert_eq!(
        (subscription.state.as_ref(), subscription.bin.as_deref()),
        (Some(&SubscriptionState::Enrolled), Some("411111"))
    );
    let other = &card.other_included[0];
    assert_eq!((&*other.kind, other.id.as_deref()), ("loyalty_points", Some("LP1")));
}

#[tokio::test]
async fn unknown_values_and_members_are_kept_or_ignored() {
    let card = read(guide_card(|card| {
        card["surprise"] = json!(1);
        card["data"]["surprise"] = json!({"a": []});
        let attributes = &mut card["data"]["attributes"];
        attributes["surprise"] = json!(null);
        attributes["capabilities"] = json!(["network-tokens", "teleportation"]);
        attributes["token_type"] = json!("qpan");
        attributes["wallet_type"] = json!("apple_pay");
        attributes["cvc_status"] = json!("unavailable");
        card["data"]["included"][0]["attributes"]["state"] = json!("FROZEN");
        card["data"]["included"][0]["surprise"] = json!(true);
        card["jsonapi"] = json!({"version": "1.1"});
    }))
    .await;
    let unknown = Capability::Other("teleportation".to_owned());
    assert_eq!(card.capabilities, [Capability::NetworkTokens, unknown]);
    assert_eq!(card.token_type.as_ref(), Some(&TokenType::Other("qpan".to_owned())));
    assert_eq!(card.wallet_type.as_ref(), Some(&WalletType::ApplePay));
    assert_eq!(card.cvc_status.as_deref(), Some("unavailable"));
    let state = NetworkTokenState::Other("FROZEN".to_owned());
    assert_eq!(card.network_token().unwrap_err(), NoNetworkToken::NotUsable { state, reason_code: None });
}

/// The value in capitals, in small letters, and with the other joint.
fn spellings(value: &str) -> [String; 3] {
    let joint = |c| match c {
        '-' => '_',
        '_' => '-',
        c => c,
    };
    [value.to_uppercase(), value.to_lowercase(), value.chars().map(joint).collect()]
}

#[tokio::test]
async fn a_value_of_an_enum_is_read_in_either_case_and_with_either_joint() {
    const EVENTS: [CardEvent; 9] = [
        CardEvent::Updated,
        CardEvent::Expired,
        CardEvent::Closed,
        CardEvent::NonParticipating,
        CardEvent::ContactCardholderAdvice,
        CardEvent::Unknown,
        CardEvent::Enrolled,
        CardEvent::EnrollmentFailed,
        CardEvent::OptOut,
    ];
    const STATES: [SubscriptionState; 2] = [SubscriptionState::Enrolled, SubscriptionState::Failed];
    const PICTURES: [CardArtKind; 3] =
        [CardArtKind::CardSymbol, CardArtKind::DigitalCardArt, CardArtKind::DigitalCardArtBackground];
    const CAPABILITIES: [Capability; 2] = [Capability::CardUpdates, Capability::NetworkTokens];
    for spelling in 0..3 {
        let spelled = |value: &str| json!(spellings(value)[spelling]);
        let events = EVENTS
            .iter()
            .map(|event| json!({"type": "card_updates", "attributes": {"event": spelled(event.as_str())}}));
        let states = STATES.iter().map(|state| {
            json!({"type": "card_update_subscriptions", "attributes": {"state": spelled(state.as_str())}})
        });
        let pictures: Vec<_> = PICTURES.iter().map(|kind| json!({"type": spelled(kind.as_str())})).collect();
        let token = json!({"type": "network_tokens", "attributes": {"state": spelled("card_updated")},
            "meta": {"card_art": {"assets": pictures}}});
        let included: Vec<_> = events.chain(states).chain([token]).collect();
        let capabilities: Vec<_> = CAPABILITIES.iter().map(|one| spelled(one.as_str())).collect();
        let card = read(guide_card(|card| {
            card["data"]["included"] = json!(included);
            card["data"]["attributes"]["capabilities"] = json!(capabilities);
        }))
        .await;
        let events: Vec<_> = card.updates.iter().filter_map(|update| update.event.clone()).collect();
        assert_eq!(events, EVENTS);
        assert_eq!(events[2].decision(), Decision::StopCharging);
        let states: Vec<_> = card.update_subscriptions.iter().filter_map(|one| one.state.clone()).collect();
        assert_eq!(states, STATES);
        let token = &card.network_tokens[0];
        assert_eq!(token.state, NetworkTokenState::CardUpdated);
        let pictures = &token.card_art.as_ref().unwrap().assets;
        assert_eq!(pictures.iter().filter_map(|one| one.kind.clone()).collect::<Vec<_>>(), PICTURES);
        assert_eq!(card.capabilities, CAPABILITIES);
        for (token_type, wallet_type) in [
            (TokenType::Dpan, WalletType::ApplePay),
            (TokenType::Mpan, WalletType::GooglePay),
            (TokenType::Pan, WalletType::GooglePay),
        ] {
            let card = read(guide_card(|card| {
                card["data"]["attributes"]["token_type"] = spelled(token_type.as_str());
                card["data"]["attributes"]["wallet_type"] = spelled(wallet_type.as_str());
            }))
            .await;
            assert_eq!((card.token_type, card.wallet_type), (Some(token_type), Some(wallet_type)));
        }
        let cryptogram =
            json!({"data": {"attributes": {"cryptogram": {"type": spelled("DTVV"), "value": "045"}}}});
        let (_server, cmp) = always(200, JSON_API, &cryptogram.to_string()).await;
        let short = cmp.network_tokens().short_cryptogram(&card_id()).await.unwrap();
        assert_eq!(short.kind, CryptogramType::Dtvv);
        let error = cmp.network_tokens().cryptogram(&card_id()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer, "a short one where a long one was asked for");
    }
}

#[tokio::test]
async fn the_token_type_may_be_in_the_metadata() {
    for (attribute, meta, expected) in [
        (None, json!("pan"), Some(TokenType::Pan)),
        (None, json!("DPAN"), Some(TokenType::Dpan)),
        (None, json!("of the caller"), None),
        (None, json!(7), None),
        (Some("mpan"), json!("pan"), Some(TokenType::Mpan)),
        (Some("qpan"), json!("pan"), Some(TokenType::Other("qpan".to_owned()))),
    ] {
        let card = read(guide_card(|card| {
            card["data"]["meta"]["token_type"] = meta.clone();
            card["data"]["included"] = json!([]);
            if let Some(kind) = attribute {
                card["data"]["attributes"]["token_type"] = json!(kind);
            }
        }))
        .await;
        assert_eq!(card.token_type, expected, "{attribute:?} {meta}");
        let reason = card.network_token().unwrap_err();
        let of_a_wallet = matches!(expected, Some(TokenType::Dpan | TokenType::Mpan));
        assert_eq!(reason == NoNetworkToken::WalletCard, of_a_wallet, "{attribute:?} {meta}");
        assert_eq!(card.meta.get("token_type"), Some(&meta));
    }
}

#[tokio::test]
async fn long_metadata_is_read() {
    let long = "x".repeat(100_000);
    let meta = json!({"text": long, "nested": {"texts": [long, "short"]}, "order": 7});
    let card = read(guide_card(|card| card["data"]["meta"] = meta.clone())).await;
    let read: serde_json::Map<_, _> =
        card.meta.iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
    assert!(Value::from(read) == meta);
}

#[tokio::test]
async fn a_resource_that_comes_twice_is_one() {
    let resource =
        |kind: &str, id: &str, attributes: Value| json!({"type": kind, "id": id, "attributes": attributes});
    let at = |day: u8| json!(format!("2025-01-{day:02}T00:00:00"));
    let updates = |id: &str| resource("card_updates", id, json!({"event": "closed", "occurred_at": at(1)}));
    let subscription = |state: &str, day: u8| {
        resource("card_update_subscriptions", "CUS1", json!({"state": state, "updated_at": at(day)}))
    };
    let token = |id: &str, state: &str, day: u8| {
        resource(
            "network_tokens",
            id,
            json!({"network_token": "4124980000004244", "state": state, "updated_at": at(day)}),
        )
    };
    let other = resource("vouchers", "NT1", json!({}));
    let card = read(guide_card(|card| {
        card["included"] = json!([
            token("NT1", "suspended", 2),
            // Names the token, and says nothing of it.
            {"type": "network_tokens", "id": "NT2"},
            token("NT3", "deleted", 4),
            updates("CUP1"), updates("CUP2"), updates("CUP1"),
            subscription("failed", 1),
            other,
        ]);
        card["data"]["included"] = json!([
            token("NT1", "active", 1),
            token("NT2", "active", 3),
            token("NT3", "active", 4),
            updates("CUP1"),
            subscription("enrolled", 2),
            other,
            // Nobody knows whether these are one.
            {"type": "network_tokens"}, {"type": "network_tokens"}, {"type": "vouchers"}, {"type": "vouchers"},
        ]);
    }))
    .await;
    let tokens: Vec<_> = card
        .network_tokens
        .iter()
        .map(|token| (token.id.as_ref().map_or("", |id| id.as_str()), token.state.as_str()))
        .collect();
    let expected = [("NT1", "suspended"), ("NT2", "active"), ("NT3", "deleted"), ("", ""), ("", "")];
    assert_eq!(tokens, expected, "the latest, or else the one beside `data`");
    let updates: Vec<_> = card.updates.iter().filter_map(|update| update.id.as_deref()).collect();
    assert_eq!(updates, ["CUP1", "CUP2"]);
    assert_eq!(card.update_subscriptions.len(), 1);
    assert_eq!(card.update_subscriptions[0].state, Some(SubscriptionState::Enrolled));
    assert_eq!(card.other_included.len(), 3);
}

#[tokio::test]
async fn different_reports_with_one_id_are_all_kept() {
    let report = |event: &str, day: u8| {
        json!({"type": "card_updates", "id": "CUS1", "attributes": {
            "event": event, "occurred_at": format!("2025-01-{day:02}T00:00:00Z")}})
    };
    let reports = [report("enrolled", 1), report("updated", 2), report("closed", 2), report("updated", 3)];
    let card = read(guide_card(|card| {
        card["included"] = json!(reports);
        card["data"]["included"] = json!(reports);
    }))
    .await;
    let events: Vec<_> = card.updates.iter().filter_map(|update| update.event.clone()).collect();
    assert_eq!(events, [CardEvent::Enrolled, CardEvent::Updated, CardEvent::Closed, CardEvent::Updated]);
}

#[tokio::test]
async fn of_two_copies_that_changed_at_one_time_the_one_that_says_more_counts() {
    for at in [json!(null), json!("2025-01-01T00:00:00Z")] {
        let resource = |kind: &str, attributes: Value| {
            let mut resource = json!({"type": kind, "id": "ID1", "attributes": attributes});
            resource["attributes"]["updated_at"] = at.clone();
            resource
        };
        let number = json!({"network_token": "4124980000004244", "state": "active"});
        let active =
            json!({"network_token": "4124980000004244", "state": "active", "exp_month": 11, "exp_year": 27});
        let failed = json!({"state": "failed", "reason_code": "declined"});
        let subscription = resource("card_update_subscriptions", json!({"state": "enrolled"}));
        for (less, whole, state) in [
            (json!({}), &active, "active"),
            (number, &active, "active"),
            (json!({}), &failed, "failed"),
            (json!({"state": "failed"}), &failed, "failed"),
        ] {
            let whole = resource("network_tokens", whole.clone());
            let copies = [
                json!([resource("network_tokens", less), resource("card_update_subscriptions", json!({}))]),
                json!([whole, subscription]),
            ];
            for [beside, within] in [[0, 1], [1, 0]] {
                let card = read(guide_card(|card| {
                    card["included"] = copies[beside].clone();
                    card["data"]["included"] = copies[within].clone();
                }))
                .await;
                let states: Vec<_> = card.network_tokens.iter().map(|token| token.state.as_str()).collect();
                assert_eq!(states, [state], "{at}");
                let [token] = card.network_tokens.as_slice() else { panic!("{at}") };
                let members = (token.is_usable(), token.expiry.is_some(), token.reason_code.is_some());
                assert_eq!(members, (state == "active", state == "active", state == "failed"), "{at}");
                let states: Vec<_> = card.update_subscriptions.iter().map(|one| one.state.clone()).collect();
                assert_eq!(states, [Some(SubscriptionState::Enrolled)], "{at}");
            }
        }
    }
}

#[tokio::test]
async fn a_network_token_without_a_number_can_not_be_paid_with() {
    for (number, is_one) in [
        (json!(""), false),
        (json!(" "), false),
        (json!(0), false),
        (json!(12_345_678_901_u64), false),
        (json!(412_498_000_000_u64), true),
        (json!(4_124_980_000_004_244_u64), true),
        (json!("4124980000004244"), true),
    ] {
        let card = read(guide_card(|card| {
            card["data"]["included"][0]["attributes"]["network_token"] = number.clone();
        }))
        .await;
        let expected = NoNetworkToken::WithoutNumber(NetworkTokenState::Active);
        assert_eq!(card.network_token().err(), (!is_one).then_some(expected), "{number}");
        let mut answer = json!({"data": network_token()});
        answer["data"]["attributes"]["network_token"] = number.clone();
        answer["data"]["attributes"]["cryptogram"] = json!({"type": "TAVV", "value": "AgAA="});
        let (_server, cmp) = always(200, JSON_API, &answer.to_string()).await;
        let provisioned = cmp.network_tokens().provision(&card_id()).await.unwrap();
        assert_eq!(provisioned.network_token().is_usable(), is_one, "{number}");
        let cryptogram = cmp.network_tokens().cryptogram(&card_id()).await.unwrap();
        assert_eq!(cryptogram.network_token.number.is_some(), is_one, "{number}");
    }
}

#[tokio::test]
async fn amex_has_no_first8_and_other_accounts_see_no_pan() {
    let card = read(guide_card(|card| {
        let attributes = card["data"]["attributes"].as_object_mut().unwrap();
        attributes.remove("first8");
        attributes.remove("pan");
        attributes.insert("capabilities".to_owned(), json!(null));
        card["data"]["relationships"] = json!(null);
    }))
    .await;
    assert_eq!((card.first8.as_deref(), card.pan.as_ref()), (None, None));
    assert!(card.capabilities.is_empty());
}

#[tokio::test]
async fn a_long_alias_can_stand_for_the_pan() {
    let alias = "tok_sandbox_cXhW6pK8yXnC1ZQdGk3zTq";
    let card = read(guide_card(|card| card["data"]["attributes"]["pan"] = json!(alias))).await;
    assert_eq!(card.pan.as_ref().map(cmp::Pan::expose), Some(alias));
}

#[tokio::test]
async fn a_failed_token_has_little_but_a_reason() {
    let card = read(guide_card(|card| {
        card["data"]["included"][0]["attributes"] =
            json!({"state": "failed", "reason_code": "cmp_network_token.provisioning_failed", "reason_text": "Declined"});
    }))
    .await;
    let reason_code = Some("cmp_network_token.provisioning_failed".into());
    let failed = NoNetworkToken::NotUsable { state: NetworkTokenState::Failed, reason_code };
    assert_eq!(card.network_token().unwrap_err(), failed);
    assert_eq!(card.network_tokens[0].reason_text.as_deref(), Some("Declined"));
}

#[tokio::test]
async fn of_several_tokens_the_latest_usable_one_is_taken() {
    let token = |id: &str, state: &str, updated: &str| {
        let mut token = network_token();
        token["id"] = json!(id);
        token["attributes"]["state"] = json!(state);
        token["attributes"]["updated_at"] = json!(updated);
        token
    };
    let tokens = json!([
        token("NT1", "active", "2025-01-01T00:00:00"),
        token("NT2", "CARD_UPDATED", "2025-02-01T00:00:00"),
        token("NT3", "deleted", "2025-03-01T00:00:00"),
    ]);
    let card = read(guide_card(|card| card["data"]["included"] = tokens)).await;
    assert_eq!(card.network_token().unwrap().id.as_ref().map(cmp::NetworkTokenId::as_str), Some("NT2"));
}

/// `seeds/001`: the rendered example of "Provision", with numbers where the schema has strings.
#[tokio::test]
async fn token_numbers_are_read_and_leading_zeros_restored() {
    let body = json!({"data": {"type": "network_tokens", "id": "NTKu5rM55z4PNMLW9Rqrhd466", "attributes": {
        "payment_account_reference": "V0010013025209632906568838169", "network_token": 5_580_043_943_638_177_u64,
        "last4": 77, "bin": 558_004, "exp_month": 4, "exp_year": 26,
        "created_at": "2025-01-10T17:56:12.783411", "updated_at": "2025-01-10T17:56:12.783429", "state": "active"
    }}});
    for (status, is_new) in [(201, true), (200, false)] {
        let (_server, cmp) = always(status, JSON_API, &body.to_string()).await;
        let provisioned = cmp.network_tokens().provision(&card_id()).await.unwrap();
        assert_eq!(matches!(provisioned, Provisioned::Created(_)), is_new);
        let token = provisioned.into_network_token();
        assert_eq!(
            token.number.as_ref().map(cmp::network_tokens::NetworkTokenNumber::expose),
            Some("5580043943638177")
        );
        assert_eq!((token.last4.as_deref(), token.bin.as_deref()), (Some("0077"), Some("558004")));
    }
}

/// `seeds/001`: the rendered example of "Request cryptogram".
#[tokio::test]
async fn the_rendered_cryptogram() {
    let body = json!({
        "data": {"id": "NTK6j75fBx46Lzd3G3aVkfGQF", "type": "network_tokens", "attributes": {
            "bin": "411321", "created_at": "2025-01-17T12:53:17.94829",
            "cryptogram": {"eci": "07", "type": "TAVV", "value": "JWrMYLqNQjmEHQDAZbSx+A=="},
            "exp_month": 9, "exp_year": 27, "last4": "2304", "network_token": "4113216317012304",
            "payment_account_reference": "V4243058293132582787411225618", "state": "active",
            "updated_at": "2025-01-17T12:53:17.948293"
        }},
        "metadata": {"observability": {"client_id": "ACoKRUTV7-config-ci-5I76w",
            "trace_id": "f2046b6548e7dbe5793adee1f4a13c63", "vault_id": "tntipby064g"}}
    });
    let (_server, cmp) = always(200, JSON_API, &body.to_string()).await;
    let cryptogram = cmp.network_tokens().cryptogram(&card_id()).await.unwrap();
    assert_eq!(
        (&cryptogram.kind, cryptogram.eci.as_ref().map(cmp::network_tokens::Eci::as_str)),
        (&CryptogramType::Tavv, Some("07"))
    );
    assert_eq!(
        cryptogram.network_token.number.as_ref().map(cmp::network_tokens::NetworkTokenNumber::expose),
        Some("4113216317012304")
    );
    assert_eq!(cryptogram.trace_id.as_deref(), Some("f2046b6548e7dbe5793adee1f4a13c63"));
    assert_eq!(*cryptogram.value.expose(), "JWrMYLqNQjmEHQDAZbSx+A==");
}

/// The generator's typed stand-in, which can't leave the contract.
#[tokio::test]
async fn a_typed_answer() {
    let server = MockServer::start_async().await;
    let body = serde_json::from_value(guide_card(|_| {})).unwrap();
    let mock = server.get_card(|when, then| {
        when.card_id("CRDecqZp3xRgXU3TFmtcDdzQs").include("network_tokens,card_updates");
        then.ok(&body);
    });
    let request = client(&server.base_url());
    let request = request.cards();
    let card = request
        .get(&card_id())
        .include([cmp::cards::Include::NetworkTokens, cmp::cards::Include::CardUpdates])
        .await
        .unwrap();
    assert!(card.network_token().is_ok());
    mock.assert();
}

#[tokio::test]
async fn forbidden_in_both_documented_shapes() {
    for body in [
        json!({"errors": [{"summary": "Forbidden", "detail": "No such scope", "error_code": "forbidden"}]}),
        json!({"errors": [{"status": 403, "title": "Forbidden", "details": "No such scope"}]}),
    ] {
        let (_server, cmp) = always(403, JSON_API, &body.to_string()).await;
        let error = cmp.cards().get(&card_id()).await.unwrap_err();
        assert!(error.is_forbidden());
        let detail = &error.details()[0];
        assert_eq!((detail.summary(), detail.detail()), (Some("Forbidden"), Some("No such scope")));
        assert!(error.to_string().contains("may lack the scope cards:read, or this card"), "{error}");
    }
}

#[tokio::test]
async fn no_active_token_as_422_and_as_424() {
    let body =
        json!({"errors": [{"error_code": "failed-dependency", "summary": "Network token is not active"}]});
    for status in [422, 424] {
        let (_server, cmp) = always(status, JSON_API, &body.to_string()).await;
        let error = cmp.network_tokens().cryptogram(&card_id()).await.unwrap_err();
        assert!(error.is_without_active_token() && !error.is_invalid_request());
        assert_eq!((error.status(), error.code()), (Some(status), Some(&ErrorCode::FailedDependency)));
        assert!(error.next_step().is_some());
    }
}

#[tokio::test]
async fn a_duplicate_with_and_without_body_and_location() {
    let found = json!({"data": {"id": "CRDecqZp3xRgXU3TFmtcDdzQs", "type": "cards"}}).to_string();
    for (body, location) in [
        (found.as_str(), None),
        (found.as_str(), Some("https://elsewhere.example/cards/CRDother")),
        ("", Some("/cards/CRDecqZp3xRgXU3TFmtcDdzQs")),
        ("<html>See other</html>", Some("{base}/cards/CRDecqZp3xRgXU3TFmtcDdzQs")),
        // Only the id counts, and the card is read from where every other is.
        ("", Some("/cards/CRDecqZp3xRgXU3TFmtcDdzQs/")),
        ("", Some("https://upstream.example:8443/base/cards/CRDecqZp3xRgXU3TFmtcDdzQs?fields=all")),
    ] {
        let (server, cmp) = card_is(serde_json::from_str(&found).unwrap()).await;
        see_other(&server, body, location).await;
        let stored = cmp.cards().create(new_card()).await.unwrap();
        assert!(matches!(&stored, Stored::Existing(card) if card.id == card_id()), "{body:?} {location:?}");
    }
}

#[tokio::test]
async fn a_redirect_that_names_no_card_leaves_the_outcome_open_and_nothing_else_is_asked() {
    for location in
        [None, Some("https://login.example/?next=/cards/CRD1"), Some("/cards/.."), Some("/elsewhere")]
    {
        let server = MockServer::start_async().await;
        let asked = server.mock_async(|when, then| {
            when.method(Method::GET);
            then.status(200);
        });
        let asked = asked.await;
        see_other(&server, "", location).await;
        let error = client(&server.base_url()).cards().create(new_card()).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::UnexpectedAnswer, Some(303)), "{location:?}");
        assert_eq!((error.delivery(), error.attempts()), (Delivery::OutcomeUnknown, 1), "{location:?}");
        assert_eq!(error.stopped_because(), Some(StopReason::NotTransient), "{location:?}");
        assert_eq!(asked.calls_async().await, 0, "{location:?}");
    }
}

async fn see_other(server: &MockServer, body: &str, location: Option<&str>) {
    let base = server.base_url();
    server
        .mock_async(|when, then| {
            when.method(Method::POST).path("/cards");
            let then = then.status(303).header("content-type", JSON_API).body(body);
            if let Some(location) = location {
                then.header("location", location.replace("{base}", &base));
            }
        })
        .await;
}

#[tokio::test]
async fn a_card_that_was_stored_and_can_not_be_read_is_told_as_such() {
    let traced = r#"{"data":{"type":"cards"},"metadata":{"observability":{"trace_id":"f2046b6548e7"}}}"#;
    for (status, body, trace_id) in [
        (201, traced, Some("f2046b6548e7")),
        (201, r#"{"data":{"id":["CRD1"],"attributes":{"exp_month":12}}}"#, None),
        (201, "<html>", None),
        (200, "{}", None),
    ] {
        let (_server, cmp) = always(status, JSON_API, body).await;
        let error = cmp.cards().create(new_card()).await.unwrap_err();
        assert_eq!((error.status(), error.delivery()), (Some(status), Delivery::OutcomeUnknown), "{body}");
        assert_eq!((error.operation(), error.attempts()), (Some(Operation::CreateCard), 1), "{body}");
        assert_eq!(error.trace_id(), trace_id, "{body}");
        assert!(error.next_step().is_some() && !error.is_retryable(), "{body}");
    }
}

#[tokio::test]
async fn another_card_than_the_one_asked_for_is_not_taken() {
    let other = json!({"data": {"id": "CRDother", "type": "cards"}});
    let (_server, cmp) = always(200, JSON_API, &other.to_string()).await;
    let changes = cmp::CardChanges::new().expiry(Expiry::new(1, 2031).unwrap());
    let got = cmp.cards().get(&card_id()).await.unwrap_err();
    let updated = cmp.cards().update(&card_id(), changes).await.unwrap_err();
    assert_eq!((got.kind(), got.operation()), (ErrorKind::UnexpectedAnswer, Some(Operation::GetCard)));
    assert_eq!((updated.kind(), updated.delivery()), (ErrorKind::UnexpectedAnswer, Delivery::OutcomeUnknown));
}

#[tokio::test]
async fn the_trace_id_of_an_answer_that_is_no_use_is_told_if_it_can_be_one() {
    for (id, told) in [("0f2c8f1e-7c1b", Some("0f2c8f1e-7c1b")), ("5100260000019206", None)] {
        let other = json!({"data": {"id": "CRDother"}, "metadata": {"observability": {"trace_id": id}}});
        let (_server, cmp) = always(200, JSON_API, &other.to_string()).await;
        assert_eq!(cmp.cards().get(&card_id()).await.unwrap_err().trace_id(), told);
    }
}

#[tokio::test]
async fn a_duplicate_that_can_not_be_read_is_an_error_of_its_creation() {
    let server = MockServer::start_async().await;
    see_other(&server, r#"{"data":{"type":"cards"}}"#, Some("/cards/CRDecqZp3xRgXU3TFmtcDdzQs")).await;
    let error = client(&server.base_url()).cards().create(new_card()).await.unwrap_err();
    assert_eq!((error.operation(), error.status()), (Some(Operation::CreateCard), Some(303)));
    assert_eq!((error.delivery(), error.attempts()), (Delivery::Answered, 2), "one creation, one read");
    assert_eq!(error.stopped_because(), Some(StopReason::NotTransient));
}

#[tokio::test]
async fn unavailable_as_json_html_and_nothing() {
    let json = json!({"errors": [{"error_code": "service-unavailable", "summary": "Later"}]}).to_string();
    for (content_type, body, code) in [
        ("application/json", json.as_str(), Some(&ErrorCode::ServiceUnavailable)),
        ("text/html", "<html><body>503</body></html>", None),
        ("text/plain", "", None),
    ] {
        let (_server, cmp) = always(503, content_type, body).await;
        let error = cmp.cards().get(&card_id()).await.unwrap_err();
        assert_eq!((error.status(), error.code(), error.attempts()), (Some(503), code, 4), "{content_type}");
        assert!(error.is_retryable());
    }
}

#[tokio::test]
async fn nothing_is_a_success_for_a_deletion() {
    let (_server, cmp) = always(204, JSON_API, "").await;
    cmp.cards().delete(&card_id()).await.unwrap();
    cmp.network_tokens().delete(&card_id()).await.unwrap();
}
