use http::Method;

use crate::operation::Operation;

/// Where a request goes.
pub(crate) enum Route<'a> {
    Operation {
        operation: Operation,
        /// The card's id or the alias in the path; empty where it has none
        id: &'a str,
    },
    /// The path exists, the method doesn't.
    OtherMethod {
        allow: String,
    },
    Unknown,
}

pub(crate) fn route<'a>(method: &Method, path: &'a str) -> Route<'a> {
    // RFC 9110, 9.3.2: HEAD is GET without the body, which the HTTP library leaves out.
    let wanted = if *method == Method::HEAD { &Method::GET } else { method };
    let here: Vec<_> = Operation::ALL
        .into_iter()
        .filter_map(|operation| Some((operation, matches(operation.path_template(), path)?)))
        .collect();
    if let Some(&(operation, id)) = here.iter().find(|(operation, _)| operation.method() == *wanted) {
        return Route::Operation { operation, id };
    }
    if here.is_empty() {
        return Route::Unknown;
    }
    let mut allow: Vec<_> = here.iter().map(|(operation, _)| operation.method().to_string()).collect();
    if allow.iter().any(|method| method == "GET") {
        allow.push("HEAD".to_owned());
    }
    allow.push("OPTIONS".to_owned());
    Route::OtherMethod { allow: allow.join(", ") }
}

/// What `path` has in the place of the template's parameter, empty where there is none; `None` for another path.
fn matches<'a>(template: &str, path: &'a str) -> Option<&'a str> {
    let Some((before, (_, after))) =
        template.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    else {
        return (template == path).then_some("");
    };
    let id = path.strip_prefix(before)?.strip_suffix(after)?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes() {
        let cases = [
            (Method::POST, "/cards", "create_card"),
            (Method::GET, "/cards/CRD1", "get_card CRD1"),
            (Method::HEAD, "/cards/CRD1", "get_card CRD1"),
            (Method::POST, "/cards/CRD1/cryptogram", "request_cryptogram CRD1"),
            (Method::POST, "/network-tokens", "provision_v1_network_token"),
            (Method::DELETE, "/network-tokens/1X2", "delete_v1_network_token 1X2"),
            (Method::PUT, "/cards/CRD1", "allow GET, PATCH, DELETE, HEAD, OPTIONS"),
            (Method::GET, "/cards", "allow POST, OPTIONS"),
            (Method::GET, "/cards/", "unknown"),
            (Method::GET, "/cards/a/b/network-tokens", "unknown"),
            (Method::GET, "/", "unknown"),
        ];
        for (method, path, expected) in cases {
            let got = match route(&method, path) {
                Route::Operation { operation, id } => format!("{operation} {id}").trim().to_owned(),
                Route::OtherMethod { allow } => format!("allow {allow}"),
                Route::Unknown => "unknown".to_owned(),
            };
            assert_eq!(got, expected, "{method} {path}");
        }
    }
}
