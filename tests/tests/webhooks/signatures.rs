use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use cmp::{
    clock::{Clock, ManualClock},
    webhooks::{SignatureScheme, Signer, Verifier, WebhookError, WebhookSecret},
};
use reqwest::header::{HeaderMap, HeaderValue};

const BODY: &[u8] = br#"{"id":"evt_1","event":"cmp_au_card.closed"}"#;

fn secret(text: &str) -> WebhookSecret {
    WebhookSecret::new(text).unwrap()
}

fn headers(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append("vgs-signature", HeaderValue::from_str(value).unwrap());
    }
    headers
}

/// A verifier and a signer with one secret and one clock, and that clock.
fn pair() -> (Verifier, Signer, ManualClock) {
    let clock = ManualClock::new();
    let verifier = Verifier::new(secret("new")).clock(clock.clone());
    let signer = Signer::new(secret("new")).clock(clock.clone());
    (verifier, signer, clock)
}

#[track_caller]
fn assert_wrong(verdict: &Result<cmp::webhooks::Verified<'_>, WebhookError>) {
    assert_eq!(verdict, &Err(WebhookError::WrongSignature));
}

/// The signature comes from another program (`openssl dgst -sha256 -hmac`), so that one mistake can't be on both sides.
#[test]
fn a_signature_from_elsewhere_fits() {
    let value = "t=1736935200,v0=978be990e607e2bc51fb4ce8893fb60e8b8fd3c749b5d21b4e6b29ea311043ed";
    let clock = At(1_736_935_200);
    let verifier = Verifier::new(secret("whsec_test")).clock(clock);
    let verified = verifier.verify_value(value, br#"{"id":"evt_1","event":"x"}"#).unwrap();
    assert_eq!(verified.signed_at.timestamp(), 1_736_935_200);
}

#[derive(Debug, Clone)]
struct At(i64);

impl Clock for At {
    fn now(&self) -> std::time::Instant {
        std::time::Instant::now()
    }

    fn utc(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0, 0).unwrap()
    }

    fn sleep(&self, _: Duration) -> cmp::clock::Tick {
        Box::pin(std::future::ready(()))
    }

    fn alarm(&self, _: std::time::Instant) -> cmp::clock::Tick {
        Box::pin(std::future::pending())
    }
}

#[test]
fn what_was_signed_passes_and_what_was_changed_does_not() {
    let (verifier, signer, _) = pair();
    let value = signer.sign(BODY);
    let verified = verifier.verify(&headers(&[&value]), BODY).unwrap();
    assert_eq!(verified.body, BODY);

    for place in 0..BODY.len() {
        let mut tampered = BODY.to_vec();
        tampered[place] ^= 1;
        assert_wrong(&verifier.verify_value(&value, &tampered));
    }
    assert_wrong(&verifier.verify_value(&value, &[BODY, b" "].concat()));
    assert_wrong(&verifier.verify_value(&value, &BODY[1..]));
    assert_wrong(&verifier.verify_value(&value, b""));
}

#[test]
fn the_time_is_signed_too() {
    let (verifier, signer, clock) = pair();
    let value = signer.sign(BODY);
    let time = clock.utc().timestamp();
    assert_wrong(&verifier.verify_value(&value.replace(&time.to_string(), &(time + 1).to_string()), BODY));
    assert_wrong(&verifier.verify_value(&value.replace("t=", "t=0"), BODY));
}

#[test]
fn another_secret_is_refused_and_an_empty_one_can_not_be_had() {
    let (verifier, _, clock) = pair();
    let forger = Signer::new(secret("old")).clock(clock);
    assert_wrong(&verifier.verify_value(&forger.sign(BODY), BODY));

    // HMAC fills short keys up with NULs.
    let nuls = "\0".repeat(64);
    for blank in
        ["", " ", "\n", "\0", &nuls, &format!(" {nuls}\n"), "\u{a0}", "\u{200b}\u{feff}", "\u{7f}", "new\0"]
    {
        assert!(WebhookSecret::new(blank).is_err());
        assert!(serde_json::from_value::<WebhookSecret>(blank.into()).is_err());
    }
}

