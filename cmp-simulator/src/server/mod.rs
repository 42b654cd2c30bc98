//! Sockets: accepting, HTTP on each connection, and the faults that live on the wire.

mod exchange;
mod http1;
#[cfg(feature = "tls")]
mod http2;
#[cfg(feature = "tls")]
mod tls;
mod transport;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub(crate) use transport::Transport;

use crate::shared::Shared;

/// Enough for any head that a client of this API sends; more is answered with 431.
const MAX_HEAD: usize = 64 * 1024;

/// Far above anything that the request schemas allow; more is answered with 413.
const MAX_BODY: usize = 1024 * 1024;

/// Serves until the future is dropped; every connection ends with it.
pub(crate) async fn serve(listener: TcpListener, transport: Transport, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, transport.clone(), Arc::clone(&shared)));
                }
                Err(error) => wait_for_descriptors(&error).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Out of file descriptors, accepting fails at once and would spin until a connection ends.
async fn wait_for_descriptors(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(Duration::from_millis(10)).await;
}

async fn connection(stream: TcpStream, transport: Transport, shared: Arc<Shared>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    transport.serve(stream, shared).await;
}
