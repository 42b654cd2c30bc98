//! `/cards/{card_id}/network-tokens` and `/cards/{card_id}/cryptogram`.

use http::StatusCode;
use serde_json::{Value, json};

use crate::api::amount::{self, Written};
use crate::api::documents::Documents;
use crate::api::endpoint::{Endpoint, attributes};
use crate::api::problem::Problem;
use crate::api::request::{Context, Object, json_body};
use crate::card_data::Brand;
use crate::how::How;
use crate::http::Reply;
use crate::operation::Operation;
use crate::settings::{NoActiveToken, Scope};
use crate::state::{CryptogramType, Provisioned, Redemption, State, TransactionType};

// The scope of a cryptogram is from the guide, step 1. The others are inferred from the scopes' names.
// The documents list 400 for provisioning without a request that gets it.
pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        operation: Operation::ProvisionNetworkToken,
        scope: Some(Scope::NetworkTokensWrite),
        handle: provision,
        outcomes: &[(200, How::ValidRequest), (201, How::NoNetworkToken), (400, How::ScriptedStatus)],
        valid_body: None,
    },
    Endpoint {
        operation: Operation::DeleteNetworkToken,
        scope: Some(Scope::NetworkTokensWrite),
        handle: delete,
        outcomes: &[(204, How::ValidRequest)],
        valid_body: None,
    },
    Endpoint {
        operation: Operation::RequestCryptogram,
        scope: Some(Scope::NetworkTokensRead),
        handle: cryptogram,
        outcomes: &[(200, How::ValidRequest), (424, How::NoNetworkToken)],
        valid_body: Some(|| attributes(&json!({}))),
    },
];

/// Answers 200 for an existing token and 201 for a new one. A token that the card network refuses is
/// a new one too, in the state `failed`.
fn provision(state: &mut State, context: &Context<'_>) -> Result<Reply, Problem> {
    state.settle(context.card_id);
    let status = match state.provision(context.card_id).ok_or_else(Problem::no_such_card)? {
        Provisioned::Existing => StatusCode::OK,
        Provisioned::Created => StatusCode::CREATED,
    };
    let card = state.stored(context.card_id).ok_or_else(Problem::no_such_card)?;
    let token = card.usable_token().or(card.tokens.last()).ok_or_else(no_such_token)?;
    Ok(Reply::json_api(status, &Documents::new(&state.settings, context).network_token(token)))
}

/// Deletes all tokens of the card, as the operation's description says.
fn delete(state: &mut State, context: &Context<'_>) -> Result<Reply, Problem> {
    let card = state.card(context.card_id).ok_or_else(Problem::no_such_card)?;
    if card.tokens.is_empty() {
        return Err(no_such_token());
    }
    card.tokens.clear();
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

fn no_such_token() -> Problem {
    Problem::not_found("The card has no network token.")
}

struct Wanted {
    amount: Option<String>,
    currency_code: String,
    transaction_type: TransactionType,
    cryptogram_type: CryptogramType,
}

fn cryptogram(state: &mut State, context: &Context<'_>) -> Result<Reply, Problem> {
    // The body is not required in the document, and every attribute has a default.
    let body = json_body(context.request)?.unwrap_or_else(|| json!({ "data": { "attributes": {} } }));
    let wanted = wanted(&body, &context.request.body)?;
    let without_token = match state.settings.readings.no_active_token {
        NoActiveToken::FailedDependency => StatusCode::FAILED_DEPENDENCY,
        NoActiveToken::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let card = state.card(context.card_id).ok_or_else(Problem::no_such_card)?;
    let brand = card.brand();
    let token_id = card.usable_token().ok_or_else(|| Problem::failed_dependency(without_token))?.id.clone();
    check_brand(brand, &wanted)?;
    let eci = brand.unwrap_or(Brand::Visa).eci();
    let kind = wanted.cryptogram_type.name();
    let value = state.issue_cryptogram(Redemption {
        card_id: context.card_id.to_owned(),
        network_token_id: token_id,
        amount: wanted.amount,
        currency_code: wanted.currency_code,
        transaction_type: wanted.transaction_type,
        cryptogram_type: wanted.cryptogram_type,
        eci: eci.to_owned(),
    });
    let token = state
        .stored(context.card_id)
        .and_then(|card| card.usable_token())
        .ok_or_else(|| Problem::failed_dependency(without_token))?;
    let document = Documents::new(&state.settings, context).cryptogram(token, kind, &value, eci);
    Ok(Reply::json_api(StatusCode::OK, &document))
}

/// `CryptoFetchRequest`
fn wanted(body: &Value, octets: &[u8]) -> Result<Wanted, Problem> {
    let top = Object::of(body, "")?;
    top.only(&["data"])?;
    let attributes = top.required_object("data")?.required_object("attributes")?;
    let transaction_type = attributes
        .one_of("transaction_type", &[("ECOM", TransactionType::Ecom), ("AFT", TransactionType::Aft)])?;
    let cryptogram_type = attributes
        .one_of("cryptogram_type", &[("TAVV", CryptogramType::Tavv), ("DTVV", CryptogramType::Dtvv)])?;
    Ok(Wanted {
        amount: amount(&attributes, octets)?,
        currency_code: attributes.string("currency_code", 0, 3)?.unwrap_or("USD").to_owned(),
        transaction_type: transaction_type.unwrap_or(TransactionType::Ecom),
        cryptogram_type: cryptogram_type.unwrap_or(CryptogramType::Tavv),
    })
}

fn amount(attributes: &Object<'_>, octets: &[u8]) -> Result<Option<String>, Problem> {
    let Some(value) = attributes.get("amount") else { return Ok(None) };
    let invalid = |detail| Err(Problem::invalid(attributes.path("amount"), detail));
    let (Value::Number(_), Some(text)) = (value, amount::text(octets, &["data", "attributes", "amount"]))
    else {
        return invalid("The amount must be a number of at least 0.");
    };
    match amount::written(text) {
        Written::InCents => Ok(Some(text.to_owned())),
        Written::Negative => invalid("The amount must be a number of at least 0."),
        Written::TooFine => invalid("The amount has more than two decimals."),
    }
}

fn check_brand(brand: Option<Brand>, wanted: &Wanted) -> Result<(), Problem> {
    if brand == Some(Brand::Visa) {
        return Ok(());
    }
    let path = |name: &str| format!("/data/attributes/{name}");
    if wanted.cryptogram_type == CryptogramType::Dtvv {
        return Err(Problem::invalid(path("cryptogram_type"), "DTVV is supported for Visa only."));
    }
    if wanted.transaction_type == TransactionType::Aft {
        return Err(Problem::invalid(path("transaction_type"), "AFT is supported for Visa only."));
    }
    Ok(())
}
