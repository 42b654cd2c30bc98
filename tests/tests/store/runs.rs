//! A bulk run that ends like a crash, over and over, and goes on from the stored checkpoint.

use cmp::{CardId, Client, Environment, Expiry, NewCard, Pan, ServiceAccount, bulk::Checkpoint};
use cmp_simulator::{Operation, Simulator};
use cmp_store::{Error, Pool, runs};

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
    let checkpoint = store.checkpoint(RUN).await.unwrap();
    let mut run = cmp.bulk().concurrency(4).over(ids.to_vec()).resume_from(checkpoint).get();
    for _ in 0..LIFETIME {
        let Some((id, outcome)) = run.next().await else { return true };
        run.acknowledge();
        store.record(RUN, id.as_str(), &outcome, &run.checkpoint()).await.unwrap();
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
        let outcome: cmp::Result<()> = Ok(());
        match &database.pool {
            Pool::Sqlite(pool) => {
                let mut transaction = pool.begin().await.unwrap();
                runs::record(&mut *transaction, RUN, "a", &outcome, &Checkpoint::default()).await.unwrap();
                transaction.rollback().await.unwrap();
            }
            Pool::Postgres(pool) => {
                let mut transaction = pool.begin().await.unwrap();
                runs::record(&mut *transaction, RUN, "a", &outcome, &Checkpoint::default()).await.unwrap();
                transaction.rollback().await.unwrap();
            }
            _ => unreachable!("another database"),
        }
        assert!(database.texts("SELECT item FROM cmp_outcomes").await.is_empty());
        assert!(database.texts("SELECT run FROM cmp_runs").await.is_empty());
        // The second statement fails, and takes the first with it.
        database.run("ALTER TABLE cmp_runs RENAME TO hidden").await;
        let store = database.store();
        store.record(RUN, "a", &outcome, &Checkpoint::default()).await.unwrap_err();
        database.run("ALTER TABLE hidden RENAME TO cmp_runs").await;
        assert!(database.texts("SELECT item FROM cmp_outcomes").await.is_empty());
        store.record(RUN, "a", &outcome, &Checkpoint::default()).await.unwrap();
        assert_eq!(database.texts("SELECT item FROM cmp_outcomes").await, ["a"]);
    }
}

#[tokio::test]
async fn a_checkpoint_that_can_not_be_read_is_an_error_and_stays() {
    for database in databases("a_checkpoint_that_can_not_be_read").await {
        let store = database.store();
        for text in ["", "{}", "null", r#"{"version":2}"#] {
            database.run("DELETE FROM cmp_runs").await;
            let insert =
                format!("INSERT INTO cmp_runs (run, checkpoint, changed_at) VALUES ('{RUN}', '{text}', 0)");
            database.run(&insert).await;
            let error = store.checkpoint(RUN).await.unwrap_err();
            assert_eq!(error, Error::UnreadableCheckpoint { run: RUN.to_owned() });
            assert_eq!(database.texts("SELECT checkpoint FROM cmp_runs").await, [text]);
        }
        assert_eq!(store.checkpoint("another").await.unwrap(), Checkpoint::default());
    }
}
