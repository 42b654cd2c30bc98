use std::{error::Error, fmt, io};

#[cfg(feature = "rustls-no-provider")]
use tokio_rustls::rustls::{self, AlertDescription, CertificateError};

/// Why a connection could not be made, or broke.
///
/// The errors of the HTTP and TLS crates repeat what the peer wrote: the text of a GOAWAY frame, the names in a
/// certificate. So they end here, and errors of this crate hold one of these causes in their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The host name was not resolved.
    NoAddress,
    /// The time for making a connection passed.
    ConnectTimeout,
    Io(io::ErrorKind),
    Certificate(CertificateFault),
    /// The peer ended the TLS handshake with an alert.
    #[cfg_attr(
        not(feature = "rustls-no-provider"),
        allow(dead_code, reason = "other TLS libraries don't say so exactly")
    )]
    TlsRefused,
    /// The peer refused the client's certificate, or wants one.
    #[cfg_attr(
        not(feature = "rustls-no-provider"),
        allow(dead_code, reason = "other TLS libraries don't say so exactly")
    )]
    ClientCertificate,
    /// The TLS handshake failed in another way.
    TlsHandshake,
    ProxyUnreachable,
    /// The proxy answered 407.
    ProxyCredentials,
    /// The proxy answered otherwise, or not with HTTP.
    ProxyRefused,
    /// The connection went away before the request was written to it.
    ClosedBeforeUse,
    /// The connection was closed before the answer was complete.
    Closed,
    /// HTTP/2: the server refused the stream, so it did not process the request.
    StreamRefused,
    /// HTTP/2: the server is going away and did not process the request.
    GoAway,
    Http2(h2::Reason),
    /// HTTP/2: no answer to a keep-alive ping.
    NoPong,
    NotHttp,
    HeadTooLarge,
    BodyTooLarge,
    Unknown,
}

/// What is wrong with the peer's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "rustls-no-provider"),
    allow(dead_code, reason = "other TLS libraries don't say so exactly")
)]
pub(crate) enum CertificateFault {
    Expired,
    NotYetValid,
    UnknownIssuer,
    WrongName,
    Revoked,
    Other,
}

impl Cause {
    /// Finds the cause in an error of the HTTP stack.
    pub(crate) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(cause) = Self::of_this(error) {
                return cause;
            }
            next = error.source();
        }
        Self::Unknown
    }

    /// Looks at this error alone and not at its source.
    fn of_this(error: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(cause) = error.downcast_ref::<Self>() {
            return Some(*cause);
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            return Self::of_http(error);
        }
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return Some(Self::of_http2(error));
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(Self::of_io(error));
        }
        of_tls(error)
    }

    fn of_http(error: &hyper::Error) -> Option<Self> {
        if error.is_canceled() {
            let within = error.source().map(Self::of);
            Some(within.filter(|cause| *cause == Self::ClientCertificate).unwrap_or(Self::ClosedBeforeUse))
        } else if error.is_parse_too_large() {
            Some(Self::HeadTooLarge)
        } else if error.is_parse() {
            Some(Self::NotHttp)
        } else if error.is_incomplete_message() {
            Some(Self::Closed)
        } else if error.is_timeout() {
            Some(Self::NoPong)
        } else if error.source().is_none() && error.is_closed() {
            Some(Self::Closed)
        } else {
            None
        }
    }

    /// A GOAWAY ends only those streams with an error of its own that the server did not process (RFC 9113, section 6.8).
    fn of_http2(error: &h2::Error) -> Self {
        if let Some(error) = error.get_io() {
            return Self::of_io(error);
        }
        match error.reason() {
            _ if error.is_remote() && error.is_go_away() => Self::GoAway,
            Some(h2::Reason::REFUSED_STREAM) if error.is_remote() && error.is_reset() => Self::StreamRefused,
            Some(reason) => Self::Http2(reason),
            None => Self::Unknown,
        }
    }

    pub(super) fn of_io(error: &io::Error) -> Self {
        let Some(within) = error.get_ref() else { return Self::Io(error.kind()) };
        match Self::of(within) {
            // `h2` keeps only the text, which is one of ours.
            Self::Unknown if within.to_string() == Self::ClientCertificate.to_string() => {
                Self::ClientCertificate
            }
            Self::Unknown => Self::Io(error.kind()),
            cause => cause,
        }
    }

    /// Finds the cause in an error of a TLS handshake. The first read after it belongs to it: in TLS 1.3, the client's part
    /// ends before the peer has seen the client's certificate.
    pub(super) fn of_handshake(error: &io::Error) -> Self {
        if is_about_client_certificate(error) { Self::ClientCertificate } else { Self::of_io(error) }
    }

    /// Whether trying again may help.
    pub(crate) fn is_transient(self) -> bool {
        !matches!(self, Self::Certificate(_) | Self::ClientCertificate | Self::ProxyCredentials)
    }

    /// Whether the server states that it did not process the request. It reads none before it has accepted the client's
    /// certificate (RFC 8446, section 4.4.2.4).
    pub(crate) fn says_not_processed(self) -> bool {
        matches!(self, Self::StreamRefused | Self::GoAway | Self::ClientCertificate)
    }
}

