use std::fmt;

use chrono::{DateTime, Utc};
use cmp_generated::{
    scalar::{Digits, Last4, Secret},
    types,
};

use super::{
    CardUpdate, CardUpdateSubscription, Cardholder, EnrichedAttributes, Metadata, OtherIncluded,
    StoredNumber, TokenType, WalletType, included::Included, stored_number::Evidence,
};
use crate::{
    error::{Delivery, Error, ErrorKind, NoNetworkToken, Result},
    network_tokens::{NetworkToken, usable},
    scrub::is_pan,
    secret::{Cvc, Pan},
    value::{CardId, Expiry, Text, TraceId, open::open_enum, wire},
};

open_enum! {
    /// A capability that was activated when the card was stored (source: schema `CardResourceAttributes`).
    Capability from types::KnownCardCapability {
        /// The account updater keeps the card current.
        CardUpdates = "card-updates",
        /// Network tokens can be provisioned.
        NetworkTokens = "network-tokens",
    }
}

/// A stored card with what came along with it.
///
/// Every part but the id can be missing, depending on the service account's scopes, the card's brand and the account's
/// settings.
#[derive(Clone)]
pub struct Card {
    id: CardId,
    attributes: Attributes,
    meta: Metadata,
    included: Included,
    observability: Option<Observability>,
    related: Vec<Text>,
    asked_at: DateTime<Utc>,
    has_included: bool,
    names_unshown_tokens: bool,
    lists_network_tokens: bool,
}

#[derive(Clone)]
struct Attributes {
    pan: Option<Pan>,
    pan_alias: Option<Text>,
    cvc: Option<Cvc>,
    cvc_alias: Option<Text>,
    cvc_status: Option<Text>,
    expiry: Option<Expiry>,
    bin: Option<String>,
    first8: Option<String>,
    last4: Option<String>,
    fingerprint: Option<Text>,
    brand: Option<Text>,
    card_type: Option<Text>,
    cardholder: Option<Cardholder>,
    token_type: Option<TokenType>,
    wallet_type: Option<WalletType>,
    capabilities: Vec<Capability>,
    enriched: Option<EnrichedAttributes>,
    created_at: Option<DateTime<Utc>>,
    updated_at: Option<DateTime<Utc>>,
}

/// What VGS support asks for, and which account an answer belongs to (`metadata.observability`).
#[derive(Debug, Clone)]
pub struct Observability {
    trace_id: Option<TraceId>,
    client_id: Option<Text>,
    vault_id: Option<Text>,
    account_id: Option<Text>,
}

impl Card {
    /// Reads an answer to what was asked at this time.
    pub(super) fn from_wire(document: types::CardResourceResponse, asked_at: DateTime<Utc>) -> Result<Self> {
        const ID: &str = "data.id";
        let data = document.data.ok_or_else(|| Error::unreadable_at(ID))?;
        let id = data.id.and_then(|id| CardId::new(id.into_inner()).ok());
        let has_included = document.included.is_some() || data.included.is_some();
        // The documents have `included` beside `data`, the guide's sample has it within.
        let resources = document.included.into_iter().chain(data.included).flatten();
        let included = Included::from_wire(resources, asked_at);
        let relationships = data.relationships.unwrap_or_default();
        Ok(Self {
            id: id.ok_or_else(|| Error::unreadable_at(ID))?,
            attributes: Attributes::from_wire(data.attributes.unwrap_or_default()),
            meta: data.meta.map(|meta| meta.into_inner().into()).unwrap_or_default(),
            names_unshown_tokens: included.lacks_tokens_of(&relationships),
            has_included,
            included,
            observability: document
                .metadata
                .and_then(|metadata| metadata.observability)
                .map(Observability::from_wire),
            related: relationships.into_keys().filter_map(Text::new).collect(),
            asked_at,
            lists_network_tokens: false,
        })
    }

    /// The same for an answer that must be about this card.
    pub(super) fn of(
        asked: &CardId,
        document: types::CardResourceResponse,
        asked_at: DateTime<Utc>,
    ) -> Result<Self> {
        let card = Self::from_wire(document, asked_at)?;
        if card.id != *asked {
            let message = "the service answered with another card";
            return Err(Error::new(ErrorKind::UnexpectedAnswer, Delivery::Answered, message));
        }
        Ok(card)
    }

    /// The same card, with a list of network tokens that is complete unless the card itself names another
    /// one, or something included could not be read.
    pub(super) fn listing_what_it_names(self) -> Self {
        Self { lists_network_tokens: !self.names_unshown_tokens && !self.included.is_incomplete, ..self }
    }

