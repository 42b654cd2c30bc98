//! Views that are kept up to date by readings of the card and by events.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use cmp::{
    Card, CardId, Client, Environment, Expiry, NewCard, Pan, ServiceAccount,
    network_tokens::NetworkTokenState,
    webhooks::{Applied, CardView, Event},
};
use cmp_simulator::{Enrollment, Simulator};
use serde_json::{Value, json};

use crate::samples::PAN;

struct Setup {
    simulator: Simulator,
    cmp: Client,
    id: CardId,
}

impl Setup {
    async fn start() -> Self {
        let simulator = Simulator::start().await.unwrap();
        let environment = Environment::custom(simulator.url(), simulator.token_url()).unwrap();
        let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
        let cmp = Client::builder(environment).service_account(account).build().unwrap();
        let card = NewCard::new(Pan::new(PAN).unwrap(), Expiry::new(12, 2030).unwrap());
        let id = cmp.cards().create(card).await.unwrap().id().clone();
        Self { simulator, cmp, id }
    }

    async fn card(&self) -> Card {
        self.cmp.cards().get(&self.id).await.unwrap()
    }

    /// An event about the card without the id of a network token.
    fn nameless(&self, at: DateTime<Utc>, state: &str) -> Event {
        self.event("cmp_network_token.updated", at, json!({ "state": state }))
    }

    fn event(&self, name: &str, at: DateTime<Utc>, mut details: Value) -> Event {
        details["card_id"] = json!(self.id.as_str());
        let timestamp = at.to_rfc3339_opts(SecondsFormat::Nanos, true);
        let body = json!({ "id": format!("{name} {at}"), "event": name, "timestamp": timestamp, "details": details });
        Event::parse_unverified(body.to_string().as_bytes()).unwrap()
    }
}

fn state(view: &CardView) -> Option<&NetworkTokenState> {
    view.network_token().and_then(|token| token.state())
}

#[tokio::test]
async fn an_event_without_a_token_id_is_about_the_only_token() {
    let setup = Setup::start().await;
    let card = setup.card().await;
    let mut view = CardView::of(&card);
    assert_eq!((state(&view), card.network_tokens.len()), (Some(&NetworkTokenState::Active), 1));
    let before = setup.nameless(card.asked_at - TimeDelta::seconds(1), "suspended");
    view.apply(&before);
    assert_eq!(state(&view), Some(&NetworkTokenState::Active), "the reading is newer");
    let after = setup.nameless(Utc::now() + TimeDelta::seconds(1), "suspended");
    assert_eq!(view.apply(&after), Applied::Changed);
    assert_eq!(state(&view), Some(&NetworkTokenState::Suspended));
    assert!(!view.network_token().unwrap().is_usable());
}

#[tokio::test]
async fn a_reading_replaces_an_event_without_a_token_id() {
    let setup = Setup::start().await;
    let mut view = CardView::new(setup.id.clone());
    view.apply(&setup.nameless(setup.card().await.asked_at, "active"));
    assert_eq!(state(&view), Some(&NetworkTokenState::Active));
    setup.simulator.world().suspend_token(setup.id.as_str()).unwrap();
    let card = setup.card().await;
    assert_eq!(view.read(&card), Applied::Changed);
    assert_eq!(state(&view), Some(&NetworkTokenState::Suspended));
    assert_eq!(view.read(&card), Applied::Unchanged);
}

