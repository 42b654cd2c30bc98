//! A bulk run that ends like a crash, over and over, and goes on from the stored checkpoint.

use cmp::{CardId, Client, Environment, Expiry, NewCard, Pan, ServiceAccount, bulk::Checkpoint};
use cmp_simulator::{Operation, Simulator};
use cmp_store::{
    Error, Pool,
    runs::{self, ItemKey, RunClaim},
};

use crate::databases::{Database, databases};

const RUN: &str = "backbook";
const CARDS: usize = 40;
/// How many outcomes a process stores before it ends.
const LIFETIME: usize = 7;

async fn client(simulator: &Simulator) -> Client {
    let environment = Environment::custom(simulator.url(), simulator.token_url()).unwrap();
    let account = ServiceAccount::new(simulator.client_id(), simulator.client_secret());
    Client::builder(environment).service_account(account).build().unwrap()
}

async fn cards(cmp: &Client) -> Vec<CardId> {
    let mut ids = vec!["CRDnone".parse().unwrap()];
    for _ in 1..CARDS {
        let card = NewCard::new(Pan::new("4111111111111111").unwrap(), Expiry::new(12, 2030).unwrap());
        ids.push(cmp.cards().create(card).await.unwrap().id().clone());
    }
    ids
}

/// Runs until the lifetime ends, and returns `true` at the end of the run.
async fn live(database: &Database, cmp: &Client, ids: &[CardId]) -> bool {
    let store = database.store();
    let claim = store.claim_run(RUN).await.unwrap();
    let run = cmp.bulk().concurrency(4).over(ids.to_vec()).get();
    let mut run = run.resume_from(claim.checkpoint.clone()).await.unwrap();
    for _ in 0..LIFETIME {
        let Some((id, outcome)) = run.next().await else { return true };
        run.acknowledge();
        store.record(&claim, id, &outcome, &run.checkpoint()).await.unwrap();
    }
    false
}

#[tokio::test]
async fn every_card_has_one_outcome_after_many_crashes() {
    let simulator = Simulator::start().await.unwrap();
    let cmp = client(&simulator).await;
    let ids = cards(&cmp).await;
    for database in databases("every_card_has_one_outcome_after_many_crashes").await {
        let before = simulator.count(Operation::GetCard);
        let mut lives = 1;
        while !live(&database, &cmp, &ids).await {
            lives += 1;
            assert!(lives <= CARDS, "the run makes no progress");
        }
        assert!(lives > CARDS / LIFETIME, "{lives}");
        let mut wanted: Vec<_> = ids.iter().map(|id| id.as_str().to_owned()).collect();
        wanted.sort();
        assert_eq!(database.texts("SELECT item FROM cmp_outcomes ORDER BY item").await, wanted);
        let failed = "SELECT item FROM cmp_outcomes WHERE error IS NOT NULL";
        assert_eq!(database.texts(failed).await, ["CRDnone"]);
        assert_eq!(database.store().checkpoint(RUN).await.unwrap().acknowledged(), CARDS as u64);
        // A crash costs at most the calls in flight, once more. A card may take two requests: see `cmp::cards`.
        let requests = simulator.count(Operation::GetCard) - before;
        assert!(requests <= 2 * (CARDS + lives * 4), "{requests} requests");
    }
}

#[tokio::test]
async fn an_outcome_and_its_checkpoint_are_stored_together_or_not_at_all() {
    for database in databases("an_outcome_and_its_checkpoint_are_stored_together").await {
        let store = database.store();
        let claim = store.claim_run(RUN).await.unwrap();
        let outcome: cmp::Result<()> = Ok(());
        match &database.pool {
            Pool::Sqlite(pool) => {
                let mut transaction = pool.begin().await.unwrap();
                runs::record(&mut *transaction, &claim, key("a"), &outcome, &Checkpoint::default())
                    .await
                    .unwrap();
                transaction.rollback().await.unwrap();
            }
            Pool::Postgres(pool) => {
                let mut transaction = pool.begin().await.unwrap();
                runs::record(&mut *transaction, &claim, key("a"), &outcome, &Checkpoint::default())
                    .await
                    .unwrap();
                transaction.rollback().await.unwrap();
            }
            _ => unreachable!("another database"),
        }
        assert!(database.texts("SELECT item FROM cmp_outcomes").await.is_empty());
        // The second statement fails, and takes the first with it.
        let checkpoint = checkpoint_of(12);
        database.run("ALTER TABLE cmp_outcomes RENAME TO hidden").await;
        store.record(&claim, key("a"), &outcome, &checkpoint).await.unwrap_err();
        database.run("ALTER TABLE hidden RENAME TO cmp_outcomes").await;
        assert_eq!(store.checkpoint(RUN).await.unwrap(), Checkpoint::default());
        store.record(&claim, key("a"), &outcome, &checkpoint).await.unwrap();
        assert_eq!(store.checkpoint(RUN).await.unwrap(), checkpoint);
        assert_eq!(database.texts("SELECT item FROM cmp_outcomes").await, ["a"]);
    }
}

