//! Network tokens as the service returns them.

use chrono::{DateTime, Utc};
use cmp_generated::{
    scalar::{Digits, Last4, Reference, Secret, Timestamp},
    types,
};

use crate::{
    error::NoNetworkToken,
    secret::NetworkTokenNumber,
    value::{Expiry, NetworkTokenId, NetworkTokenState, Text, open::open_enum},
};

/// A provisioned network token, new or not.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Provisioned {
    /// 201: the network token is new.
    Created(NetworkToken),
    /// 200: the card had an active network token, which stays.
    Existing(NetworkToken),
}

impl Provisioned {
    /// The network token.
    #[must_use]
    pub fn network_token(&self) -> &NetworkToken {
        match self {
            Self::Created(token) | Self::Existing(token) => token,
        }
    }

    /// Returns `true` if the network token is new.
    #[must_use]
    pub fn is_created(&self) -> bool {
        matches!(self, Self::Created(_))
    }

    /// Returns the network token, whether or not it is new.
    #[must_use]
    pub fn into_network_token(self) -> NetworkToken {
        match self {
            Self::Created(token) | Self::Existing(token) => token,
        }
    }
}

/// A network token: the number that takes the PAN's place in payments.
///
/// Every part can be missing. A token that could not be provisioned has a state, a reason and little else.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetworkToken {
    /// The id, `NT…`.
    pub id: Option<NetworkTokenId>,
    /// The number to pay with.
    pub number: Option<NetworkTokenNumber>,
    /// The payment account reference (PAR), which is the same for all tokens of an account.
    pub payment_account_reference: Option<Text>,
    /// The last four digits of the token's number.
    pub last4: Option<Text>,
    /// The first 6 to 10 digits of the token's number.
    pub bin: Option<Text>,
    /// The token's own expiry, which differs from the card's.
    pub expiry: Option<Expiry>,
    /// The state. A token without one has [`NetworkTokenState::Other`] with an empty text.
    pub state: NetworkTokenState,
    /// The reason for the state, such as `cmp_network_token.provisioning_failed`.
    pub reason_code: Option<Text>,
    /// The reason in words.
    pub reason_text: Option<Text>,
    /// When the token was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When the token last changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// Colours and pictures to show the card with.
    pub card_art: Option<CardArt>,
    /// When the client asked for the token, by its clock.
    pub asked_at: DateTime<Utc>,
}

impl NetworkToken {
    /// Makes a network token with a state and nothing else, for tests.
    #[must_use]
    pub fn new(state: NetworkTokenState, asked_at: DateTime<Utc>) -> Self {
        let token = Self::from_wire(types::NetworkTokenResource::default(), asked_at);
        Self { state, ..token }
    }

    /// Reads a token of an answer to a request that was made at `asked_at`.
    pub(crate) fn from_wire(resource: types::NetworkTokenResource, asked_at: DateTime<Utc>) -> Self {
        let from = resource.attributes.unwrap_or_default();
        Self {
            id: resource.id.and_then(|id| NetworkTokenId::new(id.into_inner()).ok()),
            number: from.network_token.and_then(number),
            payment_account_reference: from
                .payment_account_reference
                .map(Reference::into_inner)
                .and_then(Text::new),
            last4: from.last4.map(Last4::into_inner).map(Text::from),
            bin: from.bin.map(Digits::into_inner).map(Text::from),
            expiry: Expiry::from_wire(from.exp_month, from.exp_year),
            state: NetworkTokenState::from_wire(from.state.as_ref()),
            reason_code: Text::of(from.reason_code),
            reason_text: Text::of(from.reason_text),
            created_at: from.created_at.map(Timestamp::get),
            updated_at: from.updated_at.map(Timestamp::get),
            card_art: resource.meta.and_then(|meta| meta.card_art).map(|art| CardArt::from_wire(*art)),
            asked_at,
        }
    }

