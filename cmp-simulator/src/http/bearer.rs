use http::header;

use super::Request;

/// The access token of `Authorization: Bearer …`; the scheme's name has no case (RFC 9110, 11.1).
pub(crate) fn access_token(request: &Request) -> Option<&str> {
    let (scheme, token) = request.header(&header::AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}
