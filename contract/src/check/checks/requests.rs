//! Checks which requests the service accepts, and which it refuses.

use cmp_simulator::Operation;
use serde_json::{Value, json};

use super::super::{
    answer::{Body, Call},
    outcome::Checked,
    session::{Session, TEST_CARD, Written, as_it_is, attributes, card, create},
};

pub(super) const TABLE: &[Written] = &[
    Written { name: "the_least_request_is_enough", set_up: as_it_is, run: |s| Box::pin(least(s)) },
    Written { name: "the_fullest_request_is_taken", set_up: as_it_is, run: |s| Box::pin(fullest(s)) },
    Written { name: "unknown_values_are_refused", set_up: as_it_is, run: |s| Box::pin(unknown_values(s)) },
    Written { name: "limits_are_enforced", set_up: as_it_is, run: |s| Box::pin(limits(s)) },
    Written { name: "required_members_are_required", set_up: as_it_is, run: |s| Box::pin(required(s)) },
];

const REFUSED: &[u16] = &[400, 422];

async fn least(session: &mut Session<'_>) -> Checked {
    let only_required = attributes(json!({"pan": TEST_CARD, "exp_month": 12, "exp_year": 35}));
    let id = session.store_as(only_required).await?;
    session.provision(&id).await?;
    for operation in [Operation::RequestCryptogram, Operation::UpdateCard] {
        session.expect(Call::new(operation, &id).valid(attributes(json!({}))), 200).await?;
    }
    Ok(())
}

async fn fullest(session: &mut Session<'_>) -> Checked {
    let mut body = attributes(json!({
        "pan": TEST_CARD, "cvc": "123", "exp_month": 12, "exp_year": 35, "token_type": "pan",
        "cardholder": {
            "name": "Contract Check", "company": "None", "phone": "+15555550100", "email": "check@example.com",
            "address": {"address1": "1 Test Street", "city": "Testville", "postal_code": "12345", "country": "US"}
        }
    }));
    body["data"]["meta"] = json!({"purpose": "contract check"});
    session.expect_one_of(create(body), &[201, 303]).await?;
    Ok(())
}

async fn refused(session: &mut Session<'_>, call: Call<'_>, body: Value) -> Checked {
    session.expect_one_of(call.body(Body::Invalid(body)), REFUSED).await.map(drop)
}

fn changed(member: &str, value: Value) -> Value {
    let mut body = card(TEST_CARD);
    body["data"]["attributes"][member] = value;
    body
}

async fn unknown_values(session: &mut Session<'_>) -> Checked {
    for member in ["token_type", "wallet_type"] {
        let call = Call::new(Operation::CreateCard, "");
        refused(session, call, changed(member, json!("no-such-value"))).await?;
    }
    let id = session.store_with_token().await?;
    for member in ["transaction_type", "cryptogram_type"] {
        let body = attributes(json!({member: "NONE"}));
        refused(session, Call::new(Operation::RequestCryptogram, &id), body).await?;
    }
    Ok(())
}

async fn limits(session: &mut Session<'_>) -> Checked {
    for (member, value) in [
        ("pan", json!("4111")),
        ("pan", json!(4_111_111)),
        ("exp_month", json!(0)),
        ("exp_month", json!(13)),
        ("exp_year", json!(100)),
        ("exp_year", json!(2035)),
        ("cvc", json!("12")),
        ("cvc", json!("12345")),
    ] {
        refused(session, Call::new(Operation::CreateCard, ""), changed(member, value)).await?;
    }
    let id = session.store_with_token().await?;
    refused(session, Call::new(Operation::UpdateCard, &id), attributes(json!({"exp_month": 13}))).await?;
    refused(session, Call::new(Operation::RequestCryptogram, &id), attributes(json!({"amount": -1}))).await
}

async fn required(session: &mut Session<'_>) -> Checked {
    for member in ["pan", "exp_month", "exp_year"] {
        let mut body = card(TEST_CARD);
        if let Some(attributes) = body["data"]["attributes"].as_object_mut() {
            attributes.shift_remove(member);
        }
        refused(session, Call::new(Operation::CreateCard, ""), body).await?;
    }
    refused(session, Call::new(Operation::CreateCard, ""), json!({})).await
}
