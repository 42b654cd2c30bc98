use cmp::{
    cards::CardEvent,
    network_tokens::NetworkTokenState,
    v1::PanAlias,
    webhooks::{Details, Event, NetworkTokenEvent, WebhookError},
};

use crate::samples::{CARD_UPDATE, NETWORK_TOKEN, PAN};

fn event(body: &str) -> Event {
    Event::parse_unverified(body.as_bytes()).unwrap()
}

fn named(name: &str) -> Event {
    event(&format!(r#"{{"id":"1","event":"{name}","details":{{"card_id":"CRD1","state":"ACTIVE"}}}}"#))
}

#[test]
fn every_documented_member_of_a_network_token_event_is_read() {
    let event = event(NETWORK_TOKEN);
    assert_eq!((&*event.id, &*event.name), ("evt_1", "cmp_network_token.updated"));
    assert_eq!(event.description.as_deref(), Some("Network token updated"));
    assert_eq!(event.summary.as_deref(), Some("The network token was suspended"));
    assert_eq!(event.timestamp.unwrap().to_rfc3339(), "2025-01-15T10:00:00+00:00");
    assert_eq!((event.scope.as_deref(), event.grouping.as_deref()), (Some("VAULT"), Some("EVERY_SINGLE")));
    assert_eq!((event.occurrence, event.fingerprint.as_deref()), (Some(1), Some("fp_1")));
    assert_eq!((event.integration_id.as_deref(), event.org_id.as_deref()), (Some("int_1"), Some("org_1")));
    assert_eq!(event.tenant.as_deref(), Some("tnt_1"));
    let producer = event.producer.as_ref().unwrap();
    assert_eq!(
        (producer.application_name.as_deref(), producer.application_protocol.as_deref()),
        (Some("calm"), Some("https"))
    );

    let Details::NetworkToken(token) = &event.details else { panic!("{event:?}") };
    assert_eq!(token.event, NetworkTokenEvent::Updated);
    assert_eq!(token.card_id.as_ref().unwrap().as_str(), "CRDecqZp3xRgXU3TFmtcDdzQs");
    assert_eq!(token.network_token_id.as_ref().unwrap().as_str(), "NTKpRRhGgX6cRRNh7C8TWKGjE");
    assert_eq!(token.number.as_ref().unwrap().expose(), PAN);
    assert_eq!((token.last4.as_deref(), token.card_last4.as_deref()), (Some("1111"), Some("0042")));
    assert_eq!(token.state, Some(NetworkTokenState::Suspended));
    assert_eq!(token.reason_code.as_deref(), Some("cmp_network_token.suspended"));
    assert_eq!(token.reason_text.as_deref(), Some("The issuer suspended the network token."));
    assert_eq!(token.card_bin.as_deref(), Some("411111"));
    assert_eq!(token.card_expiry.unwrap().to_string(), "12/2025");
    assert_eq!(token.expiry.unwrap().to_string(), "01/2028");
    assert_eq!(token.pan_alias.as_ref().map(PanAlias::as_str), Some("tok_sandbox_1"));
    assert_eq!(token.payment_account_reference.as_deref(), Some("V0010013021273389273862730174"));
    assert_eq!(token.tenant_id.as_deref(), Some("tnt_1"));
    assert_eq!(token.created_at.unwrap().to_rfc3339(), "2025-01-10T17:56:12.783411+00:00");
    assert_eq!(token.updated_at, event.happened_at());
    assert_eq!(event.happened_at().unwrap().to_rfc3339(), "2025-01-15T09:59:58.948290+00:00");
}

#[test]
fn every_documented_member_of_a_card_update_is_read() {
    let event = event(CARD_UPDATE);
    let Details::CardUpdate(update) = &event.details else { panic!("{event:?}") };
    assert_eq!(update.event, CardEvent::Updated);
    assert_eq!(update.card_id.as_ref(), event.card_id());
    assert_eq!(event.card_id().unwrap().as_str(), "CRDecqZp3xRgXU3TFmtcDdzQs");
    assert_eq!(
        (update.last4.as_deref(), update.first8.as_deref(), update.bin.as_deref()),
        (Some("1111"), Some("41111111"), Some("411111"))
    );
    assert_eq!((update.fingerprint.as_deref(), update.fingerprint_matches), (Some("fp_card"), Some(true)));
    assert_eq!(update.new_account_number.as_ref().unwrap().expose(), PAN);
    assert_eq!(update.old_account_number.as_ref().unwrap().expose(), PAN);
    assert_eq!(update.new_expiry.unwrap().to_string(), "12/2025");
    assert_eq!(update.old_expiry.unwrap().to_string(), "01/2024");
    assert_eq!(
        (update.reason_code.as_deref(), update.reason_text.as_deref()),
        (Some("card_updated"), Some("A new card"))
    );
    assert_eq!(update.occurred_at, event.happened_at());
}

#[test]
fn v1_events_are_distinguished_from_those_of_cmp() {
    let v1 = named("network_token.suspended");
    assert!(v1.is_v1());
    assert!(
        matches!(&v1.details, Details::NetworkToken(token) if token.event == NetworkTokenEvent::Suspended)
    );
    let v1 = named("au_card.opt_out");
    assert!(v1.is_v1());
    assert!(matches!(&v1.details, Details::CardUpdate(update) if update.event == CardEvent::OptOut));
    for name in ["cmp_au_card.enrollment_failed", "cmp_au_card.enrollment.failed", "Enrollment-Failed"] {
        let event = named(name);
        assert!(!event.is_v1());
        let Details::CardUpdate(update) = &event.details else { panic!("{event:?}") };
        assert_eq!(update.event, CardEvent::EnrollmentFailed);
        assert_eq!(event.name, name);
    }
}

#[test]
fn a_v1_event_without_a_state_implies_it() {
    let state = |name: &str| {
        let event = event(&format!(r#"{{"id":"1","event":"network_token.{name}","details":{{}}}}"#));
        let Details::NetworkToken(token) = &event.details else { panic!("{event:?}") };
        token.state.clone()
    };
    assert_eq!(state("suspended"), Some(NetworkTokenState::Suspended));
    assert_eq!(state("activated"), Some(NetworkTokenState::Activated));
    assert_eq!(state("deleted"), Some(NetworkTokenState::Deleted));
    assert_eq!(state("used"), None);
    assert_eq!(state("updated"), None);
}

#[test]
fn a_reason_code_without_a_state_implies_it() {
    let state = |details: &str| {
        let event =
            event(&format!(r#"{{"id":"1","event":"cmp_network_token.updated","details":{details}}}"#));
        let Details::NetworkToken(token) = &event.details else { panic!("{event:?}") };
        token.state.clone()
    };
    for (code, expected) in [
        ("cmp_network_token.provisioned", Some(NetworkTokenState::Active)),
        ("cmp_network_token.provisioning_failed", Some(NetworkTokenState::Failed)),
        ("cmp_network_token.suspended", Some(NetworkTokenState::Suspended)),
        ("cmp_network_token.activated", Some(NetworkTokenState::Activated)),
        ("cmp_network_token.deleted", Some(NetworkTokenState::Deleted)),
        ("cmp_card_updated", Some(NetworkTokenState::CardUpdated)),
        ("CMP-Network-Token-Suspended", Some(NetworkTokenState::Suspended)),
        ("suspended", None),
        ("declined", None),
    ] {
        assert_eq!(state(&format!(r#"{{"reason_code":"{code}"}}"#)), expected, "{code}");
    }
    let both = state(r#"{"reason_code":"cmp_network_token.suspended","state":"ACTIVATED"}"#);
    assert_eq!(both, Some(NetworkTokenState::Activated), "the state counts, not the reason");
}

#[test]
fn unknown_events_and_members_are_kept_and_left_out() {
    let other = event(
        r#"{"id": 7, "event": "route.created", "more": [1, {"a": null}],
            "details": {"route_id": "r-1", "hits": 3, "on": true, "list": [], "pan": "4111111111111111"}}"#,
    );
    assert_eq!((&*other.id, &*other.name), ("7", "route.created"));
    let Details::Other(details) = &other.details else { panic!("{other:?}") };
    assert_eq!(details.names().collect::<Vec<_>>(), ["hits", "list", "on", "pan", "route_id"]);
    let value = |name: &str| details.get(name).map(|value| value.expose().to_owned());
    assert_eq!(value("route_id").as_deref(), Some("r-1"));
    assert_eq!((value("hits").as_deref(), value("on").as_deref()), (Some("3"), Some("true")));
    assert_eq!((value("list"), value("nothing")), (None, None));

    let later = event(r#"{"id":"1","event":"cmp_au_card.lost","details":{"card_id":"CRD1","colour":"red"}}"#);
    let Details::CardUpdate(update) = &later.details else { panic!("{later:?}") };
    assert_eq!(update.event, CardEvent::Other("lost".to_owned()));
    assert_eq!(later.card_id().unwrap().as_str(), "CRD1");
}

#[test]
fn a_member_of_another_type_counts_as_absent() {
    let event = event(
        r#"{"id":"1","event":"cmp_network_token.updated","timestamp":12,"occurrence":"3","producer":"x",
            "details":{"card_id":"../..","network_token":4111111111111111,"network_token_last4":42,
                       "exp_month":13,"exp_year":2028,"state":["active"],"updated_at":"","card_bin":{}}}"#,
    );
    assert_eq!((event.timestamp, event.occurrence, &event.producer), (None, Some(3), &None));
    let Details::NetworkToken(token) = &event.details else { panic!("{event:?}") };
    assert_eq!(token.number.as_ref().unwrap().expose(), PAN, "a number is read as text");
    assert_eq!(token.last4.as_deref(), Some("0042"), "with its leading zeros");
    assert_eq!((&token.card_id, token.expiry, &token.state), (&None, None, &None));
    assert_eq!((token.updated_at, token.card_bin.as_deref()), (None, None));
}

#[test]
fn details_of_another_type_count_as_absent() {
    for details in ["null", "[]", "\"text\"", "{}"] {
        let body = format!(r#"{{"id":"1","event":"cmp_au_card.closed","details":{details}}}"#);
        let event = Event::parse_unverified(body.as_bytes()).unwrap();
        assert!(matches!(event.details, Details::CardUpdate(_)), "{details}");
    }
}

#[test]
fn booleans_and_numbers_are_not_texts() {
    for scalar in ["true", "5", "1.50", "{}"] {
        let body = format!(
            r#"{{"id":"1","event":"cmp_network_token.updated","tenant":{scalar},
                "details":{{"state":{scalar},"card_id":{scalar},"network_token_id":{scalar},"pan_alias":{scalar},
                            "reason_code":{scalar},"updated_at":{scalar}}}}}"#
        );
        let bare = event(r#"{"id":"1","event":"cmp_network_token.updated"}"#);
        assert_eq!(event(&body), bare, "{scalar}");
    }
    let id = |id: &str| {
        let body = format!(r#"{{"id":{id},"event":"route.created"}}"#);
        Event::parse_unverified(body.as_bytes()).map(|event| event.id.to_string())
    };
    assert_eq!(id("12345678901234567890123").as_deref(), Ok("12345678901234567890123"));
    for no_id in ["true", "1.50", "-5", "1e3"] {
        assert_eq!(id(no_id), Err(WebhookError::NotAnEvent { rule: "it has no id" }), "{no_id}");
    }
    let named = |name: &str| Event::parse_unverified(format!(r#"{{"id":"1","event":{name}}}"#).as_bytes());
    assert_eq!(named("5"), Err(WebhookError::NotAnEvent { rule: "it has no event name" }));
}

#[test]
fn numbers_are_read_as_digits_and_booleans_as_booleans() {
    let update = |members: &str| {
        let body = format!(r#"{{"id":"1","event":"cmp_au_card.updated","details":{{{members}}}}}"#);
        let Details::CardUpdate(update) = event(&body).details else { panic!("{body}") };
        update
    };
    let read = update(
        r#""card_last4":42,"card_first8":41111111,"card_bin":411111,"new_account_number":4111111111111111,
        "new_expiration_date":125,"fingerprint_matches":true"#,
    );
    assert_eq!(
        (read.last4.as_deref(), read.first8.as_deref(), read.bin.as_deref()),
        (Some("0042"), Some("41111111"), Some("411111"))
    );
    assert_eq!(read.new_account_number.as_ref().unwrap().expose(), PAN);
    assert_eq!(read.new_expiry.unwrap().to_string(), "01/2025");
    assert_eq!(read.fingerprint_matches, Some(true));
    assert_eq!(update(r#""fingerprint_matches":"False""#).fingerprint_matches, Some(false));

    let other = update(
        r#""card_last4":4.2,"card_first8":true,"card_bin":-411111,"new_account_number":true,
        "old_account_number":4.111e15,"new_expiration_date":12.5,"fingerprint_matches":1"#,
    );
    assert_eq!(other, update(""));
}

#[test]
fn escapes_are_read_and_white_space_at_the_ends_is_dropped() {
    for (json, expected) in [
        (r#""\u0041bc""#, "Abc"),
        (r#""\u0041\u0042c""#, "ABc"),
        (r#""\\""#, "\\"),
        (r#"" abc""#, "abc"),
        (r#""abc ""#, "abc"),
        (r#"" \u0041 ""#, "A"),
        ("false", "false"),
        ("true", "true"),
        ("-1.50", "-1.50"),
    ] {
        let other = event(&format!(r#"{{"id":"1","event":"route.created","details":{{"v":{json}}}}}"#));
        let Details::Other(details) = &other.details else { panic!("{other:?}") };
        assert_eq!(details.get("v").unwrap().expose(), expected, "{json}");
        assert_eq!(format!("{details:?}"), r#"OtherDetails({"v"})"#);
    }
}

#[test]
fn odd_unknown_members_are_skipped() {
    let deep = |depth: usize| format!("{}{}", r#"{"a":["#.repeat(depth), "]}".repeat(depth));
    for odd in [deep(130), deep(100_000), "1e999".to_owned(), r#""\ud800""#.to_owned(), "-0.0e-0".to_owned()]
    {
        let body = format!(
            r#"{{"odd":{odd},"id":"1","event":"cmp_au_card.closed","producer":{odd},
                "details":{{"card_id":"CRD1","odd":{odd},"producer":{odd},"reason_code":{odd}}},"tail":{odd}}}"#
        );
        assert_eq!(event(&body).card_id().unwrap().as_str(), "CRD1");
        let bare = event(&format!(r#"{{"details":{odd},"event":"cmp_au_card.closed","id":"1"}}"#));
        assert_eq!((&*bare.id, bare.card_id()), ("1", None));
    }
    assert_eq!(event(r#"{"id":"1","event":"x","producer":0.5}"#).producer, None);
    let other = event(r#"{"id":"1","event":"route.created","details":{"big":1e999,"exact":1.50}}"#);
    let Details::Other(details) = &other.details else { panic!("{other:?}") };
    let value = |name: &str| details.get(name).unwrap().expose().to_owned();
    assert_eq!((value("big"), value("exact")), ("1e999".to_owned(), "1.50".to_owned()));
}

#[test]
fn a_body_that_is_not_an_event_is_refused_with_its_rule() {
    let verdict = |body: &[u8]| Event::parse_unverified(body).unwrap_err();
    assert_eq!(verdict(b"{\"id\":\xff}"), WebhookError::NotUtf8);
    assert_eq!(
        verdict(b"{\"id\":\"\xff\",\"event\":\"x\"}"),
        WebhookError::NotAnEvent { rule: "it has no id" }
    );
    let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(verdict(&utf16), WebhookError::NotAnEvent { rule: "it has no id" });
    assert_eq!(verdict(b"0.5"), WebhookError::NotAnEvent { rule: "it is not an object" });
    // With its feature `arbitrary_precision`, serde_json shows a number like this.
    let number = br#"{"$serde_json::private::Number":"0.5","id":"1","event":"x"}"#;
    assert_eq!(verdict(number), WebhookError::NotAnEvent { rule: "it is not an object" });
    assert_eq!(verdict(b"id=1&event=cmp_au_card.closed"), WebhookError::NotJson { line: 1, column: 1 });
    assert_eq!(verdict(b""), WebhookError::NotJson { line: 1, column: 0 });
    assert!(matches!(verdict(br#"{"id":"1","event":"x"} {}"#), WebhookError::NotJson { .. }));
    let deep = format!(r#"{{"a":{}"#, "[".repeat(100_000));
    assert!(matches!(verdict(deep.as_bytes()), WebhookError::NotJson { .. }));
    for no_object in ["[]", "null", "\"text\"", "4111111111111111", r#"["1","cmp_au_card.closed"]"#] {
        assert!(matches!(verdict(no_object.as_bytes()), WebhookError::NotAnEvent { .. }), "{no_object}");
    }
    for incomplete in
        ["{}", r#"{"id":"1"}"#, r#"{"event":"x"}"#, r#"{"id":"","event":"x"}"#, r#"{"id":null,"event":"x"}"#]
    {
        assert!(matches!(verdict(incomplete.as_bytes()), WebhookError::NotAnEvent { .. }), "{incomplete}");
    }
    for error in [WebhookError::NotUtf8, WebhookError::NotAnEvent { rule: "" }] {
        assert!(!error.is_unverified());
    }
    assert!(WebhookError::WrongSignature.is_unverified());
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let body = [b"\xef\xbb\xbf", CARD_UPDATE.as_bytes()].concat();
    assert_eq!(Event::parse_unverified(&body), Event::parse_unverified(CARD_UPDATE.as_bytes()));
}

#[test]
fn nothing_shows_a_number() {
    let broken = format!(r#"{{"id":"1","event":"cmp_au_card.closed","details":{{"new_account_number":{PAN}"#);
    for body in [NETWORK_TOKEN, CARD_UPDATE, &broken] {
        let shown = match Event::parse_unverified(body.as_bytes()) {
            Ok(event) => format!("{event:?}"),
            Err(error) => format!("{error:?} {error}"),
        };
        assert!(!shown.contains(PAN), "{shown}");
    }
}

#[test]
fn an_id_is_shown_to_look_for() {
    for id in ["evt_1", "evt-0b1122c3445d66778e99aabbccddeeff", "5f1f3b1c-7c6b-4c7e-9a53-123456789012"] {
        let event = event(&format!(r#"{{"id":"{id}","event":"cmp_au_card.closed"}}"#));
        assert!(format!("{event:?}").contains(id), "{event:?}");
    }
}

/// Puts a PAN into every member of the samples, and into the names of unknown events.
#[test]
fn a_pan_in_any_member_is_not_shown() {
    for sample in [NETWORK_TOKEN, CARD_UPDATE] {
        for canary in [
            PAN.to_owned(),
            format!("declined {PAN}"),
            format!("declined:{PAN}"),
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1".to_owned(),
            "4111-1111-1111-1111".to_owned(),
            format!("\u{202e}{PAN}\r\nforged \u{1b}[31m"),
        ] {
            let mut body: serde_json::Value = serde_json::from_str(sample).unwrap();
            replace_texts(&mut body, &canary);
            for prefix in ["cmp_network_token.", "cmp_au_card.", "network_token.", "au_card.", "route.", ""] {
                body["event"] = format!("{prefix}{canary}").into();
                body["details"][&canary] = canary.clone().into();
                let event = event(&body.to_string());
                let details = match &event.details {
                    Details::NetworkToken(token) => format!("{token:?}"),
                    Details::CardUpdate(update) => format!("{update:?}"),
                    other => format!("{other:?}"),
                };
                let shown = format!("{event:?} {event:#?} {details} {:?}", event.producer);
                let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
                assert!(!digits.contains(PAN), "{shown}");
                assert!(
                    !shown.contains(['\u{202e}', '\u{1b}', '\r']) && !shown.contains("\nforged"),
                    "{shown}"
                );
            }
        }
    }
}

fn replace_texts(value: &mut serde_json::Value, by: &str) {
    match value {
        serde_json::Value::Object(members) => {
            for member in members.values_mut() {
                replace_texts(member, by);
            }
        }
        _ => *value = by.into(),
    }
}

#[test]
fn a_reference_is_read_digit_by_digit() {
    for (reference, expected) in [
        ("501234567890123456789012345678", Some("501234567890123456789012345678")),
        (r#""V0010013020358954378123456789""#, Some("V0010013020358954378123456789")),
        ("1e400", None),
        ("[]", None),
    ] {
        let body = format!(
            r#"{{"id":"1","event":"cmp_network_token.updated","details":{{"payment_account_reference":{reference}}}}}"#
        );
        let event = event(&body);
        let Details::NetworkToken(token) = &event.details else { panic!("{event:?}") };
        assert_eq!(token.payment_account_reference.as_deref(), expected, "{reference}");
        assert!(!format!("{event:?}").contains("50123"));
    }
}

#[test]
fn an_unreadable_text_leaves_the_others() {
    for (before, odd, after) in [
        (&b""[..], &b"\"\xff\xfe\""[..], &b""[..]),
        (b"\xef\xbb\xbf", b"\"\\ud800\"", b"\r\n\0\0"),
        (b" ", b"\"\t\n\"", b"\0"),
        (b"", b"NaN", b""),
    ] {
        let mut body = before.to_vec();
        for part in [
            &br#"{"summary":"#[..],
            odd,
            br#","id":"1","event":"cmp_au_card.closed","details":{"reason_text":"#,
            odd,
        ] {
            body.extend_from_slice(part);
        }
        body.extend_from_slice(br#","card_id":"CRD1","occurred_at":"2025-01-17 12:53:17 +0100"}}"#);
        body.extend_from_slice(after);
        let event = Event::parse_unverified(&body).unwrap();
        assert_eq!(event.card_id().unwrap().as_str(), "CRD1", "{}", String::from_utf8_lossy(odd));
        assert_eq!(event.happened_at().unwrap().to_rfc3339(), "2025-01-17T11:53:17+00:00");
    }
}
