//! Canned responses in the member order of the published examples, and what a program written by hand reads them into.
//!
//! The types have every documented member, so that the sides read the same. Resources beside a card have the members of
//! all kinds in one type: serde reads that faster than an enum tagged by `type`.

use std::fmt::{self, Write};

use anyhow::{Result, ensure};
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub const PAN: &str = "4111111111111111";

/// The body of the response to a cryptogram request.
pub const CRYPTOGRAM: &str = concat!(
    r#"{"data":{"id":"NTK6j75fBx46Lzd3G3aVkfGQF","type":"network_tokens","attributes":{"bin":"411321","#,
    r#""created_at":"2025-01-17T12:53:17.94829","cryptogram":{"eci":"07","type":"TAVV","#,
    r#""value":"JWrMYLqNQjmEHQDAZbSx+A=="},"exp_month":9,"exp_year":39,"last4":"2304","#,
    r#""network_token":"4113216317012304","payment_account_reference":"V4243058293132582787411225618","#,
    r#""state":"active","updated_at":"2025-01-17T12:53:17.948293"}},"#,
    r#""metadata":{"observability":{"client_id":"ACoKRUTV7-config-ci-5I76w","#,
    r#""fingerprint":"4GqVMr6PvdWHn5qfb66TquParUHsTiFsjJCFaDpVed8KbAmz4bSftQeNQBb","#,
    r#""account_id":"37199757-3a4f-418f-bcf4-4119d1dbd39e","#,
    r#""trace_id":"f2046b6548e7dbe5793adee1f4a13c63","vault_id":"tntipby064g"}}}"#
);

/// The body of the response to a subscription.
pub const SUBSCRIPTION: &str = concat!(
    r#"{"data":{"id":"CUS6j75fBx46Lzd3G3aVkfGQF","type":"card_update_subscriptions","attributes":{"#,
    r#""bin":"411111","created_at":"2025-01-17T12:53:17.94829","state":"enrolled","#,
    r#""updated_at":"2025-01-17T12:53:17.948293"}},"#,
    r#""metadata":{"observability":{"client_id":"ACoKRUTV7-config-ci-5I76w","#,
    r#""trace_id":"f2046b6548e7dbe5793adee1f4a13c63","vault_id":"tntipby064g"}}}"#
);

/// The body of the response to a check.
pub const UPDATE: &str = concat!(
    r#"{"data":{"id":"CUP6j75fBx46Lzd3G3aVkfGQF","type":"card_updates","attributes":{"event":"updated","#,
    r#""occurred_at":"2025-01-17T12:53:17.94829","received_at":"2025-01-17T12:53:17.948293","#,
    r#""reason_code":"cmp_au_card.updated","reason_text":"Reported by the card network.","#,
    r#""changed_fields":["exp_month","exp_year"],"updated_values":["#,
    r#"{"field_name":"exp_month","old_value":"12","new_value":"11"},"#,
    r#"{"field_name":"exp_year","old_value":"30","new_value":"33"}]}},"#,
    r#""metadata":{"observability":{"client_id":"ACoKRUTV7-config-ci-5I76w","#,
    r#""trace_id":"f2046b6548e7dbe5793adee1f4a13c63","vault_id":"tntipby064g"}}}"#
);

/// The key that webhooks are signed with.
pub const WEBHOOK_SECRET: &str = "whsec-4eC39HqLyjWDarjtT1zdp7dc";

/// The body of a webhook.
pub const EVENT: &str = concat!(
    r#"{"id":"evt-01J9Z6K3","event":"cmp_network_token.updated","description":"network token updated","#,
    r#""summary":"The network token is suspended.","timestamp":"2025-01-15T10:00:00.000Z","scope":"VAULT","#,
    r#""grouping":"EVERY_SINGLE","occurrence":1,"fingerprint":"cafe42","integration_id":"int-1","#,
    r#""org_id":"org-1","tenant":"tntipby064g","producer":{"application_name":"cmp","#,
    r#""application_protocol":"https"},"details":{"card_id":"CRDecqZp3xRgXU3TFmtcDdzQs","#,
    r#""card_bin":"411111","card_last4":"1111","card_exp_month":"5","card_exp_year":"2038","#,
    r#""network_token_id":"NTabcdefghijklH2Dy1BVE9iR","network_token":"4124980000004244","#,
    r#""network_token_last4":"4244","exp_month":"11","exp_year":"2037","#,
    r#""payment_account_reference":"V0010014610000000085141000282","state":"SUSPENDED","#,
    r#""reason_code":"cmp_network_token.suspended","reason_text":"suspended by the issuer","#,
    r#""tenant_id":"tntipby064g","created_at":"2025-07-24T04:13:51.428077","#,
    r#""updated_at":"2025-07-24T04:13:51.428092"}}"#
);

