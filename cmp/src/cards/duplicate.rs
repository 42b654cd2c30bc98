//! What a 303 of `create_card` means: the card exists already.

use cmp_generated::{
    ByteStream, Error as Raw, ResponseValue, lenient, scalar::Text, types::CardResourceResponse,
};
use reqwest::{StatusCode, header::LOCATION};
use serde::{Deserialize, Deserializer};

use super::{
    lookup::{self, Purpose},
    model::Card,
};
use crate::{
    call::{Body, Call, Head, Sent, with_body},
    error::{Delivery, Error, ErrorKind, Result, StopReason},
    operation::Operation,
    value::CardId,
};

/// What `create_card` answers with: the contract has a 303 for it, and the generator has no place for one.
pub(super) enum Response {
    Created(CardResourceResponse),
    /// 303, with the card in its body, or a `Location` that names it.
    SeeOther {
        document: Option<CardResourceResponse>,
        location: Option<String>,
    },
}

impl<'de> Deserialize<'de> for Response {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        CardResourceResponse::deserialize(deserializer).map(Self::Created)
    }
}

impl Body for Response {
    fn trace_id(&self) -> Option<&Text> {
        match self {
            Self::Created(document) => document.trace_id(),
            Self::SeeOther { document, .. } => document.as_ref()?.trace_id(),
        }
    }
}

/// Makes a response of the 303 that the generated operation takes for an error.
pub(super) async fn or_redirect(
    answer: std::result::Result<ResponseValue<CardResourceResponse>, Raw<ByteStream>>,
) -> Sent<Response> {
    match answer {
        Ok(created) => Ok(with_body(created, Response::Created)),
        Err(Raw::UnexpectedResponse(answer)) if answer.status() == StatusCode::SEE_OTHER => {
            let (status, headers) = (answer.status(), answer.headers().clone());
            let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
            let document = answer.bytes().await.ok().and_then(|body| lenient::decode(&body).ok());
            Ok(ResponseValue::new(Response::SeeOther { document, location }, status, headers))
        }
        Err(error) => Err(error),
    }
}

/// What a response to `create_card` says.
pub(super) enum Created {
    Card(Card),
    Duplicate(Card),
    /// A duplicate that has to be read.
    Elsewhere(CardId),
}

impl Created {
    pub(super) fn read(head: Head, response: Response) -> Result<Self> {
        let (document, location) = match response {
            Response::Created(document) => {
                return Card::from_wire(document, head.asked_at).map(|card| Self::Card(*card));
            }
            Response::SeeOther { document, location } => (document, location),
        };
        if let Some(card) = document.and_then(|document| Card::from_wire(document, head.asked_at).ok()) {
            return Ok(Self::Duplicate(*card));
        }
        // A gateway redirects too, for instance to a page to log in at.
        let message = "the service redirected, and names no card that would exist already";
        let unknown = || Error::new(ErrorKind::UnexpectedAnswer, Delivery::OutcomeUnknown, message);
        location.as_deref().and_then(card_id_in).map(Self::Elsewhere).ok_or_else(unknown)
    }
}

/// Reads the card that a 303 names.
pub(super) async fn existing(call: &mut Call<'_>, id: &CardId) -> Result<Card> {
    let card = lookup::read(call, id, Purpose::Card).await;
    card.map(|card| *card).map_err(|cause| {
        let message = "the card exists already, and reading it failed";
        let stopped = cause.stopped_because().unwrap_or(StopReason::NotTransient);
        Error::new(ErrorKind::UnexpectedAnswer, Delivery::Answered, message)
            .with_status(303)
            .finished(Operation::CreateCard, cause.attempts(), stopped)
            .with_retry_after(cause.retry_after())
            .with_source(cause)
    })
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
