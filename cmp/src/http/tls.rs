//! TLS, by one of two libraries: see the features `rustls`, `rustls-no-provider` and `native-tls`. With both, rustls is used.

use std::fmt;

use rustls_pki_types::{CertificateDer, pem::PemObject};
use tokio::io::{AsyncRead, AsyncWrite};
use zeroize::Zeroizing;

#[cfg(feature = "rustls-no-provider")]
pub(crate) use of_rust::Tls;
#[cfg(not(feature = "rustls-no-provider"))]
pub(crate) use of_the_system::Tls;

use crate::error::{Error, Result};

/// A connection below HTTP.
pub(super) type BoxedIo = Box<dyn Io>;

pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A client certificate and its private key, as PEM.
#[derive(Clone, PartialEq)]
pub(crate) struct Identity {
    chain: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Identity {
    pub(crate) fn new(chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self { chain: chain.into(), key: Zeroizing::new(key.into()) }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// Reads root certificates from PEM.
pub(crate) fn roots(pems: &[Vec<u8>]) -> Result<Vec<CertificateDer<'static>>> {
    let mut roots = Vec::new();
    for pem in pems {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.push(certificate.map_err(|_| not_pem())?);
        }
        if roots.len() == before {
            return Err(not_pem());
        }
    }
    Ok(roots)
}

fn not_pem() -> Error {
    Error::configuration("a root certificate is not PEM")
}

fn unusable_root() -> Error {
    Error::configuration("a root certificate can't be used")
}

fn no_tls() -> Error {
    Error::configuration("TLS can't be set up: the platform has no usable root certificates")
}

fn unusable_identity() -> Error {
    Error::configuration("the client certificate or its key can't be used")
}

/// The host of a URI as certificates have it.
fn name(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(feature = "rustls-no-provider")]
mod of_rust {
    use std::sync::Arc;

    use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
    use rustls_platform_verifier::Verifier;
    use tokio_rustls::{
        TlsConnector,
        rustls::{ClientConfig, RootCertStore, crypto::CryptoProvider},
    };

    use super::{BoxedIo, Identity, name, no_tls, unusable_identity, unusable_root};
    use crate::{error::Result, http::cause::Cause};

    /// The provider that the program installed, or ring's.
    fn provider() -> Result<Arc<CryptoProvider>> {
        if let Some(installed) = CryptoProvider::get_default() {
            return Ok(Arc::clone(installed));
        }
        #[cfg(feature = "rustls")]
        return Ok(Arc::new(tokio_rustls::rustls::crypto::ring::default_provider()));
        #[cfg(not(feature = "rustls"))]
        Err(crate::Error::configuration(
            "no crypto provider for TLS: install one with rustls's `CryptoProvider::install_default`, or enable the feature `rustls` \
             of `cmp`",
        ))
    }

    /// Whom to trust, and how to speak to them.
    #[derive(Clone)]
    pub(crate) struct Tls {
        to_service: Arc<ClientConfig>,
        to_proxy: Arc<ClientConfig>,
    }

    impl Tls {
        /// Trusts the platform's root certificates and these.
        pub(crate) fn new(
            roots: &[CertificateDer<'static>],
            identity: Option<&Identity>,
            http1_only: bool,
        ) -> Result<Self> {
            let mut store = RootCertStore::empty();
            if roots.iter().any(|root| store.add(root.clone()).is_err()) {
                return Err(unusable_root());
            }
            let provider = provider()?;
            let verifier = if roots.is_empty() {
                Verifier::new(Arc::clone(&provider))
            } else {
                Verifier::new_with_extra_roots(roots.iter().cloned(), Arc::clone(&provider))
            };
            let verifier = verifier.map_err(|_| no_tls())?;
            let builder = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map_err(|_| no_tls())?
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier));
            let to_proxy = builder.clone().with_no_client_auth();
            let mut to_service = match identity {
                None => to_proxy.clone(),
                Some(Identity { chain, key }) => {
                    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
                    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| unusable_identity())?;
                    let with_both =
                        builder.with_client_auth_cert(chain.map_err(|_| unusable_identity())?, key);
                    with_both.map_err(|_| unusable_identity())?
                }
            };
            to_service.alpn_protocols =
                super::protocols(http1_only).iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
            Ok(Self { to_service: Arc::new(to_service), to_proxy: Arc::new(to_proxy) })
        }

