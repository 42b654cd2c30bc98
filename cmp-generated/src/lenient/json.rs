//! Reads free-form JSON of limited size and depth.

use serde_json::{Map, Number, Value};

use super::{Broken, List, NUMBER, Notes, Object, Place, number_text, put, skip_list};

/// The maximum number of values in one object, at any depth. An empty object has three characters, but takes up to a
/// hundred times as much memory.
const MOST_VALUES: usize = 10_000;
const DEEPEST: usize = 100;

/// The number of values that may still be read, and the current depth.
pub(crate) struct Json {
    values: usize,
    depth: usize,
}

impl Json {
    pub(crate) const fn new() -> Self {
        Self { values: MOST_VALUES, depth: 0 }
    }

    /// Reads members to the end of the object. A member that exceeds the limits is absent.
    pub(crate) fn members(
        &mut self,
        members: &mut Map<String, Value>,
        object: &mut dyn Object<'_>,
        notes: &mut Notes,
    ) -> Result<(), Broken> {
        while let Some(name) = object.name()? {
            match self.value(object, notes)? {
                Some(value) => drop(members.insert(name.into_owned(), value)),
                None => notes.unreadable(),
            }
        }
        Ok(())
    }

    /// Reads an object to its end. Returns `None` if it exceeds the limits.
    pub(crate) fn object(
        &mut self,
        object: &mut dyn Object<'_>,
        notes: &mut Notes,
    ) -> Result<Option<Value>, Broken> {
        let mut members = Some(Map::new());
        let mut number = None;
        while let Some(name) = object.name()? {
            if name == NUMBER {
                number = number_text(object)?.and_then(|number| number.parse::<Number>().ok());
                continue;
            }
            match (&mut members, self.value(object, notes)?) {
                (Some(members), Some(value)) => drop(members.insert(name.into_owned(), value)),
                _ => members = None,
            }
        }
        Ok(number.map(Value::Number).or(members.map(Value::Object)))
    }

    /// Reads a list to its end. Returns `None` if it exceeds the limits.
    pub(crate) fn list(&mut self, list: &mut dyn List, notes: &mut Notes) -> Result<Option<Value>, Broken> {
        let mut entries = Vec::new();
        while self.begins_value() {
            let mut entry = Free { json: self, value: None };
            let is_entry = list.entry(&mut entry, notes)?;
            let value = entry.value;
            self.depth -= 1;
            match value {
                Some(value) => entries.push(value),
                None if is_entry => return skip_list(list).map(|()| None),
                None => {
                    self.values += 1;
                    return Ok(Some(Value::Array(entries)));
                }
            }
        }
        let is_complete = !list.skip()?;
        skip_list(list)?;
        Ok(is_complete.then_some(Value::Array(entries)))
    }

    /// Reads the value of the member whose name was read last. Returns `None` if it exceeds the limits.
    fn value(&mut self, object: &mut dyn Object<'_>, notes: &mut Notes) -> Result<Option<Value>, Broken> {
        if !self.begins_value() {
            return object.skip().map(|()| None);
        }
        let mut member = Free { json: self, value: None };
        object.value(&mut member, notes)?;
        let value = member.value;
        self.depth -= 1;
        Ok(value)
    }

    /// Returns `false` if one more value would exceed the limits.
    fn begins_value(&mut self) -> bool {
        let may_begin = self.values > 0 && self.depth < DEEPEST;
        if may_begin {
            self.values -= 1;
            self.depth += 1;
        }
        may_begin
    }
}

/// The place of a value of any form.
struct Free<'j> {
    json: &'j mut Json,
    value: Option<Value>,
}

impl Place for Free<'_> {
    fn longest_text(&self) -> usize {
        usize::MAX
    }

    fn text(&mut self, text: &str) -> bool {
        put(&mut self.value, Some(text.into()))
    }

    fn integer(&mut self, number: u64) -> bool {
        put(&mut self.value, Some(number.into()))
    }

    fn negative(&mut self, number: i64) -> bool {
        put(&mut self.value, Some(number.into()))
    }

    fn float(&mut self, number: f64) -> bool {
        put(&mut self.value, Some(number.into()))
    }

    fn truth(&mut self, truth: bool) -> bool {
        put(&mut self.value, Some(truth.into()))
    }

    fn null(&mut self) -> bool {
        put(&mut self.value, Some(Value::Null))
    }

    fn object<'de>(&mut self, object: &mut dyn Object<'de>, notes: &mut Notes) -> Result<bool, Broken> {
        let read = self.json.object(object, notes)?;
        Ok(put(&mut self.value, read))
    }

    fn list(&mut self, list: &mut dyn List, notes: &mut Notes) -> Result<bool, Broken> {
        let read = self.json.list(list, notes)?;
        Ok(put(&mut self.value, read))
    }
}
