//! A server with canned answers, on a thread of its own: what it frees is not the client's.

use std::{sync::Arc, thread};

use bytes::Bytes;
use cmp::CardId;
use http::Response;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer},
};

const CARD: &str = "CRDecqZp3xRgXU3TFmtcDdzQs";

pub(crate) struct Server {
    pub(crate) url: String,
    /// What vouches for it, if it has TLS
    pub(crate) certificate: Option<String>,
}

pub(crate) fn card_id() -> CardId {
    CARD.parse().expect("an id")
}

impl Server {
    pub(crate) fn http1() -> Self {
        Self { url: format!("http://127.0.0.1:{}", start(None)), certificate: None }
    }

    /// With TLS and HTTP/2.
    pub(crate) fn tls() -> Self {
        let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a key");
        let key = PrivatePkcs8KeyDer::from(identity.signing_key.serialize_der()).into();
        // The build has two crypto providers, so rustls has no default.
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().expect("TLS").with_no_client_auth();
        let mut config =
            config.with_single_cert(vec![identity.cert.der().clone()], key).expect("a key that fits");
        config.alpn_protocols = vec![b"h2".to_vec()];
        let port = start(Some(TlsAcceptor::from(Arc::new(config))));
        Self { url: format!("https://localhost:{port}"), certificate: Some(identity.cert.pem()) }
    }
}

fn start(acceptor: Option<TlsAcceptor>) -> u16 {
    let (send, receive) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            send.send(listener.local_addr().expect("an address").port()).expect("somebody waits");
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    match acceptor {
                        None => drop(http1(stream).await),
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                drop(http2(stream).await);
                            }
                        }
                    }
                });
            }
        });
    });
    receive.recv().expect("a port")
}

async fn http1(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut received = Vec::new();
    loop {
        if stream.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
        let Some(end) = received.windows(4).position(|end| end == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&received[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let length: usize = length.unwrap_or(0);
        if received.len() < end + 4 + length {
            continue;
        }
        let path =
            String::from_utf8_lossy(&received[..end]).split([' ', '?']).nth(1).unwrap_or_default().to_owned();
        received.clear();
        // A proxy is asked for a whole URL.
        let path =
            path.strip_prefix("http://").and_then(|url| url.find('/').map(|at| &url[at..])).unwrap_or(&path);
        let (status, body) = answer(path);
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: application/vnd.api+json\r\ncontent-length: {}",
            body.len()
        );
        // In two pieces, since a reader joins them.
        let (first, rest) = body.split_at(body.len() - 4);
        stream.write_all(format!("{head}\r\n\r\n{first}").as_bytes()).await?;
        stream.flush().await?;
        tokio::task::yield_now().await;
        stream.write_all(rest.as_bytes()).await?;
    }
}

async fn http2(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(asked) = connection.accept().await {
        let (request, mut respond) = asked?;
        tokio::spawn(async move {
            let (head, mut incoming) = request.into_parts();
            while let Some(Ok(piece)) = incoming.data().await {
                let _ = incoming.flow_control().release_capacity(piece.len());
            }
            let (status, body) = answer(head.uri.path());
            let response =
                Response::builder().status(status).header("content-type", "application/vnd.api+json");
            let mut sent = respond.send_response(response.body(()).expect("a status"), false)?;
            let (first, rest) = body.split_at(body.len() - 4);
            sent.send_data(Bytes::from_static(first.as_bytes()), false)?;
            sent.send_data(Bytes::from_static(rest.as_bytes()), true)
        });
    }
    Ok(())
}

fn answer(path: &str) -> (u16, &'static str) {
    match path {
        "/token" => (200, r#"{"access_token": "canary-bearer-1357924680", "token_type": "Bearer", "expires_in": 1200}"#),
        "/cards/CRDpan/cryptogram" => {
            (424, r#"{"errors": [{"error_code": "failed-dependency"}]}"#)
        }
        "/cards/CRDpan" => (
            200,
            r#"{"data": {"id": "CRDpan", "type": "cards", "attributes": {"pan": "5100260000019206",
                "cvc": "739", "exp_month": 5, "exp_year": 28}, "relationships": {}},
                "included": []}"#,
        ),
        path if path.starts_with("localhost:") => (407, "null"),
        path if path.ends_with("/cryptogram") => (
            200,
            r#"{"data": {"id": "NTKpRRhGgX6cRRNh7C8TWKGjE", "type": "network_tokens", "attributes": {
                "network_token": "5580043943638177", "exp_month": 9, "exp_year": 27, "state": "active",
                "cryptogram": {"type": "TAVV", "value": "AkX7Canary+TAVV/0123456789A==", "eci": "07"}}}}"#,
        ),
        "/cards/CRDrefused" => (
            400,
            r#"{"errors": [{"error_code": "bad-5100260000019206", "title": "5100260000019206", "detail":
                "5100260000019206 with canary-cvc-7391-alias", "path": "/data/attributes/5100260000019206"}]}"#,
        ),
        "/cards/CRDbroken" => (
            200,
            "{\"data\": {\"id\": \"CRDbroken\", \"type\": \"cards\", \"attributes\": {\"pan\":
                \"5100260000019206\", \"last4\": \"9206\", \"a\": NaN, \"b\": \"\\ud800\\ud800\tx\", \"c\": [undefined],},
                \"relationships\": {\"network_tokens\": {\"data\": []}}}, \"included\": [{\"type\":
                \"network_tokens\", \"id\": \"NTK1\", \"attributes\": {\"network_token\": \"5580043943638177\",}}],}",
        ),
        path => (
            if path == "/cards" { 201 } else { 200 },
            r#"{"data": {"id": "CRDecqZp3xRgXU3TFmtcDdzQs", "type": "cards", "attributes": {
                "pan": "5100260000019206", "cvc": "canary-cvc-7391-alias", "first8": "51002600", "last4": "9206", "exp_month": 5,
                "exp_year": 28}, "relationships": {"network_tokens": {"data": [{"type": "network_tokens",
                "id": "NTKpRRhGgX6cRRNh7C8TWKGjE"}]}}, "meta": {}}, "included": [{"type": "network_tokens",
                "id": "NTKpRRhGgX6cRRNh7C8TWKGjE", "attributes": {"network_token": "5580043943638177",
                "state": "active", "exp_month": 9, "exp_year": 27}}]}"#,
        ),
    }
}