#[tokio::test]
async fn a_token_that_a_reading_does_not_show_any_more_is_deleted() {
    let setup = Setup::start().await;
    let mut view = CardView::of(&setup.card().await);
    setup.cmp.network_tokens().delete(&setup.id).await.unwrap();
    let stored =
        setup.cmp.cards().update(&setup.id, cmp::CardChanges::new().expiry(Expiry::new(1, 2031).unwrap()));
    assert_eq!(view.read(&stored.await.unwrap()), Applied::Changed, "the expiry");
    assert_eq!(
        state(&view),
        Some(&NetworkTokenState::Active),
        "the answer to a change doesn't tell of tokens"
    );
    let card = setup.cmp.cards().get(&setup.id).include([cmp::cards::Include::CardUpdates]).await.unwrap();
    view.read(&card);
    assert_eq!(state(&view), Some(&NetworkTokenState::Active), "nor does one that was not asked for them");
    let card = setup.card().await;
    assert_eq!((view.read(&card), card.network_tokens.len()), (Applied::Changed, 0));
    assert_eq!(state(&view), Some(&NetworkTokenState::Deleted));
    assert_eq!(CardView::of(&card).network_token(), None);

    let mut nameless = CardView::new(setup.id.clone());
    nameless.apply(&setup.nameless(card.asked_at, "active"));
    assert_eq!(nameless.read(&setup.card().await), Applied::Changed);
    assert_eq!(state(&nameless), None, "which one it was nobody can say");
}

#[tokio::test]
async fn a_deleted_token_stays_deleted_when_a_late_event_comes() {
    let setup = Setup::start().await;
    let token = setup.card().await.network_tokens[0].clone();
    setup.cmp.network_tokens().delete(&setup.id).await.unwrap();
    let card = setup.card().await;
    let late = |at| {
        let details = json!({ "network_token_id": token.id.as_ref().unwrap().as_str(), "state": "active" });
        setup.event("cmp_network_token.updated", at, details)
    };
    let (before, after) = (card.asked_at - TimeDelta::days(1), Utc::now() + TimeDelta::seconds(1));

    let mut read_first = CardView::of(&card);
    read_first.apply(&late(before));
    let mut applied_first = CardView::new(setup.id.clone());
    applied_first.apply(&late(before));
    let mut merged = applied_first.clone();
    assert_eq!(state(&merged), Some(&NetworkTokenState::Active));
    merged.merge(&CardView::of(&card));
    applied_first.read(&card);
    assert_eq!(state(&read_first), Some(&NetworkTokenState::Deleted));
    assert_eq!((&read_first, &merged), (&applied_first, &applied_first));
    let stored = serde_json::to_string(&read_first).unwrap();
    assert_eq!(serde_json::from_str::<CardView>(&stored).unwrap(), read_first);

    assert_eq!(read_first.apply(&late(after)), Applied::Changed);
    assert_eq!(state(&read_first), Some(&NetworkTokenState::Active), "a later event brings it back");
}

/// All orders of these numbers.
fn orders(numbers: &[usize]) -> Vec<Vec<usize>> {
    let Some(last) = numbers.last() else { return vec![vec![]] };
    let others = orders(&numbers[..numbers.len() - 1]);
    let with_last = |order: &Vec<usize>, place: usize| {
        let mut order = order.clone();
        order.insert(place, *last);
        order
    };
    others.iter().flat_map(|order| (0..=order.len()).map(move |place| with_last(order, place))).collect()
}

#[test]
fn a_token_that_an_event_knows_after_a_reading_without_it_is_not_deleted() {
    let id: CardId = "CRD1".parse().unwrap();
    let at = |minute: i64| DateTime::UNIX_EPOCH + TimeDelta::minutes(minute);
    let event = |minute: i64, mut details: Value| {
        details["card_id"] = json!("CRD1");
        details["network_token_id"] = json!("B");
        let body = json!({ "id": format!("e{minute}"), "event": "cmp_network_token.updated",
            "timestamp": at(minute).to_rfc3339(), "details": details });
        Event::parse_unverified(body.to_string().as_bytes()).unwrap()
    };
    let reading = |minute: i64| {
        let mut card = Card::new(id.clone(), at(minute));
        card.lists_network_tokens = true;
        CardView::of(&card)
    };
    let of = |event: Event| {
        let mut view = CardView::new(id.clone());
        view.apply(&event);
        view
    };
    let renewed = |minute: i64| of(event(minute, json!({ "exp_month": 1, "exp_year": 2033 })));
    let in_state = |minute: i64, state: &str| of(event(minute, json!({ "state": state })));
    let (deleted, active) = (NetworkTokenState::Deleted, NetworkTokenState::Active);
    for (name, parts, expected) in [
        ("first seen later", vec![reading(10), renewed(15)], None),
        ("of no known state", vec![in_state(5, "active"), reading(10), renewed(15)], None),
        ("seen before and later", vec![renewed(5), reading(10), renewed(15)], None),
        ("seen before", vec![in_state(5, "active"), renewed(6), reading(10)], Some(&deleted)),
        ("gone later", vec![in_state(5, "active"), reading(10), renewed(15), reading(20)], Some(&deleted)),
        (
            "back",
            vec![in_state(5, "active"), reading(10), renewed(15), in_state(16, "active")],
            Some(&active),
        ),
        ("deleted by an event", vec![reading(10), in_state(12, "deleted"), renewed(15)], Some(&deleted)),
    ] {
        let numbers: Vec<_> = (0..parts.len()).collect();
        let mut views = orders(&numbers).into_iter().map(|order| {
            let mut view = CardView::new(id.clone());
            for number in order {
                view.merge(&parts[number]);
            }
            view
        });
        let first = views.next().unwrap();
        assert_eq!(state(&first), expected, "{name}");
        assert!(views.all(|view| view == first), "{name}: the order makes a difference");
    }
}

