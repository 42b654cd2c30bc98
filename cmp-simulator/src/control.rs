//! The control API: the handle over HTTP, for programs in other languages.
//!
//! The program serves it under `/_simulator`. In process,
//! [`Builder::control_api`](crate::Builder::control_api) turns it on. Bodies are plain JSON. The
//! socket is on 127.0.0.1 only. A request is refused if its `Host` is not a loopback name, or if its
//! `Origin` is not the simulator's. So no web page reaches the API.
//!
//! | request | what it does |
//! |---|---|
//! | `GET /_simulator` | lists these requests |
//! | `GET /_simulator/requests` | the latest requests, masked: [`ReceivedRequest`](crate::ReceivedRequest) |
//! | `DELETE /_simulator/requests` | clears them |
//! | `GET /_simulator/counts` | the requests to each operation, and the access tokens issued |
//! | `GET /_simulator/cards` | all stored cards: [`CardView`](crate::CardView) |
//! | `GET /_simulator/cards/{card_id}` | one stored card |
//! | `GET /_simulator/faults` | the faults, and how many requests each met |
//! | `POST /_simulator/faults` | adds a [`Fault`] or a list of them |
//! | `DELETE /_simulator/faults` | removes all faults, and chaos |
//! | `PUT /_simulator/chaos` | turns [`Chaos`] on |
//! | `POST /_simulator/world` | lets a [`WorldEvent`] happen |
//! | `POST /_simulator/cryptograms` | uses the cryptogram `{"value": "…"}`, and returns its [`Redemption`](crate::Redemption) |
//! | `GET /_simulator/webhooks` | all notifications: [`Notification`](crate::webhooks::Notification) |
//! | `POST /_simulator/webhooks` | sends any request body as a notification |
//! | `GET /_simulator/settings` | the [`Settings`], secrets masked |
//! | `PATCH /_simulator/settings` | changes the named members, lists as a whole; `null` restores the default; refuses a masked value |
//! | `GET /_simulator/provoke` | every status of every operation, and how to provoke it |
//! | `POST /_simulator/reset` | clears everything but the settings |

use http::{HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::faults::{Chaos, Fault};
use crate::http::{JSON, Reply, Request, path_segments};
use crate::instance::Instance;
use crate::masked;
use crate::operation::Operation;
use crate::provoke;
use crate::settings::Settings;
use crate::webhooks::Webhooks;
use crate::world::{World, WorldEvent};

const ROOT: &str = "_simulator";

type Outcome = Result<Reply, Refused>;
type Handler = fn(&Instance, &Request) -> Outcome;

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

/// Answers a request to the control API or for the OpenAPI document. Returns `None` for any other
/// request.
pub(crate) fn answer(instance: &Instance, request: &Request) -> Option<Reply> {
    let segments = path_segments(&request.path)?;
    let segments: Vec<_> = segments.iter().map(AsRef::as_ref).collect();
    if let (["openapi.json"], &Method::GET, Some(document)) =
        (segments.as_slice(), &request.method, &instance.openapi)
    {
        return Some(Reply::text(StatusCode::OK, JSON, document.clone()));
    }
    let (&ROOT, path) = segments.split_first()? else { return None };
    if !instance.serves_control() {
        return None;
    }
    if let Err(reason) = check_origin(request, &instance.url) {
        return Some(Refused::new(StatusCode::FORBIDDEN, reason).into_reply());
    }
    let end = path.iter().rposition(|segment| !segment.is_empty()).map_or(0, |last| last + 1);
    Some(handle(instance, request, &path[..end]))
}

/// Why a control request is refused.
struct Refused {
    status: StatusCode,
    error: String,
}

impl Refused {
    fn new(status: StatusCode, error: &str) -> Self {
        Self { status, error: error.to_owned() }
    }

    fn into_reply(self) -> Reply {
        Reply::json(self.status, &json!({ "error": self.error }))
    }
}

/// Refuses a request that a web page may have sent: to a name of its own that leads here, or from
/// its own origin.
///
/// Programs send no `Origin`. Browsers send it with every request that can change something. `own`
/// is the simulator's URL.
fn check_origin(request: &Request, own: &str) -> Result<(), &'static str> {
    let mut hosts = request.headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_loopback = ["127.0.0.1", "localhost"].iter().any(|known| name.eq_ignore_ascii_case(known));
    if !is_loopback || hosts.next().is_some() {
        return Err("the control API is for loopback only");
    }
    let by_name = own.replace("127.0.0.1", "localhost");
    let is_own = |origin: &HeaderValue| origin == own || *origin == by_name;
    if request.headers.get_all(header::ORIGIN).iter().all(is_own) {
        Ok(())
    } else {
        Err("the control API is not for web pages, and the request has an Origin header of one")
    }
}

