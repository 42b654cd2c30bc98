//! Response documents, in the reading that the settings choose.

use serde_json::{Map, Value, json};

use crate::api::request::Context;
use crate::card_data::Brand;
use crate::settings::{
    CheckAnswer, EmptyIncluded, FailedToken, First8, IncludeWhen, IncludedPlace, JsonApiVersion,
    PanWithoutScope, Readings, Scope, Settings, StateCase,
};
use crate::state::{Card, CardUpdate, NetworkToken, NetworkTokenState, Subscription};

/// The types of included resources that a request asks for.
#[derive(Clone, Copy)]
pub(crate) struct Include {
    pub(crate) network_tokens: bool,
    pub(crate) card_updates: bool,
    pub(crate) subscriptions: bool,
}

impl Include {
    const ALL: Self = Self { network_tokens: true, card_updates: true, subscriptions: true };

    /// Returns what comes unasked; `None` for a document without `included`.
    pub(crate) fn unasked(readings: &Readings) -> Option<Self> {
        match readings.include {
            // VGS's own code expects this.
            IncludeWhen::Always | IncludeWhen::Unsupported => Some(Self::ALL),
            IncludeWhen::OnRequest => None,
        }
    }
}

pub(crate) struct Documents<'a> {
    settings: &'a Settings,
    readings: &'a Readings,
    context: &'a Context<'a>,
}

impl<'a> Documents<'a> {
    pub(crate) fn new(settings: &'a Settings, context: &'a Context<'a>) -> Self {
        Self { settings, readings: &settings.readings, context }
    }

    /// `CardResourceResponse`
    pub(crate) fn card(&self, card: &Card, include: Option<Include>) -> Value {
        let included = include.map(|include| self.included(card, include)).unwrap_or_default();
        let mut data = json!({
            "id": card.id,
            "type": "cards",
            "attributes": self.card_attributes(card),
        });
        if let Some(meta) = &card.meta {
            data["meta"] = meta.clone();
        }
        if !included.is_empty() {
            data["relationships"] = relationships(&included);
        }
        let included = match self.readings.empty_included {
            _ if include.is_none() => None,
            _ if !included.is_empty() => Some(included.into()),
            EmptyIncluded::Empty => Some(json!([])),
            EmptyIncluded::Absent => None,
            EmptyIncluded::Null => Some(Value::Null),
        };
        let mut document = json!({
            "metadata": self.metadata(),
            "jsonapi": { "version": self.json_api_version() },
        });
        if let Some(included) = included {
            match self.readings.included {
                IncludedPlace::Top => document["included"] = included,
                IncludedPlace::InData => data["included"] = included,
            }
        }
        if self.readings.future_values {
            document["a_later_member"] = json!({ "version": 9 });
        }
        document["data"] = data;
        document
    }

    /// `NetworkTokenResourceResponse`
    pub(crate) fn network_token(&self, token: &NetworkToken) -> Value {
        self.one(&self.token_resource(token))
    }

    /// A document of one resource.
    pub(crate) fn one(&self, resource: &Value) -> Value {
        json!({ "data": resource, "metadata": self.metadata() })
    }

    /// `CardUpdateResponse`
    pub(crate) fn check(&self, update: &Value) -> Value {
        match self.readings.check {
            CheckAnswer::One => self.one(update),
            CheckAnswer::List => self.one(&json!([update])),
        }
    }

    /// `NetworkTokenAndCryptogramResource`
    pub(crate) fn cryptogram(&self, token: &NetworkToken, kind: &str, value: &str, eci: &str) -> Value {
        let mut data = self.token_resource(token);
        data["attributes"]["cryptogram"] = json!({ "type": kind, "value": value, "eci": eci });
        json!({ "data": data, "metadata": self.metadata() })
    }

    fn may_see_card_data(&self) -> bool {
        self.context.grant.as_ref().is_some_and(|grant| grant.has(Scope::CardsReadPci))
    }

    fn json_api_version(&self) -> Value {
        match self.readings.jsonapi_version {
            JsonApiVersion::Number => json!(1.1),
            JsonApiVersion::Text => json!("1.1"),
        }
    }

    fn metadata(&self) -> Value {
        let client_id = self.context.grant.as_ref().map(|grant| grant.client_id.as_str());
        json!({
            "observability": {
                "trace_id": self.context.trace_id,
                "client_id": client_id,
                "vault_id": "tntsimulator",
                "account_id": "00000000-0000-4000-8000-000000000001",
                "fingerprint": self.context.fingerprint,
            }
        })
    }

    fn card_attributes(&self, card: &Card) -> Value {
        let mut attributes = card.kept.clone();
        let mut set = |name: &str, value: Value| attributes.insert(name.to_owned(), value);
        if self.may_see_card_data() {
            set("pan", card.pan.as_str().into());
        } else if self.readings.pan_without_scope == PanWithoutScope::Alias {
            set("pan", card.pan_alias.as_str().into());
        }
        set("pan_alias", card.pan_alias.as_str().into());
        if let Some(cvc) = &card.cvc {
            if self.may_see_card_data() {
                set("cvc", cvc.as_str().into());
            }
            set("cvc_alias", card.cvc_alias.as_str().into());
            set("cvc_status", "active".into());
        }
        set("exp_month", card.expiry.month.into());
        set("exp_year", card.expiry.year.into());
        set("bin", card.leading(6).into());
        if self.has_first8(card.brand()) {
            set("first8", card.leading(8).into());
        }
        set("last4", card.last4().into());
        set("card_fingerprint", card.fingerprint.as_str().into());
        set("capabilities", self.capabilities(card));
        set("created_at", self.readings.time(card.created_at));
        set("updated_at", self.readings.time(card.updated_at));
        if let Some(brand) = card.brand() {
            set("card_brand", brand.name().into());
            set("card_type", "credit".into());
        }
        if self.settings.enriched_attributes {
            set("enriched_attributes", enriched_attributes(card));
        }
        attributes.into()
    }

