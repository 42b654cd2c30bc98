use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::ops::Deref;

use serde::de::Deserializer;
use serde::{Deserialize, Serialize};

use crate::lenient::{Broken, Lenient, Notes, Object};

/// An object whose member names the service chooses, such as a card's `relationships`.
///
/// A name can be any text, so `Debug` prints only the number of the members.
#[derive(Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Named<K: Eq + Hash, V>(HashMap<K, V>);

impl<K: Eq + Hash, V> Named<K, V> {
    /// Returns `true` if there are no members. Generated code names this function by its path.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the members.
    pub fn into_inner(self) -> HashMap<K, V> {
        self.0
    }
}

impl<K: Eq + Hash, V> Deref for Named<K, V> {
    type Target = HashMap<K, V>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<K: Eq + Hash, V> Default for Named<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash, V> From<HashMap<K, V>> for Named<K, V> {
    fn from(members: HashMap<K, V>) -> Self {
        Self(members)
    }
}

impl<K: Eq + Hash, V> fmt::Debug for Named<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Named({} members)", self.len())
    }
}

impl<V: Lenient> Lenient for Named<String, V> {
    fn object<'de>(
        place: &mut Option<Self>,
        object: &mut dyn Object<'de>,
        notes: &mut Notes,
    ) -> Result<bool, Broken> {
        let mut members = None;
        let is_read = HashMap::object(&mut members, object, notes)?;
        *place = members.map(Self);
        Ok(is_read)
    }
}

impl<'de, K: Eq + Hash + Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Named<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        HashMap::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_kept_and_their_names_not_printed() {
        let json = r#"{"4111111111111111":1}"#;
        let named: Named<String, u8> = serde_json::from_str(json).expect("decodes");
        assert_eq!(named.get("4111111111111111"), Some(&1));
        assert_eq!(format!("{named:?} {named:#?}"), "Named(1 members) Named(1 members)");
        assert_eq!(serde_json::to_string(&named).expect("encodes"), json);
    }
}
