//! Checks that contracts that `cargo xtask spec merge` accepts can be built, and that its errors name the file and the
//! place.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// This package's folder in the workspace whose tests run.
fn root() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests"))
}

struct Workspace(TempDir);

impl Workspace {
    /// Creates a workspace whose contract is only `document`.
    fn of(document: &str, extension: &str, rules: &str, facts: &str) -> Result<Self, String> {
        let workspace = Self(TempDir::new().expect("a folder"));
        for folder in ["openapi", "cmp-generated"] {
            fs::create_dir(workspace.path(folder)).expect("created");
        }
        fs::write(workspace.path("openapi/lowering.toml"), rules).expect("written");
        fs::write(workspace.path("openapi/operations.toml"), facts).expect("written");
        let file = workspace.path(&format!("contract.{extension}"));
        fs::write(&file, document).expect("written");
        workspace.run(&["import", file.to_str().expect("UTF-8")])?;
        workspace.run(&["merge"])?;
        Ok(workspace)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn run(&self, arguments: &[&str]) -> Result<(), String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cmp-contract"));
        let output =
            command.args(["spec", "--root"]).arg(self.0.path()).args(arguments).output().expect("runs");
        let error = String::from_utf8(output.stderr).expect("UTF-8");
        if output.status.success() { Ok(()) } else { Err(error) }
    }

    fn read(&self, path: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path(path)).expect("a file")).expect("JSON")
    }
}

#[test]
fn ordinary_openapi_becomes_what_a_test_of_the_generated_crate_compiles() {
    let read = |path: &str| fs::read_to_string(root().join(path)).expect("a file");
    let contract = read("tests/ordinary/contract.yaml");
    let workspace = Workspace::of(
        &contract,
        "yaml",
        &read("tests/ordinary/lowering.toml"),
        &read("tests/ordinary/operations.toml"),
    )
    .expect("ordinary");
    let compiled: Value = serde_json::from_str(&read("../cmp-generated/tests/ordinary.json")).expect("JSON");
    let lowered = workspace.path("cmp-generated/openapi.json");
    if workspace.read("cmp-generated/openapi.json") != compiled {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ordinary.json");
        fs::copy(lowered, &kept).expect("copied");
        panic!("cmp-generated/tests/ordinary.json is stale; copy {} over it", kept.display());
    }
    let merged = workspace.read("openapi/cmp.json");
    assert_eq!(merged["paths"]["/things"]["post"]["security"], json!([{"OAuth2": ["things:write"]}]));
    assert_eq!(merged["components"]["parameters"]["Id"]["schema"]["pattern"], "^t");
}

const RULES: &str = "primary = \"T\"\nreplaced = []\n[types]\n[scalars]\n";
const FACTS: &str = "[[operations]]\nname = \"send_it\"\nrequest = \"POST /p/{id}\"\n";

/// Returns a contract with one operation, which sends and receives `A`.
fn contract(openapi: &str, schemas: &Value) -> Value {
    let media = json!({"application/json": {"schema": {"$ref": "#/components/schemas/A"}}});
    json!({
        "openapi": openapi, "info": {"title": "T", "version": "1"}, "components": {"schemas": schemas},
        "paths": {"/p/{id}": {"post": {
            "operationId": "sendIt", "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
            "requestBody": {"content": media}, "responses": {"200": {"description": "d", "content": media}}
        }}}
    })
}

/// Merges the contract. Returns the lowered schemas, or the error message.
fn merged(contract: &Value) -> Result<Value, String> {
    let workspace = Workspace::of(&contract.to_string(), "json", RULES, FACTS)?;
    Ok(workspace.read("cmp-generated/openapi.json")["components"]["schemas"].clone())
}

