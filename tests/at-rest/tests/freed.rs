//! Which secrets are left in freed memory, and by whom: the table in SECURITY.md.

mod server;

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use cmp::{
    CardChanges, CardId, Client, ClientBuilder, Cvc, Environment, Expiry, NewCard, Pan, ServiceAccount,
    auth::AccessToken,
    clock::ManualClock,
    http::Proxy,
    payments::Credential,
    webhooks::{Event, Signer, Verifier, WebhookSecret},
};
use server::{Server, card_id};
use workspace_at_rest::{Finding, Mark, Searching, freed};

#[global_allocator]
static ALLOCATOR: Searching = Searching;

const PAN: Mark = ("PAN", "5100260000019206");
/// An alias, since four digits are in much memory by chance.
const CVC: Mark = ("CVC", "canary-cvc-7391-alias");
const NETWORK_TOKEN: Mark = ("network token", "5580043943638177");
const CRYPTOGRAM: Mark = ("cryptogram", "AkX7Canary+TAVV/0123456789A==");
/// With many signs that a form escapes, so that its text grows piece by piece.
const CLIENT_SECRET: Mark =
    ("client secret", "canary-Client-s3cret-8841+=/+of+many+pieces+=/+and+more+=/+and+more+=/+than+others");
const ACCESS_TOKEN: Mark = ("access token", "canary-bearer-1357924680");
const WEBHOOK_SECRET: Mark = ("webhook secret", "whsec_Canary7Webhook2Secret9");
const PROXY_PASSWORD: Mark = ("proxy password", "canary-Pr0xy-pass-5512");
/// In base64 behind the user's name `me`, which has three octets with the colon
const PROXY_PASSWORD_SENT: Mark = ("proxy password", "Y2FuYXJ5LVByMHh5LXBhc3MtNTUxM");
const HEADER: Mark = ("value of a header", "canary-gateway-key-6620");
const MARKS: [Mark; 10] = [
    PAN,
    CVC,
    NETWORK_TOKEN,
    CRYPTOGRAM,
    CLIENT_SECRET,
    ACCESS_TOKEN,
    WEBHOOK_SECRET,
    PROXY_PASSWORD,
    PROXY_PASSWORD_SENT,
    HEADER,
];

const LIBRARY: &str = "this library";
const TABLE: &str = "| path | secrets | left in freed memory by |\n|---|---|---|\n";

/// Something that a program does with secrets, and which.
struct Way {
    name: &'static str,
    secrets: &'static [Mark],
    go: fn(&Server),
}

const WAYS: [Way; 13] = [
    Way { name: "values, requests and clients that are dropped", secrets: &MARKS, go: values },
    Way { name: "values that are read with serde", secrets: &[PAN], go: with_serde },
    Way { name: "a webhook is signed, verified and read", secrets: &[WEBHOOK_SECRET, PAN], go: webhook },
    Way {
        name: "an access token is fetched, and replaced",
        secrets: &[CLIENT_SECRET, ACCESS_TOKEN],
        go: token,
    },
    Way { name: "a card is stored", secrets: &[PAN, CVC, ACCESS_TOKEN], go: create },
    Way { name: "a card is changed", secrets: &[CVC], go: update },
    Way { name: "a card is read with its PAN", secrets: &[PAN, CVC, NETWORK_TOKEN], go: get },
    Way { name: "an answer that is not quite JSON", secrets: &[PAN, NETWORK_TOKEN], go: broken },
    Way { name: "a cryptogram is requested", secrets: &[NETWORK_TOKEN, CRYPTOGRAM], go: cryptogram },
    Way { name: "a payment is prepared", secrets: &[NETWORK_TOKEN, CRYPTOGRAM], go: payment },
    // A card with the CVC that is looked for has an alias for its number, and a real one is too short to be looked for.
    Way { name: "a payment is prepared with the PAN", secrets: &[PAN], go: pan_payment },
    Way {
        name: "a card is read through a proxy with a password",
        secrets: &[PROXY_PASSWORD, PROXY_PASSWORD_SENT],
        go: proxied,
    },
    Way { name: "an error document repeats the request", secrets: &[PAN, CVC], go: refused },
];

fn pan() -> Pan {
    Pan::new(PAN.1).expect("a test card")
}

fn cvc() -> Cvc {
    Cvc::from_trusted(CVC.1)
}

fn expiry() -> Expiry {
    Expiry::new(12, 2030).expect("a date")
}

fn client(server: &Server, clock: &ManualClock) -> Client {
    builder(server, clock).build().expect("a client")
}

