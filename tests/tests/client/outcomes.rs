//! What a failed call says about its outcome: never more than is known.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use cmp::{
    CardChanges, Client, Delivery, Error, ErrorKind, Expiry,
    auth::{AccessToken, AccessTokenError, AccessTokenFuture, AccessTokenProvider},
    clock::ManualClock,
    error::StopReason,
    operation::{Operation, RetryClass},
    retry::{RetryBudget, RetryPolicy},
    v1,
};
use cmp_simulator::{Fault, Operation as Simulated, Simulator};
use proptest::{collection::vec, prelude::*, sample::select};
use workspace_tests::Calls;

use crate::{
    script::{Act, Script, answer, with_header},
    support::{JSON_API, builder, card_id, client, new_card, simulated},
};

const DOCUMENT: &str = r#"{"errors":[{"error_code":"x","summary":"S","detail":"D"}]}"#;
/// The page of a gateway.
const PAGE: &str = "<html>default backend - 404</html>";
const FOUND: &str = r#"{"data":{"id":"CRDecqZp3xRgXU3TFmtcDdzQs","type":"cards"}}"#;

/// Clients of one server, which retry without end if the policy lets them.
struct Clients {
    cmp: Client,
    v1: v1::Client,
}

impl Clients {
    fn of(url: &str, policy: RetryPolicy) -> Self {
        let clock = ManualClock::new();
        let budget = RetryBudget::new(u32::MAX);
        let cmp = builder(url, &clock).retry(policy.clone()).retry_budget(budget.clone()).build().unwrap();
        let v1 = v1::Client::builder(v1::Environment::custom(url, format!("{url}/token")).unwrap());
        let v1 = v1.access_token(AccessToken::new("test-token").unwrap()).clock(clock);
        Self { cmp, v1: v1.retry(policy).retry_budget(budget).build().unwrap() }
    }

    async fn call(&self, operation: Operation) -> Result<(), Error> {
        let (card, alias) = (&card_id(), &v1::PanAlias::new("5573495XKjDP28V7312").unwrap());
        let changes = CardChanges::new().expiry(Expiry::new(11, 2031)?);
        let calls = Calls { cmp: &self.cmp, v1: &self.v1, new_card: new_card(), changes, card, alias };
        calls.call(operation).await.map(drop)
    }
}

async fn call(url: &str, operation: Operation, policy: RetryPolicy) -> Result<(), Error> {
    Clients::of(url, policy).call(operation).await
}

fn deletes(operation: Operation) -> bool {
    operation.method() == "DELETE"
}

#[tokio::test]
async fn only_a_refusal_says_that_nothing_happened() {
    let server = Script::start([Act::Close]).await;
    let clients = Clients::of(&server.url, RetryPolicy::none());
    for status in 400..=599 {
        for &operation in Operation::ALL {
            let body = if status % 2 == 0 { DOCUMENT } else { PAGE };
            server.play([answer(status, "text/html", body)]);
            let error = clients.call(operation).await.unwrap_err();
            let refused = matches!(status, 400..=498 | 503) && status != 408;
            let open = operation.retry_class() != RetryClass::Safe && !refused;
            let expected = if open { Delivery::OutcomeUnknown } else { Delivery::Answered };
            assert_eq!(error.delivery(), expected, "{operation} {status}");
        }
    }
}

#[tokio::test]
async fn a_success_or_redirect_that_the_contract_does_not_have_leaves_the_outcome_open() {
    let server = Script::start([Act::Close]).await;
    let clients = Clients::of(&server.url, RetryPolicy::default());
    for &operation in Operation::ALL.iter().filter(|operation| operation.retry_class() != RetryClass::Safe) {
        let other = if deletes(operation) { 206 } else { 204 };
        for status in [other, 205, 300, 301, 302, 303, 304, 307, 308, 600, 999] {
            server.play([with_header(status, "location: /elsewhere", "")]);
            let error = clients.call(operation).await.unwrap_err();
            assert_eq!(
                (error.status(), error.delivery()),
                (Some(status), Delivery::OutcomeUnknown),
                "{operation} {status}"
            );
            assert_eq!(server.asked().len(), 1, "{operation} {status}");
        }
    }
}

