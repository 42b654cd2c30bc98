//! The limit of an account's requests, and an account that outlives its simulator.

use std::future::ready;
use std::time::Duration;

use cmp_simulator::program::{self, Options};
use cmp_simulator::{CardUpdateEvent, Operation, RateLimit, Simulator, TokenArrival};

use serde_json::Value;

#[cfg(unix)]
use crate::control::Program;
use crate::support::{ALIAS, Answer, Client, JSON_API, MASTERCARD, VISA, card};
use crate::webhooks::{Receiver, SECRET};

/// Sends a request that is over the limit. The contract has the status for one operation only.
async fn refused(client: &Client, operation: Operation, id: &str) -> Answer {
    let request = client.request(operation, id).header("content-type", JSON_API);
    let response = request.body(card(VISA).to_string()).send().await.expect("an answer");
    Answer::read(response).await.expect("an answer").expect(429)
}

#[tokio::test]
async fn requests_beyond_the_limit_are_refused_and_change_nothing() {
    let mut limit = RateLimit::per_minute(60);
    limit.burst = Some(2);
    let simulator = Simulator::builder().rate_limit(limit).start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    client.get(&id).await.expect(200);
    let answer = refused(&client, Operation::CreateCard, "").await;
    assert_eq!((answer.error_code().as_str(), answer.header("retry-after")), ("too-many-requests", None));
    assert_eq!(simulator.cards().len(), 1);
    assert_eq!(simulator.count(Operation::CreateCard), 2);
    let v1 = refused(&client, Operation::GetV1NetworkToken, ALIAS).await;
    assert_eq!(v1.json()["errors"][0]["code"], "too-many-requests");
    // Requests for an access token don't count.
    for _ in 0..5 {
        Client::new(&simulator).await;
    }
    simulator.world().advance_clock(Duration::from_secs(1));
    client.get(&id).await.expect(200);
    simulator.configure(|settings| settings.rate_limit.as_mut().unwrap().retry_after = true);
    let answer = refused(&client, Operation::GetCard, &id).await;
    assert_eq!(answer.header("retry-after"), Some("1"));
    simulator.world().advance_clock(Duration::from_secs(600));
    client.get(&id).await.expect(200);
    client.get(&id).await.expect(200);
    refused(&client, Operation::GetCard, &id).await;
    simulator.configure(|settings| settings.rate_limit = None);
    client.get(&id).await.expect(200);
}

#[tokio::test]
async fn a_saved_account_goes_on_in_another_simulator() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let builder = || Simulator::builder().token_arrival(TokenArrival::Held).account_updater(true);
    let first = builder().start().await.unwrap();
    let client = Client::new(&first).await;
    let (old, pending) = (client.store(VISA).await, client.store(MASTERCARD).await);
    client.enroll(ALIAS).await;
    first.world().advance_clock(Duration::from_secs(3600));
    first.world().deliver_token(&old).unwrap();
    first.world().report_update(&old, CardUpdateEvent::Updated).unwrap();
    first.save(&file).unwrap();
    first.save(&file).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");

    let second = builder().restore(&file).start().await.unwrap();
    assert_eq!(second.cards(), first.cards());
    assert_eq!(second.v1_token(ALIAS), first.v1_token(ALIAS));
    let refused = client.with_token(client.access_token()).on_a_new_connection(&second).get(&old).await;
    refused.expect(401);
    let (client, again) = (Client::new(&first).await, Client::new(&second).await);
    let document = again.get(&old).await.expect(200).json();
    assert_eq!(document["data"], client.get(&old).await.expect(200).json()["data"]);
    second.world().deliver_token(&pending).unwrap();
    assert_eq!(second.card(&pending).unwrap().network_tokens.len(), 1);
    let stored = again.store(VISA).await;
    assert!(![old, pending].contains(&stored), "an id does not come twice");
    assert_eq!(second.cards().len(), 3);
}

#[tokio::test]
async fn events_after_a_restart_have_ids_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let receiver = Receiver::start().await;
    let builder = || Simulator::builder().webhook(receiver.url.as_str(), SECRET).unwrap();
    let first = builder().start().await.unwrap();
    let id = Client::new(&first).await.store(VISA).await;
    first.webhooks().settled().await;
    first.save(&file).unwrap();
    let mut ids = vec![first.webhooks().sent()[0].event_id.clone()];

    let saved: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let mut older = saved.clone();
    older.as_object_mut().unwrap().remove("event_ids");
    for state in [saved, older] {
        std::fs::write(&file, state.to_string()).unwrap();
        for _ in 0..2 {
            let next = builder().restore(&file).start().await.unwrap();
            next.world().suspend_token(&id).unwrap();
            next.webhooks().settled().await;
            let event_id = next.webhooks().sent()[0].event_id.clone();
            assert!(!ids.contains(&event_id), "{event_id} comes again: {ids:?}");
            ids.push(event_id);
            next.save(&file).unwrap();
        }
    }
}

#[tokio::test]
async fn what_is_no_state_of_this_version_is_refused_without_repeating_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let restored = async |text: &str| {
        std::fs::write(&file, text).unwrap();
        let refused = Simulator::builder().restore(&file).start().await;
        refused.expect_err("no state").to_string()
    };
    assert!(
        restored(r#"{"version": 2, "later": true}"#).await.contains("version 2 of the state is not known")
    );
    for text in ["", "[]", "4111111111111111", r#"{"version": "4111111111111111"}"#, r#"{"version": 1}"#] {
        let message = restored(text).await;
        assert!(message.contains("not a state of a simulator") && !message.contains("4111"), "{message}");
    }
    Simulator::start().await.unwrap().save(&file).unwrap();
    let whole = std::fs::read_to_string(&file).unwrap();
    let odd = whole.replacen("\"cards\":[]", "\"cards\":[{\"pan\":4111111111111111}]", 1);
    assert_ne!(odd, whole);
    let message = restored(&odd).await;
    assert!(message.contains("line 1") && !message.contains("4111"), "{message}");
    for seconds in [i64::MAX, i64::MAX / 1000, 40_000_000_000, -1, i64::MIN] {
        let ahead = format!("\"clock_ahead_seconds\":{seconds}");
        let odd = whole.replacen("\"clock_ahead_seconds\":0", &ahead, 1);
        assert_ne!(odd, whole);
        let message = restored(&odd).await;
        assert!(message.contains("not a state of a simulator"), "{seconds}: {message}");
    }
    let nowhere = folder.path().join("missing/state.json");
    assert!(Simulator::builder().restore(&nowhere).start().await.is_err());
    assert!(Simulator::start().await.unwrap().save(&nowhere).is_err());
}

#[tokio::test]
async fn the_program_starts_without_a_file_and_writes_it_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::default();
    options.state = Some(folder.path().join("state.json"));
    for _ in 0..2 {
        program::run(&options, None, ready(())).await.unwrap();
        assert!(options.state.as_ref().unwrap().exists());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_program_keeps_its_cards_when_it_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json").display().to_string();
    let mut stored: Vec<String> = Vec::new();
    for signal in ["-TERM", "-INT", "-TERM"] {
        let program = Program::start(&["--state", &file]).await;
        let client = Client::at(&program.url, "AC-simulator", "simulator-client-secret").await;
        for id in &stored {
            assert_eq!(&client.get(id).await.expect(200).id(), id);
        }
        stored.push(client.store(VISA).await);
        program.interrupt(signal).await;
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_fails_before_there_is_something_to_lose() {
    let mut options = Options::default();
    options.state = Some("missing/state.json".into());
    let never = async { unreachable!("it runs") };
    assert!(program::run(&options, None, never).await.is_err());
}
