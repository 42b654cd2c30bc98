//! Checks whether the documents and the service still need each correction.

use cmp_simulator::{
    EmptyIncluded, Enrollment, Fault, ForbiddenBody, JsonApiVersion, NoActiveToken, Numbers, Operation,
    Scope, Settings, Times,
};
use serde_json::json;

use super::{
    super::{
        answer::{Answer, Body, Call, Caller},
        contract::Corrections,
        outcome::{Checked, Stop, skip},
        session::{Session, TEST_CARD, as_it_is, attributes, card, create},
        target::Boxed,
    },
    v1,
};

type See = for<'s, 'a> fn(&'s mut Session<'a>) -> Boxed<'s, Checked<Answer>>;

/// The sign that a correction is needed.
enum Sign {
    /// A response that the contract without the correction refuses.
    Answer(See),
    /// The status of a response.
    Status(See, &'static [u16]),
    /// A member of a response that the documents don't have.
    Member(See, &'static str),
    /// The documents alone. They contradict themselves, or can't be read as they stand.
    Documents,
}

pub(crate) struct Probe {
    pub(crate) correction: &'static str,
    set_up: fn(&mut Settings),
    sign: Sign,
}

pub(crate) const PROBES: &[Probe] = &[
    documents("010-relationship-links"),
    documents("011-resource-identifier-lid"),
    documents("012-error-required-members"),
    answer(
        "013-forbidden-shapes",
        |settings| settings.readings.missing_scope = ForbiddenBody::Error,
        |s| Box::pin(forbidden(s)),
    ),
    documents("014-subscription-bin-pattern"),
    documents("015-date-time-format"),
    Probe {
        correction: "016-amount-decimals",
        set_up: as_it_is,
        sign: Sign::Status(|s| Box::pin(amount(s)), &[200]),
    },
    answer(
        "017-jsonapi-version",
        |settings| settings.readings.jsonapi_version = JsonApiVersion::Text,
        |s| Box::pin(stored(s)),
    ),
    Probe {
        correction: "020-network-token-documents",
        set_up: as_it_is,
        sign: Sign::Member(|s| Box::pin(provisioned(s)), "/metadata"),
    },
    answer(
        "021-included-inside-data",
        |settings| {
            settings.readings.empty_included = EmptyIncluded::Null;
        },
        |s| Box::pin(created(s)),
    ),
    answer("022-included-kinds", as_it_is, |s| Box::pin(with_token(s))),
    answer("030-stored-card-attributes", as_it_is, |s| Box::pin(without_card_data(s))),
    answer("031-first8-optional", as_it_is, |s| Box::pin(amex(s))),
    answer(
        "032-digits-as-numbers",
        |settings| settings.readings.numbers = Numbers::Numbers,
        |s| Box::pin(provisioned(s)),
    ),
    answer(
        "033-timestamps-without-zone",
        |settings| settings.readings.times = Times::Naive,
        |s| Box::pin(provisioned(s)),
    ),
    answer("034-failed-token", as_it_is, |s| Box::pin(failed(s))),
    answer("035-members-to-come", |settings| settings.readings.future_values = true, |s| Box::pin(later(s))),
    answer("036-values-to-come", |settings| settings.readings.future_values = true, |s| Box::pin(updated(s))),
    documents("037-token-type-in-meta"),
    answer("040-gateway-answers", as_it_is, |s| Box::pin(gateway(s))),
    answer("041-unsupported-media-type", as_it_is, |s| Box::pin(other_media_type(s))),
    Probe {
        correction: "042-failed-dependency",
        set_up: |settings| {
            settings.readings.no_active_token = NoActiveToken::Unprocessable;
            settings.enrollment = Enrollment::Manual;
        },
        sign: Sign::Status(|s| Box::pin(no_active_token(s)), &[422]),
    },
    answer("050-v1-access-and-gateway", as_it_is, |s| Box::pin(v1::unauthorized(s))),
    answer("051-v1-accepted", v1::accepted, |s| Box::pin(v1::enrolled(s))),
    answer(
        "052-v1-lenient-values",
        |settings| settings.readings.times = Times::Naive,
        |s| Box::pin(v1::enrolled(s)),
    ),
    documents("060-notification-values"),
];

impl Probe {
    /// Describes how the check sees that the correction is needed.
    pub(crate) const fn sign(&self) -> &'static str {
        match self.sign {
            Sign::Answer(_) => "by an answer that the contract without it refuses",
            Sign::Status(..) => "by the status of an answer",
            Sign::Member(..) => "by a member of an answer",
            Sign::Documents => "by the documents alone",
        }
    }
}

const fn documents(correction: &'static str) -> Probe {
    Probe { correction, set_up: as_it_is, sign: Sign::Documents }
}

const fn answer(correction: &'static str, set_up: fn(&mut Settings), see: See) -> Probe {
    Probe { correction, set_up, sign: Sign::Answer(see) }
}

fn probe(name: &str) -> Option<&'static Probe> {
    PROBES.iter().find(|probe| probe.correction == name)
}

pub(super) fn set_up(name: &str) -> fn(&mut Settings) {
    probe(name).map_or(as_it_is, |probe| probe.set_up)
}