#[tokio::test]
async fn a_deletion_is_done_by_200_with_an_empty_body_or_json() {
    let server = Script::start([Act::Close]).await;
    let clients = Clients::of(&server.url, RetryPolicy::default());
    let deletions =
        [Operation::DeleteCard, Operation::DeleteNetworkToken, Operation::UnsubscribeFromCardUpdates];
    for operation in deletions {
        for body in [
            "",
            "\r\n",
            "null",
            "{}",
            "[]",
            "\"deleted\"",
            FOUND,
            r#"{"data":null}"#,
            "\u{feff}{}",
            "{}\0\0",
            PAGE,
            "OK",
            r#"{"data":"#,
        ] {
            let is_json = ![PAGE, "OK", r#"{"data":"#].contains(&body);
            if is_json {
                server.play([answer(200, JSON_API, body)]);
                clients.call(operation).await.unwrap();
            }
            let others = [201, 202, 203, 206, 299].into_iter().chain((!is_json).then_some(200));
            for status in others {
                server.play([answer(status, JSON_API, body)]);
                let error = clients.call(operation).await.unwrap_err();
                assert_eq!(
                    (error.kind(), error.status(), error.delivery()),
                    (ErrorKind::UnexpectedAnswer, Some(status), Delivery::OutcomeUnknown),
                    "{operation} {status} {body}"
                );
            }
        }
        for body in [DOCUMENT, r#"{"errors":"failed"}"#, r#"{"errors":[{}]}"#] {
            server.play([answer(200, JSON_API, body)]);
            let error = clients.call(operation).await.unwrap_err();
            assert_eq!((error.kind(), error.delivery()), (ErrorKind::Service, Delivery::Answered), "{body}");
        }
    }
}

#[tokio::test]
async fn only_the_services_own_document_settles_a_lost_answer() {
    let own = [
        DOCUMENT,
        r#"{"errors":[{"status":404,"title":"Not found"}],"jsonapi":{"version":"1.0"}}"#,
        r#"{"errors":[{"code":"not-found"}]}"#,
    ];
    let of_others = [
        PAGE,
        "",
        "null",
        "[]",
        "{}",
        "404 page not found",
        r#"{"errors":[]}"#,
        r#"{"errors":[{}]}"#,
        r#"{"errors":["not found"]}"#,
        r#"{"errors":"not found"}"#,
        r#"{"message":"no Route matched with those values"}"#,
        r#"{"detail":"Not Found"}"#,
    ];
    let server = Script::start([Act::Close]).await;
    let clients = Clients::of(&server.url, RetryPolicy::default());
    let bodies = own.map(|body| (body, true)).into_iter().chain(of_others.map(|body| (body, false)));
    for (body, settles) in bodies {
        for operation in [Operation::DeleteCard, Operation::DeleteV1NetworkToken, Operation::UpdateCard] {
            server.play([Act::Close, answer(404, JSON_API, body)]);
            let outcome = clients.call(operation).await;
            assert_eq!(server.asked().len(), 2, "{operation} {body}");
            match outcome {
                Ok(()) => assert!(settles && deletes(operation), "{operation} {body}"),
                Err(error) => {
                    let expected = if settles { Delivery::Answered } else { Delivery::OutcomeUnknown };
                    assert_eq!((error.delivery(), error.attempts()), (expected, 2), "{operation} {body}");
                    assert_eq!(error.is_not_found(), settles, "{operation} {body}");
                    assert!(!(settles && deletes(operation)), "{operation} {body}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_page_that_says_404_is_not_the_absence_of_a_card() {
    let server = Script::start([answer(404, "text/html", PAGE)]).await;
    for operation in [Operation::GetCard, Operation::DeleteCard] {
        let error = call(&server.url, operation, RetryPolicy::default()).await.unwrap_err();
        assert_eq!((error.status(), error.is_not_found()), (Some(404), false), "{operation}");
    }
}

#[tokio::test]
async fn a_repetition_settles_a_lost_answer_only_if_it_says_something_about_it() {
    let server = Script::start([Act::Close]).await;
    let clients = Clients::of(&server.url, RetryPolicy::default());
    for status in 400..=499 {
        for operation in [Operation::UpdateCard, Operation::DeleteCard, Operation::ProvisionNetworkToken] {
            server.play([Act::Close, answer(status, JSON_API, DOCUMENT)]);
            let Err(error) = clients.call(operation).await else {
                assert!(deletes(operation) && status == 404);
                continue;
            };
            let settles = matches!(status, 400 | 404 | 415 | 422 | 424);
            let expected = if settles { Delivery::Answered } else { Delivery::OutcomeUnknown };
            assert_eq!(error.delivery(), expected, "{operation} {status}");
            assert_eq!(server.asked().len(), error.attempts() as usize, "{operation} {status}");
        }
    }
}

#[tokio::test]
async fn what_the_token_endpoint_refuses_says_nothing_about_the_request() {
    let simulator = Simulator::start().await.unwrap();
    for status in [400, 404, 422, 424] {
        let cmp = simulated(&simulator, &ManualClock::new());
        let stored = cmp.cards().create(new_card()).await.unwrap();
        simulator.faults().add(Fault::lost_answer().on(Simulated::DeleteCard).times(1));
        simulator.faults().add(Fault::status(401).on(Simulated::DeleteCard).times(1));
        simulator.faults().add(Fault::status(status).on(Simulated::Token).times(1));
        let error = cmp.cards().delete(stored.id()).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Authentication, Some(status)));
        assert_eq!(error.delivery(), Delivery::OutcomeUnknown, "{status}");
        assert!(!error.is_not_found() && !error.is_invalid_request() && !error.is_without_active_token());
        // A 404 comes from something that is no token endpoint.
        assert_eq!(error.is_unauthorized(), status == 400);
    }
}

#[tokio::test]
async fn a_call_that_reached_the_service_is_never_called_not_sent() {
    for &operation in Operation::ALL {
        let busy = answer(503, "text/html", PAGE);
        let server = Script::then_gone([busy.clone(), busy]).await;
        let error = call(&server.url, operation, RetryPolicy::default()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.delivery()),
            (ErrorKind::Connection, Delivery::Answered),
            "{operation}"
        );
        assert_eq!((error.attempts(), server.asked().len()), (4, 2), "{operation}");
        assert!(error.is_retryable());

        let server = Script::then_gone([Act::Close]).await;
        let error = call(&server.url, operation, RetryPolicy::default()).await.unwrap_err();
        assert_eq!(error.delivery(), Delivery::OutcomeUnknown, "{operation}");
    }
}

/// The first token is refused, and there is no second one.
#[derive(Debug, Default)]
struct OnlyOne(AtomicUsize);

impl AccessTokenProvider for OnlyOne {
    fn fetch(&self) -> AccessTokenFuture<'_> {
        Box::pin(async {
            match self.0.fetch_add(1, Ordering::SeqCst) {
                0 => Ok(AccessToken::new("the-only-one")?),
                _ => Err(AccessTokenError::refused("the account was closed")),
            }
        })
    }
}

#[tokio::test]
async fn a_call_that_was_answered_401_was_sent() {
    let refused = answer(401, JSON_API, DOCUMENT);
    let server = Script::then_gone([refused.clone()]).await;
    let provider = OnlyOne::default();
    let cmp = builder(&server.url, &ManualClock::new()).token_provider(provider).build().unwrap();
    let error = cmp.cards().create(new_card()).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Authentication, Delivery::Answered));
    assert!(error.attempts() >= 1);

    // The replay finds nobody to connect to.
    let server = Script::then_gone([refused]).await;
    let simulator = Simulator::start().await.unwrap();
    let environment = cmp::Environment::custom(&server.url, simulator.token_url()).unwrap();
    let account = cmp::ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    let cmp = Client::builder(environment).service_account(account).clock(ManualClock::new());
    let cmp = cmp.retry(RetryPolicy::none()).build().unwrap();
    let error = cmp.cards().create(new_card()).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connection, Delivery::Answered));
    assert_eq!((error.attempts(), server.asked().len()), (2, 1));
}

