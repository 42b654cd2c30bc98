//! Cards as the service returns them.

use chrono::{DateTime, Utc};
use cmp_generated::{
    scalar::{Digits, Last4, Secret, Timestamp},
    types,
};

use super::{
    cardholder::Cardholder,
    included::{CardUpdate, CardUpdateSubscription, Included, OtherIncluded},
    new_card::{Metadata, TokenType, WalletType},
};
use crate::{
    error::{Delivery, Error, ErrorKind, NoNetworkToken, Result},
    network_tokens::{NetworkToken, usable},
    scrub::is_pan,
    secret::{Cvc, Pan},
    value::{CardId, Expiry, Text, TraceId, open::open_enum},
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

/// A card that was stored, now or before.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Stored {
    /// 201: the card is new.
    Created(Card),
    /// 303: the account detects duplicates and already has a card with this PAN. The existing card is unchanged.
    Existing(Card),
}

impl Stored {
    /// The stored card.
    #[must_use]
    pub fn card(&self) -> &Card {
        match self {
            Self::Created(card) | Self::Existing(card) => card,
        }
    }

    /// Returns the stored card, whether or not it is new.
    #[must_use]
    pub fn into_card(self) -> Card {
        match self {
            Self::Created(card) | Self::Existing(card) => card,
        }
    }

    /// The stored card's id.
    #[must_use]
    pub fn id(&self) -> &CardId {
        &self.card().id
    }

    /// Returns `true` if the card is new.
    #[must_use]
    pub fn is_created(&self) -> bool {
        matches!(self, Self::Created(_))
    }
}

/// A stored card with its included resources.
///
/// Every part but the id can be missing. It depends on the service account's scopes, the card's brand and the account's
/// settings.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Card {
    /// The id, which stays the same for the life of the card.
    pub id: CardId,
    /// `pan` as the service sent it: the PAN with the scope `cards:read-pci`, otherwise an alias or nothing.
    /// [`number`](Self::number) distinguishes these.
    pub pan: Option<Pan>,
    /// The alias of the PAN, in the account's alias format.
    pub pan_alias: Option<Text>,
    /// The CVC, with the scope `cards:read-pci`. A CVC that came as a number has its leading zeros again; one that is too
    /// short is `None`.
    pub cvc: Option<Cvc>,
    /// The alias of the CVC.
    pub cvc_alias: Option<Text>,
    /// Whether a CVC is stored, such as `active` or `unavailable`.
    pub cvc_status: Option<Text>,
    /// The card's expiry.
    pub expiry: Option<Expiry>,
    /// The bank identification number: the first six or eight digits.
    pub bin: Option<Text>,
    /// The first eight digits, for Visa and Mastercard only.
    pub first8: Option<Text>,
    /// The last four digits.
    pub last4: Option<Text>,
    /// A value that is the same for every card with this PAN.
    pub fingerprint: Option<Text>,
    /// The brand's name.
    pub brand: Option<Text>,
    /// Credit, debit or prepaid.
    pub card_type: Option<Text>,
    /// The cardholder.
    pub cardholder: Option<Cardholder>,
    /// The kind of number that was stored. The documents have it among the attributes, and the guide's sample in `meta`.
    pub token_type: Option<TokenType>,
    /// The wallet that the card came from.
    pub wallet_type: Option<WalletType>,
    /// The capabilities that were activated when the card was stored.
    pub capabilities: Vec<Capability>,
    /// Attributes from the Card Attributes service, for its subscribers.
    pub enriched: Option<EnrichedAttributes>,
    /// When the card was stored.
    pub created_at: Option<DateTime<Utc>>,
    /// When the card last changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// The user-defined metadata.
    pub meta: Metadata,
    /// The included network tokens, usable or not. [`network_token`](Self::network_token) picks the one to pay with.
    pub network_tokens: Vec<NetworkToken>,
    /// `true` if the card has no network tokens besides [`network_tokens`](Self::network_tokens).
    ///
    /// Only a [`get`](super::Cards::get) without `include`, or with [`Include::NetworkTokens`](super::Include), can set it.
    /// It stays `false` in four cases: the service has not shown this client any network token yet, the card's
    /// relationships name one that the answer does not show, relationships that may name one could not be read, or an
    /// included resource could not be read.
    pub lists_network_tokens: bool,
    /// The account updater's reports.
    pub updates: Vec<CardUpdate>,
    /// The subscriptions to the account updater.
    pub update_subscriptions: Vec<CardUpdateSubscription>,
    /// Included resources of types that this version doesn't know.
    pub other_included: Vec<OtherIncluded>,
    /// The names of the card's relationships. [`Client::raw`](crate::Client::raw) returns their content.
    pub relationships: Vec<Text>,
    /// The trace id and the account of the answer.
    pub observability: Option<Observability>,
    /// When the client asked for the card, by its clock. The card is at least as new.
    pub asked_at: DateTime<Utc>,
    hidden: Hidden,
}

