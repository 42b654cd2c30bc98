use cmp_generated::types;
use serde::{Deserialize, Deserializer};

use super::checks;
use crate::{
    error::InvalidInput,
    secret::Cvc,
    value::{Expiry, read, wire},
};

/// What to change on a stored card: its CVC, its expiry, or both (schema `CardUpdateAttributes`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct CardChanges {
    cvc: Option<Cvc>,
    expiry: Option<Expiry>,
}

impl CardChanges {
    /// Nothing to change yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A new CVC.
    pub fn cvc(mut self, cvc: Cvc) -> Self {
        self.cvc = Some(cvc);
        self
    }

    /// A new expiry.
    pub fn expiry(mut self, expiry: Expiry) -> Self {
        self.expiry = Some(expiry);
        self
    }
}

/// From an object with `cvc`, `expiry` or both. A refusal does not repeat what was read.
impl<'de> Deserialize<'de> for CardChanges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Parts {
            cvc: Option<Cvc>,
            expiry: Option<Expiry>,
        }

        let Parts { cvc, expiry } = read::members(deserializer, "card changes")?;
        Ok(Self { cvc, expiry })
    }
}

impl CardChanges {
    pub(super) fn into_wire(self) -> Result<types::CardUpdateResourceRequest, InvalidInput> {
        if self.cvc.is_none() && self.expiry.is_none() {
            return Err(InvalidInput::new("card changes", "must change something"));
        }
        let (exp_month, exp_year) = self.expiry.map(wire::expiry_parts).transpose()?.unzip();
        let attributes = types::CardUpdateAttributes {
            cvc: self.cvc.map(|cvc| checks::secret("cvc", cvc.expose())).transpose()?,
            exp_month,
            exp_year,
        };
        Ok(types::CardUpdateResourceRequest { data: types::CardUpdateResourceRequestData { attributes } })
    }
}
