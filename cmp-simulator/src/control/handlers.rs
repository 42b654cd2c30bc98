use http::{Method, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::Refused;
use crate::faults::{Chaos, Fault};
use crate::http::{Reply, Request, path};
use crate::masked;
use crate::operation::Operation;
use crate::provoke;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::webhooks::Webhooks;
use crate::world::{World, WorldEvent};

type Outcome = Result<Reply, Refused>;
type Handler = fn(&Shared, &Request) -> Outcome;

const ROUTES: &[(Method, &str, Handler)] = &[
    (Method::GET, "", index),
    (Method::GET, "/requests", requests),
    (Method::DELETE, "/requests", forget_requests),
    (Method::GET, "/counts", counts),
    (Method::GET, "/cards", cards),
    (Method::GET, "/cards/{card_id}", card),
    (Method::GET, "/faults", faults),
    (Method::POST, "/faults", add_faults),
    (Method::DELETE, "/faults", clear_faults),
    (Method::PUT, "/chaos", chaos),
    (Method::POST, "/world", world),
    (Method::POST, "/cryptograms", redeem),
    (Method::GET, "/webhooks", webhooks),
    (Method::POST, "/webhooks", send_webhook),
    (Method::GET, "/settings", settings),
    (Method::PATCH, "/settings", change_settings),
    (Method::GET, "/provoke", provocations),
    (Method::POST, "/reset", reset),
];

pub(super) fn handle(shared: &Shared, request: &Request, path: &[&str]) -> Reply {
    let template = match path {
        [] => String::new(),
        ["cards", _] => "/cards/{card_id}".to_owned(),
        other => format!("/{}", other.join("/")),
    };
    let here = || ROUTES.iter().filter(|(_, route, _)| *route == template);
    if let Some((_, _, handler)) = here().find(|(method, ..)| *method == request.method) {
        return handler(shared, request).unwrap_or_else(Refused::into_reply);
    }
    let allow: Vec<_> = here().map(|(method, ..)| method.as_str()).collect();
    if allow.is_empty() {
        return Refused::new(StatusCode::NOT_FOUND, "there is nothing at this path").into_reply();
    }
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "the path does not have this method")
        .into_reply()
        .with_header(header::ALLOW, &allow.join(", "))
}

fn ok(body: &Value) -> Reply {
    Reply::json(StatusCode::OK, body)
}

fn done() -> Reply {
    Reply::empty(StatusCode::NO_CONTENT)
}

/// The text of a serde error may hold what it read, but nothing that the control API takes is a card number.
fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Refused> {
    serde_json::from_slice(&request.body)
        .map_err(|error| Refused::new(StatusCode::BAD_REQUEST, &masked::text(&error.to_string())))
}

fn index(_: &Shared, _: &Request) -> Outcome {
    let routes: Vec<_> =
        ROUTES.iter().map(|(method, path, _)| format!("{method} /{}{path}", super::ROOT)).collect();
    Ok(ok(&json!({ "requests": routes })))
}

fn requests(shared: &Shared, _: &Request) -> Outcome {
    let latest = shared.log().latest();
    Ok(ok(&json!(latest)))
}

fn forget_requests(shared: &Shared, _: &Request) -> Outcome {
    shared.log().clear();
    Ok(done())
}

fn counts(shared: &Shared, _: &Request) -> Outcome {
    let log = shared.log();
    let operations: Map<_, _> = Operation::ALL
        .into_iter()
        .map(|operation| (operation.name().to_owned(), log.count(operation).into()))
        .collect();
    drop(log);
    Ok(ok(&json!({ "operations": operations, "tokens_minted": shared.state().access.minted() })))
}

fn cards(shared: &Shared, _: &Request) -> Outcome {
    let views = shared.state().views();
    Ok(ok(&json!(views)))
}

fn card(shared: &Shared, request: &Request) -> Outcome {
    let segments = path::segments(&request.path).unwrap_or_default();
    let id = segments.get(2).map(AsRef::as_ref).unwrap_or_default();
    let view = shared.state().card(id).map(|card| card.view());
    view.map(|view| ok(&json!(view)))
        .ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, "no card has this id"))
}

fn faults(shared: &Shared, _: &Request) -> Outcome {
    let book = shared.faults();
    let list: Vec<_> = book.list().map(|(fault, met)| json!({ "fault": fault, "met": met })).collect();
    Ok(ok(&masked::json(&json!(list))))
}

fn add_faults(shared: &Shared, request: &Request) -> Outcome {
    let is_list = request.body.trim_ascii_start().starts_with(b"[");
    let added: Vec<Fault> = if is_list { body(request)? } else { vec![body(request)?] };
    let mut book = shared.faults();
    for fault in added {
        book.add(fault);
    }
    Ok(done())
}

fn clear_faults(shared: &Shared, _: &Request) -> Outcome {
    shared.faults().clear();
    Ok(done())
}

fn chaos(shared: &Shared, request: &Request) -> Outcome {
    let chaos: Chaos = body(request)?;
    shared.faults().set_chaos(Some(chaos));
    Ok(done())
}

fn world(shared: &Shared, request: &Request) -> Outcome {
    let event: WorldEvent = body(request)?;
    World::new(shared)
        .happen(&event)
        .map(|()| done())
        .map_err(|nothing| Refused::new(StatusCode::NOT_FOUND, &nothing.to_string()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cryptogram {
    value: String,
}

fn redeem(shared: &Shared, request: &Request) -> Outcome {
    let cryptogram: Cryptogram = body(request)?;
    let redeemed = shared.state().redeem(&cryptogram.value);
    match redeemed {
        Ok(redemption) => Ok(ok(&json!(redemption))),
        Err(reason) => Err(Refused::new(StatusCode::CONFLICT, &reason.to_string())),
    }
}

fn webhooks(shared: &Shared, _: &Request) -> Outcome {
    Ok(ok(&json!(Webhooks::new(shared).sent())))
}

fn send_webhook(shared: &Shared, request: &Request) -> Outcome {
    Webhooks::new(shared).send(request.body.clone());
    Ok(done())
}

fn settings(shared: &Shared, _: &Request) -> Outcome {
    Ok(ok(&masked::json(&json!(shared.state().settings))))
}

fn change_settings(shared: &Shared, request: &Request) -> Outcome {
    let change: Value = body::<Map<_, _>>(request)?.into();
    if masked::is_in(&change) {
        return Err(Refused::new(
            StatusCode::BAD_REQUEST,
            "a masked value can't be set: leave it out, or name it in full",
        ));
    }
    let mut state = shared.state();
    let mut merged = json!(state.settings);
    merge(&mut merged, change);
    let settings: Settings = serde_json::from_value(merged)
        .map_err(|error| Refused::new(StatusCode::BAD_REQUEST, &masked::text(&error.to_string())))?;
    state.settings = settings;
    Ok(done())
}

/// Objects member by member, all else as a whole.
fn merge(target: &mut Value, change: Value) {
    match (target, change) {
        (Value::Object(members), Value::Object(changes)) => {
            for (name, change) in changes {
                merge(members.entry(name).or_insert(Value::Null), change);
            }
        }
        (target, change) => *target = change,
    }
}

fn provocations(_: &Shared, _: &Request) -> Outcome {
    Ok(ok(&json!(provoke::table())))
}

fn reset(shared: &Shared, _: &Request) -> Outcome {
    shared.reset();
    Ok(done())
}
