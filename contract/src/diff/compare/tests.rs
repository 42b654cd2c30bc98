//! Tests what examples can't show: every difference is reported, equal contracts have no findings, and the work is
//! limited.

use proptest::{prelude::*, test_runner::RngSeed};
use serde_json::{Map, Value, json};

use super::{Compare, compare, compared};
use crate::{
    diff::{change::Level, equal},
    spec::json::below,
};

fn read(path: &str) -> Value {
    let path = crate::spec::files::Layout::of_tests().root.join(path);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut document: Value = serde_json::from_str(&text).expect("JSON");
    document.as_object_mut().expect("an object").shift_remove("x-generated");
    document
}

/// A contract that contains every construct of OpenAPI.
fn everything() -> Value {
    read("contract/tests/fixtures/diff/everything.json")
}

/// Collects the pointers of all values in a document, except the document itself.
fn pointers(value: &Value, at: &str, out: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(key, member)| (below(at, key), member)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (below(at, &index.to_string()), item)).collect()
        }
        _ => Vec::new(),
    };
    for (at, child) in children {
        out.push(at.clone());
        pointers(child, &at, out);
    }
}

/// Makes a single change that alters the contract's meaning. Returns `None` if the edit doesn't apply here, or if it
/// only removes a value that may mean the same as its absence.
fn edited(document: &Value, at: &str, edit: usize) -> Option<Value> {
    let mut out = document.clone();
    let (holder, key) = at.rsplit_once('/')?;
    let key = key.replace("~1", "/").replace("~0", "~");
    let place = out.pointer_mut(at)?;
    let fresh = [json!("fresh"), json!(90210), json!({"fresh": "fresh"}), json!(["fresh"]), Value::Null];
    match edit {
        0..=4 => {
            if *place == fresh[edit] {
                return None;
            }
            *place = fresh[edit].clone();
        }
        5 => match place {
            Value::Object(members) => {
                members.insert("fresh".to_owned(), "fresh".into());
            }
            Value::Array(items) => items.push("fresh".into()),
            Value::Bool(value) => *value = !*value,
            Value::String(text) => text.push_str("-fresh"),
            Value::Number(number) => *place = (number.as_f64()? + 1.0).into(),
            Value::Null => return None,
        },
        _ => {
            let value = place.clone();
            if says_nothing(document, &key, &value) {
                return None;
            }
            match out.pointer_mut(holder)? {
                Value::Object(members) => drop(members.shift_remove(&key)?),
                Value::Array(items) => drop(items.remove(key.parse().ok()?)),
                _ => return None,
            }
        }
    }
    Some(out)
}

/// Whether an absent member may mean the same as this value.
fn says_nothing(document: &Value, key: &str, value: &Value) -> bool {
    let is_empty = *value == json!({}) || *value == json!([]);
    let is_default =
        *value == false || *value == true || *value == 0 || *value == "simple" || *value == "form";
    is_empty || is_default || (matches!(key, "security" | "servers") && document.get(key) == Some(value))
}

/// Returns an error unless `compare` reports the edit, and each finding has a place.
fn answer(old: &Value, new: &Value) -> Result<(), String> {
    let findings = compare(old, new).map_err(|error| format!("{error:#}"))?;
    match findings.iter().find(|finding| finding.at.is_empty()) {
        _ if findings.is_empty() => Err("no change".to_owned()),
        Some(finding) => Err(format!("no place: {}", finding.text)),
        None => Ok(()),
    }
}

/// Edits every value of `everything()`, and compares in alternating directions.
#[test]
fn no_edit_goes_unsaid() {
    let document = everything();
    let mut all = Vec::new();
    pointers(&document, "", &mut all);
    let (mut wrong, mut count) = (Vec::new(), 0);
    for at in &all {
        // Each value is changed and removed, and some become an object.
        let edits: &[usize] = if all.len() % 3 == count % 3 { &[2, 5, 6] } else { &[5, 6] };
        for edit in edits.iter().copied() {
            let Some(other) = edited(&document, at, edit) else { continue };
            count += 1;
            let (old, new) = if count % 2 == 0 { (&document, &other) } else { (&other, &document) };
            if let Err(error) = answer(old, new) {
                wrong.push(format!("{at}, edit {edit}: {error}"));
            }
        }
    }
    assert!(count > 1000, "{count} edits");
    assert!(wrong.is_empty(), "{} of {count}: {:#?}", wrong.len(), &wrong[..wrong.len().min(40)]);
}

