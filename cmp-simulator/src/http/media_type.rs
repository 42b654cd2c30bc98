use http::header;

use super::Request;

pub(crate) const JSON_API: &str = "application/vnd.api+json";
pub(crate) const JSON: &str = "application/json";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const HTML: &str = "text/html; charset=utf-8";

/// JSON:API 1.1 allows the parameters `ext` and `profile`, and no others.
pub(crate) fn is_json_api(request: &Request) -> bool {
    let Some(value) = request.header(&header::CONTENT_TYPE) else { return false };
    let mut parts = value.split(';').map(str::trim);
    parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case(JSON_API))
        && parts.all(|parameter| {
            let name = parameter.split('=').next().unwrap_or_default();
            name.eq_ignore_ascii_case("ext") || name.eq_ignore_ascii_case("profile")
        })
}

pub(crate) fn is_form(request: &Request) -> bool {
    let value = request.header(&header::CONTENT_TYPE).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(FORM)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};

    use super::*;

    #[test]
    fn only_json_api_without_foreign_parameters() {
        let cases = [
            ("application/vnd.api+json", true),
            ("Application/VND.api+JSON", true),
            (r#"application/vnd.api+json; profile="https://example.com/p""#, true),
            ("application/vnd.api+json; charset=utf-8", false),
            ("application/json", false),
            ("", false),
        ];
        for (value, expected) in cases {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]);
            let request = Request {
                method: Method::POST,
                path: String::new(),
                query: None,
                headers,
                body: Bytes::new(),
            };
            assert_eq!(is_json_api(&request), expected, "{value}");
        }
    }
}
