//! Which connection a request goes to: none that hung, and none that the server has closed.

use cmp::{Delivery, ErrorKind, clock::ManualClock, retry::RetryPolicy};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Reply, card_id, http2, identity, listen, new_card};

const AN_ATTEMPT: Duration = Duration::from_secs(20);

/// Answers the first request of the first connection and leaves the second, and answers all of later connections; pings are
/// always answered. A third request on the first connection fails its test at once.
async fn hung_after_one() -> crate::support::Server {
    http2(|asked| match (asked.connection, asked.request) {
        (1, 2) => Reply::hang(),
        (1, 3..) => Reply::default().head(asked.stream, "500", true),
        _ => Reply::card(asked),
    })
    .await
}

#[tokio::test]
async fn after_a_time_out_the_retry_and_the_next_call_get_another_connection() {
    let mut server = hung_after_one().await;
    let clock = ManualClock::new();
    let cmp = server.client(&clock).build().unwrap();
    cmp.cards().get(&card_id()).await.unwrap();
    let id = card_id();
    let (result, _) = tokio::join!(cmp.cards().get(&id), async {
        server.requests.wait_for(|count| *count == 2).await.unwrap();
        clock.advance(AN_ATTEMPT);
    });
    result.unwrap();
    assert_eq!((server.connections(), server.count()), (2, 3));
    cmp.cards().get(&card_id()).await.unwrap();
    assert_eq!((server.connections(), server.count()), (2, 4));
}

#[tokio::test]
async fn after_a_lost_create_the_next_call_gets_another_connection() {
    let mut server = hung_after_one().await;
    let clock = ManualClock::new();
    let cmp = server.client(&clock).build().unwrap();
    cmp.cards().get(&card_id()).await.unwrap();
    let (result, _) = tokio::join!(cmp.cards().create(new_card()), async {
        server.requests.wait_for(|count| *count == 2).await.unwrap();
        clock.advance(AN_ATTEMPT);
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Timeout);
    cmp.cards().get(&card_id()).await.unwrap();
    assert_eq!((server.connections(), server.count()), (2, 3));
}

#[tokio::test]
async fn a_call_that_its_caller_gave_up_leaves_no_hung_connection_either() {
    let mut server = hung_after_one().await;
    let cmp = server.client(&ManualClock::new()).build().unwrap();
    cmp.cards().get(&card_id()).await.unwrap();
    tokio::select! {
        biased;
        result = cmp.cards().create(new_card()) => panic!("{result:?}"),
        _ = server.requests.wait_for(|count| *count == 2) => {}
    }
    cmp.cards().get(&card_id()).await.unwrap();
    assert_eq!((server.connections(), server.count()), (2, 3));
}

#[tokio::test]
async fn a_body_that_stops_is_a_time_out_of_its_connection() {
    let mut server = http2(|asked| match (asked.connection, asked.request) {
        (1, 1) => Reply::default().head(asked.stream, "200", false).frame(0, 0, asked.stream, b"{\"data"),
        (1, _) => Reply::default().head(asked.stream, "500", true),
        _ => Reply::card(asked),
    })
    .await;
    let clock = ManualClock::new();
    let cmp = server.client(&clock).build().unwrap();
    let id = card_id();
    let (result, _) = tokio::join!(cmp.cards().get(&id), async {
        server.requests.wait_for(|count| *count == 1).await.unwrap();
        clock.advance(AN_ATTEMPT);
    });
    result.unwrap();
    assert_eq!((server.connections(), server.count()), (2, 2));
}

#[tokio::test]
async fn good_answers_share_one_connection_whatever_they_say() {
    let server = http2(|asked| match asked.request {
        1 => Reply::default().head(asked.stream, "204", true),
        // The end of the stream comes by itself.
        2 => Reply::default().head(asked.stream, "204", false).frame(0, 1, asked.stream, b""),
        3 => Reply::default().head(asked.stream, "404", false).frame(0, 1, asked.stream, b"{}"),
        4 => Reply::default().head(asked.stream, "200", false).frame(0, 1, asked.stream, b"<html>"),
        5 => Reply::default().head(asked.stream, "303", true),
        _ => Reply::card(asked),
    })
    .await;
    let cmp = server.client(&ManualClock::new()).build().unwrap();
    cmp.cards().delete(&card_id()).await.unwrap();
    cmp.cards().delete(&card_id()).await.unwrap();
    for _ in 3..=5 {
        cmp.cards().get(&card_id()).await.unwrap_err();
    }
    cmp.cards().get(&card_id()).await.unwrap();
    assert_eq!((server.connections(), server.count()), (1, 6));
}

#[tokio::test]
async fn a_refused_stream_says_nothing_about_the_connection() {
    let server = http2(|asked| match asked.request {
        1 => Reply::default().reset(asked.stream, 7),
        _ => Reply::card(asked),
    })
    .await;
    let cmp = server.client(&ManualClock::new()).build().unwrap();
    cmp.cards().get(&card_id()).await.unwrap();
    assert_eq!((server.connections(), server.count()), (1, 2));
}

#[tokio::test]
async fn a_connection_that_closes_between_requests_is_no_failure() {
    for go_away in [true, false] {
        let server = http2(move |asked| {
            let reply = Reply::card(asked);
            if go_away { reply.go_away(asked.stream, 0, "").closing() } else { reply.closing() }
        })
        .await;
        let cmp = server.client(&ManualClock::new()).build().unwrap();
        for calls in 1..=5 {
            cmp.cards().get(&card_id()).await.unwrap();
            assert_eq!((server.connections(), server.count()), (calls, calls));
        }
    }
}

#[tokio::test]
async fn many_calls_at_once_share_few_streams() {
    // The only stream is free again with each answer; until its settings are known, more are refused.
    let server = http2(|asked| {
        let settings = Reply::default().frame(4, 0, 0, &[0, 3, 0, 0, 0, 1]);
        let card = Reply::card(asked);
        Reply { frames: [settings.frames, card.frames].concat(), closes: false }
    })
    .await;
    let cmp = server.client(&ManualClock::new()).build().unwrap();
    let id = card_id();
    let calls = (0..20).map(|_| cmp.cards().get(&id));
    for result in futures_util::future::join_all(calls.map(IntoFuture::into_future)).await {
        result.unwrap();
    }
    assert_eq!(server.count(), 20);
}

#[tokio::test]
async fn http1_only_offers_nothing_else() {
    let server = http2(Reply::card).await;
    let cmp = server.client(&ManualClock::new()).http1_only().build().unwrap();
    let error = cmp.cards().get(&card_id()).await.unwrap_err();
    assert_eq!(server.count(), 0, "{error}");
}

#[tokio::test]
async fn without_an_idle_time_no_connection_is_kept() {
    let server = http2(Reply::card).await;
    let cmp = server.client(&ManualClock::new()).pool_idle_timeout(Duration::ZERO).build().unwrap();
    for calls in 1..=3 {
        cmp.cards().get(&card_id()).await.unwrap();
        assert_eq!((server.connections(), server.count()), (calls, calls));
    }
}

#[tokio::test]
async fn a_ping_without_an_answer_ends_the_connection() {
    let server = listen(identity(|_| ()), b"h2", |_, mut stream, _| async move {
        let settings = Reply::default().frame(4, 0, 0, &[]).frames;
        drop(stream.write_all(&settings).await);
        while stream.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
    })
    .await;
    let soon = Duration::from_millis(5);
    let builder = server.client(&ManualClock::new()).retry(RetryPolicy::none());
    let cmp = builder.http2_keep_alive_interval(soon).http2_keep_alive_timeout(soon).build().unwrap();
    let error = cmp.cards().create(new_card()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.delivery()),
        (ErrorKind::Connection, Delivery::OutcomeUnknown),
        "{error}"
    );
    assert!(error.to_string().contains("HTTP/2: no answer to a ping"), "{error}");
}

