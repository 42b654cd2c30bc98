//! Odd answers, through real sockets: what can't be read is absent, and only what the caller can't do without fails.

use std::fmt::Debug;

use cmp::{
    Card, Client, Delivery, Environment, ErrorKind, ServiceAccount, clock::ManualClock, drift::DriftKind,
    error::ErrorCode, network_tokens::NetworkTokenState, operation::Operation, retry::RetryPolicy,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{JSON_API, always, builder, card_id, new_card};

const PAN: &str = "5100260000019206";

/// A server that answers every request with this head and body, octet by octet.
async fn octets(head: &str, body: &[u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut answer =
        format!("{head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                drop(stream.write_all(&answer).await);
            });
        }
    });
    url
}

async fn answering(status: &str, body: &[u8]) -> Client {
    let url = octets(&format!("HTTP/1.1 {status}\r\ncontent-type: {JSON_API}"), body).await;
    builder(&url, &ManualClock::new()).watch_drift().build().unwrap()
}

async fn card(body: &[u8]) -> Card {
    answering("200 OK", body).await.cards().get(&card_id()).await.unwrap()
}

/// The document around a card's attributes.
fn with_attributes(attributes: &str) -> String {
    format!(r#"{{"data":{{"id":"CRDecqZp3xRgXU3TFmtcDdzQs","type":"cards","attributes":{attributes}}}}}"#)
}

#[tokio::test]
async fn the_id_of_a_stored_card_is_never_lost() {
    let odd = ["7", "\"x\"", "true", "null", "[]", "[null,[],{}]", "{}", "1e400", "\"\\ud800\"", "-0.5"];
    for odd in odd {
        let attributes = format!(
            r#"{{"created_at":{odd},"updated_at":{odd},"exp_month":{odd},"exp_year":{odd},"last4":{odd},"pan":{odd},
                "cvc":{odd},"bin":{odd},"capabilities":{odd},"cardholder":{odd},"token_type":{odd},"card_brand":{odd},
                "enriched_attributes":{odd}}}"#
        );
        for (body, what) in [
            (format!(r#"{{"data":{{"id":"CRD1","attributes":{attributes}}}}}"#), "attributes"),
            (
                format!(
                    r#"{{"metadata":{odd},"jsonapi":{odd},"included":{odd},"links":{odd},"meta":{odd},
                        "data":{{"attributes":{odd},"type":{odd},"meta":{odd},"relationships":{odd},"links":{odd},
                        "included":{odd},"id":"CRD1"}}}}"#
                ),
                "members",
            ),
            (
                format!(
                    r#"{{"data":{{"id":"CRD1"}},"included":[{odd},{{"type":"network_tokens","id":{odd},
                        "attributes":{odd},"meta":{odd}}},{{"attributes":{odd},"type":"card_updates"}},{{"type":{odd}}}]}}"#
                ),
                "included",
            ),
        ] {
            let stored = answering("201 Created", body.as_bytes()).await.cards().create(new_card()).await;
            assert_eq!(stored.unwrap().id().as_str(), "CRD1", "{what}: {odd}");
        }
    }
}

#[tokio::test]
async fn a_card_is_read_whatever_success_it_comes_with() {
    let body = r#"{"data":{"id":"CRDecqZp3xRgXU3TFmtcDdzQs","attributes":{"cryptogram":{"type":"TAVV","value":"AgAA="}}}}"#;
    for status in ["200 OK", "201 Created", "202 Accepted", "203 X", "206 X", "299 X"] {
        let cmp = answering(status, body.as_bytes()).await;
        let stored = cmp.cards().create(new_card()).await.unwrap();
        assert_eq!(stored.id(), &card_id(), "{status}");
        cmp.cards().get(&card_id()).await.unwrap();
        cmp.network_tokens().provision(&card_id()).await.unwrap();
        cmp.network_tokens().cryptogram(&card_id()).await.unwrap();
        let cmp = answering(status, b"{\"data\":{}}").await;
        let error = cmp.cards().create(new_card()).await.unwrap_err();
        assert_eq!(error.delivery(), Delivery::OutcomeUnknown, "{status}");
        assert!(error.to_string().contains("at `data.id`"), "{error}");
    }
}

