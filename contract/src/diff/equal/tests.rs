//! Tests each equivalence with two documents that it makes equal, and with a third one that differs slightly.

use serde_json::{Value, json};

use super::graph;

/// A contract whose request and response both have the schema `schema`.
fn contract(schema: &Value, more: &Value) -> Value {
    let content = json!({"application/json": {"schema": schema}});
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {"title": "T", "version": "1"},
        "paths": {"/a": {"post": {
            "requestBody": {"content": content},
            "responses": {"200": {"description": "d", "content": content}}
        }}},
        "components": {"schemas": {
            "Text": {"type": "string", "maxLength": 9},
            "Words": {"type": "string", "maxLength": 9},
            "Other": {"type": "string", "maxLength": 8},
            "Tree": {"properties": {"left": {"$ref": "#/components/schemas/Tree"}}},
            "Wood": {"properties": {"left": {"$ref": "#/components/schemas/Wood"}}},
            "Steel": {"properties": {"left": {"$ref": "#/components/schemas/Steel"}}, "title": "S"},
        }}
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        document["components"]["schemas"][key] = value.clone();
    }
    document
}

fn same(one: &Value, other: &Value) -> bool {
    let (graph, one, other) = graph(one, other).expect("a graph");
    graph.same(one.node, other.node)
}

