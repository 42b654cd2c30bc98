//! Every status with every body, over HTTP/1.1 and HTTP/2: what the server repeats is nowhere.

use cmp::{Delivery, ErrorKind};
use rcgen::SanType;
use workspace_tests::marks::{ACCESS_TOKEN, MARKS, Mark, PAN, Search, assert_none, recognizable};

use crate::{
    calls::{Clients, everything, new_card},
    hostile::{Hostile, Plan, Shape, identity},
    log,
};

const STATUSES: [u16; 26] = [
    200, 201, 202, 203, 204, 206, 300, 301, 303, 307, 400, 401, 403, 404, 408, 409, 415, 422, 424, 429, 500,
    501, 502, 503, 504, 520,
];
/// Those with a reader of their own.
const MAIN_STATUSES: [u16; 10] = [200, 201, 204, 303, 400, 401, 404, 429, 500, 503];
const TOKEN_STATUSES: [u16; 7] = [200, 302, 400, 401, 403, 429, 503];

async fn answered(server: Hostile) {
    for shape in Shape::ALL {
        let mut search = Search::of(&looked_for(shape));
        let of_api = match shape {
            Shape::Scattered | Shape::Errors => &STATUSES[..],
            _ => &MAIN_STATUSES[..],
        };
        for (statuses, for_tokens) in [(of_api, false), (&TOKEN_STATUSES[..], true)] {
            for status in statuses {
                let plan = Plan { status: *status, shape, for_tokens };
                server.answer(plan);
                let shown = Clients::of(&server).call_everything().await;
                search.assert_none(&shown, &format!("{plan:?}"));
            }
        }
    }
    let logged = log::kept();
    assert!(logged.contains("cmp.request") && logged.contains("/cards/{card_id}"), "the log is empty");
    assert_none(&logged, &MARKS, "the log");
}

/// Where the server has the marks in each other's places, plain words can't be recognized.
fn looked_for(shape: Shape) -> Vec<Mark> {
    if matches!(shape, Shape::Scattered | Shape::Errors) { recognizable() } else { MARKS.to_vec() }
}

#[tokio::test]
async fn nothing_shows_over_http_1() {
    answered(Hostile::http1()).await;
}

#[tokio::test]
async fn nothing_shows_over_http_2() {
    answered(Hostile::http2()).await;
}

#[tokio::test]
async fn the_names_in_a_bad_certificate_show_nowhere() {
    let named = |name: String| SanType::DnsName(name.try_into().expect("a name"));
    let bad = [
        identity(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1)),
        identity(|params| params.not_before = rcgen::date_time_ymd(4000, 1, 1)),
        identity(|params| {
            let names = [format!("{}.example", PAN.value), format!("{}.example", ACCESS_TOKEN.value)];
            params.subject_alt_names = names.map(named).into();
        }),
    ];
    let mut servers: Vec<_> = bad.into_iter().map(Hostile::with_identity).collect();
    let mut untrusted = Hostile::http2();
    untrusted.certificate = Some(identity(|_| ()).1);
    servers.push(untrusted);
    for server in servers {
        let clients = Clients::of(&server);
        let error = clients.cmp.cards().create(new_card()).await.expect_err("a bad certificate");
        assert_eq!(
            (error.kind(), error.delivery()),
            (ErrorKind::Authentication, Delivery::NotSent),
            "{error}"
        );
        assert!(error.to_string().contains("certificate"), "{error}");
        assert_none(&everything(&error), &MARKS, "an error about a certificate");
        assert_none(&clients.call_everything().await, &MARKS, "a bad certificate");
    }
    assert_none(&log::kept(), &MARKS, "the log");
}

#[tokio::test]
async fn a_proxy_that_repeats_the_password_shows_it_nowhere() {
    let (proxy, server) = (Hostile::http1(), Hostile::http2());
    for status in [200, 302, 400, 407, 502] {
        proxy.answer(Plan { status, shape: Shape::Errors, for_tokens: true });
        let clients = Clients::through(&proxy, &server);
        let shown = clients.call_everything().await;
        assert!(shown.contains("the token endpoint"), "{shown}");
        assert_none(&shown, &looked_for(Shape::Errors), &format!("a proxy's {status}"));
    }
    assert_none(&log::kept(), &MARKS, "the log");
}
