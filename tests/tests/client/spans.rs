//! The spans that the client makes. What no log may show is in `tests/tests/canary`.

use std::{
    io::Write,
    sync::{Arc, LazyLock, Mutex},
};

use cmp::clock::ManualClock;
use cmp_simulator::{Fault, Operation as Simulated, Simulator};
use serde_json::json;
use tracing::{Dispatch, subscriber::NoSubscriber};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::support::{card_id, simulated};

/// While one subscriber is alone, `tracing` asks the thread that first meets a span whether anybody listens, and takes its
/// word for all threads: with a second one, another test's thread can't silence a span here.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));

/// Collects all that the client's side logs, at every level and from every crate.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        LazyLock::force(&SECOND);
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new("trace,httpmock=off,cmp_simulator=off"))
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
            .with_ansi(false)
            .without_time()
            .with_writer(log.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

#[tokio::test]
async fn a_span_says_what_was_sent_how_often_and_how_it_ended() {
    let (log, _guard) = Log::listen();
    let simulator = Simulator::start().await.unwrap();
    simulator.faults().add(Fault::status(503).times(1).on(Simulated::GetCard));
    simulated(&simulator, &ManualClock::new()).cards().get(&card_id()).await.unwrap_err();
    let logged = log.text();
    for said in [
        r#"cmp.operation="get_card" http.request.method="GET" http.request.resend_count=0 url.template="/cards/{card_id}""#,
        r#"server.address="127.0.0.1" server.port="#,
        r#"network.protocol.version="1.1""#,
        r#"http.response.status_code=503 error.type="503""#,
        "http.request.resend_count=1",
        r#"http.response.status_code=404 error.type="404""#,
    ] {
        assert!(logged.contains(said), "{said} is not in {logged}");
    }
    assert!(!logged.contains("http.request.resend_count=2"));
}

#[tokio::test]
async fn a_retry_is_logged_without_a_text_of_the_service() {
    let (log, _guard) = Log::listen();
    let simulator = Simulator::start().await.unwrap();
    let texts = json!({"errors": [{"code": "code-canary", "path": "/path/canary", "summary": "canary"}]});
    simulator.faults().add(Fault::status(503).json(texts).times(1).on(Simulated::GetCard));
    simulator.faults().add(Fault::dropped().times(1).on(Simulated::GetCard));
    let refused = json!({"error": "grant-canary"});
    simulator.faults().add(Fault::status(503).json(refused).times(1).on(Simulated::Token));
    simulated(&simulator, &ManualClock::new()).cards().get(&card_id()).await.unwrap_err();
    let logged = log.text();
    assert!(!logged.contains("canary"), "{logged}");
    for said in [
        r#"trying again operation="get_card" attempt=1 wait_ms=1000 error.type="authentication" http.response.status_code=503"#,
        r#"trying again operation="get_card" attempt=2 wait_ms=500 error.type="503" http.response.status_code=503"#,
        r#"attempt=3 wait_ms=1000 error.type="connection" cause="the connection broke before the answer (the connection was closed)""#,
    ] {
        assert!(logged.contains(said), "{said} is not in {logged}");
    }
}
