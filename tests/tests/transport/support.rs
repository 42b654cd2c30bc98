//! TLS servers that speak HTTP/2 frame by frame, so that they can say what no well-behaved server says.

use std::{
    error::Error as _,
    future::Future,
    sync::{Arc, LazyLock, Mutex},
};

use cmp::{
    Client, ClientBuilder, Cvc, Environment, Error, Expiry, NewCard, Pan, auth::AccessToken,
    clock::ManualClock,
};
use rcgen::{CertificateParams, DnType, KeyPair};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
    server::TlsStream,
};
use tracing::{Dispatch, subscriber::NoSubscriber};
use workspace_tests::tls;

/// What a request of these tests holds, and a server may repeat.
pub(crate) const SECRETS: [&str; 4] = ["5100260000019206", "0737", "bearer-canary", "secret-canary"];

/// With its network token, so that the client has no reason to ask again.
pub(crate) const OK_CARD: &str = r#"{"data":{"id":"CRDecqZp3xRgXU3TFmtcDdzQs","type":"cards","attributes":{}},
    "included":[{"id":"NTK1","type":"network_tokens","attributes":{"state":"active"}}]}"#;

pub(crate) fn new_card() -> NewCard {
    let pan = Pan::new(SECRETS[0]).expect("a test card");
    NewCard::new(pan, Expiry::new(12, 2030).expect("a date")).cvc(Cvc::new(SECRETS[1]).expect("a code"))
}

pub(crate) fn card_id() -> cmp::CardId {
    "CRDecqZp3xRgXU3TFmtcDdzQs".parse().expect("an id of the guide")
}

/// A client of `url` that trusts `certificate`, with a clock that stands still.
pub(crate) fn builder(url: &str, certificate: &str, clock: &ManualClock) -> ClientBuilder {
    let environment = Environment::custom(url, format!("{url}/token")).expect("https is allowed");
    let token = AccessToken::new(SECRETS[2]).expect("a plain token");
    Client::builder(environment).access_token(token).root_certificate(certificate).clock(clock.clone())
}

/// All that an error says, to people and to programs.
pub(crate) fn said(error: &Error) -> String {
    let mut said = format!("{error} {error:?} {error:#?} {:?}", error.next_step());
    let mut next = error.source();
    while let Some(source) = next {
        said += &format!(" {source} {source:?} {source:#?}");
        next = source.source();
    }
    said
}

/// A key and certificate for `localhost`, changed by `change`.
pub(crate) fn identity(change: impl FnOnce(&mut CertificateParams)) -> (ServerConfig, String) {
    let signing_key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    // OpenSSL takes the first trusted certificate of a name for the only one.
    params.distinguished_name.push(DnType::CommonName, signing_key.public_key_pem());
    change(&mut params);
    let certificate = params.self_signed(&signing_key).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = tls::server().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key);
    (config.expect("a matching key"), certificate.pem())
}

/// A server on loopback, with TLS.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) certificate: String,
    /// How many connections came as far as TCP.
    pub(crate) accepted: watch::Receiver<usize>,
    /// How many requests came, on all connections.
    pub(crate) requests: watch::Receiver<usize>,
}

impl Server {
    pub(crate) fn connections(&self) -> usize {
        *self.accepted.borrow()
    }

    pub(crate) fn count(&self) -> usize {
        *self.requests.borrow()
    }

    pub(crate) fn client(&self, clock: &ManualClock) -> ClientBuilder {
        builder(&self.url, &self.certificate, clock)
    }
}

/// Runs `serve` for each connection, with its number.
pub(crate) async fn listen<F, Fut>(
    (mut config, certificate): (ServerConfig, String),
    protocol: &[u8],
    serve: F,
) -> Server
where
    F: Fn(usize, TlsStream<TcpStream>, watch::Sender<usize>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send,
{
    config.alpn_protocols = vec![protocol.to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("https://localhost:{}", listener.local_addr().expect("an address").port());
    let accepted = watch::Sender::new(0);
    let requests = watch::Sender::new(0);
    let server = Server { url, certificate, accepted: accepted.subscribe(), requests: requests.subscribe() };
    let serve = Arc::new(serve);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            accepted.send_modify(|count| *count += 1);
            let number = *accepted.borrow();
            let (acceptor, serve, requests) = (acceptor.clone(), serve.clone(), requests.clone());
            tokio::spawn(async move {
                match acceptor.accept(stream).into_fallible().await {
                    Ok(stream) => serve(number, stream, requests).await,
                    // The client hangs up, if it was not the client that refused. To do so first, with its request unread,
                    // would reset the connection, and the client may not see the alert.
                    Err((_, mut stream)) => drop(tokio::io::copy(&mut stream, &mut tokio::io::sink()).await),
                }
            });
        }
    });
    server
}