/// What the answer may have left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Hidden {
    has_included: bool,
    names_other_tokens: bool,
    has_unreadable: bool,
}

impl Card {
    /// Makes a card with an id and nothing else, for tests.
    #[must_use]
    pub fn new(id: CardId, asked_at: DateTime<Utc>) -> Self {
        Self::with(id, types::CardResourceAttributes::default(), Included::default(), asked_at)
    }

    fn with(
        id: CardId,
        from: types::CardResourceAttributes,
        included: Included,
        asked_at: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            cvc: from.cvc.as_ref().and_then(|cvc| read_cvc(cvc, cvc_digits(&from))),
            pan: from.pan.map(Secret::into_inner).map(Pan::of),
            pan_alias: Text::of(from.pan_alias),
            cvc_alias: Text::of(from.cvc_alias),
            cvc_status: Text::of(from.cvc_status),
            expiry: Expiry::from_wire(from.exp_month, from.exp_year),
            bin: from.bin.map(Digits::into_inner).map(Text::from),
            first8: from.first8.map(Digits::into_inner).map(Text::from),
            last4: from.last4.map(Last4::into_inner).map(Text::from),
            fingerprint: Text::of(from.card_fingerprint),
            brand: Text::of(from.card_brand),
            card_type: Text::of(from.card_type),
            cardholder: from.cardholder.map(|holder| Cardholder::from_wire(*holder)),
            token_type: from.token_type.map(TokenType::from_wire),
            wallet_type: from.wallet_type.map(WalletType::from_wire),
            capabilities: from
                .capabilities
                .unwrap_or_default()
                .into_iter()
                .map(Capability::from_wire)
                .collect(),
            enriched: from.enriched_attributes.map(|attributes| EnrichedAttributes::from_wire(*attributes)),
            created_at: from.created_at.map(Timestamp::get),
            updated_at: from.updated_at.map(Timestamp::get),
            meta: Metadata::default(),
            network_tokens: included.network_tokens,
            lists_network_tokens: false,
            updates: included.updates,
            update_subscriptions: included.subscriptions,
            other_included: included.others,
            relationships: Vec::new(),
            observability: None,
            asked_at,
            hidden: Hidden { has_unreadable: included.is_incomplete, ..Hidden::default() },
        }
    }

    /// Reads the answer to a request that was made at `asked_at`. A card is large, so it is moved in a box.
    pub(super) fn from_wire(
        document: types::CardResourceResponse,
        asked_at: DateTime<Utc>,
    ) -> Result<Box<Self>> {
        const ID: &str = "data.id";
        let data = document.data.ok_or_else(|| Error::unreadable_at(ID))?;
        let id = data.id.and_then(|id| CardId::new(id.into_inner()).ok());
        let id = id.ok_or_else(|| Error::unreadable_at(ID))?;
        let has_included = document.included.is_some() || data.included.is_some();
        // The documents have `included` beside `data`, the guide's sample has it within.
        let mut resources = document.included.unwrap_or_default();
        if let Some(within) = data.included {
            resources.extend(within);
        }
        let included = Included::from_wire(resources, asked_at);
        let relationships = data.relationships;
        let names_other_tokens = relationships.as_ref().is_some_and(|named| included.lacks_tokens_of(named));
        let mut card = Box::new(Self::with(id, data.attributes.unwrap_or_default(), included, asked_at));
        card.hidden = Hidden { has_included, names_other_tokens, ..card.hidden };
        card.meta = data.meta.map(|meta| meta.into_inner().into()).unwrap_or_default();
        if card.token_type.is_none() {
            card.token_type = card.meta.text("token_type").and_then(TokenType::known);
        }
        if let Some(named) = relationships {
            card.relationships = named.into_inner().into_keys().filter_map(Text::new).collect();
        }
        let observability = document.metadata.and_then(|metadata| metadata.observability);
        card.observability = observability.map(Observability::from_wire);
        Ok(card)
    }

    /// Reads an answer that must be about the card `asked`.
    pub(super) fn of(
        asked: &CardId,
        document: types::CardResourceResponse,
        asked_at: DateTime<Utc>,
    ) -> Result<Box<Self>> {
        let card = Self::from_wire(document, asked_at)?;
        if card.id != *asked {
            let message = "the service answered with another card";
            return Err(Error::new(ErrorKind::UnexpectedAnswer, Delivery::Answered, message));
        }
        Ok(card)
    }

    /// Marks the card's list of network tokens as complete, unless the answer shows that it is not.
    pub(super) fn listing_what_it_names(mut self: Box<Self>) -> Box<Self> {
        self.lists_network_tokens = !self.hidden.names_other_tokens && !self.hidden.has_unreadable;
        self
    }

    /// Returns `true` if the answer may hide a network token. The card's relationships name one that the answer does not show,
    /// or may name one and could not be read; or the answer shows none and has an included resource that could not be read.
    pub(crate) fn may_hide_tokens(&self) -> bool {
        let Hidden { names_other_tokens, has_unreadable, .. } = self.hidden;
        names_other_tokens || (has_unreadable && self.network_tokens.is_empty())
    }

    /// Returns `true` if the answer has a list of included resources, even an empty one.
    pub(super) fn has_included(&self) -> bool {
        self.hidden.has_included
    }

    pub(super) fn included_count(&self) -> usize {
        self.network_tokens.len()
            + self.updates.len()
            + self.update_subscriptions.len()
            + self.other_included.len()
    }

    /// The card's number, as the PAN or as an alias.
    #[must_use]
    pub fn number(&self) -> Option<StoredNumber> {
        let pan = self.pan.as_ref().filter(|pan| !pan.expose().trim().is_empty());
        let alias = self.pan_alias.clone().filter(|alias| !alias.trim().is_empty());
        let Some(pan) = pan else { return alias.map(StoredNumber::Alias) };
        let number = pan.expose();
        if !is_pan(number) {
            return Some(StoredNumber::Alias(alias.unwrap_or_else(|| number.into())));
        }
        let is_alias = match alias.as_deref() {
            Some(alias) => alias == number,
            None => self.cvc.as_ref().is_some_and(|cvc| self.is_alias(cvc)),
        };
        Some(if is_alias { StoredNumber::Alias(number.into()) } else { StoredNumber::Pan(pan.clone()) })
    }

    fn is_alias(&self, cvc: &Cvc) -> bool {
        self.cvc_alias.as_deref() == Some(cvc.expose()) || Cvc::new(cvc.expose().trim()).is_err()
    }

    /// The network token to pay with: the usable one that changed last.
    ///
    /// # Errors
    /// [`NoNetworkToken`] says why the card has no usable one.
    pub fn network_token(&self) -> Result<&NetworkToken, NoNetworkToken> {
        match usable(self.network_tokens.iter()) {
            Err(NoNetworkToken::None) if self.is_of_a_wallet() => Err(NoNetworkToken::WalletCard),
            Err(NoNetworkToken::None) if !self.lists_network_tokens => Err(NoNetworkToken::NotListed),
            Err(_) if self.may_hide_tokens() => Err(NoNetworkToken::NotListed),
            found => found,
        }
    }

    fn is_of_a_wallet(&self) -> bool {
        matches!(self.token_type, Some(TokenType::Dpan | TokenType::Mpan))
    }

    /// The subscription to the account updater that changed last.
    #[must_use]
    pub fn update_subscription(&self) -> Option<&CardUpdateSubscription> {
        self.update_subscriptions.iter().max_by_key(|subscription| subscription.updated_at)
    }
}

