//! What an attempt puts on the wire and what it leaves behind, over a real socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cmp_generated::hooks::{Context, MediaType, Sending, Transport, bearer};
use cmp_generated::{Client, Error, types};
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Request, Response, StatusCode};
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

fn client(url: &str, context: Context) -> Client {
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    Client::new_with_client(url, http.build().expect("a client"), context)
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
    let context = Context::new(MediaType::JsonApi)
        .authorization(bearer("abc").expect("a header"))
        .headers(Arc::new(extra));
    let card = client(&url, context).update_card("CRD1", &update()).await.expect("a card");
    let id = card.into_inner().data.and_then(|data| data.id).expect("an id");
    assert_eq!(id.as_str(), "CRD1");
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
}

#[tokio::test]
async fn the_other_media_type_and_no_body_no_content_type() {
    let (url, served) = serve(answer("204 No Content", "", "")).await;
    client(&url, Context::new(MediaType::Json)).delete_card("CRD1").await.expect("deleted");
    let request = served.await.expect("served").to_lowercase();
    assert!(request.contains("accept: application/json\r\n"), "{request}");
    assert!(!request.contains("content-type") && !request.contains("authorization"), "{request}");
}

#[tokio::test]
async fn failures_and_redirects_keep_status_headers_and_body() {
    let (url, _served) = serve(answer("503 Service Unavailable", "retry-after: 2\r\n", "<html>")).await;
    let error = client(&url, Context::new(MediaType::JsonApi)).get_card("CRD1", None).await.expect_err("503");
    let Error::ErrorResponse(response) = error else { panic!("not an answer") };
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers().get(RETRY_AFTER), Some(&HeaderValue::from_static("2")));

    let (url, _served) = serve(answer("303 See Other", "", "{\"data\":{}}")).await;
    let request: types::CardResourceRequest = serde_json::from_str(
        "{\"data\":{\"attributes\":{\"pan\":\"4111111111111111\",\"exp_month\":1,\"exp_year\":30}}}",
    )
    .expect("a request");
    let error = client(&url, Context::new(MediaType::JsonApi)).create_card(&request).await.expect_err("303");
    let Error::UnexpectedResponse(response) = error else { panic!("not an answer") };
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.url().as_str(), format!("{url}/cards"));
    assert_eq!(response.text().await.expect("a body"), "{\"data\":{}}");
}

#[test]
fn an_attempt_prints_names_of_headers_only() {
    let context = Context::new(MediaType::JsonApi).authorization(bearer("s3cret").expect("a header"));
    let text = format!("{context:?}");
    assert!(text.contains("authorization") && !text.contains("s3cret"), "{text}");
    // HTTP/2 then keeps it out of its table of fields.
    assert!(bearer("s3cret").expect("a header").is_sensitive());
    let error = bearer("s3cret\n").expect_err("no header");
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}

/// Answers everything, and counts.
struct Answering(AtomicUsize);

impl Transport for Answering {
    fn send(&self, request: Request) -> Sending<'_> {
        self.0.fetch_add(1, Ordering::SeqCst);
        assert_eq!(request.url().path(), "/cards/CRD1");
        Box::pin(async { Ok(Response::from(http::Response::new("{\"data\":{\"id\":\"CRD1\"}}"))) })
    }
}

#[tokio::test]
async fn a_transport_sends_in_the_place_of_the_own_client() {
    let transport = Arc::new(Answering(AtomicUsize::new(0)));
    let context = Context::over(MediaType::JsonApi, transport.clone());
    let card = client("http://127.0.0.1:1", context).get_card("CRD1", None).await.expect("a card");
    let id = card.into_inner().data.and_then(|data| data.id).expect("an id");
    assert_eq!(id.as_str(), "CRD1");
    assert_eq!(transport.0.load(Ordering::SeqCst), 1);
}
