//! The documentation, the dashboard and the alerts name what the client exports, and nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use cmp::{
    Client, Environment,
    auth::{AccessToken, AccessTokenError, AccessTokenFuture, AccessTokenProvider},
    clock::ManualClock,
    operation::Operation,
    retry::RetryPolicy,
};
use cmp_simulator::{Fault, Operation as Simulated, Simulator, TokenArrival};
use futures_util::FutureExt;
use serde_json::Value;

use crate::{
    calls::{builder, new_card, stored},
    collected::{Collected, Point},
    webhooks,
};

const TABLE: &str = include_str!("../../../cmp/src/metrics.rs");
const ON_CALL: &str = include_str!("../../../docs/on-call.md");
const DASHBOARD: &str = include_str!("../../../docs/grafana.json");
const ALERTS: &str = include_str!("../../../docs/alerts.yml");

/// A field of spans, which the page about on-call names too.
const NOT_MEASURED: &str = "cmp.trace_id";
/// The beginnings of our names in Prometheus, of metrics and of labels.
const OURS: [&str; 6] = ["cmp_", "http_", "error_", "server_", "url_", "network_"];

/// What was seen of a metric.
#[derive(Debug, Default)]
struct Seen {
    kind: &'static str,
    unit: String,
    points: usize,
    /// Each attribute with its values, and the number of points that have it.
    attributes: BTreeMap<String, (BTreeSet<String>, usize)>,
}

fn seen(points: &[Point]) -> BTreeMap<String, Seen> {
    let mut metrics = BTreeMap::<String, Seen>::new();
    for point in points {
        let seen = metrics.entry(point.name.clone()).or_default();
        (seen.kind, seen.unit) = (point.kind, point.unit.clone());
        seen.points += 1;
        for (name, value) in &point.attributes {
            let (values, points) = seen.attributes.entry(name.clone()).or_default();
            values.insert(value.clone());
            *points += 1;
        }
    }
    metrics
}

#[derive(Debug)]
struct Fails(fn() -> AccessTokenError);

impl AccessTokenProvider for Fails {
    fn fetch(&self) -> AccessTokenFuture<'_> {
        Box::pin(async { Err(self.0()) })
    }
}

/// Lets everything happen that is measured.
async fn everything() -> BTreeMap<String, Seen> {
    let (simulator, clock, collected) =
        (Simulator::start().await.expect("a free port"), ManualClock::new(), Collected::new());
    let meter = collected.meter();
    let policy = RetryPolicy::default().deadline(Duration::from_secs(3));
    let cmp =
        builder(&simulator, &clock).meter(&meter).watch_drift().retry(policy).build().expect("a client");
    let id = stored(&simulator).await;
    let unknown = "CRDunknown".parse().expect("an id");

    // Fetches of an access token.
    for fails in [
        || AccessTokenError::refused("no"),
        || AccessTokenError::transient("not now"),
        || AccessToken::new("not a token").expect_err("a blank").into(),
    ] {
        let environment = Environment::custom(simulator.url(), simulator.token_url()).expect("loopback");
        let client = Client::builder(environment).token_provider(Fails(fails)).clock(ManualClock::new());
        let client = client.meter(&meter).build().expect("a client");
        client.cards().get(&id).await.expect_err("no token");
    }

    // Calls that succeed and fail.
    cmp.cards().get(&id).await.expect("a card");
    cmp.network_tokens().wait_for(&id).await.expect("a token");
    for fault in [
        Fault::status(503).times(1),
        Fault::dropped(),
        Fault::garbage(),
        Fault::redirect(307, "/elsewhere"),
        Fault::status(429),
    ] {
        simulator.faults().clear();
        simulator.faults().add(fault.on(Simulated::GetCard));
        drop(cmp.cards().get(&id).await);
    }
    cmp.cards().get(&id).await.expect_err("the client is held back");
    simulator.faults().clear();
    clock.advance(Duration::from_secs(60));
    let hung = Fault::hang().on(Simulated::CreateCard);
    for ends in [true, false] {
        simulator.forget_requests();
        simulator.faults().add(hung.clone());
        let asked = async {
            while simulator.count(Simulated::CreateCard) == 0 {
                tokio::task::yield_now().await;
            }
            if ends {
                clock.advance(Duration::from_secs(20));
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            outcome = cmp.cards().create(new_card()) => drop(outcome.expect_err("it hangs")),
            () = asked => {}
        }
    }
    simulator.faults().clear();

    // Waits and runs.
    cmp.network_tokens().wait_for(&unknown).await.expect_err("no such card");
    simulator.configure(|settings| settings.token_arrival = TokenArrival::Held);
    let held = stored(&simulator).await;
    drop(cmp.network_tokens().wait_for(&held).into_future().now_or_never());
    cmp.network_tokens().wait_for(&held).await.expect_err("the token is held back");
    simulator.world().fail_token(id.as_str()).expect("a token");
    cmp.network_tokens().wait_for(&id).await.expect_err("the token failed");
    let mut run = cmp.bulk().over([id, unknown]).get();
    while run.next().await.is_some() {}

    webhooks::every_outcome(&meter).await;
    seen(&collected.points())
}

#[tokio::test]
async fn the_table_of_metrics_has_each_with_its_kind_unit_and_attributes() {
    let seen = everything().await;
    let mut listed = BTreeSet::new();
    for row in TABLE.lines().filter_map(|line| line.strip_prefix("//! | `")) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let name = cells[0].trim_matches('`');
        let metric = seen.get(name).unwrap_or_else(|| panic!("{name} is not exported"));
        listed.insert(name.to_owned());
        let kind = if metric.kind == "sum" { "up-down counter" } else { metric.kind };
        assert_eq!(cells[1], format!("{kind}, `{}`", metric.unit), "{name}");
        let attributes: BTreeSet<_> = cells[2].split(", ").map(str::to_owned).collect();
        let exported = metric.attributes.iter().map(|(attribute, (_, points))| {
            let optional = if *points < metric.points { "?" } else { "" };
            format!("`{attribute}`{optional}")
        });
        assert_eq!(attributes, exported.collect(), "{name}");
    }
    assert_eq!(listed, seen.keys().cloned().collect());
}

