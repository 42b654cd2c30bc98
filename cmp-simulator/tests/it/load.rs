//! Many simulators, many connections.

use cmp_simulator::{Operation, Simulator};
use futures_util::future::{join_all, try_join_all};

use crate::support::{Client, VISA};

#[tokio::test]
async fn two_hundred_simulators_live_side_by_side() {
    let simulators =
        try_join_all((0..200).map(|seed| Simulator::builder().seed(seed).start())).await.unwrap();
    let ids = join_all(simulators.iter().map(async |simulator| {
        let client = Client::new(simulator).await;
        let id = client.store(VISA).await;
        client.cryptogram(&id, serde_json::json!({})).await.expect(200);
        id
    }))
    .await;
    for (simulator, id) in simulators.iter().zip(&ids) {
        assert_eq!(simulator.cards().len(), 1);
        assert!(simulator.card(id).is_some());
        assert_eq!(simulator.count(Operation::RequestCryptogram), 1);
    }
    let urls: std::collections::HashSet<_> = simulators.iter().map(Simulator::url).collect();
    assert_eq!((urls.len(), ids.iter().collect::<std::collections::HashSet<_>>().len()), (200, 200));
}

#[tokio::test]
async fn one_seed_gives_one_card() {
    let id = async |seed| {
        let simulator = Simulator::builder().seed(seed).start().await.unwrap();
        Client::new(&simulator).await.store(VISA).await
    };
    assert_eq!(id(7).await, id(7).await);
    assert_ne!(id(7).await, id(8).await);
}

/// Sends more requests than the log keeps, so that a growing log would show.
#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_connections_at_full_speed() {
    const CONNECTIONS: usize = 64;
    const REQUESTS: usize = 200;
    let simulator = Simulator::start().await.unwrap();
    let client = Client::new(&simulator).await;
    let id = client.store(VISA).await;
    let connections = (0..CONNECTIONS).map(|_| {
        let (client, id) = (client.on_a_new_connection(&simulator), id.clone());
        tokio::spawn(async move {
            for _ in 0..REQUESTS {
                client.get(&id).await.expect(200);
            }
        })
    });
    try_join_all(connections).await.unwrap();
    assert_eq!(simulator.count(Operation::GetCard), CONNECTIONS * REQUESTS);
    assert_eq!(simulator.requests().len(), simulator.settings().request_log);
    assert!(simulator.requests().iter().all(|request| request.status == Some(200)));
    assert_eq!((simulator.cards().len(), simulator.tokens_minted()), (1, 1));
}
