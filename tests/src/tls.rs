//! TLS of test servers and raw test clients.

use std::sync::Arc;

use tokio_rustls::rustls::{
    ClientConfig, ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier,
    client::WantsClientCert,
    crypto::{CryptoProvider, ring},
};

/// The crypto provider of tests. The build has two of them, so rustls has no default.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Begins a server's configuration.
///
/// # Panics
/// If ring has no TLS 1.2 or 1.3.
pub fn server() -> ConfigBuilder<ServerConfig, WantsVerifier> {
    let builder = ServerConfig::builder_with_provider(provider());
    builder.with_safe_default_protocol_versions().expect("TLS 1.2 and 1.3")
}

/// Begins the configuration of a client that trusts `roots`.
///
/// # Panics
/// If ring has no TLS 1.2 or 1.3.
pub fn client(roots: RootCertStore) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let builder = ClientConfig::builder_with_provider(provider());
    builder.with_safe_default_protocol_versions().expect("TLS 1.2 and 1.3").with_root_certificates(roots)
}
