use cmp_generated::{scalar::Personal, types};
use serde::{Deserialize, Deserializer};

use crate::{
    error::InvalidInput,
    value::{Expiry, PanAlias, read::members},
};

/// A vaulted card to enroll for a network token (schema `V1Enrollment`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "nothing is sent until it is passed to `Client::enroll`"]
pub struct NewEnrollment {
    alias: PanAlias,
    expiry: Expiry,
}

impl NewEnrollment {
    /// Takes the alias of the card and the card's expiry.
    pub fn new(alias: PanAlias, expiry: Expiry) -> Self {
        Self { alias, expiry }
    }

    pub(super) fn to_wire(&self) -> Result<types::V1Enrollment, InvalidInput> {
        let (exp_month, exp_year) = self.expiry.into_wire()?;
        Ok(types::V1Enrollment { pan_alias: Personal::new(self.alias.as_str()), exp_month, exp_year })
    }
}

/// From an object with `alias` and `expiry`. An error does not repeat the input.
impl<'de> Deserialize<'de> for NewEnrollment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Parts {
            alias: PanAlias,
            expiry: Expiry,
        }

        let Parts { alias, expiry } = members(deserializer, "enrollment")?;
        Ok(Self { alias, expiry })
    }
}
