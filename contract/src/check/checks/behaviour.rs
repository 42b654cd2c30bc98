//! Checks what the documents say in prose: the effect of one request on the next.

use cmp_simulator::{Enrollment, Operation, Scope};
use serde_json::{Value, json};

use super::super::{
    answer::{Answer, Call, Caller},
    masked::describe,
    outcome::{Checked, Stop, skip},
    session::{Session, TEST_CARD, Written, as_it_is, attributes, card, create},
};

const CRYPTOGRAM: &str = "/data/attributes/cryptogram";
/// The documented test card for checks on demand.
const CHECKED_CARD: &str = "4680056031099387";
const USABLE: [&str; 3] = ["active", "activated", "card_updated"];

pub(super) const TABLE: &[Written] = &[
    Written { name: "a_stored_card_is_read_back", set_up: as_it_is, run: |s| Box::pin(read_back(s)) },
    Written { name: "metadata_is_kept", set_up: as_it_is, run: |s| Box::pin(metadata(s)) },
    Written { name: "a_change_is_seen", set_up: as_it_is, run: |s| Box::pin(change(s)) },
    Written { name: "a_deleted_card_is_gone", set_up: as_it_is, run: |s| Box::pin(deleted_card(s)) },
    Written { name: "a_duplicate_names_the_card", set_up: as_it_is, run: |s| Box::pin(duplicate(s)) },
    Written { name: "a_token_is_included", set_up: as_it_is, run: |s| Box::pin(included(s)) },
    Written {
        name: "provisioning_keeps_an_active_token",
        set_up: |settings| settings.enrollment = Enrollment::Manual,
        run: |s| Box::pin(provisioned_twice(s)),
    },
    Written {
        name: "a_deleted_token_can_not_be_used",
        set_up: |settings| settings.enrollment = Enrollment::Manual,
        run: |s| Box::pin(deleted_token(s)),
    },
    Written { name: "a_suspended_token_can_not_be_used", set_up: as_it_is, run: |s| Box::pin(suspended(s)) },
    Written { name: "a_cryptogram_is_complete", set_up: as_it_is, run: |s| Box::pin(complete(s)) },
    Written { name: "a_cryptogram_is_for_one_use", set_up: as_it_is, run: |s| Box::pin(one_use(s)) },
    Written {
        name: "a_subscription_stays_until_it_is_ended",
        set_up: as_it_is,
        run: |s| Box::pin(subscribed(s)),
    },
    Written { name: "a_check_says_what_is_new", set_up: as_it_is, run: |s| Box::pin(checked(s)) },
    Written { name: "card_data_needs_its_scope", set_up: as_it_is, run: |s| Box::pin(without_scope(s)) },
    Written { name: "card_data_comes_with_its_scope", set_up: as_it_is, run: |s| Box::pin(with_scope(s)) },
];

fn get(id: &str) -> Call<'_> {
    Call::new(Operation::GetCard, id)
}

fn cryptogram(id: &str) -> Call<'_> {
    Call::new(Operation::RequestCryptogram, id).valid(attributes(json!({})))
}

/// Notes a violation if a member is not what it must be.
fn same(session: &mut Session<'_>, answer: &Answer, path: &str, expected: &Value, says: &str) {
    if answer.at(path) != expected {
        let came = if answer.at(path).is_null() { "absent".to_owned() } else { describe(answer.at(path)) };
        session.note(answer.operation, path, says, came);
    }
}

async fn read_back(session: &mut Session<'_>) -> Checked {
    let id = session.store(TEST_CARD).await?;
    let answer = session.expect(get(&id), 200).await?;
    for (path, expected) in [
        ("/data/id", json!(id)),
        ("/data/attributes/exp_month", json!(12)),
        ("/data/attributes/exp_year", json!(35)),
    ] {
        same(session, &answer, path, &expected, "what was stored");
    }
    let last4 = answer.at("/data/attributes/last4");
    let digits = last4.as_str().map_or_else(|| format!("{:0>4}", last4.to_string()), str::to_owned);
    if digits != TEST_CARD[TEST_CARD.len() - 4..] {
        session.note(Operation::GetCard, "/data/attributes/last4", "the last four digits", describe(last4));
    }
    Ok(())
}