#[tokio::test]
async fn a_reading_that_is_older_than_an_event_says_so() {
    let setup = Setup::start().await;
    let mut view = CardView::of(&setup.card().await);
    let ahead = setup.nameless(Utc::now() + TimeDelta::hours(1), "suspended");
    assert_eq!(view.apply(&ahead), Applied::Changed);
    setup.cmp.network_tokens().delete(&setup.id).await.unwrap();
    let card = setup.card().await;
    assert_eq!(view.read(&card), Applied::Changed, "the named token is gone");
    assert_eq!(view.read(&card), Applied::Outdated);
    assert_eq!(state(&view), Some(&NetworkTokenState::Suspended));
    assert_eq!(CardView::of(&card).network_token(), None);
}

#[tokio::test]
async fn a_reading_is_outdated_by_a_later_event_about_any_one_value() {
    let setup = Setup::start().await;
    let card = setup.card().await;
    let token = card.network_tokens[0].id.clone().unwrap();
    let ahead = Utc::now() + TimeDelta::hours(1);
    for (name, details) in [
        ("cmp_au_card.updated", json!({ "new_expiration_date": "1233" })),
        ("cmp_au_card.updated", json!({ "new_account_number": "4242424242424242" })),
        ("cmp_network_token.updated", json!({ "network_token_id": token.as_str(), "state": "suspended" })),
        (
            "cmp_network_token.updated",
            json!({ "network_token_id": token.as_str(), "network_token_last4": "4242" }),
        ),
        (
            "cmp_network_token.updated",
            json!({ "network_token_id": token.as_str(), "exp_month": 1, "exp_year": 2033 }),
        ),
    ] {
        let mut view = CardView::of(&card);
        let event = setup.event(name, ahead, details.clone());
        assert_eq!(view.apply(&event), Applied::Changed, "{details}");
        assert_eq!(view.read(&card), Applied::Outdated, "{details}");
    }
}

#[tokio::test]
async fn a_reading_fills_in_what_an_event_cleared() {
    let setup = Setup::start().await;
    let mut view = CardView::of(&setup.card().await);
    let alias = json!({ "new_account_number": "tok_sandbox_1", "new_expiration_date": "1233" });
    view.apply(&setup.event("cmp_au_card.updated", Utc::now(), alias));
    assert_eq!(view.last4(), None);
    let card = setup.card().await;
    assert_eq!(view.read(&card), Applied::Changed);
    assert_eq!((view.last4(), view.expiry()), (card.last4.as_deref(), card.expiry));
}

