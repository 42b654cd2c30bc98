//! `cargo xtask contract` as a program, against a service of which it knows the address alone.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use cmp_simulator::{Fault, Operation, Simulator};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.arg("contract").args(arguments);
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
    // 3: what a setting of the simulator would show, its default doesn't.
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
    assert!(text(&output).contains("1 test cards could not be deleted"), "{}", text(&output));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn who_is_interrupted_cleans_up() {
    let simulator = Simulator::start().await.expect("starts");
    simulator.faults().add(Fault::hang().on(Operation::GetCard));
    let mut command = command(&["--base-url", simulator.url(), "--only", "a_stored_card_is_read_back"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    while simulator.count(Operation::GetCard) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(simulator.cards().len(), 1);
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("runs");
    assert!(interrupt.success());
    let output = tokio::task::spawn_blocking(|| child.wait_with_output().expect("ends")).await.expect("ends");
    assert_eq!((status(&output), simulator.cards().len()), (Some(2), 0), "{}", text(&output));
    assert!(text(&output).contains("interrupted; the stored test cards are deleted"), "{}", text(&output));
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
