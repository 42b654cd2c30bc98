//! The control API: the handle over HTTP, for programs in other languages.
//!
//! It is served under `/_simulator` by the program, and in process with
//! [`Builder::control_api`](crate::Builder::control_api). Bodies are plain JSON. The socket is on 127.0.0.1
//! alone. A request whose `Host` is no loopback name, or whose `Origin` is another than the simulator's own, is
//! refused, so that no web page reaches it.
//!
//! | request | what it does |
//! |---|---|
//! | `GET /_simulator` | lists these requests |
//! | `GET /_simulator/requests` | the latest requests, masked: [`ReceivedRequest`](crate::ReceivedRequest) |
//! | `DELETE /_simulator/requests` | forgets them |
//! | `GET /_simulator/counts` | how many requests each operation had, and how many access tokens were minted |
//! | `GET /_simulator/cards` | all stored cards: [`CardView`](crate::CardView) |
//! | `GET /_simulator/cards/{card_id}` | one stored card |
//! | `GET /_simulator/faults` | the faults that are set, and how often each was met |
//! | `POST /_simulator/faults` | adds a [`Fault`](crate::Fault) or a list of them |
//! | `DELETE /_simulator/faults` | removes all faults, and chaos |
//! | `PUT /_simulator/chaos` | turns [`Chaos`](crate::Chaos) on |
//! | `POST /_simulator/world` | lets a [`WorldEvent`](crate::WorldEvent) happen |
//! | `POST /_simulator/cryptograms` | uses a cryptogram: `{"value": "…"}` gives its [`Redemption`](crate::Redemption) |
//! | `GET /_simulator/webhooks` | the notifications that were sent or are to be: [`Notification`](crate::webhooks::Notification) |
//! | `POST /_simulator/webhooks` | sends the request's body as a notification, whatever it is |
//! | `GET /_simulator/settings` | the [`Settings`](crate::Settings), secrets masked |
//! | `PATCH /_simulator/settings` | changes the members that it names, lists as a whole; a masked value is refused |
//! | `GET /_simulator/provoke` | every status of every operation, and how to provoke it |
//! | `POST /_simulator/reset` | forgets everything but the settings |

mod handlers;
pub(crate) mod openapi;
mod origin;

use http::{Method, StatusCode};
use serde_json::json;

use crate::http::{Reply, Request, media_type, path};
use crate::shared::Shared;

const ROOT: &str = "_simulator";

/// The answer to a request that is not for the API; `None` for all that are.
pub(crate) fn answer(shared: &Shared, request: &Request) -> Option<Reply> {
    let segments = path::segments(&request.path)?;
    let segments: Vec<_> = segments.iter().map(AsRef::as_ref).collect();
    if let (["openapi.json"], &Method::GET, Some(document)) =
        (segments.as_slice(), &request.method, &shared.openapi)
    {
        return Some(Reply::text(StatusCode::OK, media_type::JSON, document.clone()));
    }
    let (&ROOT, path) = segments.split_first()? else { return None };
    if !shared.serves_control() {
        return None;
    }
    if let Err(reason) = origin::check(request, &shared.url) {
        return Some(Refused::new(StatusCode::FORBIDDEN, reason).into_reply());
    }
    let end = path.iter().rposition(|segment| !segment.is_empty()).map_or(0, |last| last + 1);
    Some(handlers::handle(shared, request, &path[..end]))
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
