//! What is sent: every documented attribute, the media types, and nothing more.

use cmp::{
    Address, Amount, CardChanges, Cardholder, Currency, Cvc, ErrorKind, Expiry, NewCard, Pan,
    cards::{TokenType, WalletType},
    network_tokens::TransactionType,
};
use cmp_simulator::Simulator;
use httpmock::{Method, Mock, MockServer};
use serde_json::{Value, json};

use crate::support::{JSON_API, always, builder, card_id, client, new_card};
use cmp::clock::ManualClock;

/// Expects exactly this body, and answers as `create_card` or `update_card` do.
async fn expecting(method: Method, path: &str, status: u16, body: Value) -> MockServer {
    let server = MockServer::start_async().await;
    server
        .mock_async(|when, then| {
            when.method(method)
                .path(path)
                .header("accept", JSON_API)
                .header("content-type", JSON_API)
                .header("authorization", "Bearer test-token")
                .header_missing("api-version")
                .json_body(body);
            let card = json!({"data": {"id": "CRDecqZp3xRgXU3TFmtcDdzQs", "type": "cards"}});
            then.status(status).header("content-type", JSON_API).body(card.to_string());
        })
        .await;
    server
}

#[tokio::test]
async fn every_attribute_of_a_new_card() {
    let body = json!({"data": {
        "attributes": {
            "pan": "5100260000019206", "cvc": "123", "cvc_status": "active", "exp_month": 12, "exp_year": 30,
            "token_type": "dpan", "wallet_type": "google_pay",
            "cardholder": {
                "name": "Jane Doe", "company": "Doe Ltd", "phone": "+14155550100", "email": "jane@doe.example",
                "address": {
                    "address1": "1 Main St", "address2": "b", "address3": "c", "address4": "d",
                    "city": "New York", "region": "NY", "postal_code": "12301", "country": "US"
                }
            }
        },
        "meta": {"customer": "C-77", "vip": true}
    }});
    let server = expecting(Method::POST, "/cards", 201, body).await;
    let address = Address::new()
        .line1("1 Main St")
        .line2("b")
        .line3("c")
        .line4("d")
        .city("New York")
        .region("NY")
        .postal_code("12301")
        .country("US");
    let holder = Cardholder::new()
        .name("Jane Doe")
        .company("Doe Ltd")
        .phone("+14155550100")
        .email("jane@doe.example")
        .address(address);
    let card = new_card()
        .cvc(Cvc::new("123").unwrap())
        .cvc_status("active")
        .cardholder(holder)
        .token_type(TokenType::Dpan)
        .wallet_type(WalletType::GooglePay)
        .meta("customer", "C-77")
        .meta("vip", true);
    assert!(client(&server.base_url()).cards().create(card).await.unwrap().is_created());
}

#[tokio::test]
async fn a_new_card_sends_only_what_is_set() {
    let body = json!({"data": {"attributes": {"pan": "5100260000019206", "exp_month": 12, "exp_year": 30}}});
    let server = expecting(Method::POST, "/cards", 201, body).await;
    client(&server.base_url()).cards().create(new_card()).await.unwrap();
}

#[tokio::test]
async fn an_alias_may_be_sent_in_the_place_of_a_pan() {
    let alias = "tok_sandbox_9GfZrBnYFNWLFYYqjaMfWC";
    let body = json!({"data": {"attributes": {"pan": alias, "exp_month": 12, "exp_year": 30}}});
    let server = expecting(Method::POST, "/cards", 201, body).await;
    let card = NewCard::new(Pan::from_trusted(alias), Expiry::new(12, 2030).unwrap());
    client(&server.base_url()).cards().create(card).await.unwrap();
}