#[tokio::test]
async fn a_deadline_of_zero_sends_nothing_and_fetches_no_token() {
    let simulator = Simulator::start().await.unwrap();
    let environment = cmp::Environment::custom(simulator.url(), simulator.token_url()).unwrap();
    let account = cmp::ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    // With the machine's clock, whose timers are coarse.
    let cmp = Client::builder(environment).service_account(account);
    let cmp = cmp.retry(RetryPolicy::default().deadline(Duration::ZERO)).build().unwrap();
    for _ in 0..100 {
        let errors = [
            cmp.cards().create(new_card()).await.unwrap_err(),
            cmp.cards().get(&card_id()).await.unwrap_err(),
            cmp.warm_up().await.unwrap_err(),
            cmp.network_tokens().wait_for(&card_id()).deadline(Duration::ZERO).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!((error.kind(), error.delivery()), (ErrorKind::Timeout, Delivery::NotSent));
        }
    }
    assert!(simulator.requests().is_empty(), "{:?}", simulator.requests());
}

#[tokio::test]
async fn a_duplicate_that_can_not_be_read_counts_the_requests_of_its_reading() {
    let moved = with_header(303, "location: /cards/CRDecqZp3xRgXU3TFmtcDdzQs/", "");
    let busy = answer(503, "text/html", PAGE);
    for (reads, stopped, attempts) in [
        (vec![answer(404, JSON_API, DOCUMENT)], StopReason::NotTransient, 2),
        (vec![busy.clone()], StopReason::AttemptsExhausted, 5),
        (vec![busy, answer(500, JSON_API, DOCUMENT)], StopReason::NotTransient, 3),
    ] {
        let acts: Vec<_> = [moved.clone()].into_iter().chain(reads).collect();
        let server = Script::start(acts).await;
        let error = call(&server.url, Operation::CreateCard, RetryPolicy::default()).await.unwrap_err();
        assert_eq!((error.status(), error.delivery()), (Some(303), Delivery::Answered));
        assert_eq!((error.attempts(), server.asked().len()), (attempts, attempts as usize));
        assert_eq!(error.stopped_because(), Some(stopped));
    }
    let server = Script::start([moved, answer(200, JSON_API, FOUND)]).await;
    call(&server.url, Operation::CreateCard, RetryPolicy::default()).await.unwrap();
    assert_eq!(server.asked()[1], "GET /cards/CRDecqZp3xRgXU3TFmtcDdzQs HTTP/1.1");
}

