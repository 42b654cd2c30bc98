//! TLS with a certificate that is made at the start.

use std::io;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::server::TlsStream;

use crate::instance::Instance;
use crate::server::http1;
use crate::server::http2;
use crate::server::wire::Socket;
use crate::settings::Protocol;

const HTTP1: &[u8] = b"http/1.1";
const HTTP2: &[u8] = b"h2";

impl Socket for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

#[derive(Clone)]
pub(super) struct Tls {
    acceptor: TlsAcceptor,
    root_certificate: Arc<str>,
    /// The protocol for a client that negotiates none
    default: &'static [u8],
}

impl Tls {
    pub(super) fn new(protocol: Protocol) -> io::Result<Self> {
        let offered: &[&'static [u8]] = match protocol {
            Protocol::Http1 | Protocol::TlsHttp1 => &[HTTP1],
            Protocol::Tls => &[HTTP2, HTTP1],
            Protocol::TlsHttp2 => &[HTTP2],
        };
        let certificate = Certificate::new().map_err(io::Error::other)?;
        // Names the crypto provider, because a process with two of them has no default.
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                config.with_no_client_auth().with_single_cert(vec![certificate.der], certificate.key)
            })
            .map_err(io::Error::other)?;
        config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            root_certificate: certificate.root.into(),
            default: if protocol == Protocol::TlsHttp2 { HTTP2 } else { HTTP1 },
        })
    }

    pub(super) fn root_certificate(&self) -> &str {
        &self.root_certificate
    }

    pub(super) async fn serve(&self, stream: TcpStream, instance: Arc<Instance>) {
        let stream = match self.acceptor.accept(stream).await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::debug!(%error, "a TLS handshake failed");
                return;
            }
        };
        if stream.get_ref().1.alpn_protocol().unwrap_or(self.default) == HTTP2 {
            http2::serve(stream, instance).await;
        } else {
            http1::serve(stream, instance).await;
        }
    }
}

/// A server certificate, and the authority that signed it.
struct Certificate {
    der: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    /// The authority's certificate as PEM
    root: String,
}

impl Certificate {
    fn new() -> Result<Self, rcgen::Error> {
        let root_key = KeyPair::generate()?;
        let mut root = CertificateParams::default();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        // OpenSSL looks only at the first trusted certificate of a name, so each simulator has its own name.
        let number =
            root.key_identifier(&root_key).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        root.distinguished_name.push(DnType::CommonName, format!("cmp-simulator {number}"));
        let certificate = root.self_signed(&root_key)?;

        let key = KeyPair::generate()?;
        let mut server = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        server.distinguished_name.push(DnType::CommonName, "cmp-simulator");
        let signed = server.signed_by(&key, &Issuer::new(root, root_key))?;
        Ok(Self {
            der: signed.der().clone(),
            key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            root: certificate.pem(),
        })
    }
}