#[tokio::test]
async fn the_page_for_on_call_names_each_metric_and_only_what_is_exported() {
    let seen = everything().await;
    let attributes = seen.values().flat_map(|metric| metric.attributes.iter());
    let known: BTreeSet<&str> =
        attributes.clone().map(|(name, _)| &**name).chain(seen.keys().map(|name| &**name)).collect();
    let values: BTreeSet<&str> =
        attributes.flat_map(|(_, (values, _))| values.iter().map(|value| &**value)).collect();
    let prometheus = in_prometheus(&seen);
    let named: BTreeSet<&str> = ON_CALL.split('`').skip(1).step_by(2).collect();
    for name in &named {
        if name.starts_with("cmp.") || name.starts_with("http.") {
            assert!(known.contains(name) || *name == NOT_MEASURED, "{name}");
        }
        if name.starts_with("cmp_") || name.starts_with("http_") {
            let of_a_histogram = format!("{name}_count");
            assert!(prometheus.contains_key(*name) || prometheus.contains_key(&of_a_histogram), "{name}");
        }
    }
    for name in seen.keys() {
        assert!(named.contains(&**name), "{name} is not explained");
    }
    for row in ON_CALL.lines().filter(|line| line.starts_with("| `")) {
        let first = row.split('|').nth(1).unwrap_or_default();
        for value in first.split('`').skip(1).step_by(2).filter(|value| is_word(value)) {
            assert!(values.contains(value) || value == "error.type", "{value}");
        }
    }
}

#[tokio::test]
async fn the_dashboard_queries_what_is_exported() {
    let exported = in_prometheus(&everything().await);
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let mut queries = Vec::new();
    collect(&dashboard, &mut queries);
    assert!(queries.len() > 20, "{queries:?}");
    let used: BTreeSet<_> = queries.iter().flat_map(|query| check(query, &exported)).collect();
    for target in dashboard["panels"].as_array().expect("panels").iter().flat_map(targets) {
        let (query, legend) = (&target["expr"], target["legendFormat"].as_str().expect("a legend"));
        for label in legend.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")) {
            assert!(query.as_str().is_some_and(|query| query.contains(label.0)), "{legend} of {query}");
        }
    }
    let without_ending = |name: &str| {
        ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned()
    };
    let shown: BTreeSet<_> = used.iter().map(|name| without_ending(name)).collect();
    assert_eq!(shown, exported.keys().map(|name| without_ending(name)).collect(), "each metric has a panel");
}

