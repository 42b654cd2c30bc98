//! What a 303 of `create_card` means: the card exists already.

use std::time::Instant;

use chrono::{DateTime, Utc};
use cmp_generated::types;
use reqwest::Url;

use super::{Card, Cards};
use crate::{
    call::Core,
    error::{Delivery, Error, ErrorKind, Result},
    operation::Operation,
    value::CardId,
};

/// The card in the answer's body, or else the one that its `Location` names, read before `deadline`.
pub(super) async fn existing(
    core: &Core,
    body: &[u8],
    location: Option<&str>,
    deadline: Instant,
    asked_at: DateTime<Utc>,
) -> Result<Card> {
    let in_body = serde_json::from_slice::<types::CardResourceResponse>(body).ok();
    if let Some(card) = in_body.and_then(|document| Card::from_wire(document, asked_at).ok()) {
        return Ok(card);
    }
    let Some(id) = location.and_then(|location| card_id_in(core, location)) else {
        return Err(unreadable("the card exists already, and the service doesn't say which it is"));
    };
    let found = Cards::new(&core.until(deadline)).get(&id).await;
    found.map_err(|cause| {
        unreadable("the card exists already, and reading it failed")
            .with_retry_after(cause.retry_after())
            .with_source(cause)
    })
}

fn unreadable(message: &'static str) -> Error {
    Error::new(ErrorKind::UnexpectedAnswer, Delivery::Answered, message)
        .with_status(303)
        .for_operation(Operation::CreateCard)
}

/// The id at the end of a `Location` on this service. Any other place is not asked: the token is not for it.
fn card_id_in(core: &Core, location: &str) -> Option<CardId> {
    let base = Url::parse(&format!("{}/", core.base_url)).ok()?;
    let target = base.join(location).ok()?;
    let id = target.path().rsplit_once("/cards/")?.1;
    (target.origin() == base.origin()).then(|| CardId::new(id).ok())?
}
