//! Every public type of `cmp` and `cmp-store`, full of marks: none is in its `Debug`, nor in what it is stored as.
//!
//! The names come from `cmp/public-api.txt` and `cmp-store/public-api.txt`, so a new type can't be forgotten.

use std::{collections::BTreeSet, env, fs, path::Path, str::FromStr, time::Duration};

use cmp::{
    auth::{AccessToken, AccessTokenError, AuthState},
    clock::{ManualClock, SystemClock},
    operation::Operation,
    payments::Credential,
    webhooks::{
        Applied, CardView, Claim, ClaimOutcome, Deduplicator, Details, Event, EventStore as _, Handled,
        MemoryStore, SignatureScheme, Signer, StoreError, Verifier, WebhookSecret,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use sqlx::{Connection as _, postgres::PgPoolOptions, sqlite::SqliteConnection};
use workspace_tests::{
    decoders,
    marks::{
        ACCESS_TOKEN, ALIAS, CLIENT_SECRET, CRYPTOGRAM, CVC, EMAIL, MARKS, METADATA, Mark, NETWORK_TOKEN,
        PAN, PROXY_PASSWORD, WEBHOOK_SECRET, assert_none, found, recognizable,
    },
};

use crate::{
    calls::{self, Clients, card_id, cardholder, changes, expiry, new_card, set},
    hostile::{Hostile, Plan, Shape},
};

/// Types without values, which only name a form of cryptogram.
const WITHOUT_VALUES: [&str; 2] = ["cmp::network_tokens::Dtvv", "cmp::network_tokens::Tavv"];

/// Types that are stored as the text they were made of, in the order of the samples. A view is stored with its alias.
const STORED_AS_THEY_ARE: [&str; 5] = [
    "cmp::cards::CardEvent",
    "cmp::network_tokens::NetworkTokenState",
    "cmp::v1::PanAlias",
    "cmp::webhooks::CardView",
    "cmp::Text",
];

/// What is shown and stored of a value.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) debug: String,
    /// `None` if the type can't be stored
    pub(crate) json: Option<String>,
    /// Whether it can be read with serde
    pub(crate) is_read: bool,
    /// Whether it can be parsed
    pub(crate) is_parsed: bool,
}

pub(crate) struct Probe<'a, T>(pub(crate) &'a T);

/// Which of the two traits a call on `&&Probe` means depends on whether `T` is `Serialize`.
pub(crate) trait Stored {
    fn json(&self) -> Option<String>;
}

impl<T: Serialize> Stored for &Probe<'_, T> {
    fn json(&self) -> Option<String> {
        Some(serde_json::to_string(self.0).expect("JSON"))
    }
}

pub(crate) trait NotStored {
    fn json(&self) -> Option<String>;
}

impl<T> NotStored for Probe<'_, T> {
    fn json(&self) -> Option<String> {
        None
    }
}

/// The same for questions whose answer is yes or no.
macro_rules! questions {
    ($($question:ident: $yes:ident, $no:ident, $bound:path;)*) => {$(
        pub(crate) trait $yes {
            fn $question(&self) -> bool {
                true
            }
        }

        impl<T: $bound> $yes for &Probe<'_, T> {}

        pub(crate) trait $no {
            fn $question(&self) -> bool {
                false
            }
        }

        impl<T> $no for Probe<'_, T> {}
    )*};
}

questions! {
    is_read: Read, NotRead, DeserializeOwned;
    is_parsed: Parsed, NotParsed, FromStr;
}

/// A sample of each type, from a value of it.
macro_rules! samples {
    ($($type:ty: $value:expr;)*) => {{
        #[allow(unused_imports, reason = "not every list has types of both kinds")]
        use crate::types::{
            NotParsed as _, NotRead as _, NotStored as _, Parsed as _, Probe, Read as _, Sample, Stored as _,
        };
        vec![$({
            let value: $type = $value;
            let name = stringify!($type).replace(' ', "");
            Sample {
                name: name.split('<').next().unwrap_or_default().to_owned(),
                debug: format!("{value:?} {value:#?}"),
                json: (&&Probe(&value)).json(),
                is_read: (&&Probe(&value)).is_read(),
                is_parsed: (&&Probe(&value)).is_parsed(),
            }
        }),*]
    }};
}
pub(crate) use samples;

