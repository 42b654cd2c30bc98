use std::fmt;

use crate::scrub::is_plain_word;

const UNREADABLE: &str = "unreadable";

macro_rules! codes {
    ($($variant:ident = $text:literal, $doc:literal;)*) => {
        /// The service's error codes (source: the error table of the CMP documentation, and for V1 the statuses of its
        /// API reference), open for new ones.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = concat!("`", $text, "`: ", $doc)] $variant,)*
            /// A code that this version doesn't know. One that could hold a secret is kept as `unreadable`.
            Other(String),
        }

        impl ErrorCode {
            /// The code as the service writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(code) => code,
                }
            }

            /// Whether this stands for a code that can't be shown.
            pub(crate) fn is_unreadable(&self) -> bool {
                self.as_str() == UNREADABLE
            }

            pub(crate) fn read(code: &str) -> Self {
                match code.trim().to_ascii_lowercase().replace('_', "-").as_str() {
                    $($text => Self::$variant,)*
                    other if is_plain_word(other) => Self::Other(other.to_owned()),
                    _ => Self::Other(UNREADABLE.to_owned()),
                }
            }
        }
    };
}

codes! {
    BadRequest = "bad-request", "400, the request can't be understood";
    Unauthorized = "unauthorized", "401, the access token is missing, wrong or expired";
    Forbidden = "forbidden", "403, the service account may not do this";
    NotFound = "not-found", "404, there is no such resource";
    UnsupportedMediaType = "unsupported-media-type", "415, the body is not `application/vnd.api+json`";
    MissingRequiredField = "missing-required-field", "422, a required member is absent";
    ValidationFailed = "validation-failed", "422, a member breaks a rule";
    FailedDependency = "failed-dependency", "422 or 424, the card has no active network token";
    ServerError = "server-error", "500, not to be retried";
    BadGateway = "bad-gateway", "502, transient";
    ServiceUnavailable = "service-unavailable", "503, transient";
    GatewayTimeout = "gateway-timeout", "504, transient";
    Declined = "declined", "V1, 404, there is no network token to be had for the card";
    CardNotAllowed = "card-not-allowed", "V1, 422, the card can't be enrolled";
    CardBrandNotSupported = "card-brand-not-supported", "V1, 422, cards of this brand can't be enrolled";
    RequiredFieldsMissing = "required-fields-missing", "V1, 422, a required member is absent";
    InvalidFormat = "invalid-format", "V1, 422, a member breaks a rule";
    Rejected = "rejected", "V1, 422, the network rejects the card";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_is_forgiven_and_new_codes_are_kept() {
        assert_eq!(ErrorCode::read("FAILED_DEPENDENCY"), ErrorCode::FailedDependency);
        assert_eq!(ErrorCode::read("card-lost"), ErrorCode::Other("card-lost".into()));
    }

    #[test]
    fn a_code_that_could_hold_a_secret_is_not_kept() {
        for hostile in ["4111111111111111", "no card 411111", "x\ny"] {
            assert_eq!(ErrorCode::read(hostile), ErrorCode::Other("unreadable".into()), "{hostile}");
        }
    }
}
