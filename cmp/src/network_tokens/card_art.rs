use std::fmt;

use cmp_generated::{scalar, types};

use crate::value::{Text, open::open_enum};

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
#[derive(Clone)]
pub struct CardArt {
    wire: types::CardArt,
    assets: Vec<CardArtAsset>,
}

/// A picture of a card.
#[derive(Debug, Clone)]
pub struct CardArtAsset {
    kind: Option<CardArtKind>,
    mime_type: Option<Text>,
    size: Option<(u32, u32)>,
    download_url: Option<Text>,
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        impl CardArt {$(
            $(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> Option<&str> {
                self.wire.$name.as_ref().map(scalar::Text::as_str)
            }
        )*}
    };
}

texts! {
    /// The background's colour.
    background_color;
    /// The foreground's colour.
    foreground_color;
    /// The label's colour.
    label_color;
    /// The issuer's name.
    issuer_name;
    /// The website to contact.
    contact_website;
    /// The phone number to contact.
    contact_number;
    /// Whom to contact.
    contact_name;
    /// A short description of the card.
    short_description;
    /// A long description of the card.
    long_description;
}

impl CardArt {
    /// The pictures.
    #[must_use]
    pub fn assets(&self) -> &[CardArtAsset] {
        &self.assets
    }
}

impl CardArtAsset {
    /// What it shows.
    #[must_use]
    pub fn kind(&self) -> Option<&CardArtKind> {
        self.kind.as_ref()
    }

    /// Its MIME type.
    #[must_use]
    pub fn mime_type(&self) -> Option<&str> {
        self.mime_type.as_deref()
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size(&self) -> Option<(u32, u32)> {
        self.size
    }

    /// Where to get it.
    #[must_use]
    pub fn download_url(&self) -> Option<&str> {
        self.download_url.as_deref()
    }
}

impl CardArt {
    pub(super) fn from_wire(mut wire: types::CardArt) -> Self {
        let assets = wire.assets.take().into_iter().flatten().map(CardArtAsset::from_wire).collect();
        Self { wire, assets }
    }
}

/// Little is shown: any text may hold more than it should, whatever its name.
impl fmt::Debug for CardArt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardArt").field("assets", &self.assets).finish_non_exhaustive()
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
