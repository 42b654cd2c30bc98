use std::collections::HashMap;
use std::sync::LazyLock;

use cmp_simulator::Operation;
use jsonschema::Validator;
use serde_json::{Value, json};

use super::Answer;

/// The checks of `openapi/cmp.json`.
pub(crate) struct Contract {
    document: Value,
    responses: HashMap<(Operation, u16), Response>,
    requests: HashMap<Operation, Validator>,
}

struct Response {
    /// By media type; empty where the status has no body
    bodies: HashMap<String, Validator>,
}

pub(crate) fn contract() -> &'static Contract {
    static CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::read);
    &CONTRACT
}

/// From in front of the application: the body may be absent.
const GATEWAY: [u16; 3] = [502, 503, 504];

impl Contract {
    fn read() -> Self {
        let document: Value = serde_json::from_str(&super::repository("openapi/cmp.json")).unwrap();
        let mut contract = Self { document, responses: HashMap::new(), requests: HashMap::new() };
        for operation in Operation::cmp().chain(Operation::v1()) {
            let described = contract.operation(operation).clone();
            for (status, response) in described["responses"].as_object().unwrap() {
                let bodies =
                    response["content"].as_object().into_iter().flatten().map(|(media_type, content)| {
                        (media_type.clone(), contract.validator(&content["schema"]))
                    });
                let response = Response { bodies: bodies.collect() };
                contract.responses.insert((operation, status.parse().unwrap()), response);
            }
            let body = &described["requestBody"]["content"][super::media_type(operation)]["schema"];
            if !body.is_null() {
                let validator = contract.validator(body);
                contract.requests.insert(operation, validator);
            }
        }
        contract
    }

    pub(crate) fn document(&self) -> &Value {
        &self.document
    }

    fn operation(&self, operation: Operation) -> &Value {
        let method = operation.method().as_str().to_lowercase();
        &self.document["paths"][operation.path_template()][method]
    }

    pub(super) fn validator(&self, schema: &Value) -> Validator {
        let root = json!({ "allOf": [schema], "components": self.document["components"] });
        jsonschema::options().should_validate_formats(true).build(&root).unwrap()
    }

    /// The statuses of an operation in the contract.
    pub(crate) fn statuses(&self, operation: Operation) -> Vec<u16> {
        let mut statuses: Vec<_> =
            self.responses.keys().filter(|(of, _)| *of == operation).map(|(_, status)| *status).collect();
        statuses.sort_unstable();
        statuses
    }

    /// Returns `true` if the contract allows this request body.
    pub(crate) fn allows(&self, operation: Operation, body: &Value) -> bool {
        self.requests[&operation].is_valid(body)
    }

    #[track_caller]
    pub(crate) fn check(&self, operation: Operation, answer: &Answer) {
        let at = format!("{operation} {}", answer.status);
        let response = self.responses.get(&(operation, answer.status));
        let response = response.unwrap_or_else(|| panic!("{at} is not in the contract"));
        if answer.bytes.is_empty() && (response.bodies.is_empty() || GATEWAY.contains(&answer.status)) {
            return;
        }
        if answer.bytes.is_empty() && answer.status == 303 && answer.header("location").is_some() {
            return;
        }
        let media_type = answer.header("content-type").unwrap_or_default().split(';').next().unwrap();
        let validator = response
            .bodies
            .get(media_type)
            .unwrap_or_else(|| panic!("{at} as {media_type:?} is not in the contract"));
        if media_type == "text/html" {
            return;
        }
        if let Err(error) = validator.validate(&answer.json()) {
            panic!("{at}: {error} at {}", error.instance_path());
        }
    }
}
