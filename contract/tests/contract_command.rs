//! Runs the program `cmp-contract check` against a service at a URL.

use std::{
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
};

use cmp_simulator::{Fault, Operation, Protocol, Settings, Simulator};
use serde_json::{Value, json};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cmp-contract"));
    command.arg("check").args(arguments);
    command.env("VGS_CLIENT_ID", "AC-simulator").env("VGS_CLIENT_SECRET", "simulator-client-secret");
    command
}

async fn contract(arguments: &[&str]) -> Output {
    let mut command = command(arguments);
    tokio::task::spawn_blocking(move || command.output().expect("runs")).await.expect("ends")
}

fn status(output: &Output) -> Option<i32> {
    output.status.code()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a written report")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_keeps_the_contract() {
    let simulator = Simulator::start().await.expect("starts");
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (junit, json, markdown) = (file("junit.xml"), file("report.json"), file("report.md"));
    let files = ["--junit", &junit, "--json", &json, "--markdown", &markdown];
    let output = contract(&[&["--base-url", simulator.url()], &files[..]].concat()).await;
    // Status 3: some checks need a simulator setting that is not the default.
    assert_eq!(status(&output), Some(3), "{}", text(&output));
    assert!(simulator.cards().is_empty(), "{:?} are left", simulator.cards().len());
    let said = text(&output);
    for part in
        ["needs the simulator", "needs a service account without the scope", "unneeded correction/033"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let reports = [junit, json, markdown].map(|path| read(Path::new(&path)));
    assert!(reports[0].contains("<testsuites") && reports[1].contains("\"checks\""), "{reports:?}");
    for secret in ["5100260000019206", "simulator-client-secret", "eyJ"] {
        assert!(!said.contains(secret) && !reports.concat().contains(secret), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_with_a_certificate_of_its_own_is_checked_over_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("root.pem");
    let path = file.display().to_string();
    for protocol in [Protocol::Tls, Protocol::TlsHttp1, Protocol::TlsHttp2] {
        let mut settings = Settings::default();
        settings.protocol = protocol;
        let simulator = Simulator::builder().settings(settings).start().await.expect("starts");
        std::fs::write(&file, simulator.root_certificate().expect("TLS")).expect("written");
        let only = ["--base-url", simulator.url(), "--only", "a_stored_card_is_read_back"];
        let output = contract(&[&only[..], &["--root-certificate", &path]].concat()).await;
        assert_eq!(status(&output), Some(0), "{protocol:?}: {}", text(&output));
        assert_eq!((simulator.count(Operation::CreateCard), simulator.cards().len()), (1, 0));
        let output = contract(&only).await;
        assert_eq!(status(&output), Some(4), "{protocol:?}: {}", text(&output));
        assert_eq!(simulator.count(Operation::CreateCard), 1, "without trust");
    }
    for content in ["", "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&file, content).expect("written");
        let output = contract(&["--base-url", "https://127.0.0.1:1", "--root-certificate", &path]).await;
        assert_eq!(status(&output), Some(2), "{}", text(&output));
        assert!(text(&output).contains("Error: --root-certificate"), "{}", text(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_breaks_it_is_left_clean_all_the_same() {
    let simulator = Simulator::start().await.expect("starts");
    simulator.faults().add(Fault::status(418).on(Operation::GetCard));
    let output = contract(&["--base-url", simulator.url(), "--only", "a_stored_card_is_read_back"]).await;
    assert_eq!(status(&output), Some(1), "{}", text(&output));
    assert!(text(&output).contains("get_card status: expected 200"), "{}", text(&output));
    assert_eq!((simulator.count(Operation::CreateCard), simulator.cards().len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_can_not_be_deleted_is_told() {
    let simulator = Simulator::start().await.expect("starts");
    simulator.faults().add(Fault::status(503).on(Operation::DeleteCard));
    let output = contract(&["--base-url", simulator.url(), "--only", "a_stored_card_is_read_back"]).await;
    assert_eq!(status(&output), Some(4), "{}", text(&output));
    let (text, id) = (text(&output), simulator.cards()[0].id.clone());
    assert!(text.contains(&format!("test card left behind: {id}")), "{text}");
}

/// Runs checks until the simulator has received `number` requests of `operation`. Then sends the signal and waits for
/// the end.
#[cfg(unix)]
async fn interrupted(
    simulator: &Simulator,
    (operation, number): (Operation, usize),
    signal: &str,
    only: &str,
) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json").display().to_string();
    let mut command = command(&["--base-url", simulator.url(), "--only", only, "--json", &report]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    while simulator.count(operation) < number {
        if child.try_wait().expect("a status").is_some() {
            let output = child.wait_with_output().expect("ends");
            panic!("the checks ended before {operation} number {number}: {}", text(&output));
        }
        tokio::task::yield_now().await;
    }
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("runs");
    assert!(sent.success());
    let output = tokio::task::spawn_blocking(|| child.wait_with_output().expect("ends")).await.expect("ends");
    let report = read(Path::new(&report));
    assert!(report.contains("\"interrupted\": true"), "{report}");
    output
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn who_is_interrupted_cleans_up() {
    for signal in ["-INT", "-TERM"] {
        let simulator = Simulator::start().await.expect("starts");
        simulator.faults().add(Fault::hang().on(Operation::GetCard));
        let output =
            interrupted(&simulator, (Operation::GetCard, 1), signal, "a_stored_card_is_read_back").await;
        assert_eq!((status(&output), simulator.cards().len()), (Some(130), 0), "{}", text(&output));
        assert!(
            text(&output).contains("interrupted; the stored test cards are deleted"),
            "{}",
            text(&output)
        );
    }
}

/// Interrupts each run during a different request.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_card_whose_storing_is_under_way_is_deleted_or_named() {
    // The simulator stores the card immediately, but sends the answer slowly.
    let every = std::time::Duration::from_millis(20);
    for number in 0..5 {
        let simulator = Simulator::start().await.expect("starts");
        simulator.faults().add(Fault::drip(64, every).on(Operation::CreateCard).after(number));
        let number = number as usize + 1;
        let output = interrupted(&simulator, (Operation::CreateCard, number), "-INT", "").await;
        assert_eq!(status(&output), Some(130), "{}", text(&output));
        assert_eq!(simulator.cards().len(), 0, "{number}: {}", text(&output));
    }
    let simulator = Simulator::start().await.expect("starts");
    simulator.faults().add(Fault::lost_answer().on(Operation::CreateCard));
    let output = contract(&["--base-url", simulator.url(), "--only", "a_stored_card_is_read_back"]).await;
    assert_eq!(status(&output), Some(4), "{}", text(&output));
    assert!(
        text(&output).contains("left behind: perhaps one whose storing was not answered"),
        "{}",
        text(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_not_there() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let output = contract(&["--base-url", &format!("http://{free}"), "--only", "get_card/200"]).await;
    assert_eq!(status(&output), Some(4), "{}", text(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_run_is_refused() {
    for (arguments, why) in [
        (&["--environment", "live"][..], "--i-know-this-is-live"),
        (&["--base-url", "http://example.com"], "plain http"),
        (&["--only", "no such check"], "no check has such a name"),
        (&["--token-url", "https://example.com"], "--base-url"),
    ] {
        let output = contract(arguments).await;
        assert_eq!(status(&output), Some(2), "{}", text(&output));
        assert!(text(&output).contains(why), "{}", text(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_an_earlier_run_left_is_nobodys_fault() {
    let simulator = Simulator::builder().duplicate_detection(true).start().await.expect("starts");
    simulator.faults().add(Fault::status(503).on(Operation::DeleteCard));
    let first = contract(&["--base-url", simulator.url(), "--only", "a_stored_card_is_read_back"]).await;
    assert_eq!((status(&first), simulator.cards().len()), (Some(4), 1), "{}", text(&first));
    simulator.faults().clear();
    let second = contract(&["--base-url", simulator.url()]).await;
    assert!(matches!(status(&second), Some(0 | 3)), "{}", text(&second));
    assert!(text(&second).contains("the account has the test card already"), "{}", text(&second));
    assert_eq!(simulator.cards().len(), 1, "it may be somebody's");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_front_of_the_service_is_not_the_service() {
    for answer in [
        Fault::status(502).html(),
        Fault::status(503).json(serde_json::json!({"message": "later"})),
        Fault::status(504).empty(),
        Fault::status(503).json(serde_json::json!(["anything"])),
        Fault::status(429).empty(),
    ] {
        let simulator = Simulator::start().await.expect("starts");
        for operation in [Operation::CreateCard, Operation::GetCard, Operation::RequestCryptogram] {
            simulator.faults().add(answer.clone().on(operation));
        }
        let output = contract(&["--base-url", simulator.url(), "--only", "card"]).await;
        assert_eq!(status(&output), Some(4), "{}", text(&output));
        assert!(text(&output).contains("found: the application did not answer"), "{}", text(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_endpoint_without_a_token_is_not_the_contract() {
    for (answer, expected) in [
        (Fault::status(401).json(serde_json::json!({"error": "invalid_client"})), 2),
        (Fault::status(400).json(serde_json::json!({"error": "unauthorized_client"})), 2),
        (Fault::status(200).html(), 4),
        (Fault::status(403).html(), 4),
        (Fault::status(500).empty(), 4),
        (Fault::redirect(302, "https://example.com/login"), 4),
    ] {
        let simulator = Simulator::start().await.expect("starts");
        simulator.faults().add(answer.on(Operation::Token));
        let output = contract(&["--base-url", simulator.url()]).await;
        assert_eq!(status(&output), Some(expected), "{}", text(&output));
        assert_eq!(
            text(&output).matches("no token").count(),
            if expected == 2 { 1 } else { 2 },
            "{}",
            text(&output)
        );
    }
    let simulator = Simulator::start().await.expect("starts");
    for secret in ["wrong", ""] {
        let mut command = command(&["--base-url", simulator.url()]);
        command.env("VGS_CLIENT_SECRET", secret);
        let output =
            tokio::task::spawn_blocking(move || command.output().expect("runs")).await.expect("ends");
        assert_eq!(status(&output), Some(2), "{}", text(&output));
    }
}

/// A proxy from the environment would see the client secret. To a proxy, a loopback address means the proxy's machine.
#[tokio::test(flavor = "multi_thread")]
async fn no_proxy_is_used_on_this_machine() {
    let simulator = Simulator::start().await.expect("starts");
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", proxy.local_addr().expect("an address"));
    // The API's address is unreachable. The token endpoint is on this machine.
    let token_url = simulator.token_url();
    let mut command =
        command(&["--base-url", "https://api.invalid", "--token-url", &token_url, "--only", "get_card/401"]);
    command
        .env("HTTP_PROXY", &address)
        .env("http_proxy", &address)
        .env("HTTPS_PROXY", "")
        .env("https_proxy", "");
    let output = tokio::task::spawn_blocking(move || command.output().expect("runs")).await.expect("ends");
    assert_eq!(status(&output), Some(4), "{}", text(&output));
    assert!(simulator.count(Operation::Token) > 0, "{}", text(&output));
    proxy.set_nonblocking(true).expect("set");
    assert!(proxy.accept().is_err(), "the proxy was asked");
}

/// An installed program runs outside a workspace, and its own contract also has the corrections.
#[test]
fn a_check_without_a_workspace_uses_the_contract_of_the_build() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cmp-contract"));
        command.args(arguments).env_remove("CARGO_MANIFEST_DIR").current_dir(folder.path());
        command.output().expect("runs")
    };
    for only in ["get_card/200", "correction/031"] {
        let output = run(&["check", "--only", only]);
        assert_eq!(status(&output), Some(0), "{only}: {}", text(&output));
        let origin = concat!("built into cmp-contract ", env!("CARGO_PKG_VERSION"));
        assert!(text(&output).contains(origin), "{}", text(&output));
    }
    assert!(text(&run(&["check", "--help"])).contains("the one that this program was built with"));
    for other in [&["spec", "check"][..], &["diff", "HEAD", "HEAD"]] {
        let output = run(other);
        assert_eq!(status(&output), Some(1), "{}", text(&output));
        assert!(text(&output).contains("give one with --root"), "{}", text(&output));
    }
    let root = format!("{}/..", std::env::var("CARGO_MANIFEST_DIR").expect("cargo runs the tests"));
    let output = run(&["check", "--only", "get_card/200", "--root", &root]);
    assert!(!text(&output).contains("built into"), "{}", text(&output));
}

/// Writes a workspace whose contract says the same with references and ranges.
fn with_another_contract(folder: &Path, change: impl FnOnce(&mut Value)) {
    let root = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests")).join("..");
    let mut open = vec![std::path::PathBuf::from("openapi")];
    while let Some(path) = open.pop() {
        if root.join(&path).is_dir() {
            let entries = std::fs::read_dir(root.join(&path)).expect("a folder");
            open.extend(entries.map(|entry| path.join(entry.expect("an entry").file_name())));
            std::fs::create_dir_all(folder.join(&path)).expect("created");
        } else {
            std::fs::copy(root.join(&path), folder.join(&path)).expect("copied");
        }
    }
    let path = folder.join("openapi/cmp.json");
    let mut document: Value = serde_json::from_str(&read(&path)).expect("JSON");
    change(&mut document);
    std::fs::write(path, document.to_string()).expect("written");
}

/// Checks the creation of cards in the simulator by a contract.
async fn created_by(change: impl FnOnce(&mut Value)) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    with_another_contract(folder.path(), change);
    let root = folder.path().display().to_string();
    contract(&["--only", "create_card/", "--root", &root]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn references_and_ranges_mean_the_same_to_the_check() {
    let as_it_is = created_by(|_| {}).await;
    assert_eq!(status(&as_it_is), Some(0), "{}", text(&as_it_is));
    let output = created_by(|document| {
        let operation = &mut document["paths"]["/cards"]["post"];
        let body = std::mem::replace(
            &mut operation["requestBody"],
            json!({"$ref": "#/components/requestBodies/NewCard"}),
        );
        let answer = std::mem::replace(
            &mut operation["responses"]["401"],
            json!({"$ref": "#/components/responses/Unauthorized"}),
        );
        let range = operation["responses"].as_object_mut().expect("statuses").shift_remove("500");
        operation["responses"]["5XX"] = range.expect("a 500");
        let rest = operation["responses"].as_object_mut().expect("statuses").shift_remove("403");
        operation["responses"]["default"] = rest.expect("a 403");
        document["components"]["requestBodies"] = json!({"NewCard": body});
        document["components"]["responses"] = json!({"Unauthorized": answer});
    })
    .await;
    // Each line ends with the time that the check took.
    let said = |output: &Output| -> Vec<String> {
        text(output).lines().map(|line| line.split(" (").next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(said(&output), said(&as_it_is));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_compared_through_references() {
    let output = created_by(|document| {
        let mut body = document["paths"]["/cards"]["post"]["requestBody"].take();
        body["content"]["application/vnd.api+json"]["schema"] = json!({"required": ["more"]});
        document["paths"]["/cards"]["post"]["requestBody"] =
            json!({"$ref": "#/components/requestBodies/NewCard"});
        document["components"]["requestBodies"] = json!({"NewCard": body});
    })
    .await;
    assert!(text(&output).contains("BROKEN   create_card/201"), "{}", text(&output));
    let output = created_by(|document| {
        let content = &mut document["paths"]["/cards"]["post"]["requestBody"]["content"];
        *content = json!({"application/json": content["application/vnd.api+json"]});
    })
    .await;
    assert!(text(&output).contains("request/content-type"), "{}", text(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_none_is_no_check_that_passes() {
    let output = created_by(|document| {
        let answer = &mut document["paths"]["/cards"]["post"]["responses"]["201"];
        answer["content"]["application/vnd.api+json"]["schema"] = json!({"type": "text"});
    })
    .await;
    assert!(text(&output).contains("a schema of the contract that can be used"), "{}", text(&output));
}
