use std::{
    error::Error,
    fmt::{Debug, Display},
    str::FromStr,
};

use cmp::{
    Address, Amount, CardChanges, CardId, Cardholder, Currency, Cvc, Environment, Expiry, Metadata,
    NetworkTokenId, NewCard, Pan, Text,
    auth::AccessToken,
    cards::{Capability, CardEvent, Include, SubscriptionState, TokenType, WalletType},
    network_tokens::{CardArtKind, CryptogramType, NetworkTokenState, TransactionType},
    payments::NetworkTransactionId,
    v1::{NewEnrollment, PanAlias},
    webhooks::{CardView, TokenView, WebhookSecret},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{assert_shows_no_pan, check_error};

/// Every type that can be read from JSON: what a program has stored, or takes from its own callers.
pub fn stored(input: &[u8]) {
    both_ways::<CardView>(input);
    both_ways::<Amount>(input);
    both_ways::<CardEvent>(input);
    both_ways::<CardId>(input);
    both_ways::<Currency>(input);
    both_ways::<Expiry>(input);
    both_ways::<NetworkTokenId>(input);
    both_ways::<NetworkTokenState>(input);
    both_ways::<NetworkTransactionId>(input);
    both_ways::<PanAlias>(input);
    both_ways::<Text>(input);
    both_ways::<TokenView>(input);
    both_ways::<TransactionType>(input);
    one_way::<Address>(input);
    one_way::<CardChanges>(input);
    one_way::<Cardholder>(input);
    one_way::<Cvc>(input);
    one_way::<Metadata>(input);
    one_way::<NewCard>(input);
    one_way::<NewEnrollment>(input);
    one_way::<Pan>(input);
    one_way::<TokenType>(input);
    one_way::<WalletType>(input);
    one_way::<WebhookSecret>(input);
}

fn one_way<T: DeserializeOwned + Debug>(input: &[u8]) -> Option<T> {
    read(serde_json::from_slice(input))
}

fn both_ways<T: DeserializeOwned + Serialize + Debug + PartialEq>(input: &[u8]) {
    let Some(value) = one_way::<T>(input) else { return };
    let written = serde_json::to_string(&value).expect("it can be stored");
    assert_eq!(serde_json::from_str::<T>(&written).expect("and read back"), value, "{written}");
}

/// Every type that can be read from a text: what people and programs type.
pub fn text(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    shown_and_read::<Capability>(text);
    shown_and_read::<CardArtKind>(text);
    shown_and_read::<CardEvent>(text);
    shown_and_read::<CardId>(text);
    shown_and_read::<CryptogramType>(text);
    shown_and_read::<Currency>(text);
    shown_and_read::<Expiry>(text);
    shown_and_read::<Include>(text);
    shown_and_read::<NetworkTokenId>(text);
    shown_and_read::<NetworkTokenState>(text);
    shown_and_read::<SubscriptionState>(text);
    shown_and_read::<TokenType>(text);
    shown_and_read::<TransactionType>(text);
    shown_and_read::<WalletType>(text);
    read(text.parse::<Amount>());
    read(text.parse::<Environment>());
    read(text.parse::<cmp::v1::Environment>());
    read(text.parse::<NetworkTransactionId>());
    read(text.parse::<PanAlias>());
    read(Pan::new(text));
    read(Cvc::new(text));
    read(WebhookSecret::new(text));
    read(AccessToken::new(text));
    read(Environment::custom(text, "http://127.0.0.1:1"));
    if let Some(amount) = read(Amount::usd(text)) {
        assert_eq!(Amount::new(amount.value(), amount.currency()).expect("it is an amount"), amount);
    }
}

fn read<T: Debug, E: Error>(outcome: Result<T, E>) -> Option<T> {
    match outcome {
        Ok(value) => {
            assert_shows_no_pan(&format!("{value:?}"));
            Some(value)
        }
        Err(error) => {
            check_error(&error);
            None
        }
    }
}

fn shown_and_read<T: FromStr<Err: Error> + Debug + Display + PartialEq>(text: &str) {
    let Some(value) = read(text.parse::<T>()) else { return };
    let shown = value.to_string();
    // What could be a card number is not shown, and what is not visible is escaped.
    if !shown.contains('*') && text.bytes().all(|octet| octet.is_ascii_graphic()) {
        assert_eq!(shown.parse::<T>().expect("what is shown can be read"), value, "{shown}");
    }
}
