//! The variables of the process environment. An unreadable one is an error: treated as unset, it could send cards to the
//! wrong place.

use std::{env, ffi::OsString};

use crate::error::{Error, Result};

type Read = dyn Fn(&str) -> Option<OsString>;

/// The source of variables: the process, or a test.
pub(crate) struct Variables(Box<Read>);

impl Variables {
    pub(crate) fn new(read: impl Fn(&str) -> Option<OsString> + 'static) -> Self {
        Self(Box::new(read))
    }

    pub(crate) fn of_process() -> Self {
        Self::new(|name| env::var_os(name))
    }

    /// Returns the value without ASCII white space at its ends; `None` if it is unset or blank.
    pub(crate) fn read(&self, name: &str) -> Result<Option<String>> {
        let Some(value) = (self.0)(name) else { return Ok(None) };
        let value = value.into_string().map_err(|_| Error::configuration(format!("{name} is not UTF-8")))?;
        Ok(Some(trimmed(value)).filter(|value| !value.is_empty()))
    }

    /// Returns the value of a variable that must be set.
    pub(crate) fn needed(&self, name: &str) -> Result<String> {
        self.read(name)?.ok_or_else(|| Error::configuration(format!("{name} is not set, or is empty")))
    }
}

/// Removes ASCII white space at the ends, as in mounted files. It works in place, so that no copy of a secret is left in
/// memory.
pub(crate) fn trimmed(mut text: String) -> String {
    text.truncate(text.trim_ascii_end().len());
    let leading = text.len() - text.trim_ascii_start().len();
    text.drain(..leading);
    text
}

#[cfg(test)]
impl<const N: usize> From<[(&'static str, &'static str); N]> for Variables {
    fn from(pairs: [(&'static str, &'static str); N]) -> Self {
        Self::new(move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
    }
}

#[cfg(test)]
impl Variables {
    /// Adds `unreadable`, whose value is not UTF-8.
    #[cfg(unix)]
    pub(crate) fn and_unreadable(self, unreadable: &'static str) -> Self {
        use std::os::unix::ffi::OsStringExt;
        Self::new(move |name| {
            if name == unreadable { Some(OsString::from_vec(b"live\xFF".to_vec())) } else { (self.0)(name) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_at_the_ends_is_dropped_and_blank_is_unset() {
        let variables =
            Variables::from([("A", " \t one two\r\n"), ("B", ""), ("C", " \n"), ("D", "\u{a0}three")]);
        let read = |name| variables.read(name).unwrap();
        assert_eq!(read("A").as_deref(), Some("one two"));
        assert_eq!((read("B"), read("C"), read("E")), (None, None, None));
        assert_eq!(read("D").as_deref(), Some("\u{a0}three"));
        assert!(variables.needed("C").unwrap_err().to_string().contains("C is not set"));
    }

    #[cfg(unix)]
    #[test]
    fn an_unreadable_value_is_an_error_that_names_it() {
        let variables = Variables::from([]).and_unreadable("VGS_VAULT_ID");
        let error = variables.read("VGS_VAULT_ID").unwrap_err().to_string();
        assert!(error.contains("VGS_VAULT_ID is not UTF-8") && !error.contains("live"), "{error}");
    }
}