    /// The answer may hide a network token: the card's relationships name one that it does not show, or it shows none, and
    /// something that is included could not be read.
    pub(crate) fn may_hide_tokens(&self) -> bool {
        self.names_unshown_tokens || (self.included.is_incomplete && self.included.network_tokens.is_empty())
    }

    /// The answer has a list of included resources, possibly an empty one.
    pub(super) fn has_included(&self) -> bool {
        self.has_included
    }

    pub(super) fn included_count(&self) -> usize {
        self.included.count()
    }

    /// When the card was asked for, by the client's clock: what it says is at least as new as that.
    #[must_use]
    pub fn asked_at(&self) -> DateTime<Utc> {
        self.asked_at
    }

    /// Returns `true` if the card has no network tokens besides those in [`network_tokens`](Self::network_tokens).
    ///
    /// Only a [`get`](super::Cards::get) can say so: one that asked for nothing special or for network tokens. It is `false`
    /// where the answer leaves it open: the service showed no network token and has not shown any to this client before,
    /// the card's relationships name one that the answer does not show, or something included could not be read.
    #[must_use]
    pub fn lists_network_tokens(&self) -> bool {
        self.lists_network_tokens
    }

    /// The id, which stays the same for the life of the card.
    #[must_use]
    pub fn id(&self) -> &CardId {
        &self.id
    }

    /// What stands for the card's number, and whether it is the PAN or an alias.
    #[must_use]
    pub fn number(&self) -> Option<StoredNumber> {
        let from = &self.attributes;
        StoredNumber::tell(&Evidence {
            pan: from.pan.as_ref(),
            pan_alias: from.pan_alias.as_deref(),
            cvc: from.cvc.as_ref().map(Cvc::expose),
            cvc_alias: from.cvc_alias.as_deref(),
        })
    }

    /// `pan` as it came: the PAN, for a service account with the scope `cards:read-pci`; otherwise nothing, or an
    /// alias. [`number`](Self::number) tells these apart.
    #[must_use]
    pub fn pan(&self) -> Option<&Pan> {
        self.attributes.pan.as_ref()
    }

    /// The alias that stands for the PAN, in the format that the account is set to.
    #[must_use]
    pub fn pan_alias(&self) -> Option<&str> {
        self.attributes.pan_alias.as_deref()
    }

    /// The CVC, for a service account with the scope `cards:read-pci`. One that came as a number has the leading zeros back
    /// that it lost; one that is too short is left out.
    #[must_use]
    pub fn cvc(&self) -> Option<&Cvc> {
        self.attributes.cvc.as_ref()
    }

    /// The alias that stands for the CVC.
    #[must_use]
    pub fn cvc_alias(&self) -> Option<&str> {
        self.attributes.cvc_alias.as_deref()
    }

    /// Whether there is a CVC, such as `active` or `unavailable`.
    #[must_use]
    pub fn cvc_status(&self) -> Option<&str> {
        self.attributes.cvc_status.as_deref()
    }

    /// The card's expiry.
    #[must_use]
    pub fn expiry(&self) -> Option<Expiry> {
        self.attributes.expiry
    }

    /// The first six or eight digits: the bank identification number.
    #[must_use]
    pub fn bin(&self) -> Option<&str> {
        self.attributes.bin.as_deref()
    }

    /// The first eight digits, for Visa and Mastercard only.
    #[must_use]
    pub fn first8(&self) -> Option<&str> {
        self.attributes.first8.as_deref()
    }

    /// The last four digits.
    #[must_use]
    pub fn last4(&self) -> Option<&str> {
        self.attributes.last4.as_deref()
    }

    /// A value that is the same for every card with this PAN.
    #[must_use]
    pub fn fingerprint(&self) -> Option<&str> {
        self.attributes.fingerprint.as_deref()
    }

    /// The name of the brand.
    #[must_use]
    pub fn brand(&self) -> Option<&str> {
        self.attributes.brand.as_deref()
    }

    /// Credit, debit or prepaid.
    #[must_use]
    pub fn card_type(&self) -> Option<&str> {
        self.attributes.card_type.as_deref()
    }

    /// Who holds the card.
    #[must_use]
    pub fn cardholder(&self) -> Option<&Cardholder> {
        self.attributes.cardholder.as_ref()
    }

    /// What kind of number was stored.
    #[must_use]
    pub fn token_type(&self) -> Option<&TokenType> {
        self.attributes.token_type.as_ref()
    }

