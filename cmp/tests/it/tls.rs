//! TLS for real: a certificate that is not trusted ends the call before anything is sent.

use std::sync::Arc;

use cmp::{Client, Delivery, Environment, ErrorKind, auth::AccessToken, clock::ManualClock};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use crate::support::card_id;

/// A server for `localhost` that answers 204 over TLS; its address and certificate.
async fn secure_server() -> (String, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key);
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that doesn't trust the certificate hangs up here.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = vec![0; 16 * 1024];
            if stream.read(&mut request).await.is_ok() {
                drop(stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await);
                drop(stream.shutdown().await);
            }
        }
    });
    (url, cert.pem())
}

fn client(url: &str, trusted: Option<&str>) -> Client {
    let environment = Environment::custom(url, format!("{url}/token")).unwrap();
    let builder = Client::builder(environment).access_token(AccessToken::new("test-token").unwrap());
    let builder = trusted.into_iter().fold(builder, cmp::ClientBuilder::root_certificate);
    builder.clock(ManualClock::new()).build().unwrap()
}

#[tokio::test]
async fn an_added_root_certificate_is_trusted() {
    let (url, certificate) = secure_server().await;
    client(&url, Some(&certificate)).cards().delete(&card_id()).await.unwrap();
}

#[tokio::test]
async fn another_certificate_is_not() {
    let (url, _) = secure_server().await;
    let (_, of_another) = secure_server().await;
    for trusted in [None, Some(of_another.as_str())] {
        let error = client(&url, trusted).cards().delete(&card_id()).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connection, Delivery::NotSent));
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}