#[tokio::test]
async fn a_call_of_several_requests_is_judged_over_all_of_them() {
    let without = answer(424, JSON_API, DOCUMENT);
    let server = Script::then_gone([without.clone()]).await;
    let cmp = builder(&server.url, &ManualClock::new()).build().unwrap();
    let error = cmp.payments().customer_initiated(&card_id()).or_pan().await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connection, Delivery::Answered));
    assert_eq!((error.attempts(), server.asked().len()), (5, 1));

    // The card has no token yet, and then the service is gone.
    let server = Script::then_gone([answer(200, JSON_API, FOUND), answer(200, JSON_API, FOUND)]).await;
    let cmp = builder(&server.url, &ManualClock::new()).build().unwrap();
    let error = cmp.network_tokens().wait_for(&card_id()).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connection, Delivery::Answered));
    assert!(error.attempts() as usize >= server.asked().len());

    let server = Script::then_gone([with_header(303, "location: /cards/CRD1", "")]).await;
    let error = call(&server.url, Operation::CreateCard, RetryPolicy::default()).await.unwrap_err();
    assert_eq!((error.status(), error.delivery()), (Some(303), Delivery::Answered));
}

/// An error and its sources, as `anyhow` prints them with `{:#}`.
fn chain(error: &Error) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        texts.push(cause.to_string());
        source = cause.source();
    }
    texts
}

