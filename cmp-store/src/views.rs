//! Views of cards. A receiver replaces only the version that it read, and merges again if another was faster.

use cmp::webhooks::{Applied, CardView, Details, Event};
use serde::Deserialize;
use serde_json::Value;
use sqlx::Row;

use crate::{
    error::Error,
    pool::{Connection, on},
};

/// Returns the stored view of a card, merged into this one. `CardView::new(id)` asks for what is stored.
///
/// # Errors
/// An [`Error`] of the database, or [`Error::Unreadable`].
pub async fn load<'c>(connection: impl Into<Connection<'c>>, mut view: CardView) -> Result<CardView, Error> {
    if let Some((_, stored)) = read(&mut connection.into(), &view).await? {
        view.merge(&stored);
    }
    Ok(view)
}

/// Merges a view with the stored one and stores the result, which is returned.
///
/// # Errors
/// An [`Error`] of the database, or [`Error::Unreadable`]; the row is left as it is.
pub async fn save<'c>(connection: impl Into<Connection<'c>>, view: &CardView) -> Result<CardView, Error> {
    let mut connection = connection.into();
    loop {
        let mut merged = view.clone();
        let stored = read(&mut connection, view).await?;
        let version = match &stored {
            Some((version, stored)) => {
                merged.merge(stored);
                if merged == *stored {
                    return Ok(merged);
                }
                *version
            }
            None => 0,
        };
        if write(&mut connection, &merged, version).await? {
            return Ok(merged);
        }
    }
}

/// Brings the stored view of the event's card up to date.
///
/// An event that names no card gives [`Applied::NotThisCard`]. If its network token is known to be a card's, [`load`] that
/// card's view, apply the event, and [`save`] the view.
///
/// # Errors
/// As [`save`].
pub async fn apply<'c>(connection: impl Into<Connection<'c>>, event: &Event) -> Result<Applied, Error> {
    let Some(empty) = empty_view_of(event) else { return Ok(Applied::NotThisCard) };
    let mut connection = connection.into();
    let before = read(&mut connection, &empty).await?.map_or(empty, |(_, stored)| stored);
    let mut after = before.clone();
    let applied = after.apply(event);
    if after != before {
        save(connection, &after).await?;
    }
    Ok(applied)
}

/// Removes the stored view of a card, such as after its deletion.
///
/// # Errors
/// An [`Error`] of the database.
pub async fn remove<'c>(connection: impl Into<Connection<'c>>, view: &CardView) -> Result<(), Error> {
    let done = on!(connection.into(), Connection, connection => {
        let query = sqlx::query("DELETE FROM cmp_views WHERE card = $1").bind(key(view));
        query.execute(connection).await.map(drop)
    });
    done.map_err(Error::of("remove a view"))
}

fn empty_view_of(event: &Event) -> Option<CardView> {
    if let Some(card) = event.card_id() {
        return Some(CardView::new(card.clone()));
    }
    match &event.details {
        Details::NetworkToken(token) => token.pan_alias.clone().map(CardView::of_alias),
        _ => None,
    }
}

fn key(view: &CardView) -> String {
    match (view.card_id(), view.alias()) {
        (Some(card), _) => format!("card_id:{}", card.as_str()),
        (None, alias) => format!("pan_alias:{}", alias.map_or("", |alias| alias.as_str())),
    }
}

async fn read(connection: &mut Connection<'_>, view: &CardView) -> Result<Option<(i64, CardView)>, Error> {
    let statement = "SELECT version, view FROM cmp_views WHERE card = $1";
    let found = on!(connection, Connection, connection => {
        match sqlx::query(statement).bind(key(view)).fetch_optional(&mut **connection).await {
            Ok(Some(row)) => row.try_get(0).and_then(|version| Ok(Some((version, row.try_get(1)?)))),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        }
    });
    let found: Option<(i64, String)> = found.map_err(Error::of("read a view"))?;
    let Some((version, text)) = found else { return Ok(None) };
    let unreadable = |rule| Error::Unreadable { card: view.card_id().cloned(), rule };
    let stored: Value = serde_json::from_str(&text).map_err(|_| unreadable("it is not JSON"))?;
    let parsed = CardView::deserialize(&stored).map_err(|_| unreadable("it is not a view of a card"))?;
    if key(&parsed) != key(view) {
        return Err(unreadable("it is the view of another card"));
    }
    // Reading skips what it does not understand, and writing would then lose it.
    let again = serde_json::to_value(&parsed).map_err(|_| unreadable("it can't be written again"))?;
    if !contains(&again, &stored) {
        return Err(unreadable("this version of cmp does not understand a part of it"));
    }
    Ok(Some((version, parsed)))
}

/// Replaces the version that was read, or inserts the first. Returns `false` if another receiver was faster.
async fn write(connection: &mut Connection<'_>, view: &CardView, version: i64) -> Result<bool, Error> {
    let now = connection.now();
    let statement = if version == 0 {
        format!(
            "INSERT INTO cmp_views (card, view, version, changed_at) VALUES ($1, $2, $3 + 1, {now})
             ON CONFLICT (card) DO NOTHING"
        )
    } else {
        format!(
            "UPDATE cmp_views SET view = $2, version = version + 1, changed_at = {now}
             WHERE card = $1 AND version = $3"
        )
    };
    let unwritable = |_| Error::Unreadable { card: view.card_id().cloned(), rule: "it can't be written" };
    let text = serde_json::to_string(view).map_err(unwritable)?;
    let rows = on!(connection, Connection, connection => {
        let query = sqlx::query(&statement).bind(key(view)).bind(text).bind(version);
        query.execute(&mut **connection).await.map(|done| done.rows_affected())
    });
    rows.map(|rows| rows > 0).map_err(Error::of("write a view"))
}

/// Returns `true` if every member of `part`, at any depth, is in `whole` with the same value.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|found| contains(found, value)))
        }
        _ => whole == part,
    }
}
