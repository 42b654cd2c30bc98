//! Every fault of the simulator that ends by itself. Those that hang are in `tests/tests/matrix`, with the same search.

use std::time::Duration;

use cmp_simulator::{DebugData, Fault, Protocol, Simulator};
use workspace_tests::marks::{CLIENT_SECRET, MARKS, Search, assert_none};

use crate::{calls::Clients, log};

fn faults() -> Vec<Fault> {
    let every_mark = || MARKS.map(|mark| mark.value).join(" ");
    vec![
        Fault::dropped(),
        Fault::lost_answer().reset(),
        Fault::cut_head(9),
        Fault::cut_head(60).reset(),
        Fault::cut_body(30),
        Fault::cut_body(80).reset(),
        Fault::reset_body(10),
        Fault::truncated_json(),
        Fault::garbage(),
        Fault::content_type(every_mark()),
        Fault::large_body(100_000),
        Fault::drip(400, Duration::ZERO),
        Fault::stale_connection(),
        Fault::stale_connection().reset(),
        Fault::refused_stream(),
        Fault::go_away(DebugData::Request),
        Fault::go_away(DebugData::Text(every_mark())),
        Fault::redirect(307, format!("/elsewhere?{}", every_mark().replace(' ', "&"))),
        Fault::status(429).header("x-echo", every_mark()),
    ]
}

pub(crate) fn simulator(protocol: Protocol) -> Simulator {
    log::apart("cmp_simulator=trace", move |runtime| {
        let account = cmp_simulator::ServiceAccount::new("ACcanary", CLIENT_SECRET.value);
        let builder = Simulator::builder().protocol(protocol).account(account).control_api(true);
        let builder =
            builder.webhook("http://127.0.0.1:9/hooks", workspace_tests::marks::WEBHOOK_SECRET.value);
        runtime.block_on(builder.expect("a URL").start()).expect("a free port")
    })
}

async fn broken(protocol: Protocol) {
    let simulator = simulator(protocol);
    let mut search = Search::of(&MARKS);
    for fault in faults() {
        simulator.reset();
        simulator.faults().add(fault.clone().after(1));
        let clients =
            Clients::at(simulator.url(), &simulator.token_url(), simulator.root_certificate(), None);
        search.assert_none(&clients.call_everything().await, &format!("{fault:?}"));
    }
    assert_none(&log::kept(), &MARKS, "the log");
}

#[tokio::test]
async fn nothing_shows_when_connections_break_over_http_1() {
    broken(Protocol::Http1).await;
}

#[tokio::test]
async fn nothing_shows_when_connections_break_over_http_2() {
    broken(Protocol::TlsHttp2).await;
}