async fn metadata(session: &mut Session<'_>) -> Checked {
    let mut body = card(TEST_CARD);
    let meta = json!({"order": "contract-check", "nested": {"list": [1, true]}});
    body["data"]["meta"] = meta.clone();
    let id = session.store_as(body).await?;
    let answer = session.expect(get(&id), 200).await?;
    same(session, &answer, "/data/meta", &meta, "the metadata that was stored");
    Ok(())
}

async fn change(session: &mut Session<'_>) -> Checked {
    let id = session.store(TEST_CARD).await?;
    let body = attributes(json!({"exp_month": 3, "exp_year": 41}));
    let changed = session.expect(Call::new(Operation::UpdateCard, &id).valid(body), 200).await?;
    let read = session.expect(get(&id), 200).await?;
    for answer in [&changed, &read] {
        same(session, answer, "/data/attributes/exp_month", &json!(3), "what was changed");
        same(session, answer, "/data/attributes/exp_year", &json!(41), "what was changed");
    }
    Ok(())
}

async fn deleted_card(session: &mut Session<'_>) -> Checked {
    let id = session.store(TEST_CARD).await?;
    session.expect(get(&id), 200).await?;
    session.expect(Call::new(Operation::DeleteCard, &id), 204).await?;
    session.expect(get(&id), 404).await?;
    session.expect(cryptogram(&id), 404).await?;
    session.expect(Call::new(Operation::DeleteCard, &id), 404).await?;
    Ok(())
}

/// A 303 contains the whole existing card. A `Location` header in place of the card counts as well.
async fn duplicate(session: &mut Session<'_>) -> Checked {
    let id = session.store(TEST_CARD).await?;
    let again = session.expect_one_of(create(card(TEST_CARD)), &[201, 303]).await?;
    if again.status == 201 && !session.is_simulated() {
        return skip("the account doesn't detect duplicates");
    }
    let names_it = again.text("/data/id") == id
        || again.header("location").is_some_and(|place| place.ends_with(&format!("/cards/{id}")));
    if again.status != 303 || !names_it {
        session.note(Operation::CreateCard, "body", "303 with the stored card", "neither it nor its place");
    }
    Ok(())
}

async fn included(session: &mut Session<'_>) -> Checked {
    let id = session.store_with_token().await?;
    let answer = session.expect(get(&id), 200).await?;
    let usable = |resource: &&Value| {
        let state = resource["attributes"]["state"].as_str().unwrap_or_default().to_ascii_lowercase();
        USABLE.contains(&state.as_str())
    };
    if !answer.included("network_tokens").iter().any(usable) {
        session.note(Operation::GetCard, "/included", "the card's usable network token", "none");
    }
    Ok(())
}

async fn provisioned_twice(session: &mut Session<'_>) -> Checked {
    let id = session.store_with_token().await?;
    let again = session.expect(Call::new(Operation::ProvisionNetworkToken, &id), 200).await?;
    let before = session.expect(get(&id), 200).await?;
    let tokens = before.included("network_tokens");
    if !tokens.iter().any(|token| token["id"] == *again.at("/data/id")) {
        session.note(Operation::ProvisionNetworkToken, "/data/id", "the token that was there", "another");
    }
    Ok(())
}

async fn deleted_token(session: &mut Session<'_>) -> Checked {
    session.simulator()?;
    let id = session.store_with_token().await?;
    session.expect(cryptogram(&id), 200).await?;
    session.expect(Call::new(Operation::DeleteNetworkToken, &id), 204).await?;
    session.expect_one_of(cryptogram(&id), &[422, 424]).await?;
    Ok(())
}

async fn suspended(session: &mut Session<'_>) -> Checked {
    session.simulator()?;
    let id = session.store_with_token().await?;
    if session.simulator()?.world().suspend_token(&id).is_err() {
        session.note(Operation::ProvisionNetworkToken, "body", "a token that is there", "none");
        return Err(Stop::Broken);
    }
    session.expect_one_of(cryptogram(&id), &[422, 424]).await?;
    Ok(())
}

