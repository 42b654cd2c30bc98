//! What lies between a socket and HTTP: nothing, or TLS.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::http1;
use crate::settings::Protocol;
use crate::shared::Shared;

/// A stream over one TCP connection.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    fn tcp(&self) -> &TcpStream;
}

impl Socket for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

/// Speaks one [`Protocol`] on every connection.
#[derive(Clone)]
pub(crate) struct Transport {
    #[cfg(feature = "tls")]
    tls: Option<super::tls::Tls>,
}

impl Transport {
    #[cfg(feature = "tls")]
    pub(crate) fn new(protocol: Protocol) -> io::Result<Self> {
        let tls = if protocol == Protocol::Http1 { None } else { Some(super::tls::Tls::new(protocol)?) };
        Ok(Self { tls })
    }

    #[cfg(not(feature = "tls"))]
    pub(crate) fn new(protocol: Protocol) -> io::Result<Self> {
        if protocol == Protocol::Http1 {
            return Ok(Self {});
        }
        let reason = "TLS needs the feature `tls` of the crate cmp-simulator";
        Err(io::Error::new(io::ErrorKind::Unsupported, reason))
    }

    /// The PEM of the authority that signed the server's certificate; `None` without TLS.
    pub(crate) fn root_certificate(&self) -> Option<&str> {
        #[cfg(feature = "tls")]
        return self.tls.as_ref().map(super::tls::Tls::root_certificate);
        #[cfg(not(feature = "tls"))]
        None
    }

    pub(super) async fn serve(&self, stream: TcpStream, shared: Arc<Shared>) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return tls.serve(stream, shared).await;
        }
        http1::serve(stream, shared).await;
    }
}
