//! The one error: what it knows, what it says of it, and what to do.

use std::{borrow::Cow, fmt, time::Duration};

use super::{
    NoNetworkToken, StopReason,
    document::{Document, ErrorCode, ErrorDetail},
};
use crate::{
    operation::{Operation, RetryClass, Scope},
    value::{InvalidInput, TraceId},
};

/// The kind of an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value was refused before anything was sent.
    InvalidInput,
    /// The client can't be built as configured.
    Configuration,
    /// The client could not get an access token.
    Authentication,
    /// The request was not sent, because the client has to wait until after the call's deadline. The service asked for a pause
    /// with a 429, or the client's [pace](crate::ClientBuilder::pace) is used up. [`Error::retry_after`] is the rest of the
    /// wait. A retry that has to wait so long is not made, and the error has the kind of the failure before it.
    Throttled,
    /// The service answered with an error status.
    Service,
    /// The connection could not be made, or broke.
    Connection,
    /// An attempt or the whole call took longer than allowed.
    Timeout,
    /// The answer could not be read as what the contract says.
    Decode,
    /// The response is not one that the contract allows, such as a redirect.
    UnexpectedAnswer,
    /// The card has no network token to pay with: see [`Error::no_network_token`].
    NoNetworkToken,
    /// The payment needs the PAN, and the service did not return it: see [`Error::missing_scope`].
    NoPan,
}

/// Whether the request reached the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Delivery {
    /// No attempt of the call sent anything: nothing can have happened.
    NotSent,
    /// Something was sent and no conclusive answer came: it may or may not have taken effect.
    OutcomeUnknown,
    /// The service, or a gateway before it, answered that the request was not carried out. So does an HTTP/2 server that
    /// refuses the stream or goes away before it, and a server that refuses the client's certificate.
    Answered,
}

impl Delivery {
    /// Returns what a response with this status says about the one request that it answers.
    ///
    /// A 4xx is a refusal, whoever gives it: a gateway that refuses doesn't pass the request on. Two don't refuse: 408
    /// is also the response of a server whose handler took too long, and 499 that of a gateway whose client went away.
    /// A 503 turns the request away. Every other status leaves the outcome open, and so does an unreadable success.
    pub(crate) fn of_response(status: u16, operation: Operation) -> Self {
        let refused = matches!(status, 400..=499 | 503) && !matches!(status, 408 | 499);
        if refused || operation.retry_class() == RetryClass::Safe {
            Self::Answered
        } else {
            Self::OutcomeUnknown
        }
    }
}