#[test]
fn what_can_not_be_built_is_refused_by_file_and_place() {
    let string = json!({"type": "string"});
    let a = "/components/schemas/A";
    for (schemas, expected) in [
        (
            json!({"A": {"properties": {"a-b": string, "a_b": string}}}),
            format!("{a}/properties/a_b: would be the field a_b, as {a}/properties/a-b is"),
        ),
        (
            json!({"A": {"properties": {"self": string, "Self": string}}}),
            format!("{a}/properties/Self: would be the field self"),
        ),
        (
            json!({"A": {"properties": {"x": {"enum": ["a b", "a_b"]}}}}),
            format!("{a}/properties/x/enum: \"a_b\" and \"a b\" would be one variant"),
        ),
        (
            json!({"A": {"$ref": "#/components/schemas/a"}, "a": {"properties": {"x": string}}}),
            "would be the type A, as /components/schemas/".to_owned(),
        ),
        (
            json!({"A": {"properties": {"x": {"enum": ["a", 1]}}}}),
            format!("{a}/properties/x/enum: values of several types"),
        ),
        (
            json!({"A": {"properties": {"x": {"type": "string", "enum": [1]}}}}),
            format!("{a}/properties/x/enum: the values are of type integer"),
        ),
        (json!({"A": {"properties": {"x": {"type": "null"}}}}), format!("{a}/properties/x: null alone")),
        (json!({"A": {"properties": {"x": {"not": {}}}}}), format!("{a}/properties/x/not: can't be lowered")),
        (
            json!({"A": {"properties": {"x": {"oneOf": [{"type": "object"}, {"type": "object"}]}}}}),
            format!("{a}/properties/x/oneOf: two choices are both of type object"),
        ),
        (json!({"A": {"properties": {"x": false}}}), format!("{a}/properties/x: expected ")),
        (
            json!({"A": {"properties": {"x": {"patternProperties": {}}}}}),
            format!("{a}/properties/x/patternProperties: unknown keyword"),
        ),
        (
            json!({"A": {"properties": {"x": {"nullable": true}}}}),
            format!("{a}/properties/x/nullable: unknown keyword"),
        ),
        (
            json!({"A": {"properties": {"x": {"type": "string", "minLength": -1}}}}),
            format!("{a}: the generator can't make Rust of it"),
        ),
        (json!({"A": {"$ref": "#/components/schemas/A"}}), format!("{a}/$ref leads back to itself")),
        (
            json!({"A": {"properties": {"kind": string}, "discriminator": {"propertyName": "kind"}}}),
            format!("{a}/discriminator: can't be lowered"),
        ),
        (
            json!({"A": {"properties": {"x": string}}, "NewA": {"properties": {"x": string}}, "ErrorDocument": {}}),
            "/components/schemas/ErrorDocument: this name is taken".to_owned(),
        ),
    ] {
        let mut document = contract("3.1.0", &schemas);
        for name in schemas.as_object().expect("an object").keys().filter(|name| *name != "A") {
            let media =
                json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{name}")}}});
            document["paths"]["/p/{id}"]["post"]["responses"]["201"] =
                json!({"description": "d", "content": media});
            if name == "ErrorDocument" {
                document["paths"]["/p/{id}"]["post"]["responses"]
                    .as_object_mut()
                    .expect("an object")
                    .shift_remove("201");
                document["paths"]["/p/{id}"]["post"]["responses"]["400"] =
                    json!({"description": "d", "content": media});
            } else if name != "NewA" {
                document["paths"]["/p/{id}"]["post"]["responses"]
                    .as_object_mut()
                    .expect("an object")
                    .shift_remove("201");
            }
        }
        let error = merged(&document).expect_err(&expected);
        assert!(error.starts_with("Error: openapi/fragments/post-p-id.json: "), "{error}");
        assert!(error.contains(&expected), "{expected} is missing in {error}");
    }
}