/// A stored card's number in an answer: the PAN or an alias.
///
/// A service account with the scope `cards:read-pci` gets the PAN. Any other gets an alias, or nothing (source: step 1 of
/// the guide). The service doesn't say which it sent, so its form decides. A value that is not 12 to 19 digits is an alias:
/// `pan_alias` is reported, if there is one. A number of 12 to 19 digits is an alias if it equals `pan_alias`. If no
/// `pan_alias` came, the CVC decides: the number is an alias if the CVC equals `cvc_alias`, or is not three or four digits. An
/// alias without these signs looks like a PAN, and is reported as one.
///
/// ```
/// use cmp::{Card, cards::StoredNumber};
///
/// fn print(card: &Card) {
///     match card.number() {
///         Some(StoredNumber::Pan(pan)) => println!("{pan:?}"), // Pan(***9206)
///         Some(StoredNumber::Alias(alias)) => println!("{alias:?}"),
///         _ => println!("neither came back"),
///     }
/// }
/// # cmp::example!(|cmp, id| {
/// #     let card = cmp.cards().get(&id).await?;
/// #     print(&card);
/// #     assert!(matches!(card.number(), Some(StoredNumber::Pan(_))));
/// # });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoredNumber {
    /// The PAN in clear.
    Pan(Pan),
    /// The alias of the PAN. It can be used where VGS reveals it, such as behind a vault's outbound route.
    Alias(Text),
}