#[cfg(feature = "rustls-no-provider")]
fn of_tls(error: &(dyn Error + 'static)) -> Option<Cause> {
    Some(match error.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(error) => Cause::Certificate(fault(error)),
        rustls::Error::NoCertificatesPresented | rustls::Error::UnsupportedNameType => {
            Cause::Certificate(CertificateFault::Other)
        }
        rustls::Error::AlertReceived(AlertDescription::CloseNotify) => Cause::Closed,
        rustls::Error::AlertReceived(_) => Cause::TlsRefused,
        _ => Cause::TlsHandshake,
    })
}

#[cfg(feature = "rustls-no-provider")]
fn is_about_client_certificate(error: &io::Error) -> bool {
    use AlertDescription::{
        AccessDenied, BadCertificate, CertificateExpired, CertificateRequired, CertificateRevoked,
        CertificateUnknown, UnknownCA, UnsupportedCertificate,
    };
    let alert = match error.get_ref().and_then(|within| within.downcast_ref()) {
        Some(rustls::Error::AlertReceived(alert)) => *alert,
        _ => return false,
    };
    matches!(
        alert,
        AccessDenied
            | BadCertificate
            | CertificateExpired
            | CertificateRequired
            | CertificateRevoked
            | CertificateUnknown
            | UnknownCA
            | UnsupportedCertificate
    )
}

#[cfg(not(feature = "rustls-no-provider"))]
fn is_about_client_certificate(_: &io::Error) -> bool {
    false
}

#[cfg(feature = "rustls-no-provider")]
fn fault(error: &CertificateError) -> CertificateFault {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            CertificateFault::NotYetValid
        }
        CertificateError::UnknownIssuer => CertificateFault::UnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateFault::WrongName
        }
        CertificateError::Revoked => CertificateFault::Revoked,
        _ => CertificateFault::Other,
    }
}

/// The systems' libraries have no kinds of failures in common, but all their messages name the certificate.
#[cfg(not(feature = "rustls-no-provider"))]
fn of_tls(error: &(dyn Error + 'static)) -> Option<Cause> {
    let text = error.downcast_ref::<native_tls::Error>()?.to_string();
    Some(if text.contains("certificate") {
        Cause::Certificate(CertificateFault::Other)
    } else {
        Cause::TlsHandshake
    })
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAddress => "the host name has no address",
            Self::ConnectTimeout => "connecting took too long",
            Self::Io(kind) => return kind.fmt(f),
            Self::Certificate(fault) => return write!(f, "the certificate {fault}"),
            Self::TlsRefused => "the peer ended the TLS handshake",
            Self::ClientCertificate => "the peer asks for another client certificate",
            Self::TlsHandshake => "the TLS handshake failed",
            Self::ProxyUnreachable => "the proxy can't be reached",
            Self::ProxyCredentials => "the proxy asks for other credentials, status 407",
            Self::ProxyRefused => "the proxy opened no tunnel",
            Self::ClosedBeforeUse => "the connection was closed before it was used",
            Self::Closed => "the connection was closed",
            Self::StreamRefused => "HTTP/2: the server refused the stream",
            Self::GoAway => "HTTP/2: the server is going away",
            Self::Http2(reason) => return write!(f, "HTTP/2: {}", reason.description()),
            Self::NoPong => "HTTP/2: no answer to a ping",
            Self::NotHttp => "the answer is not HTTP",
            Self::HeadTooLarge => "the answer's head is too large",
            Self::BodyTooLarge => "the answer's body is too large",
            Self::Unknown => "the HTTP client gave up",
        })
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "has expired",
            Self::NotYetValid => "is not valid yet",
            Self::UnknownIssuer => "is not from a trusted issuer",
            Self::WrongName => "is for another name",
            Self::Revoked => "was revoked",
            Self::Other => "can't be trusted",
        })
    }
}

impl Error for Cause {}
