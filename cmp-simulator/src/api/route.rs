use http::Method;

use crate::operation::Operation;

/// Where a request goes.
pub(crate) enum Route<'a> {
    Operation {
        operation: Operation,
        card_id: &'a str,
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
    if let Some(&(operation, card_id)) = here.iter().find(|(operation, _)| operation.method() == *wanted) {
        return Route::Operation { operation, card_id };
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

/// The card's id in `path`, empty where the template has none; `None` for another path.
fn matches<'a>(template: &str, path: &'a str) -> Option<&'a str> {
    let Some((before, after)) = template.split_once("{card_id}") else {
        return (template == path).then_some("");
    };
    let card_id = path.strip_prefix(before)?.strip_suffix(after)?;
    (!card_id.is_empty() && !card_id.contains('/')).then_some(card_id)
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
            (Method::PUT, "/cards/CRD1", "allow GET, PATCH, DELETE, HEAD, OPTIONS"),
            (Method::GET, "/cards", "allow POST, OPTIONS"),
            (Method::GET, "/cards/", "unknown"),
            (Method::GET, "/cards/a/b/network-tokens", "unknown"),
            (Method::GET, "/", "unknown"),
        ];
        for (method, path, expected) in cases {
            let got = match route(&method, path) {
                Route::Operation { operation, card_id } => format!("{operation} {card_id}").trim().to_owned(),
                Route::OtherMethod { allow } => format!("allow {allow}"),
                Route::Unknown => "unknown".to_owned(),
            };
            assert_eq!(got, expected, "{method} {path}");
        }
    }
}