        /// Returns the connection, and whether it is for HTTP/2.
        pub(in crate::http) async fn to_service(
            &self,
            host: &str,
            io: BoxedIo,
        ) -> Result<(BoxedIo, bool), Cause> {
            connect(&self.to_service, host, io).await
        }

        pub(in crate::http) async fn to_proxy(&self, host: &str, io: BoxedIo) -> Result<BoxedIo, Cause> {
            connect(&self.to_proxy, host, io).await.map(|(io, _)| io)
        }
    }

    async fn connect(config: &Arc<ClientConfig>, host: &str, io: BoxedIo) -> Result<(BoxedIo, bool), Cause> {
        let name = ServerName::try_from(name(host).to_owned()).map_err(|_| Cause::NoAddress)?;
        let connecting = TlsConnector::from(Arc::clone(config)).connect(name, io);
        let stream = connecting.await.map_err(|error| Cause::of_handshake(&error))?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok((Box::new(stream), http2))
    }
}

#[cfg(not(feature = "rustls-no-provider"))]
mod of_the_system {
    use native_tls::{Certificate, Protocol, TlsConnector};
    use rustls_pki_types::CertificateDer;

    use super::{BoxedIo, Identity, name, no_tls, unusable_identity, unusable_root};
    use crate::{error::Result, http::cause::Cause};

    /// Whom to trust, and how to speak to them.
    #[derive(Clone)]
    pub(crate) struct Tls {
        to_service: tokio_native_tls::TlsConnector,
        to_proxy: tokio_native_tls::TlsConnector,
    }

    impl Tls {
        /// Trusts the platform's root certificates and these.
        pub(crate) fn new(
            roots: &[CertificateDer<'static>],
            identity: Option<&Identity>,
            http1_only: bool,
        ) -> Result<Self> {
            let mut builder = TlsConnector::builder();
            builder.min_protocol_version(Some(Protocol::Tlsv12));
            for root in roots {
                builder.add_root_certificate(Certificate::from_der(root).map_err(|_| unusable_root())?);
            }
            let to_proxy = builder.build().map_err(|_| no_tls())?;
            if let Some(Identity { chain, key }) = identity {
                let both = native_tls::Identity::from_pkcs8(chain, key).map_err(|_| unusable_identity())?;
                builder.identity(both);
            }
            builder.request_alpns(super::protocols(http1_only));
            let to_service = builder.build().map_err(|_| no_tls())?;
            Ok(Self { to_service: to_service.into(), to_proxy: to_proxy.into() })
        }

        /// Returns the connection, and whether it is for HTTP/2.
        pub(in crate::http) async fn to_service(
            &self,
            host: &str,
            io: BoxedIo,
        ) -> Result<(BoxedIo, bool), Cause> {
            connect(&self.to_service, host, io).await
        }

        pub(in crate::http) async fn to_proxy(&self, host: &str, io: BoxedIo) -> Result<BoxedIo, Cause> {
            connect(&self.to_proxy, host, io).await.map(|(io, _)| io)
        }
    }

    async fn connect(
        connector: &tokio_native_tls::TlsConnector,
        host: &str,
        io: BoxedIo,
    ) -> Result<(BoxedIo, bool), Cause> {
        let stream = connector.connect(name(host), io).await.map_err(|error| Cause::of(&error))?;
        let protocol = stream.get_ref().negotiated_alpn().ok().flatten();
        Ok((Box::new(stream), protocol.as_deref() == Some(b"h2")))
    }
}

/// What is offered to the service, the preferred protocol first.
fn protocols(http1_only: bool) -> &'static [&'static str] {
    if http1_only { &["http/1.1"] } else { &["h2", "http/1.1"] }
}
