use serde_json::{Value, json};

use super::enrollment::{CARD_BIN, CARD_LAST4, Enrollment};
use crate::readings::Readings;
use crate::state::Expiry;

/// The API reference names no state of a token that is not there yet; this name is inferred.
const PENDING: &str = "PENDING";

/// `V1NetworkToken`: without a number and an expiry until there is a token.
pub(super) fn document(enrollment: &Enrollment, readings: &Readings) -> Value {
    let mut document = json!({
        "pan_alias": enrollment.pan_alias,
        "state": enrollment.state.map_or(PENDING.to_owned(), |state| state.name().to_uppercase()),
        "created_at": readings.time(enrollment.created_at),
        "updated_at": readings.time(enrollment.updated_at),
        "card": card(enrollment.expiry, readings),
    });
    if enrollment.has_token() {
        document["network_token_last4"] = readings.number(enrollment.last4());
        document["expires_at"] = year_and_month(enrollment.expiry).into();
    }
    document
}

/// The API reference's sample, with the expiry that the request gave.
fn card(expiry: Expiry, readings: &Readings) -> Value {
    json!({
        "last4": readings.number(CARD_LAST4),
        "bin": readings.number(CARD_BIN),
        "expires_at": year_and_month(expiry),
        "holder_info": {
            "name": "Jane Doe",
            "email": "jane.doe@example.com",
            "number": "+1415-123-4567",
            "billing_address": {
                "name": "John Doe",
                "company": "John Doe Company",
                "address1": "555 Unblock Us St",
                "address2": "M13 9PL",
                "city": "New York",
                "region": "CA",
                "country": "US",
                "postal_code": "12301",
                "phone": "+14842634673"
            }
        }
    })
}

/// `2027-01`
fn year_and_month(expiry: Expiry) -> String {
    format!("20{:02}-{:02}", expiry.year, expiry.month)
}
