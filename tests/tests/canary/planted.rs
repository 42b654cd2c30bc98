//! One leak in each channel: the search finds it, so it would find a real one.

use std::{error::Error, fmt, panic};

use cmp::{
    Client, Environment,
    auth::{AccessTokenError, AccessTokenFuture, AccessTokenProvider},
    clock::ManualClock,
    opentelemetry,
};
use workspace_tests::marks::{Mark, PLANTED, found};

use crate::{
    calls::{Clients, card_id, chain, everything},
    collected::Collected,
    hostile::{Hostile, Plan, Shape},
    log,
    types::Sample,
};

fn is_found(text: &str) -> bool {
    !found(text, &[PLANTED]).is_empty()
}

fn is_logged(by: &str) -> bool {
    log::kept().lines().any(|line| line.contains(by) && is_found(line))
}

#[test]
fn in_an_event() {
    log::keep();
    tracing::trace!(target: "of_another_crate", "an event with {}", PLANTED.value);
    assert!(is_logged("of_another_crate"));
}

#[test]
fn in_a_field_of_a_span() {
    log::keep();
    let span = tracing::trace_span!("of_a_span", later = tracing::field::Empty);
    span.record("later", PLANTED.value);
    drop(span);
    assert!(is_logged("of_a_span"));
}

#[test]
fn in_a_record_of_the_crate_log() {
    log::keep();
    ::log::trace!(target: "of_a_record", "a record with {}", PLANTED.value);
    assert!(is_logged("of_a_record"));
}

#[test]
fn in_a_panic() {
    log::keep();
    panic::catch_unwind(|| panic!("of a panic with {}", PLANTED.value)).unwrap_err();
    assert!(is_logged("of a panic"));
}

#[derive(Debug)]
struct Leaky;

impl AccessTokenProvider for Leaky {
    fn fetch(&self) -> AccessTokenFuture<'_> {
        Box::pin(async { Err(AccessTokenError::refused(PLANTED.value)) })
    }
}

#[tokio::test]
async fn in_an_error() {
    let environment =
        Environment::custom("http://127.0.0.1:9", "http://127.0.0.1:9/token").expect("loopback");
    let builder = Client::builder(environment).token_provider(Leaky).clock(ManualClock::new());
    let error = builder.build().expect("a client").cards().get(&card_id()).await.expect_err("no token");
    assert!(is_found(&everything(&error)));
}

#[test]
fn in_the_source_of_an_error() {
    #[derive(Debug)]
    struct Outer(std::io::Error);
    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("harmless")
        }
    }
    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    assert!(is_found(&chain(&Outer(std::io::Error::other(PLANTED.value)))));
}

#[tokio::test]
async fn in_drift_and_in_what_hooks_are_shown() {
    let server = Hostile::http1();
    server.answer(Plan { status: 299, shape: Shape::Scattered, for_tokens: false });
    let shown = Clients::of(&server).call_everything().await;
    // The status is unknown: the hook sees it, and so does the list.
    let status = Mark { name: "status", value: "name: \"299\"" };
    assert!(shown.matches(status.value).count() >= 2, "{shown}");
    assert!(shown.contains("AnswerHead"), "{shown}");
}

#[test]
fn in_an_attribute_of_a_metric() {
    let collected = Collected::new();
    let attribute = opentelemetry::KeyValue::new("of_a_metric", PLANTED.value);
    collected.meter().u64_counter("a.metric").build().add(1, &[attribute]);
    assert!(is_found(&collected.lines().join("\n")));
}

#[test]
fn in_the_debug_and_the_json_of_a_type() {
    #[derive(Debug)]
    struct Shown(#[expect(dead_code, reason = "only `Debug` reads it")] &'static str);
    #[derive(serde::Serialize)]
    struct Stored(&'static str);
    impl fmt::Debug for Stored {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("harmless")
        }
    }
    for sample in crate::types::samples! { Shown: Shown(PLANTED.value); Stored: Stored(PLANTED.value); } {
        let Sample { debug, json, .. } = &sample;
        assert!(is_found(debug) || json.as_ref().is_some_and(|json| is_found(json)), "{sample:?}");
    }
}