fn builder(server: &Server, clock: &ManualClock) -> ClientBuilder {
    let environment = Environment::custom(&server.url, format!("{}/token", server.url)).expect("loopback");
    let builder = Client::builder(environment)
        .service_account(ServiceAccount::new("ACcanary", CLIENT_SECRET.1))
        .clock(clock.clone());
    match &server.certificate {
        Some(pem) => builder.root_certificate(pem.as_str()).token_root_certificate(pem.as_str()),
        None => builder,
    }
}

/// Runs on this thread, with all that it freed at the end.
fn with_client(server: &Server, work: impl AsyncFnOnce(&Client, &ManualClock, &CardId)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let clock = ManualClock::new();
        let client = client(server, &clock);
        client.warm_up().await.expect("a token");
        work(&client, &clock, &card_id()).await;
    });
}

fn values(server: &Server) {
    let grouped = Pan::new("5100 2600-0001 9206").expect("a test card");
    assert!(grouped == pan() && cvc() == cvc().clone());
    let _refused = Pan::new([PAN.1, PAN.1].concat()).expect_err("too long");
    let _refused = Cvc::new(PAN.1).expect_err("too long");
    let card = NewCard::new(pan(), expiry()).cvc(cvc());
    drop((card.clone(), card, CardChanges::new().cvc(cvc()).cvc(cvc())));
    drop(cmp::network_tokens::CryptogramValue::from_trusted(CRYPTOGRAM.1).expose());
    drop(cmp::network_tokens::NetworkTokenNumber::from_trusted(NETWORK_TOKEN.1).clone());
    let environment = || Environment::custom(&server.url, &server.url).expect("loopback");
    let proxy = || Proxy::new(&server.url).credentials("me", PROXY_PASSWORD.1);
    let builder =
        Client::builder(environment()).access_token(AccessToken::new(ACCESS_TOKEN.1).expect("a token"));
    drop(builder.proxy(proxy()).token_proxy(proxy()).header("x-key", HEADER.1).build());
    drop(client(server, &ManualClock::new()).clone());
    let secret = WebhookSecret::new([" ", WEBHOOK_SECRET.1, "\n"].concat()).expect("a secret");
    drop((Verifier::new(secret.clone()).also(secret.clone()), Signer::new(secret)));
}

fn with_serde(_: &Server) {
    let value = serde_json::from_str::<Pan>("\"5100260000019206\"").expect("a PAN");
    assert_eq!(value.expose(), PAN.1);
    let value = serde_json::from_str::<Pan>("\"\\u0035100260000019206\"").expect("an escaped PAN");
    assert_eq!(value.expose(), PAN.1);
}

fn webhook(_: &Server) {
    let secret = || WebhookSecret::new(WEBHOOK_SECRET.1).expect("a secret");
    // Borrowed, since a receiver's own buffer is its own.
    let body = br#"{"id": "evt_2", "event": "cmp_au_card.updated", "timestamp": "2025-01-15T10:00:00.000Z",
        "details": {"card_id": "CRDecqZp3xRgXU3TFmtcDdzQs", "new_account_number": "5100260000019206",
        "later": {"number": "5100260000019206"}, "more": 5100260000019206}}"#;
    let signature = Signer::new(secret()).sign(body);
    let event: Event = Verifier::new(secret())
        .verify_value(&signature, body)
        .and_then(|body| body.parse())
        .expect("an event");
    drop((event.clone(), event));
}

fn token(server: &Server) {
    with_client(server, async |client, clock, _| {
        clock.advance(Duration::from_secs(3600));
        client.warm_up().await.expect("another token");
    });
}

fn create(server: &Server) {
    with_client(server, async |client, _, _| {
        // So long that the encoder's block is outgrown.
        let card = NewCard::new(pan(), expiry()).cvc(cvc()).meta("note", "of the caller ".repeat(50));
        drop(client.cards().create(card).await.expect("a card"));
    });
}

fn update(server: &Server) {
    with_client(server, async |client, _, card| {
        drop(client.cards().update(card, CardChanges::new().cvc(cvc())).await.expect("a card"));
    });
}

fn get(server: &Server) {
    with_client(server, async |client, _, card| {
        let card = client.cards().get(card).await.expect("a card");
        assert_eq!(card.pan.as_ref().map(Pan::expose), Some(PAN.1));
        drop((card.clone(), card));
    });
}

fn broken(server: &Server) {
    with_client(server, async |client, _, _| {
        let card: CardId = "CRDbroken".parse().expect("an id");
        let card = client.cards().get(&card).await.expect("a card");
        assert_eq!(card.pan.as_ref().map(Pan::expose), Some(PAN.1));
    });
}

