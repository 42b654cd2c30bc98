//! Marked card data goes through every operation and every kind of fault. Nothing that the simulator
//! shows contains any of it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cmp_simulator::{Chaos, Fault, Operation, Simulator};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Client, JSON_API, VISA, http, included};

const CVC: &str = "zq~x";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The secrets that only the client may know.
struct Secrets(Vec<String>);

impl Secrets {
    fn assert_absent(&self, place: &str, text: &str) {
        assert!(!text.is_empty(), "nothing was searched: {place}");
        for secret in &self.0 {
            assert!(!text.contains(secret.as_str()), "{secret} is in {place}");
        }
    }
}

fn faults() -> Vec<Fault> {
    vec![
        Fault::status(503),
        Fault::status(403).html(),
        Fault::dropped(),
        Fault::lost_answer().reset(),
        Fault::cut_head(9),
        Fault::cut_body(200),
        Fault::truncated_json(),
        Fault::garbage(),
        Fault::content_type("text/plain"),
        Fault::large_body(10),
        Fault::stale_connection(),
        Fault::redirect(307, "/elsewhere"),
        Fault::drip(500, Duration::from_millis(1)),
    ]
}

/// Sends marked data to every operation, also in unusual places.
async fn everything(simulator: &Simulator, client: &Client, id: &str) {
    let card =
        json!({ "data": { "attributes": { "pan": VISA, "cvc": CVC, "exp_month": 1, "exp_year": 30 } } });
    let misplaced = json!({ "data": { "attributes": { "cvc": CVC, "cvc2": VISA, VISA: 1 } }, VISA: VISA });
    for operation in Operation::cmp().chain(Operation::v1()) {
        for body in [None, Some(&card), Some(&misplaced)] {
            let path =
                if operation == Operation::GetCard { format!("{id}?include={VISA}") } else { id.to_owned() };
            let client = client.on_a_new_connection(simulator);
            let mut request = client.request(operation, &path).header("x-card", VISA);
            if let Some(body) = body {
                request = request.header("content-type", JSON_API).body(body.to_string());
            }
            // A fault may leave no response.
            if let Ok(answer) = request.send().await {
                let _ = answer.bytes().await;
            }
        }
    }
    let _ = http().get(format!("{}/cards/{VISA}", simulator.url())).bearer_auth("zz-token").send().await;
    let _ = http().post(simulator.token_url()).body(format!("client_secret={CVC}&pan={VISA}")).send().await;
}

async fn secrets(client: &Client, id: &str) -> Secrets {
    let token = included(&client.get(id).await.json(), "network_tokens")[0]["attributes"].clone();
    let answer = client.cryptogram(id, json!({})).await.json();
    let cryptogram = &answer["data"]["attributes"]["cryptogram"]["value"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let known = [VISA, CVC, "simulator-client-secret", "zz-token", client.access_token()];
    Secrets(
        known
            .map(str::to_owned)
            .into_iter()
            .chain([text(&token["network_token"]), text(cryptogram)])
            .collect(),
    )
}

#[tokio::test]
async fn nothing_shows_marked_card_data() {
    let log = Log::default();
    // Installed for the whole process: a thread without a subscriber would turn log lines off for all.
    let subscriber = tracing_subscriber::fmt().with_env_filter("cmp_simulator=trace").with_ansi(false);
    subscriber.with_writer(log.clone()).init();

    let simulator = Simulator::builder().control_api(true).start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    let secrets = secrets(&client, &id).await;
    everything(&simulator, &client, &client.store(VISA).await).await;
    for fault in faults() {
        simulator.faults().add(fault);
        everything(&simulator, &client, &id).await;
        secrets.assert_absent("the faults", &format!("{:?}", simulator.faults()));
        simulator.faults().clear();
    }
    simulator.faults().chaos(Chaos::new(1.0));
    everything(&simulator, &client, &id).await;
    simulator.faults().clear();

    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(logged.contains(r#"operation="request_cryptogram""#) && logged.contains(r#"fault="cut_body""#));
    secrets.assert_absent("the log", &logged);
    secrets.assert_absent("the requests", &format!("{:?}", simulator.requests()));
    secrets.assert_absent("the cards", &format!("{:?}", simulator.cards()));
    secrets.assert_absent("the settings", &format!("{:?} {simulator:?}", simulator.settings()));
    for path in ["/requests", "/cards", "/counts", "/faults", "/settings", "/provoke"] {
        let shown = client.http.get(format!("{}/_simulator{path}", simulator.url())).send().await.unwrap();
        secrets.assert_absent(path, &shown.text().await.unwrap());
    }
}
