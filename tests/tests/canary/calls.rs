//! Every call of both clients, and all that a program could print of their outcomes.

use std::{
    error::Error,
    fmt::{Debug, Write as _},
    sync::{Arc, Mutex},
    time::Duration,
};

use cmp::{
    Address, Amount, CardChanges, CardId, Cardholder, ClientBuilder, Cvc, Environment, Expiry, NewCard, Pan,
    ServiceAccount,
    cards::Include,
    clock::ManualClock,
    http::Proxy,
    operation::Operation,
    payments::NetworkTransactionId,
    retry::{RetryBudget, RetryPolicy},
    v1,
};
use workspace_tests::{
    Calls,
    marks::{
        ALIAS, CLIENT_SECRET, CVC, EMAIL, HOLDER, MARKS, METADATA, PAN, PHONE, POSTAL_CODE, PROXY_PASSWORD,
        STREET, assert_none,
    },
};

use crate::{
    collected::Collected,
    hostile::{CARD, Hostile},
};

/// Each call is tried twice where it may be.
const ATTEMPTS: u32 = 2;

pub(crate) fn account() -> ServiceAccount {
    ServiceAccount::new("ACcanary", CLIENT_SECRET.value)
}

pub(crate) fn card_id() -> CardId {
    CARD.parse().expect("an id")
}

pub(crate) fn alias() -> v1::PanAlias {
    v1::PanAlias::new(ALIAS.value).expect("an alias")
}

pub(crate) fn cardholder() -> Cardholder {
    let address =
        Address::new().line1(STREET.value).line2(STREET.value).city(STREET.value).region(STREET.value);
    let address = address.postal_code(POSTAL_CODE.value).country("US");
    let holder =
        Cardholder::new().name(HOLDER.value).email(EMAIL.value).phone(PHONE.value).company(HOLDER.value);
    holder.address(address)
}

pub(crate) fn new_card() -> NewCard {
    NewCard::new(Pan::new(PAN.value).expect("a test card"), expiry())
        .cvc(Cvc::new(CVC.value).expect("a code"))
        .cvc_status(CVC.value)
        .cardholder(cardholder())
        .meta("note", METADATA.value)
        .meta("other", PAN.value)
}

pub(crate) fn changes() -> CardChanges {
    CardChanges::new().cvc(Cvc::new(CVC.value).expect("a code")).expiry(expiry())
}

pub(crate) fn expiry() -> Expiry {
    Expiry::new(12, 2030).expect("a date")
}

/// Settings of both clients.
pub(crate) fn set<E>(
    builder: ClientBuilder<E>,
    certificate: Option<&str>,
    clock: &ManualClock,
) -> ClientBuilder<E> {
    let builder = match certificate {
        Some(certificate) => builder.root_certificate(certificate).token_root_certificate(certificate),
        None => builder,
    };
    let policy = RetryPolicy::default().max_attempts(ATTEMPTS);
    let builder = builder.retry(policy).retry_budget(RetryBudget::new(1_000_000));
    builder.header("x-key", METADATA.value).clock(clock.clone()).service_account(account()).watch_drift()
}

/// Both clients, and what their hooks were shown.
pub(crate) struct Clients {
    pub(crate) cmp: cmp::Client,
    pub(crate) v1: v1::Client,
    pub(crate) clock: ManualClock,
    hooked: Arc<Mutex<String>>,
    collected: Collected,
}

impl Clients {
    pub(crate) fn of(server: &Hostile) -> Self {
        // Over TLS, what is sent to a proxy is only the place to connect to.
        let proxy = server.certificate.is_none().then_some(&*server.url);
        Self::at(&server.url, &format!("{}/token", server.url), server.certificate.as_deref(), proxy)
    }

    /// Clients of a server behind a proxy.
    pub(crate) fn through(proxy: &Hostile, server: &Hostile) -> Self {
        let token_url = format!("{}/token", server.url);
        Self::at(&server.url, &token_url, server.certificate.as_deref(), Some(&proxy.url))
    }

