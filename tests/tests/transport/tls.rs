//! TLS for real: a certificate that is not trusted ends the call before anything is sent.

use std::sync::Arc;

use cmp::{
    Client, ClientBuilder, Delivery, Environment, ErrorKind, ServiceAccount, auth::AccessToken,
    clock::ManualClock,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use crate::support::{card_id, identity};

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";
const TOKEN: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 41\r\n\r\n\
                     {\"access_token\":\"test\",\"expires_in\":1200}";

/// A server for `localhost` that answers so over TLS; its address and certificate.
async fn secure_server(answer: &'static str) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (config, certificate) = identity(|_| ());
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let url = format!("https://localhost:{port}");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that doesn't trust the certificate hangs up here.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = vec![0; 16 * 1024];
            if stream.read(&mut request).await.is_ok() {
                drop(stream.write_all(answer.as_bytes()).await);
                drop(stream.shutdown().await);
            }
        }
    });
    (url, certificate)
}

fn client(url: &str, trusted: Option<&str>) -> Client {
    let environment = Environment::custom(url, format!("{url}/token")).unwrap();
    let builder = Client::builder(environment).access_token(AccessToken::new("test-token").unwrap());
    let builder = trusted.into_iter().fold(builder, ClientBuilder::root_certificate);
    builder.clock(ManualClock::new()).build().unwrap()
}

#[tokio::test]
async fn an_added_root_certificate_is_trusted() {
    let (url, certificate) = secure_server(NO_CONTENT).await;
    client(&url, Some(&certificate)).cards().delete(&card_id()).await.unwrap();
}

#[tokio::test]
async fn another_certificate_is_not() {
    let (url, _) = secure_server(NO_CONTENT).await;
    let (_, of_another) = secure_server(NO_CONTENT).await;
    for trusted in [None, Some(of_another.as_str())] {
        let error = client(&url, trusted).cards().delete(&card_id()).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connection, Delivery::NotSent));
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}

#[tokio::test]
async fn the_token_endpoint_has_root_certificates_of_its_own() {
    let (api, of_api) = secure_server(NO_CONTENT).await;
    let (tokens, of_tokens) = secure_server(TOKEN).await;
    let environment = Environment::custom(api, format!("{tokens}/token")).unwrap();
    let client = |for_api: [&str; 2], for_tokens: &[&str]| {
        let builder =
            Client::builder(environment.clone()).service_account(ServiceAccount::new("AC-1", "a-secret"));
        let builder = for_api.into_iter().fold(builder, ClientBuilder::root_certificate);
        let builder = for_tokens.iter().copied().fold(builder, ClientBuilder::token_root_certificate);
        builder.clock(ManualClock::new()).build().unwrap()
    };
    let both = [of_api.as_str(), of_tokens.as_str()];
    client(both, &[&of_tokens]).cards().delete(&card_id()).await.unwrap();

    let error = client(both, &[]).cards().delete(&card_id()).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Authentication, Delivery::NotSent));
    assert!(error.to_string().contains("certificate"), "{error}");

    let error = client([&of_tokens; 2], &both).cards().delete(&card_id()).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connection, Delivery::NotSent));
}

#[tokio::test]
async fn nothing_older_than_tls_1_2_is_offered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let first_message = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut header = [0; 5];
        stream.read_exact(&mut header).await.unwrap();
        let mut message = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
        stream.read_exact(&mut message).await.unwrap();
        message
    });
    client(&url, None).cards().delete(&card_id()).await.unwrap_err();
    let versions = offered_versions(&first_message.await.unwrap());
    assert!(versions.contains(&0x0303), "{versions:04x?}");
    assert!(versions.iter().all(|version| *version >= 0x0303), "{versions:04x?}");
}

/// The extension `supported_versions` of a `ClientHello` (RFC 8446, sections 4.1.2 and 4.2.1).
fn offered_versions(hello: &[u8]) -> Vec<u16> {
    const SUPPORTED_VERSIONS: u16 = 43;
    // The kind, the length, the oldest form of the version, and the random octets.
    let mut rest = &hello[1 + 3 + 2 + 32..];
    take(&mut rest, 1);
    let _cipher_suites = take(&mut rest, 2);
    let _compression = take(&mut rest, 1);
    let mut extensions = take(&mut rest, 2);
    while !extensions.is_empty() {
        let kind = u16::from_be_bytes([extensions[0], extensions[1]]);
        extensions = &extensions[2..];
        let mut content = take(&mut extensions, 2);
        if kind == SUPPORTED_VERSIONS {
            let versions = take(&mut content, 1).chunks_exact(2);
            return versions.map(|version| u16::from_be_bytes([version[0], version[1]])).collect();
        }
    }
    panic!("the message says no versions");
}

/// Takes what a length of so many octets announces.
fn take<'m>(rest: &mut &'m [u8], octets: usize) -> &'m [u8] {
    let length = rest[..octets].iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
    let (taken, left) = rest[octets..].split_at(length);
    *rest = left;
    taken
}
