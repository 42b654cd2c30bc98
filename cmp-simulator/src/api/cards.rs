//! `/cards` and `/cards/{card_id}`.

use http::{StatusCode, header};
use serde_json::{Map, Value, json};

use crate::api::documents::{Documents, Include};
use crate::api::endpoint::{Endpoint, attributes};
use crate::api::problem::{self, Problem};
use crate::api::request::{Context, Object, is_email, json_body};
use crate::card_data::Expiry;
use crate::how::How;
use crate::http::{Reply, form_pairs};
use crate::operation::Operation;
use crate::settings::{DuplicateAnswer, IncludeWhen, Readings, Scope, UnknownInclude};
use crate::state::{NewCard, State};
use crate::test_cards::{self, Outcome};

// The scope of getting a card is from the guide, step 1. The others are inferred from the scopes' names.
pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        operation: Operation::CreateCard,
        scope: Some(Scope::CardsWrite),
        handle: create,
        outcomes: &[(201, How::ValidRequest), (303, How::StoredNumber)],
        valid_body: Some(|| {
            attributes(&json!({ "pan": "4111111111111111", "cvc": "123", "exp_month": 12, "exp_year": 35 }))
        }),
    },
    Endpoint {
        operation: Operation::GetCard,
        scope: Some(Scope::CardsRead),
        handle: get,
        outcomes: &[(200, How::ValidRequest), (400, How::UnknownInclude)],
        valid_body: None,
    },
    Endpoint {
        operation: Operation::UpdateCard,
        scope: Some(Scope::CardsWrite),
        handle: update,
        outcomes: &[(200, How::ValidRequest)],
        valid_body: Some(|| attributes(&json!({ "exp_month": 3 }))),
    },
    Endpoint {
        operation: Operation::DeleteCard,
        scope: Some(Scope::CardsWrite),
        handle: delete,
        outcomes: &[(204, How::ValidRequest)],
        valid_body: None,
    },
];

fn create(state: &mut State, context: &Context<'_>) -> Result<Reply, Problem> {
    let body = json_body(context.request)?.ok_or_else(|| Problem::bad_request("The body is missing."))?;
    let card = new_card(&body)?;
    if let Some(Outcome::Refused(status)) = test_cards::outcome(&card.pan) {
        return refused(state, context, status);
    }
    if let Some(existing) = state.duplicate_of(&card.pan).map(str::to_owned) {
        return Ok(duplicate(state, context, &existing));
    }
    let id = state.create_card(card).id.clone();
    state.enroll_on_create(&id);
    let reply = show_as_stored(state, context, &id, StatusCode::CREATED);
    state.enroll_for_updates(&id);
    reply
}

fn get(state: &mut State, context: &Context<'_>) -> Result<Reply, Problem> {
    let include = include(context.request.query.as_deref(), &state.settings.readings)?;
    let reply = show(state, context, context.card_id, include)?;
    state.count_get(context.card_id);
    Ok(reply)
}

fn update(state: &mut State, context: &Context<'_>) -> Result<Reply, Problem> {
    // The body is not required in the document, so a request without one changes nothing.
    let change = json_body(context.request)?.map(|body| card_change(&body)).transpose()?;
    let now = state.now();
    let card = state.card(context.card_id).ok_or_else(Problem::no_such_card)?;
    if let Some(change) = change {
        if change.cvc.is_some() {
            card.cvc = change.cvc;
        }
        card.expiry.month = change.exp_month.unwrap_or(card.expiry.month);
        card.expiry.year = change.exp_year.unwrap_or(card.expiry.year);
        card.updated_at = now;
    }
    let unasked = Include::unasked(&state.settings.readings);
    show(state, context, context.card_id, unasked)
}

fn delete(state: &mut State, context: &Context<'_>) -> Result<Reply, Problem> {
    if state.delete_card(context.card_id) {
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    } else {
        Err(Problem::no_such_card())
    }
}

fn show(
    state: &mut State,
    context: &Context<'_>,
    id: &str,
    include: Option<Include>,
) -> Result<Reply, Problem> {
    state.settle(id);
    let card = state.stored(id).ok_or_else(Problem::no_such_card)?;
    Ok(Reply::json_api(StatusCode::OK, &Documents::new(&state.settings, context).card(card, include)))
}

/// Shows the card without anything that arrives later.
fn show_as_stored(
    state: &State,
    context: &Context<'_>,
    id: &str,
    status: StatusCode,
) -> Result<Reply, Problem> {
    let card = state.stored(id).ok_or_else(Problem::no_such_card)?;
    let unasked = Include::unasked(&state.settings.readings);
    Ok(Reply::json_api(status, &Documents::new(&state.settings, context).card(card, unasked)))
}

fn duplicate(state: &mut State, context: &Context<'_>, existing: &str) -> Reply {
    let answer = state.settings.readings.duplicate;
    let location = format!("{}/cards/{existing}", context.base_url);
    let unasked = Include::unasked(&state.settings.readings);
    let mut reply = match show(state, context, existing, unasked) {
        Ok(shown) if answer != DuplicateAnswer::Location => shown,
        _ => Reply::empty(StatusCode::SEE_OTHER),
    };
    reply.status = StatusCode::SEE_OTHER;
    match answer {
        DuplicateAnswer::Body => reply,
        DuplicateAnswer::BodyAndLocation | DuplicateAnswer::Location => {
            reply.with_header(header::LOCATION, &location)
        }
    }
}