#[tokio::test]
async fn only_the_id_is_needed_and_its_path_is_named() {
    for body in [
        r#"{"data":{"id":["4111111111111111"]}}"#,
        r#"{"data":{}}"#,
        r#"{"data":7}"#,
        "{}",
        r#"{"data":{"id":"4111111111111111"}}"#,
    ] {
        let error =
            answering("201 Created", body.as_bytes()).await.cards().create(new_card()).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Decode, Delivery::OutcomeUnknown));
        let text = format!("{error} {error:?}");
        assert!(text.contains("at `data.id`") && !text.contains("4111"), "{body}: {text}");
    }
    let cmp = answering("200 OK", br#"{"data":[]}"#).await;
    let error = cmp.network_tokens().provision(&card_id()).await.unwrap_err();
    assert!(error.to_string().contains("at `data`"), "{error}");
    for cryptogram in ["null", "{}", "[]", r#"{"type":"TAVV","value":{}}"#] {
        let body = format!(r#"{{"data":{{"attributes":{{"cryptogram":{cryptogram}}}}}}}"#);
        let error = answering("200 OK", body.as_bytes())
            .await
            .network_tokens()
            .cryptogram(&card_id())
            .await
            .unwrap_err();
        assert!(error.to_string().contains("at `data.attributes.cryptogram.value`"), "{error}");
    }
}

#[tokio::test]
async fn what_is_almost_json_is_read() {
    let good = with_attributes(r#"{"last4":"1234"}"#);
    let mut utf16 = vec![0xff, 0xfe];
    utf16.extend(good.encode_utf16().flat_map(u16::to_le_bytes));
    for body in [
        [b"\xef\xbb\xbf", good.as_bytes()].concat(),
        [good.as_bytes(), b" \r\n\t"].concat(),
        [good.as_bytes(), b"\0\0\0"].concat(),
        utf16,
        good.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        good.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        [good.as_bytes(), b"\n<!-- served by a proxy -->"].concat(),
        with_attributes(r#"{"exp_month":05,"last4":1234,}"#).into_bytes(),
        with_attributes("{\"card_brand\":\"\u{1}\n\",\"last4\":\"1234\"}").into_bytes(),
        with_attributes(r#"{"last4":"9999","card_type":"\ud800","last4":"1234"}"#).into_bytes(),
        with_attributes(r#"{"zzz":1e400,"exp_month":-1e999,"last4":"1234"}"#).into_bytes(),
        with_attributes(r#"{"last4":"1234","card_type":"?"}"#)
            .into_bytes()
            .into_iter()
            .map(|octet| if octet == b'?' { 0xff } else { octet })
            .collect(),
    ] {
        assert_eq!(card(&body).await.last4.as_deref(), Some("1234"), "{}", String::from_utf8_lossy(&body));
    }
}

#[tokio::test]
async fn a_coding_nobody_asked_for_is_named() {
    const GZIP: [u8; 23] = *b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xabV*.)\xcaL.Q\xb2\0\0\0";
    for (coding, named) in
        [("gzip", "gzip"), ("BR", "br"), ("identity, zstd", "zstd"), (PAN, "of an unknown name")]
    {
        let head = format!("HTTP/1.1 201 Created\r\ncontent-encoding: {coding}");
        let url = octets(&head, &GZIP).await;
        let error =
            builder(&url, &ManualClock::new()).build().unwrap().cards().create(new_card()).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Decode, Delivery::OutcomeUnknown));
        let text = format!("{error} {error:?}");
        assert!(text.contains(&format!("content coding {named}")) && !text.contains(PAN), "{text}");
    }
    let url = octets("HTTP/1.1 200 OK\r\ncontent-encoding: gzip", &GZIP).await;
    let environment = Environment::custom(&url, &url).unwrap();
    let account = ServiceAccount::new("ACtest", "not-a-real-secret");
    let builder_of_account = Client::builder(environment).service_account(account).clock(ManualClock::new());
    let error = builder_of_account.build().unwrap().warm_up().await.unwrap_err();
    assert!(error.to_string().contains("content coding gzip"), "{error}");
    for (status, class) in [("422 X", ErrorKind::Service), ("503 X\r\nretry-after: 7", ErrorKind::Service)] {
        let url = octets(&format!("HTTP/1.1 {status}\r\ncontent-encoding: br"), &GZIP).await;
        let cmp = builder(&url, &ManualClock::new()).retry(RetryPolicy::none()).build().unwrap();
        let error = cmp.cards().get(&card_id()).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (class, status[..3].parse().ok()));
        assert_eq!(error.retry_after().is_some(), status.contains("retry"));
        let status = format!("content coding br, which the client did not ask for, with {}", &status[..3]);
        assert!(error.to_string().contains(&status), "{error}");
    }
    // An answer that can be read is not blamed on the coding.
    for body in
        [r#"{"errors":[{"code":"not-found"}]}"#, r#"{"meta":{"observability":{"trace_id":"abc"}}}"#, "{}"]
    {
        let url = octets("HTTP/1.1 401 X\r\ncontent-encoding: br", body.as_bytes()).await;
        let asked = builder(&url, &ManualClock::new()).build().unwrap().cards().get(&card_id()).await;
        let environment = Environment::custom(&url, &url).unwrap();
        let account = ServiceAccount::new("ACtest", "not-a-real-secret");
        let of_account = Client::builder(environment).service_account(account).clock(ManualClock::new());
        let warmed = of_account.build().unwrap().warm_up().await;
        let (asked, warmed) = (asked.unwrap_err().to_string(), warmed.unwrap_err().to_string());
        assert!(body == "{}" || !asked.contains("coding"), "{asked}");
        assert!(!warmed.contains("coding"), "{warmed}");
    }
    let url = octets("HTTP/1.1 200 OK\r\ncontent-encoding: identity", with_attributes("{}").as_bytes()).await;
    builder(&url, &ManualClock::new()).build().unwrap().cards().get(&card_id()).await.unwrap();
}

#[tokio::test]
async fn last_four_are_four_digits_or_absent() {
    for (last4, expected) in [
        (r#""1234""#, Some("1234")),
        ("1234", Some("1234")),
        ("12", Some("0012")),
        ("0", Some("0000")),
        (r#""""#, None),
        (r#""12""#, None),
        (r#""5100260000019206""#, None),
        ("5100260000019206", None),
        ("12345", None),
        (r#""12a4""#, None),
    ] {
        let read = card(with_attributes(&format!(r#"{{"last4":{last4}}}"#)).as_bytes()).await;
        assert_eq!(read.last4.as_deref(), expected, "{last4}");
    }
}

#[tokio::test]
async fn date_times_of_other_stacks_are_read() {
    for text in [
        "2025-01-17T12:53",
        "2025-01-17T12:53Z",
        "2025-01-17 12:53:00",
        "2025-01-17T12:53:00+0000",
        "2025-01-17T13:53:00+01",
        "2025-01-17t12:53:00,000z",
        "2025-01-17T12:53:00.000000000",
    ] {
        let read = card(with_attributes(&format!(r#"{{"created_at":"{text}"}}"#)).as_bytes()).await;
        let at = read.created_at.map(|at| at.to_rfc3339());
        assert_eq!(at.as_deref(), Some("2025-01-17T12:53:00+00:00"), "{text}");
    }
}

#[tokio::test]
async fn a_token_that_failed_may_have_expired_in_month_zero() {
    let body = r#"{"data":{"id":"CRDecqZp3xRgXU3TFmtcDdzQs","type":"cards","attributes":{}},
        "included":[{"type":"network_tokens","id":"NT1","attributes":{"state":"failed","exp_month":0,"exp_year":0}}]}"#;
    let read = card(body.as_bytes()).await;
    let token = &read.network_tokens[0];
    assert_eq!((&token.state, token.expiry), (&NetworkTokenState::Failed, None));
}

#[tokio::test]
async fn a_list_that_could_not_be_read_whole_is_not_called_complete() {
    let with = |included: &str| {
        format!(r#"{{"data":{{"id":"CRDecqZp3xRgXU3TFmtcDdzQs","attributes":{{}}}},"included":{included}}}"#)
    };
    let token = r#"{"type":"network_tokens","id":"NT1","attributes":{"zzz":1e400,"state":"active","network_token":1}}"#;
    let many = format!("[{}{token}]", r#"{"type":"card_updates"},"#.repeat(3_000));
    for (included, complete, tokens) in [
        (format!("[{token}]"), true, 1),
        ("[]".to_owned(), true, 0),
        // No list at all, so that nothing is known.
        ("null".to_owned(), false, 0),
        (r#"[{"type":"vouchers","id":"V1","attributes":{"zzz":1e400}}]"#.to_owned(), true, 0),
        ("[null]".to_owned(), false, 0),
        (format!("[7,{token},\"x\"]"), false, 1),
        (format!("[{{}},{token}]"), false, 1),
        ("{}".to_owned(), false, 0),
        ("\"x\"".to_owned(), false, 0),
        (many, false, 0),
    ] {
        let read = card(with(&included).as_bytes()).await;
        let shown = &included[..included.len().min(80)];
        assert_eq!((read.lists_network_tokens, read.network_tokens.len()), (complete, tokens), "{shown}");
    }
}

#[tokio::test]
async fn a_relationship_that_can_not_be_read_may_name_a_network_token() {
    for (relationship, complete) in [
        ("null", true),
        ("{}", true),
        (r#"{"data":null}"#, true),
        (r#"{"data":[]}"#, true),
        (r#"{"links":{"self":"/cards"}}"#, true),
        (r#"{"data":[{"type":"network_tokens","id":"NT1"}]}"#, true),
        (r#"{"data":"NT1"}"#, false),
        (r#"{"data":7}"#, false),
        (r#"{"data":-0.5}"#, false),
        (r#"{"data":true}"#, false),
        (r#"{"data":["NT1"]}"#, false),
        (r#"{"data":[{"type":"network_tokens","id":"NT1"},null]}"#, false),
        (r#"{"data":{"type":"network_tokens"}}"#, false),
        (r#""NT1""#, false),
        ("[]", false),
        ("7", false),
    ] {
        for name in ["network_tokens", "card_updates"] {
            let body = format!(
                r#"{{"data":{{"id":"CRDecqZp3xRgXU3TFmtcDdzQs","relationships":{{"{name}":{relationship}}}}},
                    "included":[{{"type":"network_tokens","id":"NT1","attributes":{{"state":"failed"}}}}]}}"#
            );
            let read = card(body.as_bytes()).await;
            // The relationship's name is the type of what says none.
            let of_others =
                name != "network_tokens" && relationship != r#"{"data":{"type":"network_tokens"}}"#;
            let complete = complete || of_others;
            assert_eq!(read.lists_network_tokens, complete, "{name}: {relationship}");
        }
    }
}

#[tokio::test]
async fn relationships_that_can_not_be_read_may_name_a_network_token() {
    let many: Vec<_> = (0..1001).map(|number| format!(r#""{number}":{{}}"#)).collect();
    let [thousand, more] = [&many[..1000], &many].map(|members| format!("{{{}}}", members.join(",")));
    for (relationships, complete) in [
        ("null", true),
        ("{}", true),
        // An empty object, as some servers write it.
        ("[]", true),
        (thousand.as_str(), true),
        (more.as_str(), false),
        (r#"[{"network_tokens":{"data":[]}}]"#, false),
        (r#"["network_tokens"]"#, false),
        (r#""network_tokens""#, false),
        ("7", false),
        ("true", false),
    ] {
        let body = format!(
            r#"{{"data":{{"id":"CRDecqZp3xRgXU3TFmtcDdzQs","relationships":{relationships}}},
                "included":[{{"type":"network_tokens","id":"NT1","attributes":{{"state":"failed"}}}}]}}"#
        );
        let read = card(body.as_bytes()).await;
        assert_eq!(read.lists_network_tokens, complete, "{relationships:.40}");
    }
}

#[tokio::test]
async fn an_odd_member_of_an_error_leaves_the_others() {
    for body in [
        r#"{"errors":[{"code":"failed-dependency","detail":["a","b"]}],"meta":{"observability":{"trace_id":"abc"}}}"#,
        r#"{"errors":[null,{"code":"failed-dependency"}],"meta":{"observability":{"trace_id":"abc"}}}"#,
        r#"{"errors":[{"code":"failed-dependency","title":12}],"metadata":{"observability":{"trace_id":"abc"}},"meta":[]}"#,
        r#"{"errors":{"code":"failed-dependency"},"meta":{"observability":{"trace_id":"abc"}}}<!-- by a proxy -->"#,
        r#"{"errors":[{"code":"4111111111111111"},{"code":"failed-dependency"}],"meta":{"observability":{"trace_id":"abc"}}}"#,
        r#"{"errors":[{"error_code":"","code":"failed-dependency"}],"meta":{"observability":{"trace_id":"abc"}}}"#,
        r#"{"errors":[{"error_code":"a b c","code":" FAILED_DEPENDENCY"}],"meta":{"observability":{"trace_id":"abc"}}}"#,
        &format!(
            r#"{{"errors":[{}{{"code":"failed-dependency"}}],"meta":{{"observability":{{"trace_id":"abc"}},"a":"{}"}}}}"#,
            "{},".repeat(50),
            "x".repeat(200_000),
        ),
        r#"{"errors":[{"code":"failed-dependency"}],"errors":null,"meta":{"observability":{"trace_id":"abc"}},"meta":7}"#,
        "\u{feff}{\"errors\":[{\"code\":\"failed-dependency\",\"path\":\"\\ud800\",\"status\":1e400}],\"meta\":{\"observability\":{\"trace_id\":\"abc\"}}}\0",
    ] {
        let cmp = answering("424 Failed Dependency", body.as_bytes()).await;
        let error = cmp.network_tokens().cryptogram(&card_id()).await.unwrap_err();
        assert_eq!(
            (error.code(), error.trace_id()),
            (Some(&ErrorCode::FailedDependency), Some("abc")),
            "{body}"
        );
    }
}

#[tokio::test]
async fn trace_ids_are_told_from_pans() {
    for (id, expected) in [
        ("a53745b329848122089f5f65bf9380a0", true),
        ("9f8b7a6c-1234-4321-8765-123456789012", true),
        ("1-5759e988-bd862e3fe1be46a994272793", true),
        (PAN, false),
        ("5100-2600-0001-9206", false),
        ("5-1-0-0-2-6-0-0-0-0-0-1-9-2-0-6", false),
        ("5100 2600 0001 9206", false),
    ] {
        let expected = expected.then_some(id);
        let body = json!({"errors": [{"code": "bad-request"}], "meta": {"observability": {"trace_id": id}}});
        let error = answering("400 Bad Request", body.to_string().as_bytes())
            .await
            .cards()
            .get(&card_id())
            .await
            .unwrap_err();
        assert_eq!(error.trace_id(), expected);
        let body =
            json!({"data": {"id": card_id().as_str()}, "metadata": {"observability": {"trace_id": id}}});
        let read = card(body.to_string().as_bytes()).await;
        assert_eq!(read.observability.as_ref().and_then(|seen| seen.trace_id.as_deref()), expected);
    }
}

#[tokio::test]
async fn errors_with_a_status_of_success_are_errors() {
    for (body, code) in [
        (r#"{"errors":[{"code":"declined","detail":"no"}]}"#, Some("declined")),
        (r#"{"errors":[null]}"#, None),
        (r#"{"errors":[{"error_code":"declined"}],"pan_alias":"a","data":null}"#, Some("declined")),
    ] {
        let cmp = answering("200 OK", body.as_bytes()).await;
        let got = cmp.cards().get(&card_id()).await.unwrap_err();
        let stored =
            answering("201 Created", body.as_bytes()).await.cards().create(new_card()).await.unwrap_err();
        let (server, _) = always(200, "application/json", body).await;
        let environment = cmp::v1::Environment::custom(server.base_url(), server.base_url()).unwrap();
        let token = cmp::auth::AccessToken::new("test-token").unwrap();
        let v1 = cmp::v1::Client::builder(environment).access_token(token).build().unwrap();
        let alias = cmp::v1::PanAlias::new("5573495XKjDP28V7312").unwrap();
        let of_v1 = v1.get(&alias).await.unwrap_err();
        for error in [got, stored, of_v1] {
            assert_eq!((error.kind(), error.delivery()), (ErrorKind::Service, Delivery::Answered), "{error}");
            assert_eq!(error.code().map(ErrorCode::as_str), code, "{error}");
            assert!(!error.is_retryable(), "{error}");
        }
    }
}

#[tokio::test]
async fn what_could_not_be_read_is_counted_by_name() {
    let body = r#"{"data":{"id":"CRDecqZp3xRgXU3TFmtcDdzQs","type":"cards","attributes":{"created_at":"yesterday","last4":"12"},
        "relationships":{"5100260000019206":"no object"}},"metadata":[1],
        "included":[{"type":"network_tokens","attributes":{"state":{}}}]}"#;
    for (before, after) in [("", ""), ("\u{feff}", "\0")] {
        let cmp = answering("200 OK", format!("{before}{body}{after}").as_bytes()).await;
        cmp.cards().get(&card_id()).await.unwrap();
        let drift = cmp.drift();
        let unreadable = drift.events.iter().filter(|event| event.kind == DriftKind::Unreadable);
        let names: Vec<_> = unreadable.map(|event| (event.operation, &*event.name)).collect();
        assert_eq!(
            names,
            [
                "data.attributes.created_at",
                "data.attributes.last4",
                "data.relationships.***",
                "included[network_tokens].attributes.state",
                "metadata",
            ]
            .map(|name| (Operation::GetCard, name))
        );
        let shown = format!("{drift:?}{}", drift.events[0]);
        assert!(
            shown.contains("unreadable member data.attributes.created_at") && !shown.contains(PAN),
            "{shown}"
        );
    }
    let cmp = answering("404 Not Found", br#"{"errors":[{"code":"not-found","title":[5]}]}"#).await;
    cmp.cards().get(&card_id()).await.unwrap_err();
    let drift = cmp.drift();
    let unreadable = drift.events.iter().find(|event| event.kind == DriftKind::Unreadable);
    assert_eq!(unreadable.map(|event| &*event.name), Some("errors[].title"));
}

#[tokio::test]
async fn a_token_answer_is_read_member_by_member() {
    let long = format!(r#"{{"access_token":"{}"}}"#, "a".repeat(60_000));
    for (body, granted) in [
        (long.as_bytes(), true),
        (&b"\xef\xbb\xbf{\"access_token\":\"abc\",\"expires_in\":[],\"scope\":\"\\ud800\"}\0"[..], true),
        (b"{\"access_token\":\"abc\",\"token_type\":5,\"expires_in\":1e400}", true),
        (b"{\"access_token\":\"abc\",\"token_type\":\"\",\"expires_in\":0300,}<!-- -->", true),
        (b"{\"access_token\":[\"abc\"]}", false),
    ] {
        let url = octets("HTTP/1.1 200 OK\r\ncontent-type: application/json", body).await;
        let environment = Environment::custom(&url, &url).unwrap();
        let account = ServiceAccount::new("ACtest", "not-a-real-secret");
        let cmp =
            Client::builder(environment).service_account(account).clock(ManualClock::new()).build().unwrap();
        assert_eq!(cmp.warm_up().await.is_ok(), granted, "{}", String::from_utf8_lossy(body));
    }
}

#[tokio::test]
async fn only_a_refusal_of_the_token_endpoint_is_about_the_credentials() {
    const TOKEN: &str = r#"{"access_token":"abc"}"#;
    let too_large = "x".repeat(100_000);
    for (head, body, unauthorized, retryable, says) in [
        ("400 X", r#"{"error":"invalid_client"}"#, true, false, "400 invalid_client"),
        ("401 X", "<html>", true, false, "401"),
        ("200 OK", r#"{"error":"invalid_client"}"#, true, false, "200 invalid_client"),
        ("401 X\r\ncontent-encoding: gzip", "\u{1f}", true, false, "401 in the content coding gzip"),
        ("404 X", "<html>", false, false, "404"),
        ("405 X", "", false, false, "405"),
        ("302 X\r\nlocation: /login", "", false, false, "302"),
        ("200 OK", r#"{"access_token":"a\nb"}"#, false, false, "invalid access token"),
        ("200 OK", r#"{"access_token":"abc","token_type":"mac"}"#, false, false, "not a bearer token"),
        ("200 OK", &too_large, false, false, "too large"),
        ("200 OK", "<html>", false, true, "not what OAuth 2.0 says"),
        ("503 X", TOKEN, false, true, "503"),
    ] {
        let url = octets(&format!("HTTP/1.1 {head}"), body.as_bytes()).await;
        let environment = Environment::custom(&url, &url).unwrap();
        let account = ServiceAccount::new("ACtest", "not-a-real-secret");
        let cmp =
            Client::builder(environment).service_account(account).clock(ManualClock::new()).build().unwrap();
        let error = cmp.warm_up().await.unwrap_err();
        assert_eq!((error.is_unauthorized(), error.is_retryable()), (unauthorized, retryable), "{error}");
        assert!(error.to_string().contains(says), "{says}: {error}");
    }
}

/// A document in which every text, name and value of a list is this.
fn filled_with(document: &Value, text: &str) -> Value {
    match document {
        Value::Object(members) => Value::Object(
            members.iter().map(|(name, value)| (name.clone(), filled_with(value, text))).collect(),
        ),
        Value::Array(entries) => entries.iter().map(|entry| filled_with(entry, text)).collect(),
        Value::String(kind) if kind.starts_with('=') => kind[1..].into(),
        _ => text.into(),
    }
}

fn shown(value: &impl Debug) -> String {
    format!("{value:?} {value:#?}")
}

fn all_of(card: &Card) -> String {
    let mut shown = shown(card);
    let mut show = |text: String| shown.push_str(&text);
    show(self::shown(&(
        card.number(),
        card.pan.as_ref(),
        card.cvc.as_ref(),
        card.cardholder.as_ref(),
        card.enriched.as_ref(),
    )));
    show(self::shown(&(card.token_type.as_ref(), card.wallet_type.as_ref(), &card.capabilities, &card.meta)));
    show(self::shown(&(
        card.observability.as_ref(),
        &card.updates,
        card.update_subscription(),
        &card.other_included,
    )));
    for update in &card.updates {
        show(self::shown(&(update.event.as_ref(), &update.updated_values)));
    }
    for token in &card.network_tokens {
        show(self::shown(&(token, token.number.as_ref(), &token.state, token.card_art.as_ref())));
        show(token.state.to_string());
        show(self::shown(&token.card_art.as_ref().map(|art| art.assets.to_vec())));
    }
    show(self::shown(&card.network_token().err()));
    shown
}

/// Nobody promises that there is no PAN in a text, whatever its name; nor that nobody forges a line of a log with it.
#[tokio::test]
async fn no_public_type_shows_what_comes_in_its_texts() {
    let attributes = json!({"payment_account_reference": 1, "network_token": 1, "last4": 1, "bin": 1, "exp_month": 1,
        "exp_year": 1, "state": 1, "reason_code": 1, "reason_text": 1, "created_at": 1, "updated_at": 1,
        "cryptogram": {"type": "=TAVV", "value": 1, "eci": 1}});
    let art = json!({"assets": [{"type": 1, "mime_type": 1, "download_url": 1, "width": 1}], "background_color": 1,
        "contact_name": 1, "contact_number": 1, "contact_website": 1, "issuer_name": 1, "label_color": 1,
        "long_description": 1, "short_description": 1});
    let token =
        json!({"id": 1, "type": "=network_tokens", "attributes": attributes, "meta": {"card_art": art}});
    let observability =
        json!({"observability": {"trace_id": 1, "client_id": 1, "vault_id": 1, "account_id": 1}});
    let document = json!({"data": {"id": "=CRDecqZp3xRgXU3TFmtcDdzQs", "attributes": {"pan": 1, "cvc": 1,
        "pan_alias": 1, "cvc_alias": 1, "cvc_status": 1, "bin": 1, "first8": 1, "last4": 1, "card_fingerprint": 1,
        "card_brand": 1, "card_type": 1, "cardholder": {"name": 1, "address": {"city": 1}}, "token_type": 1,
        "wallet_type": 1, "capabilities": [1], "enriched_attributes": {"additional_card_brands": [{"card_brand": 1}],
        "bank": {"issuer_name": 1, "issuer_phone_number": 1}, "interchange": {"regulated": 1},
        "card_properties": {"card_segment_type": 1, "issuer_bin": 1, "product_name": 1}}}, "meta": {"note": 1}},
        "metadata": observability, "included": [token,
            {"id": 1, "type": "=card_updates", "attributes": {"event": 1, "reason_code": 1, "reason_text": 1,
                "changed_fields": [1], "updated_values": [{"field_name": 1, "old_value": 1, "new_value": 1}]}},
            {"id": 1, "type": "=card_update_subscriptions", "attributes": {"bin": 1, "state": 1}},
            {"id": 1, "type": 1}]});
    let v1_document = json!({"pan_alias": 1, "network_token_last4": 1, "state": 1, "expires_at": 1, "card": {"bin": 1,
        "last4": 1, "expires_at": 1, "holder_info": {"name": 1, "billing_address": {"city": 1}}}});
    for pan in [
        PAN,
        "5100 2600 0001 9206",
        "5100-2600-0001-9206",
        "5.1.0.0.2.6.0.0.0.0.0.1.9.2.0.6",
        "5 1 0 0 2 6 0 0 0 0 0 1 9 2 0 6",
        "\u{202e}5100260000019206\r\nforged \u{1b}[31m line",
        "５１００２６００００１９２０６",
    ] {
        let mut text = String::new();
        let mut named = document.clone();
        named["data"]["relationships"] = json!({pan: {}});
        named["data"]["meta"] = json!({pan: pan});
        text += &all_of(&card(filled_with(&named, pan).to_string().as_bytes()).await);
        let body = filled_with(&document, pan).to_string();
        let cmp = answering("200 OK", body.as_bytes()).await;
        text += &shown(&cmp.cards().create(new_card()).await.unwrap());
        text += &shown(
            &answering("201 Created", body.as_bytes()).await.cards().create(new_card()).await.unwrap(),
        );
        text += &shown(&cmp.drift());
        let body = filled_with(&json!({"data": token, "metadata": observability}), pan).to_string();
        let cmp = answering("200 OK", body.as_bytes()).await;
        text += &shown(&cmp.network_tokens().provision(&card_id()).await.unwrap());
        let cryptogram = cmp.network_tokens().cryptogram(&card_id()).await.unwrap();
        text += &shown(&(
            &cryptogram,
            cryptogram.eci.as_ref(),
            &cryptogram.kind,
            &cryptogram.value,
            cryptogram.trace_id.as_deref(),
        ));
        text += &shown(&cryptogram);
        let (server, _) = always(200, "application/json", &filled_with(&v1_document, pan).to_string()).await;
        let environment = cmp::v1::Environment::custom(server.base_url(), server.base_url()).unwrap();
        let bearer = cmp::auth::AccessToken::new("test-token").unwrap();
        let v1 = cmp::v1::Client::builder(environment).access_token(bearer).build().unwrap();
        let of_v1 = v1.get(&cmp::v1::PanAlias::new("5573495XKjDP28V7312").unwrap()).await.unwrap();
        text += &shown(&of_v1);
        let error = json!({"errors": [{"code": pan, "title": pan, "detail": pan, "path": pan}],
            "meta": {"observability": {"trace_id": pan}}});
        let error = answering("400 Bad Request", error.to_string().as_bytes())
            .await
            .cards()
            .get(&card_id())
            .await
            .unwrap_err();
        text += &format!("{error} {} {:?}", shown(&error), error.details());
        for detail in error.details() {
            text += &format!("{:?} {:?} {:?}", detail.summary(), detail.detail(), detail.path());
        }
        let digits: String = text.chars().filter(|c| c.is_numeric()).collect();
        for secret in [PAN, "５１００２６００００１９２０６"] {
            assert!(!digits.contains(secret), "{pan:?}: {text}");
        }
        assert!(
            !text.contains(['\u{202e}', '\u{1b}', '\r']) && !text.contains("\nforged"),
            "{pan:?}: {text}"
        );
    }
}

#[tokio::test]
async fn a_card_in_the_body_of_a_redirect_is_no_answer() {
    let body = with_attributes("{}");
    for status in ["302 X", "304 X", "307 X"] {
        let url = octets(&format!("HTTP/1.1 {status}\r\nlocation: /elsewhere"), body.as_bytes()).await;
        let cmp = builder(&url, &ManualClock::new()).build().unwrap();
        let error = cmp.cards().get(&card_id()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer, "{status}");
        let error = cmp.cards().create(new_card()).await.unwrap_err();
        assert_eq!(error.delivery(), Delivery::OutcomeUnknown, "{status}");
    }
}