    /// The wallet that the card came from.
    #[must_use]
    pub fn wallet_type(&self) -> Option<&WalletType> {
        self.attributes.wallet_type.as_ref()
    }

    /// The capabilities that were activated when the card was stored.
    #[must_use]
    pub fn capabilities(&self) -> &[Capability] {
        &self.attributes.capabilities
    }

    /// What the Card Attributes service knows about the card, for its subscribers.
    #[must_use]
    pub fn enriched(&self) -> Option<&EnrichedAttributes> {
        self.attributes.enriched.as_ref()
    }

    /// When it was stored.
    #[must_use]
    pub fn created_at(&self) -> Option<DateTime<Utc>> {
        self.attributes.created_at
    }

    /// When it last changed.
    #[must_use]
    pub fn updated_at(&self) -> Option<DateTime<Utc>> {
        self.attributes.updated_at
    }

    /// The user-defined metadata.
    #[must_use]
    pub fn meta(&self) -> &Metadata {
        &self.meta
    }

    /// The network token to pay with: of all included ones the usable one that changed last.
    ///
    /// # Errors
    /// [`NoNetworkToken`] says why there is none.
    pub fn network_token(&self) -> Result<&NetworkToken, NoNetworkToken> {
        match usable(self.included.network_tokens.iter()) {
            Err(NoNetworkToken::None) if !self.lists_network_tokens => Err(NoNetworkToken::NotListed),
            Err(_) if self.may_hide_tokens() => Err(NoNetworkToken::NotListed),
            found => found,
        }
    }

    /// All included network tokens, usable or not.
    #[must_use]
    pub fn network_tokens(&self) -> &[NetworkToken] {
        &self.included.network_tokens
    }

    /// What the account updater reported.
    #[must_use]
    pub fn updates(&self) -> &[CardUpdate] {
        &self.included.updates
    }

    /// The subscription to the account updater. Of several the one that changed last.
    #[must_use]
    pub fn update_subscription(&self) -> Option<&CardUpdateSubscription> {
        self.included.subscriptions.iter().max_by_key(|subscription| subscription.updated_at())
    }

    /// Included resources of types that this version doesn't know.
    #[must_use]
    pub fn other_included(&self) -> &[OtherIncluded] {
        &self.included.others
    }

    /// The names of the card's relationships. Their content is in the generated types: see
    /// [`Client::raw`](crate::Client::raw).
    #[must_use]
    pub fn relationships(&self) -> &[Text] {
        &self.related
    }

    /// Trace id and account of the answer that this card was read from.
    #[must_use]
    pub fn observability(&self) -> Option<&Observability> {
        self.observability.as_ref()
    }
}

/// Little is shown: any text may hold more than it should, whatever its name.
impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Card")
            .field("id", &self.id)
            .field("expiry", &self.attributes.expiry)
            .field("network_tokens", &self.included.network_tokens)
            .field("updated_at", &self.attributes.updated_at)
            .finish_non_exhaustive()
    }
}

impl Attributes {
    fn from_wire(from: types::CardResourceAttributes) -> Self {
        let cvc = from.cvc.as_ref().and_then(|cvc| read_cvc(cvc, cvc_digits(&from)));
        Self {
            pan: from.pan.map(|pan| Pan::from_trusted(pan.expose())),
            pan_alias: Text::of(from.pan_alias),
            cvc,
            cvc_alias: Text::of(from.cvc_alias),
            cvc_status: Text::of(from.cvc_status),
            expiry: wire::expiry(from.exp_month, from.exp_year),
            bin: from.bin.map(Digits::into_inner),
            first8: from.first8.map(Digits::into_inner),
            last4: from.last4.map(Last4::into_inner),
            fingerprint: Text::of(from.card_fingerprint),
            brand: Text::of(from.card_brand),
            card_type: Text::of(from.card_type),
            cardholder: from.cardholder.map(Cardholder::from_wire),
            token_type: from.token_type.map(TokenType::from_wire),
            wallet_type: from.wallet_type.map(WalletType::from_wire),
            capabilities: from.capabilities.into_iter().flatten().map(Capability::from_wire).collect(),
            enriched: from.enriched_attributes.map(EnrichedAttributes::from_wire),
            created_at: from.created_at.map(wire::time),
            updated_at: from.updated_at.map(wire::time),
        }
    }
}

