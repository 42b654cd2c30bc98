//! Receives each webhook three times, and counts each once: the count is in the transaction that records the event.
//!
//! The embedded simulator plays the service. It stores a card, and suspends and resumes its network token. The database is
//! SQLite in a temporary file. The program ends by itself.

#![expect(clippy::print_stdout, reason = "the example shows each step")]

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use cmp::{
    Client, Environment, Expiry, NewCard, Pan, ServiceAccount,
    webhooks::{CardView, Event, LARGEST_BODY, Verifier, WebhookSecret},
};
use cmp_simulator::Simulator;
use cmp_store::{Store, views};
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};
use tokio::net::TcpListener;

/// A documented sandbox test card whose network token becomes active.
const TEST_PAN: &str = "5100260000099224";
/// In a real service from a secret store, as the dashboard shows it.
const SECRET: &str = "whsec_example";

struct Receiver {
    verifier: Verifier,
    pool: SqlitePool,
}

async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let event = match receiver.verifier.verify(&headers, &body).and_then(|verified| verified.parse()) {
        Ok(event) => event,
        Err(error) if error.is_unverified() => return StatusCode::UNAUTHORIZED,
        Err(_) => return StatusCode::BAD_REQUEST,
    };
    match receiver.handle(&event).await {
        Ok(is_new) => {
            println!("{}  {}", if is_new { "counted " } else { "repeated" }, &*event.name);
            StatusCode::NO_CONTENT
        }
        // Refused, so that it comes again.
        Err(error) => {
            println!("refused   {error:#}");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

impl Receiver {
    /// The record, the effect and the view are committed together.
    async fn handle(&self, event: &Event) -> Result<bool> {
        let mut transaction = self.pool.begin().await?;
        let is_new = cmp_store::record(&mut *transaction, "effects", event).await?;
        if is_new {
            sqlx::query("UPDATE effects SET count = count + 1").execute(&mut *transaction).await?;
            views::apply(&mut *transaction, event).await?;
        }
        transaction.commit().await?;
        Ok(is_new)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let options = SqliteConnectOptions::new().filename(folder.path().join("receiver.db"));
    let options = options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePool::connect_with(options).await?;
    let store = Store::new(pool.clone());
    store.migrate().await?;
    sqlx::query("CREATE TABLE effects (count BIGINT NOT NULL)").execute(&pool).await?;
    sqlx::query("INSERT INTO effects VALUES (0)").execute(&pool).await?;

    let verifier = Verifier::new(WebhookSecret::new(SECRET)?);
    let receiver = Arc::new(Receiver { verifier, pool: pool.clone() });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/webhooks", listener.local_addr()?);
    let limit = DefaultBodyLimit::max(LARGEST_BODY);
    let router = Router::new().route("/webhooks", post(receive)).layer(limit).with_state(receiver);
    tokio::spawn(async move { axum::serve(listener, router).await });

    let simulator = Simulator::builder().webhook(url, SECRET)?.start().await?;
    // Each event comes three times.
    simulator.configure(|settings| settings.webhooks.duplicates = 2);
    let environment = Environment::custom(simulator.url(), simulator.token_url())?;
    let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    let cmp = Client::builder(environment).service_account(account).build()?;

    let stored = cmp.cards().create(NewCard::new(Pan::new(TEST_PAN)?, Expiry::new(12, 2030)?)).await?;
    let id = stored.id();
    simulator.world().suspend_token(id.as_str())?;
    simulator.world().resume_token(id.as_str())?;
    simulator.webhooks().settled().await;

    let (effects,): (i64,) = sqlx::query_as("SELECT count FROM effects").fetch_one(&pool).await?;
    let (events,): (i64,) = sqlx::query_as("SELECT count(*) FROM cmp_events").fetch_one(&pool).await?;
    println!("\n{events} events, {effects} effects");
    ensure!(effects == events && events > 0, "an event was lost or counted twice");

    let view = store.load(CardView::new(id.clone())).await?;
    let token = view.network_token().context("no event had a network token")?;
    let state = token.state().map_or("unknown", |state| state.as_str());
    println!("{id} ends in {}, and its network token is {state}", view.last4().unwrap_or("(unknown)"));
    let card = cmp.cards().get(id).await?;
    ensure!(view.last4() == card.last4.as_deref() && token.is_usable(), "the view is out of date");
    println!("and so says the service");
    Ok(())
}
