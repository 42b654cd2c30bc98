//! Generated requests: the simulator accepts exactly what the contract's request schemas allow.

use cmp_simulator::{Operation, Simulator};
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop};
use proptest::prop_oneof;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Map, Value, json};

use crate::support::{Client, VISA, contract};

type Members = Vec<(&'static str, Option<Value>)>;

fn object(members: Members) -> Value {
    let present = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    present.collect::<Map<_, _>>().into()
}

fn text(least: usize, most: usize) -> impl Strategy<Value = Value> {
    prop::collection::vec(any::<char>(), least..=most)
        .prop_map(|letters| letters.into_iter().collect::<String>().into())
}

fn integer(least: i64, most: i64) -> impl Strategy<Value = Value> {
    (least..=most).prop_map(Value::from)
}

fn one_of(values: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::sample::select(values).prop_map(Value::from)
}

fn address() -> impl Strategy<Value = Value> {
    let line = || option::of(text(0, 255));
    (line(), line(), line(), option::of(text(0, 10)), option::of(text(2, 3))).prop_map(
        |(address1, city, region, postal_code, country)| {
            object(vec![
                ("address1", address1),
                ("city", city),
                ("region", region),
                ("postal_code", postal_code),
                ("country", country),
            ])
        },
    )
}

fn cardholder() -> impl Strategy<Value = Value> {
    let email = "[a-z]{1,8}@[a-z]{1,8}\\.com".prop_map(Value::from);
    (
        option::of(text(1, 255)),
        option::of(text(0, 255)),
        option::of(text(0, 16)),
        option::of(email),
        option::of(address()),
    )
        .prop_map(|(name, company, phone, email, address)| {
            object(vec![
                ("name", name),
                ("company", company),
                ("phone", phone),
                ("email", email),
                ("address", address),
            ])
        })
}

fn create() -> impl Strategy<Value = Value> {
    let pan = prop_oneof!["[0-9]{14,19}".prop_map(Value::from), text(14, 19)];
    let card = (
        pan,
        integer(1, 12),
        integer(0, 99),
        option::of(text(3, 4)),
        option::of(cardholder()),
        option::of(one_of(&["dpan", "mpan", "pan"])),
        option::of(one_of(&["apple_pay", "google_pay"])),
    );
    (card, option::of(Just(json!({ "a": [1, { "b": null }] })))).prop_map(|(card, meta)| {
        let (pan, exp_month, exp_year, cvc, cardholder, token_type, wallet_type) = card;
        let attributes = object(vec![
            ("pan", Some(pan)),
            ("exp_month", Some(exp_month)),
            ("exp_year", Some(exp_year)),
            ("cvc", cvc),
            ("cardholder", cardholder),
            ("token_type", token_type),
            ("wallet_type", wallet_type),
        ]);
        json!({ "data": object(vec![("attributes", Some(attributes)), ("meta", meta)]) })
    })
}

fn update() -> impl Strategy<Value = Value> {
    (option::of(text(3, 4)), option::of(integer(1, 12)), option::of(integer(0, 99))).prop_map(
        |(cvc, exp_month, exp_year)| {
            let attributes = object(vec![("cvc", cvc), ("exp_month", exp_month), ("exp_year", exp_year)]);
            json!({ "data": { "attributes": attributes } })
        },
    )
}

fn cryptogram() -> impl Strategy<Value = Value> {
    let amount = (0u32..10_000_000).prop_map(|cents| Value::from(f64::from(cents) / 100.0));
    (
        option::of(text(0, 3)),
        option::of(amount),
        option::of(one_of(&["ECOM", "AFT"])),
        option::of(one_of(&["TAVV", "DTVV"])),
    )
        .prop_map(|(currency_code, amount, transaction_type, cryptogram_type)| {
            let attributes = object(vec![
                ("currency_code", currency_code),
                ("amount", amount),
                ("transaction_type", transaction_type),
                ("cryptogram_type", cryptogram_type),
            ]);
            json!({ "data": { "attributes": attributes } })
        })
}

#[derive(Clone, Debug)]
enum Mutation {
    Remove,
    Replace(Value),
    AddMember,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let junk = vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(3.0),
        json!(5.5),
        json!(13),
        json!(100),
        json!(""),
        json!("xxx"),
        json!("x".repeat(256)),
        json!([]),
        json!({}),
    ];
    prop_oneof![
        Just(Mutation::Remove),
        prop::sample::select(junk).prop_map(Mutation::Replace),
        Just(Mutation::AddMember)
    ]
}

/// Pointers to everything in the value but itself.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        let pointer = format!("{at}/{name}");
        pointers(member, &pointer, found);
        found.push(pointer);
    }
}

fn mutate(mut body: Value, place: usize, mutation: &Mutation) -> Value {
    let mut places = Vec::new();
    pointers(&body, "", &mut places);
    let place = &places[place % places.len()];
    let (parent, name) = place.rsplit_once('/').unwrap();
    match mutation {
        Mutation::Remove => {
            body.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        }
        Mutation::Replace(junk) => *body.pointer_mut(place).unwrap() = junk.clone(),
        Mutation::AddMember => {
            let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            parent.insert("a_foreign_member".to_owned(), json!(1));
        }
    }
    body
}

/// The documents say in words that a wallet's number needs its wallet.
fn names_its_wallet(body: &Value) -> bool {
    let attributes = &body["data"]["attributes"];
    let of_a_wallet = matches!(attributes["token_type"].as_str(), Some("dpan" | "mpan"));
    !of_a_wallet || attributes["wallet_type"].is_string()
}

fn agree(operation: Operation, bodies: impl Strategy<Value = Value>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (_simulator, client, id) = runtime.block_on(async {
        let simulator = Simulator::start().await.unwrap();
        let client = Client::new(&simulator).await;
        let id = client.store(VISA).await;
        (simulator, client, id)
    });
    let check = |body: &Value| {
        let answer = runtime.block_on(client.send(operation, &id, Some(body)));
        let allowed = contract().allows(operation, body) && names_its_wallet(body);
        let as_it_should = match answer.status {
            200 | 201 => allowed,
            422 => {
                !allowed
                    && matches!(answer.error_code().as_str(), "missing-required-field" | "validation-failed")
            }
            _ => false,
        };
        let what = || TestCaseError::fail(format!("{}, allowed: {allowed}: {body}", answer.status));
        if as_it_should { Ok(allowed) } else { Err(what()) }
    };
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    let mutated = (bodies, any::<prop::sample::Index>(), mutation());
    let outcome = TestRunner::new(config).run(&mutated, |(body, place, mutation)| {
        if !check(&body)? {
            return Err(TestCaseError::fail("the generator made a body that the contract refuses"));
        }
        check(&mutate(body, place.index(1000), &mutation)).map(drop)
    });
    if let Err(error) = outcome {
        panic!("{operation}: {error}");
    }
}

#[test]
fn create_requests_agree_with_the_contract() {
    agree(
        Operation::CreateCard,
        create().prop_filter("a wallet's number without its wallet", names_its_wallet),
    );
}

#[test]
fn update_requests_agree_with_the_contract() {
    agree(Operation::UpdateCard, update());
}

#[test]
fn cryptogram_requests_agree_with_the_contract() {
    agree(Operation::RequestCryptogram, cryptogram());
}