/// A file of the repository.
fn file(name: &str) -> String {
    let package = env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    fs::read_to_string(Path::new(&package).join("..").join(name)).expect("a file")
}

/// The structs and enums of the public API.
fn public_types() -> BTreeSet<String> {
    let api = file("cmp/public-api.txt") + &file("cmp-store/public-api.txt");
    let types = api.lines().filter_map(|line| {
        let line = line.strip_prefix("#[non_exhaustive] ").unwrap_or(line);
        let name = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "))?;
        let end = name.find(['<', '(', ' ']).unwrap_or(name.len());
        Some(name[..end].to_owned())
    });
    types.collect()
}

#[test]
fn the_security_page_lists_each_type_that_holds_card_data() {
    let api = file("cmp/public-api.txt");
    // A field, or the value of a variant: `pub cmp::Card::pan: Option<cmp::Pan>`.
    let fields: Vec<(&str, &str)> = api
        .lines()
        .filter_map(|line| line.strip_prefix("pub ")?.split_once(": ").or_else(|| line[4..].split_once('(')))
        .filter(|(path, _)| path.starts_with("cmp::"))
        .collect();
    let mut holders: BTreeSet<&str> = [
        "cmp::Pan",
        "cmp::Cvc",
        "cmp::cards::UpdatedValue",
        "cmp::network_tokens::CryptogramValue",
        "cmp::network_tokens::NetworkTokenNumber",
        "cmp::webhooks::DetailValue",
    ]
    .into();
    loop {
        let before = holders.len();
        for (path, of) in &fields {
            let mut words = of.split(|c: char| !c.is_alphanumeric() && !":_".contains(c));
            // The type is the first name with a capital letter.
            let start =
                path.match_indices("::").find(|(at, _)| path[at + 2..].starts_with(char::is_uppercase));
            if words.any(|word| holders.contains(word))
                && let Some((start, _)) = start
            {
                let end = path[start + 2..].find("::").map_or(path.len(), |length| start + 2 + length);
                holders.insert(&path[..end]);
            }
        }
        if holders.len() == before {
            break;
        }
    }
    assert!(holders.contains("cmp::webhooks::Event"), "{holders:?}");
    let page = file("SECURITY.md");
    let (_, notes) = page.split_once("## PCI DSS notes").expect("a table");
    let table: String = notes.lines().filter(|line| line.starts_with("| `")).collect();
    let is_listed =
        |name: &str| [format!("`{name}`"), format!("::{name}`")].iter().any(|name| table.contains(name));
    let missing: Vec<_> = holders
        .into_iter()
        .filter(|holder| !is_listed(holder.rsplit("::").next().unwrap_or(holder)))
        .collect();
    assert!(missing.is_empty(), "not in the table of SECURITY.md: {missing:?}");
}

/// Every mark that is recognized outside its own place.
fn every_mark() -> String {
    recognizable().iter().map(|mark| mark.value).collect::<Vec<_>>().join(" ")
}

/// A text that the service chose badly.
fn text() -> cmp::Text {
    every_mark().into()
}

fn event(name: &str, details: &serde_json::Value) -> Event {
    let body = json!({"id": PAN.value, "event": name, "description": every_mark(), "summary": every_mark(),
        "timestamp": PAN.value, "scope": PAN.value, "fingerprint": every_mark(), "tenant": every_mark(),
        "producer": {"application_name": every_mark(), "application_protocol": PAN.value}, "details": details});
    Event::parse_unverified(body.to_string().as_bytes()).expect("an event")
}