/// The id of a card that has so many included network tokens.
pub fn card_id(included: usize) -> String {
    format!("CRDecqZp3xRgXU3TFmtc{included:05}")
}

/// The number of included network tokens of a card with this id.
pub fn included_of(id: &str) -> Option<usize> {
    id.strip_prefix("CRDecqZp3xRgXU3TFmtc")?.parse().ok()
}

/// A card with `included` network tokens.
pub fn card(included: usize) -> String {
    let mut text = format!(
        concat!(
            r#"{{"data":{{"id":"{}","type":"cards","attributes":{{"pan":"{}","cvc_status":"active","#,
            r#""bin":"411111","first8":"41111111","last4":"1111","exp_month":5,"exp_year":38,"#,
            r#""card_fingerprint":"6TeSCB16LtyifEAmY2goxYfSk5sALriXpefzzxh29xhu","#,
            r#""capabilities":["network-tokens"],"created_at":"2025-08-01T00:00:00Z","#,
            r#""updated_at":"2025-08-01T00:00:00Z"}},"meta":{{"token_type":"pan"}}}},"included":["#
        ),
        card_id(included),
        PAN
    );
    for number in 0..included {
        let comma = if number == 0 { "" } else { "," };
        // Writing to a `String` does not fail.
        let _ = write!(
            text,
            concat!(
                r#"{}{{"type":"network_tokens","id":"NTabcdefghijklH2Dy1B{:05}","attributes":{{"#,
                r#""payment_account_reference":"V0010014610000000085141000282","#,
                r#""network_token":"4124980000004244","last4":"4244","bin":"412498","exp_month":11,"#,
                r#""exp_year":37,"created_at":"2025-07-24T04:13:51.428077","#,
                r#""updated_at":"2025-07-24T04:13:51.428092","state":"active"}}}}"#
            ),
            comma, number
        );
    }
    text.push_str(concat!(
        r#"],"metadata":{"observability":{"client_id":"ACoKRUTV7-config-ci-5I76w","#,
        r#""fingerprint":"4GqVMr6PvdWHn5qfb66TquParUHsTiFsjJCFaDpVed8KbAmz4bSftQeNQBb","#,
        r#""account_id":"37199757-3a4f-418f-bcf4-4119d1dbd39e","#,
        r#""trace_id":"f2046b6548e7dbe5793adee1f4a13c63","vault_id":"tntipby064g"}}}"#
    ));
    text
}

/// Reads a response by hand, and checks that it is the one that was asked for.
pub fn read<T: DeserializeOwned>(body: &[u8], included: usize) -> Result<Document<T>> {
    let document: Document<T> = serde_json::from_slice(body)?;
    let found = document.included.as_ref().map_or(0, Vec::len);
    ensure!(!document.data.id.is_empty() && found == included, "another response");
    Ok(document)
}