    fn has_first8(&self, brand: Option<Brand>) -> bool {
        self.readings.first8 == First8::All || matches!(brand, Some(Brand::Visa | Brand::Mastercard))
    }

    fn capabilities(&self, card: &Card) -> Value {
        let mut capabilities = Vec::new();
        if card.is_subscribed() {
            capabilities.push("card-updates");
        }
        if card.usable_token().is_some() {
            capabilities.push("network-tokens");
        }
        if self.readings.future_values {
            capabilities.push("a-later-capability");
        }
        capabilities.into()
    }

    fn included(&self, card: &Card, include: Include) -> Vec<Value> {
        let mut included = Vec::new();
        if include.network_tokens {
            included.extend(card.tokens.iter().map(|token| self.token_resource(token)));
        }
        if include.subscriptions {
            let subscription = card.subscription.as_ref();
            included.extend(subscription.map(|subscription| self.subscription_resource(card, subscription)));
        }
        if include.card_updates {
            included.extend(card.updates.iter().map(|update| self.update_resource(card, update)));
        }
        if self.readings.future_values {
            let later = json!({ "id": "LTR1", "type": "later_resources", "attributes": { "state": "new" } });
            included.push(later);
        }
        included
    }

    pub(crate) fn subscription_resource(&self, card: &Card, subscription: &Subscription) -> Value {
        json!({
            "id": subscription.id,
            "type": "card_update_subscriptions",
            "attributes": {
                "bin": card.leading(6),
                "state": if subscription.enrolled { "enrolled" } else { "failed" },
                "created_at": self.readings.time(subscription.created_at),
                "updated_at": self.readings.time(subscription.updated_at),
            },
        })
    }

    pub(crate) fn update_resource(&self, card: &Card, update: &CardUpdate) -> Value {
        let show = |field: &str, value: &str| {
            if field == "pan" && !self.may_see_card_data() {
                card.pan_alias.clone()
            } else {
                value.to_owned()
            }
        };
        let changed_fields: Vec<_> = update.changes.iter().map(|change| &*change.field).collect();
        let updated_values: Vec<_> = update
            .changes
            .iter()
            .map(|change| {
                json!({
                    "field_name": &*change.field,
                    "old_value": show(&change.field, &change.old),
                    "new_value": show(&change.field, &change.new),
                })
            })
            .collect();
        let event = update.event.name();
        json!({
            "id": update.id,
            "type": "card_updates",
            "attributes": {
                "event": if self.readings.future_values { "a-later-event" } else { event },
                "occurred_at": self.readings.time(update.occurred_at),
                "received_at": self.readings.time(update.occurred_at),
                "reason_code": format!("cmp_au_card.{}", event.replace('-', "_")),
                "reason_text": "Reported by the card network.",
                "changed_fields": changed_fields,
                "updated_values": updated_values,
            },
        })
    }

    fn token_resource(&self, token: &NetworkToken) -> Value {
        let state = match self.readings.states {
            StateCase::Lower => token.state.name().to_owned(),
            StateCase::Upper => token.state.name().to_uppercase(),
        };
        let mut attributes = json!({
            "created_at": self.readings.time(token.created_at),
            "updated_at": self.readings.time(token.updated_at),
            "state": state,
            "reason_code": token.state.reason_code(),
            "reason_text": token.state.reason_text(),
        });
        if token.state != NetworkTokenState::Failed || self.readings.failed_token == FailedToken::Complete {
            attributes["payment_account_reference"] = token.payment_account_reference.as_str().into();
            attributes["network_token"] = self.readings.number(&token.number);
            attributes["last4"] = self.readings.number(token.last4());
            attributes["bin"] = self.readings.number(token.bin());
            attributes["exp_month"] = token.expiry.month.into();
            attributes["exp_year"] = token.expiry.year.into();
        }
        if self.readings.future_values {
            attributes["a_later_attribute"] = true.into();
        }
        json!({ "id": token.id, "type": "network_tokens", "attributes": attributes })
    }
}

/// Returns the JSON:API links from the card to its included resources, by type.
fn relationships(included: &[Value]) -> Value {
    let mut relationships = Map::new();
    for resource in included {
        let kind = resource["type"].as_str().unwrap_or_default();
        let relationship = relationships.entry(kind).or_insert_with(|| json!({ "data": [] }));
        if let Some(data) = relationship["data"].as_array_mut() {
            data.push(json!({ "id": resource["id"], "type": kind }));
        }
    }
    relationships.into()
}

/// Returns the attributes of one invented issuer, in the documents' structure.
fn enriched_attributes(card: &Card) -> Value {
    json!({
        "card_properties": {
            "card_number_length": card.pan.chars().count(),
            "card_segment_type": "Consumer",
            "level_2": false,
            "level_3": false,
            "virtual_card": false,
            "prepaid_card": false,
            "product_name": "Simulated Classic",
            "issuer_bin": card.leading(6),
            "country_letter_code": "US",
            "country_name": "United States",
            "country_numeric": 840,
        },
        "card_capabilities": {
            "reloadable": false,
            "hsa": false,
            "fsa": false,
            "ebt": false,
            "commercial_level2": false,
            "commercial_level3": false,
        },
        "bank": {
            "issuer_name": "Simulated Bank",
            "issuer_phone_number": "+10000000000",
            "issuer_website": "https://bank.example",
        },
        "additional_card_brands": [],
        "interchange": { "regulated": "no" },
    })
}
