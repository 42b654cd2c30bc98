use std::{sync::LazyLock, time::Duration};

use cmp::{
    v1::PanAlias,
    webhooks::{Applied, CardView, Details, Event, Signer, Verifier, WebhookSecret},
};

use super::{assert_shows_no_pan, check_error};

static VERIFIER: LazyLock<Verifier> =
    LazyLock::new(|| Verifier::new(secret()).tolerance(Duration::from_secs(u64::from(u32::MAX))));
static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::new(secret()));

fn alias() -> PanAlias {
    PanAlias::new("tok_1").expect("an alias")
}

fn secret() -> WebhookSecret {
    WebhookSecret::new("whsec_fuzz").expect("not empty")
}

/// The signature header, which is the first line, and the body of a webhook.
pub fn webhook(input: &[u8]) {
    // Without a line break, all is body.
    let (header, body) = match input.iter().position(|octet| *octet == b'\n') {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (&[][..], input),
    };
    match VERIFIER.verify_value(&String::from_utf8_lossy(header), body) {
        Ok(_) => panic!("a forged signature passes"),
        Err(error) => check_error(&error),
    }

    let signature = SIGNER.sign(body);
    let verified = VERIFIER.verify_value(&signature, body).expect("our own signature fits");
    match verified.parse() {
        Ok(event) => apply(&event),
        Err(error) => {
            assert!(!error.is_unverified());
            check_error(&error);
        }
    }
}

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
    assert_shows_no_pan(&format!("{view:?}"));
    assert_eq!(serde_json::from_str::<CardView>(&stored).expect("and read back"), view);
}
