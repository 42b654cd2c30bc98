//! The generated code itself: whatever sounds sensitive is a type that does not print.

use std::collections::BTreeSet;

use syn::{Fields, Item, Type};

const CLIENT: &str = include_str!(concat!(env!("OUT_DIR"), "/client.rs"));

/// Words (between underscores) that sound like card data or credentials.
const SENSITIVE: [&str; 15] = [
    "pan",
    "cvc",
    "cvv",
    "number",
    "cryptogram",
    "token",
    "secret",
    "password",
    "pin",
    "track",
    "value",
    "key",
    "credential",
    "account",
    "bearer",
];
/// Words that sound like personal data.
const PERSONAL: [&str; 12] = [
    "email", "phone", "company", "address1", "address2", "address3", "address4", "city", "region", "postal",
    "holder", "name",
];

/// Fields, everywhere or in one struct, that only sound so.
const HARMLESS: [(&str, &str); 20] = [
    ("pan_alias", "stands in for the PAN"),
    ("cvc_alias", "stands in for the CVC"),
    ("cvc_status", "whether there is a CVC"),
    ("token_type", "a kind"),
    ("network_token_last4", "four digits"),
    ("V1HolderInfo.number", "a telephone number, and personal"),
    ("holder_info", "a struct of personal fields"),
    ("cryptogram_type", "a kind"),
    ("cryptogram", "a struct, whose value is secret"),
    ("account_id", "the VGS account, for support"),
    ("payment_account_reference", "made to be shared: it can't pay"),
    ("card_number_length", "a length"),
    ("contact_number", "the issuer's, on card art"),
    ("contact_name", "the issuer's, on card art"),
    ("issuer_name", "a bank"),
    ("issuer_phone_number", "a bank's"),
    ("product_name", "a kind of card"),
    ("country_name", "the issuer's country"),
    ("field_name", "the name of a field"),
    ("cardholder", "a struct of personal fields"),
];

/// The names in a map are the service's, so the map is a type that does not print them.
#[test]
fn no_map_prints_the_names_of_its_members() {
    let maps: Vec<_> = CLIENT.match_indices("collections::HashMap").collect();
    assert!(maps.is_empty(), "{} maps of the standard library", maps.len());
    assert!(CLIENT.contains("scalar::Named<"), "no map at all");
}

struct Field {
    place: String,
    name: String,
    kind: String,
}

fn fields() -> Vec<Field> {
    let file = syn::parse_file(CLIENT).expect("generated Rust");
    let types = file.items.into_iter().find_map(|item| match item {
        Item::Mod(module) if module.ident == "types" => module.content,
        _ => None,
    });
    let mut found = Vec::new();
    for item in types.expect("mod types").1 {
        let Item::Struct(item) = item else { continue };
        let Fields::Named(named) = &item.fields else { continue };
        for field in &named.named {
            let name = field.ident.as_ref().expect("a named field").to_string();
            found.push(Field { place: format!("{}.{name}", item.ident), name, kind: innermost(&field.ty) });
        }
    }
    found
}

/// `Secret` for `Option<Vec<crate::scalar::Secret>>`.
fn innermost(kind: &Type) -> String {
    let Type::Path(path) = kind else { return "?".to_owned() };
    let last = path.path.segments.last().expect("a path has segments");
    match &last.arguments {
        syn::PathArguments::AngleBracketed(arguments) => match arguments.args.last() {
            Some(syn::GenericArgument::Type(inner)) => innermost(inner),
            _ => last.ident.to_string(),
        },
        _ => last.ident.to_string(),
    }
}

fn sounds_like(field: &Field, words: &[&str]) -> bool {
    let harmless = HARMLESS.iter().any(|(name, _)| *name == field.name || *name == field.place);
    !harmless && field.name.split('_').any(|word| words.contains(&word))
}

#[test]
fn whatever_sounds_sensitive_is_a_secret() {
    let plain: Vec<_> = fields()
        .into_iter()
        .filter(|field| sounds_like(field, &SENSITIVE) && field.kind != "Secret")
        .map(|field| format!("{}: {}", field.place, field.kind))
        .collect();
    assert_eq!(plain, Vec::<String>::new(), "mark them in openapi/lowering.toml");
}

#[test]
fn whatever_sounds_personal_is_personal() {
    let plain: Vec<_> = fields()
        .into_iter()
        .filter(|field| sounds_like(field, &PERSONAL) && field.kind != "Personal")
        .map(|field| format!("{}: {}", field.place, field.kind))
        .collect();
    assert_eq!(plain, Vec::<String>::new(), "mark them in openapi/lowering.toml");
}

#[test]
fn the_secrets_are_these() {
    let secrets: BTreeSet<_> =
        fields().into_iter().filter(|field| field.kind == "Secret").map(|field| field.place).collect();
    let expected = [
        "CardAttributes.cvc",
        "CardAttributes.pan",
        "CardResourceAttributes.cvc",
        "CardResourceAttributes.pan",
        "CardUpdateAttributes.cvc",
        "CryptogramAttributes.value",
        "CryptogramResourceAttributes.network_token",
        "NetworkTokenAttributes.network_token",
        "UpdatedCardFieldResource.new_value",
        "UpdatedCardFieldResource.old_value",
    ];
    assert_eq!(secrets, expected.map(str::to_owned).into());
}

/// A text with limits is a type of its own, and only in requests.
#[test]
fn no_text_is_a_plain_string() {
    let plain: Vec<_> =
        fields().into_iter().filter(|field| field.kind == "String").map(|field| field.place).collect();
    assert_eq!(plain, Vec::<String>::new(), "a derived `Debug` would show them");
}

#[test]
fn nothing_is_free_form_but_the_type_that_does_not_print() {
    for untyped in ["::serde_json::Value", "::serde_json::Map"] {
        assert!(!CLIENT.contains(untyped), "{untyped} in the generated code");
    }
}

#[test]
fn no_excuse_is_left_over() {
    let names: BTreeSet<_> = fields().into_iter().flat_map(|field| [field.name, field.place]).collect();
    for (name, _) in HARMLESS {
        assert!(names.contains(name), "no field is called {name} any more");
    }
}