/// An error of a call, or of building a client.
///
/// Predicates such as [`is_not_found`](Self::is_not_found) say what happened. `Display` is one line. Neither it nor `Debug`
/// has a body, a header or a secret.
///
/// ```
/// use cmp::{CardId, Client};
///
/// async fn is_stored(cmp: &Client, id: &CardId) -> cmp::Result<bool> {
///     match cmp.cards().get(id).await {
///         Ok(_) => Ok(true),
///         Err(error) if error.is_not_found() => Ok(false),
///         Err(error) => Err(error),
///     }
/// }
/// # cmp::example!(|cmp, id| {
/// #     assert!(is_stored(&cmp, &id).await?);
/// #     assert!(!is_stored(&cmp, &"CRDnobody".parse()?).await?);
/// # });
/// ```
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    delivery: Delivery,
    operation: Option<Operation>,
    message: Cow<'static, str>,
    status: Option<u16>,
    code: Option<ErrorCode>,
    details: Vec<ErrorDetail>,
    trace_id: Option<String>,
    attempts: u32,
    retry_after: Option<Duration>,
    stopped: Option<StopReason>,
    in_doubt: bool,
    no_network_token: Option<NoNetworkToken>,
    credentials_refused: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of everything that this crate does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn new(kind: ErrorKind, delivery: Delivery, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            delivery,
            operation: None,
            message: message.into(),
            status: None,
            code: None,
            details: Vec::new(),
            trace_id: None,
            attempts: 0,
            retry_after: None,
            stopped: None,
            in_doubt: false,
            no_network_token: None,
            credentials_refused: false,
            source: None,
        }))
    }

    pub(crate) fn configuration(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Configuration, Delivery::NotSent, message)
    }

    /// A member that the caller can't do without is absent, or is not what it should be.
    pub(crate) fn unreadable_at(path: &'static str) -> Self {
        Self::new(ErrorKind::Decode, Delivery::Answered, format!("the answer can't be read at `{path}`"))
    }

    pub(crate) fn out_of_time() -> Self {
        let message = "the deadline passed before the request could be sent";
        Self::new(ErrorKind::Timeout, Delivery::NotSent, message)
    }

    pub(crate) fn out_of_time_for_a_token() -> Self {
        let message = "the deadline passed before there was an access token";
        Self::new(ErrorKind::Timeout, Delivery::NotSent, message)
    }

    /// The service's pause outlasts the call's deadline. So much of it is `left`.
    pub(crate) fn throttled(left: Duration) -> Self {
        let message = "not sent: the service asked this client to slow down until after the deadline";
        Self::new(ErrorKind::Throttled, Delivery::NotSent, message).with_retry_after(Some(left))
    }

    /// The client's pace has no time for a request before the deadline. The next one is in `left`.
    pub(crate) fn out_of_pace(left: Duration) -> Self {
        let message = "not sent: the client's pace allows the next request only after the deadline";
        Self::new(ErrorKind::Throttled, Delivery::NotSent, message).with_retry_after(Some(left))
    }

    /// The response holds nothing that can be used, although its status is no refusal: for anything but a read, the
    /// request may have taken effect all the same.
    pub(crate) fn in_answer(
        mut self,
        operation: Operation,
        status: u16,
        attempts: u32,
        trace_id: Option<TraceId>,
    ) -> Self {
        self.0.delivery = Delivery::of_response(status, operation);
        self.0.trace_id = trace_id.map(|id| id.to_string());
        self.with_status(status).finished(operation, attempts, StopReason::NotTransient)
    }

    pub(crate) fn for_operation(mut self, operation: Operation) -> Self {
        self.0.operation = Some(operation);
        self
    }

    pub(crate) fn with_status(mut self, status: impl Into<Option<u16>>) -> Self {
        self.0.status = status.into();
        self
    }

    pub(crate) fn with_document(mut self, document: Document) -> Self {
        self.0.code = document.code;
        self.0.details = document.details;
        self.0.trace_id = document.trace_id;
        self
    }

    pub(crate) fn with_retry_after(mut self, after: Option<Duration>) -> Self {
        self.0.retry_after = after;
        self
    }

    pub(crate) fn with_stop_reason(mut self, reason: Option<StopReason>) -> Self {
        self.0.stopped = reason;
        self
    }

    /// `Display` says this reason, so it is not a [`source`](std::error::Error::source).
    pub(crate) fn with_no_network_token(mut self, reason: NoNetworkToken) -> Self {
        self.0.no_network_token = Some(reason);
        self
    }

    pub(crate) fn with_refused_credentials(mut self, refused: bool) -> Self {
        self.0.credentials_refused = refused;
        self
    }

    /// The message must not repeat the source's text: a printed chain would have it twice.
    pub(crate) fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    pub(crate) fn finished(mut self, operation: Operation, attempts: u32, stopped: StopReason) -> Self {
        self.0.operation = Some(operation);
        self.0.attempts = attempts;
        self.0.stopped = Some(stopped);
        self
    }

    /// Judges over all requests of a call, which took so many `attempts`. "Not sent" is right only if none `reached` anybody.
    pub(crate) fn over_requests(mut self, attempts: u32, reached: bool) -> Self {
        self.0.attempts = attempts;
        if reached && self.0.delivery == Delivery::NotSent {
            self.0.delivery = Delivery::Answered;
        }
        self
    }

    /// Judges over the whole call: whether an earlier attempt `reached` the service, and whether one is `in_doubt`, which
    /// only a conclusive answer to a later one settles.
    pub(crate) fn over_all_attempts(mut self, reached: bool, in_doubt: bool) -> Self {
        self.0.in_doubt = in_doubt;
        if in_doubt && !self.settles_earlier_attempts() {
            self.0.delivery = Delivery::OutcomeUnknown;
        } else if reached && self.0.delivery == Delivery::NotSent {
            self.0.delivery = Delivery::Answered;
        }
        self
    }

    /// Whether this answer to a repetition also says what became of the attempts before it.
    ///
    /// Only the service's own document does, and only with a status that is documented to be about the request or the
    /// resource. The other statuses are about the caller, the connection or the moment:
    ///
    /// | status | settles | because |
    /// |---|---|---|
    /// | 400, 415, 422 | yes | the same request was as wrong before |
    /// | 404 | yes | there is no such resource now, whatever happened before |
    /// | 424 | yes | the card has no active token; a lost cryptogram is never used |
    /// | 401, 403, 407 | no | about who asked this time |
    /// | 408, 425, 429 | no | about the time of this request |
    /// | 413, 414, 421, 431, 494 | no | about how this request came in |
    /// | 409, 410, 412, 423, 451 and others | no | the documents don't say what they mean here |
    fn settles_earlier_attempts(&self) -> bool {
        matches!(self.answered_with(), Some(400 | 404 | 415 | 422 | 424)) && self.is_from_the_service()
    }

    /// Whether the error body is the service's own document, and not the page of a gateway before it: a JSON object
    /// whose `errors` has an entry with a code, a path or a text. Both CMP's forms and V1's are such.
    fn is_from_the_service(&self) -> bool {
        self.0.details.iter().any(ErrorDetail::says_something)
    }

    /// The status, if it is that of an error answer to this operation, and not one of the token endpoint.
    fn answered_with(&self) -> Option<u16> {
        self.0.status.filter(|_| self.0.kind == ErrorKind::Service)
    }

    /// The thing to delete is gone, and an earlier attempt of this very call may be what deleted it.
    pub(crate) fn is_deleted_by_us(&self) -> bool {
        self.is_not_found() && self.0.in_doubt
    }

    /// Returns the kind of the failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What went wrong, for `error.type` of OpenTelemetry: one of few values.
    pub(crate) fn telemetry_type(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self.0.kind {
            ErrorKind::Service => {
                return self.0.status.map_or("service".into(), |status| status.to_string().into());
            }
            ErrorKind::InvalidInput => "invalid_input",
            ErrorKind::Configuration => "configuration",
            ErrorKind::Authentication => "authentication",
            ErrorKind::Connection => "connection",
            ErrorKind::Timeout => "timeout",
            ErrorKind::Throttled => "throttled",
            ErrorKind::Decode => "decode",
            ErrorKind::UnexpectedAnswer => "unexpected_answer",
            ErrorKind::NoNetworkToken => "no_network_token",
            ErrorKind::NoPan => "no_pan",
        })
    }

    /// What happened to the connection, in words of this crate. Messages of other kinds may have a text from outside.
    pub(crate) fn network_fault(&self) -> Option<&str> {
        matches!(self.0.kind, ErrorKind::Connection | ErrorKind::Timeout).then_some(&*self.0.message)
    }

    /// Returns whether the request reached the service, over all attempts.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.0.delivery
    }

    /// Returns the operation that failed; `None` if the client was being built or warmed up, or the input was refused.
    #[must_use]
    pub fn operation(&self) -> Option<Operation> {
        self.0.operation
    }

    /// Returns the HTTP status of the last response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Returns the service's error code.
    #[must_use]
    pub fn code(&self) -> Option<&ErrorCode> {
        self.0.code.as_ref()
    }

    /// Returns the details of the service's error. In their texts each run of digits and each long word is masked. They
    /// may still repeat personal data such as a name, so `Debug` doesn't show them.
    #[must_use]
    pub fn details(&self) -> &[ErrorDetail] {
        &self.0.details
    }

    /// Returns the id that VGS support asks for (`metadata.observability.trace_id`).
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.0.trace_id.as_deref()
    }

    /// Returns how many requests were sent or tried for this call, including replays after a 401.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Returns the time to wait before trying again: what the service asked for, or the client's own pause after the
    /// service or the token endpoint refused.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns why there was no further attempt.
    #[must_use]
    pub fn stopped_because(&self) -> Option<StopReason> {
        self.0.stopped
    }

    /// Returns `true` for a 404 of the service: there is no such card or token.
    ///
    /// A 404 with another body than the service's error document comes from a gateway that doesn't know the service, and
    /// gives `false`.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.answered_with() == Some(404) && self.is_from_the_service() && !self.is_declined()
    }

    /// Returns `true` if V1 refuses the card a network token for good (codes `declined`, `card-not-allowed`,
    /// `card-brand-not-supported` and `rejected`).
    #[must_use]
    pub fn is_declined(&self) -> bool {
        use ErrorCode::{CardBrandNotSupported, CardNotAllowed, Declined, Rejected};
        matches!(self.0.code, Some(Declined | CardNotAllowed | CardBrandNotSupported | Rejected))
    }

    /// Returns `true` for a 401, and if the token endpoint refused the service account by 400, 401, 403 or an error code.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        self.is_refused_by_the_service()
            || (self.0.credentials_refused && self.0.stopped == Some(StopReason::NotTransient))
    }

    /// The service, and not the token endpoint, answered 401.
    pub(crate) fn is_refused_by_the_service(&self) -> bool {
        self.answered_with() == Some(401)
    }

    /// Returns `true` for a 403: the service account lacks a scope, or this card or account is refused.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.answered_with() == Some(403)
    }

    /// Returns the scope that the service account seems to lack: the operation's after a 403, or `cards:read-pci` if no
    /// PAN came.
    ///
    /// After a 403 this is a guess. The service also refuses single cards and accounts by it, and documents no difference
    /// (source: the CMP documentation).
    #[must_use]
    pub fn missing_scope(&self) -> Option<Scope> {
        match (self.0.kind, self.0.operation) {
            (ErrorKind::NoPan, _) => Some(Scope::CardsReadPci),
            (_, Some(operation)) if self.is_forbidden() => Some(operation.scope()),
            _ => None,
        }
    }

    /// Returns `true` if the request itself is wrong: refused before it was sent, or answered by 400, 413, 415 or 422.
    #[must_use]
    pub fn is_invalid_request(&self) -> bool {
        self.0.kind == ErrorKind::InvalidInput
            || (matches!(self.answered_with(), Some(400 | 413 | 415 | 422))
                && !self.is_without_active_token()
                && !self.is_declined())
    }

    /// Returns `true` if the card has no active network token: 424, the code `failed-dependency` with any status (the
    /// documents give both 422 and 424), or a card that was read and has none.
    #[must_use]
    pub fn is_without_active_token(&self) -> bool {
        self.answered_with() == Some(424)
            || self.0.code == Some(ErrorCode::FailedDependency)
            || self.no_network_token().is_some()
    }

    /// Returns why the card has no network token to pay with.
    ///
    /// Only the card says why. If it could not be read, for example without the scope `cards:read`, this is `None`, and
    /// [`source`](std::error::Error::source) is the error of reading it.
    #[must_use]
    pub fn no_network_token(&self) -> Option<&NoNetworkToken> {
        self.0.no_network_token.as_ref()
    }

    /// The reason was looked for in the card, and reading that failed.
    fn is_for_unread_reason(&self) -> bool {
        self.is_without_active_token()
            && matches!(self.0.source.as_deref(), Some(source) if source.is::<Self>())
    }

    /// Returns `true` if the attempt or the whole call ran out of time.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }

    /// Returns `true` if the same call may succeed later, and repeating it can't do harm.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let passes = matches!(
            self.0.kind,
            ErrorKind::Connection | ErrorKind::Timeout | ErrorKind::Throttled | ErrorKind::Authentication
        );
        let stopped = self.0.stopped;
        // A 401 is final, unless the deadline came before another access token.
        let transient = (passes && stopped != Some(StopReason::NotTransient))
            || self.answered_with().is_some_and(is_transient_status)
            || (self.is_refused_by_the_service() && stopped == Some(StopReason::DeadlineTooClose));
        let harmless = self.0.delivery != Delivery::OutcomeUnknown
            || self.0.operation.is_some_and(|operation| operation.retry_class().may_be_repeated());
        transient && harmless
    }
}