/// The trace id and the account of an answer (`metadata.observability`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Observability {
    /// The id that VGS support asks for. `None` if it may contain a PAN.
    pub trace_id: Option<TraceId>,
    /// The service account.
    pub client_id: Option<Text>,
    /// The vault.
    pub vault_id: Option<Text>,
    /// The account.
    pub account_id: Option<Text>,
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
}

/// Attributes from the Card Attributes service (schema `EnrichedCardAttributes`). Most are for subscribers only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EnrichedAttributes {
    /// Business, consumer, commercial or government.
    pub segment: Option<Text>,
    /// The brand's name of the product, such as Visa Signature.
    pub product_name: Option<Text>,
    /// The issuing country, ISO 3166-1 alpha-2.
    pub country: Option<Text>,
    /// The issuing country's name.
    pub country_name: Option<Text>,
    /// The issuing country, ISO 3166-1 numeric.
    pub country_numeric: Option<i64>,
    /// The issuer's name.
    pub issuer_name: Option<Text>,
    /// The issuer's phone number.
    pub issuer_phone_number: Option<Text>,
    /// The issuer's website.
    pub issuer_website: Option<Text>,
    /// The issuer's BIN.
    pub issuer_bin: Option<Text>,
    /// Further brands of the card.
    pub additional_brands: Vec<Text>,
    /// Whether the BIN's interchange is regulated, in the service's words.
    pub interchange_regulated: Option<Text>,
    /// The length of the PAN, in digits.
    pub pan_length: Option<i64>,
    /// Eligible for level 2 interchange rates.
    pub level_2: Option<bool>,
    /// Eligible for level 3 interchange rates.
    pub level_3: Option<bool>,
    /// The BIN range supports virtual cards.
    pub is_virtual: Option<bool>,
    /// A prepaid card.
    pub is_prepaid: Option<bool>,
    /// A reloadable prepaid card.
    pub is_reloadable: Option<bool>,
    /// Attached to a Health Savings Account.
    pub is_hsa: Option<bool>,
    /// Attached to a Flexible Spending Account.
    pub is_fsa: Option<bool>,
    /// Capable of Electronic Benefits Transfer.
    pub is_ebt: Option<bool>,
    /// Supports level 2 commercial data.
    pub commercial_level_2: Option<bool>,
    /// Supports level 3 commercial data.
    pub commercial_level_3: Option<bool>,
}

