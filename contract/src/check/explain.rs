//! Explains a validator's error: the place, the contract's rule, and the value that came.

use std::collections::HashSet;

use jsonschema::{ValidationError, error::ValidationErrorKind as Kind};

use super::{masked, outcome::Violation};

/// Converts a validator's error into a violation. `at` is the prefix of the pointer, empty for responses.
pub(crate) fn explain(
    operation: &str,
    at: &str,
    error: &ValidationError<'_>,
    names: &HashSet<String>,
) -> Violation {
    if let Some(nearest) = nearest(error) {
        return explain(operation, at, nearest, names);
    }
    let mut path = error.instance_path().to_string();
    let mut came = masked::describe(error.instance());
    if let Kind::Required { property } = error.kind() {
        path.push('/');
        path.push_str(property.as_str().unwrap_or_default());
        "absent".clone_into(&mut came);
    }
    Violation {
        operation: operation.to_owned(),
        path: format!("{at}{}", masked::pointer(&path, names)),
        expected: expected(error),
        came,
    }
}

fn expected(error: &ValidationError<'_>) -> String {
    match error.kind() {
        Kind::Required { .. } => "required".to_owned(),
        // Their messages repeat the names of members, which come from the service.
        Kind::AdditionalProperties { .. }
        | Kind::UnevaluatedProperties { .. }
        | Kind::PropertyNames { .. } => "no members but the listed ones".to_owned(),
        kind => format!("{}: {}", kind.keyword(), error.masked_with("the value")),
    }
}

/// If a choice fails, returns the error in the alternative that the service most likely meant. An alternative with the
/// right `type` comes first, then the one with the fewest errors.
fn nearest<'e>(error: &'e ValidationError<'_>) -> Option<&'e ValidationError<'static>> {
    let (Kind::AnyOf { context } | Kind::OneOfNotValid { context }) = error.kind() else { return None };
    let is_of_other_type = |error: &ValidationError<'_>| error.instance_path().to_string().ends_with("/type");
    let branch = context
        .iter()
        .filter(|branch| !branch.is_empty())
        .min_by_key(|branch| (branch.iter().any(is_of_other_type), branch.len()))?;
    branch.iter().max_by_key(|error| error.instance_path().to_string().len())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn explained(schema: &Value, instance: &Value) -> Violation {
        let validator = jsonschema::validator_for(schema).unwrap();
        let names = ["bin", "state"].map(str::to_owned).into();
        explain("get_card", "", &validator.iter_errors(instance).next().unwrap(), &names)
    }

    #[test]
    fn an_absent_member_is_named() {
        let found = explained(&json!({"required": ["bin"]}), &json!({}));
        assert_eq!(
            (found.path.as_str(), found.expected.as_str(), found.came.as_str()),
            ("/bin", "required", "absent")
        );
    }

    #[test]
    fn the_alternative_that_was_meant_is_explained() {
        let kind = |kind: &str, rest: Value| json!({"properties": {"type": {"const": kind}, "state": rest}});
        let schema =
            json!({"oneOf": [kind("a", json!({"type": "string"})), kind("b", json!({"type": "integer"}))]});
        let found = explained(&schema, &json!({"type": "b", "state": "4111111111111111"}));
        assert_eq!(found.path, "/state");
        assert!(found.expected.starts_with("type: "), "{found:?}");
        assert!(!format!("{found:?}").contains("4111"), "{found:?}");
    }
}
