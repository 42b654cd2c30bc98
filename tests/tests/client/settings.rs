//! Settings of one client, or of one call.

use std::sync::{Arc, Mutex};

use cmp::{Client, Environment, ErrorKind, auth::AccessToken, operation::Operation, retry::RetryPolicy};
use httpmock::{Method, MockServer};

use crate::{
    support::{JSON_API, card_id, client},
    v1,
};

#[tokio::test]
async fn a_header_of_one_call_is_sent_with_that_call_alone() {
    let server = MockServer::start_async().await;
    let deleted = |with: bool| {
        server.mock(|when, then| {
            let when = when.method(Method::DELETE);
            if with {
                when.header("x-request-id", "c0ffee");
            } else {
                when.header_missing("x-request-id");
            }
            then.status(204);
        })
    };
    let (with, without) = (deleted(true), deleted(false));
    let cmp = client(&server.base_url());
    cmp.with_header("X-Request-Id", "c0ffee").unwrap().cards().delete(&card_id()).await.unwrap();
    cmp.cards().delete(&card_id()).await.unwrap();
    assert_eq!((with.calls(), without.calls()), (1, 1));
    // The client of V1 has the same method.
    let v1 = v1::builder(&server.base_url()).merchant("MC1").build().unwrap();
    v1.with_header("X-Request-Id", "c0ffee").unwrap().delete(&v1::alias()).await.unwrap_err();
    v1.delete(&v1::alias()).await.unwrap_err();
    assert_eq!((with.calls(), without.calls()), (2, 2));
}

#[tokio::test]
async fn a_header_of_one_call_comes_beside_the_clients_own() {
    let server = MockServer::start_async().await;
    let got = server.mock(|when, then| {
        when.method(Method::GET).header("calm-merchant", "MC2").header("calm-tenant", "tnt1");
        then.status(200).header("content-type", "application/json").body("{}");
    });
    let v1 = v1::builder(&server.base_url()).tenant("tnt1").merchant("MC1").build().unwrap();
    v1.with_header("Calm-Merchant", "MC2").unwrap().get(&v1::alias()).await.unwrap();
    assert_eq!(got.calls(), 1);
}

#[test]
fn what_the_client_sets_itself_is_refused_for_one_call_too() {
    let cmp = client("http://127.0.0.1:1");
    let v1 = v1::builder("http://127.0.0.1:1").build().unwrap();
    for (name, value) in
        [("Authorization", "Bearer x"), ("accept-encoding", "gzip"), ("x y", "z"), ("x", "a\r\nb: c")]
    {
        for error in [cmp.with_header(name, value).unwrap_err(), v1.with_header(name, value).unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Configuration, "{name}");
            assert!(!error.to_string().contains("b: c"), "{error}");
        }
    }
}

/// A documented test card.
const SECRET: &str = "5100260000019206";

#[tokio::test]
async fn the_status_and_headers_of_every_answer_are_shown() {
    let server = MockServer::start_async().await;
    for (path, status) in [("/cards/CRDecqZp3xRgXU3TFmtcDdzQs", 204), ("/cards/CRDnobody", 503)] {
        server.mock(|when, then| {
            when.method(Method::DELETE).path(path);
            then.status(status)
                .header("content-type", JSON_API)
                .header("x-ratelimit-remaining", "7")
                .header("x-echo", SECRET);
        });
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let shown = Arc::clone(&seen);
    let cmp = client(&server.base_url()).with_retry(RetryPolicy::default().max_attempts(2)).on_answer(
        move |answer| {
            let printed = format!("{answer:?}");
            assert!(!printed.contains(SECRET), "the peer may repeat what was sent");
            assert!(printed.contains(&format!("attempt: {}, status: {}", answer.attempt, answer.status)));
            let left = answer.headers["x-ratelimit-remaining"].to_str().unwrap().to_owned();
            shown.lock().unwrap().push((answer.operation, answer.attempt, answer.status, left));
        },
    );
    assert!(format!("{cmp:?}").contains("OnAnswer"));
    cmp.cards().delete(&card_id()).await.unwrap();
    cmp.cards().delete(&"CRDnobody".parse().unwrap()).await.unwrap_err();
    let expected = [(1, 204), (1, 503), (2, 503)];
    let expected = expected.map(|(attempt, status)| (Operation::DeleteCard, attempt, status, "7".to_owned()));
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test]
async fn the_status_and_headers_of_every_answer_of_v1_are_shown() {
    let server = MockServer::start_async().await;
    for (method, status) in [(Method::GET, 200), (Method::DELETE, 503)] {
        server.mock(|when, then| {
            when.method(method);
            then.status(status)
                .header("content-type", "application/json")
                .header("x-ratelimit-remaining", "7")
                .body("{}");
        });
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let shown = Arc::clone(&seen);
    let v1 = v1::builder(&server.base_url()).build().unwrap();
    let watched = v1.with_retry(RetryPolicy::default().max_attempts(2)).on_answer(move |answer| {
        let left = answer.headers["x-ratelimit-remaining"].to_str().unwrap().to_owned();
        shown.lock().unwrap().push((answer.operation, answer.attempt, answer.status, left));
    });
    watched.get(&v1::alias()).await.unwrap();
    watched.delete(&v1::alias()).await.unwrap_err();
    v1.get(&v1::alias()).await.unwrap();
    let expected = [
        (Operation::GetV1NetworkToken, 1, 200),
        (Operation::DeleteV1NetworkToken, 1, 503),
        (Operation::DeleteV1NetworkToken, 2, 503),
    ];
    let expected = expected.map(|(operation, attempt, status)| (operation, attempt, status, "7".to_owned()));
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn a_policy_has_a_getter_for_each_setting() {
    use std::time::Duration;
    let second = Duration::from_secs(1);
    let policy = RetryPolicy::none()
        .max_attempts(3)
        .backoff(second, 2 * second)
        .backoff_when_throttled(3 * second, 4 * second)
        .longest_retry_after(5 * second)
        .attempt_timeout(6 * second)
        .deadline(7 * second);
    assert_eq!(policy.attempts(), 3);
    assert_eq!(policy.waits(), (second, 2 * second));
    assert_eq!(policy.waits_when_throttled(), (3 * second, 4 * second));
    assert_eq!(policy.retry_after_limit(), 5 * second);
    assert_eq!((policy.time_for_an_attempt(), policy.time_for_the_call()), (6 * second, 7 * second));
}

#[test]
fn a_client_does_not_show_an_address_in_which_a_card_number_may_be() {
    let token = || AccessToken::new("test-token").unwrap();
    let token_url = "http://127.0.0.1:8080/token";
    for hiding in ["https://a.example/4111%0011/1111//1111%001", "https://4111111111111111.example"] {
        let environment = Environment::custom(hiding, token_url).unwrap();
        let cmp = Client::builder(environment).access_token(token()).build().unwrap();
        assert!(!format!("{cmp:?} {:?}", cmp.cards()).contains(".example"), "{cmp:?}");
        let environment = cmp::v1::Environment::custom(hiding, token_url).unwrap();
        let v1 = cmp::v1::Client::builder(environment).access_token(token()).build().unwrap();
        assert!(!format!("{v1:?}").contains(".example"), "{v1:?}");
    }
    let environment = Environment::custom("https://a.example/b", token_url).unwrap();
    let cmp = Client::builder(environment).access_token(token()).build().unwrap();
    assert!(format!("{cmp:?}").contains("https://a.example/b"), "{cmp:?}");
}
