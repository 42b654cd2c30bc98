use http::header;
use serde_json::{Map, Value};

use super::problem::Problem;
use crate::http::{Request, media_type};
use crate::state::Expiry;

/// `V1Enrollment`
pub(crate) struct NewEnrollment {
    pub(crate) pan_alias: String,
    pub(crate) expiry: Expiry,
}

impl NewEnrollment {
    pub(super) fn read(request: &Request) -> Result<Self, Problem> {
        let media_type = request.header(&header::CONTENT_TYPE).unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case(media_type::JSON) {
            return Err(Problem::bad_request("The body must be application/json."));
        }
        let body: Value = serde_json::from_slice(&request.body)
            .map_err(|_| Problem::bad_request("The body is not valid JSON."))?;
        let members =
            body.as_object().ok_or_else(|| Problem::bad_request("The body is not a JSON object."))?;
        let pan_alias = member(members, "pan_alias")?.as_str().filter(|alias| !alias.is_empty());
        Ok(Self {
            pan_alias: pan_alias.ok_or_else(|| Problem::invalid("pan_alias"))?.to_owned(),
            expiry: Expiry {
                month: integer(members, "exp_month", 1, 12)?,
                year: integer(members, "exp_year", 0, 99)?,
            },
        })
    }
}

fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a Value, Problem> {
    members.get(name).ok_or_else(|| Problem::missing(name))
}

/// An integer in JSON Schema's sense, in which `5.0` is one.
fn integer(members: &Map<String, Value>, name: &str, least: u32, most: u32) -> Result<u32, Problem> {
    let value = member(members, name)?.as_f64();
    (least..=most)
        .find(|candidate| value == Some(f64::from(*candidate)))
        .ok_or_else(|| Problem::invalid(name))
}
