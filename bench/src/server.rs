//! A server that does as little as possible: it reads a request to its end and writes a canned response.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use bench_work::documents;

/// The octets of a download, to compare what TLS libraries cost.
const DOWNLOAD: usize = 16 * 1024 * 1024;

const TOKEN: &str = r#"{"access_token":"bench","token_type":"Bearer","expires_in":1200}"#;

/// Where the server listens; its first line of output.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Addresses {
    /// Plain HTTP/1.1.
    pub(crate) plain: String,
    /// HTTP/1.1 over TLS.
    pub(crate) http1: String,
    /// HTTP/2 over TLS.
    pub(crate) http2: String,
    /// The certificate of the two, in PEM.
    pub(crate) certificate: String,
}

pub(crate) fn run() -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve())
}

async fn serve() -> Result<()> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()])?;
    let tls = |protocol: &[u8]| -> Result<TlsAcceptor> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let mut config =
            ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key)?;
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    };
    let (http1, http2) = (tls(b"http/1.1")?, tls(b"h2")?);
    let plain_port = listen(|stream| async move { by_hand(stream).await }).await?;
    let http1_port = listen(move |stream| {
        let tls = http1.clone();
        async move {
            if let Ok(stream) = tls.accept(stream).await {
                by_hand(stream).await;
            }
        }
    })
    .await?;
    let http2_port = listen(move |stream| {
        let tls = http2.clone();
        async move {
            if let Ok(stream) = tls.accept(stream).await {
                let connection = auto::Builder::new(TokioExecutor::new()).http2_only();
                // The client ends the connection whenever it likes.
                let _ = connection.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
            }
        }
    })
    .await?;
    let addresses = Addresses {
        plain: format!("http://127.0.0.1:{plain_port}"),
        http1: format!("https://localhost:{http1_port}"),
        http2: format!("https://localhost:{http2_port}"),
        certificate: cert.pem(),
    };
    let mut output = std::io::stdout();
    writeln!(output, "{}", serde_json::to_string(&addresses)?)?;
    output.flush()?;
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    Ok(())
}

async fn listen<F, Fut>(serve: F) -> Result<u16>
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if stream.set_nodelay(true).is_ok() {
                tokio::spawn(serve(stream));
            }
        }
    });
    Ok(port)
}

/// HTTP/1.1 without a library, so that the server takes as little as possible of the machine's time.
async fn by_hand(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut read = Vec::with_capacity(4096);
    loop {
        let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") else {
            match stream.read_buf(&mut read).await {
                Ok(0) | Err(_) => return,
                Ok(_) => continue,
            }
        };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        let length = head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse().ok())
            .unwrap_or(0);
        while read.len() < end + 4 + length {
            match stream.read_buf(&mut read).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        let path = head.split(' ').nth(1).unwrap_or_default();
        let (status, body) = canned(path, head.starts_with("DELETE "));
        let mut response = format!(
            "HTTP/1.1 {status} OK\r\ncontent-type: application/vnd.api+json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        response.extend_from_slice(&body);
        read.drain(..end + 4 + length);
        if stream.write_all(&response).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, body) = canned(request.uri().path(), request.method() == Method::DELETE);
    // A body that can't be read belongs to a client that has gone.
    let _ = request.into_body().collect().await;
    let response = Response::builder().status(status).header("content-type", "application/vnd.api+json");
    Ok(response.body(Full::new(body)).unwrap_or_default())
}

/// The status and body for a path. A card's id says how much is included.
fn canned(path: &str, is_delete: bool) -> (u16, Bytes) {
    static CARDS: LazyLock<Mutex<HashMap<usize, Bytes>>> = LazyLock::new(Mutex::default);
    let card = |included: usize| {
        let mut cards = CARDS.lock().unwrap_or_else(PoisonError::into_inner);
        cards.entry(included).or_insert_with(|| documents::card(included).into()).clone()
    };
    match path.split('/').collect::<Vec<_>>()[..] {
        ["", "cards"] => (201, card(1)),
        ["", "cards", id] => {
            documents::included_of(id).map_or((404, Bytes::new()), |count| (200, card(count)))
        }
        ["", "cards", _, "card-update-subscriptions"] if is_delete => (204, Bytes::new()),
        ["", "cards", _, "card-update-subscriptions"] => {
            (200, Bytes::from_static(documents::SUBSCRIPTION.as_bytes()))
        }
        ["", "cards", _, "check"] => (200, Bytes::from_static(documents::UPDATE.as_bytes())),
        ["", "cards", _, "cryptogram"] => (200, Bytes::from_static(documents::CRYPTOGRAM.as_bytes())),
        ["", "download"] => (200, Bytes::from_static(&[b' '; DOWNLOAD])),
        _ => (200, Bytes::from_static(TOKEN.as_bytes())),
    }
}

/// The server as a process of its own, which ends with the value.
pub(crate) struct Server {
    child: Child,
    pub(crate) addresses: Addresses,
    /// A file with the certificate.
    pub(crate) certificate: PathBuf,
}

impl Server {
    /// Starts the server; its certificate goes into `folder`.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().context("the server has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let addresses: Addresses = serde_json::from_str(&line)?;
        let certificate = folder.join("certificate.pem");
        std::fs::write(&certificate, &addresses.certificate)?;
        Ok(Self { child, addresses, certificate })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends when its standard input does.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