#[tokio::test]
async fn settings_of_the_users_own_are_used_and_undo_none_of_the_clients() {
    let server = http2(Reply::card).await;
    let builder = server.client(&ManualClock::new()).pool_idle_timeout(Duration::ZERO);
    let cmp = builder.http(|http| _ = http.pool_idle_timeout(Duration::from_secs(600))).build().unwrap();
    for calls in 1..=2 {
        cmp.cards().get(&card_id()).await.unwrap();
        assert_eq!(server.connections(), calls, "the idle time is the client's own setting");
    }
    let builder = server.client(&ManualClock::new());
    let cmp = builder.http(|http| _ = http.pool_max_idle_per_host(0)).build().unwrap();
    let before = server.connections();
    for calls in 1..=2 {
        cmp.cards().get(&card_id()).await.unwrap();
        assert_eq!(server.connections(), before + calls, "the user's own setting keeps no connection");
    }
}

#[tokio::test]
async fn pings_without_a_pause_are_none() {
    let server = listen(identity(|_| ()), b"h2", |_, mut stream, pings| async move {
        drop(stream.write_all(&Reply::default().frame(4, 0, 0, &[]).frames).await);
        drop(stream.read_exact(&mut [0; 24]).await);
        let mut head = [0; 9];
        let mut request = 0;
        while stream.read_exact(&mut head).await.is_ok() {
            let [l1, l2, l3, kind, flags, id @ ..] = head;
            let mut payload = vec![0; u32::from_be_bytes([0, l1, l2, l3]) as usize];
            drop(stream.read_exact(&mut payload).await);
            let ends = matches!(kind, 0 | 1) && flags & 1 != 0;
            let reply = match kind {
                4 if flags & 1 == 0 => Reply::default().frame(4, 1, 0, &[]),
                6 if flags & 1 == 0 => {
                    pings.send_modify(|count| *count += 1);
                    Reply::default().frame(6, 1, 0, &payload)
                }
                _ if ends => {
                    request += 1;
                    Reply::card(&crate::support::Asked {
                        connection: 1,
                        request,
                        stream: u32::from_be_bytes(id),
                    })
                }
                _ => continue,
            };
            drop(stream.write_all(&reply.frames).await);
        }
    })
    .await;
    let cmp = server.client(&ManualClock::new()).http2_keep_alive_interval(Duration::ZERO).build().unwrap();
    for _ in 0..20 {
        cmp.cards().get(&card_id()).await.unwrap();
    }
    assert_eq!(server.count(), 0);
}
