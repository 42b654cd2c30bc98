//! Sockets: accepting connections, and HTTP on each of them.

mod exchange;
mod http1;
#[cfg(feature = "tls")]
mod http2;
#[cfg(feature = "tls")]
mod tls;
mod wire;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::instance::Instance;
#[cfg(feature = "tls")]
use crate::server::tls::Tls;
use crate::settings::Protocol;

/// Serves until the future is dropped. Every connection ends with it.
pub(crate) async fn serve(listener: TcpListener, transport: Transport, instance: Arc<Instance>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, transport.clone(), Arc::clone(&instance)));
                }
                Err(error) => wait_for_descriptors(&error).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Waits a moment: without file descriptors, accepting fails at once and would spin.
async fn wait_for_descriptors(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(Duration::from_millis(10)).await;
}

async fn connection(stream: TcpStream, transport: Transport, instance: Arc<Instance>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    transport.serve(stream, instance).await;
}

/// Serves one [`Protocol`] on every connection.
#[derive(Clone)]
pub(crate) struct Transport {
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

impl Transport {
    #[cfg(feature = "tls")]
    pub(crate) fn new(protocol: Protocol) -> io::Result<Self> {
        let tls = if protocol == Protocol::Http1 { None } else { Some(Tls::new(protocol)?) };
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

    /// Returns the authority's certificate as PEM, or `None` without TLS.
    pub(crate) fn root_certificate(&self) -> Option<&str> {
        #[cfg(feature = "tls")]
        return self.tls.as_ref().map(Tls::root_certificate);
        #[cfg(not(feature = "tls"))]
        None
    }

    pub(super) async fn serve(&self, stream: TcpStream, instance: Arc<Instance>) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return tls.serve(stream, instance).await;
        }
        http1::serve(stream, instance).await;
    }
}
