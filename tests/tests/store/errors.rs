use std::io::{ErrorKind, Write as _, stderr};

use cmp::webhooks::{EventStore, StoreError};
use cmp_store::{Cause, Error, Store};

use sqlx::{Connection as _, PgConnection};

use crate::databases::{databases, server};

const PASSWORD: &str = "hunter2secret";

#[tokio::test]
async fn no_error_shows_the_password_of_the_url() {
    let urls = [
        ("mysql://me:hunter2secret@localhost/db", Cause::Url),
        ("hunter2secret", Cause::Url),
        ("", Cause::Url),
        ("postgres://me:hunter2secret@localhost:nothing/db", Cause::Settings),
        ("postgres://me:hunter2secret@localhost/db?sslmode=hunter2secret", Cause::Settings),
        ("postgres://me:hunter2secret@[::1/db", Cause::Settings),
        ("postgres://me:hunter2secret/x@localhost/db", Cause::Settings),
        ("postgres://me:hunter2secret#x@localhost/db", Cause::Settings),
        ("postgres://localhost:1#hunter2secret@localhost/db", Cause::Settings),
        ("postgres://me:hunter2secret@localhost/db?host=/nowhere", Cause::Connection(ErrorKind::NotFound)),
        ("sqlite:/nowhere/hunter2secret.db", Cause::Code("14".to_owned())),
        ("sqlite:x.db?mode=hunter2secret", Cause::Settings),
        ("sqlite:", Cause::Url),
        ("sqlite://", Cause::Url),
    ];
    for (url, cause) in urls {
        let error = Store::open(url).await.unwrap_err();
        assert_eq!(error, Error::Database { action: "open the database", cause }, "{url}");
        for shown in [error.to_string(), format!("{error:?}"), StoreError::from(error).to_string()] {
            assert!(!shown.contains(PASSWORD), "{shown}");
        }
    }
}

/// The rules of the server that `cargo xtask ci postgres` starts ask this user for a password.
const LOGIN: &str = "cmp_login";

#[tokio::test]
async fn a_wrong_password_is_named_and_not_shown() {
    let Some(server) = server("a_wrong_password") else { return };
    let mut admin = PgConnection::connect(&server).await.unwrap();
    let rules = "SELECT auth_method FROM pg_hba_file_rules WHERE $1 = ANY(user_name)";
    let rules = sqlx::query_as(rules).bind(LOGIN).fetch_all(&mut admin).await;
    let rules: Vec<(String,)> = rules.unwrap_or_default();
    if rules != [("scram-sha-256".to_owned(),)] {
        let _ =
            writeln!(stderr(), "a_wrong_password: skipped, since this server does not ask {LOGIN} for one");
        return;
    }
    for statement in [
        format!("DROP ROLE IF EXISTS {LOGIN}"),
        format!("CREATE ROLE {LOGIN} LOGIN PASSWORD 'the-right-one'"),
    ] {
        sqlx::query(&statement).execute(&mut admin).await.unwrap();
    }
    let address = server.rsplit_once('@').unwrap().1;
    for (login, code) in [(format!("{LOGIN}:{PASSWORD}"), "28P01"), (format!("nobody_{PASSWORD}"), "28000")] {
        let error = Store::open(&format!("postgres://{login}@{address}")).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "could not open the database: the database refused with code {code}: the user or password is wrong"
            )
        );
        assert!(!format!("{error:?}").contains(PASSWORD), "{error:?}");
    }
    let right = format!("postgres://{LOGIN}:the-right-one@{address}");
    PgConnection::connect(&right).await.unwrap().close().await.unwrap();
}

#[tokio::test]
async fn an_error_has_the_code_of_the_database_and_not_its_text() {
    for database in databases("has_the_code").await {
        database.run("DROP TABLE cmp_events").await;
        let code = if database.url.starts_with("sqlite") { "1" } else { "42P01" };
        let or_not = if code == "1" { ", or exists already" } else { "" };
        let meaning = format!("a table or column is missing{or_not}; see Store::migrate");
        let message = format!("could not purge events: the database refused with code {code}: {meaning}");
        let store = database.store();
        assert_eq!(store.purge().await.unwrap_err().to_string(), message);
        let message = format!(
            "the store of events failed: could not claim an event: the database refused with code {code}: {meaning}"
        );
        assert_eq!(store.claim("1").await.unwrap_err().to_string(), message);
        assert!(!format!("{store:?}").contains("test.db"), "{store:?}");
    }
}

#[tokio::test]
async fn an_error_says_what_is_wrong_with_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.db");
    std::fs::write(&text, "a text that is longer than the mark at the start of a database").unwrap();
    let read_only = folder.path().join("read_only.db");
    drop(Store::open(&format!("sqlite:{}", read_only.display())).await.unwrap());
    for (url, message) in [
        (text.display().to_string(), "code 26: the file is not an SQLite database"),
        (folder.path().display().to_string(), "code 14: the file can't be opened"),
    ] {
        let error = Store::open(&format!("sqlite:{url}")).await.unwrap_err().to_string();
        assert_eq!(error, format!("could not open the database: the database refused with {message}"));
    }
    let store = Store::open(&format!("sqlite:{}?mode=ro", read_only.display())).await.unwrap();
    let error = store.purge().await.unwrap_err().to_string();
    assert!(error.ends_with("code 8: it can only be read"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_make_the_tables_at_once_and_newer_tables_are_refused() {
    for database in databases("make_the_tables").await {
        for table in ["cmp_events", "cmp_views", "cmp_runs", "cmp_outcomes", "cmp_store_version"] {
            database.run(&format!("DROP TABLE {table}")).await;
        }
        let stores: Vec<Store> = (0..6).map(|_| database.store()).collect();
        let replicas = stores.into_iter().map(|store| tokio::spawn(async move { store.migrate().await }));
        for migrated in futures_util::future::join_all(replicas).await {
            migrated.unwrap().unwrap();
        }
        let versions = "SELECT CAST(version AS TEXT) FROM cmp_store_version ORDER BY version";
        assert_eq!(database.texts(versions).await, ["1", "2", "3"]);
        database.run("INSERT INTO cmp_store_version VALUES (99)").await;
        let newer = Error::NewerTables { found: 99, known: 3 };
        assert_eq!(database.store().migrate().await, Err(newer));
    }
}
