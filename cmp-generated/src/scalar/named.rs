use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::ops::Deref;

use serde::de::Deserializer;
use serde::{Deserialize, Serialize};

use crate::lenient::{Broken, LONGEST_TEXT, Lenient, List, MOST_ENTRIES, NUMBER, Notes, Object, skip_list};

/// An object whose member names the service chooses, such as a card's `relationships`.
///
/// A name can be any text, so `Debug` prints only the number of the members.
#[derive(Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Named<K: Eq + Hash, V> {
    members: HashMap<K, V>,
    #[serde(skip)]
    unreadable: Vec<String>,
    #[serde(skip)]
    is_incomplete: bool,
}

impl<K: Eq + Hash, V> Named<K, V> {
    /// Returns `true` if there are no members. Generated code names this function by its path.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Returns the members.
    pub fn into_inner(self) -> HashMap<K, V> {
        self.members
    }

    /// Returns the names of members that came and could not be read.
    pub fn unreadable(&self) -> &[String] {
        &self.unreadable
    }

    /// Returns `true` if there may be members whose names are unknown: another value came in the place of the object, or
    /// members were not read because there are too many or their names are too long.
    pub fn is_incomplete(&self) -> bool {
        self.is_incomplete
    }
}

impl<K: Eq + Hash, V> Deref for Named<K, V> {
    type Target = HashMap<K, V>;

    fn deref(&self) -> &Self::Target {
        &self.members
    }
}

impl<K: Eq + Hash, V> Default for Named<K, V> {
    fn default() -> Self {
        HashMap::new().into()
    }
}

impl<K: Eq + Hash, V> From<HashMap<K, V>> for Named<K, V> {
    fn from(members: HashMap<K, V>) -> Self {
        Self { members, unreadable: Vec::new(), is_incomplete: false }
    }
}

impl<K: Eq + Hash, V> fmt::Debug for Named<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Named({} members)", self.len())
    }
}

/// Another value in the place of the object is read as one whose members are unknown. An empty list is how some servers
/// write an empty object, and can't be read.
impl<V: Lenient> Lenient for Named<String, V> {
    fn text(_: &str) -> Option<Self> {
        Some(Self { is_incomplete: true, ..Self::default() })
    }

    fn integer(_: u64) -> Option<Self> {
        Self::text("")
    }

    fn float(_: f64) -> Option<Self> {
        Self::text("")
    }

    fn truth(_: bool) -> Option<Self> {
        Self::text("")
    }

    fn list(place: &mut Option<Self>, list: &mut dyn List, notes: &mut Notes) -> Result<bool, Broken> {
        if !list.skip()? {
            return Ok(false);
        }
        skip_list(list)?;
        notes.unreadable();
        *place = Self::text("");
        Ok(true)
    }

    fn object<'de>(
        place: &mut Option<Self>,
        object: &mut dyn Object<'de>,
        notes: &mut Notes,
    ) -> Result<bool, Broken> {
        let read = place.insert(Self::default());
        while let Some(name) = object.name()? {
            // A number, with the feature `arbitrary_precision` of serde_json.
            if name == NUMBER {
                object.skip()?;
                read.is_incomplete = true;
                continue;
            }
            if read.members.len() + read.unreadable.len() == MOST_ENTRIES || name.len() > LONGEST_TEXT {
                object.skip()?;
                notes.unreadable();
                read.is_incomplete = true;
                continue;
            }
            notes.enter(&name);
            let mut value = None::<Option<V>>;
            object.value(&mut value, notes)?;
            notes.leave();
            match value {
                Some(Some(value)) => drop(read.members.insert(name.into_owned(), value)),
                // `null` is the same as absent.
                Some(None) => {}
                None => read.unreadable.push(name.into_owned()),
            }
        }
        Ok(true)
    }
}

impl<'de, K: Eq + Hash + Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Named<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        HashMap::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types;

    #[test]
    fn members_are_kept_and_their_names_not_printed() {
        let json = r#"{"4111111111111111":1}"#;
        let named: Named<String, u8> = serde_json::from_str(json).expect("decodes");
        assert_eq!(named.get("4111111111111111"), Some(&1));
        assert_eq!(format!("{named:?} {named:#?}"), "Named(1 members) Named(1 members)");
        assert_eq!(serde_json::to_string(&named).expect("encodes"), json);
    }

    #[test]
    fn the_name_of_an_unreadable_member_is_kept() {
        let json = r#"{"data":{"relationships":{"a":{},"b":"x","c":null,"d":[]}}}"#;
        let card: types::CardResourceResponse = serde_json::from_str(json).expect("decodes");
        let named = card.data.and_then(|data| data.relationships).expect("relationships");
        assert_eq!((named.len(), named.unreadable()), (1, &["b".to_owned(), "d".to_owned()][..]));
    }

    #[test]
    fn what_is_not_an_object_may_have_any_members() {
        for (json, expected) in [
            ("{}", false),
            (r#""x""#, true),
            ("true", true),
            ("7", true),
            ("-1.5", true),
            ("[{}]", true),
            (r#"["x", 7]"#, true),
        ] {
            let document = format!(r#"{{"data":{{"relationships":{json}}}}}"#);
            let card: types::CardResourceResponse = serde_json::from_str(&document).expect("decodes");
            let named = card.data.and_then(|data| data.relationships).expect("relationships");
            assert_eq!((named.len(), named.is_incomplete()), (0, expected), "{json}");
        }
        for json in ["null", "[]"] {
            let document = format!(r#"{{"data":{{"relationships":{json}}}}}"#);
            let card: types::CardResourceResponse = serde_json::from_str(&document).expect("decodes");
            assert!(card.data.expect("data").relationships.is_none(), "{json}");
        }
        for (members, expected) in [(MOST_ENTRIES, false), (MOST_ENTRIES + 1, true)] {
            let members: Vec<_> = (0..members).map(|number| format!(r#""{number}":{{}}"#)).collect();
            let document = format!(r#"{{"data":{{"relationships":{{{}}}}}}}"#, members.join(","));
            let card: types::CardResourceResponse = serde_json::from_str(&document).expect("decodes");
            let named = card.data.and_then(|data| data.relationships).expect("relationships");
            assert_eq!((named.len(), named.is_incomplete()), (MOST_ENTRIES, expected));
        }
    }
}