fn token_event() -> Event {
    event(
        "cmp_network_token.updated",
        &json!({"card_id": card_id(), "network_token_id": "NTKpRRhGgX6cRRNh7C8TWKGjE",
            "network_token": NETWORK_TOKEN.value, "network_token_last4": PAN.value, "state": PAN.value,
            "reason_code": PAN.value, "reason_text": every_mark(), "card_bin": PAN.value, "card_last4": PAN.value,
            "pan_alias": ALIAS.value, "payment_account_reference": PAN.value, "tenant_id": every_mark(),
            "updated_at": "2025-01-15T10:00:00Z"}),
    )
}

fn update_event() -> Event {
    event(
        "cmp_au_card.updated",
        &json!({"card_id": card_id(), "card_last4": PAN.value, "card_first8": PAN.value, "card_bin": PAN.value,
            "card_fingerprint": every_mark(), "new_account_number": PAN.value, "old_account_number": PAN.value,
            "occurred_at": "2025-01-15T10:00:00Z", "reason_code": PAN.value, "reason_text": every_mark()}),
    )
}

fn other_event() -> Event {
    event("later.event", &json!({PAN.value: PAN.value, "cvc": CVC.value, "note": every_mark()}))
}

fn view() -> CardView {
    let mut view = CardView::of_alias(alias());
    view.apply(&token_event());
    view.apply(&update_event());
    view
}

/// A store in which each mark is the id of an event that was handled, and of another that is.
async fn with_events() -> MemoryStore {
    let store = MemoryStore::new(100);
    for mark in MARKS {
        let ClaimOutcome::Claimed(claim) = store.claim(mark.value).await.expect("memory") else {
            panic!("claimed before")
        };
        store.complete(mark.value, claim).await.expect("memory");
        store.claim(&format!("{} again", mark.value)).await.expect("memory");
    }
    store
}

fn alias() -> cmp::v1::PanAlias {
    calls::alias()
}

fn secret(mark: Mark) -> WebhookSecret {
    WebhookSecret::new(mark.value).expect("a secret")
}

/// What a hook can print of the head of an answer.
async fn answer_head(cmp: &cmp::Client) -> String {
    let (sender, shown) = std::sync::mpsc::channel();
    let watched = cmp.on_answer(move |head| drop(sender.send(format!("{head:?} {head:#?}"))));
    watched.cards().get(&card_id()).await.expect("a card");
    shown.recv().expect("an answer")
}

