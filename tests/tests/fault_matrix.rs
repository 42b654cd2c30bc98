//! Every operation meets every fault of the simulator, once and for ever, over each protocol, with the same
//! expectations. The simulator counts what reached it. Then random operations meet random sequences of faults, under random
//! policies.

mod matrix;

use cmp::Delivery;
use cmp_simulator::{Operation, Protocol};
use futures_util::future::try_join_all;

use matrix::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_1() {
    matrix::run(Protocol::Http1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_1_with_tls() {
    matrix::run(Protocol::TlsHttp1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_2() {
    matrix::run(Protocol::TlsHttp2).await;
}

#[test]
fn scripts_of_faults_over_http_1() {
    matrix::run_scripts(Protocol::Http1);
}

#[test]
fn scripts_of_faults_over_http_2() {
    matrix::run_scripts(Protocol::TlsHttp2);
}

#[tokio::test]
async fn one_stream_at_a_time_is_enough() {
    let place = Place::new(Protocol::TlsHttp2, Operation::CreateCard).await;
    place.simulator.configure(|settings| settings.http2.max_concurrent_streams = Some(1));
    try_join_all((0..20).map(|_| place.create())).await.unwrap();
    assert_eq!(place.simulator.count(Operation::CreateCard), 20);
    assert_eq!(place.simulator.cards().len(), 20);
}

#[tokio::test]
async fn a_window_that_never_opens_leaves_the_outcome_open() {
    let place = Place::new(Protocol::TlsHttp2, Operation::CreateCard).await;
    place.warm_up().await.unwrap();
    place.simulator.configure(|settings| settings.http2.stall_requests = true);
    let error = place.patient(true, place.create()).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!((error.delivery(), error.attempts()), (Delivery::OutcomeUnknown, 1));
    assert_eq!(place.simulator.count(Operation::CreateCard), 0);
    assert!(place.simulator.cards().is_empty());
}
