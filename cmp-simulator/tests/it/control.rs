//! The control API and the program that serves it.

use std::process::{self, Stdio};

use cmp_simulator::webhooks::Endpoint;
use cmp_simulator::{Operation, Readings, Simulator};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::protocols;
use crate::refusals;
use crate::support::{ALIAS, Answer, Client, JSON_API, VISA, card, contract, http, included, trusting};

struct Control {
    http: reqwest::Client,
    url: String,
}

impl Control {
    fn new(base: &str) -> Self {
        Self { http: http(), url: format!("{base}/_simulator") }
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let mut request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.url));
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        Answer::read(request.send().await.unwrap()).await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        self.send("GET", path, &Value::Null).await.expect(200).json()
    }
}

async fn controlled() -> (Simulator, Client, Control) {
    let simulator = Simulator::builder().control_api(true).start().await.unwrap();
    let client = Client::new(&simulator).await;
    let control = Control::new(simulator.url());
    (simulator, client, control)
}

#[tokio::test]
async fn it_shows_what_the_handle_shows() {
    let (simulator, client, control) = controlled().await;
    let id = client.store(VISA).await;
    assert_eq!(control.get("/cards").await, json!(simulator.cards()));
    assert_eq!(control.get(&format!("/cards/{id}")).await["last4"], "1111");
    control.send("GET", "/cards/CRDnone", &Value::Null).await.expect(404);
    let requests = control.get("/requests").await;
    assert_eq!(requests[1]["operation"], "create_card");
    assert!(!requests.to_string().contains(VISA));
    let counts = control.get("/counts").await;
    assert_eq!((&counts["operations"]["create_card"], &counts["tokens_minted"]), (&json!(1), &json!(1)));
    control.send("DELETE", "/requests", &Value::Null).await.expect(204);
    assert_eq!(control.get("/requests").await, json!([]));
    assert!(control.get("").await["requests"].as_array().unwrap().len() > 10);
    assert!(control.get("/provoke").await.as_array().unwrap().len() > 50);
    control.send("GET", "/nothing", &Value::Null).await.expect(404);
    assert_eq!(control.send("PUT", "/world", &Value::Null).await.expect(405).header("allow"), Some("POST"));
}

#[tokio::test]
async fn it_drives_the_world_and_the_faults() {
    let (_simulator, client, control) = controlled().await;
    let id = client.store(VISA).await;
    let suspend = json!({ "event": "change_token", "card_id": id, "state": "suspended" });
    control.send("POST", "/world", &suspend).await.expect(204);
    assert_eq!(
        included(&client.get(&id).await.json(), "network_tokens")[0]["attributes"]["state"],
        "suspended"
    );
    let unknown = json!({ "event": "report_update", "card_id": "CRDnone", "update": "closed" });
    control.send("POST", "/world", &unknown).await.expect(404);
    control.send("POST", "/world", &json!({ "event": "earthquake" })).await.expect(400);

    let fault = json!({ "do": { "answer": { "status": 503 } }, "on": ["get_card"], "times": 1 });
    control.send("POST", "/faults", &json!([fault])).await.expect(204);
    client.get(&id).await.expect(503);
    client.get(&id).await.expect(200);
    assert_eq!(control.get("/faults").await, json!([{ "fault": fault, "met": 1 }]));
    control
        .send("PUT", "/chaos", &json!({ "rate": 1.0, "faults": [{ "do": { "answer": { "status": 500 } } }] }))
        .await
        .expect(204);
    client.get(&id).await.expect(500);
    control.send("DELETE", "/faults", &Value::Null).await.expect(204);
    client.get(&id).await.expect(200);
    let refused = control.send("POST", "/faults", &json!({ "do": { "explode": {} } })).await.expect(400);
    assert!(refused.json()["error"].as_str().unwrap().contains("explode"));
    let impossible = json!({ "do": { "answer": { "status": 99 } } });
    let refused = control.send("POST", "/faults", &impossible).await.expect(400);
    assert!(refused.json()["error"].as_str().unwrap().contains("99 is not a status"));
    control.send("PUT", "/chaos", &json!({ "rate": 1.0, "faults": [impossible] })).await.expect(400);
    let split = json!({ "do": { "redirect": { "status": 307, "location": "a\r\nb: c" } } });
    control.send("POST", "/faults", &json!([split])).await.expect(400);
    assert_eq!(control.get("/faults").await, json!([]));

    control.send("POST", "/world", &json!({ "event": "advance_clock", "seconds": 1200 })).await.expect(204);
    client.get(&id).await.expect(401);
}

