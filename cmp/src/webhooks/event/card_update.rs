use chrono::{DateTime, Utc};

use super::members::Members;
use crate::{
    CardEvent,
    secret::Pan,
    value::{CardId, Expiry, Text},
};

/// What the account updater tells about a card. Each part may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardUpdateDetails {
    event: CardEvent,
    card_id: Option<CardId>,
    last4: Option<String>,
    first8: Option<Text>,
    bin: Option<Text>,
    fingerprint: Option<Text>,
    fingerprint_matches: Option<bool>,
    new_account_number: Option<Pan>,
    new_expiry: Option<Expiry>,
    old_account_number: Option<Pan>,
    old_expiry: Option<Expiry>,
    reason_code: Option<Text>,
    reason_text: Option<Text>,
    occurred_at: Option<DateTime<Utc>>,
}

impl CardUpdateDetails {
    pub(super) fn read(event: CardEvent, from: &Members) -> Self {
        Self {
            event,
            card_id: from.text("card_id").and_then(|id| CardId::new(id).ok()),
            last4: from.last4("card_last4"),
            first8: from.leading_digits("card_first8"),
            bin: from.leading_digits("card_bin"),
            fingerprint: from.outside("card_fingerprint"),
            fingerprint_matches: from.truth("fingerprint_matches"),
            new_account_number: from.secret("new_account_number", Pan::from_trusted),
            new_expiry: from.expiry("new_expiration_date"),
            old_account_number: from.secret("old_account_number", Pan::from_trusted),
            old_expiry: from.expiry("old_expiration_date"),
            reason_code: from.outside("reason_code"),
            reason_text: from.outside("reason_text"),
            occurred_at: from.time("occurred_at"),
        }
    }

    /// What happened.
    #[must_use]
    pub fn event(&self) -> &CardEvent {
        &self.event
    }

    /// The card.
    #[must_use]
    pub fn card_id(&self) -> Option<&CardId> {
        self.card_id.as_ref()
    }

    /// The last four digits of the card's number. The documents don't say whether of the new or the old one.
    #[must_use]
    pub fn last4(&self) -> Option<&str> {
        self.last4.as_deref()
    }

    /// The first eight digits of the card's number.
    #[must_use]
    pub fn first8(&self) -> Option<&str> {
        self.first8.as_deref()
    }

    /// The first six or eight digits of the card's number.
    #[must_use]
    pub fn bin(&self) -> Option<&str> {
        self.bin.as_deref()
    }

    /// A value that is the same for every card with this PAN.
    #[must_use]
    pub fn fingerprint(&self) -> Option<&str> {
        self.fingerprint.as_deref()
    }

    /// `fingerprint_matches`, as it comes; its meaning is not documented.
    #[must_use]
    pub fn fingerprint_matches(&self) -> Option<bool> {
        self.fingerprint_matches
    }

    /// The number after the update: a PAN or the alias that stands for it.
    #[must_use]
    pub fn new_account_number(&self) -> Option<&Pan> {
        self.new_account_number.as_ref()
    }

    /// The expiry after the update.
    #[must_use]
    pub fn new_expiry(&self) -> Option<Expiry> {
        self.new_expiry
    }

    /// The number before the update: a PAN or the alias that stands for it.
    #[must_use]
    pub fn old_account_number(&self) -> Option<&Pan> {
        self.old_account_number.as_ref()
    }

    /// The expiry before the update.
    #[must_use]
    pub fn old_expiry(&self) -> Option<Expiry> {
        self.old_expiry
    }

    /// Why, as a code.
    #[must_use]
    pub fn reason_code(&self) -> Option<&str> {
        self.reason_code.as_deref()
    }

    /// Why, in words.
    #[must_use]
    pub fn reason_text(&self) -> Option<&str> {
        self.reason_text.as_deref()
    }

    /// When it happened.
    #[must_use]
    pub fn occurred_at(&self) -> Option<DateTime<Utc>> {
        self.occurred_at
    }
}
