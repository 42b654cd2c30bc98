//! Ids, numbers and other values that are drawn at random.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// The values that the real service draws at random. The same seed gives the same sequence.
#[derive(Debug)]
pub(crate) struct Ids {
    rng: fastrand::Rng,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: fastrand::Rng::with_seed(seed) }
    }

    /// Returns the state, from which [`new`](Self::new) goes on.
    pub(crate) fn seed(&self) -> u64 {
        self.rng.get_seed()
    }

    /// Returns `CRD…` with 25 characters, like the documents' samples.
    pub(crate) fn card(&mut self) -> String {
        format!("CRD{}", self.base58(22))
    }

    /// Returns `NTK…` with 25 characters, like the documents' samples.
    pub(crate) fn network_token(&mut self) -> String {
        format!("NTK{}", self.base58(22))
    }

    /// Returns `tok_sandbox_…`, an alias in the default format.
    pub(crate) fn pan_alias(&mut self) -> String {
        format!("tok_sandbox_{}", self.base58(22))
    }

    /// Returns `V001` and 25 digits.
    pub(crate) fn payment_account_reference(&mut self) -> String {
        format!("V001{}", self.digits(25))
    }

    /// Returns `CUS…`, the id of a card update subscription.
    pub(crate) fn subscription(&mut self) -> String {
        format!("CUS{}", self.base58(22))
    }

    /// Returns `CUP…`. The documents have no id of a card update; the prefix is ours.
    pub(crate) fn card_update(&mut self) -> String {
        format!("CUP{}", self.base58(22))
    }

    /// Returns 32 hexadecimal digits.
    pub(crate) fn trace(&mut self) -> String {
        format!("{:032x}", self.rng.u128(..))
    }

    pub(crate) fn fingerprint(&mut self) -> String {
        self.base58(44)
    }

    /// Returns a text with the form of a signed JWT, because clients may read its parts. The
    /// signature is random.
    pub(crate) fn access_token(&mut self, claims: &serde_json::Value) -> String {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
        let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
        let signature = URL_SAFE_NO_PAD.encode(self.bytes::<64>());
        format!("{header}.{claims}.{signature}")
    }

    /// Returns a TAVV: 20 bytes in Base64, 28 of at most 32 documented characters.
    pub(crate) fn tavv(&mut self) -> String {
        STANDARD.encode(self.bytes::<20>())
    }

    /// Returns a DTVV: three digits.
    pub(crate) fn dtvv(&mut self) -> String {
        self.digits(3)
    }

    pub(crate) fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + self.rng.u8(0..10))).collect()
    }

    pub(crate) fn base58(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(BASE58[self.rng.usize(0..BASE58.len())])).collect()
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.rng.u8(..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence() {
        let draw = |seed| {
            let mut ids = Ids::new(seed);
            [ids.card(), ids.network_token(), ids.tavv(), ids.trace()]
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn ids_have_the_documented_form() {
        let mut ids = Ids::new(1);
        let card = ids.card();
        assert!(card.starts_with("CRD") && card.len() == 25, "{card}");
        assert_eq!(ids.tavv().len(), 28);
        assert_eq!(ids.dtvv().len(), 3);
        assert_eq!(ids.trace().len(), 32);
    }
}
