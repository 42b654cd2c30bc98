use cmp::{
    Card, Client, Environment,
    auth::AccessToken,
    webhooks::{Applied, CardView, Event},
};
use cmp_store::{Error, Store};
use futures_util::future::join_all;
use httpmock::MockServer;
use serde_json::json;
use workspace_tests::marks::{NETWORK_TOKEN, PAN, PLANTED, found};

use crate::databases::{Database, databases};

const CARD: &str = "CRD1";

fn event(number: usize, details: &serde_json::Value) -> Event {
    let body = json!({
        "id": format!("evt-{number}"),
        "event": "cmp_network_token.updated",
        "timestamp": format!("2025-01-15T10:00:{:02}.000Z", number % 60),
        "details": details,
    });
    Event::parse_unverified(body.to_string().as_bytes()).unwrap()
}

fn token_event(number: usize) -> Event {
    let token = format!("NTK{}", number / 2);
    event(number, &json!({"card_id": CARD, "network_token_id": token, "state": "SUSPENDED"}))
}

fn empty() -> CardView {
    CardView::new(CARD.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn receivers_that_change_one_view_lose_no_event() {
    for database in databases("lose_no_event").await {
        let events: Vec<Event> = (0..40).map(token_event).collect();
        let mut expected = empty();
        for event in &events {
            expected.apply(event);
        }
        // Two receivers with connections of their own, and each event three times.
        let stores = [database.store(), Store::open(&database.url).await.unwrap()];
        let deliveries = (0..3 * events.len()).map(|number| {
            let (store, event) = (stores[number % 2].clone(), events[number % events.len()].clone());
            tokio::spawn(async move { store.apply(&event).await })
        });
        for applied in join_all(deliveries).await {
            applied.unwrap().unwrap();
        }
        assert_eq!(database.store().load(empty()).await, Ok(expected));
    }
}

#[tokio::test]
async fn a_view_is_merged_with_the_stored_one() {
    for database in databases("is_merged").await {
        let store = database.store();
        assert_eq!(store.load(empty()).await, Ok(empty()), "nothing is stored");
        assert_eq!(store.apply(&token_event(0)).await, Ok(Applied::Changed));
        assert_eq!(store.apply(&token_event(0)).await, Ok(Applied::Unchanged));
        let mut own = empty();
        own.apply(&token_event(2));
        let both = store.save(&own).await.unwrap();
        assert_eq!(both.network_tokens().count(), 2);
        assert_eq!(store.load(empty()).await.as_ref(), Ok(&both));
        let versions = "SELECT CAST(version AS TEXT) FROM cmp_views";
        let before = database.texts(versions).await;
        assert_eq!(store.save(&both).await, Ok(both.clone()));
        assert_eq!(database.texts(versions).await, before, "saved in vain");
        store.remove(&both).await.unwrap();
        assert_eq!(store.load(empty()).await, Ok(empty()));
    }
}

#[tokio::test]
async fn a_version_is_never_used_again() {
    for database in databases("never_used_again").await {
        let store = database.store();
        let mut versions = std::collections::BTreeSet::new();
        for number in 0..6 {
            store.apply(&token_event(2 * number)).await.unwrap();
            versions.extend(database.texts("SELECT CAST(version AS TEXT) FROM cmp_views").await);
            if number % 2 == 1 {
                store.remove(&empty()).await.unwrap();
            }
        }
        assert_eq!(versions.len(), 6, "a receiver that read a removed view replaces another one");
        // A row that somebody made by hand.
        let row = format!("('card_id:{CARD}', 0, '{{\"card_id\":\"{CARD}\"}}', 0)");
        database.run(&format!("INSERT INTO cmp_views (card, version, view, changed_at) VALUES {row}")).await;
        let event = token_event(1);
        let applied = tokio::time::timeout(std::time::Duration::from_secs(10), store.apply(&event)).await;
        assert_eq!(applied, Ok(Ok(Applied::Changed)));
    }
}

#[tokio::test]
async fn an_event_of_v1_is_stored_by_its_alias() {
    for database in databases("by_its_alias").await {
        let store = database.store();
        let details = json!({"pan_alias": "tok_sandbox_1", "network_token_id": "NT1", "state": "ACTIVE"});
        assert_eq!(store.apply(&event(1, &details)).await, Ok(Applied::Changed));
        let view = store.load(CardView::of_alias("tok_sandbox_1".parse().unwrap())).await.unwrap();
        assert!(view.network_token().unwrap().is_usable());
        let unnamed = event(2, &json!({"network_token_id": "NT1", "state": "SUSPENDED"}));
        assert_eq!(store.apply(&unnamed).await, Ok(Applied::NotThisCard));
    }
}

#[tokio::test]
async fn an_update_of_v1_reaches_the_views_of_its_aliases() {
    let update = |number: usize, old: &str, new: &str, expiry: &str| {
        let body = json!({
            "id": format!("evt-{number}"),
            "event": "au_card.updated",
            "timestamp": format!("2025-01-15T10:00:{number:02}.000Z"),
            "details": {"old_account_number": old, "new_account_number": new, "new_expiration_date": expiry},
        });
        Event::parse_unverified(body.to_string().as_bytes()).unwrap()
    };
    for database in databases("reaches_the_views_of_its_aliases").await {
        let store = database.store();
        let expiry = async |alias: &str| {
            let view = store.load(CardView::of_alias(alias.parse().unwrap())).await.unwrap();
            view.expiry().map(|expiry| expiry.to_string())
        };
        let details = json!({"pan_alias": "tok_1", "network_token_id": "NT1", "state": "ACTIVE"});
        store.apply(&event(1, &details)).await.unwrap();
        let same = update(2, "tok_1", "tok_1", "0230");
        assert_eq!(store.apply(&same).await, Ok(Applied::Changed));
        assert_eq!(store.apply(&same).await, Ok(Applied::Unchanged));
        assert_eq!(expiry("tok_1").await.as_deref(), Some("02/2030"));
        assert_eq!(store.apply(&update(3, "tok_1", "tok_2", "0331")).await, Ok(Applied::Changed));
        for alias in ["tok_1", "tok_2"] {
            assert_eq!(expiry(alias).await.as_deref(), Some("03/2031"), "{alias}");
        }
        assert_eq!(store.apply(&update(4, PAN.value, "tok_2", "0432")).await, Ok(Applied::Changed));
        assert_eq!(expiry("tok_2").await.as_deref(), Some("04/2032"));
        let numbers = update(5, PAN.value, "9914040119524512000", "0533");
        assert_eq!(store.apply(&numbers).await, Ok(Applied::NotThisCard));
        let keys = database.texts("SELECT card FROM cmp_views ORDER BY card").await;
        assert_eq!(keys, ["pan_alias:tok_1", "pan_alias:tok_2"]);
    }
}

/// A card whose account updater spells its event in capitals.
async fn card_with_event(event: &str) -> Card {
    let server = MockServer::start_async().await;
    let body = json!({"data": {"id": CARD, "type": "cards", "included": [
        {"type": "card_updates", "id": "CUP1", "attributes": {"event": event, "occurred_at": "2025-01-15T10:00:00Z"}},
    ]}});
    server
        .mock_async(|_, then| {
            then.status(200).header("content-type", "application/vnd.api+json").body(body.to_string());
        })
        .await;
    let environment = Environment::custom(server.base_url(), server.base_url()).unwrap();
    let client = Client::builder(environment).access_token(AccessToken::new("test-token").unwrap());
    client.build().unwrap().cards().get(&CARD.parse().unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_value_in_another_spelling_is_stored_and_read_again() {
    for database in databases("in_another_spelling").await {
        let store = database.store();
        for event in ["CLOSED", "non_participating", "Opt_Out", "a new one"] {
            let view = CardView::of(&card_with_event(event).await);
            for _ in 0..2 {
                assert_eq!(store.save(&view).await.as_ref(), Ok(&view), "{event}");
            }
            store.remove(&view).await.unwrap();
        }
        // As a version wrote it that did not know the value.
        let mut view = empty();
        let details = json!({"card_id": CARD, "network_token_id": "NTK1", "state": "card_updated"});
        view.apply(&event(1, &details));
        let known = serde_json::to_string(&view).unwrap();
        store_text(&database, &known.replace(r#""card_updated""#, r#""Card-Updated""#)).await;
        assert_eq!(store.load(empty()).await.as_ref(), Ok(&view));
        view.apply(&token_event(2));
        assert_eq!(store.apply(&token_event(2)).await, Ok(Applied::Changed));
        assert_eq!(store.load(empty()).await, Ok(view));
    }
}

async fn store_text(database: &Database, text: &str) {
    database.run("DELETE FROM cmp_views").await;
    let text = text.replace('\'', "''");
    let row = format!("('card_id:{CARD}', 7, '{text}', 0)");
    database.run(&format!("INSERT INTO cmp_views (card, version, view, changed_at) VALUES {row}")).await;
}

#[tokio::test]
async fn a_view_that_can_not_be_read_is_an_error_and_stays() {
    for database in databases("can_not_be_read").await {
        let store = database.store();
        let mut view = empty();
        view.apply(&event(
            1,
            &json!({"card_id": CARD, "network_token_id": "NTK1", "state": "ACTIVE", "card_last4": "1111"}),
        ));
        let good = serde_json::to_string(&view).unwrap();
        let lost = "this version of cmp does not understand a part of it";
        for (text, expected) in [
            (String::new(), "it is not JSON"),
            (good[..good.len() - 1].to_owned(), "it is not JSON"),
            ("[]".to_owned(), "it is not a view of a card"),
            (r#"{"card_id":""}"#.to_owned(), "it is not a view of a card"),
            (good.replace("CRD1", "CRD2"), "it is the view of another card"),
            (good.replace(r#""1111""#, "[1]"), lost),
            (good.replace(r#""1111""#, r#""11111""#), lost),
            (good.replacen('{', r#"{"later":1,"#, 1), lost),
            (good.replace(r#""state":{"#, r#""state":{"later":1,"#), lost),
            (good.replace("2025-01-15T10:00:01Z", "soon"), lost),
        ] {
            assert_ne!(text, good);
            store_text(&database, &text).await;
            let error = Error::Unreadable { card: Some(CARD.parse().unwrap()), rule: expected };
            assert_eq!(store.load(empty()).await, Err(error.clone()), "{text}");
            assert_eq!(store.save(&view).await, Err(error.clone()), "{text}");
            assert_eq!(store.apply(&token_event(1)).await, Err(error), "{text}");
            assert_eq!(database.texts("SELECT view FROM cmp_views").await, [text]);
        }
        let older = format!(r#"{{"card_id":"{CARD}"}}"#);
        store_text(&database, &older).await;
        assert_eq!(store.save(&view).await.as_ref(), Ok(&view), "a view without the members that came later");
        store_text(&database, &good).await;
        assert_eq!(store.load(empty()).await, Ok(view));
    }
}

#[tokio::test]
async fn no_table_has_a_secret() {
    for database in databases("no_secret").await {
        let store = database.store();
        let secrets = [PAN, NETWORK_TOKEN, PLANTED];
        for (number, secret) in secrets.iter().enumerate() {
            let text = secret.value;
            let event = json!({
                "id": text,
                "event": "cmp_network_token.updated",
                "timestamp": format!("2025-01-15T10:00:{number:02}.000Z"),
                "description": text,
                "details": {
                    "card_id": CARD, "network_token_id": "NTK1", "network_token": text, "pan": text,
                    "state": text, "reason_code": text, "reason_text": text, "card_last4": text,
                    "last4": text, "new_account_number": text, "old_account_number": text, "other": text,
                },
            });
            let event = Event::parse_unverified(event.to_string().as_bytes()).unwrap();
            store.apply(&event).await.unwrap();
            cmp::webhooks::EventStore::claim(&store, &event.id).await.unwrap();
        }
        for query in ["SELECT id FROM cmp_events", "SELECT card || view FROM cmp_views"] {
            let rows = database.texts(query).await;
            assert!(!rows.is_empty());
            assert!(found(&rows.join("\n"), &secrets).is_empty(), "{query}: {rows:?}");
        }
    }
}