pub(super) async fn check(session: &mut Session<'_>, name: &str, corrections: &Corrections) -> Checked {
    if !corrections.applies(name) {
        return Err(Stop::Unneeded("the documents no longer say what it corrects".to_owned()));
    }
    let Some(probe) = probe(name) else { return skip("no check knows how it shows") };
    match &probe.sign {
        Sign::Documents => Ok(()),
        Sign::Answer(see) => {
            let answer = see(session).await?;
            if corrections.without(name).differences(&answer).is_empty() {
                return Err(Stop::Unneeded("the answer fits the documents without it".to_owned()));
            }
            Ok(())
        }
        Sign::Member(see, pointer) => {
            if see(session).await?.at(pointer).is_null() {
                return Err(Stop::Unneeded(format!("the answer has no {pointer}")));
            }
            Ok(())
        }
        Sign::Status(see, statuses) => {
            let answer = see(session).await?;
            if statuses.contains(&answer.status) {
                return Ok(());
            }
            Err(Stop::Unneeded(format!("the service answered {}", answer.status)))
        }
    }
}

async fn forbidden(session: &mut Session<'_>) -> Checked<Answer> {
    session.expect(create(card(TEST_CARD)).by(Caller::Without(Scope::CardsWrite)), 403).await
}

async fn amount(session: &mut Session<'_>) -> Checked<Answer> {
    let id = session.store_with_token().await?;
    let body = attributes(json!({"amount": 19.99, "currency_code": "USD"}));
    session.send(Call::new(Operation::RequestCryptogram, &id).valid(body)).await
}

async fn created(session: &mut Session<'_>) -> Checked<Answer> {
    session.expect(create(card(TEST_CARD)), 201).await
}

async fn stored(session: &mut Session<'_>) -> Checked<Answer> {
    let id = session.store(TEST_CARD).await?;
    session.expect(Call::new(Operation::GetCard, &id), 200).await
}

async fn provisioned(session: &mut Session<'_>) -> Checked<Answer> {
    let id = session.store(TEST_CARD).await?;
    session.expect_one_of(Call::new(Operation::ProvisionNetworkToken, &id), &[200, 201]).await
}

async fn with_token(session: &mut Session<'_>) -> Checked<Answer> {
    let id = session.store_with_token().await?;
    session.expect(Call::new(Operation::GetCard, &id), 200).await
}

async fn without_card_data(session: &mut Session<'_>) -> Checked<Answer> {
    session.expect(create(card(TEST_CARD)).by(Caller::Without(Scope::CardsReadPci)), 201).await
}

async fn amex(session: &mut Session<'_>) -> Checked<Answer> {
    // VGS documents no Amex test card, so no Amex card is sent to VGS.
    session.simulator()?;
    session.expect(create(card("378282246310005")), 201).await
}

async fn failed(session: &mut Session<'_>) -> Checked<Answer> {
    let id = session.store("5100260000009207").await?;
    let answer = session.expect(Call::new(Operation::GetCard, &id), 200).await?;
    if answer.included("network_tokens").is_empty() {
        return skip("the service has not reported the outcome of the test card's enrollment yet");
    }
    Ok(answer)
}

/// The correction provides for members to come. A service that does not send them yet proves nothing.
async fn later(session: &mut Session<'_>) -> Checked<Answer> {
    session.simulator()?;
    stored(session).await
}

/// Like `later`, for values to come.
async fn updated(session: &mut Session<'_>) -> Checked<Answer> {
    session.simulator()?;
    let id = session.store("5100260000069201").await?;
    session.expect(Call::new(Operation::GetCard, &id).query("?include=card_updates"), 200).await
}

async fn gateway(session: &mut Session<'_>) -> Checked<Answer> {
    if let Ok(simulator) = session.simulator() {
        simulator.faults().add(Fault::status(502).on(Operation::CreateCard).times(1));
    }
    session.expect(create(card("5100260000009215")), 502).await
}

async fn other_media_type(session: &mut Session<'_>) -> Checked<Answer> {
    let body = Body::Raw("application/json", card(TEST_CARD).to_string());
    session.expect(Call::new(Operation::CreateCard, "").body(body), 415).await
}

async fn no_active_token(session: &mut Session<'_>) -> Checked<Answer> {
    session.simulator()?;
    let id = session.store(TEST_CARD).await?;
    let call = Call::new(Operation::RequestCryptogram, &id).valid(attributes(json!({})));
    session.expect_one_of(call, &[422, 424]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_correction_has_a_probe_and_every_probe_a_correction() {
        let corrections = Corrections::read(&crate::spec::files::Layout::of_tests()).unwrap();
        let probes: Vec<_> = PROBES.iter().map(|probe| probe.correction).collect();
        assert_eq!(probes, corrections.names().collect::<Vec<_>>());
    }

    #[test]
    fn a_correction_that_the_documents_no_longer_need_is_told() {
        let mut corrections = Corrections::read(&crate::spec::files::Layout::of_tests()).unwrap();
        assert!(corrections.applies("031-first8-optional"));
        corrections
            .mend("/components/schemas/CardResourceAttributes/allOf/2/required", json!(["bin", "last4"]));
        assert!(!corrections.applies("031-first8-optional"));
    }
}
