use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use cmp_generated::{hooks::Transport, lenient};
use reqwest::{
    Method, Request, Response, Url,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue},
};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::{AccessToken, AccessTokenError, AccessTokenFuture, AccessTokenProvider};
use crate::{
    clock::Clock,
    environment::Variables,
    error::Result,
    http::{self, Cause, Http},
    retry::retry_after,
    scrub::scrub,
    secret::ClientSecret,
};

/// Assumed where the answer doesn't say: the shortest lifetime that a service account can be configured to.
const LIFETIME_IF_UNSAID: Duration = Duration::from_secs(60);
const LARGEST_ANSWER: usize = 64 * 1024;

/// A VGS service account: the client id and secret that step 1 of the guide creates.
///
/// ```
/// use cmp::ServiceAccount;
///
/// let account = ServiceAccount::new("ACexample-cmp-x1Y2z", "not-a-secret");
/// assert_eq!(
///     format!("{account:?}"),
///     r#"ServiceAccount { client_id: "ACexample-cmp-x1Y2z", .. }"#
/// );
/// ```
#[derive(Clone)]
pub struct ServiceAccount {
    client_id: String,
    client_secret: ClientSecret,
}

impl ServiceAccount {
    /// Takes the client id and secret.
    #[must_use]
    pub fn new(client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        Self { client_id: client_id.into(), client_secret: ClientSecret::from_trusted(client_secret) }
    }

    /// Reads `VGS_CLIENT_ID` and `VGS_CLIENT_SECRET` from the process environment, as VGS's own tools do. White space at
    /// the ends is dropped.
    ///
    /// # Errors
    /// If either is unset, empty or not UTF-8; the message names it.
    pub fn from_env() -> Result<Self> {
        Self::from_variables(&Variables::of_process())
    }

    pub(crate) fn from_variables(variables: &Variables) -> Result<Self> {
        Ok(Self::new(variables.needed("VGS_CLIENT_ID")?, variables.needed("VGS_CLIENT_SECRET")?))
    }

    /// The client id, which is not a secret.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// The OAuth 2.0 client credentials grant (RFC 6749 §4.4): one form POST.
///
/// No `scope` is sent: the service account's own apply.
pub(crate) struct ClientCredentials {
    pub(crate) account: ServiceAccount,
    pub(crate) token_url: Url,
    pub(crate) http: Http,
    pub(crate) clock: Arc<dyn Clock>,
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.account.fmt(f)
    }
}

impl AccessTokenProvider for ClientCredentials {
    fn fetch(&self) -> AccessTokenFuture<'_> {
        Box::pin(async {
            let exchange = self.http.exchange(LARGEST_ANSWER);
            let sent = exchange.send(self.request()).await;
            let response = sent.map_err(|error| unreachable_endpoint(Cause::of(&error)))?;
            let granted = if response.status().is_success() {
                let body = read(response).await?;
                granted(&body).map_err(|error| match exchange.content_coding() {
                    Some(coding) => AccessTokenError::transient(format!(
                        "the token endpoint's answer has the content coding {coding}, which the client did not ask for"
                    )),
                    None => error,
                })
            } else {
                Err(self.refusal(response, exchange.content_coding()).await)
            };
            exchange.settle();
            granted
        })
    }
}

impl ClientCredentials {
    fn request(&self) -> Request {
        let (id, secret) = (&self.account.client_id, self.account.client_secret.expose());
        // Escaped, an octet takes three. A text that grows leaves copies of its beginning in freed memory.
        let form = String::with_capacity(64 + 3 * (id.len() + secret.len()));
        let form = form_urlencoded::Serializer::new(form)
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", id)
            .append_pair("client_secret", secret)
            .finish();
        let mut request = Request::new(Method::POST, self.token_url.clone());
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        *request.body_mut() = Some(Bytes::from_owner(Zeroizing::new(form.into_bytes())).into());
        request
    }

    async fn refusal(&self, response: Response, coding: Option<&str>) -> AccessTokenError {
        let status = response.status();
        let after = retry_after(response.headers(), self.clock.utc());
        let body = read(response).await.unwrap_or_default();
        let members = Members::read(&body);
        let rest = match (members.as_ref().and_then(Members::error), coding) {
            (Some(code), _) => format!(" {code}"),
            (None, Some(coding)) if members.is_none() => {
                format!(" in the content coding {coding}, which the client did not ask for")
            }
            (None, _) => String::new(),
        };
        let message = format!("the token endpoint answered {}{rest}", status.as_u16());
        // RFC 6749 §5.2 has 400 and 401. Others come from something that is no token endpoint.
        let error = match status.as_u16() {
            400 | 401 | 403 => AccessTokenError::refused(message),
            408 | 429 | 500..=599 => AccessTokenError::transient(message),
            _ => AccessTokenError::unusable(message),
        };
        AccessTokenError { status: Some(status.as_u16()), retry_after: after, ..error }
    }
}

/// An answer of the token endpoint, member by member: one that can't be read is absent.
struct Members(BTreeMap<String, Zeroizing<String>>);

impl Members {
    /// `None` if the body is not a JSON object.
    fn read(body: &[u8]) -> Option<Self> {
        let read = |text: &str| {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
            let owned =
                members.into_iter().map(|(name, value)| (name, Zeroizing::new(value.get().to_owned())));
            Some(Self(owned.collect()))
        };
        std::str::from_utf8(body).ok().and_then(read).or_else(|| read(&lenient::repaired(body)))
    }

    fn text(&self, name: &str) -> Option<Zeroizing<String>> {
        serde_json::from_str(self.0.get(name)?).ok().map(Zeroizing::<String>::new)
    }

