//! Values that go into requests: which ones are taken, and how they show.

use cmp::{
    Amount, CardId, Currency, Cvc, Expiry, NetworkTokenId, Pan, Text,
    error::StopReason,
    network_tokens::{CryptogramValue, TransactionType},
    payments::NetworkTransactionId,
    rust_decimal::Decimal,
    v1::PanAlias,
};

#[test]
fn decimals_follow_the_currency_and_the_documents() {
    let amount = |text: &str, code: &str| {
        Amount::new(text.parse().expect("a decimal"), Currency::new(code).expect("a currency"))
    };
    assert!(amount("10.00", "JPY").is_ok());
    assert!(amount("10.5", "JPY").is_err());
    assert!(amount("10.55", "USD").is_ok());
    assert!(amount("10.555", "USD").is_err());
    assert!(amount("10.555", "KWD").is_err(), "the documents allow two decimals, whatever the currency");
    assert!(amount("-0.01", "USD").is_err());
    assert!(amount("0", "USD").is_ok());
}

#[test]
fn text_is_taken_exactly_or_not_at_all() {
    for bad in [
        "19.98999999999999999999999999999999",
        "0.00000000000000000000000000001",
        "79228162514264337593543950336",
        "1e2",
        "1_000",
        "1,000",
        "+5",
        "-5",
        "5.",
        ".5",
        "1.2.3",
        " 5",
        "٥",
        "",
    ] {
        let error = Amount::usd(bad).unwrap_err();
        assert_eq!(error.field(), "amount", "{bad:?}");
    }
    for (good, shown) in [("19.99", "19.99 USD"), ("007.50", "7.5 USD"), ("0", "0 USD")] {
        assert_eq!(Amount::usd(good).unwrap().to_string(), shown);
    }
}

#[test]
fn an_amount_is_one_that_can_be_sent() {
    assert!(Amount::usd("9999999999999.99").is_ok());
    assert!(Amount::usd("10000000000000").unwrap_err().to_string().contains("ten trillion"));
    for code in ["XTS", "XAU", "XAG"] {
        let error = Amount::parse("1", Currency::new(code).unwrap()).unwrap_err();
        assert_eq!(error.field(), "currency", "{code}");
    }
}

#[test]
fn minor_units_are_those_of_the_currency() {
    let amount = |units, code| Amount::from_minor_units(units, Currency::new(code).unwrap());
    assert_eq!(amount(1999, "USD"), Amount::usd("19.99"));
    assert_eq!(amount(1999, "JPY").unwrap().value(), Decimal::from(1999));
    assert_eq!(amount(1500, "KWD").unwrap().value(), Decimal::new(15, 1));
    assert!(amount(1501, "KWD").is_err(), "the documents allow two decimals");
    assert!(amount(u64::MAX, "USD").is_err());
    assert!(amount(1, "XAU").is_err());
}

