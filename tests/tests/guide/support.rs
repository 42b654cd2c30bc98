use std::{future::Future, time::Duration};

use cmp::{CardId, Client, ClientBuilder, Environment, Expiry, NewCard, Pan, ServiceAccount};
use cmp_simulator::{Operation, Simulator};

/// A documented sandbox card (Mastercard) whose network token becomes active.
pub(crate) const ACTIVE: &str = "5100260000019206";
/// One whose network token fails.
pub(crate) const FAILED: &str = "5100260000009207";
/// One whose network token is suspended.
pub(crate) const SUSPENDED: &str = "5100260000029221";
/// An ordinary Visa test card.
pub(crate) const VISA: &str = "4111111111111111";

/// Ends a test that would otherwise hang; nothing waits for it to pass.
pub(crate) const FAR_TOO_LONG: Duration = Duration::from_secs(60);

pub(crate) fn builder(simulator: &Simulator) -> ClientBuilder {
    let environment =
        Environment::custom(simulator.url(), simulator.token_url()).expect("loopback is allowed");
    let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    Client::builder(environment).service_account(account)
}

pub(crate) fn client(simulator: &Simulator) -> Client {
    builder(simulator).build().expect("a complete builder")
}

/// A client of the account with this id, whose secret is `a-secret`.
pub(crate) fn client_of(simulator: &Simulator, account: &str) -> Client {
    let account = ServiceAccount::new(account, "a-secret");
    builder(simulator).service_account(account).build().expect("a complete builder")
}

pub(crate) async fn store(cmp: &Client, pan: &str) -> CardId {
    let card = NewCard::new(Pan::new(pan).expect("a test card"), Expiry::new(12, 2030).expect("a date"));
    cmp.cards().create(card).await.expect("a card that can be stored").id().clone()
}

/// Stores a card and lets its network token arrive, which the simulator does with the next look at the card.
pub(crate) async fn store_enrolled(cmp: &Client, pan: &str) -> CardId {
    let id = store(cmp, pan).await;
    let card = cmp.cards().get(&id).await.expect("the card was stored");
    assert!(!card.network_tokens.is_empty());
    id
}

/// Lets the client learn how network tokens are included, by a card that is gone afterwards. Until then it may ask twice.
pub(crate) async fn learn_to_ask_once(simulator: &Simulator, cmp: &Client) {
    let id = store(cmp, VISA).await;
    cmp.network_tokens().provision(&id).await.expect("a card that can have a token");
    assert!(cmp.cards().get(&id).await.expect("the card was stored").lists_network_tokens);
    cmp.cards().delete(&id).await.expect("the card was stored");
    simulator.forget_requests();
}

/// Runs `call`, and `then` once the simulator has got a request of `operation`.
pub(crate) async fn once_asked<T>(
    simulator: &Simulator,
    operation: Operation,
    call: impl Future<Output = T>,
    then: impl AsyncFnOnce(),
) -> T {
    let asked = async {
        while simulator.count(operation) == 0 {
            tokio::task::yield_now().await;
        }
        then().await;
    };
    let both = async { tokio::join!(call, asked).0 };
    tokio::time::timeout(FAR_TOO_LONG, both).await.expect("it hangs")
}
