//! The account in a file.

use std::ffi::OsString;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::state::{Card, Enrollments, Ids, MOST_AHEAD, State};

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    ids: u64,
    event_ids: u64,
    clock_ahead_seconds: i64,
    cards_made: u64,
    cards: Vec<&'a Card>,
    v1: &'a Enrollments,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(rename = "version")]
    _version: u32,
    ids: u64,
    /// Older files don't have it.
    event_ids: Option<u64>,
    clock_ahead_seconds: i64,
    cards_made: u64,
    cards: Vec<Card>,
    v1: Enrollments,
}

/// Writes a file beside `path` first, and then puts it in its place.
pub(crate) fn save(state: &State, path: &Path) -> io::Result<()> {
    let mut cards: Vec<_> = state.cards.values().collect();
    cards.sort_unstable_by_key(|card| card.sequence);
    let written = Written {
        version: VERSION,
        ids: state.ids.seed(),
        event_ids: state.notifications.ids_seed(),
        clock_ahead_seconds: state.clock_offset.num_seconds(),
        cards_made: state.cards_made,
        cards,
        v1: &state.v1,
    };
    let beside = beside(path);
    let write = || {
        let mut file = BufWriter::new(File::create(&beside)?);
        serde_json::to_writer(&mut file, &written)?;
        file.flush()?;
        file.get_ref().sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|error: io::Error| {
        // What was written so far is of no use. The first error says why.
        let _ = fs::remove_file(&beside);
        io::Error::new(error.kind(), format!("{}: {error}", path.display()))
    })
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

/// Puts the account of a file in the place of the state's.
pub(crate) fn restore(state: &mut State, path: &Path) -> io::Result<()> {
    let named = |error: &dyn Display| io::Error::other(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| named(&error))?;
    let version: Version = serde_json::from_str(&text).map_err(|_| named(&"not a state of a simulator"))?;
    if version.version != VERSION {
        let Version { version } = version;
        return Err(named(&format!("version {version} of the state is not known, only version {VERSION}")));
    }
    // serde's text could repeat a card number.
    let read: Read = serde_json::from_str(&text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        named(&format!("not a state of a simulator (line {line}, column {column})"))
    })?;
    state.ids = Ids::new(read.ids);
    // Without `event_ids`, any sequence will do that is not the one from the start.
    state.notifications.continue_ids(read.event_ids.unwrap_or(!read.ids));
    state.clock_offset = TimeDelta::try_seconds(read.clock_ahead_seconds)
        .filter(|ahead| (TimeDelta::zero()..=MOST_AHEAD).contains(ahead))
        .ok_or_else(|| named(&"not a state of a simulator (clock_ahead_seconds)"))?;
    state.cards_made = read.cards_made;
    state.v1 = read.v1;
    for card in read.cards {
        if card.pending.is_some() {
            state.pending.insert(card.sequence, card.id.clone());
        }
        state.remember_pan(&card);
        state.cards.insert(card.id.clone(), card);
    }
    Ok(())
}
