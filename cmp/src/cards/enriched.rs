use std::fmt;

use cmp_generated::{
    scalar::{self, Digits},
    types,
};

use crate::value::Text;

/// What the Card Attributes service knows about a card (schema `EnrichedCardAttributes`); most of it for subscribers
/// only.
#[derive(Clone, Default)]
pub struct EnrichedAttributes {
    properties: types::EnrichedCardProperties,
    capabilities: types::EnrichedCardCapabilities,
    bank: types::CardBank,
    additional_brands: Vec<Text>,
    regulated: Option<Text>,
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $from:ident.$field:ident;)*) => {
        impl EnrichedAttributes {$(
            $(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> Option<&str> {
                self.$from.$field.as_ref().map(scalar::Text::as_str)
            }
        )*}
    };
}

macro_rules! plain {
    ($($(#[$doc:meta])* $name:ident: $kind:ty = $from:ident.$field:ident;)*) => {
        impl EnrichedAttributes {$(
            $(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> Option<$kind> {
                self.$from.$field
            }
        )*}
    };
}

texts! {
    /// Business, consumer, commercial or government.
    segment: properties.card_segment_type;
    /// The brand's name of the product, such as Visa Signature.
    product_name: properties.product_name;
    /// The issuing country, ISO 3166-1 alpha-2.
    country: properties.country_letter_code;
    /// The issuing country's name.
    country_name: properties.country_name;
    /// The issuer's name.
    issuer_name: bank.issuer_name;
    /// The issuer's phone number.
    issuer_phone_number: bank.issuer_phone_number;
    /// The issuer's website.
    issuer_website: bank.issuer_website;
}

plain! {
    /// The length of the PAN.
    pan_length: i64 = properties.card_number_length;
    /// The issuing country, ISO 3166-1 numeric.
    country_numeric: i64 = properties.country_numeric;
    /// Eligible for level 2 interchange rates.
    level_2: bool = properties.level_2;
    /// Eligible for level 3 interchange rates.
    level_3: bool = properties.level_3;
    /// The BIN range supports virtual cards.
    is_virtual: bool = properties.virtual_card;
    /// A prepaid card.
    is_prepaid: bool = properties.prepaid_card;
    /// A reloadable prepaid card.
    is_reloadable: bool = capabilities.reloadable;
    /// Attached to a Health Savings Account.
    is_hsa: bool = capabilities.hsa;
    /// Attached to a Flexible Spending Account.
    is_fsa: bool = capabilities.fsa;
    /// Capable of Electronic Benefits Transfer.
    is_ebt: bool = capabilities.ebt;
    /// Supports level 2 commercial data.
    commercial_level_2: bool = capabilities.commercial_level2;
    /// Supports level 3 commercial data.
    commercial_level_3: bool = capabilities.commercial_level3;
}

impl EnrichedAttributes {
    /// Further brands of the card.
    #[must_use]
    pub fn additional_brands(&self) -> &[Text] {
        &self.additional_brands
    }

    /// The issuer's BIN.
    #[must_use]
    pub fn issuer_bin(&self) -> Option<&str> {
        self.properties.issuer_bin.as_ref().map(Digits::as_str)
    }

    /// Whether the BIN's interchange is regulated, as the service words it.
    #[must_use]
    pub fn interchange_regulated(&self) -> Option<&str> {
        self.regulated.as_deref()
    }
}

impl EnrichedAttributes {
    pub(super) fn from_wire(wire: types::EnrichedCardAttributes) -> Self {
        let brands = wire.additional_card_brands.into_iter().flatten();
        Self {
            properties: wire.card_properties.unwrap_or_default(),
            capabilities: wire.card_capabilities.unwrap_or_default(),
            bank: wire.bank.unwrap_or_default(),
            additional_brands: brands.filter_map(|brand| Text::of(brand.card_brand)).collect(),
            regulated: Text::of(wire.interchange.and_then(|interchange| interchange.regulated)),
        }
    }
}

/// Little is shown: any text may hold more than it should, whatever its name.
impl fmt::Debug for EnrichedAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrichedAttributes").finish_non_exhaustive()
    }
}