#[tokio::test]
async fn it_changes_settings_redeems_and_resets() {
    let (simulator, client, control) = controlled().await;
    let settings = control.get("/settings").await;
    assert!(!settings.to_string().contains(simulator.client_secret()));
    let change = json!({ "duplicate_detection": true, "readings": { "times": "naive" } });
    control.send("PATCH", "/settings", &change).await.expect(204);
    assert!(simulator.settings().duplicate_detection);
    control.send("PATCH", "/settings", &json!({ "speed": 9 })).await.expect(400);
    control.send("PATCH", "/settings", &json!([])).await.expect(400);
    assert!(simulator.settings().duplicate_detection);

    let id = client.store(VISA).await;
    let answer = client.cryptogram(&id, json!({ "amount": 19.99 })).await.expect(200).json();
    let value = json!({ "value": answer["data"]["attributes"]["cryptogram"]["value"] });
    let redeemed = control.send("POST", "/cryptograms", &value).await.expect(200).json();
    assert_eq!((&redeemed["card_id"], &redeemed["amount"]), (&json!(id), &json!("19.99")));
    control.send("POST", "/cryptograms", &value).await.expect(409);

    control.send("POST", "/reset", &Value::Null).await.expect(204);
    assert!(simulator.cards().is_empty() && simulator.settings().duplicate_detection);
    client.get(&id).await.expect(401);
}

#[tokio::test]
async fn a_choice_with_a_value_replaces_the_one_before() {
    let (simulator, _client, control) = controlled().await;
    let patch = async |change: &Value, status: u16| {
        control.send("PATCH", "/settings", change).await.expect(status);
        simulator.settings()
    };
    for change in [json!({ "after_gets": 2 }), json!({ "after_seconds": 5 }), json!("held")] {
        let changed = patch(&json!({ "token_arrival": change }), 204).await;
        assert_eq!(json!(changed.token_arrival), change);
    }
    for change in [json!({ "off_by_seconds": -600 }), json!("unsigned"), json!({ "off_by_seconds": 600 })] {
        let changed = patch(&json!({ "webhooks": { "signing": change, "duplicates": 1 } }), 204).await;
        assert_eq!((json!(changed.webhooks.signing), changed.webhooks.attempts), (change, 3));
    }
    patch(&json!({ "token_arrival": { "after_gets": 2, "after_seconds": 5 } }), 400).await;

    let limit = json!({ "per_minute": 200, "burst": 20, "retry_after": true });
    patch(&json!({ "enrollment_by_brand": { "visa": "manual" }, "rate_limit": limit }), 204).await;
    let modes = json!({ "enrollment_by_brand": { "amex": "manual", "visa": null } });
    let changed = patch(&modes, 204).await;
    assert_eq!(json!(changed.enrollment_by_brand), json!({ "amex": "manual" }));
    let changed = patch(&json!({ "rate_limit": { "burst": null }, "readings": null }), 204).await;
    assert_eq!((changed.rate_limit.unwrap().burst, changed.readings), (None, Readings::default()));
    patch(&json!({ "rate_limit": { "per_minute": null } }), 400).await;
    assert_eq!(patch(&json!({ "rate_limit": null }), 204).await.rate_limit, None);
}