fn cryptogram(server: &Server) {
    with_client(server, async |client, _, card| {
        drop(client.network_tokens().cryptogram(card).await.expect("a cryptogram"));
    });
}

fn payment(server: &Server) {
    with_client(server, async |client, _, card| {
        drop(client.payments().customer_initiated(card).await.expect("a payment"));
    });
}

fn pan_payment(server: &Server) {
    with_client(server, async |client, _, _| {
        let card: CardId = "CRDpan".parse().expect("an id");
        let payment = client.payments().card_form(&card).or_pan().await.expect("a payment");
        assert!(matches!(payment, Credential::Pan(_)));
    });
}

fn proxied(server: &Server) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        // It answers a request without TLS itself, and refuses to connect to a server that has TLS.
        let other = Server::http1();
        let proxy = || Proxy::new(&other.url).credentials("me", PROXY_PASSWORD.1);
        let client = builder(server, &ManualClock::new()).proxy(proxy()).token_proxy(proxy());
        let outcome = client.build().expect("a client").cards().get(&card_id()).await;
        assert_eq!(outcome.is_ok(), server.certificate.is_none(), "{outcome:?}");
    });
}

fn refused(server: &Server) {
    with_client(server, async |client, _, _| {
        let card: CardId = "CRDrefused".parse().expect("an id");
        drop(client.cards().get(&card).await.expect_err("a refusal"));
    });
}

fn table(found: &[(usize, Finding)]) -> String {
    let mut table = TABLE.to_owned();
    for (number, way) in WAYS.iter().enumerate() {
        let mut rows = Vec::<(String, Vec<&str>)>::new();
        for (secret, _) in way.secrets {
            let mine = found.iter().filter(|(of, finding)| *of == number && finding.secret == *secret);
            let holders: BTreeSet<_> = mine.map(|(_, finding)| finding.holder).collect();
            let holders: Vec<_> = holders.into_iter().collect();
            let holders = if holders.is_empty() { "nobody".to_owned() } else { holders.join(", ") };
            match rows.iter_mut().find(|(others, _)| *others == holders) {
                // It may have two forms.
                Some((_, secrets)) if secrets.last() == Some(secret) => {}
                Some((_, secrets)) => secrets.push(secret),
                None => rows.push((holders, vec![secret])),
            }
        }
        for (holders, secrets) in rows {
            table += &format!("| {} | {} | {holders} |\n", way.name, secrets.join(", "));
        }
    }
    table
}

#[test]
fn the_table_in_the_security_page_is_what_is_found() {
    let servers = [Server::http1(), Server::tls()];
    let mut found = Vec::new();
    for (number, way) in WAYS.iter().enumerate() {
        for server in &servers {
            found.extend(freed(&MARKS, || (way.go)(server)).into_iter().map(|finding| (number, finding)));
        }
    }
    // The table has the secrets of each path. Of any other, only HTTP and TLS may leave copies.
    let is_unlisted = |of: usize, finding: &Finding| {
        !["HTTP", "TLS"].contains(&finding.holder)
            && WAYS[of].secrets.iter().all(|(secret, _)| *secret != finding.secret)
    };
    let unlisted = found.iter().find(|(of, finding)| is_unlisted(*of, finding));
    assert!(unlisted.is_none(), "{}: {unlisted:#?}", WAYS[unlisted.map_or(0, |(of, _)| *of)].name);
    let table = table(&found);
    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    let page = fs::read_to_string(Path::new(&root).join("../../SECURITY.md")).expect("a page");
    let ours = found.iter().filter(|(_, finding)| finding.holder == LIBRARY);
    let freed: BTreeSet<_> =
        ours.map(|(_, finding)| finding.functions.iter().take(20).collect::<Vec<_>>()).collect();
    assert!(
        page.contains(&table),
        "SECURITY.md does not have this table:\n\n{table}\nThe library frees in {freed:#?}"
    );
}

#[test]
fn a_secret_that_is_not_overwritten_is_found() {
    let found = freed(&MARKS, || drop(CLIENT_SECRET.1.to_owned()));
    assert_eq!(found.len(), 1, "{found:#?}");
    let found = freed(&MARKS, || {
        let mut text = PAN.1.to_owned();
        text.push('0');
        text.truncate(0);
        text.extend(std::iter::repeat_n('x', PAN.1.len() + 1));
    });
    assert_eq!(found.len(), 1, "the block that the text outgrew: {found:#?}");
    let found = freed(&MARKS, || drop(PAN.1[2..11].to_owned()));
    assert_eq!(found.len(), 1, "a part: {found:#?}");
    assert_eq!(freed(&MARKS, || drop(PAN.1[..8].to_owned())), [], "the first eight digits may be shown");
}
