//! HTTP/2 servers that state that they did not process a request: only the retry policy sends it again.

use cmp::{Delivery, ErrorKind, ServiceAccount, clock::ManualClock, error::StopReason, retry::RetryPolicy};

use crate::support::{Asked, OK_CARD, Reply, card_id, http2, new_card};

const NO_ERROR: u32 = 0;
const ENHANCE_YOUR_CALM: u32 = 11;
const REFUSED_STREAM: u32 = 7;

/// The ways to say so, each after the whole request was read.
const WAYS: [fn(&Asked) -> Reply; 5] = [
    |asked| Reply::default().reset(asked.stream, REFUSED_STREAM),
    |_| Reply::default().go_away(0, NO_ERROR, "").closing(),
    |_| Reply::default().go_away(0, NO_ERROR, ""),
    |_| Reply::default().go_away(0, NO_ERROR, "be gone").closing(),
    |_| Reply::default().go_away(0, ENHANCE_YOUR_CALM, "").closing(),
];

#[tokio::test]
async fn without_retries_one_request_is_sent() {
    for (number, way) in WAYS.into_iter().enumerate() {
        let server = http2(way).await;
        let cmp = server.client(&ManualClock::new()).retry(RetryPolicy::none()).build().unwrap();
        let errors = [
            cmp.cards().create(new_card()).await.unwrap_err(),
            cmp.cards().get(&card_id()).await.unwrap_err(),
        ];
        for (before, error) in errors.iter().enumerate() {
            assert_eq!(
                (error.attempts(), error.kind()),
                (1, ErrorKind::Connection),
                "{number} {before}: {error}"
            );
            assert_eq!(error.delivery(), Delivery::Answered, "{number}: {error}");
            assert!(error.is_retryable(), "{number}: {error}");
        }
        assert_eq!(server.count(), 2, "{number}");
    }
}

#[tokio::test]
async fn the_policy_repeats_safe_and_unsafe_requests_and_counts_them() {
    for (number, way) in WAYS.into_iter().enumerate() {
        let server = http2(way).await;
        let cmp = server.client(&ManualClock::new()).build().unwrap();
        let error = cmp.cards().create(new_card()).await.unwrap_err();
        assert_eq!((error.attempts(), server.count()), (4, 4), "{number}: {error}");
        assert_eq!(error.stopped_because(), Some(StopReason::AttemptsExhausted));
        let error = cmp.cards().get(&card_id()).await.unwrap_err();
        assert_eq!((error.attempts(), server.count()), (4, 8), "{number}: {error}");
    }
}

#[tokio::test]
async fn a_card_is_stored_after_the_server_went_away() {
    for (number, way) in WAYS.into_iter().enumerate() {
        let server = http2(move |asked| match (asked.connection, asked.request) {
            (1, 1) => way(asked),
            _ => Reply::default().head(asked.stream, "201", false).frame(
                0,
                1,
                asked.stream,
                OK_CARD.as_bytes(),
            ),
        })
        .await;
        let cmp = server.client(&ManualClock::new()).build().unwrap();
        cmp.cards().create(new_card()).await.unwrap_or_else(|error| panic!("{number}: {error}"));
        assert_eq!(server.count(), 2, "{number}");
    }
}

#[tokio::test]
async fn a_request_at_or_below_the_last_stream_may_have_been_processed() {
    let server = http2(|asked| Reply::default().go_away(asked.stream, NO_ERROR, "").closing()).await;
    let cmp = server.client(&ManualClock::new()).build().unwrap();
    let error = cmp.cards().create(new_card()).await.unwrap_err();
    assert_eq!(
        (error.delivery(), error.attempts(), server.count()),
        (Delivery::OutcomeUnknown, 1, 1),
        "{error}"
    );
}

#[tokio::test]
async fn another_reset_leaves_the_outcome_open() {
    for code in [0, 1, 2, 5, 8, ENHANCE_YOUR_CALM, 13, 0xdead_beef] {
        let server = http2(move |asked| Reply::default().reset(asked.stream, code)).await;
        let cmp = server.client(&ManualClock::new()).build().unwrap();
        let error = cmp.cards().create(new_card()).await.unwrap_err();
        assert_eq!((error.delivery(), server.count()), (Delivery::OutcomeUnknown, 1), "{code}: {error}");
    }
}

