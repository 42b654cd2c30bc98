//! Sockets: accepting, HTTP on each connection, and the faults that live on the wire.

mod body;
mod exchange;
mod wire;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::shared::Shared;
use wire::{Switch, Wire};

/// Enough for any head that a client of this API sends; more is answered with 431.
const MAX_HEAD: usize = 64 * 1024;

/// Serves until the future is dropped; every connection ends with it.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&shared)));
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

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let switch = Arc::new(Switch::default());
    let wire = TokioIo::new(Wire::new(stream, Arc::clone(&switch)));
    let service =
        service_fn(move |request| exchange::exchange(request, Arc::clone(&shared), Arc::clone(&switch)));
    let served = http1::Builder::new().max_buf_size(MAX_HEAD).serve_connection(wire, service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}