/// Compares in both directions, and each document with itself.
#[track_caller]
fn check(one: &Value, other: &Value, is_same: bool) {
    assert!(same(one, one) && same(other, other), "{one} {other}");
    assert_eq!(same(one, other), is_same, "{one}\n{other}");
    assert_eq!(same(other, one), is_same, "{one}\n{other}");
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

#[test]
fn schemas_that_say_the_same() {
    let text = || reference("Text");
    let mut wrong = Vec::new();
    for (name, one, other, another) in [
        (
            "numbers",
            json!({"maximum": 1, "enum": [1, 2]}),
            json!({"maximum": 1.0, "enum": [2.0, 1e0]}),
            json!({"maximum": 1.5, "enum": [1, 2]}),
        ),
        (
            "order of members",
            json!({"title": "t", "type": "string"}),
            json!({"type": "string", "title": "t"}),
            json!({"type": "string", "title": "u"}),
        ),
        ("another name", text(), reference("Words"), reference("Other")),
        (
            "in place of a reference",
            text(),
            json!({"type": "string", "maxLength": 9}),
            json!({"type": "string"}),
        ),
        ("cycles", reference("Tree"), reference("Wood"), reference("Steel")),
        (
            "a cycle, unrolled",
            reference("Tree"),
            json!({"properties": {"left": reference("Wood")}}),
            json!({"properties": {"left": reference("Steel")}}),
        ),
        (
            "allOf of one",
            json!({"description": "d", "allOf": [text()]}),
            json!({"description": "d", "$ref": text()["$ref"]}),
            json!({"allOf": [text()]}),
        ),
        (
            "allOf of some",
            json!({"allOf": [text(), {"minLength": 2}, {"pattern": "x"}]}),
            json!({"allOf": [{"pattern": "x"}, {"allOf": [{"minLength": 2}, text()]}]}),
            json!({"allOf": [text(), {"minLength": 3}, {"pattern": "x"}]}),
        ),
        (
            "members in allOf",
            json!({"allOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {}}}]}),
            json!({"properties": {"b": {}, "a": {"type": "string"}}}),
            json!({"properties": {"b": {}}}),
        ),
        (
            "additional members in allOf",
            json!({"allOf": [{"properties": {"a": {}}, "additionalProperties": false}, {"maxProperties": 3}]}),
            json!({"properties": {"a": {}}, "additionalProperties": false, "maxProperties": 3}),
            json!({"allOf": [{"properties": {"a": {}}}, {"additionalProperties": false}, {"maxProperties": 3}]}),
        ),
        ("anyOf of one", json!({"anyOf": [text()]}), text(), json!({"anyOf": [text(), {"type": "integer"}]})),
        (
            "orders",
            json!({"type": ["string", "null"], "enum": ["a", null], "required": ["x", "y"]}),
            json!({"type": ["null", "string"], "enum": [null, "a"], "required": ["y", "x"]}),
            json!({"type": ["string", "null"], "enum": ["a"], "required": ["x", "y"]}),
        ),
        (
            "order of branches",
            json!({"oneOf": [text(), {"type": "integer"}], "anyOf": [{"minLength": 1}, {"maxLength": 2}]}),
            json!({"oneOf": [{"type": "integer"}, text()], "anyOf": [{"maxLength": 2}, {"minLength": 1}]}),
            json!({"oneOf": [text(), text(), {"type": "integer"}], "anyOf": [{"minLength": 1}, {"maxLength": 2}]}),
        ),
        (
            "defaults",
            json!({"minLength": 0, "minItems": 0, "uniqueItems": false, "additionalProperties": true, "deprecated": false, "readOnly": false, "nullable": false, "required": [], "items": {}}),
            json!({}),
            json!({"minLength": 1}),
        ),
        ("const", json!({"const": "a"}), json!({"enum": ["a"]}), json!({"enum": ["a", "b"]})),
        (
            "type as a list",
            json!({"type": "string"}),
            json!({"type": ["string"]}),
            json!({"type": ["string", "integer"]}),
        ),
        (
            "null in 3.0",
            json!({"type": "string", "nullable": true}),
            json!({"type": ["string", "null"]}),
            json!({"type": "string"}),
        ),
        (
            "bounds in 3.0",
            json!({"minimum": 3, "exclusiveMinimum": true}),
            json!({"exclusiveMinimum": 3}),
            json!({"minimum": 3}),
        ),
        (
            "bounds of an integer",
            json!({"type": "integer", "minimum": 1, "maximum": 9}),
            json!({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10}),
            json!({"type": "integer", "exclusiveMinimum": 1, "maximum": 9}),
        ),
        (
            "bounds of a number",
            json!({"type": "number", "minimum": 1}),
            json!({"type": "number", "minimum": 1.0}),
            json!({"type": "number", "exclusiveMinimum": 0}),
        ),
        ("true", json!(true), json!({}), json!(false)),
        (
            "contains",
            json!({"contains": {"type": "string"}, "minContains": 1}),
            json!({"contains": {"type": "string"}}),
            json!({"contains": {"type": "string"}, "minContains": 2}),
        ),
        (
            "an implied name",
            json!({"oneOf": [text(), reference("Other")], "discriminator": {"propertyName": "p"}}),
            json!({"oneOf": [text(), reference("Other")], "discriminator": {"propertyName": "p", "mapping": {"Text": "#/components/schemas/Text", "Other": "Other"}}}),
            json!({"oneOf": [reference("Words"), reference("Other")], "discriminator": {"propertyName": "p"}}),
        ),
        ("URL encoding", json!({"$ref": "#/components/schemas/T%65xt"}), text(), reference("Other")),
    ] {
        let [one, other, another] = [one, other, another].map(|schema| contract(&schema, &json!({})));
        // All components are used in each document, so that their names make no difference.
        let used = |mut document: Value| {
            let names = ["Text", "Words", "Other", "Tree", "Wood", "Steel"].map(reference);
            document["paths"]["/a"]["post"]["responses"]["200"]["headers"] =
                json!({"H": {"schema": {"prefixItems": names}}});
            document
        };
        let [one, other, another] = [one, other, another].map(used);
        if !same(&one, &one) || !same(&one, &other) || !same(&other, &one) {
            wrong.push(format!("{name}: not the same"));
        }
        if same(&one, &another) || same(&another, &other) {
            wrong.push(format!("{name}: the third is the same too"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_component_counts_by_what_it_says() {
    let renamed = |name: &str, schema: &Value| {
        let mut document = contract(&reference(name), &json!({}));
        document["components"]["schemas"] = json!({name: schema});
        document
    };
    let schema = json!({"type": "string"});
    check(&renamed("A", &schema), &renamed("B", &schema), true);
    check(&renamed("A", &schema), &renamed("A", &json!({"type": "integer"})), false);
    let (none, unused) = (contract(&schema, &json!({})), contract(&schema, &json!({"Spare": {}})));
    check(&none, &unused, false);
    check(&unused, &contract(&schema, &json!({"Spare": {"title": "t"}})), false);
    check(&unused, &contract(&schema, &json!({"Left": {}})), true);
}

#[test]
fn what_a_schema_builds_on_names_its_heirs() {
    let with = |heir: &str| {
        let base = json!({"discriminator": {"propertyName": "p"}, "properties": {"p": {"type": "string"}}});
        contract(
            &reference("Base"),
            &json!({"Base": base, heir: {"allOf": [reference("Base"), {"minLength": 1}]}}),
        )
    };
    check(&with("Cat"), &with("Cat"), true);
    check(&with("Cat"), &with("Dog"), false);
    let mut changed = with("Cat");
    changed["components"]["schemas"]["Cat"]["allOf"][1]["minLength"] = 2.into();
    check(&with("Cat"), &changed, false);
}

#[test]
fn operations_that_say_the_same() {
    let base = contract(&json!({"type": "string"}), &json!({}));
    let with = |operation: &Value, rest: &Value| {
        let mut document = base.clone();
        for (key, value) in operation.as_object().into_iter().flatten() {
            document["paths"]["/a"]["post"][key] = value.clone();
        }
        for (pointer, value) in rest.as_object().into_iter().flatten() {
            let (holder, key) = pointer.rsplit_once('/').expect("a pointer");
            document.pointer_mut(holder).expect("a place")[key.replace("~1", "/")] = value.clone();
        }
        document
    };
    let none = json!({});
    let query = |more: &Value| {
        let mut parameter = json!({"name": "q", "in": "query", "schema": {"type": "array"}});
        for (key, value) in more.as_object().into_iter().flatten() {
            parameter[key] = value.clone();
        }
        parameter
    };
    let header = |name: &str| json!({"name": name, "in": "header", "schema": {"type": "string"}});
    let list = |parameters: &[Value]| json!({"parameters": parameters});
    let (b, o) = (json!([{"b": []}]), json!([{"o": ["r", "w"]}, {"b": []}]));
    let schemes = json!({"b": {"type": "http", "scheme": "bearer"}, "o": {"type": "oauth2", "flows": {}}});
    let secured = |operation: &Value, whole: &Value| {
        let mut document = with(operation, whole);
        document["components"]["securitySchemes"] = schemes.clone();
        document
    };
    let server = json!([{"url": "https://a.example"}]);
    for (one, other, is_same) in [
        (with(&json!({"deprecated": false, "tags": [], "parameters": []}), &none), base.clone(), true),
        (with(&json!({"deprecated": true}), &none), base.clone(), false),
        (with(&json!({"tags": ["x", "y"]}), &none), with(&json!({"tags": ["y", "x"]}), &none), true),
        (
            with(&list(&[query(&json!({"style": "form", "explode": true, "required": false}))]), &none),
            with(&list(&[query(&none)]), &none),
            true,
        ),
        (
            with(&list(&[query(&json!({"explode": false}))]), &none),
            with(&list(&[query(&none)]), &none),
            false,
        ),
        (
            with(&list(&[query(&json!({"style": "pipeDelimited", "explode": false}))]), &none),
            with(&list(&[query(&json!({"style": "pipeDelimited"}))]), &none),
            true,
        ),
        (
            with(&list(&[header("X-A"), query(&none)]), &none),
            with(&list(&[query(&none), header("x-a")]), &none),
            true,
        ),
        (with(&list(&[header("X-A")]), &none), with(&list(&[header("X-B")]), &none), false),
        (
            with(&none, &json!({"/paths/~1a/parameters": [query(&none)]})),
            with(&list(&[query(&none)]), &none),
            true,
        ),
        (
            with(
                &list(&[query(&none)]),
                &json!({"/paths/~1a/parameters": [query(&json!({"required": true}))]}),
            ),
            with(&list(&[query(&none)]), &none),
            false,
        ),
        (with(&none, &json!({"/paths/~1a/servers": server})), with(&json!({"servers": server}), &none), true),
        (with(&none, &json!({"/paths/~1a/servers": server})), base.clone(), false),
        (
            with(&none, &json!({"/servers": server})),
            with(&json!({"servers": server}), &json!({"/servers": server})),
            true,
        ),
        (
            secured(&none, &json!({"/security": b})),
            secured(&json!({"security": b}), &json!({"/security": b})),
            true,
        ),
        (
            secured(&json!({"security": []}), &json!({"/security": b})),
            secured(&json!({"security": [{}]}), &json!({"/security": b})),
            true,
        ),
        (
            secured(&json!({"security": []}), &json!({"/security": b})),
            secured(&none, &json!({"/security": b})),
            false,
        ),
        (
            secured(&json!({"security": o}), &none),
            secured(&json!({"security": [{"b": []}, {"o": ["w", "r"]}]}), &none),
            true,
        ),
        (
            secured(&json!({"security": o}), &none),
            secured(&json!({"security": [{"b": []}, {"o": ["r"]}]}), &none),
            false,
        ),
        (
            with(
                &json!({"responses": {"2XX": {"description": "d", "headers": {"X-Y": {"explode": false, "schema": {"type": "string"}}}}}}),
                &none,
            ),
            with(
                &json!({"responses": {"2xx": {"description": "d", "headers": {"x-y": {"style": "simple", "schema": {"type": "string"}}}}}}),
                &none,
            ),
            true,
        ),
        (
            with(
                &json!({"requestBody": {"required": false, "content": {"Text/Plain; charset=utf-8": {"schema": {}}}}}),
                &none,
            ),
            with(&json!({"requestBody": {"content": {"text/plain;charset=utf-8": {}}}}), &none),
            true,
        ),
        (
            with(
                &json!({"requestBody": {"$ref": "#/components/requestBodies/B"}}),
                &json!({"/components/requestBodies": {"B": {"content": {"a/b": {}}}}}),
            ),
            with(&json!({"requestBody": {"content": {"a/b": {}}}}), &none),
            true,
        ),
    ] {
        check(&one, &other, is_same);
    }
}