#[tokio::test]
async fn a_checkpoint_that_can_not_be_read_is_an_error_and_stays() {
    for database in databases("a_checkpoint_that_can_not_be_read").await {
        let store = database.store();
        for text in ["", "{}", "null", r#"{"version":2}"#] {
            database.run("DELETE FROM cmp_runs").await;
            let claim = store.claim_run(RUN).await.unwrap();
            database.run(&format!("UPDATE cmp_runs SET checkpoint = '{text}'")).await;
            let unreadable = Error::UnreadableCheckpoint { run: RUN.to_owned() };
            assert_eq!(store.checkpoint(RUN).await, Err(unreadable.clone()));
            assert_eq!(store.claim_run(RUN).await, Err(unreadable));
            assert_eq!(database.texts("SELECT checkpoint FROM cmp_runs").await, [text]);
            // The process that can read it still has the run.
            store.record(&claim, key("a"), &Ok(()), &checkpoint_of(1)).await.unwrap();
        }
        assert_eq!(store.checkpoint("another").await.unwrap(), Checkpoint::default());
    }
}

fn key(item: &str) -> ItemKey {
    ItemKey::new(item).unwrap()
}

fn checkpoint_of(taken: u64) -> Checkpoint {
    let checkpoint = format!(
        r#"{{"version":1,"operation":"get_card","taken":{taken},"checksum":"cbf29ce484222325","unfinished":[],"deletions_below":0}}"#
    );
    serde_json::from_str(&checkpoint).unwrap()
}

async fn stored(database: &Database) -> (Vec<String>, Vec<String>) {
    let outcomes = "SELECT item || ' ' || coalesce(error, 'done') FROM cmp_outcomes ORDER BY item";
    (database.texts(outcomes).await, database.texts("SELECT checkpoint FROM cmp_runs ORDER BY run").await)
}

