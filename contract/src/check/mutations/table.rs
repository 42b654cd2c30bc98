//! The mutations, one in each row: what is broken, how, and what the checks must report.

use cmp_simulator::Operation;
use serde_json::{Value, json};

use super::proxy::{Break, Memory, Reply};

pub(super) struct Mutation {
    pub(super) name: &'static str,
    pub(super) how: Break,
    /// The check that must find the mutation.
    pub(super) check: &'static str,
    /// The operation, the path, and a word in what the violation expected or in what came.
    pub(super) says: (&'static str, &'static str, &'static str),
}

const PAN: &str = "5100260000019206";
const CREATE: Operation = Operation::CreateCard;
const GET: Operation = Operation::GetCard;
const CRYPTOGRAM: Operation = Operation::RequestCryptogram;

/// Changes the JSON of this operation's successful responses.
macro_rules! in_success {
    ($operation:expr, $change:expr) => {
        Break::Answer(|request, reply, _| {
            if request.is($operation) && reply.status < 300 {
                let change: fn(&mut Value) = $change;
                reply.edit(change);
            }
        })
    };
}

/// Changes this operation's responses with one status.
macro_rules! in_status {
    ($operation:expr, $status:expr, $change:expr) => {
        Break::Answer(|request, reply, memory| {
            if request.is($operation) && reply.status == $status {
                let change: fn(&mut Reply, &Memory) = $change;
                change(reply, memory);
            }
        })
    };
}

fn remove(document: &mut Value, parent: &str, member: &str) {
    if let Some(members) = document.pointer_mut(parent).and_then(Value::as_object_mut) {
        members.shift_remove(member);
    }
}

fn set(document: &mut Value, pointer: &str, value: Value) {
    if let Some(place) = document.pointer_mut(pointer) {
        *place = value;
    }
}

pub(super) const TABLE: &[Mutation] = &[
    Mutation {
        name: "a missing required member",
        how: in_success!(GET, |document| remove(document, "/data/attributes", "last4")),
        check: "get_card/200",
        says: ("get_card", "/data/attributes/last4", "required"),
    },
    Mutation {
        name: "an id that leads elsewhere",
        how: in_success!(CREATE, |document| set(document, "/data/id", json!(".."))),
        check: "a_stored_card_is_read_back",
        says: ("create_card", "/data/id", "letters"),
    },
    Mutation {
        name: "a wrong type",
        how: in_success!(GET, |document| set(document, "/data/attributes/exp_month", json!("12"))),
        check: "get_card/200",
        says: ("get_card", "/data/attributes/exp_month", "type"),
    },
    Mutation {
        name: "a value beyond its limit",
        how: in_success!(GET, |document| set(document, "/data/attributes/exp_month", json!(13))),
        check: "get_card/200",
        says: ("get_card", "/data/attributes/exp_month", "maximum"),
    },
    Mutation {
        name: "a bad date-time",
        how: in_success!(GET, |document| set(document, "/data/attributes/created_at", json!("yesterday"))),
        check: "get_card/200",
        says: ("get_card", "/data/attributes/created_at", "pattern"),
    },
    Mutation {
        name: "a bad member of an included token",
        how: in_success!(GET, |document| set(document, "/included/0/attributes/exp_year", json!("x"))),
        check: "get_card/200",
        says: ("get_card", "/included/0/attributes/exp_year", "type"),
    },
    Mutation {
        name: "a wrong status",
        how: in_status!(GET, 404, |reply, _| reply.status = 410),
        check: "get_card/404",
        says: ("get_card", "status", "410"),
    },
    Mutation {
        name: "200 in the place of 201",
        how: in_status!(CREATE, 201, |reply, _| reply.status = 200),
        check: "create_card/201",
        says: ("create_card", "status", "200"),
    },
    Mutation {
        name: "201 in the place of 200",
        how: in_status!(Operation::ProvisionNetworkToken, 200, |reply, _| reply.status = 201),
        check: "provisioning_keeps_an_active_token",
        says: ("provision_network_token", "status", "201"),
    },
    Mutation {
        name: "a wrong media type",
        how: in_status!(GET, 200, |reply, _| "application/json".clone_into(&mut reply.content_type)),
        check: "get_card/200",
        says: ("get_card", "content-type", "application/json"),
    },
    Mutation {
        name: "broken JSON",
        how: in_status!(GET, 200, |reply, _| reply.body.truncate(40)),
        check: "get_card/200",
        says: ("get_card", "body", "JSON"),
    },
    Mutation {
        name: "a 204 with a body",
        how: in_status!(Operation::DeleteCard, 204, |reply, _| reply.body = b"{}".to_vec()),
        check: "delete_card/204",
        says: ("delete_card", "body", "no body"),
    },
    Mutation {
        name: "a 303 without the card",
        how: in_status!(CREATE, 303, |reply, _| reply.body.clear()),
        check: "create_card/303",
        says: ("create_card", "body", "none"),
    },
    Mutation {
        name: "a leaked PAN without cards:read-pci",
        how: in_success!(GET, |document| document["data"]["attributes"]["pan"] = json!(PAN)),
        check: "card_data_needs_its_scope",
        says: ("get_card", "/data/attributes/pan", "cards:read-pci"),
    },
    Mutation {
        name: "a leaked CVC without cards:read-pci",
        how: in_success!(Operation::UpdateCard, |document| document["data"]["attributes"]["cvc"] =
            json!("123")),
        check: "card_data_needs_its_scope",
        says: ("update_card", "/data/attributes/cvc", "cards:read-pci"),
    },
    Mutation {
        name: "the PAN in an error",
        how: in_status!(GET, 404, |reply, _| reply
            .edit(|document| document["errors"][0]["detail"] = json!(format!("no card {PAN} here")))),
        check: "get_card/404",
        says: ("get_card", "/errors/0/detail", "in an error"),
    },
    Mutation {
        name: "the network token in an error",
        how: in_status!(CRYPTOGRAM, 424, |reply, memory| {
            let number = memory.network_token.clone().unwrap_or_default();
            reply.edit(|document| document["errors"][0]["detail"] = number);
        }),
        check: "a_deleted_token_can_not_be_used",
        says: ("request_cryptogram", "/errors/0/detail", "network token number"),
    },
    Mutation {
        name: "an error in another shape",
        how: in_status!(GET, 404, |reply, _| *reply = Reply::json(404, &json!({"error": "not found"}))),
        check: "get_card/404",
        says: ("get_card", "/errors", "at least one error"),
    },
    Mutation {
        name: "an error without its code",
        how: in_status!(GET, 401, |reply, _| reply.edit(|document| remove(
            document,
            "/errors/0",
            "error_code"
        ))),
        check: "get_card/401",
        says: ("get_card", "/errors/0/error_code", "required"),
    },
    Mutation {
        name: "401 not enforced",
        how: Break::Request(|request, memory| {
            if request.headers.get("authorization").is_some_and(|token| token == "Bearer nobody") {
                request.headers.insert("authorization".to_owned(), format!("Bearer {}", memory.token));
            }
        }),
        check: "create_card/401",
        says: ("create_card", "status", "201"),
    },
    Mutation {
        name: "scopes not enforced",
        how: Break::Request(|request, memory| {
            if request.is(Operation::DeleteCard) {
                request.headers.insert("authorization".to_owned(), format!("Bearer {}", memory.token));
            }
        }),
        check: "delete_card/403",
        says: ("delete_card", "status", "403"),
    },
    Mutation {
        name: "415 not enforced",
        how: Break::Request(|request, _| {
            if let Some(media_type) = request.headers.get_mut("content-type")
                && media_type == "application/json"
            {
                "application/vnd.api+json".clone_into(media_type);
            }
        }),
        check: "request_cryptogram/415",
        says: ("request_cryptogram", "status", "415"),
    },
    Mutation {
        name: "an unknown enum value accepted",
        how: Break::Request(|request, _| {
            if request.is(CREATE) {
                request.edit(|document| remove(document, "/data/attributes", "token_type"));
            }
        }),
        check: "unknown_values_are_refused",
        says: ("create_card", "status", "400 or 422"),
    },
    Mutation {
        name: "a limit not enforced",
        how: Break::Request(|request, _| {
            if request.is(CREATE) {
                request.edit(|document| set(document, "/data/attributes/exp_month", json!(12)));
            }
        }),
        check: "limits_are_enforced",
        says: ("create_card", "status", "201"),
    },
    Mutation {
        name: "an extra required member in requests",
        how: Break::Instead(|request, _| {
            let document: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let lacks_it = document["data"]["attributes"].get("cvc").is_none() && !document.is_null();
            let error = json!({"errors": [{
                "summary": "Unprocessable", "detail": "A member is missing.", "error_code": "missing-required-field"
            }]});
            (request.is(CREATE) && lacks_it).then(|| Reply::json(422, &error))
        }),
        check: "the_least_request_is_enough",
        says: ("create_card", "status", "422"),
    },
    Mutation {
        name: "metadata lost",
        how: in_success!(GET, |document| remove(document, "/data", "meta")),
        check: "metadata_is_kept",
        says: ("get_card", "/data/meta", "absent"),
    },
    Mutation {
        name: "a change lost",
        how: Break::Request(|request, _| {
            if request.is(Operation::UpdateCard) {
                request.edit(|document| remove(document, "/data/attributes", "exp_year"));
            }
        }),
        check: "a_change_is_seen",
        says: ("update_card", "/data/attributes/exp_year", "what was changed"),
    },
    Mutation {
        name: "a deleted card still there",
        how: Break::Answer(|request, reply, memory| {
            if request.is(GET)
                && reply.status == 404
                && let Some(before) = memory.successes.get(&GET)
            {
                *reply = before.clone();
            }
        }),
        check: "a_deleted_card_is_gone",
        says: ("get_card", "status", "404"),
    },
    Mutation {
        name: "a deleted token still usable",
        how: in_status!(CRYPTOGRAM, 424, |reply, memory| {
            if let Some(before) = memory.successes.get(&CRYPTOGRAM) {
                *reply = before.clone();
            }
        }),
        check: "a_deleted_token_can_not_be_used",
        says: ("request_cryptogram", "status", "422 or 424"),
    },
    Mutation {
        name: "a token not included",
        how: in_success!(GET, |document| set(document, "/included", json!([]))),
        check: "a_token_is_included",
        says: ("get_card", "/included", "usable network token"),
    },
    Mutation {
        name: "a reused cryptogram",
        how: in_status!(CRYPTOGRAM, 200, |reply, memory| {
            if let Some(before) = memory.successes.get(&CRYPTOGRAM) {
                *reply = before.clone();
            }
        }),
        check: "a_cryptogram_is_for_one_use",
        says: ("request_cryptogram", "/data/attributes/cryptogram/value", "the same again"),
    },
    Mutation {
        name: "the ECI missing",
        how: in_success!(CRYPTOGRAM, |document| remove(document, "/data/attributes/cryptogram", "eci")),
        check: "a_cryptogram_is_complete",
        says: ("request_cryptogram", "/data/attributes/cryptogram/eci", "absent"),
    },
    Mutation {
        name: "a wrong type in V1",
        how: in_success!(Operation::GetV1NetworkToken, |document| document["state"] = json!(1)),
        check: "get_v1_network_token/200",
        says: ("get_v1_network_token", "/state", "type"),
    },
];