#[test]
fn white_space_around_a_secret_is_no_part_of_it() {
    let (verifier, signer, clock) = pair();
    let from_file = secret(" \tnew\r\n");
    assert_eq!(from_file.expose(), "new");
    assert!(
        verifier.verify_value(&Signer::new(from_file.clone()).clock(clock.clone()).sign(BODY), BODY).is_ok()
    );
    let verifier = Verifier::new(from_file).clock(clock);
    assert!(verifier.verify_value(&signer.sign(BODY), BODY).is_ok());
}

#[test]
fn old_and_future_times_are_refused_beyond_the_tolerance() {
    let (verifier, signer, clock) = pair();
    clock.advance(Duration::from_millis(1_999 - u64::from(clock.utc().timestamp_subsec_millis())));
    let now = clock.utc();
    let verdict = |offset: i64| {
        verifier.verify_value(&signer.sign_at(now + TimeDelta::seconds(offset), BODY), BODY).map(|_| ())
    };
    for within in [0, -300, 300] {
        assert_eq!(verdict(within), Ok(()), "{within}");
    }
    let distance = Duration::from_secs(301);
    assert_eq!(verdict(-301), Err(WebhookError::TooOld { age: distance }));
    assert_eq!(verdict(301), Err(WebhookError::TooNew { ahead: distance }));
    assert!(matches!(verdict(-now.timestamp()), Err(WebhookError::TooOld { .. })));

    clock.advance(Duration::from_secs(100));
    assert!(verdict(-250).is_err(), "time has passed");
}

#[test]
fn the_tolerance_can_be_set() {
    let (verifier, signer, clock) = pair();
    let value = signer.sign_at(clock.utc() - TimeDelta::seconds(20), BODY);
    assert!(verifier.clone().tolerance(Duration::from_secs(30)).verify_value(&value, BODY).is_ok());
    assert!(verifier.clone().tolerance(Duration::from_secs(10)).verify_value(&value, BODY).is_err());

    clock.advance(Duration::from_millis(1_999 - u64::from(clock.utc().timestamp_subsec_millis())));
    let strict = verifier.tolerance(Duration::ZERO);
    assert!(strict.verify_value(&signer.sign(BODY), BODY).is_ok(), "in this very second");
    assert!(strict.verify_value(&signer.sign_at(clock.utc() - TimeDelta::seconds(1), BODY), BODY).is_err());
}

#[test]
fn a_forged_old_notification_is_wrong_and_not_old() {
    let (verifier, signer, clock) = pair();
    let value = signer.sign_at(clock.utc() - TimeDelta::days(1), BODY);
    assert_wrong(&verifier.verify_value(&value, b"{}"));
}

#[test]
fn during_a_rotation_either_side_may_have_both_secrets() {
    let (verifier, signer, clock) = pair();
    let both = Signer::new(secret("old")).also(secret("new")).clock(clock.clone());
    assert!(verifier.verify_value(&both.sign(BODY), BODY).is_ok(), "the second signature fits");
    let reversed = Signer::new(secret("new")).also(secret("old")).clock(clock.clone());
    assert!(verifier.verify_value(&reversed.sign(BODY), BODY).is_ok(), "the first signature fits");

    let old_only = Signer::new(secret("old")).clock(clock);
    let rotating = verifier.also(secret("old"));
    assert!(rotating.verify_value(&old_only.sign(BODY), BODY).is_ok());
    assert!(rotating.verify_value(&signer.sign(BODY), BODY).is_ok());
}

