//! Time that runs out before anything was sent.

use std::time::Duration;

use cmp::{
    Client, Delivery, Environment, ErrorKind, ServiceAccount, clock::ManualClock, http::Proxy,
    retry::RetryPolicy,
};
use tokio::{io::AsyncReadExt, net::TcpListener, sync::watch};

use crate::support::{Reply, builder, card_id, http2, identity, new_card};

/// A socket that takes connections and what is written, and never says a word.
async fn silent() -> (u16, watch::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (heard, hears) = watch::channel(0);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            drop(stream.read(&mut [0; 1024]).await);
            heard.send_modify(|count| *count += 1);
            open.push(stream);
        }
    });
    (port, hears)
}

#[tokio::test]
async fn time_that_runs_out_in_the_handshake_or_at_the_proxy_sent_nothing() {
    for through_proxy in [false, true] {
        let (port, mut hears) = silent().await;
        let (_, certificate) = identity(|_| ());
        let clock = ManualClock::new();
        let builder = if through_proxy {
            builder("https://localhost:1", &certificate, &clock)
                .proxy(Proxy::new(format!("http://127.0.0.1:{port}")))
        } else {
            builder(&format!("https://localhost:{port}"), &certificate, &clock)
        };
        let cmp = builder.retry(RetryPolicy::none()).build().unwrap();
        let (result, _) = tokio::join!(cmp.cards().create(new_card()), async {
            hears.wait_for(|count| *count == 1).await.unwrap();
            clock.advance(Duration::from_secs(20));
        });
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Timeout, Delivery::NotSent), "{error}");
    }
}

#[tokio::test]
async fn the_time_for_a_connection_holds_for_all_of_its_steps() {
    for through_proxy in [false, true] {
        let (port, _hears) = silent().await;
        let (_, certificate) = identity(|_| ());
        let clock = ManualClock::new();
        let builder = if through_proxy {
            builder("https://localhost:1", &certificate, &clock)
                .proxy(Proxy::new(format!("http://127.0.0.1:{port}")))
        } else {
            builder(&format!("https://localhost:{port}"), &certificate, &clock)
        };
        let cmp = builder.connect_timeout(Duration::from_millis(20)).build().unwrap();
        let error = cmp.cards().create(new_card()).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Timeout, Delivery::NotSent), "{error}");
        assert_eq!(error.attempts(), 4);
    }
}

#[tokio::test]
async fn without_time_nothing_is_sent_and_no_connection_is_made() {
    let server = http2(Reply::card).await;
    for policy in [
        RetryPolicy::default().deadline(Duration::ZERO),
        RetryPolicy::default().attempt_timeout(Duration::ZERO),
    ] {
        let environment = Environment::custom(&server.url, format!("{}/token", server.url)).unwrap();
        let with_account = Client::builder(environment)
            .service_account(ServiceAccount::new("AC-1", "secret-canary"))
            .root_certificate(server.certificate.as_str())
            .token_root_certificate(server.certificate.as_str());
        let with_token = server.client(&ManualClock::new());
        // The machine's own clock has timers that are late.
        let with_its_clock = server.client(&ManualClock::new()).clock(cmp::clock::SystemClock);
        for builder in [with_token, with_its_clock] {
            let cmp = builder.retry(policy.clone()).build().unwrap();
            let error = cmp.cards().create(new_card()).await.unwrap_err();
            assert_eq!(error.delivery(), Delivery::NotSent, "{error}");
            cmp.cards().get(&card_id()).await.unwrap_err();
        }
        let cmp = with_account.retry(RetryPolicy::default().deadline(Duration::ZERO)).build().unwrap();
        let error = cmp.cards().create(new_card()).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Timeout, Delivery::NotSent), "{error}");
        cmp.warm_up().await.unwrap_err();
        assert_eq!((server.connections(), server.count()), (0, 0));
    }
}