#[test]
fn a_currency_must_exist() {
    for bad in ["", "usd", "US", "USDX", "ZZZ"] {
        assert!(Currency::new(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn the_order_of_expiry_dates_is_that_of_time() {
    assert!(Expiry::new(12, 2027).unwrap() < Expiry::new(1, 2028).unwrap());
}

#[test]
fn no_other_text_is_an_expiry() {
    for bad in ["", "/", "13/28", "0/28", "5/028", "5-28", "+5/28", "5/+8", "005/28", "5/1999"] {
        assert!(bad.parse::<Expiry>().is_err(), "{bad:?}");
    }
}

#[test]
fn only_what_is_safe_in_a_path_is_an_id() {
    for bad in ["", ".", "..", "a/b", "a?b", "a#b", "a%2e", "ä", "a b", "a\r\nb", "4111111111111111"] {
        assert!(CardId::new(bad).is_err(), "{bad:?}");
    }
    assert!(CardId::new("x".repeat(129)).is_err());
    for good in ["CRDecqZp3xRgXU3TFmtcDdzQs", "card_123", "tntipby064g", "a-b"] {
        assert_eq!(CardId::new(good).map(String::from).as_deref(), Ok(good));
    }
}

#[test]
fn only_what_is_safe_in_a_path_is_an_alias() {
    for bad in ["", ".", "..", "a/b", "a?b", "a%2e", "ä", "a b", "a\r\nb"] {
        let error = PanAlias::new(bad).unwrap_err();
        assert_eq!(error.field(), "pan alias", "{bad:?}");
    }
    assert!(PanAlias::new("x".repeat(129)).is_err());
    for good in ["5573495XKjDP28V7312", "9914040119524512000", "tok_sandbox_9GfZrBnYFNWLFYYqjaMfWC", "1-2"] {
        assert_eq!(PanAlias::new(good).as_ref().map(PanAlias::as_str), Ok(good));
    }
}

#[test]
fn no_spelling_of_a_pan_is_an_id() {
    for pan in [
        "4111-1111-1111-1111",
        "4111_1111_1111_1111",
        "card_4111111111111111",
        "4111111111111111x",
        "41111111111111111111",
        "411111111111",
    ] {
        let error = NetworkTokenId::new(pan).unwrap_err().to_string();
        assert!(error.contains("card number") && !error.contains(pan), "{error}");
    }
    for good in
        ["CRD12345678901x2345", "CRD-2025-01-17-a-948", "12345678901", "9f8b7a6c-1234-4321-8765-123456789012"]
    {
        assert!(CardId::new(good).is_ok(), "{good}");
    }
}

#[test]
fn debug_shows_at_most_the_last_four() {
    assert_eq!(format!("{:?}", Pan::from_trusted("4111111111111111")), "Pan(***1111)");
    assert_eq!(format!("{:?}", Pan::from_trusted("41111111111")), "Pan(***)");
    assert_eq!(format!("{:?}", Pan::from_trusted("ключключключключ")), "Pan(***ключ)");
    assert_eq!(format!("{:?}", Cvc::from_trusted("123")), "Cvc(***)");
    assert_eq!(
        format!("{:?}", CryptogramValue::from_trusted("JWrMYLqNQjmEHQDAZbSx+A==")),
        "CryptogramValue(***)"
    );
    assert_eq!(format!("{:?}", PanAlias::new("4111111111111111").unwrap()), "PanAlias(..)");
}

#[test]
fn a_text_of_the_service_is_compared_printed_and_taken_like_a_string() {
    let text = Text::from("card lost");
    assert!(text == *"card lost" && text == "card lost" && text != *"card" && text != "card");
    assert_eq!(format!("{text:?}"), r#""card lost""#);
    assert_eq!(String::from(text), "card lost");
    assert!(Text::from("pan 4111 1111 1111 1111").may_contain_pan());
    assert!(!Text::from("row 1795000000000000017").may_contain_pan());
}

#[test]
fn an_expiry_has_its_parts() {
    let expiry: Expiry = "05/28".parse().unwrap();
    assert_eq!((expiry.month(), expiry.year(), expiry.two_digit_year()), (5, 2028, 28));
}

#[test]
fn a_refused_amount_says_which_rule_it_breaks() {
    for (text, rule) in
        [("-0.01", "negative"), ("10.555", "two decimals"), ("10000000000000", "ten trillion")]
    {
        let error = Amount::new(text.parse().unwrap(), Currency::USD).unwrap_err().to_string();
        assert!(error.contains(rule), "{error}");
    }
}

#[test]
fn refusals_do_not_repeat_the_value() {
    for bad in ["", "4111", "41111111111111112222", "4111x11111111111", "٤١١١١١١١١١١١١١١١"] {
        let error = Pan::new(bad).unwrap_err().to_string();
        assert!(bad.is_empty() || !error.contains(bad), "{error}");
    }
    assert!(!Cvc::new("12345").unwrap_err().to_string().contains("12345"));
}

#[test]
fn test_cards_with_unusual_lengths_are_accepted() {
    for good in ["51002600000192060", "378282246310005", "30569309025904"] {
        assert_eq!(Pan::new(good).map(|pan| pan.expose().to_owned()), Ok(good.to_owned()));
    }
}

#[test]
fn a_network_transaction_id_is_short_and_printable() {
    for bad in ["", " ", " 123", "123 ", "12\n3", "ä", &"1".repeat(65)] {
        assert!(NetworkTransactionId::new(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn the_digits_of_a_network_transaction_id_do_not_show() {
    let shown = format!("{:?}", NetworkTransactionId::new("5100260000019206").unwrap());
    assert_eq!(shown, "NetworkTransactionId(..)");
}

#[test]
fn a_network_transaction_id_can_be_a_key_of_an_ordered_map() {
    let id = |id| NetworkTransactionId::new(id).unwrap();
    assert!(id("123") < id("124"));
}

#[test]
fn a_transaction_type_is_written_as_the_service_does() {
    assert_eq!(TransactionType::Ecom.to_string(), "ECOM");
    assert_eq!(TransactionType::Aft.to_string(), "AFT");
}

#[test]
fn a_stop_reason_completes_a_sentence() {
    let text = format!("not tried again: {}", StopReason::AttemptsExhausted);
    assert_eq!(text, "not tried again: the policy's attempts are used up");
}

#[test]
fn debug_shows_an_amount_unless_it_could_be_a_card_number() {
    let shown = |amount: &str| format!("{:?}", Amount::usd(amount).unwrap());
    for ordinary in ["0", "19.99", "1999", "123456.78", "12345678901"] {
        assert!(shown(ordinary).contains(ordinary), "{}", shown(ordinary));
    }
    for number in ["4111111111111", "510026000001.92"] {
        assert!(!shown(number).contains(&number[..9]), "{}", shown(number));
    }
}