    /// The code of RFC 6749 §5.2, scrubbed. The `error_description` beside it is free text and is not kept.
    fn error(&self) -> Option<String> {
        self.text("error").map(|code| scrub(&code)).filter(|code| !code.is_empty())
    }

    /// A number of seconds, which some servers write as a text.
    fn duration(&self, name: &str) -> Option<Duration> {
        let text = self.text(name);
        let number = text.as_ref().or_else(|| self.0.get(name))?;
        let seconds = number.trim().parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok().filter(|lifetime| !lifetime.is_zero())
    }
}

fn granted(body: &[u8]) -> Result<AccessToken, AccessTokenError> {
    // A page instead of JSON is what a proxy or a maintenance shows, for a while.
    let no_token = || AccessTokenError::transient("the token endpoint's answer is not what OAuth 2.0 says");
    let granted = Members::read(body).ok_or_else(no_token)?;
    let token = granted.text("access_token").ok_or_else(|| match granted.error() {
        // A success in name only.
        Some(code) => AccessTokenError::refused(format!("the token endpoint answered 200 {code}")),
        None => AccessTokenError::transient("the token endpoint's answer can't be read at `access_token`"),
    })?;
    let kind = granted.text("token_type").filter(|kind| !kind.trim().is_empty());
    if kind.is_some_and(|kind| !kind.trim().eq_ignore_ascii_case("bearer")) {
        return Err(AccessTokenError::unusable("the token endpoint's token is not a bearer token"));
    }
    let lifetime = granted.duration("expires_in").unwrap_or(LIFETIME_IF_UNSAID);
    Ok(AccessToken::new(token.as_str())?.lifetime(lifetime))
}

async fn read(response: Response) -> Result<Zeroizing<Vec<u8>>, AccessTokenError> {
    match http::read_body(response.bytes_stream(), LARGEST_ANSWER).await {
        Ok(body) => Ok(body),
        Err(http::BodyError::TooLarge) => {
            Err(AccessTokenError::unusable("the token endpoint's answer is too large"))
        }
        Err(http::BodyError::Broken(_)) => {
            Err(AccessTokenError::transient("the connection to the token endpoint broke during its answer"))
        }
    }
}

fn unreachable_endpoint(cause: Cause) -> AccessTokenError {
    let message = format!("the token endpoint can't be reached: {cause}");
    if cause.is_transient() {
        AccessTokenError::transient(message)
    } else {
        AccessTokenError::unusable(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_of_mounted_files_are_no_part_of_the_credentials() {
        let variables = [("VGS_CLIENT_ID", " AC-id\r\n"), ("VGS_CLIENT_SECRET", "not-real\n")].into();
        let account = ServiceAccount::from_variables(&variables).unwrap();
        assert_eq!((account.client_id(), account.client_secret.expose()), ("AC-id", "not-real"));
        let variables = [("VGS_CLIENT_ID", "AC-id"), ("VGS_CLIENT_SECRET", "\n")].into();
        let error = ServiceAccount::from_variables(&variables).unwrap_err().to_string();
        assert!(error.contains("VGS_CLIENT_SECRET"), "{error}");
    }

    #[test]
    fn the_answer_is_read_or_refused_without_showing_it() {
        let token =
            granted(br#"{"access_token":"abc.def","token_type":"Bearer","expires_in":1200}"#).unwrap();
        assert_eq!(token.lifetime, Some(Duration::from_secs(1200)));
        let token = granted(br#"{"access_token":"abc.def","expires_in":"1200"}"#).unwrap();
        assert_eq!(token.lifetime, Some(Duration::from_secs(1200)));
        let token = granted(br#"{"access_token":"abc.def"}"#).unwrap();
        assert_eq!(token.lifetime, Some(LIFETIME_IF_UNSAID));
        for bad in [
            r#"{"access_token":"se cret"}"#,
            r#"{"access_token":""}"#,
            r#"{"access_token":"secret","token_type":"mac"}"#,
            r#"["secret"]"#,
            "",
        ] {
            let error = granted(bad.as_bytes()).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn only_the_token_has_to_be_readable() {
        for odd in ["null", "[]", "{}", "true", "1e400", "\"\\ud800\""] {
            let body = format!(r#"{{"expires_in":{odd},"scope":{odd},"access_token":"abc","\ud800":{odd}}}"#);
            let token = granted(body.as_bytes()).unwrap();
            assert_eq!((token.value.expose(), token.lifetime), ("abc", Some(LIFETIME_IF_UNSAID)), "{odd}");
            let body = format!(r#"{{"access_token":{odd}}}"#);
            if odd != "\"\\ud800\"" {
                let error = granted(body.as_bytes()).unwrap_err().to_string();
                assert!(error.contains("`access_token`"), "{odd}: {error}");
            }
        }
        for kind in ["null", "7", "[]", "\"BEARER\""] {
            let body =
                format!("\u{feff}{{\"access_token\":\"abc\",\"token_type\":{kind},\"expires_in\":90.0}}\0");
            assert_eq!(granted(body.as_bytes()).unwrap().lifetime, Some(Duration::from_secs(90)), "{kind}");
        }
    }

    #[test]
    fn a_strange_lifetime_is_the_shortest() {
        for strange in ["0", "-5", "1e300", "\"soon\""] {
            let body = format!(r#"{{"access_token":"abc","expires_in":{strange}}}"#);
            assert_eq!(granted(body.as_bytes()).unwrap().lifetime, Some(LIFETIME_IF_UNSAID), "{strange}");
        }
    }

    #[test]
    fn a_printed_account_shows_its_id_alone() {
        let account = ServiceAccount::new("ACid", "not-real");
        assert_eq!(format!("{account:?}"), r#"ServiceAccount { client_id: "ACid", .. }"#);
    }
}
