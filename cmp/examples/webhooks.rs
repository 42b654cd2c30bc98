//! Receives webhooks with axum, and keeps a view of a card up to date.
//!
//! The embedded simulator plays the service. It stores a card, suspends and resumes its network token, and issues a new
//! card. It sends a signed webhook about each, twice. The program ends by itself.

#![expect(clippy::print_stdout, reason = "the example shows each step")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result, ensure};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use cmp::{
    CardId, Client, Environment, Expiry, NewCard, Pan, ServiceAccount,
    webhooks::{Applied, CardView, Deduplicator, Event, Handled, LARGEST_BODY, Verifier, WebhookSecret},
};
use cmp_simulator::Simulator;
use tokio::net::TcpListener;

/// A documented sandbox test card whose network token becomes active.
const TEST_PAN: &str = "5100260000099224";
/// In a real service from a secret store, as the dashboard shows it.
const SECRET: &str = "whsec_example";

/// The state of the receiver. A real one stores the views in its database, and the ids of events too if it has several
/// instances.
struct Receiver {
    verifier: Verifier,
    once: Deduplicator,
    views: Mutex<HashMap<CardId, CardView>>,
}

/// `Bytes` and not a JSON extractor, because the signature is over the body as it came.
async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let event = match receiver.verifier.verify(&headers, &body).and_then(|verified| verified.parse()) {
        Ok(event) => event,
        Err(error) => {
            println!("refused       {error}");
            return if error.is_unverified() { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        }
    };
    match receiver.once.handle(&event, async || receiver.handle(&event)).await {
        Ok(Handled::Now(applied)) => {
            let applied = format!("{applied:?}").to_lowercase();
            println!("{applied:<13} {} at {:?}", &*event.name, event.happened_at());
            StatusCode::NO_CONTENT
        }
        Ok(Handled::Before) => StatusCode::NO_CONTENT,
        // Refused, so that it comes again.
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl Receiver {
    fn handle(&self, event: &Event) -> Result<Applied> {
        let Some(id) = event.card_id() else { return Ok(Applied::NotThisCard) };
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(views.entry(id.clone()).or_insert_with(|| CardView::new(id.clone())).apply(event))
    }

    fn view(&self, id: &CardId) -> Option<CardView> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let receiver = Arc::new(Receiver {
        verifier: Verifier::new(WebhookSecret::new(SECRET)?),
        once: Deduplicator::in_memory(10_000),
        views: Mutex::default(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/webhooks", listener.local_addr()?);
    let router = Router::new().route("/webhooks", post(receive));
    // Anybody may send a body, and its signature is computed before the sender is known.
    let router = router.layer(DefaultBodyLimit::max(LARGEST_BODY)).with_state(Arc::clone(&receiver));
    tokio::spawn(async move { axum::serve(listener, router).await });

    let simulator = Simulator::builder().webhook(url, SECRET)?.start().await?;
    simulator.configure(|settings| settings.webhooks.duplicates = 1);
    let environment = Environment::custom(simulator.url(), simulator.token_url())?;
    let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    let cmp = Client::builder(environment).service_account(account).build()?;

    let stored = cmp.cards().create(NewCard::new(Pan::new(TEST_PAN)?, Expiry::new(12, 2030)?)).await?;
    let id = stored.id();
    simulator.world().suspend_token(id.as_str())?;
    simulator.world().resume_token(id.as_str())?;
    simulator.world().update_card(id.as_str())?;
    simulator.webhooks().settled().await;

    let view = receiver.view(id).context("no event came")?;
    println!("\n{id} by its events:");
    println!("  card          ends in {}, expires {}", show(view.last4()), show(view.expiry()));
    println!("  updater       {}", show(view.account_updater()));
    println!("  network token {}", show(view.network_token().and_then(|token| token.state())));

    let card = cmp.cards().get(id).await?;
    ensure!((view.last4(), view.expiry()) == (card.last4.as_deref(), card.expiry), "the view is out of date");
    println!("and so says the service");
    Ok(())
}

fn show(value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(|| "(unknown)".to_owned(), |value| value.to_string())
}
