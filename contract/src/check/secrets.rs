//! Rules about secrets that no schema expresses.

use serde_json::Value;

use super::{answer::Answer, contract::Contract, masked, outcome::Violation};

const READ_CARD_DATA: &str = "cards:read-pci";

/// An access token, and its scopes if they are known.
#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) token: String,
    pub(crate) scopes: Option<Vec<String>>,
}

impl Grant {
    pub(crate) fn read(answer: &Answer) -> Option<Self> {
        let token = answer.at("/access_token").as_str().filter(|_| answer.status == 200)?.to_owned();
        let named = answer.at("/scope").as_str().map(str::to_owned).or_else(|| claimed_scopes(&token));
        let scopes = named.map(|scopes| scopes.split(' ').map(str::to_owned).collect());
        Some(Self { token, scopes })
    }

    fn may_not_see_card_data(&self) -> bool {
        self.scopes.as_ref().is_some_and(|scopes| !scopes.iter().any(|scope| scope == READ_CARD_DATA))
    }
}

/// Returns the claim `scope` of a JWT, unverified. It only decides what the check expects.
fn claimed_scopes(token: &str) -> Option<String> {
    use base64::Engine as _;
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims["scope"].as_str().map(str::to_owned)
}

pub(crate) fn violations(contract: &Contract, answer: &Answer, grant: &Grant) -> Vec<Violation> {
    let Some(document) = &answer.json else { return Vec::new() };
    let mut found = Vec::new();
    let mut violation = |path: &str, expected: &str| {
        found.push(Violation {
            operation: answer.operation.name().to_owned(),
            path: contract.shown(path),
            expected: expected.to_owned(),
            came: "what looks like a secret".to_owned(),
        });
    };
    if answer.status >= 400 {
        masked::leaves(document, "", &mut |path, text| {
            if masked::holds_card_number(text) {
                violation(path, "no card or network token number in an error");
            }
        });
    } else if grant.may_not_see_card_data() {
        let attributes = &document["data"]["attributes"];
        if attributes["pan"].as_str().is_some_and(masked::holds_card_number) {
            violation("/data/attributes/pan", "no PAN without the scope cards:read-pci");
        }
        if attributes["cvc"].as_str().is_some_and(|cvc| cvc.bytes().all(|byte| byte.is_ascii_digit())) {
            violation("/data/attributes/cvc", "no CVC without the scope cards:read-pci");
        }
    }
    found
}
