//! Every fault of the simulator. Where something hangs, the clock goes on until each call has reached its limit.

use std::{future::Future, time::Duration};

use cmp::clock::ManualClock;
use cmp_simulator::{DebugData, Fault, Protocol, Simulator};
use tokio::net::{TcpListener, TcpStream};
use workspace_tests::marks::{CLIENT_SECRET, MARKS, Search, assert_none};

use crate::{calls::Clients, log};

/// So many requests of a run reach the simulator before their time-out, at least.
const FEWEST_HANGS: usize = 10;

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

fn hanging() -> Vec<Fault> {
    vec![
        Fault::hang(),
        Fault::hang().effect_applied(),
        Fault::stalled_body(30),
        Fault::hung_connection(),
        Fault::hung_connection_with_pings(),
    ]
}

/// Runs the calls to their end while the clock goes on, a little with each few turns of the network.
async fn with_time<T>(clock: &ManualClock, calls: impl Future<Output = T>) -> T {
    const TURNS: usize = 10;
    const STEP: Duration = Duration::from_secs(5);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let time = async {
        loop {
            for _ in 0..TURNS {
                let (made, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
                drop((made.expect("a connection"), accepted.expect("a connection")));
            }
            clock.advance(STEP);
        }
    };
    tokio::select! {
        outcome = calls => outcome,
        () = time => unreachable!("the clock goes on and on"),
    }
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
    let faults = faults().into_iter().map(|fault| (fault, false));
    for (fault, hangs) in faults.chain(hanging().into_iter().map(|fault| (fault, true))) {
        simulator.reset();
        simulator.faults().add(fault.clone().after(1));
        let clients =
            Clients::at(simulator.url(), &simulator.token_url(), simulator.root_certificate(), None);
        let calls = clients.call_everything();
        let shown = if hangs { with_time(&clients.clock, calls).await } else { calls.await };
        let hit = simulator.requests().iter().filter(|request| request.fault.is_some()).count();
        assert!(!hangs || hit > FEWEST_HANGS, "{fault:?}: {hit} requests hang");
        search.assert_none(&shown, &format!("{fault:?}"));
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
