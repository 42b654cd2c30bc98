//! A service that asks for the client's certificate.

use std::sync::Arc;

use cmp::{Delivery, ErrorKind, clock::ManualClock, error::StopReason};
use rcgen::{CertificateParams, DnType, KeyPair};
use tokio::io::AsyncWriteExt;
use tokio_rustls::rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};

use workspace_tests::tls;

use crate::support::{Server, card_id, listen, new_card};

struct Certificate {
    chain: String,
    key: String,
}

/// A server that answers only who has the certificate.
async fn asking() -> (Server, Certificate) {
    asking_over(&[&TLS12, &TLS13], b"http/1.1").await
}

async fn asking_over(
    versions: &[&'static SupportedProtocolVersion],
    protocol: &[u8],
) -> (Server, Certificate) {
    let made = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, key.public_key_pem());
        (params.self_signed(&key).unwrap(), key)
    };
    let (server, server_key) = made("localhost");
    let (client, client_key) = made("client.example");
    let mut trusted = RootCertStore::empty();
    trusted.add(client.der().clone()).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), tls::provider()).build().unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
    let config =
        ServerConfig::builder_with_provider(tls::provider()).with_protocol_versions(versions).unwrap();
    let config = config.with_client_cert_verifier(verifier);
    let config = config.with_single_cert(vec![server.der().clone()], key).unwrap();
    let identity = (config, server.pem());
    let server = listen(identity, protocol, |_, mut stream, requests| async move {
        requests.send_modify(|count| *count += 1);
        drop(stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await);
        drop(stream.shutdown().await);
    })
    .await;
    (server, Certificate { chain: client.pem(), key: client_key.serialize_pem() })
}

#[tokio::test]
async fn the_service_sees_the_certificate() {
    let (server, Certificate { chain, key }) = asking().await;
    let without = server.client(&ManualClock::new()).build().unwrap();
    without.cards().delete(&card_id()).await.unwrap_err();
    assert_eq!(server.count(), 0);
    let with = server.client(&ManualClock::new()).client_certificate(chain, key).build().unwrap();
    with.cards().delete(&card_id()).await.unwrap();
    assert_eq!(server.count(), 1);
}

/// In TLS 1.3, the client has sent its request when it learns of it.
#[tokio::test]
async fn a_certificate_that_is_refused_says_that_nothing_happened_and_is_not_tried_again() {
    if cfg!(not(feature = "rustls")) {
        return;
    }
    let (_, of_another) = asking().await;
    for (version, protocol, delivery) in [
        (&TLS13, &b"http/1.1"[..], Delivery::Answered),
        (&TLS13, b"h2", Delivery::Answered),
        (&TLS12, b"http/1.1", Delivery::NotSent),
        (&TLS12, b"h2", Delivery::NotSent),
    ] {
        let (server, _) = asking_over(&[version], protocol).await;
        let builder = || server.client(&ManualClock::new());
        let refused = builder().client_certificate(&*of_another.chain, &*of_another.key);
        for (tried, builder) in [refused, builder()].into_iter().enumerate() {
            let cmp = builder.build().unwrap();
            let created = cmp.cards().create(new_card()).await.unwrap_err();
            let read = cmp.cards().get(&card_id()).await.unwrap_err();
            for error in [created, read] {
                assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connection, delivery), "{error}");
                let not_again = (1, Some(StopReason::NotTransient));
                assert_eq!((error.attempts(), error.stopped_because()), not_again, "{error}");
                assert!(error.to_string().contains("another client certificate"), "{error}");
            }
            assert_eq!(server.connections(), 2 * (tried + 1));
        }
        assert_eq!(server.count(), 0);
    }
}

#[tokio::test]
async fn the_token_endpoint_has_a_certificate_of_its_own() {
    let (server, Certificate { chain, key }) = asking().await;
    let builder = || server.client(&ManualClock::new());
    // It answers no token, but it answers.
    let account = || cmp::ServiceAccount::new("ACexample", "not-a-real-secret");
    let api_only = builder().client_certificate(chain.clone(), key.clone()).service_account(account());
    let api_only = api_only.token_root_certificate(server.certificate.clone()).build().unwrap();
    api_only.warm_up().await.unwrap_err();
    assert_eq!(server.count(), 0);
    let both = builder().token_client_certificate(chain, key).service_account(account());
    let both = both.token_root_certificate(server.certificate.clone()).build().unwrap();
    both.warm_up().await.unwrap_err();
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn what_is_no_certificate_or_no_key_is_refused_and_not_shown() {
    let (server, Certificate { chain, key }) = asking().await;
    let (_, Certificate { key: of_another, .. }) = asking().await;
    for (chain, key) in [("no certificate", &*key), (&*chain, "no key: s3cret"), (&*chain, &*of_another)] {
        let builder = server.client(&ManualClock::new()).client_certificate(chain, key);
        assert!(!format!("{builder:?}").contains("PRIVATE"), "{builder:?}");
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(!format!("{error:?} {error}").contains("s3cret"), "{error}");
    }
}