#[tokio::test]
async fn a_refusal_after_the_head_of_an_answer_contradicts_itself() {
    let server =
        http2(|asked| Reply::default().head(asked.stream, "201", false).reset(asked.stream, REFUSED_STREAM))
            .await;
    let cmp = server.client(&ManualClock::new()).build().unwrap();
    let error = cmp.cards().create(new_card()).await.unwrap_err();
    assert_eq!((error.delivery(), server.count()), (Delivery::OutcomeUnknown, 1), "{error}");
    assert_eq!(error.status(), Some(201));
}

#[tokio::test]
async fn the_token_endpoint_gets_one_request_a_fetch() {
    for way in WAYS {
        let server = http2(way).await;
        let environment =
            cmp::Environment::custom("http://127.0.0.1:1", format!("{}/token", server.url)).unwrap();
        let cmp = cmp::Client::builder(environment)
            .service_account(ServiceAccount::new("AC-1", "secret-canary"))
            .token_root_certificate(server.certificate.as_str())
            .clock(ManualClock::new())
            .build()
            .unwrap();
        let error = cmp.warm_up().await.unwrap_err();
        assert_eq!((error.kind(), server.count()), (ErrorKind::Authentication, 1), "{error}");
        assert!(!error.is_unauthorized());
    }
}

/// The ways to end a stream without its last frame, as if it were complete.
const CUTS: [fn(Reply, &Asked) -> Reply; 2] = [
    |reply, asked| reply.reset(asked.stream, NO_ERROR),
    |reply, asked| reply.go_away(asked.stream, NO_ERROR, "").closing(),
];

#[tokio::test]
async fn a_body_that_is_cut_without_an_error_is_not_complete() {
    for cut in CUTS {
        // Nobody knows whether the second is complete: there is no length.
        for body in [&OK_CARD[..20], OK_CARD] {
            let server = http2(move |asked| {
                let reply = Reply::default().head(asked.stream, "201", false);
                cut(reply.frame(0, 0, asked.stream, body.as_bytes()), asked)
            })
            .await;
            let cmp = server.client(&ManualClock::new()).build().unwrap();
            let error = cmp.cards().create(new_card()).await.unwrap_err();
            assert_eq!((error.kind(), error.status()), (ErrorKind::Connection, Some(201)), "{error}");
            assert_eq!((error.delivery(), server.count()), (Delivery::OutcomeUnknown, 1), "{error}");
        }
    }
}

#[tokio::test]
async fn an_error_document_that_is_cut_is_not_read() {
    const DOCUMENT: &str = r#"{"errors": [{"code": "not-found"}]}"#;
    for cut in CUTS {
        let server = http2(move |asked| {
            let reply = Reply::default().head(asked.stream, "404", false);
            cut(reply.frame(0, 0, asked.stream, DOCUMENT.as_bytes()), asked)
        })
        .await;
        let cmp = server.client(&ManualClock::new()).build().unwrap();
        let error = cmp.cards().get(&card_id()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.status(), error.code()),
            (ErrorKind::Service, Some(404), None),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_complete_answer_may_be_followed_by_a_reset() {
    // `:status` and `content-length`, numbers 8 and 28 of the static table. With the length there need be no last frame.
    let length = [b"\x08\x03201\x0f\x0d\x03", OK_CARD.len().to_string().as_bytes()].concat();
    let with_length = move |asked: &Asked| {
        let reply = Reply::default().frame(1, 4, asked.stream, &length);
        reply.frame(0, 0, asked.stream, OK_CARD.as_bytes()).reset(asked.stream, NO_ERROR)
    };
    let with_last_frame = |asked: &Asked| {
        Reply::default().head(asked.stream, "201", false).frame(0, 1, asked.stream, OK_CARD.as_bytes())
    };
    for server in [
        http2(with_length).await,
        http2(move |asked| with_last_frame(asked).reset(asked.stream, NO_ERROR)).await,
        http2(move |asked| with_last_frame(asked).go_away(asked.stream, NO_ERROR, "").closing()).await,
    ] {
        let cmp = server.client(&ManualClock::new()).build().unwrap();
        cmp.cards().create(new_card()).await.unwrap();
        assert_eq!(server.count(), 1);
    }
}