    pub(crate) fn at(url: &str, token_url: &str, certificate: Option<&str>, proxy: Option<&str>) -> Self {
        let hooked = Arc::new(Mutex::new(String::new()));
        let note = |hooked: &Arc<Mutex<String>>| {
            let hooked = Arc::clone(hooked);
            move |shown: &dyn Debug| {
                let mut hooked = hooked.lock().expect("no panic");
                writeln!(hooked, "{shown:?} {shown:#?}").expect("a text");
            }
        };
        let (drift, v1_drift, answers) = (note(&hooked), note(&hooked), note(&hooked));
        let cmp = cmp::Client::builder(Environment::custom(url, token_url).expect("loopback"));
        let v1 = v1::Client::builder(v1::Environment::custom(url, token_url).expect("loopback"));
        let collected = Collected::new();
        let (cmp, v1) = (cmp.meter(&collected.meter()), v1.meter(&collected.meter()));
        let clock = ManualClock::new();
        let (mut cmp, mut v1) = (set(cmp, certificate, &clock), set(v1, certificate, &clock));
        if let Some(proxy) = proxy {
            let proxy = || Proxy::new(proxy).credentials("US-user", PROXY_PASSWORD.value);
            (cmp, v1) = (cmp.proxy(proxy()).token_proxy(proxy()), v1.proxy(proxy()).token_proxy(proxy()));
        }
        let cmp = cmp.on_drift(move |event| drift(&(event, event.to_string()))).build().expect("a client");
        let v1 = v1.on_drift(move |event| v1_drift(&(event, event.to_string()))).build().expect("a client");
        Self { cmp: cmp.on_answer(move |head| answers(head)), v1, clock, hooked, collected }
    }

    /// Makes every call once, searches what is measured, and returns all that can be printed.
    pub(crate) async fn call_everything(&self) -> String {
        let Self { cmp, v1, .. } = self;
        let (id, alias) = (&card_id(), &alias());
        let mut shown = Shown(format!("{cmp:?} {v1:?} {:?} {:?}", new_card(), changes()));
        shown.outcome(cmp.warm_up().await);
        let calls = Calls { cmp, v1, new_card: new_card(), changes: changes(), card: id, alias };
        for operation in Operation::ALL {
            shown.outcome(calls.call(*operation).await);
        }
        shown.outcome(cmp.cards().get(id).include([Include::NetworkTokens, Include::CardUpdates]).await);
        shown.outcome(cmp.network_tokens().wait_for(id).deadline(Duration::from_secs(3)).await);
        let amount = Amount::usd("19.99").expect("an amount");
        shown.outcome(cmp.network_tokens().cryptogram(id).amount(amount).await);
        shown.outcome(cmp.network_tokens().short_cryptogram(id).await);
        let payments = cmp.payments();
        shown.outcome(payments.customer_initiated(id).amount(amount).await);
        shown.outcome(payments.customer_initiated(id).or_pan().await);
        shown.outcome(payments.card_form(id).or_pan().await);
        let first_payment = NetworkTransactionId::new("123456789012345").expect("an id");
        shown.outcome(payments.merchant_initiated(id, first_payment.clone()).await);
        shown.outcome(payments.merchant_initiated(id, first_payment).or_pan().await);
        let mut run = cmp.bulk().over_stream(futures_util::stream::iter([(id.clone(), changes())])).update();
        shown.0 += &format!("{run:?}");
        while let Some((_, outcome)) = run.next().await {
            shown.outcome(outcome);
        }
        shown.0 += &format!("{:?}", run.into_remaining());
        let raw = |client: cmp::generated::Client| async move { client.get_card(CARD, None).await };
        shown.outcome(cmp.raw().call(Operation::GetCard, raw).await);
        shown.outcome(v1.wait_for_final_state(alias).deadline(Duration::from_secs(3)).await);
        for drift in [cmp.drift(), v1.drift()] {
            shown.0 += &format!("{drift:?} {drift:#?}");
        }
        shown.0 += &format!("{:?} {:?}", *cmp.auth_state().borrow(), *v1.auth_state().borrow());
        let measured = self.collected.lines().join("\n");
        assert!(measured.contains("cmp.client.operation.duration"), "nothing is measured");
        assert_none(&measured, &MARKS, "what is measured");
        shown.0 + &std::mem::take(&mut *self.hooked.lock().expect("no panic"))
    }
}

struct Shown(String);

impl Shown {
    fn outcome<T: Debug>(&mut self, outcome: cmp::Result<T>) {
        match outcome {
            Ok(value) => self.0 += &format!("{value:?} {value:#?}\n"),
            Err(error) => self.0 += &everything(&error),
        }
    }
}

/// All that an error says, to people and to programs, but for the words of the service that it hands out when asked.
pub(crate) fn everything(error: &cmp::Error) -> String {
    let mut shown = format!("{} {:?} {:?}", chain(error), error.next_step(), error.retry_after());
    for detail in error.details() {
        shown += &format!("{detail:?} {:?} {:?}\n", detail.code(), detail.path());
    }
    shown
}

/// An error and its sources.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut shown = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        shown += &format!("{error} {error:?} {error:#?}\n");
        next = error.source();
    }
    shown
}