#[test]
fn operations_that_can_not_be_built_are_refused_by_file_and_place() {
    let path = "/paths/~1p~1{id}/post";
    let string = json!({"type": "string"});
    type Change = Box<dyn Fn(&mut Value)>;
    let parameters =
        |list: Value| -> Change { Box::new(move |operation| operation["parameters"] = list.clone()) };
    let id = json!({"name": "id", "in": "path", "required": true, "schema": string});
    let response = |status: &'static str, response: Value| -> Change {
        Box::new(move |operation| operation["responses"][status] = response.clone())
    };
    for (change, expected) in [
        (parameters(json!([])), "/parameters: no parameter id, which the path has"),
        (
            parameters(json!([id, {"name": "other", "in": "path", "schema": string}])),
            "/parameters/1: the path has no {other}",
        ),
        (parameters(json!([id, id])), "/parameters/1: the path parameter \"id\" is there twice"),
        (
            parameters(json!([id, {"name": "ID", "in": "query", "schema": string}])),
            "/parameters/1: would be the argument id, as ",
        ),
        (
            parameters(json!([id, {"name": "body", "in": "query", "schema": string}])),
            "/parameters/1: the generated method has a variable body already",
        ),
        (
            parameters(json!([id, {"name": "a b", "in": "header", "schema": string}])),
            "/parameters/1/name: \"a b\" can't be a header",
        ),
        (
            parameters(json!([id, {"name": "a", "in": "cookie", "schema": string}])),
            "/parameters/1/in: a parameter in \"cookie\" can't be sent",
        ),
        (
            parameters(json!([id, {"name": "a", "in": "query", "content": {}}])),
            "/parameters/1/content: unknown keyword",
        ),
        (response("204", json!({"description": "d"})), "/responses/204: the answer differs from that of 200"),
        (response("2xx", json!({"description": "d"})), "/responses/2xx: unknown status"),
    ] {
        let mut document = contract("3.1.0", &json!({"A": {"properties": {"x": string}}}));
        change(&mut document["paths"]["/p/{id}"]["post"]);
        let error = merged(&document).expect_err(expected);
        assert!(error.starts_with("Error: openapi/fragments/post-p-id.json: "), "{error}");
        assert!(error.contains(&format!("{path}{expected}")), "{expected} is missing in {error}");
    }
}

#[test]
fn a_method_that_every_client_has_is_refused_in_the_rules() {
    let document = contract("3.1.0", &json!({"A": {"properties": {}}})).to_string();
    let facts = FACTS.replace("send_it", "new");
    let error = Workspace::of(&document, "json", RULES, &facts).err().expect("refused");
    assert!(error.contains("openapi/operations.toml: \"POST /p/{id}\", name = \"new\""), "{error}");
}

#[test]
fn nothing_that_is_said_is_lost() {
    let to = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let schemas = merged(&contract(
        "3.1.0",
        &json!({
            "A": {"required": ["b"], "properties": {"b": {"$ref": to("B")["$ref"], "type": ["object", "null"]}, "c": to("C")}},
            "B": {"type": "object", "properties": {"x": {"type": "string"}}},
            "C": {"allOf": [to("B"), {"properties": {"y": {"type": "string"}}}], "required": ["x"], "additionalProperties": {"type": "string"}}
        }),
    ));
    let schemas = schemas.expect("merged");
    assert_eq!(schemas["NewA"]["properties"]["b"], json!({"nullable": true, "allOf": [to("NewB")]}));
    assert_eq!(schemas["NewC"]["required"], json!(["x"]));
    assert_eq!(schemas["NewC"]["additionalProperties"], json!({"type": "string"}));
    assert_eq!(schemas["NewC"]["properties"].as_object().map(serde_json::Map::len), Some(2));
}

#[test]
fn openapi_3_0_is_read() {
    let schemas = json!({"A": {"required": ["n"], "properties": {
        "n": {"type": "integer", "minimum": 0, "exclusiveMinimum": true, "nullable": true, "example": 1},
        "w": {"allOf": [{"$ref": "#/components/schemas/B"}], "nullable": true, "description": "d"}
    }}, "B": {"type": "string", "enum": ["a", "b"], "nullable": true}});
    let schemas = merged(&contract("3.0.3", &schemas)).expect("merged");
    let expected = json!({"type": "integer", "minimum": 0, "exclusiveMinimum": true, "nullable": true});
    assert_eq!(schemas["NewA"]["properties"]["n"], expected);
    assert_eq!(schemas["NewA"]["properties"]["w"]["allOf"], json!([{"$ref": "#/components/schemas/KnownB"}]));
    assert_eq!(schemas["KnownB"]["enum"], json!(["a", "b"]));
}

