//! What an attempt puts on the wire and what it leaves behind, over a real socket.

use cmp_generated::hooks::{Attempt, MediaType};
use cmp_generated::{Client, Error, types};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Answers one request with `answer`; gives the request's text.
async fn serve(answer: String) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let served = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let mut request = Vec::new();
        while !is_whole(&request) {
            assert_ne!(socket.read_buf(&mut request).await.expect("read"), 0, "the request broke off");
        }
        // A reader that has seen enough closes first.
        let _ = socket.write_all(answer.as_bytes()).await;
        String::from_utf8(request).expect("UTF-8")
    });
    (url, served)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| length.parse::<usize>().is_ok_and(|length| body.len() >= length))
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn client(url: &str, attempt: Attempt) -> Client {
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    Client::new_with_client(url, http.build().expect("a client"), attempt)
}

fn update() -> types::CardUpdateResourceRequest {
    let attributes = types::CardUpdateAttributes { cvc: None, exp_month: None, exp_year: None };
    types::CardUpdateResourceRequest { data: types::CardUpdateResourceRequestData { attributes } }
}

#[tokio::test]
async fn every_request_has_its_media_type_credentials_and_headers_and_no_version() {
    let (url, served) = serve(answer("200 OK", "", "{\"data\":{\"id\":\"CRD1\"}}")).await;
    let mut extra = HeaderMap::new();
    extra.insert("vgs-vault", HeaderValue::from_static("tnt1"));
    let attempt =
        Attempt::new(MediaType::JsonApi, 1024).with_bearer("abc").expect("a header").with_headers(&extra);
    let observation = attempt.observation();
    let card = client(&url, attempt).update_card("CRD1", &update()).await.expect("a card");
    assert_eq!(card.data.id.as_deref(), Some("CRD1"));
    let request = served.await.expect("served").to_lowercase();
    for line in [
        "patch /cards/crd1 http/1.1",
        "accept: application/vnd.api+json",
        "content-type: application/vnd.api+json",
        "authorization: bearer abc",
        "vgs-vault: tnt1",
    ] {
        assert_eq!(request.lines().filter(|known| *known == line).count(), 1, "{line} in {request}");
    }
    assert!(!request.contains("api-version"), "{request}");
    assert_eq!((observation.started(), observation.status()), (true, Some(StatusCode::OK)));
}

#[tokio::test]
async fn the_other_media_type_and_no_body_no_content_type() {
    let (url, served) = serve(answer("204 No Content", "", "")).await;
    client(&url, Attempt::new(MediaType::Json, 1024)).delete_card("CRD1").await.expect("deleted");
    let request = served.await.expect("served").to_lowercase();
    assert!(request.contains("accept: application/json\r\n"), "{request}");
    assert!(!request.contains("content-type") && !request.contains("authorization"), "{request}");
}

#[tokio::test]
async fn status_and_headers_outlive_a_body_that_does_not_decode() {
    let (url, _served) = serve(answer("201 Created", "retry-after: 2\r\n", "<html>")).await;
    let attempt = Attempt::new(MediaType::JsonApi, 1024);
    let observation = attempt.observation();
    let error = client(&url, attempt).provision_network_token("CRD1").await.expect_err("HTML");
    assert!(matches!(error, Error::InvalidResponsePayload(..)));
    assert_eq!(observation.status(), Some(StatusCode::CREATED));
    assert_eq!(observation.headers().get(RETRY_AFTER), Some(&HeaderValue::from_static("2")));
}

#[tokio::test]
async fn failures_and_redirects_keep_status_headers_and_body() {
    let (url, _served) = serve(answer("503 Service Unavailable", "retry-after: 2\r\n", "<html>")).await;
    let error =
        client(&url, Attempt::new(MediaType::JsonApi, 1024)).get_card("CRD1", None).await.expect_err("503");
    let Error::ErrorResponse(response) = error else { panic!("not an answer") };
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers().get(RETRY_AFTER), Some(&HeaderValue::from_static("2")));

    let (url, _served) = serve(answer("303 See Other", "", "{\"data\":{}}")).await;
    let request: types::CardResourceRequest = serde_json::from_str(
        "{\"data\":{\"attributes\":{\"pan\":\"4111111111111111\",\"exp_month\":1,\"exp_year\":30}}}",
    )
    .expect("a request");
    let error =
        client(&url, Attempt::new(MediaType::JsonApi, 1024)).create_card(&request).await.expect_err("303");
    let Error::UnexpectedResponse(response) = error else { panic!("not an answer") };
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.url().as_str(), format!("{url}/cards"));
    assert_eq!(response.text().await.expect("a body"), "{\"data\":{}}");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_not_read() {
    for (limit, too_large) in [(22, true), (23, false)] {
        let (url, _served) = serve(answer("200 OK", "", "{\"data\":{\"id\":\"CRD12\"}}")).await;
        let attempt = Attempt::new(MediaType::JsonApi, limit);
        let observation = attempt.observation();
        let result = client(&url, attempt).get_card("CRD12", None).await;
        assert_eq!((result.is_err(), observation.body_too_large()), (too_large, too_large), "{limit}");
    }
}

#[tokio::test]
async fn nothing_starts_before_the_request_is_whole() {
    let attempt = Attempt::new(MediaType::JsonApi, 1024);
    let observation = attempt.observation();
    let error = client("no url", attempt).get_card("CRD1", None).await.expect_err("no URL");
    assert!(matches!(error, Error::CommunicationError(_)));
    assert!(!observation.started());
}

#[test]
fn an_attempt_prints_names_of_headers_only() {
    let attempt = Attempt::new(MediaType::JsonApi, 1).with_bearer("s3cret").expect("a header");
    let text = format!("{attempt:?} {:?}", attempt.observation());
    assert!(text.contains("authorization") && !text.contains("s3cret"), "{text}");
    let error = Attempt::new(MediaType::JsonApi, 1).with_bearer("s3cret\n").expect_err("no header");
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}

#[tokio::test]
async fn the_body_is_kept_on_request_alone_and_never_printed() {
    let body = "{\"data\":{\"id\":\"CRD1\",\"attributes\":{\"pan\":\"4111111111111111\"}}}";
    for keeps in [true, false] {
        let (url, _served) = serve(answer("200 OK", "", body)).await;
        let attempt = Attempt::new(MediaType::JsonApi, 1024);
        let attempt = if keeps { attempt.keeping_body() } else { attempt };
        let observation = attempt.observation();
        let printed = format!("{attempt:?}");
        client(&url, attempt).update_card("CRD1", &update()).await.expect("a card");
        let kept = observation.body().concat();
        assert_eq!(kept, if keeps { body.as_bytes() } else { b"" });
        assert!(!(printed + &format!("{observation:?}")).contains("4111111111111111"));
    }
}