#[tokio::test]
async fn a_process_that_was_taken_over_stores_nothing() {
    for database in databases("that_was_taken_over_stores_nothing").await {
        let store = database.store();
        let is_refused = async |claim: &RunClaim| {
            let before = stored(&database).await;
            for item in ["a", "z"] {
                let refused = store.record(claim, key(item), &Ok(()), &checkpoint_of(99)).await;
                assert_eq!(refused, Err(Error::TakenOver { run: RUN.to_owned() }));
            }
            assert_eq!(stored(&database).await, before);
        };
        let first = store.claim_run(RUN).await.unwrap();
        store.record(&first, key("a"), &Ok(()), &checkpoint_of(1)).await.unwrap();
        let second = store.claim_run(RUN).await.unwrap();
        assert_eq!(second.checkpoint, checkpoint_of(1));
        is_refused(&first).await;
        store.record(&second, key("b"), &Ok(()), &checkpoint_of(2)).await.unwrap();
        is_refused(&first).await;
        // The first one comes back, and is the last again.
        let third = store.claim_run(RUN).await.unwrap();
        is_refused(&second).await;
        store.record(&third, key("c"), &Ok(()), &checkpoint_of(3)).await.unwrap();
        // Other runs don't matter.
        store.claim_run("another").await.unwrap();
        store.record(&third, key("d"), &Ok(()), &checkpoint_of(4)).await.unwrap();
        // A claim outlives neither its run nor a new one of the same name.
        database.run("DELETE FROM cmp_runs").await;
        is_refused(&third).await;
        store.claim_run(RUN).await.unwrap();
        is_refused(&third).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_waits_for_the_outcome_that_is_being_stored() {
    for database in databases("a_claim_waits_for_the_outcome").await {
        let store = database.store();
        let first = store.claim_run(RUN).await.unwrap();
        let claiming = {
            let store = store.clone();
            move || tokio::spawn(async move { store.claim_run(RUN).await.unwrap() })
        };
        let outcome: cmp::Result<()> = Ok(());
        let second = match &database.pool {
            Pool::Sqlite(pool) => {
                let mut transaction = pool.begin().await.unwrap();
                runs::record(&mut *transaction, &first, key("a"), &outcome, &checkpoint_of(1)).await.unwrap();
                let claiming = claiming();
                transaction.commit().await.unwrap();
                claiming.await.unwrap()
            }
            Pool::Postgres(pool) => {
                let mut transaction = pool.begin().await.unwrap();
                runs::record(&mut *transaction, &first, key("a"), &outcome, &checkpoint_of(1)).await.unwrap();
                let claiming = claiming();
                transaction.commit().await.unwrap();
                claiming.await.unwrap()
            }
            _ => unreachable!("another database"),
        };
        assert_eq!(second.checkpoint, checkpoint_of(1));
    }
}

#[tokio::test]
async fn of_many_processes_that_store_at_once_only_the_last_one_does() {
    for database in databases("of_many_processes_that_store").await {
        let store = database.store();
        let mut claims = Vec::new();
        for _ in 0..8 {
            claims.push(store.claim_run(RUN).await.unwrap());
        }
        let storing =
            claims.iter().enumerate().map(|(number, claim)| {
                let store = store.clone();
                async move {
                    store.record(claim, key(&format!("item-{number}")), &Ok(()), &checkpoint_of(1)).await
                }
            });
        let stored = futures_util::future::join_all(storing).await;
        assert_eq!(stored.iter().filter(|stored| stored.is_ok()).count(), 1);
        assert_eq!(database.texts("SELECT item FROM cmp_outcomes").await, ["item-7"]);
    }
}

#[tokio::test]
async fn a_key_that_may_be_a_card_number_is_refused() {
    let numbers = [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "row 4111111111111111",
        "5100260000019206/2030",
        "card_378282246310005",
        "4111 1111 1111 1111 12/30",
        "４１１１ １１１１ １１１１ １１１１",
        "٤١١١١١١١١١١١١١١١",
    ];
    for number in numbers {
        let as_item = ItemKey::new(number).unwrap_err();
        assert_eq!(as_item, Error::CardNumber { name: "key of the item" }, "{number}");
        let shown = format!("{as_item} {as_item:?}");
        assert!(shown.chars().all(|c| !c.is_ascii_digit()), "{shown}");
    }
    for database in databases("a_key_that_may_be_a_card_number").await {
        let store = database.store();
        for number in numbers {
            let as_name = store.claim_run(number).await.unwrap_err();
            assert_eq!(as_name, Error::CardNumber { name: "name of the run" }, "{number}");
            let shown = format!("{as_name} {as_name:?}");
            assert!(shown.chars().all(|c| !c.is_ascii_digit()), "{shown}");
        }
        assert_eq!(stored(&database).await, (vec![], vec![]));
    }
}

#[tokio::test]
async fn a_key_that_is_taken_before_the_run_is_stored_after_it() {
    let incompressible = |length| -> String {
        let mut random = fastrand::Rng::with_seed(length);
        (0..length).map(|_| random.alphanumeric()).collect()
    };
    let longest = (incompressible(500), incompressible(499) + "x");
    for key in ["a\0b".to_owned(), incompressible(501), "é".repeat(251)] {
        assert_eq!(ItemKey::new(key), Err(Error::Unfit { name: "key of the item" }));
    }
    for database in databases("taken_before_the_run_is_stored_after_it").await {
        let store = database.store();
        assert_eq!(store.claim_run("a\0b").await, Err(Error::Unfit { name: "name of the run" }));
        let claim = store.claim_run(&longest.0).await.unwrap();
        for item in [
            "CRDunknown-1",
            "row-1",
            "2025-11-28-0001",
            "20251128-125318-0015",
            "1795000000000000017",
            "b18c8632-2266-4668-8665-0967dbc38a39",
            "Zürich/17",
            &longest.1,
            "",
        ] {
            store.record(&claim, key(item), &Ok(()), &checkpoint_of(1)).await.unwrap();
            let id: Result<CardId, _> = item.parse();
            if let Ok(id) = id {
                store.record(&claim, id, &Ok(()), &checkpoint_of(1)).await.unwrap();
            }
        }
    }
}
