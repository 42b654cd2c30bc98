//! Any header and any body are accepted or refused without a panic. The fuzz target `webhook` tries more of them.

use cmp::webhooks::{Event, Signer, Verifier, WebhookSecret};
use proptest::prelude::*;

use crate::samples::{CARD_UPDATE, NETWORK_TOKEN};

fn secret() -> WebhookSecret {
    WebhookSecret::new("whsec_test").unwrap()
}

/// A documented body with some bytes changed, removed or added.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let body = prop::sample::select(vec![NETWORK_TOKEN, CARD_UPDATE]);
    let damage = (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..4), 0usize..4);
    (body, prop::collection::vec(damage, 1..4)).prop_map(|(body, damages)| {
        let mut body = body.as_bytes().to_vec();
        for (place, octets, gone) in damages {
            let start = place.index(body.len());
            let end = (start + gone).min(body.len());
            body.splice(start..end, octets);
        }
        body
    })
}

proptest! {
    #[test]
    fn any_header_and_any_body_get_a_verdict(value in "\\PC{0,200}", body in prop::collection::vec(any::<u8>(), 0..200)) {
        let verifier = Verifier::new(secret());
        prop_assert!(verifier.verify_value(&value, &body).is_err());
        let _ = Event::parse_unverified(&body);
    }

    #[test]
    fn a_header_in_the_right_form_gets_a_verdict(time in "[0-9]{1,20}", hex in "[0-9a-fA-F]{64}", body in any::<Vec<u8>>()) {
        let verifier = Verifier::new(secret());
        let value = format!("t={time},v0={hex}");
        prop_assert!(verifier.verify_value(&value, &body).is_err());
    }

    #[test]
    fn whatever_was_signed_is_verified_and_parsed_without_a_panic(body in damaged()) {
        let value = Signer::new(secret()).sign(&body);
        let verified = Verifier::new(secret()).verify_value(&value, &body).unwrap();
        if let Ok(event) = verified.parse() {
            prop_assert!(!event.id.is_empty());
        }
    }

    #[test]
    fn any_texts_as_members_are_read(value in "\\PC{0,24}", name in "\\PC{0,24}") {
        let details: serde_json::Map<_, _> = [
            "card_id", "network_token_id", "network_token", "network_token_last4", "state", "card_bin",
            "exp_month", "exp_year", "updated_at", "new_expiration_date", "fingerprint_matches",
        ].into_iter().map(|member| (member.to_owned(), value.clone().into())).collect();
        for name in ["cmp_network_token.updated", "au_card.updated", &name] {
            let body = serde_json::json!({ "id": "1", "event": name, "timestamp": value, "details": details });
            let event = Event::parse_unverified(body.to_string().as_bytes());
            prop_assert_eq!(event.is_ok(), !name.trim().is_empty());
        }
    }
}