#[tokio::test]
async fn a_change_sends_only_what_changes() {
    let path = "/cards/CRDecqZp3xRgXU3TFmtcDdzQs";
    let server = expecting(Method::PATCH, path, 200, json!({"data": {"attributes": {"cvc": "9876"}}})).await;
    let changes = CardChanges::new().cvc(Cvc::new("9876").unwrap());
    client(&server.base_url()).cards().update(&card_id(), changes).await.unwrap();
    let server =
        expecting(Method::PATCH, path, 200, json!({"data": {"attributes": {"exp_month": 1, "exp_year": 5}}}))
            .await;
    let changes = CardChanges::new().expiry(Expiry::new(1, 2005).unwrap());
    client(&server.base_url()).cards().update(&card_id(), changes).await.unwrap();
}

/// Answers with a cryptogram of this form to exactly these attributes.
async fn cryptogram_for<'a>(server: &'a MockServer, form: &str, attributes: &str) -> Mock<'a> {
    let answer = json!({"data": {"attributes": {"cryptogram": {"type": form, "value": if form == "DTVV" { "045" } else { "AAAA" }}}}}).to_string();
    let mock = server.mock_async(|when, then| {
        when.method(Method::POST).body(format!(r#"{{"data":{{"attributes":{attributes}}}}}"#));
        then.status(200).body(&answer);
    });
    mock.await
}

#[tokio::test]
async fn a_cryptogram_sends_its_form_exact_amounts_and_no_defaults() {
    let amount = |text: &str, code: &str| Amount::parse(text, Currency::new(code).unwrap()).unwrap();
    let server = MockServer::start_async().await;
    let cmp = client(&server.base_url());
    let long = || cmp.network_tokens().cryptogram(&card_id());
    for (request, attributes) in [
        (long(), r#"{"cryptogram_type":"TAVV"}"#),
        (
            long().amount(amount("19.99", "USD")),
            r#"{"amount":19.99,"cryptogram_type":"TAVV","currency_code":"USD"}"#,
        ),
        (
            long().amount(amount("1000", "JPY")).transaction_type(TransactionType::Aft),
            r#"{"amount":1000,"cryptogram_type":"TAVV","currency_code":"JPY","transaction_type":"AFT"}"#,
        ),
    ] {
        let mock = cryptogram_for(&server, "TAVV", attributes).await;
        request.await.unwrap();
        mock.assert_async().await;
    }
    let mock = cryptogram_for(&server, "DTVV", r#"{"cryptogram_type":"DTVV"}"#).await;
    cmp.network_tokens().short_cryptogram(&card_id()).await.unwrap();
    mock.assert_async().await;
}

#[tokio::test]
async fn vault_and_other_headers_are_sent() {
    let server = MockServer::start_async().await;
    let mock = server
        .mock_async(|when, then| {
            when.header("vgs-vault", "tntipby064g").header("x-request-source", "checkout");
            then.status(204);
        })
        .await;
    let builder = builder(&server.base_url(), &ManualClock::new());
    let cmp = builder.vault("tntipby064g").header("x-request-source", "checkout").build().unwrap();
    cmp.cards().delete(&card_id()).await.unwrap();
    mock.assert_async().await;
}

#[tokio::test]
async fn wrong_input_is_refused_before_anything_is_sent() {
    let server = MockServer::start_async().await;
    let any = server.mock_async(|_, then| drop(then.status(500))).await;
    let cmp = client(&server.base_url());
    let holder = |holder: Cardholder| new_card().cardholder(holder);
    for card in [
        holder(Cardholder::new().name("")),
        holder(Cardholder::new().name("x".repeat(256))),
        holder(Cardholder::new().phone("1".repeat(17))),
        holder(Cardholder::new().address(Address::new().country("U"))),
        holder(Cardholder::new().address(Address::new().postal_code("12345678901"))),
        holder(Cardholder::new().address(Address::new().country("U1"))),
        holder(Cardholder::new().address(Address::new().city("New\nYork"))),
        holder(Cardholder::new().email("jane.doe.example")),
        NewCard::new(Pan::from_trusted("not a pan"), Expiry::new(12, 2030).unwrap()),
        new_card().cvc(Cvc::from_trusted("")),
        new_card().cvc_status("no"),
        new_card().token_type(TokenType::Other("qpan".to_owned())),
        new_card().wallet_type(WalletType::Other("purse".to_owned())),
        new_card().token_type(TokenType::Dpan),
        new_card().token_type(TokenType::Mpan),
    ] {
        let error = cmp.cards().create(card).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    for changes in [CardChanges::new(), CardChanges::new().cvc(Cvc::from_trusted("12 3"))] {
        assert!(cmp.cards().update(&card_id(), changes).await.unwrap_err().is_invalid_request());
    }
    assert_eq!(any.calls_async().await, 0);
}

#[tokio::test]
async fn of_a_header_given_twice_the_last_is_sent() {
    let simulator = Simulator::start().await.unwrap();
    let builder = builder(simulator.url(), &ManualClock::new());
    let builder = builder.header("x-tag", "one").header("X-Tag", "two").vault("tnt-one").vault("tnt-two");
    assert!(builder.build().unwrap().cards().delete(&card_id()).await.is_err());
    let received = simulator.requests();
    // Of several, this is the first.
    assert_eq!(received[0].header("x-tag"), Some("two"));
    assert_eq!(received[0].header("vgs-vault"), Some("tnt-two"));
}

#[tokio::test]
async fn calls_can_be_made_side_by_side_from_one_line() {
    let (_server, cmp) = always(204, JSON_API, "").await;
    let ids = [card_id(), card_id()];
    let calls: Vec<_> = ids.iter().map(|id| cmp.cards().delete(id)).collect();
    for call in calls {
        call.await.unwrap();
    }
    let (first, second) =
        tokio::join!(cmp.network_tokens().delete(&ids[0]), cmp.network_tokens().delete(&ids[1]));
    first.and(second).unwrap();
}

#[test]
fn a_proxy_that_would_be_passed_by_is_refused() {
    let clock = ManualClock::new();
    let build = |url: &str| builder("http://127.0.0.1:1", &clock).proxy(cmp::http::Proxy::new(url)).build();
    for bad in [
        "ftp://127.0.0.1:1",
        "foo://127.0.0.1",
        "htp://127.0.0.1",
        "socks5://127.0.0.1:1",
        "localhost:3128",
        "http://127.0.0.1/path",
        "http://127.0.0.1?q",
        "http://127.0.0.1#f",
        "",
    ] {
        assert!(build(bad).unwrap_err().to_string().contains("proxy's URL"), "{bad}");
    }
    assert!(build("http://proxy.example:3128").unwrap_err().to_string().contains("plain http"));
    assert!(build("http://127.0.0.1:3128").is_ok());
}

#[test]
fn a_builder_names_what_is_wrong() {
    let clock = ManualClock::new();
    let build = |change: fn(cmp::ClientBuilder) -> cmp::ClientBuilder| {
        change(builder("http://127.0.0.1:1", &clock)).build().unwrap_err().to_string()
    };
    assert!(build(|b| b.header("Authorization", "Basic secret")).contains("Authorization"));
    for header in [
        build(|b| b.header("x-y", "line\nbreak-secret")),
        build(|b| b.vault("")),
        build(|b| b.vault("tnt-ü")),
    ] {
        assert!(
            !header.contains("secret") && (header.contains("x-y") || header.contains("vgs-vault")),
            "{header}"
        );
    }
    for reserved in
        ["connection", "te", "expect", "upgrade", "trailer", "content-encoding", "Proxy-Authorization"]
    {
        let builder = builder("http://127.0.0.1:1", &clock).header(reserved, "x");
        assert!(builder.build().unwrap_err().to_string().contains(reserved));
    }
    assert!(build(|b| b.root_certificate("no certificate")).contains("certificate"));
    assert!(
        !build(|b| b.proxy(cmp::http::Proxy::new("http://user:secret@proxy.example"))).contains("secret")
    );
    let without = cmp::Client::builder(cmp::Environment::Sandbox).build().unwrap_err();
    assert!(without.to_string().contains("no credentials"));
}
