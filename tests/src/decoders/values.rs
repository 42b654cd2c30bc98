#![expect(unused_qualifications, reason = "the lists have the names of the public API")]

use std::{
    error::Error,
    fmt::{Debug, Display},
    str::FromStr,
};

use cmp::{Amount, Cvc, Environment, Pan, auth::AccessToken, webhooks::WebhookSecret};
use serde::{Serialize, de::DeserializeOwned};

use super::{assert_shows_no_pan, check_error};

/// A function that reads an input as each type of a list, and the list, under the names of the public API.
macro_rules! reads {
    ($(#[$doc:meta])* $vis:vis $name:ident($input:ident: $of:ty), $(#[$list_doc:meta])* $list:ident: $($by:ident { $($type:ty,)+ })+) => {
        $(#[$doc])*
        $vis fn $name($input: $of) {
            $($($by::<$type>($input);)+)+
        }

        $(#[$list_doc])*
        pub const $list: &[&str] = &[$($(stringify!($type)),+),+];
    };
}

reads! {
    /// Every type that can be read from JSON: what a program has stored, or takes from its own callers.
    pub stored(input: &[u8]),
    /// The types of [`stored`].
    STORED:
    both_ways {
        cmp::Amount,
        cmp::CardId,
        cmp::Currency,
        cmp::Expiry,
        cmp::NetworkTokenId,
        cmp::Text,
        cmp::bulk::Checkpoint,
        cmp::cards::CardEvent,
        cmp::network_tokens::NetworkTokenState,
        cmp::network_tokens::TransactionType,
        cmp::payments::NetworkTransactionId,
        cmp::v1::PanAlias,
        cmp::webhooks::CardView,
        cmp::webhooks::TokenView,
    }
    one_way {
        cmp::Address,
        cmp::CardChanges,
        cmp::Cardholder,
        cmp::Cvc,
        cmp::Metadata,
        cmp::NewCard,
        cmp::Pan,
        cmp::cards::TokenType,
        cmp::cards::WalletType,
        cmp::v1::NewEnrollment,
        cmp::webhooks::WebhookSecret,
    }
}

reads! {
    /// Every type that has `FromStr`.
    parsed(text: &str),
    /// The types that [`text`] reads by `FromStr`.
    PARSED:
    shown_and_read {
        cmp::CardId,
        cmp::Currency,
        cmp::Expiry,
        cmp::NetworkTokenId,
        cmp::cards::Capability,
        cmp::cards::CardEvent,
        cmp::cards::Include,
        cmp::cards::SubscriptionState,
        cmp::cards::TokenType,
        cmp::cards::WalletType,
        cmp::network_tokens::CardArtKind,
        cmp::network_tokens::CryptogramType,
        cmp::network_tokens::NetworkTokenState,
        cmp::network_tokens::TransactionType,
        cmp::operation::Scope,
        cmp::webhooks::NetworkTokenEvent,
    }
    only_read {
        cmp::Amount,
        cmp::Environment,
        cmp::payments::NetworkTransactionId,
        cmp::v1::Environment,
        cmp::v1::PanAlias,
    }
}

/// Every type that can be read from a text: what people and programs type.
pub fn text(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    parsed(text);
    read(Pan::new(text));
    read(Cvc::new(text));
    read(WebhookSecret::new(text));
    read(AccessToken::new(text));
    read(Environment::custom(text, "http://127.0.0.1:1"));
    if let Some(amount) = read(Amount::usd(text)) {
        assert_eq!(Amount::new(amount.value(), amount.currency()).expect("it is an amount"), amount);
    }
}

fn one_way<T: DeserializeOwned + Debug>(input: &[u8]) -> Option<T> {
    read(serde_json::from_slice(input))
}

fn both_ways<T: DeserializeOwned + Serialize + Debug + PartialEq>(input: &[u8]) {
    let Some(value) = one_way::<T>(input) else { return };
    let written = serde_json::to_string(&value).expect("it can be stored");
    assert_eq!(serde_json::from_str::<T>(&written).expect("and read back"), value, "{written}");
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

fn only_read<T: FromStr<Err: Error> + Debug>(text: &str) {
    read(text.parse::<T>());
}

fn shown_and_read<T: FromStr<Err: Error> + Debug + Display + PartialEq>(text: &str) {
    let Some(value) = read(text.parse::<T>()) else { return };
    let shown = value.to_string();
    // What could be a card number is not shown, and what is not visible is escaped.
    if !shown.contains('*') && text.bytes().all(|octet| octet.is_ascii_graphic()) {
        assert_eq!(shown.parse::<T>().expect("what is shown can be read"), value, "{shown}");
    }
}