macro_rules! members {
    ($(#[$attribute:meta])* $name:ident $(<$generic:ident>)? { $($(#[$meta:meta])* $member:ident: $type:ty,)* }) => {
        $(#[$attribute])*
        #[derive(Deserialize)]
        #[allow(dead_code, reason = "read to be compared, not to be used")]
        pub struct $name $(<$generic>)? { $($(#[$meta])* pub $member: $type,)* }
    };
}

type Text = Option<String>;
type Time = Option<DateTime<Utc>>;
type FreeForm = Option<Map<String, Value>>;

members! { Document<T> {
    data: Resource<T>,
    included: Option<Vec<Included>>,
    metadata: Option<Metadata>,
    jsonapi: Option<JsonApi>,
} }

members! { Resource<T> {
    id: String,
    #[serde(rename = "type")]
    kind: Text,
    attributes: T,
    meta: FreeForm,
    relationships: FreeForm,
    links: FreeForm,
} }

members! { CardAttributes {
    pan: Text,
    pan_alias: Text,
    cvc: Text,
    cvc_alias: Text,
    cvc_status: Text,
    bin: Text,
    first8: Text,
    last4: Text,
    exp_month: Option<u8>,
    exp_year: Option<u16>,
    card_fingerprint: Text,
    card_brand: Text,
    card_type: Text,
    cardholder: Option<Cardholder>,
    token_type: Text,
    wallet_type: Text,
    capabilities: Option<Vec<String>>,
    enriched_attributes: Option<Enriched>,
    #[serde(default, deserialize_with = "time")]
    created_at: Time,
    #[serde(default, deserialize_with = "time")]
    updated_at: Time,
} }

members! { Cardholder {
    name: Text,
    company: Text,
    phone: Text,
    email: Text,
    address: Option<Address>,
} }

members! { Address {
    address1: Text,
    address2: Text,
    address3: Text,
    address4: Text,
    city: Text,
    region: Text,
    postal_code: Text,
    country: Text,
} }

members! { Enriched {
    card_properties: FreeForm,
    card_capabilities: FreeForm,
    bank: FreeForm,
    additional_card_brands: Option<Vec<Value>>,
    interchange: FreeForm,
} }

members! { Included {
    #[serde(rename = "type")]
    kind: String,
    id: Text,
    attributes: IncludedAttributes,
    meta: Option<IncludedMeta>,
    relationships: FreeForm,
    links: FreeForm,
} }

members! { IncludedAttributes {
    payment_account_reference: Text,
    network_token: Text,
    last4: Text,
    bin: Text,
    exp_month: Option<u8>,
    exp_year: Option<u16>,
    #[serde(default, deserialize_with = "time")]
    created_at: Time,
    #[serde(default, deserialize_with = "time")]
    updated_at: Time,
    state: Text,
    reason_code: Text,
    reason_text: Text,
    cryptogram: Option<Cryptogram>,
    #[serde(default, deserialize_with = "time")]
    occurred_at: Time,
    #[serde(default, deserialize_with = "time")]
    received_at: Time,
    changed_fields: Option<Vec<String>>,
    updated_values: Option<Vec<UpdatedField>>,
    event: Text,
} }

members! { Cryptogram {
    value: String,
    eci: Text,
    #[serde(rename = "type")]
    kind: Text,
} }

members! { UpdatedField {
    field_name: Text,
    old_value: Text,
    new_value: Text,
} }

members! { IncludedMeta {
    card_art: Option<CardArt>,
} }

members! { CardArt {
    background_color: Text,
    foreground_color: Text,
    label_color: Text,
    issuer_name: Text,
    contact_website: Text,
    contact_number: Text,
    contact_name: Text,
    short_description: Text,
    long_description: Text,
    assets: Option<Vec<Map<String, Value>>>,
} }

members! { Metadata {
    observability: Option<Observability>,
} }

members! { Observability {
    trace_id: Text,
    client_id: Text,
    vault_id: Text,
    account_id: Text,
    fingerprint: Text,
} }

members! { JsonApi {
    version: Text,
    ext: Option<Vec<String>>,
    profile: Option<Vec<String>>,
    meta: FreeForm,
} }

members! {
    /// A notification about a network token.
    Event {
        id: String,
        event: String,
        description: Text,
        summary: Text,
        #[serde(default, deserialize_with = "time")]
        timestamp: Time,
        scope: Text,
        grouping: Text,
        occurrence: Option<u64>,
        fingerprint: Text,
        integration_id: Text,
        org_id: Text,
        tenant: Text,
        producer: Option<Producer>,
        details: Details,
    }
}

members! { Producer {
    application_name: Text,
    application_protocol: Text,
} }

members! { Details {
    card_id: Text,
    card_bin: Text,
    card_last4: Text,
    card_exp_month: Text,
    card_exp_year: Text,
    network_token_id: Text,
    network_token: Text,
    network_token_last4: Text,
    exp_month: Text,
    exp_year: Text,
    pan_alias: Text,
    payment_account_reference: Text,
    state: Text,
    reason_code: Text,
    reason_text: Text,
    tenant_id: Text,
    #[serde(default, deserialize_with = "time")]
    created_at: Time,
    #[serde(default, deserialize_with = "time")]
    updated_at: Time,
} }

/// Reads a time with a zone, or without one as UTC.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
    struct Moment;
    impl Visitor<'_> for Moment {
        type Value = Time;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a time")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Time, E> {
            let moment = if text.ends_with('Z') {
                DateTime::parse_from_rfc3339(text).map(|moment| moment.to_utc())
            } else {
                text.parse().map(|moment: NaiveDateTime| moment.and_utc())
            };
            moment.map(Some).map_err(E::custom)
        }

        fn visit_unit<E>(self) -> Result<Time, E> {
            Ok(None)
        }
    }
    deserializer.deserialize_any(Moment)
}

/// A request's document.
#[derive(Serialize)]
pub struct Request<T> {
    pub data: RequestData<T>,
}

#[derive(Serialize)]
pub struct RequestData<T> {
    pub attributes: T,
}

impl<T> Request<T> {
    pub fn new(attributes: T) -> Self {
        Self { data: RequestData { attributes } }
    }
}

#[derive(Serialize)]
pub struct NewCard<'a> {
    pub pan: &'a str,
    pub exp_month: u8,
    pub exp_year: u16,
}

#[derive(Serialize)]
pub struct CryptogramRequest<'a> {
    pub amount: f64,
    pub currency_code: &'a str,
    pub transaction_type: &'a str,
    pub cryptogram_type: &'a str,
}
