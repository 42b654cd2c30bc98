use std::{fmt, str::FromStr};

use crate::{error::InvalidInput, value::stored::stored_as_text};

const LONGEST: usize = 128;

/// A vault's alias for a PAN: V1 knows a card and its network token by it.
///
/// It is no card data, but some vaults' aliases are digits only and look like a PAN (`9914040119524512000`), so
/// `Debug` doesn't show it and there is no `Display`.
///
/// ```
/// let alias = cmp::v1::PanAlias::new("9914040119524512000")?;
/// assert_eq!(alias.as_str(), "9914040119524512000");
/// assert_eq!(format!("{alias:?}"), "PanAlias(..)");
/// # Ok::<(), cmp::InvalidInput>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PanAlias(String);

impl PanAlias {
    /// Takes an alias of letters, digits, `_` and `-`, in whatever format the vault is set to. Whether it is an alias
    /// and not a PAN can't be told from its form: never pass a PAN, because an alias becomes part of a URL.
    ///
    /// # Errors
    /// [`InvalidInput`] for any other character, or if it is empty or longer than 128.
    pub fn new(alias: impl Into<String>) -> Result<Self, InvalidInput> {
        let alias = alias.into();
        let fits = (1..=LONGEST).contains(&alias.len())
            && alias.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if fits {
            Ok(Self(alias))
        } else {
            Err(InvalidInput::new("pan alias", "must be 1 to 128 letters, digits, `_` or `-`"))
        }
    }

    /// The alias as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PanAlias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PanAlias(..)")
    }
}

impl FromStr for PanAlias {
    type Err = InvalidInput;

    fn from_str(alias: &str) -> Result<Self, Self::Err> {
        Self::new(alias)
    }
}

stored_as_text!(PanAlias, "pan alias", as_str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_safe_in_a_path_is_an_alias() {
        for bad in ["", ".", "..", "a/b", "a?b", "a%2e", "ä", "a b", "a\r\nb"] {
            let error = PanAlias::new(bad).unwrap_err();
            assert_eq!(error.field(), "pan alias", "{bad:?}");
        }
        assert!(PanAlias::new("x".repeat(129)).is_err());
        for good in
            ["5573495XKjDP28V7312", "9914040119524512000", "tok_sandbox_9GfZrBnYFNWLFYYqjaMfWC", "1-2"]
        {
            assert_eq!(PanAlias::new(good).as_ref().map(PanAlias::as_str), Ok(good));
        }
    }
}