fn refused(state: &mut State, context: &Context<'_>, status: u16) -> Result<Reply, Problem> {
    match status {
        401 => Err(Problem::unauthorized()),
        403 => Err(Problem::forbidden()),
        _ => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Ok(problem::test_card_reply(status, state, context.trace_id))
        }
    }
}

/// `CardResourceRequest`
fn new_card(body: &Value) -> Result<NewCard, Problem> {
    let top = Object::of(body, "")?;
    top.only(&["data"])?;
    let data = top.required_object("data")?;
    let attributes = data.required_object("attributes")?;
    let meta = data.object("meta")?.and_then(|_| data.get("meta").cloned());
    let card = NewCard {
        pan: attributes.required_string("pan", 14, 19)?.to_owned(),
        cvc: attributes.string("cvc", 3, 4)?.map(str::to_owned),
        expiry: Expiry {
            month: attributes.required_integer("exp_month", 1, 12)?,
            year: attributes.required_integer("exp_year", 0, 99)?,
        },
        kept: kept(&attributes),
        meta,
    };
    attributes.string("cvc_status", 3, 10)?;
    let of_a_wallet = attributes.one_of("token_type", &[("dpan", true), ("mpan", true), ("pan", false)])?;
    let wallets = [("apple_pay", ()), ("google_pay", ())];
    let sent = attributes.get("wallet_type").and_then(Value::as_str).unwrap_or_default();
    if wallets.iter().any(|(name, ())| sent != *name && sent.eq_ignore_ascii_case(name)) {
        return Err(Problem::bad_request("The wallet type is not in lower case."));
    }
    let wallet = attributes.one_of("wallet_type", &wallets)?;
    if of_a_wallet == Some(true) && wallet.is_none() {
        return Err(Problem::missing_field(attributes.path("wallet_type")));
    }
    if let Some(cardholder) = attributes.object("cardholder")? {
        check_cardholder(&cardholder)?;
    }
    Ok(card)
}

fn kept(attributes: &Object<'_>) -> Map<String, Value> {
    ["cardholder", "token_type", "wallet_type"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), attributes.get(name)?.clone())))
        .collect()
}

fn check_cardholder(cardholder: &Object<'_>) -> Result<(), Problem> {
    cardholder.string("name", 1, 255)?;
    cardholder.string("company", 0, 255)?;
    cardholder.string("phone", 0, 16)?;
    let email = cardholder.string("email", 0, usize::MAX)?;
    if email.is_some_and(|email| !is_email(email)) {
        return Err(Problem::invalid(cardholder.path("email"), "The value is not an e-mail address."));
    }
    let Some(address) = cardholder.object("address")? else { return Ok(()) };
    for line in ["address1", "address2", "address3", "address4", "city", "region"] {
        address.string(line, 0, 255)?;
    }
    address.string("postal_code", 0, 10)?;
    address.string("country", 2, 3)?;
    Ok(())
}

struct CardChange {
    cvc: Option<String>,
    exp_month: Option<u32>,
    exp_year: Option<u32>,
}

/// `CardUpdateResourceRequest`
fn card_change(body: &Value) -> Result<CardChange, Problem> {
    let top = Object::of(body, "")?;
    top.only(&["data"])?;
    let attributes = top.required_object("data")?.required_object("attributes")?;
    attributes.only(&["cvc", "exp_month", "exp_year"])?;
    Ok(CardChange {
        cvc: attributes.string("cvc", 3, 4)?.map(str::to_owned),
        exp_month: attributes.integer("exp_month", 1, 12)?,
        exp_year: attributes.integer("exp_year", 0, 99)?,
    })
}

/// Reads `include`, a comma-delimited list.
fn include(query: Option<&str>, readings: &Readings) -> Result<Option<Include>, Problem> {
    let values: Vec<_> = form_pairs(query.unwrap_or_default().as_bytes())
        .into_iter()
        .filter_map(|(name, value)| (name == "include").then_some(value))
        .collect();
    if values.is_empty() {
        return Ok(Include::unasked(readings));
    }
    if readings.include == IncludeWhen::Unsupported {
        return Err(Problem::bad_request("The parameter include is not supported."));
    }
    let mut include = Include { network_tokens: false, card_updates: false, subscriptions: false };
    for name in values.iter().flat_map(|value| value.split(',')).map(str::trim) {
        match name {
            "" => {}
            "network_tokens" => include.network_tokens = true,
            "card_updates" => include.card_updates = true,
            "card_update_subscriptions" => include.subscriptions = true,
            _ if readings.unknown_include == UnknownInclude::Ignored => {}
            _ => return Err(Problem::bad_request("The parameter include names an unknown resource type.")),
        }
    }
    Ok(Some(include))
}