    /// Returns `true` if a payment can be made with the token: it has a usable state and a number.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.state.is_usable() && self.number.is_some()
    }
}

/// Returns the token's number. A blank text is none, and neither is a JSON number that is too short for one.
fn number(secret: Secret) -> Option<NetworkTokenNumber> {
    const SHORTEST: usize = 12;
    let is_none =
        secret.expose().trim().is_empty() || (secret.was_a_number() && secret.expose().len() < SHORTEST);
    (!is_none).then(|| NetworkTokenNumber::of(secret.into_inner()))
}

/// Returns the usable token that changed last. If none is usable, the latest token gives the reason.
pub(crate) fn usable<'a>(
    tokens: impl Iterator<Item = &'a NetworkToken> + Clone,
) -> Result<&'a NetworkToken, NoNetworkToken> {
    if let Some(token) = tokens.clone().filter(|token| token.is_usable()).max_by_key(|token| token.updated_at)
    {
        return Ok(token);
    }
    let Some(latest) = tokens.max_by_key(|token| token.updated_at) else { return Err(NoNetworkToken::None) };
    let state = latest.state.clone();
    if state.is_usable() {
        return Err(NoNetworkToken::WithoutNumber(state));
    }
    Err(NoNetworkToken::NotUsable { state, reason_code: latest.reason_code.clone() })
}

open_enum! {
    /// What a picture shows (source: schema `CardAsset`).
    CardArtKind from types::KnownCardAssetType {
        /// A symbol of the card.
        CardSymbol = "CARD_SYMBOL",
        /// The card's face.
        DigitalCardArt = "DIGITAL_CARD_ART",
        /// The background of the card's face.
        DigitalCardArtBackground = "DIGITAL_CARD_ART_BACKGROUND",
    }
}

/// Colours, pictures and texts to show a card with (schema `CardArt`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CardArt {
    /// The background's colour.
    pub background_color: Option<Text>,
    /// The foreground's colour.
    pub foreground_color: Option<Text>,
    /// The label's colour.
    pub label_color: Option<Text>,
    /// The issuer's name.
    pub issuer_name: Option<Text>,
    /// The website to contact.
    pub contact_website: Option<Text>,
    /// The phone number to contact.
    pub contact_number: Option<Text>,
    /// The name to contact.
    pub contact_name: Option<Text>,
    /// A short description of the card.
    pub short_description: Option<Text>,
    /// A long description of the card.
    pub long_description: Option<Text>,
    /// The pictures.
    pub assets: Vec<CardArtAsset>,
}

/// A picture of a card.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CardArtAsset {
    /// What the picture shows.
    pub kind: Option<CardArtKind>,
    /// The MIME type.
    pub mime_type: Option<Text>,
    /// Width and height in pixels.
    pub size: Option<(u32, u32)>,
    /// Where to download the picture.
    pub download_url: Option<Text>,
}

impl CardArt {
    fn from_wire(wire: types::CardArt) -> Self {
        Self {
            background_color: Text::of(wire.background_color),
            foreground_color: Text::of(wire.foreground_color),
            label_color: Text::of(wire.label_color),
            issuer_name: Text::of(wire.issuer_name),
            contact_website: Text::of(wire.contact_website),
            contact_number: Text::of(wire.contact_number),
            contact_name: Text::of(wire.contact_name),
            short_description: Text::of(wire.short_description),
            long_description: Text::of(wire.long_description),
            assets: wire.assets.into_iter().flatten().map(CardArtAsset::from_wire).collect(),
        }
    }
}

impl CardArtAsset {
    fn from_wire(wire: types::CardAsset) -> Self {
        let pixels = |count: Option<i64>| u32::try_from(count?).ok();
        Self {
            kind: wire.type_.map(CardArtKind::from_wire),
            mime_type: Text::of(wire.mime_type),
            size: pixels(wire.width).zip(pixels(wire.height)),
            download_url: Text::of(wire.download_url),
        }
    }
}
