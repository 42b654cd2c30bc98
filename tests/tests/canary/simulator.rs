//! The simulator's own outputs: its log, its control API, and what its handle returns.

use cmp_simulator::{Protocol, Simulator};
use workspace_tests::marks::{
    ALIAS, EMAIL, HOLDER, MARKS, METADATA, PAN, PHONE, POSTAL_CODE, STREET, assert_none, found,
};

use crate::{
    calls::{Clients, new_card},
    faults, log,
};

/// Returns the response to a GET, without a proxy of the environment.
async fn get(url: String) -> reqwest::Response {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    http.get(url).send().await.expect("an answer")
}

/// What the simulator's handle and control API return.
pub(crate) async fn shown(simulator: &Simulator) -> String {
    let mut shown = format!("{:?} {:?} {:?}", simulator.requests(), simulator.cards(), simulator.settings());
    shown += &format!("{:?}", simulator.webhooks().sent());
    for path in ["", "/requests", "/counts", "/cards", "/faults", "/webhooks", "/settings"] {
        let url = format!("{}/_simulator{path}", simulator.url());
        let answer = get(url).await;
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        shown += &answer.text().await.expect("a text");
    }
    shown
}

#[tokio::test]
async fn the_control_api_and_the_log_show_no_secret() {
    let simulator = faults::simulator(Protocol::Http1);
    let clients = Clients::at(simulator.url(), &simulator.token_url(), None, None);
    clients.call_everything().await;
    let card = clients.cmp.cards().create(new_card()).await.expect("a card").into_card();
    simulator.world().suspend_token(card.id.as_str()).expect("a network token");
    simulator.world().update_card(card.id.as_str()).expect("a card");
    let shown = shown(&simulator).await;
    assert!(shown.contains(card.id.as_str()), "nothing is shown");
    // What a test stored beside the card data it can look at, but not in the log.
    let personal = [HOLDER, EMAIL, PHONE, STREET, POSTAL_CODE, METADATA];
    let secrets: Vec<_> =
        MARKS.into_iter().filter(|mark| !personal.contains(mark) && *mark != ALIAS).collect();
    assert_none(&shown, &secrets, "the simulator");
    let logged = log::kept();
    assert!(logged.contains("cmp_simulator"), "the simulator logs nothing");
    assert_none(&logged, &MARKS, "the log");
}

#[tokio::test]
async fn the_debug_data_of_the_simulator_do_repeat_the_request() {
    // Otherwise the faults above would prove nothing.
    let simulator = faults::simulator(Protocol::Http1);
    let echo = cmp_simulator::Fault::status(400).json(serde_json::json!({ "said": PAN.value }));
    simulator.faults().add(echo.on(cmp_simulator::Operation::GetCard));
    let answer = get(format!("{}/cards/CRD1", simulator.url())).await;
    assert!(!found(&answer.text().await.expect("a text"), &MARKS).is_empty());
}
