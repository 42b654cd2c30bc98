//! A component that may be null: null moves to where the component is referred to.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::Value;

use super::schema::{self, components, is_nullable, nullable_reference, target};

/// The generator makes a type around the type of a component that may be null, and no other has such a pair.
pub(super) fn references(mut document: Value) -> Result<Value> {
    let mut nullable = BTreeSet::new();
    for (name, schema) in components(&mut document)? {
        if is_nullable(schema) {
            nullable.insert(name.clone());
            schema.as_object_mut().map(|members| members.shift_remove("nullable"));
        }
    }
    schema::everywhere(&mut document, &mut |schema, _| {
        if let Some(name) = target(schema).filter(|name| nullable.contains(*name)) {
            *schema = nullable_reference(name, true);
        } else if let Some(inner) = schema.pointer("/allOf/0/allOf").cloned() {
            // A reference with notes beside it, which was made nullable just now.
            schema["allOf"] = inner;
            schema["nullable"] = true.into();
        }
        Ok(())
    })?;
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::super::schema::reference;
    use super::*;
    use serde_json::json;

    #[test]
    fn null_moves_to_the_references() {
        let document = json!({"components": {"schemas": {
            "A": {"type": "string", "nullable": true},
            "B": {"properties": {"a": reference("A"), "b": {"allOf": [reference("A")], "description": "d"}}, "items": reference("C")},
            "C": {}
        }}});
        let out = references(document).expect("moved");
        let schemas = &out["components"]["schemas"];
        assert_eq!(schemas["A"], json!({"type": "string"}));
        assert_eq!(schemas["B"]["properties"]["a"], json!({"nullable": true, "allOf": [reference("A")]}));
        let noted = json!({"nullable": true, "allOf": [reference("A")], "description": "d"});
        assert_eq!(schemas["B"]["properties"]["b"], noted);
        assert_eq!(schemas["B"]["items"], reference("C"));
    }
}