/// Returns `true` if the same request may be answered otherwise a moment later.
pub(crate) fn is_transient_status(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<NoNetworkToken> for Error {
    fn from(reason: NoNetworkToken) -> Self {
        Self::new(ErrorKind::NoNetworkToken, Delivery::Answered, "no usable network token was found")
            .with_no_network_token(reason)
    }
}

impl From<InvalidInput> for Error {
    fn from(refused: InvalidInput) -> Self {
        Self::new(ErrorKind::InvalidInput, Delivery::NotSent, refused.to_string())
    }
}

impl Error {
    /// Returns what to do, in a sentence for a person, if the outcome is unknown, a scope may be missing, or the card has
    /// no active network token.
    #[must_use]
    pub fn next_step(&self) -> Option<&'static str> {
        match (self.0.delivery, self.0.operation) {
            // The answer came, so no cryptogram was lost.
            _ if self.0.kind == ErrorKind::NoNetworkToken => {
                self.no_network_token().map(NoNetworkToken::next_step)
            }
            (Delivery::OutcomeUnknown, Some(operation)) => Some(operation.when_unknown()),
            _ if self.is_forbidden() => Some(
                "see that the service account has the scope that `missing_scope` names; if it has, the service refuses \
                 this card or account, which VGS support can explain",
            ),
            _ if self.missing_scope().is_some() => {
                Some("give the service account the scope that `missing_scope` names")
            }
            _ if self.is_without_active_token() => {
                Some(self.no_network_token().map_or(WHEN_THE_REASON_IS_UNKNOWN, NoNetworkToken::next_step))
            }
            _ => None,
        }
    }

    fn write_advice(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reason) = self.no_network_token() {
            write!(f, "; {reason}")?;
        } else if self.is_for_unread_reason() {
            f.write_str("; the reason could not be read, which takes the scope cards:read")?;
        }
        match self.missing_scope() {
            Some(scope) if self.is_forbidden() => {
                write!(
                    f,
                    "; the service account may lack the scope {scope}, or this card or account is refused"
                )
            }
            Some(scope) => write!(f, "; it needs the scope {scope}"),
            None => Ok(()),
        }
    }

    fn write_delivery(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reads = self.0.operation.is_some_and(|operation| operation.retry_class() == RetryClass::Safe);
        match self.0.delivery {
            Delivery::OutcomeUnknown if reads => f.write_str("; nothing was changed"),
            Delivery::OutcomeUnknown => f.write_str("; the outcome is unknown"),
            Delivery::NotSent | Delivery::Answered => Ok(()),
        }
    }
}

const WHEN_THE_REASON_IS_UNKNOWN: &str =
    "read the card (scope `cards:read`): the state of its network token is the reason, or it has none";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(operation) = inner.operation {
            write!(f, "{}: ", operation.name())?;
        }
        f.write_str(&inner.message)?;
        match inner.status {
            Some(status) if inner.kind == ErrorKind::Service => write!(f, " {status}")?,
            // The message says what the token endpoint answered.
            Some(_) if inner.kind == ErrorKind::Authentication => {}
            Some(status) => write!(f, " (status {status})")?,
            None => {}
        }
        if let Some(code) = &inner.code {
            write!(f, " {code}")?;
        }
        if let Some(path) = inner.details.iter().find_map(ErrorDetail::path) {
            write!(f, " at {path}")?;
        }
        self.write_advice(f)?;
        self.write_delivery(f)?;
        if inner.attempts > 1 {
            write!(f, "; {} attempts", inner.attempts)?;
        }
        if let Some(trace_id) = &inner.trace_id {
            write!(f, "; trace {trace_id}")?;
        }
        Ok(())
    }
}
