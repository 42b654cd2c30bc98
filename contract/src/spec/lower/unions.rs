//! "A string or an object" gets a name of its own, so that it is one type wherever it stands.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::schema::{self, components, is_nullable, nullable_reference, reference, target};

pub(super) fn name(mut document: Value) -> Result<Value> {
    let mut named = Map::new();
    schema::everywhere(&mut document, &mut |schema, _| {
        let Some(object) = beside_string(schema) else { return Ok(()) };
        let name = format!("{object}OrString");
        named.insert(name.clone(), json!({"oneOf": [{"type": "string"}, reference(object)]}));
        *schema = nullable_reference(&name, is_nullable(schema));
        Ok(())
    })?;
    components(&mut document)?.extend(named);
    Ok(document)
}

/// The component in a choice between a string and that component.
fn beside_string(schema: &Value) -> Option<&str> {
    match schema.get("oneOf")?.as_array()?.as_slice() {
        [one, two] if one == &json!({"type": "string"}) => target(two),
        [one, two] if two == &json!({"type": "string"}) => target(one),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_choice_is_one_type_everywhere() {
        let choice = json!({"oneOf": [{"type": "string"}, reference("Link")]});
        let nullable = json!({"oneOf": [reference("Link"), {"type": "string"}], "nullable": true});
        let properties =
            json!({"a": choice, "b": nullable, "c": {"oneOf": [reference("Link"), {"type": "array"}]}});
        let document = json!({"components": {"schemas": {"A": {"properties": properties}}}});
        let out = name(document).expect("named");
        let schemas = &out["components"]["schemas"];
        assert_eq!(schemas["LinkOrString"], choice);
        assert_eq!(schemas["A"]["properties"]["a"], reference("LinkOrString"));
        assert_eq!(
            schemas["A"]["properties"]["b"],
            json!({"nullable": true, "allOf": [reference("LinkOrString")]})
        );
        assert_eq!(schemas["A"]["properties"]["c"], properties["c"]);
    }
}
