//! Views of cards. A receiver replaces only the version that it read, and merges again if another was faster.

use cmp::webhooks::{Applied, CardView, Details, Event};
use serde::Deserialize;
use serde_json::Value;
use sqlx::Row;

use crate::{
    error::Error,
    pool::{Connection, on, random},
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
                Some(*version)
            }
            None => None,
        };
        if write(&mut connection, &merged, version).await? {
            return Ok(merged);
        }
    }
}

/// Brings the stored view of the event's card up to date.
///
/// An update of V1 is applied to the views of the aliases that it has in the place of the old and the new number. An alias
/// that may be a PAN is left out, since it must not get into the table.
///
/// An event that names no card gives [`Applied::NotThisCard`]. If its network token or alias is known to be a card's, [`load`]
/// that card's view, apply the event, and [`save`] the view.
///
/// # Errors
/// As [`save`].
pub async fn apply<'c>(connection: impl Into<Connection<'c>>, event: &Event) -> Result<Applied, Error> {
    let mut connection = connection.into();
    let mut applied = Applied::NotThisCard;
    for empty in empty_views_of(event) {
        let to_this = apply_to(&mut connection, &empty, event).await?;
        if applied != Applied::Changed {
            applied = to_this;
        }
    }
    Ok(applied)
}

async fn apply_to(
    connection: &mut Connection<'_>,
    empty: &CardView,
    event: &Event,
) -> Result<Applied, Error> {
    loop {
        let stored = read(connection, empty).await?;
        let version = stored.as_ref().map(|(version, _)| *version);
        let before = stored.map_or_else(|| empty.clone(), |(_, view)| view);
        let mut after = before.clone();
        let applied = after.apply(event);
        if after == before || write(connection, &after, version).await? {
            return Ok(applied);
        }
    }
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

fn empty_views_of(event: &Event) -> Vec<CardView> {
    if let Some(card) = event.card_id() {
        return vec![CardView::new(card.clone())];
    }
    let mut aliases: Vec<_> = match &event.details {
        Details::NetworkToken(token) => token.pan_alias.iter().cloned().collect(),
        Details::CardUpdate(update) => update.pan_aliases().collect(),
        _ => Vec::new(),
    };
    aliases.dedup();
    aliases.into_iter().map(CardView::of_alias).collect()
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
///
/// A version is random and not counted: after a removal, a counter would begin again with versions that others have read.
async fn write(connection: &mut Connection<'_>, view: &CardView, read: Option<i64>) -> Result<bool, Error> {
    let now = connection.now();
    let statement = match read {
        None => format!(
            "INSERT INTO cmp_views (card, view, version, changed_at) VALUES ($1, $2, $3, {now})
             ON CONFLICT (card) DO NOTHING"
        ),
        Some(_) => format!(
            "UPDATE cmp_views SET view = $2, version = $3, changed_at = {now} WHERE card = $1 AND version = $4"
        ),
    };
    let unwritable = |_| Error::Unreadable { card: view.card_id().cloned(), rule: "it can't be written" };
    let text = serde_json::to_string(view).map_err(unwritable)?;
    let rows = on!(connection, Connection, connection => {
        let query = sqlx::query(&statement).bind(key(view)).bind(text).bind(random());
        let query = read.into_iter().fold(query, sqlx::query::Query::bind);
        query.execute(&mut **connection).await.map(|done| done.rows_affected())
    });
    rows.map(|rows| rows > 0).map_err(Error::of("write a view"))
}

/// Returns `true` if every member of `part`, at any depth, is in `whole` with the same value. A value of an enum is read in
/// any spelling and written in one, so texts may differ by case and by `-` or `_`.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|found| contains(found, value)))
        }
        (Value::String(whole), Value::String(part)) => spelled(whole).eq(spelled(part)),
        _ => whole == part,
    }
}

fn spelled(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().map(|byte| if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() })
}