#[tokio::test]
async fn a_setting_that_is_read_at_the_start_only_is_not_changed_later() {
    let (simulator, _client, control) = controlled().await;
    let before = simulator.settings();
    for (name, value) in [
        ("protocol", json!("tls")),
        ("seed", json!(7)),
        ("request_log", json!(1)),
        ("control_api", json!(false)),
    ] {
        let refused = control.send("PATCH", "/settings", &json!({ name: value })).await.expect(400).json();
        let expected = format!("{name} is read only when the simulator starts");
        assert_eq!(refused["error"], expected);
        control.send("PATCH", "/settings", &json!({ name: json!(before)[name] })).await.expect(204);
    }
    control.send("PATCH", "/settings", &json!({ "accounts": [] })).await.expect(400);
    assert_eq!(simulator.settings(), before);
}

#[tokio::test]
async fn a_masked_value_is_not_taken_for_a_secret() {
    let (simulator, _client, control) = controlled().await;
    let endpoint =
        Endpoint::new("http://127.0.0.1:9/411111111111", "whsec_1").unwrap().also("whsec_2").unwrap();
    simulator.configure(|settings| {
        settings.webhooks.endpoints.push(endpoint);
        settings.seed = 123_456_789_012;
    });
    let before = simulator.settings();
    let shown = control.get("/settings").await;
    assert!(!shown.to_string().contains("whsec"), "{shown}");
    for member in ["accounts", "webhooks", "seed"] {
        let change = json!({ member: shown[member] });
        let refused = control.send("PATCH", "/settings", &change).await.expect(400).json();
        assert!(refused["error"].as_str().unwrap().contains("masked"), "{member}: {refused}");
    }
    assert_eq!(simulator.settings(), before);
}

