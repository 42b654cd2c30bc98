//! What a 303 of `create_card` means: the card exists already.

use std::time::Instant;

use chrono::{DateTime, Utc};
use cmp_generated::{lenient, types};

use super::{Card, Cards};
use crate::{
    call::Core,
    error::{Delivery, Error, ErrorKind, Result, StopReason},
    operation::Operation,
    value::CardId,
};

/// The card in the response's body, or else the one that its `Location` names, read before `deadline`. `attempts` is how
/// many requests the creation took.
pub(super) async fn existing(
    core: &Core,
    body: &[u8],
    location: Option<&str>,
    attempts: u32,
    deadline: Instant,
    asked_at: DateTime<Utc>,
) -> Result<Card> {
    let in_body = lenient::decode::<types::CardResourceResponse>(body).ok();
    if let Some(card) = in_body.and_then(|document| Card::from_wire(document, asked_at).ok()) {
        return Ok(card);
    }
    let Some(id) = location.and_then(card_id_in) else {
        // A gateway redirects too, for instance to a page to log in at.
        let message = "the service redirected, and names no card that would exist already";
        return Err(unreadable(message, Delivery::OutcomeUnknown, attempts, StopReason::NotTransient));
    };
    Cards::new(&core.until(deadline)).get(&id).await.map_err(|cause| {
        let message = "the card exists already, and reading it failed";
        let stopped = cause.stopped_because().unwrap_or(StopReason::NotTransient);
        unreadable(message, Delivery::Answered, attempts + cause.attempts(), stopped)
            .with_retry_after(cause.retry_after())
            .with_source(cause)
    })
}

fn unreadable(message: &'static str, delivery: Delivery, attempts: u32, stopped: StopReason) -> Error {
    Error::new(ErrorKind::UnexpectedAnswer, delivery, message).with_status(303).finished(
        Operation::CreateCard,
        attempts,
        stopped,
    )
}

/// The id at the end of a `Location`, whatever its origin and base path: behind a proxy, these are the upstream's. Only
/// the id is used; the card is read from where every other is.
fn card_id_in(location: &str) -> Option<CardId> {
    let path = location.split(['?', '#']).next()?.trim_end_matches('/');
    let (before, id) = path.rsplit_once('/')?;
    let (_, collection) = before.rsplit_once('/').unwrap_or(("", before));
    (collection == "cards").then(|| CardId::new(id).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_found_in_every_form_of_a_location() {
        for location in [
            "/cards/CRD1",
            "/cards/CRD1/",
            "/cards/CRD1//",
            "cards/CRD1",
            "./cards/CRD1",
            "/cards/CRD1?include=network_tokens",
            "/cards/CRD1/?a=/b/#c/d",
            "/cards/CRD1#top",
            "/cmp/v2/cards/CRD1",
            "https://upstream.internal:8443/cards/CRD1",
            "//upstream.internal/base/cards/CRD1/",
        ] {
            assert_eq!(card_id_in(location), Some(CardId::new("CRD1").unwrap()), "{location}");
        }
    }

    #[test]
    fn what_names_no_card_gives_no_id() {
        for location in [
            "",
            "/",
            "/cards",
            "/cards/",
            "/cards/..",
            "/cards/.",
            "/cards/%2e%2e",
            "/cards/CRD1/network-tokens",
            "/login?next=/cards/CRD1",
            "/wildcards/CRD1",
            "CRD1",
        ] {
            assert_eq!(card_id_in(location), None, "{location}");
        }
    }
}