#[test]
fn one_of_several_headers_is_enough() {
    let (verifier, signer, clock) = pair();
    let old = Signer::new(secret("old")).clock(clock.clone());
    let second_before = old.sign_at(clock.utc() - TimeDelta::seconds(1), BODY);
    let (same_second, fits) = (old.sign(BODY), signer.sign(BODY));
    let long = "x".repeat(10_000);
    for other in [&same_second, &second_before, "t=1", "v0=x", "", "t=soon,v0=x", &long] {
        for values in [[other, &fits], [&fits, other]] {
            assert!(verifier.verify(&headers(&values), BODY).is_ok(), "{values:?}");
        }
    }
    let odd = HeaderValue::from_bytes(b"t=1,v0=\xff").unwrap();
    let mut with_odd = HeaderMap::new();
    for value in [odd.clone(), fits.parse().unwrap(), odd] {
        with_odd.append("vgs-signature", value);
    }
    assert!(verifier.verify(&with_odd, BODY).is_ok(), "beside what is not ASCII");
    for other in [&same_second, &second_before] {
        assert!(verifier.verify_value(&format!("{other},{fits}"), BODY).is_ok(), "joined on the way");
    }
    assert_eq!(verifier.verify(&headers(&[]), BODY), Err(WebhookError::NoSignature));
}

#[test]
fn where_no_header_fits_the_error_is_the_most_specific_one() {
    let (verifier, signer, clock) = pair();
    let late = signer.sign_at(clock.utc() - TimeDelta::days(1), BODY);
    let wrong = signer.sign(b"{}");
    let verdict = |values: &[&str]| verifier.verify(&headers(values), BODY).unwrap_err();
    for values in [["t=1", &wrong, &late], [&late, &wrong, "t=1"]] {
        assert!(matches!(verdict(&values), WebhookError::TooOld { .. }), "{values:?}");
    }
    for values in [["t=1", &wrong], [&wrong, "t=1"]] {
        assert_eq!(verdict(&values), WebhookError::WrongSignature, "{values:?}");
    }
    for values in [["t=1", &wrong], [&wrong, "t=1"]] {
        assert_eq!(verdict(&values), WebhookError::WrongSignature, "{values:?}");
    }
    assert!(matches!(verdict(&["t=1", "t=2"]), WebhookError::MalformedSignature { .. }));
}

/// Each time costs a MAC over the body.
#[test]
fn a_sender_can_not_ask_for_many_macs() {
    let (verifier, signer, clock) = pair();
    let signed_before = |seconds: i64| signer.sign_at(clock.utc() - TimeDelta::seconds(seconds), BODY);
    let values: Vec<_> = (0..5).map(signed_before).collect();
    let values: Vec<_> = values.iter().map(String::as_str).collect();
    assert!(verifier.verify(&headers(&values[..4]), BODY).is_ok());
    let refused = WebhookError::MalformedSignature { rule: "has more than four times" };
    assert_eq!(verifier.verify(&headers(&values), BODY), Err(refused.clone()));
    assert_eq!(verifier.verify_value(&values.join(","), BODY), Err(refused));
}

#[test]
fn header_and_label_can_be_set() {
    let (verifier, _, clock) = pair();
    let scheme = |header: &str, label: &str| SignatureScheme::new(header, label);
    let other = scheme("X-Signature", "v1").unwrap();
    let signer = Signer::new(secret("new")).scheme(other.clone()).clock(clock);
    let mut headers = HeaderMap::new();
    headers.insert("x-signature", signer.sign(BODY).parse().unwrap());
    assert_eq!(verifier.verify(&headers, BODY), Err(WebhookError::NoSignature));
    let other_label = verifier.clone().scheme(scheme("X-Signature", "v0").unwrap());
    assert!(matches!(other_label.verify(&headers, BODY), Err(WebhookError::MalformedSignature { .. })));
    assert!(verifier.scheme(other).verify(&headers, BODY).is_ok());

    assert_eq!(scheme("not a name", "v0").unwrap_err().field(), "signature header");
    for bad in ["", "t", "v 0", "v0=", "v0,v1"] {
        assert_eq!(scheme("x-signature", bad).unwrap_err().field(), "signature scheme", "{bad:?}");
    }
}