async fn subscribed(session: &mut Session<'_>) -> Checked {
    let id = session.store(TEST_CARD).await?;
    let subscribe = || Call::new(Operation::SubscribeToCardUpdates, &id);
    let unsubscribe = || Call::new(Operation::UnsubscribeFromCardUpdates, &id);
    let new = session.expect_one_of(subscribe(), &[200, 201]).await?;
    let again = session.expect(subscribe(), 200).await?;
    same(session, &again, "/data/id", new.at("/data/id"), "the subscription that was there");
    session.expect(unsubscribe(), 204).await?;
    let answer = session.expect(get(&id), 200).await?;
    if !answer.included("card_update_subscriptions").is_empty() {
        session.note(Operation::GetCard, "/included", "no subscription after its end", "one");
    }
    session.expect(unsubscribe(), 404).await?;
    Ok(())
}

/// The response contains an update or a list of updates.
async fn checked(session: &mut Session<'_>) -> Checked {
    let id = session.store(CHECKED_CARD).await?;
    let answer = session.expect(Call::new(Operation::CheckForCardUpdates, &id), 200).await?;
    let data = answer.at("/data");
    let updates = data.as_array().map_or(std::slice::from_ref(data), Vec::as_slice);
    if updates.is_empty() || !updates.iter().all(|update| update["type"] == "card_updates") {
        session.note(answer.operation, "/data", "an update of the card, or a list", describe(data));
    }
    Ok(())
}

/// Checks the cryptogram's value, type and electronic commerce indicator. A payment needs all three, but the schema
/// requires none of them.
async fn complete(session: &mut Session<'_>) -> Checked {
    let id = session.store_with_token().await?;
    let answer = session.expect(cryptogram(&id), 200).await?;
    same(
        session,
        &answer,
        &format!("{CRYPTOGRAM}/type"),
        &json!("TAVV"),
        "TAVV, as nothing else was asked for",
    );
    for member in ["value", "eci"] {
        let path = format!("{CRYPTOGRAM}/{member}");
        if answer.text(&path).is_empty() {
            session.note(answer.operation, &path, "required for a payment", "absent");
        }
    }
    Ok(())
}

async fn one_use(session: &mut Session<'_>) -> Checked {
    let id = session.store_with_token().await?;
    let path = format!("{CRYPTOGRAM}/value");
    let mut values = Vec::new();
    for _ in 0..3 {
        values.push(session.expect(cryptogram(&id), 200).await?.text(&path).to_owned());
    }
    for (number, value) in values.iter().enumerate() {
        if values[..number].contains(value) {
            session.note(Operation::RequestCryptogram, &path, "a new one for each request", "the same again");
            return Err(Stop::Broken);
        }
        let refused = session.simulator().is_ok_and(|simulator| simulator.redeem_cryptogram(value).is_err());
        if refused {
            session.note(Operation::RequestCryptogram, &path, "good for one use", "refused at its first use");
        }
    }
    Ok(())
}

/// Only sends the requests. `secrets.rs` checks every response for card data without the scope.
async fn without_scope(session: &mut Session<'_>) -> Checked {
    let caller = Caller::Without(Scope::CardsReadPci);
    let stored = session.expect(create(card(TEST_CARD)).by(caller), 201).await?;
    let id = stored.text("/data/id").to_owned();
    session.expect(get(&id).by(caller), 200).await?;
    let body = attributes(json!({"exp_month": 3}));
    session.expect(Call::new(Operation::UpdateCard, &id).valid(body).by(caller), 200).await?;
    Ok(())
}

async fn with_scope(session: &mut Session<'_>) -> Checked {
    session.simulator()?;
    let id = session.store(TEST_CARD).await?;
    let answer = session.expect(get(&id), 200).await?;
    same(
        session,
        &answer,
        "/data/attributes/pan",
        &json!(TEST_CARD),
        "the PAN, for the scope cards:read-pci",
    );
    Ok(())
}