/// A whole request, seen by an HTTP/2 server.
pub(crate) struct Asked {
    /// The number of the connection, from 1.
    pub(crate) connection: usize,
    /// The number of the request on this connection, from 1.
    pub(crate) request: usize,
    pub(crate) stream: u32,
}

/// What an HTTP/2 server does after a request.
#[derive(Default)]
pub(crate) struct Reply {
    pub(crate) frames: Vec<u8>,
    pub(crate) closes: bool,
}

impl Reply {
    /// Says nothing more about this request, on a connection that stays open.
    pub(crate) fn hang() -> Self {
        Self::default()
    }

    pub(crate) fn frame(mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Self {
        let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
        self.frames.extend_from_slice(&length[1..]);
        self.frames.extend_from_slice(&[kind, flags]);
        self.frames.extend_from_slice(&stream.to_be_bytes());
        self.frames.extend_from_slice(payload);
        self
    }

    pub(crate) fn head(self, stream: u32, status: &str, ends: bool) -> Self {
        // A literal field without indexing; the name is number 8 of the static table, `:status`.
        let block = [&[0x08, 3], status.as_bytes()].concat();
        self.frame(1, 4 | u8::from(ends), stream, &block)
    }

    pub(crate) fn card(asked: &Asked) -> Self {
        Self::default().head(asked.stream, "200", false).frame(0, 1, asked.stream, OK_CARD.as_bytes())
    }

    pub(crate) fn reset(self, stream: u32, code: u32) -> Self {
        self.frame(3, 0, stream, &code.to_be_bytes())
    }

    pub(crate) fn go_away(self, last_stream: u32, code: u32, text: &str) -> Self {
        let payload = [&last_stream.to_be_bytes(), &code.to_be_bytes(), text.as_bytes()].concat();
        self.frame(7, 0, 0, &payload)
    }

    pub(crate) fn closing(mut self) -> Self {
        self.closes = true;
        self
    }
}

/// A server that speaks HTTP/2, acknowledges settings and answers pings, and does with requests what `script` says.
pub(crate) async fn http2(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Server {
    let script = Arc::new(script);
    listen(identity(|_| ()), b"h2", move |connection, stream, requests| {
        let script = script.clone();
        async move { drop(speak(connection, stream, requests, &*script).await) }
    })
    .await
}

async fn speak(
    connection: usize,
    mut stream: TlsStream<TcpStream>,
    requests: watch::Sender<usize>,
    script: &(impl Fn(&Asked) -> Reply + ?Sized),
) -> std::io::Result<()> {
    const ENDS: u8 = 1;
    const ACK: u8 = 1;
    stream.read_exact(&mut [0; 24]).await?;
    stream.write_all(&Reply::default().frame(4, 0, 0, &[]).frames).await?;
    let mut request = 0;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let [l1, l2, l3, kind, flags, id @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, l1, l2, l3]) as usize];
        stream.read_exact(&mut payload).await?;
        let reply = match kind {
            4 if flags & ACK == 0 => Reply::default().frame(4, ACK, 0, &[]),
            6 if flags & ACK == 0 => Reply::default().frame(6, ACK, 0, &payload),
            0 | 1 if flags & ENDS != 0 => {
                request += 1;
                requests.send_modify(|count| *count += 1);
                script(&Asked { connection, request, stream: u32::from_be_bytes(id) })
            }
            _ => Reply::default(),
        };
        stream.write_all(&reply.frames).await?;
        if reply.closes {
            return stream.shutdown().await;
        }
    }
}

/// Everything that is logged while it lives, on this thread.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        // With a single subscriber, what another test's thread logs first, without one, would be off for good.
        static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::default()));
        LazyLock::force(&ANOTHER);
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::level_filters::LevelFilter::TRACE)
            .with_ansi(false)
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no panic")).into_owned()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