#[test]
fn long_chains_and_diamonds_end() {
    let object = |next: Value| json!({"type": "object", "properties": {"next": next}});
    let to = |name: String| json!({"$ref": format!("#/components/schemas/{name}")});
    let mut chain: serde_json::Map<_, _> =
        (0..10_000).map(|n| (format!("S{n}"), object(to(format!("S{}", n + 1))))).collect();
    chain.insert("S10000".to_owned(), json!({"type": "object"}));
    chain.insert("A".to_owned(), object(to("S0".to_owned())));
    let error = merged(&contract("3.1.0", &Value::Object(chain))).expect_err("10,000 objects");
    assert!(error.contains("more than 100 types stand inside of one another"), "{error}");

    let extends = |names: Vec<String>| json!({"allOf": names.into_iter().map(to).collect::<Vec<_>>()});
    let mut chain: serde_json::Map<_, _> = (0..3_000)
        .map(|n| (format!("S{n}"), extends(vec![format!("S{}", n + 1), "End".to_owned()])))
        .collect();
    chain.insert("S3000".to_owned(), object(json!({"type": "string"})));
    chain.insert("End".to_owned(), object(json!({"type": "string"})));
    chain.insert("A".to_owned(), object(to("S0".to_owned())));
    let error = merged(&contract("3.1.0", &Value::Object(chain))).expect_err("3,000 allOf");
    assert!(error.contains("more than 100 schemas extend one another by allOf"), "{error}");

    let mut diamonds = serde_json::Map::new();
    for n in 0..60 {
        for side in ["L", "R"] {
            diamonds
                .insert(format!("{side}{n}"), extends(vec![format!("L{}", n + 1), format!("R{}", n + 1)]));
        }
    }
    for side in ["L60", "R60"] {
        diamonds.insert(side.to_owned(), object(json!({"type": "string"})));
    }
    diamonds.insert("A".to_owned(), object(to("L0".to_owned())));
    merged(&contract("3.1.0", &Value::Object(diamonds))).expect("60 diamonds");
}

#[test]
fn an_unknown_member_of_a_path_or_of_the_components_is_refused() {
    let schemas = json!({"A": {"properties": {"x": {"type": "string"}}}});
    for (place, expected) in [
        ("/paths/~1p~1{id}/query", "/paths/~1p~1{id}/query: unknown keyword"),
        ("/paths/~1p~1{id}/GET", "/paths/~1p~1{id}/GET: unknown keyword"),
    ] {
        let mut document = contract("3.1.0", &schemas);
        let (holder, key) = place.rsplit_once('/').expect("a member");
        document.pointer_mut(holder).expect("a holder")[key] = json!({"a": {}});
        let error = merged(&document).expect_err(expected);
        assert!(error.contains(expected), "{expected} is missing in {error}");
    }
    let mut document = contract("3.1.0", &schemas);
    let content = &mut document["paths"]["/p/{id}"]["post"]["responses"]["200"]["content"];
    let media = content["application/json"].take();
    content["application/json"] = json!({"$ref": "#/components/mediaTypes/M"});
    document["components"]["mediaTypes"] = json!({"M": media});
    let error = merged(&document).expect_err("unknown");
    assert!(error.contains("/components/mediaTypes: unknown keyword"), "{error}");
    // A path whose only operation is unknown is no path to drop, either.
    let mut document = contract("3.1.0", &schemas);
    document["paths"]["/q"] = json!({"query": {}});
    document["paths"]["/r"] = json!({"get": {"responses": {"204": {"description": "d"}}}});
    let error = merged(&document).expect_err("unknown");
    assert!(error.contains("/paths/~1q/query: unknown keyword"), "{error}");
}

#[test]
fn extensions_are_passed_over() {
    let schemas = json!({"A": {"properties": {"x": {"type": "string"}}}});
    let plain = merged(&contract("3.1.0", &schemas)).expect("merged");
    for value in [json!("a text"), json!({"get": {}}), json!([1])] {
        let mut document = contract("3.1.0", &schemas);
        for place in [
            "/paths",
            "/paths/~1p~1{id}",
            "/paths/~1p~1{id}/post",
            "/paths/~1p~1{id}/post/responses",
            "/components",
        ] {
            document.pointer_mut(place).expect("a place")["x-note"] = value.clone();
        }
        assert_eq!(merged(&document).expect("merged"), plain, "{value}");
    }
}