/// Generates a nested schema with keywords of every kind.
fn schema() -> impl Strategy<Value = Value> {
    let words = || proptest::sample::select(vec!["a", "b", "c"]);
    let leaf = prop_oneof![
        proptest::sample::select(vec!["Node", "Leaf", "List"])
            .prop_map(|name| json!({"$ref": format!("#/components/schemas/{name}")})),
        (words(), 1..9_u32)
            .prop_map(|(word, limit)| json!({"type": "string", "maxLength": limit, "title": word})),
        (0..9_i32, 0..9_i32)
            .prop_map(|(low, more)| json!({"type": "integer", "minimum": low, "maximum": low + more})),
        proptest::collection::btree_set(words(), 1..3).prop_map(|values| json!({"enum": values})),
        Just(json!({"type": ["string", "null"]})),
    ];
    leaf.prop_recursive(3, 24, 4, move |inner| {
        let schemas = || proptest::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            (schemas(), any::<bool>()).prop_map(|(schemas, required)| {
                let named: Map<String, Value> =
                    ["a", "b", "c"].iter().map(ToString::to_string).zip(schemas).collect();
                let required = if required { json!(["a"]) } else { json!(["b", "z"]) };
                json!({"type": "object", "properties": named, "required": required})
            }),
            (proptest::sample::select(vec!["allOf", "anyOf", "oneOf", "prefixItems"]), schemas())
                .prop_map(|(key, schemas)| json!({key: schemas, "description": "d"})),
            (
                proptest::sample::select(vec![
                    "not",
                    "items",
                    "contains",
                    "propertyNames",
                    "if",
                    "then",
                    "additionalProperties",
                    "unevaluatedProperties",
                    "contentSchema",
                ]),
                inner.clone()
            )
                .prop_map(|(key, schema)| json!({key: schema})),
            (proptest::sample::select(vec!["patternProperties", "dependentSchemas", "$defs"]), inner.clone())
                .prop_map(|(key, schema)| json!({key: {"n": schema}})),
            (inner.clone(), 1..9_u32).prop_map(|(schema, limit)| match schema {
                Value::Object(mut members) => {
                    members.insert("minItems".to_owned(), limit.into());
                    Value::Object(members)
                }
                other => other,
            }),
        ]
    })
}

fn document() -> impl Strategy<Value = Value> {
    (schema(), schema(), schema()).prop_map(|(one, two, three)| {
        let node = json!({"properties": {"next": {"$ref": "#/components/schemas/Node"}, "value": one}});
        json!({
            "openapi": "3.1.0",
            "info": {"title": "T", "version": "1"},
            "paths": {"/a/{id}": {"post": {
                "parameters": [{"name": "id", "in": "path", "required": true, "schema": two}],
                "requestBody": {"content": {"a/b": {"schema": {"$ref": "#/components/schemas/Node"}}}},
                "responses": {"200": {"description": "d", "content": {"a/b": {"schema": three}}}}
            }}},
            "components": {"schemas": {
                "Node": node,
                "Leaf": {"type": "string", "minLength": 1},
                "List": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}
            }}
        })
    })
}

/// Rewrites a document without a change of meaning, at the places that `choice` picks.
fn rewritten(document: &Value, choice: u64) -> Value {
    let mut state = choice;
    let mut out = document.clone();
    rewrite(&mut out, "", &mut state);
    // Renaming a component changes the meaning if a discriminator puts its name on the wire.
    if pick(&mut state, 2) == 0 && !document.to_string().contains("discriminator") {
        let text = out.to_string().replace("#/components/schemas/", "#/components/schemas/New");
        out = serde_json::from_str(&text).expect("JSON");
        if let Some(Value::Object(schemas)) = out.pointer_mut("/components/schemas") {
            *schemas = std::mem::take(schemas)
                .into_iter()
                .map(|(name, schema)| (format!("New{name}"), schema))
                .collect();
        }
    }
    out
}

fn pick(state: &mut u64, choices: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % choices
}