impl EnrichedAttributes {
    fn from_wire(wire: types::EnrichedCardAttributes) -> Self {
        let properties = wire.card_properties.unwrap_or_default();
        let capabilities = wire.card_capabilities.unwrap_or_default();
        let bank = wire.bank.unwrap_or_default();
        let brands = wire.additional_card_brands.into_iter().flatten();
        Self {
            segment: Text::of(properties.card_segment_type),
            product_name: Text::of(properties.product_name),
            country: Text::of(properties.country_letter_code),
            country_name: Text::of(properties.country_name),
            country_numeric: properties.country_numeric,
            issuer_name: Text::of(bank.issuer_name),
            issuer_phone_number: Text::of(bank.issuer_phone_number),
            issuer_website: Text::of(bank.issuer_website),
            issuer_bin: properties.issuer_bin.map(Digits::into_inner).map(Text::from),
            additional_brands: brands.filter_map(|brand| Text::of(brand.card_brand)).collect(),
            interchange_regulated: Text::of(wire.interchange.and_then(|interchange| interchange.regulated)),
            pan_length: properties.card_number_length,
            level_2: properties.level_2,
            level_3: properties.level_3,
            is_virtual: properties.virtual_card,
            is_prepaid: properties.prepaid_card,
            is_reloadable: capabilities.reloadable,
            is_hsa: capabilities.hsa,
            is_fsa: capabilities.fsa,
            is_ebt: capabilities.ebt,
            commercial_level_2: capabilities.commercial_level2,
            commercial_level_3: capabilities.commercial_level3,
        }
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

    fn card(attributes: types::CardResourceAttributes) -> Card {
        Card::with(CardId::new("CRD1").unwrap(), attributes, Included::default(), DateTime::UNIX_EPOCH)
    }

    fn cvc(attributes: &str) -> Option<String> {
        let attributes: types::CardResourceAttributes = serde_json::from_str(attributes).unwrap();
        card(attributes).cvc.map(|cvc| cvc.expose().to_owned())
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

    #[test]
    fn a_number_is_a_pan_unless_something_speaks_against_it() {
        let number = |pan: &str, pan_alias: Option<&str>, cvc: Option<(&str, &str)>| {
            let mut card = card(types::CardResourceAttributes::default());
            card.pan = Some(Pan::from_trusted(pan));
            card.pan_alias = pan_alias.map(Text::from);
            card.cvc = cvc.map(|(cvc, _)| Cvc::from_trusted(cvc));
            card.cvc_alias = cvc.map(|(_, alias)| Text::from(alias));
            card.number()
        };
        let is_pan = |number| matches!(number, Some(StoredNumber::Pan(_)));
        assert!(is_pan(number("4111111111111111", None, None)));
        assert!(is_pan(number("4111111111111111", Some("tok_sandbox_a"), Some(("123", "tok_sandbox_b")))));
        assert!(is_pan(number("4111111111111111", Some("tok_sandbox_a"), Some(("***", "tok_sandbox_b")))));
        assert!(!is_pan(number("4111111111111111", Some("4111111111111111"), None)));
        assert!(!is_pan(number("4111111111111111", None, Some(("987", "987")))));
        for (cvc, expected) in [("987", true), (" 9876 ", true), ("tok_sandbox_b", false), ("98765", false)] {
            let number = number("9914040119524512000", None, Some((cvc, "tok_sandbox_c")));
            assert_eq!(is_pan(number), expected, "{cvc}");
        }
        for alias in ["tok_sandbox_p9jU3bC1", "5114103XX3542293", "41111111111", "41111111111111111111"] {
            assert!(!is_pan(number(alias, None, None)), "{alias}");
        }
    }

    #[test]
    fn without_a_pan_the_alias_stands_for_the_card() {
        let mut card = card(types::CardResourceAttributes::default());
        assert_eq!(card.number(), None);
        for (pan, pan_alias, expected) in [
            (None, Some("tok_sandbox_a"), Some("tok_sandbox_a")),
            (Some(""), Some("tok_sandbox_a"), Some("tok_sandbox_a")),
            (Some(" "), Some("tok_sandbox_a"), Some("tok_sandbox_a")),
            (Some("411111******1111"), Some("tok_sandbox_a"), Some("tok_sandbox_a")),
            (Some("411111******1111"), None, Some("411111******1111")),
            (Some("tok_sandbox_b"), Some(""), Some("tok_sandbox_b")),
            (Some(""), None, None),
            (Some(""), Some(" "), None),
            (None, Some(""), None),
        ] {
            card.pan = pan.map(Pan::from_trusted);
            card.pan_alias = pan_alias.map(Text::from);
            let expected = expected.map(|alias| StoredNumber::Alias(alias.into()));
            assert_eq!(card.number(), expected, "{pan:?} {pan_alias:?}");
        }
    }
}
