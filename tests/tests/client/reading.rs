//! What a request is made of is read with serde, and no error shows the value.

use std::fmt::Debug;

use cmp::{
    Address, Amount, CardChanges, CardId, Cardholder, Currency, Cvc, Expiry, Metadata, NetworkTokenId,
    NewCard, Pan,
    cards::{TokenType, WalletType},
    network_tokens::{NetworkTokenState, TransactionType},
    payments::NetworkTransactionId,
    v1::{NewEnrollment, PanAlias},
    webhooks::WebhookSecret,
};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, value},
};
use serde_json::{Value, json};

const PAN: &str = "4111111111111111";
/// What no message may show: any part of a value.
const TRACES: [&str; 4] = ["1111", "-42", "0.5", "hunter"];

fn is_silent<T: Debug>(format: &str, what: &Value, read: Result<T, impl ToString>) {
    let Err(error) = read else { panic!("{format}: {what} was taken for a {}", std::any::type_name::<T>()) };
    let error = error.to_string();
    assert!(!TRACES.iter().any(|trace| error.contains(trace)), "{format}, {what}: {error}");
    assert!(!error.is_empty());
}

/// All kinds of JSON, each with what must not be shown in it.
fn kinds() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(4_111_111_111_111_111_u64),
        json!(-42_111_111),
        json!(0.511_11),
        json!(format!("{PAN}{PAN}hunter")),
        json!(""),
        json!([PAN]),
        json!([[PAN, {"pan": PAN}]]),
        json!({PAN: PAN}),
        json!({"Pan": PAN}),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Untagged<T> {
    Only(T),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", content = "content")]
enum Tagged<T> {
    Only(T),
}

/// No value of these kinds is a `T`, but those that `takes` says.
fn refuses<T: DeserializeOwned + Debug>(takes: impl Fn(&Value) -> bool) {
    for bad in kinds().into_iter().filter(|kind| !takes(kind)) {
        let text = bad.to_string();
        is_silent("text", &bad, serde_json::from_str::<T>(&text));
        is_silent("octets", &bad, serde_json::from_slice::<T>(text.as_bytes()));
        is_silent("value", &bad, serde_json::from_value::<T>(bad.clone()));
        // Any scalar of YAML can be read as text.
        if let Err(error) = yaml_serde::from_str::<T>(&text) {
            is_silent("yaml", &bad, Err::<T, _>(error));
        }
        is_silent("untagged", &bad, serde_json::from_str::<Untagged<T>>(&text));
        let tagged = json!({"kind": "Only", "content": bad}).to_string();
        is_silent("tagged", &bad, serde_json::from_str::<Tagged<T>>(&tagged));
    }
    let what = json!(null);
    type E = value::Error;
    is_silent("u64", &what, T::deserialize(value::U64Deserializer::<E>::new(4_111_111_111_111_111)));
    is_silent("u128", &what, T::deserialize(value::U128Deserializer::<E>::new(4_111_111_111_111_111)));
    is_silent("i128", &what, T::deserialize(value::I128Deserializer::<E>::new(-42_111_111)));
    is_silent("i8", &what, T::deserialize(value::I8Deserializer::<E>::new(-42)));
    is_silent("f32", &what, T::deserialize(value::F32Deserializer::<E>::new(0.5)));
    is_silent("octets", &what, T::deserialize(value::BytesDeserializer::<E>::new(PAN.as_bytes())));
}

#[test]
fn no_type_shows_what_it_refuses() {
    let nothing = |_: &Value| false;
    let objects = |kind: &Value| kind.is_object();
    refuses::<Pan>(nothing);
    refuses::<Cvc>(nothing);
    refuses::<Currency>(nothing);
    refuses::<Amount>(nothing);
    refuses::<Expiry>(nothing);
    refuses::<CardId>(nothing);
    refuses::<NetworkTokenId>(nothing);
    refuses::<NetworkTransactionId>(|kind| kind.as_str().is_some_and(|text| !text.is_empty()));
    refuses::<PanAlias>(|kind| kind.as_str().is_some_and(|text| !text.is_empty()));
    refuses::<NetworkTokenState>(Value::is_string);
    refuses::<TransactionType>(nothing);
    refuses::<TokenType>(nothing);
    refuses::<WalletType>(nothing);
    refuses::<NewCard>(nothing);
    refuses::<NewEnrollment>(nothing);
    refuses::<CardChanges>(objects);
    refuses::<Cardholder>(objects);
    refuses::<Address>(objects);
    refuses::<Metadata>(objects);
    refuses::<WebhookSecret>(|kind| kind.as_str().is_some_and(|text| !text.is_empty()));
}

#[test]
fn no_member_shows_what_it_refuses() {
    let card = json!({
        "pan": PAN, "expiry": "12/30", "cvc": "123", "cvc_status": "active", "token_type": "pan",
        "wallet_type": "apple_pay", "cardholder": {"name": "Jane"}, "meta": {"customer": "C-77"},
    });
    assert!(serde_json::from_value::<NewCard>(card.clone()).is_ok());
    for name in card.as_object().unwrap().keys() {
        for kind in [json!(4_111_111_111_111_111_u64), json!([PAN]), json!(true), json!(-42), json!(0.5)] {
            let mut card = card.clone();
            card[name] = kind.clone();
            is_silent(name, &kind, serde_json::from_str::<NewCard>(&card.to_string()));
            is_silent(name, &kind, serde_json::from_value::<NewCard>(card.clone()));
            is_silent(name, &kind, serde_json::from_str::<Untagged<NewCard>>(&card.to_string()));
        }
    }
    let parts =
        ["name", "company", "phone", "email", "line1", "line4", "city", "region", "postal_code", "country"];
    for name in parts {
        let part = json!({name: 1111, "address": {name: 1111}});
        is_silent(name, &part, serde_json::from_value::<Cardholder>(part.clone()));
        is_silent(name, &part, serde_json::from_str::<Cardholder>(&part.to_string()));
    }
}

#[test]
fn a_request_is_read_from_json() {
    let card: NewCard = serde_json::from_value(json!({
        "pan": "4111 1111 1111 1111", "expiry": "12/30", "cvc": null, "wallet_type": "apple_pay",
        "cardholder": {"name": "Jane", "address": {"line1": "1 Street", "country": "US"}},
        "meta": {"customer": {"id": 1}}, "unknown": 1,
    }))
    .unwrap();
    let holder = Cardholder::new().name("Jane");
    let expected = NewCard::new(Pan::new(PAN).unwrap(), Expiry::new(12, 2030).unwrap())
        .cardholder(holder.address(Address::new().line1("1 Street").country("US")))
        .wallet_type(WalletType::ApplePay)
        .meta("customer", json!({"id": 1}));
    assert_eq!(card, expected);
    let changes: CardChanges = serde_json::from_value(json!({"cvc": "123", "expiry": "01/2031"})).unwrap();
    let expected = CardChanges::new().cvc(Cvc::new("123").unwrap()).expiry(Expiry::new(1, 2031).unwrap());
    assert_eq!(changes, expected);
    let enrollment = json!({"alias": "5573495XKjDP28V7312", "expiry": "07/30"});
    let expected =
        NewEnrollment::new(PanAlias::new("5573495XKjDP28V7312").unwrap(), Expiry::new(7, 2030).unwrap());
    assert_eq!(serde_json::from_value::<NewEnrollment>(enrollment).unwrap(), expected);
    let error = serde_json::from_value::<NewCard>(json!({"pan": "4111", "expiry": "12/30"})).unwrap_err();
    assert!(error.to_string().starts_with("invalid pan: must be 14 to 19 digits"), "{error}");
}

#[test]
fn an_amount_is_read_from_text_and_from_its_parts() {
    let amount = Amount::usd("19.99").unwrap();
    assert_eq!(serde_json::to_value(amount).unwrap(), json!("19.99 USD"));
    for good in [json!("19.99 USD"), json!({"value": "19.99", "currency": "USD"})] {
        assert_eq!(serde_json::from_value::<Amount>(good).unwrap(), amount);
    }
    for bad in ["19.99", "19.99 usd", "19.999 USD", "19.99  USD", "USD 19.99", "-1 USD", "1 JPYX", "1.5 JPY"]
    {
        assert!(bad.parse::<Amount>().is_err(), "{bad}");
    }
    for bad in
        [json!({"value": 19.99, "currency": "USD"}), json!({"value": "19.99"}), json!({"currency": "USD"})]
    {
        assert!(serde_json::from_value::<Amount>(bad).is_err());
    }
}

#[test]
fn a_form_is_read_too() {
    #[derive(Debug, Deserialize)]
    struct Payment {
        pan: Pan,
        cvc: Option<Cvc>,
        amount: Amount,
        kind: TransactionType,
        #[serde(flatten)]
        changes: CardChanges,
    }
    let form = "pan=4111-1111-1111-1111&amount=19.99+USD&kind=AFT&expiry=12%2F30";
    let payment: Payment = serde_urlencoded::from_str(form).unwrap();
    assert_eq!((payment.pan.expose(), payment.cvc), (PAN, None));
    assert_eq!((payment.amount, payment.kind), (Amount::usd("19.99").unwrap(), TransactionType::Aft));
    assert_eq!(payment.changes, CardChanges::new().expiry(Expiry::new(12, 2030).unwrap()));
    for bad in [
        "pan=41111111111111112222&amount=1+USD&kind=AFT",
        "pan=4111111111111111&cvc=41111&amount=1+USD&kind=AFT",
        "pan=4111111111111111&amount=1111.111+USD&kind=AFT",
        "pan=4111111111111111&amount=1+USD&kind=4111111111111111",
        "pan=4111111111111111&amount=1+USD&kind=AFT&expiry=1111",
    ] {
        is_silent("form", &json!(bad), serde_urlencoded::from_str::<Payment>(bad));
    }
    is_silent(
        "form",
        &json!("card"),
        serde_urlencoded::from_str::<NewCard>("pan=4111111111111111&expiry=41111111"),
    );
}

/// Which of the two a type is can't be inferred if it has `Serialize`, so this test does not compile then.
trait HasNoSerialize<Marker> {
    fn has_none() {}
}

impl<T> HasNoSerialize<()> for T {}
impl<T: Serialize> HasNoSerialize<u8> for T {}

#[test]
fn no_secret_can_be_serialized() {
    <Pan as HasNoSerialize<_>>::has_none();
    <Cvc as HasNoSerialize<_>>::has_none();
    <cmp::network_tokens::NetworkTokenNumber as HasNoSerialize<_>>::has_none();
    <cmp::cards::UpdatedValue as HasNoSerialize<_>>::has_none();
    <cmp::network_tokens::CryptogramValue as HasNoSerialize<_>>::has_none();
    <WebhookSecret as HasNoSerialize<_>>::has_none();
    <cmp::webhooks::DetailValue as HasNoSerialize<_>>::has_none();
    <NewCard as HasNoSerialize<_>>::has_none();
    <CardChanges as HasNoSerialize<_>>::has_none();
    <Cardholder as HasNoSerialize<_>>::has_none();
    <Address as HasNoSerialize<_>>::has_none();
    <Metadata as HasNoSerialize<_>>::has_none();
    <cmp::Card as HasNoSerialize<_>>::has_none();
    <cmp::NetworkToken as HasNoSerialize<_>>::has_none();
}