#[tokio::test]
async fn an_update_of_the_expiry_alone_leaves_the_number() {
    let setup = Setup::start().await;
    let card = setup.card().await;
    let mut view = CardView::of(&card);
    let renewed = json!({ "new_expiration_date": "1233" });
    view.apply(&setup.event("cmp_au_card.updated", Utc::now() + TimeDelta::seconds(1), renewed));
    assert_eq!((view.last4(), view.expiry()), (card.last4.as_deref(), Expiry::new(12, 2033).ok()));
    view.apply(&setup.event("cmp_au_card.updated", Utc::now() + TimeDelta::seconds(2), json!({})));
    assert_eq!(view.last4(), None, "an update that tells nothing is of the number");
}

#[tokio::test]
async fn a_simulated_clock_that_is_ahead_does_not_outdate_readings() {
    let setup = Setup::start().await;
    let world = setup.simulator.world();
    world.advance_clock(std::time::Duration::from_secs(600));
    world.suspend_token(setup.id.as_str()).unwrap();
    let suspended_at = setup.card().await.network_tokens[0].updated_at.unwrap();
    let mut view = CardView::new(setup.id.clone());
    view.apply(&setup.nameless(suspended_at, "suspended"));
    world.resume_token(setup.id.as_str()).unwrap();
    view.read(&setup.card().await);
    assert_eq!(state(&view), Some(&NetworkTokenState::Activated));
}

#[tokio::test]
async fn a_token_that_was_waited_for_or_provisioned_needs_no_other_reading() {
    let simulator = Simulator::builder().enrollment(Enrollment::Manual).start().await.unwrap();
    let environment = Environment::custom(simulator.url(), simulator.token_url()).unwrap();
    let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    let cmp = Client::builder(environment).service_account(account).build().unwrap();
    let card = NewCard::new(Pan::new(PAN).unwrap(), Expiry::new(12, 2030).unwrap());
    let stored = cmp.cards().create(card).await.unwrap();
    // All network tokens were read, and there was none.
    let read = cmp.cards().get(stored.id()).await.unwrap();
    assert!(read.lists_network_tokens);
    let mut view = CardView::of(&read);
    let provisioned = cmp.network_tokens().provision(stored.id()).await.unwrap();
    assert_eq!(view.read_token(provisioned.network_token()), Applied::Changed);
    assert_eq!(state(&view), Some(&NetworkTokenState::Active));
    let token = view.network_token().unwrap();
    assert_eq!(
        (token.last4(), token.expiry()),
        (provisioned.network_token().last4.as_deref(), provisioned.network_token().expiry)
    );
    assert_eq!(view.last4(), read.last4.as_deref(), "the card stays as it is");

    let mut waited = CardView::new(stored.id().clone());
    let token = cmp.network_tokens().wait_for(stored.id()).await.unwrap();
    assert_eq!(waited.read_token(&token), Applied::Changed);
    assert_eq!(state(&waited), Some(&NetworkTokenState::Active));
    assert_eq!(waited.read_token(&token), Applied::Unchanged);

    // An event wins if it is later, in whatever order the two come.
    let (id, name) = (stored.id(), "cmp_network_token.updated");
    let event = |at: DateTime<Utc>| {
        let body = json!({ "id": "e", "event": name, "timestamp": at.to_rfc3339_opts(SecondsFormat::Nanos, true),
            "details": { "card_id": id, "network_token_id": token.id.as_ref(), "state": "suspended" } });
        Event::parse_unverified(body.to_string().as_bytes()).unwrap()
    };
    for (seconds, expected) in [(-60, NetworkTokenState::Active), (60, NetworkTokenState::Suspended)] {
        let event = event(token.asked_at + TimeDelta::seconds(seconds));
        let (mut one, mut other) = (CardView::new(id.clone()), CardView::new(id.clone()));
        one.apply(&event);
        assert_eq!(one.read_token(&token), Applied::Changed, "its number was not known");
        let again = one.read_token(&token);
        assert_eq!(again, if seconds > 0 { Applied::Outdated } else { Applied::Unchanged });
        other.read_token(&token);
        other.apply(&event);
        assert_eq!((state(&one), state(&other)), (Some(&expected), Some(&expected)));
    }
    assert_eq!(
        CardView::of_alias("5573495XKjDP28V7312".parse().unwrap()).read_token(&token),
        Applied::NotThisCard
    );
}