#[tokio::test]
async fn the_six_alerts_query_what_is_exported_and_say_why_and_what_to_do() {
    let exported = in_prometheus(&everything().await);
    let alerts: Value = yaml_serde::from_str(ALERTS).expect("YAML");
    let rules = alerts["groups"][0]["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), 6);
    for rule in rules {
        let query = rule["expr"].as_str().expect("a query");
        assert!(!check(query, &exported).is_empty(), "{rule}");
        let annotations = rule["annotations"].as_object().expect("annotations");
        for name in ["summary", "reason", "action"] {
            let text = annotations[name].as_str().expect("a text");
            for label in text.split("$labels.").skip(1) {
                let label: String = label.chars().take_while(|c| is_name(*c)).collect();
                assert!(query.contains(&label), "{label} in {text}");
            }
        }
        let action = annotations["action"].as_str().expect("a text");
        let (_, heading) = action.split_once("docs/on-call.md#").expect("a place to read on");
        let headings = ON_CALL.lines().filter_map(|line| line.strip_prefix("## "));
        assert!(
            headings.map(|line| line.to_lowercase().replace(' ', "-")).any(|line| line == heading),
            "{action}"
        );
    }
}

/// Labels, each with its values, by metric, as OpenTelemetry's exporter for Prometheus names them.
type InPrometheus = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

fn in_prometheus(seen: &BTreeMap<String, Seen>) -> InPrometheus {
    let mut exported = InPrometheus::new();
    for (name, metric) in seen {
        let unit = match &*metric.unit {
            "s" => "_seconds",
            unit if unit.starts_with('{') => "",
            unit => panic!("{name} has the unit {unit}"),
        };
        let name = name.replace('.', "_") + unit;
        let endings: &[&str] = match metric.kind {
            "histogram" => &["_bucket", "_count", "_sum"],
            "counter" => &["_total"],
            _ => &[""],
        };
        let labels = metric.attributes.iter();
        let labels: BTreeMap<_, _> =
            labels.map(|(name, (values, _))| (name.replace('.', "_"), values.clone())).collect();
        for ending in endings {
            exported.insert(format!("{name}{ending}"), labels.clone());
        }
    }
    exported
}

/// Panics if a query names a metric, a label or a value that is not exported. Returns the metrics.
fn check(query: &str, exported: &InPrometheus) -> BTreeSet<String> {
    let (mut metrics, mut labels) = (BTreeSet::new(), BTreeSet::new());
    let (mut matched, mut in_braces, mut label) = (None, false, String::new());
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        let length = if first == '"' {
            let end = rest[1..].find('"').expect("the end of a text");
            if in_braces {
                let metric: &String = matched.as_ref().expect("a metric before the braces");
                let values = &exported[metric]
                    .get(&label)
                    .unwrap_or_else(|| panic!("{metric} has no {label}: {query}"));
                for value in rest[1..=end].split('|').filter(|value| is_word(value)) {
                    let operation = Operation::ALL.iter().any(|operation| operation.name() == value);
                    assert!(
                        values.contains(value) || (label == "cmp_operation" && operation),
                        "{value} in {query}"
                    );
                }
            }
            end + 2
        } else if is_name(first) {
            let name: String = rest.chars().take_while(|c| is_name(*c)).collect();
            if in_braces {
                label.clone_from(&name);
            } else if exported.contains_key(&name) {
                metrics.insert(name.clone());
                matched = Some(name.clone());
            } else if OURS.iter().any(|ours| name.starts_with(ours)) {
                labels.insert(name.clone());
            }
            name.len()
        } else {
            in_braces = (in_braces || first == '{') && first != '}';
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    for label in labels {
        assert!(metrics.iter().any(|metric| exported[metric].contains_key(&label)), "{label} in {query}");
    }
    metrics
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_word(value: &str) -> bool {
    value.contains(|c: char| c.is_ascii_alphabetic())
        && value.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
        && !value.starts_with(|c: char| c.is_ascii_digit())
}

/// Collects all queries, of panels and of variables.
fn collect(value: &Value, queries: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str().filter(|_| name == "expr" || name == "query" || name == "definition") {
                    Some(query) => queries.push(query.to_owned()),
                    None => collect(value, queries),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, queries)),
        _ => {}
    }
}

fn targets(panel: &Value) -> impl Iterator<Item = &Value> {
    panel["targets"].as_array().into_iter().flatten()
}

#[test]
#[should_panic(expected = "cmp_other in")]
fn a_query_with_another_label_is_found() {
    let labels = BTreeMap::from([("cmp_operation".to_owned(), BTreeSet::new())]);
    let exported = InPrometheus::from([("cmp_bulk_items_total".to_owned(), labels)]);
    check("sum by (cmp_operation) (cmp_bulk_items_total)", &exported);
    check("sum by (cmp_other) (cmp_bulk_items_total)", &exported);
}
