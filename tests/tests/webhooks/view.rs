use cmp::{
    cards::CardEvent,
    network_tokens::NetworkTokenState,
    v1::PanAlias,
    webhooks::{Applied, CardView, Details, Event},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::samples::{CARD_UPDATE, NETWORK_TOKEN, PAN};

const CARD: &str = "CRDecqZp3xRgXU3TFmtcDdzQs";

fn view() -> CardView {
    CardView::new(CARD.parse().unwrap())
}

fn event(id: &str, name: &str, second: u32, details: Value) -> Event {
    let mut details = details;
    details["card_id"] = json!(CARD);
    let timestamp = format!("2025-01-15T10:00:{second:02}Z");
    let body = json!({ "id": id, "event": name, "timestamp": timestamp, "details": details });
    Event::parse_unverified(body.to_string().as_bytes()).unwrap()
}

fn token(id: &str, second: u32, state: &str) -> Event {
    event(id, "cmp_network_token.updated", second, json!({ "network_token_id": "NTK1", "state": state }))
}

#[test]
fn a_network_token_event_updates_token_and_card() {
    let mut card = view();
    let event = Event::parse_unverified(NETWORK_TOKEN.as_bytes()).unwrap();
    assert_eq!(card.apply(&event), Applied::Changed);
    let token = card.network_token().unwrap();
    assert_eq!(token.state(), Some(&NetworkTokenState::Suspended));
    assert_eq!(token.reason_code(), Some("cmp_network_token.suspended"));
    assert_eq!((token.last4(), token.is_usable()), (Some("1111"), false));
    assert_eq!(token.expiry().unwrap().to_string(), "01/2028");
    assert_eq!(token.changed_at(), event.happened_at());
    assert_eq!((card.last4(), card.changed_at()), (Some("0042"), event.happened_at()));
    assert_eq!(card.expiry().unwrap().to_string(), "12/2025");
    assert_eq!(card.network_tokens().map(|(id, _)| id).collect::<Vec<_>>(), ["NTKpRRhGgX6cRRNh7C8TWKGjE"]);
    assert_eq!(card.apply(&event), Applied::Unchanged, "a repeat");
    let printed = format!("{card:?}");
    for shown in [r#"last4: Some("0042")"#, r#"TokenView { state: Some(Suspended)"#] {
        assert!(printed.contains(shown), "{printed}");
    }
}

#[test]
fn the_later_of_an_event_with_a_token_id_and_one_without_counts() {
    let without_id =
        |id, second, state| event(id, "cmp_network_token.updated", second, json!({ "state": state }));
    let state = |card: &CardView| card.network_token().and_then(|token| token.state().cloned());
    let mut card = view();
    card.apply(&without_id("1", 1, "suspended"));
    card.apply(&token("2", 2, "active"));
    assert_eq!(state(&card), Some(NetworkTokenState::Active));
    card.apply(&without_id("3", 3, "deleted"));
    assert_eq!(state(&card), Some(NetworkTokenState::Deleted));
}

#[test]
fn an_account_updater_event_updates_number_and_expiry() {
    let mut card = view();
    let event = Event::parse_unverified(CARD_UPDATE.as_bytes()).unwrap();
    assert_eq!(card.apply(&event), Applied::Changed);
    assert_eq!((card.last4(), card.account_updater()), (Some("1111"), Some(&CardEvent::Updated)));
    assert_eq!(card.expiry().unwrap().to_string(), "12/2025");
    assert_eq!(card.account_updater_at(), event.happened_at());
    assert!(!serde_json::to_string(&card).unwrap().contains(PAN));
}

#[test]
fn no_text_of_an_event_brings_a_pan_into_what_is_stored() {
    for pan in
        [PAN.to_owned(), format!("card {PAN} is closed"), PAN.chars().map(|c| format!("{c} ")).collect()]
    {
        let mut card = view();
        card.apply(&token("1", 1, "suspended"));
        let details =
            json!({ "network_token_id": "NTK1", "state": "active", "reason_code": pan, "reason_text": pan });
        card.apply(&event("2", "cmp_network_token.updated", 2, details));
        assert_eq!(card.network_token().unwrap().reason_code(), None);
        card.apply(&token("3", 3, &pan));
        assert_eq!(
            card.network_token().unwrap().state(),
            Some(&NetworkTokenState::Active),
            "what can't be read is absent"
        );
        let stored = serde_json::to_string(&card).unwrap();
        assert!(!stored.contains(pan.trim()) && !stored.contains(PAN), "{stored}");
        assert!(!format!("{card:?} {:?}", card.network_token()).contains(PAN), "{card:?}");
    }
}

#[test]
fn no_event_name_and_no_event_id_brings_a_pan_into_what_is_stored() {
    let mut card = view();
    card.apply(&event("1", "cmp_au_card.closed", 1, json!({})));
    let odd = event(PAN, &format!("cmp_au_card.{PAN}"), 2, json!({ "new_expiration_date": "1225" }));
    assert_eq!(card.apply(&odd), Applied::Changed, "the expiry");
    assert_eq!(card.account_updater(), Some(&CardEvent::Closed), "an unreadable event is absent");
    let stored = serde_json::to_string(&card).unwrap();
    assert!(!stored.contains(PAN), "{stored}");
}

#[test]
fn ids_like_card_numbers_still_order_events_of_one_moment() {
    let events = [token(PAN, 1, "active"), token("5555555555554444", 1, "suspended")];
    let [mut one, mut other] = [view(), view()];
    for (event, reversed) in events.iter().zip(events.iter().rev()) {
        one.apply(event);
        other.apply(reversed);
    }
    assert_eq!(one, other);
}

#[test]
fn an_unknown_new_number_clears_the_old_digits() {
    let mut card = view();
    card.apply(&event("1", "cmp_au_card.enrolled", 1, json!({ "card_last4": "1111" })));
    assert_eq!(card.last4(), Some("1111"));
    let alias = json!({ "new_account_number": "tok_sandbox_4242", "card_last4": "1111" });
    assert_eq!(card.apply(&event("2", "cmp_au_card.updated", 2, alias)), Applied::Changed);
    assert_eq!(card.last4(), None);
}

#[test]
fn older_events_change_nothing_and_later_ones_do() {
    let mut card = view();
    assert_eq!(card.apply(&token("2", 2, "suspended")), Applied::Changed);
    assert_eq!(card.apply(&token("1", 1, "active")), Applied::Unchanged);
    assert_eq!(card.network_token().unwrap().state(), Some(&NetworkTokenState::Suspended));
    assert_eq!(card.apply(&token("3", 3, "activated")), Applied::Changed);
    assert!(card.network_token().unwrap().is_usable());
    let closed = event("4", "cmp_au_card.closed", 1, json!({}));
    assert_eq!(card.apply(&closed), Applied::Changed, "another subject has its own time");
}

#[test]
fn of_two_events_of_one_moment_the_one_written_last_wins() {
    let told = |id: &str, second: u32, state: &str| {
        let details =
            json!({ "network_token_id": "NTK1", "state": state, "updated_at": "2025-01-01T00:00:00.5" });
        event(id, "cmp_network_token.updated", second, details)
    };
    for events in [
        [told("1", 1, "active"), told("0", 2, "suspended")],
        [told("0", 2, "suspended"), told("1", 1, "active")],
    ] {
        let mut card = view();
        for event in &events {
            card.apply(event);
        }
        assert_eq!(card.network_token().unwrap().state(), Some(&NetworkTokenState::Suspended));
    }
}

#[test]
fn a_reason_goes_with_its_state() {
    let mut card = view();
    let details = json!({ "network_token_id": "NTK1", "state": "suspended", "reason_code": "by the issuer" });
    card.apply(&event("1", "cmp_network_token.updated", 1, details));
    assert_eq!(card.network_token().unwrap().reason_code(), Some("by the issuer"));
    card.apply(&token("2", 2, "activated"));
    assert_eq!(card.network_token().unwrap().reason_code(), None);
}

#[test]
fn a_deleted_token_does_not_hide_its_successor() {
    let mut card = view();
    let of = |token: &str, state: &str| json!({ "network_token_id": token, "state": state });
    card.apply(&event("1", "cmp_network_token.updated", 1, of("NTK2", "active")));
    card.apply(&event("2", "cmp_network_token.updated", 2, of("NTK1", "deleted")));
    assert_eq!(card.network_token().unwrap().state(), Some(&NetworkTokenState::Active));
    assert_eq!(card.network_tokens().count(), 2);
}

#[test]
fn events_about_something_else_are_reported() {
    let mut card = CardView::new("CRDanother".parse().unwrap());
    assert_eq!(card.apply(&token("1", 1, "active")), Applied::NotThisCard);
    let body = json!({ "id": "1", "event": "route.created", "timestamp": "2025-01-15T10:00:00Z" });
    let other = Event::parse_unverified(body.to_string().as_bytes()).unwrap();
    assert_eq!(card.apply(&other), Applied::NotThisCard);
    assert_eq!(card, CardView::new("CRDanother".parse().unwrap()));

    let body = json!({ "id": "1", "event": "cmp_au_card.closed", "details": { "card_id": CARD } });
    let undated = Event::parse_unverified(body.to_string().as_bytes()).unwrap();
    assert_eq!(view().apply(&undated), Applied::Undated);
}

fn v1(id: &str, name: &str, second: u32, details: &Value) -> Event {
    let timestamp = format!("2025-01-15T10:00:{second:02}Z");
    let body = json!({ "id": id, "event": name, "timestamp": timestamp, "details": details });
    Event::parse_unverified(body.to_string().as_bytes()).unwrap()
}

#[test]
fn v1_events_are_found_by_their_alias() {
    let alias: PanAlias = "tok_sandbox_1".parse().unwrap();
    let mut card = CardView::of_alias(alias.clone());
    assert_eq!((card.card_id(), card.alias()), (None, Some(&alias)));
    let token = json!({ "pan_alias": "tok_sandbox_1", "network_token_id": "NTK1", "state": "ACTIVE" });
    assert_eq!(card.apply(&v1("1", "network_token.updated", 1, &token)), Applied::Changed);
    let nameless = json!({ "network_token_id": "NTK1" });
    assert_eq!(
        card.apply(&v1("2", "network_token.suspended", 2, &nameless)),
        Applied::Changed,
        "a known token"
    );
    assert_eq!(card.network_token().unwrap().state(), Some(&NetworkTokenState::Suspended));
    let renewed = json!({ "old_account_number": "tok_sandbox_1", "new_account_number": "tok_sandbox_2" });
    assert_eq!(card.apply(&v1("3", "au_card.updated", 3, &renewed)), Applied::Changed);

    let stored = serde_json::to_string(&card).unwrap();
    assert_eq!(serde_json::from_str::<CardView>(&stored).unwrap(), card);
    assert!(!format!("{card:?}").contains("tok_sandbox_1"), "an alias may look like a PAN");

    let Details::CardUpdate(update) = v1("4", "au_card.updated", 4, &renewed).details else {
        panic!("another kind")
    };
    assert_eq!(
        update.pan_aliases().collect::<Vec<_>>(),
        ["tok_sandbox_1", "tok_sandbox_2"].map(|alias| alias.parse().unwrap())
    );
    let numbers = json!({ "old_account_number": PAN, "new_account_number": "9914040119524512000" });
    let Details::CardUpdate(update) = v1("5", "au_card.updated", 5, &numbers).details else {
        panic!("another kind")
    };
    assert_eq!(update.pan_aliases().count(), 0, "they may be card numbers");

    let mut another = CardView::of_alias("tok_sandbox_3".parse().unwrap());
    let unnamed = json!({});
    for (name, details) in
        [("network_token.updated", &token), ("au_card.updated", &renewed), ("au_card.closed", &unnamed)]
    {
        assert_eq!(another.apply(&v1("4", name, 4, details)), Applied::NotThisCard, "{name}");
    }
}

#[test]
fn an_event_without_its_card_is_found_by_a_known_token() {
    let mut card = view();
    card.apply(&token("1", 1, "active"));
    let suspended = json!({ "network_token_id": "NTK1", "state": "suspended" });
    assert_eq!(card.apply(&v1("2", "cmp_network_token.updated", 2, &suspended)), Applied::Changed);
    let unknown = json!({ "network_token_id": "NTK2", "state": "active" });
    assert_eq!(card.apply(&v1("3", "cmp_network_token.updated", 3, &unknown)), Applied::NotThisCard);
}

#[test]
fn a_stored_view_that_was_tampered_with_is_refused() {
    for bad in [
        json!({}),
        json!({ "card_id": "../.." }),
        json!({ "pan_alias": "../.." }),
        json!({ "card_id": "4111-1111-1111-1111" }),
        json!({ "card_id": 7 }),
    ] {
        let error = serde_json::from_value::<CardView>(bad.clone()).expect_err("no card").to_string();
        assert!(!error.contains("1111"), "{bad}: {error}");
    }
    assert!(
        serde_json::from_value::<CardView>(json!({ "card_id": CARD })).is_ok(),
        "what a later version adds is absent here"
    );
}

fn any_event() -> impl Strategy<Value = Event> {
    let state = prop::option::of(prop::sample::select(vec!["active", "SUSPENDED", "failed", "thawed"]));
    let last4 = prop::option::of(0u16..3);
    let expiry = prop::option::of(prop::sample::select(vec!["1225", "0130"]));
    let number = prop::option::of(prop::sample::select(vec![PAN, "tok_sandbox_1"]));
    let name = prop::sample::select(vec![
        "cmp_network_token.updated",
        "cmp_au_card.updated",
        "cmp_au_card.closed",
        "network_token.deleted",
        "au_card.expired",
    ]);
    // Few ids and few seconds, so that many events share a moment.
    ((0u8..40), name, (0u32..4), state, last4, (expiry, number)).prop_map(
        |(id, name, second, state, last4, (expiry, number))| {
            let details = json!({
                "network_token_id": format!("NTK{}", id % 2), "state": state, "card_last4": last4,
                "new_expiration_date": expiry, "new_account_number": number,
            });
            event(&format!("evt{id}"), name, second, details)
        },
    )
}

/// Events with different ids, as a real sender has.
fn different_events() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(any_event(), 0..12).prop_map(|mut events| {
        events.sort_by(|one, other| one.id.cmp(&other.id));
        events.dedup_by(|one, other| one.id == other.id);
        events
    })
}

