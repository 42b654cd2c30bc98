//! Names, dates and numbers in each spelling.

use cmp::{
    cards::CardEvent,
    webhooks::{CardUpdateDetails, Details, Event, NetworkTokenDetails, NetworkTokenEvent},
};

/// The details of an event with this name and these members.
fn details(name: &str, members: &str) -> Details {
    let body = format!("{{\"id\":\"1\",\"event\":\"{name}\",\"details\":{{{members}}}}}");
    Event::parse_unverified(body.as_bytes()).unwrap().details
}

fn update(name: &str, members: &str) -> CardUpdateDetails {
    match details(name, members) {
        Details::CardUpdate(update) => update,
        other => panic!("{name}: {other:?}"),
    }
}

fn token(name: &str, members: &str) -> NetworkTokenDetails {
    match details(name, members) {
        Details::NetworkToken(token) => token,
        other => panic!("{name}: {other:?}"),
    }
}

fn updated(name: &str) -> CardEvent {
    update(name, "").event
}

fn member(name: &str, value: &str) -> CardUpdateDetails {
    update("cmp_au_card.updated", &format!("\"{name}\":{value}"))
}

#[test]
fn each_spelling_is_the_same_event() {
    for name in [
        "cmp_au_card.opt_out",
        "cmp_au_card.opt-out",
        "cmp-au-card-opt-out",
        "CMP_AU_CARD.OPT_OUT",
        "cmp.au.card.opt.out",
        " cmp_au_card_opt_out ",
    ] {
        assert_eq!(updated(name), CardEvent::OptOut, "{name}");
    }
    for name in ["cmp_au_card.enrollment_failed", "cmp_au_card.enrollment.failed", "enrollment.failed"] {
        assert_eq!(updated(name), CardEvent::EnrollmentFailed, "{name}");
    }
    for name in ["cmp_network_token.updated", "cmp-network-token.updated", "Cmp_Network_Token_Updated"] {
        assert_eq!(token(name, "").event, NetworkTokenEvent::Updated, "{name}");
    }
}

#[test]
fn the_documented_names_are_all_known() {
    let updates = "updated expired closed non_participating contact_cardholder_advice unknown enrolled opt_out \
                   enrollment_failed";
    for event in updates.split_whitespace() {
        for known in [updated(&format!("cmp_au_card.{event}")), updated(&format!("au_card.{event}"))] {
            assert_eq!(known.as_str(), event.replace('_', "-"));
            assert!(!matches!(known, CardEvent::Other(_)), "{event}");
        }
    }
    for event in ["updated", "used", "suspended", "activated", "deleted"] {
        let known = token(&format!("network_token.{event}"), "").event;
        assert_eq!(known.as_str(), event);
        assert!(!matches!(known, NetworkTokenEvent::Other(_)), "{event}");
    }
}

#[test]
fn new_events_are_kept() {
    let thawed = NetworkTokenEvent::Other("thawed_again".to_owned());
    assert_eq!(token("network_token.thawed-again", "").event, thawed);
    assert_eq!(updated("cmp_au_card.lost"), CardEvent::Other("lost".to_owned()));
    for name in ["route.created", "cmp_au_card.", "cmp_network_token", "cmp_enrollment_failed", "."] {
        assert!(matches!(details(name, ""), Details::Other(_)), "{name}");
    }
}

#[test]
fn expiry_dates_in_each_form() {
    for (value, expected) in [
        ("\"1225\"", Some("12/2025")),
        ("\"0125\"", Some("01/2025")),
        ("125", Some("01/2025")),
        ("1225", Some("12/2025")),
        ("\"122025\"", Some("12/2025")),
        ("\"12/25\"", Some("12/2025")),
        ("\"1/2025\"", Some("01/2025")),
        ("\"1325\"", None),
        ("\"0000\"", None),
        ("\"\"", None),
        ("\"1\"", None),
        ("\"12\"", None),
        ("\"1é25\"", None),
        ("null", None),
        ("[1225]", None),
    ] {
        let expiry = member("new_expiration_date", value).new_expiry.map(|expiry| expiry.to_string());
        assert_eq!(expiry.as_deref(), expected, "{value}");
    }
}

#[test]
fn months_and_years_are_texts_or_numbers() {
    for (month, year, expected) in [
        ("\"12\"", "\"2025\"", Some("12/2025")),
        ("\"1\"", "\"25\"", Some("01/2025")),
        ("1", "5", Some("01/2005")),
        ("13", "2025", None),
        ("\"+1\"", "2025", None),
        ("1", "null", None),
    ] {
        let json = format!("\"card_exp_month\":{month},\"card_exp_year\":{year}");
        let expiry = token("network_token.updated", &json).card_expiry.map(|expiry| expiry.to_string());
        assert_eq!(expiry.as_deref(), expected, "{json}");
    }
}

#[test]
fn last4_and_bin_are_never_as_long_as_a_pan() {
    assert_eq!(member("card_last4", "42").last4.as_deref(), Some("0042"));
    assert_eq!(member("card_last4", "\"0042\"").last4.as_deref(), Some("0042"));
    for bad in ["\"\"", "\"12\"", "12345", "4111111111111111", "1e2", "-1", "null"] {
        assert_eq!(member("card_last4", bad).last4, None, "{bad}");
    }
    assert_eq!(member("card_last4", "\"4111111111111111\"").last4, None);
    assert_eq!(member("card_bin", "\"4111111111111111\"").bin, None);
    assert_eq!(member("card_bin", "558004").bin.as_deref(), Some("558004"));
}

#[test]
fn times_with_and_without_a_zone() {
    for text in [
        "2025-01-17T12:53:17.948Z",
        "2025-01-17T12:53:17.948",
        "2025-01-17T13:53:17.948+01:00",
        "2025-01-17 13:53:17,948 +01",
        "2025-01-17t12:53:17.948+0000",
    ] {
        let time = member("occurred_at", &format!("\"{text}\"")).occurred_at.map(|time| time.to_rfc3339());
        assert_eq!(time.as_deref(), Some("2025-01-17T12:53:17.948+00:00"), "{text}");
    }
    assert_eq!(member("occurred_at", "\"yesterday\"").occurred_at, None);
}