fn handle(instance: &Instance, request: &Request, path: &[&str]) -> Reply {
    let template = match path {
        [] => String::new(),
        ["cards", _] => "/cards/{card_id}".to_owned(),
        other => format!("/{}", other.join("/")),
    };
    let here = || ROUTES.iter().filter(|(_, route, _)| *route == template);
    if let Some((_, _, handler)) = here().find(|(method, ..)| *method == request.method) {
        return handler(instance, request).unwrap_or_else(Refused::into_reply);
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

/// Masks serde's message, which may repeat what it read.
fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Refused> {
    serde_json::from_slice(&request.body)
        .map_err(|error| Refused::new(StatusCode::BAD_REQUEST, &masked::text(&error.to_string())))
}

fn index(_: &Instance, _: &Request) -> Outcome {
    let routes: Vec<_> = ROUTES.iter().map(|(method, path, _)| format!("{method} /{ROOT}{path}")).collect();
    Ok(ok(&json!({ "requests": routes })))
}

fn requests(instance: &Instance, _: &Request) -> Outcome {
    let latest = instance.log().latest();
    Ok(ok(&json!(latest)))
}

fn forget_requests(instance: &Instance, _: &Request) -> Outcome {
    instance.log().clear();
    Ok(done())
}

fn counts(instance: &Instance, _: &Request) -> Outcome {
    let log = instance.log();
    let operations: Map<_, _> = Operation::ALL
        .into_iter()
        .map(|operation| (operation.name().to_owned(), log.count(operation).into()))
        .collect();
    drop(log);
    Ok(ok(&json!({ "operations": operations, "tokens_minted": instance.state().access.minted() })))
}

fn cards(instance: &Instance, _: &Request) -> Outcome {
    let views = instance.state().views();
    Ok(ok(&json!(views)))
}

fn card(instance: &Instance, request: &Request) -> Outcome {
    let segments = path_segments(&request.path).unwrap_or_default();
    let id = segments.get(2).map(AsRef::as_ref).unwrap_or_default();
    let view = instance.state().card(id).map(|card| card.view());
    view.map(|view| ok(&json!(view)))
        .ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, "no card has this id"))
}

fn faults(instance: &Instance, _: &Request) -> Outcome {
    let book = instance.faults();
    let list: Vec<_> = book.list().map(|(fault, met)| json!({ "fault": fault, "met": met })).collect();
    Ok(ok(&masked::json(&json!(list))))
}

fn add_faults(instance: &Instance, request: &Request) -> Outcome {
    let is_list = request.body.trim_ascii_start().starts_with(b"[");
    let added: Vec<Fault> = if is_list { body(request)? } else { vec![body(request)?] };
    let mut book = instance.faults();
    for fault in added {
        book.add(fault);
    }
    Ok(done())
}

fn clear_faults(instance: &Instance, _: &Request) -> Outcome {
    instance.faults().clear();
    Ok(done())
}

fn chaos(instance: &Instance, request: &Request) -> Outcome {
    let chaos: Chaos = body(request)?;
    instance.faults().set_chaos(Some(chaos));
    Ok(done())
}

fn world(instance: &Instance, request: &Request) -> Outcome {
    let event: WorldEvent = body(request)?;
    World::new(instance)
        .happen(&event)
        .map(|()| done())
        .map_err(|nothing| Refused::new(StatusCode::NOT_FOUND, &nothing.to_string()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cryptogram {
    value: String,
}

fn redeem(instance: &Instance, request: &Request) -> Outcome {
    let cryptogram: Cryptogram = body(request)?;
    let redeemed = instance.state().redeem(&cryptogram.value);
    match redeemed {
        Ok(redemption) => Ok(ok(&json!(redemption))),
        Err(reason) => Err(Refused::new(StatusCode::CONFLICT, &reason.to_string())),
    }
}

fn webhooks(instance: &Instance, _: &Request) -> Outcome {
    Ok(ok(&json!(Webhooks::new(instance).sent())))
}

fn send_webhook(instance: &Instance, request: &Request) -> Outcome {
    Webhooks::new(instance).send(request.body.clone());
    Ok(done())
}

fn settings(instance: &Instance, _: &Request) -> Outcome {
    Ok(ok(&masked::json(&json!(instance.state().settings))))
}

fn change_settings(instance: &Instance, request: &Request) -> Outcome {
    let change: Value = body::<Map<_, _>>(request)?.into();
    if masked::is_in(&change) {
        return Err(Refused::new(
            StatusCode::BAD_REQUEST,
            "a masked value cannot be set: leave it out, or write it in full",
        ));
    }
    let mut state = instance.state();
    let mut merged = json!(state.settings);
    merge(&mut merged, change);
    let refused = |why: &str| Refused::new(StatusCode::BAD_REQUEST, why);
    let settings: Settings =
        serde_json::from_value(merged).map_err(|error| refused(&masked::text(&error.to_string())))?;
    settings.check().map_err(refused)?;
    if let Some(name) = settings.differs_for_good(&state.settings) {
        return Err(refused(&format!("{name} is read only when the simulator starts")));
    }
    state.settings = settings;
    Ok(done())
}

/// The members whose value is one choice, with or without a value of its own: `"held"`, `{"after_gets": 2}`.
const CHOICES: [&str; 2] = ["token_arrival", "signing"];

/// Merges objects member by member, and replaces everything else as a whole. `null` removes a member.
fn merge(target: &mut Value, change: Value) {
    match (target, change) {
        (Value::Object(members), Value::Object(changes)) => {
            for (name, change) in changes {
                if change.is_null() {
                    members.remove(&name);
                } else if CHOICES.contains(&name.as_str()) {
                    members.insert(name, change);
                } else {
                    merge(members.entry(name).or_insert(Value::Null), change);
                }
            }
        }
        (target, change) => *target = change,
    }
}

fn provocations(_: &Instance, _: &Request) -> Outcome {
    Ok(ok(&json!(provoke::table())))
}

fn reset(instance: &Instance, _: &Request) -> Outcome {
    instance.reset();
    Ok(done())
}