#[tokio::test]
#[expect(unused_qualifications, reason = "the names are those of the public API")]
async fn no_public_type_shows_or_stores_a_secret() {
    let server = Hostile::http1();
    let plan = |status, shape| server.answer(Plan { status, shape, for_tokens: false });
    let Clients { cmp, v1, .. } = &Clients::of(&server);
    let id = &card_id();
    let card = cmp.cards().get(id).await.expect("a card");
    let v1_token = v1.get(&alias()).await.expect("a token");
    let first_payment = || cmp::payments::NetworkTransactionId::new("123456789012345").expect("an id");
    let payments = cmp.payments();
    let customer_initiated = payments.customer_initiated(id).await.expect("a credential");
    let merchant_initiated = payments.merchant_initiated(id, first_payment()).await.expect("a credential");
    let card_form = payments.card_form(id).await.expect("a credential");
    let cryptogram = cmp.network_tokens().cryptogram(id).await.expect("a cryptogram");
    let asked = cmp.network_tokens().cryptogram(id);
    let custom = cmp::Environment::custom(&server.url, format!("{}/token", server.url)).expect("loopback");
    let cmp::Environment::Custom(custom_environment) = custom.clone() else { panic!("a custom one") };
    let v1_environment =
        cmp::v1::Environment::custom(&server.url, format!("{}/token", server.url)).expect("loopback");
    plan(200, Shape::PanOnly);
    let Ok(Credential::Pan(pan_payment)) = payments.card_form(id).or_pan().await else { panic!("no PAN") };
    let by_merchant = payments.merchant_initiated(id, first_payment()).or_pan().await;
    let Ok(Credential::Pan(pan_on_file)) = by_merchant else { panic!("no PAN") };
    plan(400, Shape::Errors);
    let error = cmp.cards().create(new_card()).await.expect_err("a refusal");
    let detail = error.details().first().expect("a detail").clone();
    plan(200, Shape::Scattered);
    let scattered = cmp.cards().get(id).await.expect("a card");
    let no_token = scattered.network_token().expect_err("nothing usable");
    let drift = cmp.drift();
    let over = || cmp.bulk().over([id.clone()]);
    let signer = || Signer::new(secret(WEBHOOK_SECRET)).also(secret(CLIENT_SECRET));
    let verifier = || Verifier::new(secret(WEBHOOK_SECRET)).also(secret(CLIENT_SECRET));
    let body = every_mark();
    let signature = signer().sign(body.as_bytes());
    let forged = verifier().verify_value(&format!("t=1,v0={}", every_mark()), body.as_bytes());
    let no_event = json!({"id": [body], "event": body, body.as_str(): body}).to_string();
    let store = cmp_store::Store::open("sqlite::memory:").await.expect("a database");
    let refused_run = store.claim_run(&body).await.expect_err("a card number");
    let wrong_url = format!("mysql://user:{}@{}/{}", PROXY_PASSWORD.value, EMAIL.value, PAN.value);
    let wrong_url = cmp_store::Store::open(&wrong_url).await.expect_err("no such database");
    let cmp_store::Error::Database { cause, .. } = wrong_url.clone() else { panic!("{wrong_url:?}") };
    let url = format!("postgres://user:{}@127.0.0.1:9/{}", PROXY_PASSWORD.value, PAN.value);
    let postgres = PgPoolOptions::new().connect_lazy(&url).expect("a URL");
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.expect("a database");
    let holder = v1_token.card.as_ref().and_then(|card| card.holder.clone()).expect("a holder");
    let art = card.network_tokens[0].card_art.clone().expect("card art");

    let samples = samples! {
        cmp::account_updater::AccountUpdater<'_>: cmp.account_updater();
        cmp::account_updater::Decision: card.updates[0].event.as_ref().expect("an event").decision();
        cmp::auth::AuthState: AuthState::Failed { error: AccessTokenError::from(cmp::Pan::new(PAN.value.to_owned() + "x").expect_err("no PAN")), still_usable: true };
        cmp::auth::AccessToken: AccessToken::new(ACCESS_TOKEN.value).expect("a token");
        cmp::auth::AccessTokenError: AccessToken::new(every_mark()).expect_err("spaces").into();
        cmp::auth::ServiceAccount: calls::account();
        cmp::bulk::Bulk: cmp.bulk();
        cmp::bulk::BulkHandle: over().get().handle();
        cmp::bulk::BulkOver<_>: cmp.bulk().over([(id.clone(), changes())]);
        cmp::bulk::BulkProgress: over().get().progress();
        cmp::bulk::BulkRun<_, cmp::Card>: cmp.bulk().over([(id.clone(), changes())]).update();
        cmp::bulk::BulkRun<_, cmp::Stored, String>: cmp.bulk().over([(every_mark(), new_card())]).create();
        cmp::bulk::Checkpoint: over().delete().checkpoint();
        cmp::bulk::Remaining<_>: cmp.bulk().over([(id.clone(), changes())]).update().into_remaining();
        cmp::cards::Capability: every_mark().parse().expect("any text");
        cmp::cards::CardEvent: every_mark().parse().expect("any text");
        cmp::cards::Include: cmp::cards::Include::Other(every_mark());
        cmp::cards::StoredNumber: card.number().expect("a number");
        cmp::cards::SubscriptionState: every_mark().parse().expect("any text");
        cmp::cards::TokenType: every_mark().parse().expect("any text");
        cmp::cards::WalletType: every_mark().parse().expect("any text");
        cmp::cards::CardUpdate: card.updates[0].clone();
        cmp::cards::CardUpdateSubscription: card.update_subscriptions[0].clone();
        cmp::cards::Cards<'_>: cmp.cards();
        cmp::cards::EnrichedAttributes: card.enriched.clone().expect("attributes");
        cmp::cards::GetCard<'_>: cmp.cards().get(id).include([cmp::cards::Include::Other(every_mark())]);
        cmp::cards::Observability: card.observability.clone().expect("observability");
        cmp::cards::OtherIncluded: card.other_included[0].clone();
        cmp::cards::UpdatedField: card.updates[0].updated_values[0].clone();
        cmp::cards::UpdatedValue: cmp::cards::UpdatedValue::from_trusted(PAN.value);
        cmp::clock::ManualClock: ManualClock::new();
        cmp::clock::SystemClock: SystemClock;
        cmp::drift::DriftKind: drift.events[0].kind;
        cmp::drift::Drift: drift.clone();
        cmp::drift::DriftEvent: drift.events[0].clone();
        cmp::network_tokens::CardArtKind: cmp::network_tokens::CardArtKind::Other(every_mark());
        cmp::network_tokens::CryptogramType: every_mark().parse().expect("any text");
        cmp::network_tokens::NetworkTokenState: every_mark().parse().expect("any text");
        cmp::network_tokens::TransactionType: cmp::network_tokens::TransactionType::Ecom;
        cmp::network_tokens::CardArt: art.clone();
        cmp::network_tokens::CardArtAsset: art.assets[0].clone();
        cmp::network_tokens::Eci: cryptogram.eci.clone().expect("an ECI");
        cmp::network_tokens::NetworkTokens<'_>: cmp.network_tokens();
        cmp::network_tokens::RequestCryptogram<'_, _>: asked.amount(cmp::Amount::usd("19.99").expect("an amount"));
        cmp::payments::CardForm: card_form;
        cmp::payments::CustomerInitiated: customer_initiated;
        cmp::payments::MerchantInitiated: merchant_initiated;
        cmp::payments::PanOnFile: pan_on_file;
        cmp::payments::PanPayment: pan_payment;
        cmp::payments::Payments<'_>: payments;
        cmp::payments::RequestCardForm<'_>: payments.card_form(id);
        cmp::payments::RequestCustomerInitiated<'_>: payments.customer_initiated(id);
        cmp::payments::RequestMerchantInitiated<'_>: payments.merchant_initiated(id, first_payment());
        cmp::v1::Environment: v1_environment.clone();
        cmp::v1::FinalState: cmp::v1::FinalState::Active(v1_token.clone());
        cmp::v1::BillingAddress: holder.billing_address.clone().expect("an address");
        cmp::v1::Card: v1_token.card.clone().expect("a card");
        cmp::v1::Client: v1.clone();
        cmp::v1::Holder: holder.clone();
        cmp::v1::NetworkToken: v1_token.clone();
        cmp::v1::NewEnrollment: cmp::v1::NewEnrollment::new(alias(), expiry());
        cmp::v1::PanAlias: alias();
        cmp::webhooks::Applied: Applied::Changed;
        cmp::webhooks::ClaimOutcome: ClaimOutcome::Claimed(Claim(1));
        cmp::webhooks::Details: other_event().details;
        cmp::webhooks::Handled<cmp::Pan>: Handled::Now(cmp::Pan::from_trusted(PAN.value));
        cmp::webhooks::NetworkTokenEvent: cmp::webhooks::NetworkTokenEvent::Other(every_mark());
        cmp::webhooks::WebhookError: forged.expect_err("a forged signature");
        cmp::webhooks::WebhookError: Event::parse_unverified(body.as_bytes()).expect_err("no JSON");
        cmp::webhooks::WebhookError: Event::parse_unverified(no_event.as_bytes()).expect_err("no event");
        cmp::webhooks::CardUpdateDetails: match update_event().details { Details::CardUpdate(update) => update, other => panic!("{other:?}") };
        cmp::webhooks::CardView: view();
        cmp::webhooks::Claim: Claim(1);
        cmp::webhooks::conformance::Broken: cmp::webhooks::conformance::Broken::Failed("a rule", refused_run.clone().into());
        cmp::webhooks::Deduplicator: Deduplicator::new(with_events().await);
        cmp::webhooks::DetailValue: cmp::webhooks::DetailValue::from_trusted(every_mark());
        cmp::webhooks::Event: token_event();
        cmp::webhooks::MemoryStore: with_events().await;
        cmp::webhooks::NetworkTokenDetails: match token_event().details { Details::NetworkToken(token) => token, other => panic!("{other:?}") };
        cmp::webhooks::OtherDetails: match other_event().details { Details::Other(other) => other, other => panic!("{other:?}") };
        cmp::webhooks::Producer: token_event().producer.expect("a producer");
        cmp::webhooks::SignatureScheme: SignatureScheme::default();
        cmp::webhooks::Signer: signer();
        cmp::webhooks::StoreError: StoreError::from(refused_run.clone());
        cmp::webhooks::TokenView: view().network_tokens().next().expect("a token").1.clone();
        cmp::webhooks::Verified<'_>: verifier().verify_value(&signature, body.as_bytes()).expect("our signature");
        cmp::webhooks::Verifier: verifier();
        cmp::webhooks::WebhookSecret: secret(WEBHOOK_SECRET);
        cmp::payments::Credential<cmp::Pan, cmp::Pan>: Credential::Pan(cmp::Pan::from_trusted(PAN.value));
        cmp::Delivery: error.delivery();
        cmp::Environment: custom;
        cmp::error::ErrorCode: error.code().cloned().expect("a code");
        cmp::ErrorKind: error.kind();
        cmp::error::NoNetworkToken: no_token.clone();
        cmp::operation::Operation: Operation::CreateCard;
        cmp::Provisioned: cmp::Provisioned::Created(card.network_tokens[0].clone());
        cmp::operation::RetryClass: Operation::CreateCard.retry_class();
        cmp::operation::Scope: Operation::CreateCard.scope();
        cmp::error::StopReason: error.stopped_because().expect("a reason");
        cmp::Stored: cmp::Stored::Created(card.clone());
        cmp::Address: cardholder().address.expect("an address");
        cmp::Amount: cmp::Amount::usd("19.99").expect("an amount");
        cmp::Card: card.clone();
        cmp::CardChanges: changes();
        cmp::CardId: id.clone();
        cmp::Cardholder: cardholder();
        cmp::Client: cmp.clone();
        cmp::ClientBuilder<_>: set(cmp::Client::builder(cmp::Environment::Sandbox), None, &ManualClock::new())
            .header("x-of-the-caller", every_mark())
            .proxy(cmp::http::Proxy::new("http://127.0.0.1:9").credentials("user", PROXY_PASSWORD.value));
        cmp::Cryptogram<_>: cryptogram;
        cmp::network_tokens::CryptogramValue: cmp::network_tokens::CryptogramValue::from_trusted(CRYPTOGRAM.value);
        cmp::Currency: cmp::Currency::USD;
        cmp::CustomEnvironment: custom_environment;
        cmp::Cvc: cmp::Cvc::from_trusted(CVC.value);
        cmp::Error: error;
        cmp::error::ErrorDetail: detail;
        cmp::Expiry: expiry();
        cmp::InvalidInput: cmp::CardId::new(PAN.value).expect_err("a PAN");
        cmp::Metadata: serde_json::Map::from_iter([(PAN.value.to_owned(), json!(METADATA.value))]).into();
        cmp::NetworkToken: card.network_tokens[0].clone();
        cmp::NetworkTokenId: card.network_tokens[0].id.clone().expect("an id");
        cmp::network_tokens::NetworkTokenNumber: cmp::network_tokens::NetworkTokenNumber::from_trusted(NETWORK_TOKEN.value);
        cmp::payments::NetworkTransactionId: first_payment();
        cmp::NewCard: new_card();
        cmp::operation::OperationFacts: cmp::operation::OperationFacts {
            name: "a", method: "GET", path: "/", class: cmp::operation::RetryClass::Safe, scope: cmp::operation::Scope::CardsRead, when_unknown: "wait",
        };
        cmp::Pan: cmp::Pan::from_trusted(PAN.value);
        cmp::http::Proxy: cmp::http::Proxy::new("http://127.0.0.1:9").credentials("user", PROXY_PASSWORD.value);
        cmp::http::Raw<'_>: cmp.raw();
        cmp::retry::Pace: cmp::retry::Pace::per_second(7);
        cmp::retry::RetryBudget: cmp::retry::RetryBudget::new(10);
        cmp::retry::RetryPolicy: cmp::retry::RetryPolicy::default();
        cmp::ServiceAccount: calls::account();
        cmp::Text: text();
        cmp::TraceId: card.observability.clone().and_then(|seen| seen.trace_id).expect("a trace id");
        cmp_store::Cause: cause;
        cmp_store::Connection<'_>: (&mut connection).into();
        cmp_store::Error: refused_run;
        cmp_store::Error: wrong_url;
        cmp_store::Pool: postgres.clone().into();
        cmp_store::Store: cmp_store::Store::new(postgres);
        cmp_store::runs::ItemKey: cmp_store::runs::ItemKey::from(id.clone());
        cmp_store::runs::RunClaim: store.claim_run("nightly").await.expect("a claim");
        cmp::Wait<'_, _>: cmp.network_tokens().wait_for(id).deadline(Duration::from_secs(1));
    };

    // The head of an answer lives as long as a hook looks at it.
    let mut samples = samples;
    samples.push(Sample {
        name: "cmp::http::AnswerHead".to_owned(),
        debug: answer_head(cmp).await,
        json: None,
        is_read: false,
        is_parsed: false,
    });
    let mut named: BTreeSet<String> = samples.iter().map(|sample| sample.name.clone()).collect();
    named.extend(WITHOUT_VALUES.map(str::to_owned));
    let public = public_types();
    assert!(public.contains("cmp::Card"), "{public:?}");
    let missing: Vec<_> = public.difference(&named).collect();
    assert!(missing.is_empty(), "types that no sample here has: {missing:?}");
    let gone: Vec<_> = named.difference(&public).collect();
    assert!(gone.is_empty(), "types that the public API has not: {gone:?}");

    // What can be read from outside is fuzzed.
    let names = |is: fn(&Sample) -> bool| -> BTreeSet<&str> {
        samples.iter().filter(|sample| is(sample)).map(|sample| &*sample.name).collect()
    };
    assert_eq!(names(|sample| sample.is_read), decoders::STORED.iter().copied().collect());
    assert_eq!(names(|sample| sample.is_parsed), decoders::PARSED.iter().copied().collect());

    for Sample { name, debug, .. } in &samples {
        assert_none(debug, &MARKS, &format!("Debug of {name}"));
    }
    let stored = samples
        .iter()
        .filter(|sample| sample.json.as_ref().is_some_and(|json| !found(json, &MARKS).is_empty()));
    let stored: Vec<_> = stored.map(|sample| &*sample.name).collect();
    assert_eq!(stored, STORED_AS_THEY_ARE, "types whose JSON has a mark");
    let view = samples.iter().find(|sample| sample.name == "cmp::webhooks::CardView").expect("a view");
    let but_the_alias: Vec<_> = MARKS.into_iter().filter(|mark| *mark != ALIAS).collect();
    assert_none(view.json.as_deref().expect("a stored view"), &but_the_alias, "a stored view");
}
