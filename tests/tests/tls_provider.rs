//! The crypto provider that a program installs is used, whatever the client's own is. A program of its own, since a process installs
//! one for good.
#![cfg(feature = "rustls")]

use std::sync::Arc;

use cmp::{CardId, Client, Environment, auth::AccessToken};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        NamedGroup,
        crypto::{CryptoProvider, ring},
        pki_types::PrivatePkcs8KeyDer,
    },
};
use workspace_tests::tls;

/// Makes a client and one call, and returns the group that the server saw in the key exchange.
async fn group_of_a_call() -> NamedGroup {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into();
    let config = tls::server().with_no_client_auth();
    let config = config.with_single_cert(vec![cert.der().clone()], key).expect("a key that fits");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("https://localhost:{}", listener.local_addr().expect("an address").port());
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await.expect("TLS");
        let group = stream.get_ref().1.negotiated_key_exchange_group().expect("a group").name();
        let _request = stream.read(&mut [0; 4096]).await.expect("a request");
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("an answer");
        group
    });
    let environment = Environment::custom(&url, format!("{url}/token")).expect("an environment");
    let builder = Client::builder(environment).access_token(AccessToken::new("test").expect("a token"));
    let client = builder.root_certificate(cert.pem()).build().expect("a client");
    let card = CardId::new("CRDecqZp3xRgXU3TFmtcDdzQs").expect("an id");
    client.cards().delete(&card).await.expect("an answer");
    server.await.expect("no panic")
}

#[tokio::test]
async fn an_installed_provider_replaces_the_clients_own() {
    assert_eq!(group_of_a_call().await, NamedGroup::X25519);
    let installed = CryptoProvider { kx_groups: vec![ring::kx_group::SECP384R1], ..ring::default_provider() };
    installed.install_default().expect("the first");
    assert_eq!(group_of_a_call().await, NamedGroup::secp384r1);
}