impl Observability {
    fn from_wire(wire: types::Observability) -> Self {
        Self {
            trace_id: TraceId::of(wire.trace_id.as_ref()),
            client_id: Text::of(wire.client_id),
            vault_id: Text::of(wire.vault_id),
            account_id: Text::of(wire.account_id),
        }
    }

    /// The id that VGS support asks for, unless a PAN may be in it.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }

    /// The service account.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// The vault.
    #[must_use]
    pub fn vault_id(&self) -> Option<&str> {
        self.vault_id.as_deref()
    }

    /// The account.
    #[must_use]
    pub fn account_id(&self) -> Option<&str> {
        self.account_id.as_deref()
    }
}

/// How many digits the card's CVC has. `None` if nothing says the card's brand.
fn cvc_digits(card: &types::CardResourceAttributes) -> Option<usize> {
    const OF_AMERICAN_EXPRESS: usize = 4;
    const OF_OTHERS: usize = 3;
    let brand = card.card_brand.as_ref().map(|brand| brand.as_str().to_ascii_lowercase());
    let is_american_express = match brand.filter(|brand| !brand.trim().is_empty()) {
        Some(brand) => brand.contains("amex") || brand.contains("american"),
        None => {
            let leading = [card.bin.as_ref(), card.first8.as_ref()].into_iter().flatten().next();
            let number = leading.map(Digits::as_str).or(card
                .pan
                .as_ref()
                .map(Secret::expose)
                .filter(|pan| is_pan(pan)))?;
            number.starts_with("34") || number.starts_with("37")
        }
    };
    Some(if is_american_express { OF_AMERICAN_EXPRESS } else { OF_OTHERS })
}

/// A number has lost its leading zeros. A text with too few digits has lost something that nobody knows. What is no CVC may
/// be an alias, and stays as it is.
fn read_cvc(cvc: &Secret, digits: Option<usize>) -> Option<Cvc> {
    const SHORTEST: usize = 3;
    const LONGEST: usize = 4;
    let code = cvc.expose();
    let is_number = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_digit());
    if !cvc.was_a_number() {
        let is_cut = code.trim().is_empty() || (is_number && code.len() < SHORTEST);
        return (!is_cut).then(|| Cvc::from_trusted(code));
    }
    match digits {
        Some(digits) => Some(Cvc::from_trusted(format!("{code:0>digits$}"))),
        None => (code.len() >= LONGEST).then(|| Cvc::from_trusted(code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cvc(attributes: &str) -> Option<String> {
        let attributes: types::CardResourceAttributes = serde_json::from_str(attributes).unwrap();
        Attributes::from_wire(attributes).cvc.map(|cvc| cvc.expose().to_owned())
    }

    #[test]
    fn a_cvc_is_never_short() {
        for (attributes, expected) in [
            (r#"{"cvc": 12, "card_brand": "visa"}"#, Some("012")),
            (r#"{"cvc": 0, "card_brand": "Mastercard"}"#, Some("000")),
            (r#"{"cvc": 123, "card_brand": "visa"}"#, Some("123")),
            (r#"{"cvc": 123, "card_brand": "AMEX"}"#, Some("0123")),
            (r#"{"cvc": 12, "card_brand": "American Express"}"#, Some("0012")),
            (r#"{"cvc": 1234, "card_brand": "amex"}"#, Some("1234")),
            (r#"{"cvc": 12, "bin": "378282"}"#, Some("0012")),
            (r#"{"cvc": 12, "first8": "41111111"}"#, Some("012")),
            (r#"{"cvc": 12, "pan": "341111111111111"}"#, Some("0012")),
            (r#"{"cvc": 12, "pan": "tok_sandbox_a", "card_brand": ""}"#, None),
            (r#"{"cvc": 123}"#, None),
            (r#"{"cvc": 1234}"#, Some("1234")),
            (r#"{"cvc": "012"}"#, Some("012")),
            (r#"{"cvc": "12", "card_brand": "visa"}"#, None),
            (r#"{"cvc": "", "card_brand": "visa"}"#, None),
            (r#"{"cvc": " ", "card_brand": "visa"}"#, None),
            (r#"{"cvc": "tok_sandbox_b"}"#, Some("tok_sandbox_b")),
            (r#"{"cvc": [1], "card_brand": "visa"}"#, None),
            (r#"{"cvc": 1.5, "card_brand": "visa"}"#, None),
            (r#"{"cvc": -12, "card_brand": "visa"}"#, None),
        ] {
            assert_eq!(cvc(attributes).as_deref(), expected, "{attributes}");
        }
    }
}
