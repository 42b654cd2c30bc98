//! Every operation meets every fault of the simulator, once and for ever, over each protocol, with the same
//! expectations. The simulator counts what reached it.

mod matrix;

use cmp_simulator::Protocol;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_1() {
    matrix::run(Protocol::Http1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_1_with_tls() {
    matrix::run(Protocol::TlsHttp1).await;
}