#[test]
fn encodings_of_a_signature() {
    let (verifier, signer, clock) = pair();
    let value = signer.sign(BODY);
    let (time, hex) = value.split_once(",v0=").unwrap();
    let upper = format!("{time},v0={}", hex.to_uppercase());
    assert!(verifier.verify_value(&upper, BODY).is_ok(), "upper case is the same number");
    assert!(verifier.verify_value(&value.replace(',', " , "), BODY).is_ok(), "blanks");

    let base64 = "rhi6d0wJ8y2s7S5mG8mAWy6a2Y0bJ0o7Z5e1kq0Zz9A=";
    for malformed in [
        format!("{time},v0={base64}"),
        format!("{time},v0=0x{hex}"),
        format!("{time},v0={}", &hex[..62]),
        format!("{time},v0={hex}00"),
        hex.to_owned(),
        String::new(),
    ] {
        let verdict = verifier.verify_value(&malformed, BODY);
        assert!(matches!(verdict, Err(WebhookError::MalformedSignature { .. })), "{malformed}: {verdict:?}");
    }

    let mut headers = HeaderMap::new();
    headers.insert("vgs-signature", HeaderValue::from_bytes(b"t=1,v0=\xff").unwrap());
    let verdict = verifier.verify(&headers, BODY);
    assert!(matches!(verdict, Err(WebhookError::MalformedSignature { .. })));
    let milliseconds = value.replace(time, &format!("t={}", clock.utc().timestamp_millis()));
    assert_wrong(&verifier.verify_value(&milliseconds, BODY));
}

#[test]
fn nothing_shows_the_secret_the_body_or_the_signature() {
    let (verifier, signer, _) = pair();
    let verifier = verifier.also(secret("whsec_marked"));
    let value = signer.sign(BODY);
    let verified = verifier.verify_value(&value, BODY).unwrap();
    assert_eq!(format!("{:?}", secret("whsec_marked")), "WebhookSecret(***)");
    let shown = format!("{verifier:?} {signer:?} {verified:?}");
    assert!(shown.contains("Verified { signed_at: "), "{shown}");
    for hidden in ["whsec_marked", "evt_1", &value[20..]] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[test]
fn a_malformed_header_is_refused_with_its_rule() {
    let hex = "0".repeat(64);
    for (value, rule) in [
        (format!("v0={hex}"), "has no time"),
        (format!("t=1,t=2,t=3,t=4,t=5,v0={hex}"), "has more than four times"),
        ("t=1".to_owned(), "has no signature of the expected scheme"),
        (format!("t=1,v1={hex}"), "has no signature of the expected scheme"),
        (format!("t=1,v0={}", &hex[1..]), "has no signature of 64 hexadecimal digits"),
        (format!("t=,v0={hex}"), "has a time that is not in Unix seconds"),
        (format!("t=+1,v0={hex}"), "has a time that is not in Unix seconds"),
        (format!("t=99999999999999999999,v0={hex}"), "has a time that is not in Unix seconds"),
        (format!("t=9223372036854775807,v0={hex}"), "has a time that is not in Unix seconds"),
        (format!("t=1,v0={hex}{}", " ".repeat(4096)), "is too long"),
    ] {
        let refused = Verifier::new(secret("any")).verify_value(&value, BODY).err();
        assert_eq!(refused, Some(WebhookError::MalformedSignature { rule }), "{value}");
    }
}

#[test]
fn a_header_that_is_no_text_is_refused_with_its_rule() {
    let mut headers = HeaderMap::new();
    headers.append("vgs-signature", HeaderValue::from_bytes(b"t=1,v0=\xff").unwrap());
    let refused = Verifier::new(secret("any")).verify(&headers, BODY).err();
    assert_eq!(refused, Some(WebhookError::MalformedSignature { rule: "is not visible ASCII" }));
}

#[test]
fn deliveries_are_equal_if_body_and_time_are() {
    let (verifier, signer, clock) = pair();
    let (first, other) = (signer.sign(BODY), signer.sign(b"{}"));
    clock.advance(Duration::from_secs(1));
    let later = signer.sign(BODY);
    let verified = verifier.verify_value(&first, BODY).unwrap();
    assert_eq!(verified, verifier.verify_value(&first, BODY).unwrap());
    assert_ne!(verified, verifier.verify_value(&later, BODY).unwrap());
    assert_ne!(verified, verifier.verify_value(&other, b"{}").unwrap());
}
