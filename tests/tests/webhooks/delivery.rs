//! From the simulator through a socket to a view of the card.

use std::{
    future::IntoFuture,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use cmp::{
    Client, Environment, Expiry, NewCard, Pan, ServiceAccount,
    cards::CardEvent,
    network_tokens::NetworkTokenState,
    v1::{self, NewEnrollment, PanAlias},
    webhooks::{
        Applied, CardView, Deduplicator, Event, Handled, StoreError, Verifier, WebhookError, WebhookSecret,
    },
};
use cmp_simulator::{
    CardUpdateEvent, NetworkTokenState as Simulated, Operation, Settings, Simulator, TokenArrival,
    webhooks::{DeliveryOrder, Outcome, Signing},
};
use futures_util::{StreamExt, stream};
use tokio::{net::TcpListener, sync::broadcast, task::JoinHandle};

use crate::samples::PAN;

const SECRET: &str = "whsec_test";

struct Receiver {
    verifier: Verifier,
    once: Deduplicator,
    events: Mutex<Vec<Event>>,
    refused: Mutex<Vec<WebhookError>>,
    /// Events for a wait.
    news: broadcast::Sender<Event>,
}

async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let event = match receiver.verifier.verify(&headers, &body).and_then(|verified| verified.parse()) {
        Ok(event) => event,
        Err(error) => {
            receiver.refused.lock().unwrap().push(error);
            return StatusCode::UNAUTHORIZED;
        }
    };
    let work = async || -> Result<(), StoreError> {
        receiver.events.lock().unwrap().push(event.clone());
        receiver.news.send(event.clone()).ok();
        Ok(())
    };
    match receiver.once.handle(&event, work).await {
        Ok(Handled::Now(()) | Handled::Before) => StatusCode::NO_CONTENT,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

struct Setup {
    simulator: Simulator,
    cmp: Client,
    receiver: Arc<Receiver>,
    serving: JoinHandle<()>,
}

impl Setup {
    async fn start(secret: &str, change: impl FnOnce(&mut Settings)) -> Self {
        let receiver = Arc::new(Receiver {
            verifier: Verifier::new(WebhookSecret::new(SECRET).unwrap()),
            once: Deduplicator::in_memory(100),
            events: Mutex::default(),
            refused: Mutex::default(),
            news: broadcast::Sender::new(100),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
        let router = Router::new().route("/webhooks", post(receive)).with_state(Arc::clone(&receiver));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

        let simulator = Simulator::builder().webhook(url, secret).unwrap().start().await.unwrap();
        simulator.configure(change);
        let environment = Environment::custom(simulator.url(), simulator.token_url()).unwrap();
        let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
        let cmp = Client::builder(environment).service_account(account).build().unwrap();
        Self { simulator, cmp, receiver, serving }
    }

    fn v1(&self) -> v1::Client {
        let environment = v1::Environment::custom(self.simulator.url(), self.simulator.token_url()).unwrap();
        let account = ServiceAccount::new(self.simulator.client_id(), self.simulator.client_secret());
        v1::Client::builder(environment).service_account(account).build().unwrap()
    }

    async fn events(&self) -> Vec<Event> {
        self.simulator.webhooks().settled().await;
        self.receiver.events.lock().unwrap().clone()
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn new_card() -> NewCard {
    NewCard::new(Pan::new(PAN).unwrap(), Expiry::new(12, 2030).unwrap())
}

#[tokio::test]
async fn a_webhook_wakes_a_wait() {
    let setup = Setup::start(SECRET, |settings| settings.token_arrival = TokenArrival::Held).await;
    let stored = setup.cmp.cards().create(new_card()).await.unwrap();
    let id = stored.id();
    let news = setup.receiver.news.subscribe();
    let events = stream::unfold(news, async |mut news| Some((news.recv().await.ok()?, news))).boxed();
    let hour = Duration::from_secs(3600);
    let waiting = setup.cmp.network_tokens().wait_for(id).deadline(2 * hour).polls(hour, hour).events(events);
    let delivery = async {
        while setup.simulator.count(Operation::GetCard) == 0 {
            tokio::task::yield_now().await;
        }
        setup.simulator.world().deliver_token(id.as_str()).unwrap();
    };
    let both = async { tokio::join!(waiting.into_future(), delivery).0 };
    let token = tokio::time::timeout(Duration::from_secs(60), both).await.expect("the event wakes it");
    assert!(token.unwrap().is_usable());
}

#[tokio::test]
async fn a_view_kept_by_events_is_what_a_get_would_show() {
    let setup = Setup::start(SECRET, |_| ()).await;
    let stored = setup.cmp.cards().create(new_card()).await.unwrap();
    let id = stored.id();
    let world = setup.simulator.world();
    let mut view = CardView::new(id.clone());
    for step in 0..5 {
        match step {
            0 => {}
            1 => world.suspend_token(id.as_str()).unwrap(),
            2 => world.resume_token(id.as_str()).unwrap(),
            3 => world.update_card(id.as_str()).unwrap(),
            _ => world.report_update(id.as_str(), CardUpdateEvent::Closed).unwrap(),
        }
        for event in setup.events().await {
            view.apply(&event);
        }
        let card = setup.cmp.cards().get(id).await.unwrap();
        let token = &card.network_tokens[0];
        let known = view.network_token().unwrap();
        assert_eq!(known.state(), Some(&token.state), "step {step}");
        assert_eq!((known.last4(), known.expiry()), (token.last4.as_deref(), token.expiry), "step {step}");
        assert_eq!((view.last4(), view.expiry()), (card.last4.as_deref(), card.expiry), "step {step}");
        let event = card.updates.last().and_then(|update| update.event.as_ref());
        assert_eq!(view.account_updater(), event, "step {step}");
        assert_eq!(view.clone().read(&card), Applied::Unchanged, "step {step}");
        let read = CardView::of(&card);
        assert_eq!(read.network_token().unwrap().state(), known.state());
        assert_eq!((read.last4(), read.expiry()), (view.last4(), view.expiry()));
    }
}

#[tokio::test]
async fn a_view_of_a_v1_alias_is_what_a_get_would_show() {
    let setup = Setup::start(SECRET, |_| ()).await;
    let v1 = setup.v1();
    let alias: PanAlias = "5573495XKjDP28V7312".parse().unwrap();
    let world = setup.simulator.world();
    let mut view = CardView::of_alias(alias.clone());
    v1.enroll(NewEnrollment::new(alias.clone(), Expiry::new(12, 2030).unwrap())).await.unwrap();
    for step in 0..6 {
        match step {
            0 => {}
            1 => world.change_v1_token(alias.as_str(), Simulated::Suspended).unwrap(),
            2 => world.change_v1_token(alias.as_str(), Simulated::Activated).unwrap(),
            3 => world.use_v1_token(alias.as_str()).unwrap(),
            4 => world.report_v1_update(alias.as_str(), CardUpdateEvent::Expired).unwrap(),
            _ => drop(v1.delete(&alias).await.unwrap()),
        }
        for event in setup.events().await {
            view.apply(&event);
        }
        let token = v1.get(&alias).await.unwrap();
        let known = view.network_token().unwrap();
        assert_eq!(known.state(), Some(&token.state), "step {step}");
        assert_eq!((known.last4(), known.expiry()), (token.last4.as_deref(), token.expiry), "step {step}");
        let card = token.card.unwrap();
        assert_eq!((view.last4(), view.expiry()), (card.last4.as_deref(), card.expiry), "step {step}");
    }
    assert_eq!(view.account_updater(), Some(&CardEvent::Expired));
    assert_eq!(setup.events().await.len(), 7);
}

#[tokio::test]
async fn repeats_in_the_wrong_order_are_handled_once_and_give_the_same_view() {
    let setup = Setup::start(SECRET, |settings| {
        settings.webhooks.delay_seconds = 3600;
        settings.webhooks.order = DeliveryOrder::NewestFirst;
        settings.webhooks.duplicates = 2;
    })
    .await;
    let stored = setup.cmp.cards().create(new_card()).await.unwrap();
    let world = setup.simulator.world();
    world.suspend_token(stored.id().as_str()).unwrap();
    world.resume_token(stored.id().as_str()).unwrap();
    for _ in 0..3 {
        world.advance_clock(Duration::from_secs(3600));
        setup.simulator.webhooks().settled().await;
    }
    let sent = setup.simulator.webhooks().sent();
    assert_eq!(sent.iter().map(|sent| sent.attempts.len()).collect::<Vec<_>>(), [3; 3]);
    let events = setup.events().await;
    assert_eq!(events.len(), 3, "each was handled once");
    assert_eq!(events[0].id, *sent[2].event_id, "the newest came first");

    let mut view = CardView::new(stored.id().clone());
    for event in &events {
        view.apply(event);
    }
    assert_eq!(view.network_token().unwrap().state(), Some(&NetworkTokenState::Activated));
}

#[tokio::test]
async fn a_webhook_with_another_secret_is_refused_and_given_up() {
    let setup = Setup::start("whsec_another", |settings| settings.webhooks.attempts = 1).await;
    setup.cmp.cards().create(new_card()).await.unwrap();
    assert_eq!(setup.events().await, []);
    assert_eq!(*setup.receiver.refused.lock().unwrap(), [WebhookError::WrongSignature]);
    let sent = setup.simulator.webhooks().sent();
    assert_eq!((sent[0].outcome, sent[0].attempts[0].status), (Outcome::Failed, Some(401)));
}

#[tokio::test]
async fn each_wrong_signature_has_its_own_error() {
    let setup = Setup::start(SECRET, |_| ()).await;
    for signing in [
        Signing::Unsigned,
        Signing::WrongSecret,
        Signing::TamperedBody,
        Signing::OffBySeconds(-3600),
        Signing::OffBySeconds(3600),
    ] {
        setup.simulator.configure(|settings| settings.webhooks.signing = signing);
        setup.simulator.webhooks().send(r#"{ "id": "evt-1", "event": "cmp_card.painted" }"#);
        assert_eq!(setup.events().await, [], "{signing:?}");
    }
    let refused = setup.receiver.refused.lock().unwrap().clone();
    assert!(
        matches!(
            refused.as_slice(),
            [
                WebhookError::NoSignature,
                WebhookError::WrongSignature,
                WebhookError::WrongSignature,
                WebhookError::TooOld { .. },
                WebhookError::TooNew { .. },
            ]
        ),
        "{refused:?}"
    );
}