proptest! {
    #[test]
    fn any_order_and_any_repeats_give_the_same_view(
        (events, shuffled) in different_events()
            .prop_flat_map(|events| (Just(events.clone()), Just([events.clone(), events].concat()).prop_shuffle())),
    ) {
        let mut straight = view();
        let mut crooked = view();
        for event in &events {
            straight.apply(event);
        }
        for event in &shuffled {
            crooked.apply(event);
        }
        prop_assert_eq!(&straight, &crooked);
        for event in &events {
            prop_assert_eq!(straight.apply(event), Applied::Unchanged);
        }
        let stored = serde_json::to_string(&crooked).unwrap();
        prop_assert_eq!(&serde_json::from_str::<CardView>(&stored).unwrap(), &straight);

        let (mut one, mut other) = (view(), view());
        for (index, event) in shuffled.iter().enumerate() {
            if index % 2 == 0 { one.apply(event) } else { other.apply(event) };
        }
        one.merge(&other);
        prop_assert_eq!(&one, &straight);
        prop_assert_eq!(one.merge(&other), Applied::Unchanged);
    }
}

#[test]
fn an_unreadable_part_of_a_stored_view_is_unknown() {
    let at = "2025-01-15T10:00:00Z";
    let good = json!({ "value": "12/2025", "at": at, "event": "1" });
    for odd in [
        json!(null),
        json!(7),
        json!("text"),
        json!([1]),
        json!({}),
        json!({ "value": "4111111111111111", "at": at, "event": "1" }),
        json!({ "value": [1], "at": at, "event": "1" }),
        json!({ "value": "12/2025", "at": "yesterday", "event": "1" }),
    ] {
        let stored = json!({ "card_id": CARD, "last4": odd, "account_updater": odd, "expiry": good,
            "all_tokens_read": odd, "network_tokens": { "NTK1": odd, "NTK2": { "last4": odd, "expiry": good } } });
        let view: CardView = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(view.expiry(), "12/2025".parse().ok(), "{odd}");
        assert_eq!(view.last4(), None, "{odd}");
        let token = view.network_tokens().find(|(id, _)| *id == "NTK2").unwrap().1;
        assert_eq!((token.expiry(), token.last4()), ("12/2025".parse().ok(), None), "{odd}");
        let shown = format!("{view:?} {view:#?}");
        assert!(!shown.contains("4111111111111111"), "{shown}");
        let stored = json!({ "card_id": CARD, "network_tokens": odd });
        assert!(serde_json::from_value::<CardView>(stored).is_ok(), "{odd}");
    }
}
