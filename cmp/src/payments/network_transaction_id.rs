use std::{fmt, str::FromStr};

use crate::{error::InvalidInput, value::stored::stored_as_text};

const LONGEST: usize = 64;

/// A network transaction id: what the PSP's answer to an authorised customer-initiated payment names, and every
/// merchant-initiated payment after it refers to. Store it beside the card.
///
/// Its form differs by network (15 digits; a reference and a date), so it is not looked into. It is no secret, but nothing in
/// its form tells it from a PAN, so `Debug` does not show it.
///
/// ```
/// use cmp::NetworkTransactionId;
///
/// assert_eq!(NetworkTransactionId::new("MCC012345 1122")?.as_str(), "MCC012345 1122");
/// assert!(NetworkTransactionId::new("").is_err());
/// # Ok::<(), cmp::InvalidInput>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NetworkTransactionId(String);

impl NetworkTransactionId {
    /// Takes 1 to 64 printable ASCII characters, without a space at either end.
    ///
    /// # Errors
    /// [`InvalidInput`] for anything else.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidInput> {
        let id = id.into();
        let fits = (1..=LONGEST).contains(&id.len())
            && id.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
            && id.trim() == id;
        if !fits {
            return Err(InvalidInput::new(
                "network transaction id",
                "must be 1 to 64 printable ASCII characters",
            ));
        }
        Ok(Self(id))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for NetworkTransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NetworkTransactionId(..)")
    }
}

impl fmt::Display for NetworkTransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for NetworkTransactionId {
    type Err = InvalidInput;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        Self::new(id)
    }
}

stored_as_text!(NetworkTransactionId, "network transaction id", as_str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_network_gives_out_is_refused() {
        for bad in ["", " ", " 123", "123 ", "12\n3", "ä", &"1".repeat(65)] {
            assert!(NetworkTransactionId::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn its_digits_do_not_show() {
        let shown = format!("{:?}", NetworkTransactionId::new("5100260000019206").unwrap());
        assert_eq!(shown, "NetworkTransactionId(..)");
    }

    #[test]
    fn it_can_be_a_key_of_an_ordered_map() {
        let id = |id| NetworkTransactionId::new(id).unwrap();
        assert!(id("123") < id("124"));
    }
}
