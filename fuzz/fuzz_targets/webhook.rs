//! The signature header and the body of a webhook, from anybody.

#![no_main]

use std::{sync::LazyLock, time::Duration};

use cmp::{
    v1::PanAlias,
    webhooks::{Applied, CardView, Details, Event, Signer, Verifier, WebhookSecret},
};
use libfuzzer_sys::fuzz_target;

static VERIFIER: LazyLock<Verifier> =
    LazyLock::new(|| Verifier::new(secret()).tolerance(Duration::from_secs(u64::from(u32::MAX))));
static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::new(secret()));

fn alias() -> PanAlias {
    PanAlias::new("tok_1").expect("an alias")
}

fn secret() -> WebhookSecret {
    WebhookSecret::new("whsec_fuzz").expect("not empty")
}

fuzz_target!(|input: &[u8]| {
    // The first line is the header, unless there is only one.
    let (header, body) = match input.iter().position(|octet| *octet == b'\n') {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (&[][..], input),
    };
    let forged = VERIFIER.verify_value(&String::from_utf8_lossy(header), body);
    assert!(forged.is_err(), "a forged signature passes");

    let signature = SIGNER.sign(body);
    let verified = VERIFIER.verify_value(&signature, body).expect("our own signature fits");
    match verified.parse() {
        Ok(event) => apply(&event),
        Err(error) => assert!(!error.is_unverified() && error.to_string().len() < 100),
    }
});

fn apply(event: &Event) {
    assert!(!event.id.is_empty() && !event.name.is_empty());
    assert_shows_no_pan(&format!("{event:?}"));
    let mut view = match (event.card_id(), &event.details) {
        (Some(card), _) => CardView::new(card.clone()),
        (None, Details::NetworkToken(token)) => {
            CardView::of_alias(token.pan_alias.clone().unwrap_or_else(alias))
        }
        (None, _) => CardView::of_alias(alias()),
    };
    view.apply(event);
    let once = view.clone();
    assert_ne!(view.apply(event), Applied::Changed, "a repeat changes something");
    assert_eq!(view, once);
    let stored = serde_json::to_string(&view).expect("a view can be stored");
    assert_eq!(serde_json::from_str::<CardView>(&stored).expect("and read back"), view);
}

/// PANs have 14 digits and more; the longest that is shown is within an id.
fn assert_shows_no_pan(shown: &str) {
    let longest = shown.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
    assert!(longest.unwrap_or_default() <= 12, "{shown}");
}