fn rewrite(value: &mut Value, key: &str, state: &mut u64) {
    match value {
        Value::Object(members) => {
            let is_schema = members.contains_key("$ref") || members.get("type").is_some_and(Value::is_string);
            let is_opaque =
                matches!(key, "example" | "examples" | "default" | "info" | "securitySchemes" | "flows");
            if is_opaque {
                return;
            }
            for (key, member) in members.iter_mut() {
                rewrite(member, key, state);
            }
            let reversed = pick(state, 2) == 0;
            if reversed {
                *members = std::mem::take(members).into_iter().rev().collect();
            }
            let is_schema = is_schema
                && !members.contains_key("in")
                && members.get("$ref").and_then(Value::as_str).is_none_or(|name| name.contains("/schemas/"));
            match pick(state, 6) {
                0 if is_schema => *value = json!({"allOf": [Value::Object(std::mem::take(members))]}),
                1 if is_schema => {
                    for (key, default) in [
                        ("minLength", json!(0)),
                        ("minItems", json!(0.0)),
                        ("uniqueItems", json!(false)),
                        ("deprecated", json!(false)),
                        ("required", json!([])),
                    ] {
                        members.entry(key).or_insert(default);
                    }
                }
                2 if is_schema => *value = json!({"anyOf": [Value::Object(std::mem::take(members))]}),
                _ => {}
            }
        }
        Value::Array(items) => {
            for item in items.iter_mut() {
                rewrite(item, "", state);
            }
            let has_order = matches!(key, "prefixItems" | "servers" | "examples" | "");
            if !has_order && pick(state, 2) == 0 {
                items.reverse();
            }
        }
        Value::Number(number) if number.as_f64().is_some_and(|number| number.abs() < 1e9) => {
            *value = number.as_f64().into();
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_edit_of_a_random_contract_goes_unsaid(document in document(), place: prop::sample::Index, edit in 0..7_usize) {
        let mut all = Vec::new();
        pointers(&document, "", &mut all);
        let at = place.get(&all);
        if let Some(other) = edited(&document, at, edit) {
            // Some random schemas state a thing twice, so the edit may change nothing. The graph decides this, and
            // has its own tests.
            let (graph, one, two) = equal::graph(&document, &other).expect("a graph");
            if !graph.same(one.node, two.node) {
                prop_assert_eq!(answer(&document, &other), Ok(()), "{} {}", at, edit);
                prop_assert_eq!(answer(&other, &document), Ok(()), "{} {}", at, edit);
            } else {
                prop_assert!(is_void(&document, at, edit), "{} {} is void", at, edit);
            }
        }
    }

    #[test]
    fn a_rewrite_is_no_change(document in document(), choice: u64) {
        let other = rewritten(&document, choice);
        for (one, other) in [(&document, &other), (&other, &document), (&other, &other)] {
            let findings = compare(one, other).expect("compared");
            prop_assert!(findings.is_empty(), "{:?}\n{}\n{}", texts(&findings), document, other);
        }
    }
}

/// Whether an edit of a random schema may change nothing, such as when another keyword or branch states the same.
fn is_void(document: &Value, at: &str, edit: usize) -> bool {
    let holder = at.rsplit_once('/').and_then(|(holder, _)| document.pointer(holder));
    let has_branches =
        holder.is_some_and(|holder| ["allOf", "anyOf", "oneOf"].iter().any(|key| holder.get(key).is_some()));
    let is_in_branch = ["/allOf/", "/anyOf/", "/enum/", "/required/"].iter().any(|key| at.contains(key));
    // If a branch refers to this component, another branch may state the same.
    let may_be_in_branch = at.starts_with("/components/") && document.to_string().contains("Of\":");
    let removed = edit == 6 && (has_branches || is_in_branch || may_be_in_branch);
    // `then` without `if` has no effect.
    let lonely = at.contains("/then") || document.pointer(at).is_some_and(Value::is_null);
    removed || lonely
}

#[test]
fn the_contract_itself_is_held_to_the_same() {
    let contract = read("openapi/cmp.json");
    assert!(compare(&contract, &contract).expect("compared").is_empty());
    for choice in 0..6 {
        let findings = compare(&contract, &rewritten(&contract, choice)).expect("compared");
        assert!(findings.is_empty(), "{choice}: {:#?}", texts(&findings));
    }
    let mut all = Vec::new();
    pointers(&contract, "", &mut all);
    let mut state = 7;
    for _ in 0..60 {
        let at = &all[usize::try_from(pick(&mut state, all.len() as u64)).expect("a position")];
        let edit = usize::try_from(pick(&mut state, 7)).expect("an edit");
        if let Some(other) = edited(&contract, at, edit) {
            assert_eq!(answer(&contract, &other), Ok(()), "{at}, edit {edit}");
        }
    }
}

fn texts(findings: &[super::Finding]) -> Vec<String> {
    findings.iter().take(5).map(|finding| format!("{} {} {}", finding.at, finding.id, finding.text)).collect()
}

/// Generates small schemas whose values are easy to list.
fn small_schema() -> impl Strategy<Value = Value> {
    let types = || {
        let names = vec!["string", "number", "integer", "object", "null", "boolean"];
        proptest::sample::subsequence(names, 1..3).prop_map(|names| json!({"type": names}))
    };
    let leaf = prop_oneof![
        types(),
        (0..4_u32).prop_map(|limit| json!({"type": "string", "maxLength": limit})),
        (0..4_u32).prop_map(|limit| json!({"type": "integer", "minimum": limit})),
        proptest::sample::subsequence(vec![json!("a"), json!("b"), json!(1), json!(null)], 1..4)
            .prop_map(|values| json!({"enum": values})),
        proptest::sample::subsequence(vec!["a", "b"], 1..3)
            .prop_map(|names| json!({"type": "object", "required": names})),
    ];
    leaf.prop_recursive(2, 12, 3, move |inner| {
        let schemas = || proptest::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            3 => (proptest::sample::select(vec!["anyOf", "oneOf"]), schemas())
                .prop_map(|(key, schemas)| json!({key: schemas})),
            1 => schemas().prop_map(|schemas| json!({"allOf": schemas})),
            1 => (types(), proptest::sample::select(vec!["anyOf", "oneOf"]), schemas()).prop_map(
                |(mut types, key, schemas)| {
                    types[key] = schemas.into();
                    types
                }
            ),
            1 => (inner.clone(), inner.clone())
                .prop_map(|(a, b)| json!({"type": "object", "properties": {"a": a, "b": b}})),
        ]
    })
}

/// Changes a small schema at one place.
fn small_edit(schema: &Value, choice: u64) -> Value {
    let mut out = schema.clone();
    let mut places = vec![String::new()];
    pointers(schema, "", &mut places);
    let mut state = choice;
    let at = &places[usize::try_from(pick(&mut state, places.len() as u64)).expect("a place")];
    let Some(place) = out.pointer_mut(at) else { return out };
    match place {
        Value::Object(members) => {
            let key = ["anyOf", "oneOf"].into_iter().find(|key| members.contains_key(*key));
            match (key, pick(&mut state, 3)) {
                (Some(key), 0) => {
                    let other = if key == "anyOf" { "oneOf" } else { "anyOf" };
                    let branches = members.shift_remove(key).expect("branches");
                    members.insert(other.to_owned(), branches);
                }
                (Some(key), 1) => drop(members.shift_remove(key)),
                // The members of `properties` are named a and b.
                _ if members.contains_key("a") => {}
                _ => drop(members.insert(
                    "anyOf".to_owned(),
                    json!([{"type": "string"}, {"type": "object", "required": ["a"]}]),
                )),
            }
        }
        Value::Array(items) if items.len() > 1 => match pick(&mut state, 2) {
            0 => drop(items.pop()),
            _ if items[0].is_object() => items.push(items[0].clone()),
            _ => drop(items.remove(0)),
        },
        Value::Number(number) => *place = (number.as_u64().unwrap_or(0) + 1).into(),
        _ => {}
    }
    out
}

fn values() -> Vec<Value> {
    let mut all = vec![json!(null), json!(true), json!(0), json!(1), json!(3), json!(2.5)];
    all.extend(["", "a", "b", "abc", "abcd"].map(Value::from));
    all.extend([json!([]), json!({}), json!({"c": 1})]);
    for value in all.clone() {
        all.extend([json!({"a": value}), json!({"b": value}), json!({"a": value, "b": value})]);
    }
    all
}

fn of_schema(schema: &Value) -> Value {
    let media = json!({"content": {"a/b": {"schema": schema}}});
    json!({
        "openapi": "3.1.0", "info": {"title": "T", "version": "1"},
        "paths": {"/a": {"post": {"requestBody": media}}}
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_request_that_is_refused_now_is_a_break(old in small_schema(), other in small_schema(), choice: u64) {
        for new in [small_edit(&old, choice), other] {
            let accepts = |schema: &Value| {
                let validator = jsonschema::draft202012::new(schema).expect("a schema");
                values().into_iter().filter(move |value| validator.is_valid(value)).collect::<Vec<_>>()
            };
            let (before, after) = (accepts(&old), accepts(&new));
            let findings = compare(&of_schema(&old), &of_schema(&new)).expect("compared");
            let level = findings.iter().map(|finding| finding.level).max();
            let refused = before.iter().find(|value| !after.contains(value));
            // A new member counts as additive, whatever was sent under its name before. The objects of a `oneOf` count
            // as kinds, and a value is only of one.
            let text = new.to_string();
            let is_policy = text.contains("oneOf") && text.contains("object") || findings.iter().any(|finding| finding.id.starts_with("new-"));
            prop_assert!(
                refused.is_none() || is_policy || level >= Some(Level::Unclassified),
                "{} is refused\n{}\n{}\n{:?}", refused.unwrap_or(&Value::Null), old, new, texts(&findings)
            );
            let is_reworded = level == Some(Level::Documentation) || level.is_none();
            prop_assert!(
                !is_reworded || before == after, "{:?}\n{:?}\n{}\n{}\n{:?}", before, after, old, new, texts(&findings)
            );
        }
    }
}

/// The number of schema pairs that were compared.
fn work(compare: &Compare<'_>) -> usize {
    compare.judged.len()
}

fn big(operations: usize, schemas: &Map<String, Value>, first: &str) -> Value {
    let content = json!({"a/b": {"schema": {"$ref": format!("#/components/schemas/{first}")}}});
    let operation = |index: usize| {
        (
            format!("/p{index}"),
            json!({"post": {"requestBody": {"content": content}, "responses": {"200": {"description": "d", "content": content}}}}),
        )
    };
    let paths: Map<String, Value> = (0..operations).map(operation).collect();
    json!({"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": paths, "components": {"schemas": schemas}})
}

fn named(index: usize, count: usize) -> Value {
    json!({"$ref": format!("#/components/schemas/S{}", index % count)})
}

#[test]
fn the_work_grows_with_the_schemas_and_not_with_the_ways_to_them() {
    const COUNT: usize = 200;
    let schema = |index: usize| {
        let members: Map<String, Value> =
            (0..20).map(|step| (format!("m{step}"), named(index * 7 + step * step + 1, COUNT))).collect();
        (format!("S{index}"), json!({"type": "object", "properties": members, "maxProperties": 9}))
    };
    let old = big(300, &(0..COUNT).map(schema).collect(), "S0");
    let mut new = old.clone();
    new["components"]["schemas"]["S5"]["maxProperties"] = 8.into();
    let compare = compared(&old, &new).expect("compared");
    assert!(work(&compare) <= COUNT * 6, "{} pairs", work(&compare));
    // Each of the 300 operations has one finding for its request and one for its response.
    assert_eq!(compare.findings.len(), 600);
    assert_eq!(work(&compared(&old, &old).expect("compared")), 0);
}

#[test]
fn long_chains_are_compared() {
    const COUNT: usize = 10_000;
    let chain = |last: u32| -> Value {
        let link = |index: usize| match index + 1 == COUNT {
            true => (format!("S{index}"), json!({"maxLength": last})),
            false => (format!("S{index}"), json!({"properties": {"next": named(index + 1, COUNT)}})),
        };
        big(1, &(0..COUNT).map(link).collect(), "S0")
    };
    let (old, new) = (chain(5), chain(6));
    let compare = compared(&old, &new).expect("compared");
    assert_eq!(compare.findings.len(), 2);
    assert!(work(&compare) <= 2 * COUNT + 4, "{} pairs", work(&compare));
    let ring = |last: u32| {
        let mut document = chain(last);
        document["components"]["schemas"]["S9999"]["properties"] = json!({"next": named(0, COUNT)});
        document
    };
    assert_eq!(compared(&ring(5), &ring(6)).expect("compared").findings.len(), 2);
    assert_eq!(compared(&ring(5), &ring(5)).expect("compared").findings.len(), 0);
}

#[test]
fn long_and_branching_all_of_is_compared_or_refused() {
    let stack = |count: usize, last: u32, width: usize| -> Value {
        let layer = |index: usize| match index + 1 == count {
            true => (format!("S{index}"), json!({"maxLength": last})),
            false => {
                let mut parts: Vec<Value> = (0..width).map(|_| named(index + 1, count)).collect();
                parts.push(json!({"title": format!("t{index}")}));
                (format!("S{index}"), json!({"allOf": parts}))
            }
        };
        big(1, &(0..count).map(layer).collect(), "S0")
    };
    for (count, width) in [(1000, 1), (60, 2), (60, 3)] {
        let findings = compare(&stack(count, 5, width), &stack(count, 6, width)).expect("compared");
        let verdicts: Vec<Level> = findings.iter().map(|finding| finding.level).collect();
        assert_eq!(verdicts, [Level::Additive, Level::Breaking], "{count} {width}");
    }
    let error = compare(&stack(5000, 5, 1), &stack(5000, 5, 1)).expect_err("too long");
    assert!(error.to_string().contains("more than 8000 schemas"), "{error}");
}