#[tokio::test]
async fn it_is_for_loopback_names_only() {
    let (simulator, _client, control) = controlled().await;
    for (host, status) in [
        ("localhost:1", 200),
        ("LocalHost", 200),
        ("127.0.0.1", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil", 403),
        ("localhost:1:evil", 403),
        ("localhost.", 403),
        ("", 403),
    ] {
        let request = control.http.get(&control.url).header("host", host);
        assert_eq!(request.send().await.unwrap().status().as_u16(), status, "{host}");
    }
    let openapi = control.http.get(format!("{}/openapi.json", simulator.url())).send().await.unwrap();
    assert_eq!(openapi.status(), 404, "no document by default");
}

#[tokio::test]
async fn a_web_page_cannot_use_it() {
    for protocol in protocols::ALL {
        let simulator = Simulator::builder().protocol(protocol).control_api(true).start().await.unwrap();
        let client = Client::new(&simulator).await;
        client.store(VISA).await;
        let own = simulator.url().to_owned();
        let port = simulator.address().port();
        let foreign = [
            "https://evil.example".to_owned(),
            "null".to_owned(),
            String::new(),
            format!("http://localhost:{}", port ^ 1),
            format!("{own}.evil.example"),
            format!("{own}/"),
            format!("ftp://127.0.0.1:{port}"),
        ];
        let allowed = [own.clone(), own.replace("127.0.0.1", "localhost")];
        let origins =
            foreign.iter().map(|origin| (origin, 403)).chain(allowed.iter().map(|origin| (origin, 204)));
        for (origin, status) in origins {
            for path in ["/_simulator/requests", "/%5fsimulator/request%73"] {
                let request = client.http.delete(format!("{own}{path}")).header("origin", origin);
                let answer = request.send().await.unwrap();
                assert_eq!(answer.status().as_u16(), status, "{origin} {path}");
                assert_eq!(simulator.requests().is_empty(), status == 204, "{origin} {path}");
            }
            if status == 204 {
                client.get("CRD1").await.expect(404);
            }
        }
        let two =
            client.http.get(format!("{own}/_simulator")).header("origin", &own).header("origin", "null");
        assert_eq!(two.send().await.unwrap().status(), 403);
    }
}

#[tokio::test]
async fn it_shows_no_card_data_and_no_credentials() {
    let (simulator, client, control) = controlled().await;
    let mut body = card(VISA);
    body["data"]["meta"] = json!({ "note": "was 4111.1111.1111.1111", "cvv": "737", "order": "A-1001" });
    let request = client
        .request(Operation::CreateCard, "?access_token=abc-secret&card=4111%201111%201111%201111")
        .header("content-type", JSON_API)
        .header("x-card", "4111_1111_1111_1111")
        .header("x-api-key", "key-secret")
        .header("cookie", "session=cookie-secret")
        .body(body.to_string());
    request.send().await.unwrap();
    let path = format!("{}/cards?access_token=abc-secret&card=4111%201111%201111%201111", simulator.url());
    let posted =
        client.http.post(path).header("content-type", JSON_API).header("x-card", "4111_1111_1111_1111");
    let posted = posted.header("x-api-key", "key-secret").header("cookie", "session=cookie-secret");
    posted.bearer_auth(client.access_token()).body(body.to_string()).send().await.unwrap();
    let fault =
        json!({ "do": { "answer": { "status": 418, "body": { "raw": "see 4111-1111-1111-1111" } } } });
    control.send("POST", "/faults", &fault).await.expect(204);
    for path in ["/requests", "/faults", "/cards"] {
        let shown = control.get(path).await.to_string();
        for secret in ["4111.1111", "4111_1111", "4111-1111", "4111%20", VISA, "737", "-secret"] {
            assert!(!shown.contains(secret), "{path}: {secret} in {shown}");
        }
    }
    let shown = control.get("/requests").await.to_string();
    assert!(shown.contains("A-1001") && shown.contains("access_token=****"), "{shown}");
    assert!(!format!("{:?}", simulator.requests()).contains("-secret"));
}

#[tokio::test]
async fn a_path_is_the_same_in_every_encoding() {
    let (simulator, client, control) = controlled().await;
    let id = client.store(VISA).await;
    let alias = client.enroll(ALIAS).await;
    let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    assert_eq!(client.get(&id.replace("CRD", "%43RD")).await.expect(200).id(), id);
    assert_eq!(client.get(&escaped(&id)).await.expect(200).id(), id);
    client.send(Operation::GetV1NetworkToken, &escaped(&alias), None).await.expect(200);
    client.cryptogram(&escaped(&id), json!({})).await.expect(200);
    assert_eq!(control.get(&format!("/c%61rds/{}", escaped(&id))).await["id"], id);
    let odd = ["%zz", "%", "%4", "%c3", "..%2f", "%2e%2e%2fcards", "a%2fb", "%00", "%2543RD1"];
    for odd in odd {
        let url = format!("{}/cards/{odd}", simulator.url());
        let answer = client.http.delete(url).bearer_auth(client.access_token()).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{odd}");
    }
    assert_eq!(simulator.cards().len(), 1);
}

pub(crate) struct Program {
    child: Child,
    pub(crate) url: String,
    log: JoinHandle<String>,
}

impl Program {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cmp-simulator"))
            .args(arguments)
            .env("RUST_LOG", "trace")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
        let url = line.trim().strip_prefix("cmp-simulator listening on ").unwrap().to_owned();
        // Reads all the time: a full pipe would stop the program.
        let mut stderr = child.stderr.take().unwrap();
        let log = tokio::spawn(async move {
            let mut log = String::new();
            stderr.read_to_string(&mut log).await.unwrap();
            log
        });
        Self { child, url, log }
    }

    /// Sends the program a signal, and returns its log.
    #[cfg(unix)]
    pub(crate) async fn interrupt(mut self, signal: &str) -> String {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
        let status = self.child.wait().await.unwrap();
        let log = self.log.await.unwrap();
        assert!(status.success(), "{status}: {log}");
        log
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_program_serves_and_stops() {
    let directory = tempfile::tempdir().unwrap();
    let settings = directory.path().join("settings.json");
    let openapi = directory.path().join("openapi.json");
    std::fs::write(
        &settings,
        "\u{feff}".to_owned()
            + r#"{ "enrollment": "on_create", "seed": 3, "readings": { "include": "on_request" } }"#,
    )
    .unwrap();
    std::fs::write(&openapi, r#"{ "openapi": "3.1.0", "paths": {} }"#).unwrap();
    for signal in ["-INT", "-TERM"] {
        let arguments = [
            "--enrollment",
            "manual",
            "--include",
            "on-request",
            "--settings",
            settings.to_str().unwrap(),
            "--openapi",
            openapi.to_str().unwrap(),
        ];
        let program = Program::start(&arguments).await;
        let client = Client::at(&program.url, "AC-simulator", "simulator-client-secret").await;
        let id = client.store(VISA).await;
        client.provision(&id).await.expect(201);
        client.create("4111111111111").await.expect(422);
        let control = Control::new(&program.url);
        let settings = control.get("/settings").await;
        assert_eq!((&settings["enrollment"], &settings["seed"]), (&json!("manual"), &json!(3)));
        assert_eq!(settings["readings"]["include"], "on-request");
        let document = control.http.get(format!("{}/openapi.json", program.url)).send().await.unwrap();
        assert_eq!(document.status(), 200);
        let log = program.interrupt(signal).await;
        assert!(log.contains("http.response.status_code=201"), "{log}");
        for secret in [VISA, "simulator-client-secret", "Bearer", "4111111111111"] {
            assert!(!log.contains(secret), "{secret} is in the log");
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_program_speaks_tls_and_hands_out_its_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let certificate = directory.path().join("root.pem");
    let program =
        Program::start(&["--protocol", "tls", "--certificate", certificate.to_str().unwrap()]).await;
    let certificate = std::fs::read_to_string(certificate).unwrap();
    let http = trusting(Some(&certificate));
    let client = Client::with(http, &program.url, "AC-simulator", "simulator-client-secret").await;
    client.store(VISA).await;
    let answer = client.request(Operation::GetCard, "CRD1").send().await.unwrap();
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    let settings = client.http.get(format!("{}/_simulator/settings", program.url)).send().await.unwrap();
    let settings: Value = serde_json::from_slice(&settings.bytes().await.unwrap()).unwrap();
    assert_eq!(settings["protocol"], "tls");
    let log = program.interrupt("-TERM").await;
    assert!(log.contains("http.response.status_code=201"), "{log}");
    for secret in [VISA, "simulator-client-secret", "Bearer"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

/// All values of members with this name.
fn members<'v>(value: &'v Value, name: &str) -> Vec<&'v Value> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, member)| if key == name { vec![member] } else { self::members(member, name) })
            .collect(),
        Value::Array(items) => items.iter().flat_map(|item| members(item, name)).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn the_contract_is_served_with_its_webhooks() {
    let contract = contract().document();
    let simulator = Simulator::builder().openapi(contract.to_string()).start().await.unwrap();
    let served = http().get(format!("{}/openapi.json", simulator.url())).send().await.unwrap();
    let served: Value = serde_json::from_slice(&served.bytes().await.unwrap()).unwrap();
    assert_eq!(served["webhooks"].as_object().unwrap().len(), 4);
    for unchanged in ["webhooks", "components", "info"] {
        assert_eq!(served[unchanged], contract[unchanged], "{unchanged}");
    }
    assert_eq!(members(&served, "servers"), [&json!([{ "url": simulator.url() }])]);
}

#[test]
fn the_program_says_why_it_does_not_start() {
    let directory = tempfile::tempdir().unwrap();
    refusals::check(directory.path(), || process::Command::new(env!("CARGO_BIN_EXE_cmp-simulator")));
    let mut program = process::Command::new(env!("CARGO_BIN_EXE_cmp-simulator"));
    let error = refusals::error_of(program.current_dir(&directory).args(["--openapi", "nowhere.json"]));
    assert_eq!(error, format!("Error: nowhere.json: {}\n", refusals::not_found()));
}