#[tokio::test]
async fn an_error_says_each_thing_once() {
    let mut errors = Vec::new();
    for status in [400, 401, 403, 404, 424, 429, 500, 503] {
        let server = Script::start([answer(status, JSON_API, DOCUMENT)]).await;
        for operation in [Operation::CreateCard, Operation::GetCard, Operation::RequestCryptogram] {
            errors.push(call(&server.url, operation, RetryPolicy::none()).await.unwrap_err());
        }
        // The token endpoint.
        let environment =
            cmp::Environment::custom("http://127.0.0.1:9", format!("{}/token", server.url)).unwrap();
        let cmp = Client::builder(environment).service_account(cmp::ServiceAccount::new("id", "not-real"));
        let cmp = cmp.retry(RetryPolicy::none()).clock(ManualClock::new()).build().unwrap();
        let error = cmp.warm_up().await.unwrap_err();
        assert_eq!(error.to_string(), format!("no access token: the token endpoint answered {status}"));
        errors.push(error);
    }
    for act in [
        Act::Close,
        answer(200, JSON_API, "<html>"),
        answer(204, JSON_API, ""),
        with_header(303, "location: /cards/CRDecqZp3xRgXU3TFmtcDdzQs", ""),
        answer(200, JSON_API, r#"{"data":{"id":"CRDecqZp3xRgXU3TFmtcDdzQs","type":"cards"},"included":[]}"#),
    ] {
        let server = Script::start([act]).await;
        for operation in [Operation::CreateCard, Operation::GetCard] {
            errors.extend(call(&server.url, operation, RetryPolicy::none()).await.err());
        }
        let cmp = builder(&server.url, &ManualClock::new()).retry(RetryPolicy::none()).build().unwrap();
        let payment = cmp.payments().merchant_initiated(&card_id(), "123456789012345".parse().unwrap());
        errors.extend(payment.await.err());
        errors.extend(cmp.network_tokens().wait_for(&card_id()).deadline(Duration::ZERO).await.err());
    }
    errors.push(call("http://127.0.0.1:1", Operation::GetCard, RetryPolicy::none()).await.unwrap_err());
    errors.push(Error::from(cmp::Pan::new("12").unwrap_err()));
    errors.push(Error::from(cmp::error::NoNetworkToken::None));
    let unset = cmp::Environment::from_env().err().into_iter().chain(cmp::ServiceAccount::from_env().err());
    errors.extend(unset);
    for error in errors {
        let texts = chain(&error);
        for (at, text) in texts.iter().enumerate() {
            assert!(texts[..at].iter().all(|before| !before.contains(text.as_str())), "{texts:#?}");
            for status in ["303", "400", "401", "403", "404", "424", "429", "500", "503"] {
                assert!(text.matches(status).count() <= 1, "{text}");
            }
        }
    }
}

/// An act, and whether it leaves open what happened, or settles what happened before.
#[derive(Debug, Clone)]
struct Step {
    act: Act,
    open: bool,
    settles: bool,
}

fn steps() -> impl Strategy<Value = Step> {
    let statuses =
        [400, 401, 403, 404, 408, 421, 424, 425, 429, 431, 500, 501, 502, 503, 504, 505, 520, 302, 204];
    let headers = [
        "x: y",
        "retry-after: 0",
        "retry-after: 3",
        "retry-after: 40",
        "retry-after: Fri, 17 Jan 2025 11:00:00 GMT",
    ];
    let answered = (select(statuses.to_vec()), select(headers.to_vec()), any::<bool>()).prop_map(
        |(status, header, own): (u16, &str, bool)| {
            let body = if status == 204 {
                ""
            } else if own {
                DOCUMENT
            } else {
                PAGE
            };
            Step {
                act: with_header(status, header, body),
                open: !matches!(status, 400..=407 | 409..=498 | 503),
                settles: own && matches!(status, 400 | 404 | 415 | 422 | 424),
            }
        },
    );
    let closed = Just(Step { act: Act::Close, open: true, settles: false });
    prop_oneof![4 => answered, 1 => closed]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Whatever the service answers: each request is counted, an effect that may have happened is not repeated where
    /// that may do harm, the waits stay within the deadline, and the error says what the server knows.
    #[test]
    fn an_error_agrees_with_what_the_server_saw(
        script in vec(steps(), 1..8),
        operation in select(vec![Operation::CreateCard, Operation::UpdateCard, Operation::DeleteCard]),
        deadline in 1_u64..90,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Script::start(script.iter().map(|step| step.act.clone())).await;
            let clock = ManualClock::new();
            let policy = RetryPolicy::default().max_attempts(6).deadline(Duration::from_secs(deadline));
            let cmp = builder(&server.url, &clock).retry(policy).build().unwrap();
            let outcome = match operation {
                Operation::CreateCard => cmp.cards().create(new_card()).await.map(drop),
                Operation::DeleteCard => cmp.cards().delete(&card_id()).await,
                _ => {
                    let changes = CardChanges::new().expiry(Expiry::new(1, 2031).unwrap());
                    cmp.cards().update(&card_id(), changes).await.map(drop)
                }
            };
            prop_assert!(clock.slept().iter().sum::<Duration>() < Duration::from_secs(deadline));
            let asked = server.asked().len();
            let last = script.len() - 1;
            let seen: Vec<_> = (0..asked).map(|at| &script[at.min(last)]).collect();
            let (answer, before) = seen.split_last().unwrap();
            let in_doubt = before.iter().any(|step| step.open);
            prop_assert!(!(in_doubt && operation.retry_class() == RetryClass::Unsafe), "repeated in doubt");
            let Err(error) = outcome else {
                // 204 is a deletion's success, and so is a 404 after a lost one.
                prop_assert_eq!(operation, Operation::DeleteCard);
                return Ok(());
            };
            prop_assert_eq!(error.attempts() as usize, asked);
            let unknown = answer.open || (in_doubt && !answer.settles);
            let expected = if unknown { Delivery::OutcomeUnknown } else { Delivery::Answered };
            prop_assert_eq!(error.delivery(), expected, "{}", error);
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_raw_call_that_fails_by_itself_after_its_request_was_sent() {
    use cmp_generated::{ByteStream, Error as Raw, ResponseValue, types::CardResourceResponse};

    type Outcome = Result<ResponseValue<CardResourceResponse>, Raw<ByteStream>>;
    let body = cmp_simulator::provoke::valid_body(Simulated::CreateCard).unwrap();
    let body = &serde_json::from_value(body).unwrap();
    let failures: [fn() -> Raw<ByteStream>; 2] =
        [|| Raw::Custom("of its own".into()), || Raw::InvalidRequest("of its own".into())];
    for failure in failures {
        for (lost, status) in [(false, Some(201)), (true, None)] {
            let simulator = Simulator::start().await.unwrap();
            let cmp = simulated(&simulator, &ManualClock::new());
            if lost {
                simulator.faults().add(Fault::lost_answer().on(Simulated::CreateCard));
            }
            let send = |client: cmp_generated::Client| async move {
                drop(client.create_card(body).await);
                Outcome::Err(failure())
            };
            let error = cmp.raw().call(Operation::CreateCard, send).await.unwrap_err();
            assert_eq!(simulator.cards().len(), 1);
            assert_eq!((error.kind(), error.status()), (ErrorKind::UnexpectedAnswer, status), "{error}");
            assert_eq!((error.delivery(), error.attempts()), (Delivery::OutcomeUnknown, 1), "{error}");
            // Without a request it is the caller's own mistake.
            let send = |_| async move { Outcome::Err(failure()) };
            let error = cmp.raw().call(Operation::CreateCard, send).await.unwrap_err();
            assert_eq!((error.kind(), error.delivery()), (ErrorKind::InvalidInput, Delivery::NotSent));
        }
    }
}

#[tokio::test]
async fn a_raw_call_that_tries_twice_by_itself_is_not_unsent() {
    use cmp_generated::{ByteStream, Error as Raw, ResponseValue, types::CardResourceResponse};

    let server = Script::then_gone([Act::Close]).await;
    let cmp = client(&server.url);
    let send = |client: cmp_generated::Client| async move {
        drop(client.get_card("CRDecqZp3xRgXU3TFmtcDdzQs", None).await);
        // The server is gone by now.
        let again: Result<ResponseValue<CardResourceResponse>, Raw<ByteStream>> =
            client.get_card("CRDecqZp3xRgXU3TFmtcDdzQs", None).await;
        again
    };
    let error = cmp.with_retry(RetryPolicy::none()).raw().call(Operation::GetCard, send).await.unwrap_err();
    assert_eq!((error.delivery(), server.asked().len()), (Delivery::OutcomeUnknown, 1), "{error}");
}
