//! A network on loopback that can fail: a relay between a client and a server.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
};

/// What happens to octets on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// They arrive.
    Passes,
    /// They arrive when the partition is over.
    Waits,
    /// They are lost, and so is all that follows on the same connection.
    Lost,
}

/// A server behind a relay.
#[derive(Debug, Clone)]
pub enum Server {
    /// At an address.
    Tcp(SocketAddr),
    /// At a socket in the file system.
    #[cfg(unix)]
    Unix(std::path::PathBuf),
}

impl From<SocketAddr> for Server {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

#[derive(Debug, Clone, Copy)]
struct State {
    up: Way,
    down: Way,
    /// Grows when every connection is cut.
    cuts: u64,
}

/// All connections through the relay.
#[derive(Debug)]
pub struct Link {
    state: watch::Sender<State>,
    /// After so many octets in a direction, the connection that carries them is cut.
    cut_after: Mutex<Option<(Direction, usize)>>,
    /// Says that octets don't arrive.
    stuck: mpsc::UnboundedSender<()>,
}

/// From whom to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server
    Up,
    /// From the server to the client
    Down,
}

impl Link {
    fn way(&self, direction: Direction) -> Way {
        let state = self.state.borrow();
        if direction == Direction::Up { state.up } else { state.down }
    }

    /// Starts a relay to this server on a port of its own. The receiver gets a message when octets don't arrive.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn to(
        server: impl Into<Server>,
    ) -> io::Result<(Arc<Self>, SocketAddr, mpsc::UnboundedReceiver<()>, JoinHandle<()>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (stuck, is_stuck) = mpsc::unbounded_channel();
        let state = watch::Sender::new(State { up: Way::Passes, down: Way::Passes, cuts: 0 });
        let link = Arc::new(Self { state, cut_after: Mutex::default(), stuck });
        let accepting = Arc::clone(&link).accept(listener, server.into());
        Ok((link, address, is_stuck, tokio::spawn(accepting)))
    }

    async fn accept(self: Arc<Self>, listener: TcpListener, server: Server) {
        let mut relays = JoinSet::new();
        while let Ok((client, _)) = listener.accept().await {
            while relays.try_join_next().is_some() {}
            relays.spawn(Arc::clone(&self).relay(client, server.clone()));
        }
    }

    /// Lets everything pass from now on.
    pub fn heal(&self) {
        self.cut_after(None);
        self.set(Way::Passes, Way::Passes);
    }

    /// Sets what happens to octets in both directions.
    pub fn set(&self, up: Way, down: Way) {
        self.state.send_modify(|state| (state.up, state.down) = (up, down));
    }

    /// Cuts every connection.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    /// Cuts the connection that carries the octet of this number from now on.
    pub fn cut_after(&self, octets: Option<(Direction, usize)>) {
        *self.cut_after.lock().unwrap_or_else(PoisonError::into_inner) = octets;
    }

    /// How many of these octets pass before the connection is cut.
    fn allowed(&self, direction: Direction, octets: usize) -> usize {
        let mut cut_after = self.cut_after.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *cut_after {
            Some((of, left)) if *of == direction && *left < octets => {
                let left = *left;
                *cut_after = None;
                left
            }
            Some((of, left)) if *of == direction => {
                *left -= octets;
                octets
            }
            _ => octets,
        }
    }

    async fn pump(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        direction: Direction,
    ) -> io::Result<()> {
        let mut state = self.state.subscribe();
        let mut buffer = vec![0; 16 * 1024];
        let mut is_lost = false;
        loop {
            let read = from.read(&mut buffer).await?;
            is_lost |= self.way(direction) == Way::Lost;
            if is_lost && read > 0 {
                let _ = self.stuck.send(());
                continue;
            }
            if is_lost {
                // A half-open connection: one end is gone, and the other never hears of it.
                return std::future::pending().await;
            }
            if self.way(direction) == Way::Waits {
                let _ = self.stuck.send(());
                let waits = |state: &State| {
                    if direction == Direction::Up { state.up == Way::Waits } else { state.down == Way::Waits }
                };
                drop(state.wait_for(|state| !waits(state)).await);
            }
            if read == 0 {
                return to.shutdown().await;
            }
            let allowed = self.allowed(direction, read);
            to.write_all(&buffer[..allowed]).await?;
            if allowed < read {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
    }

    async fn relay(self: Arc<Self>, client: TcpStream, server: Server) {
        match server {
            Server::Tcp(server) => self.join(client, TcpStream::connect(server)).await,
            #[cfg(unix)]
            Server::Unix(path) => self.join(client, tokio::net::UnixStream::connect(path)).await,
        }
    }

    async fn join(
        &self,
        client: TcpStream,
        connecting: impl Future<Output = io::Result<impl AsyncRead + AsyncWrite>>,
    ) {
        let mut state = self.state.subscribe();
        let cuts = state.borrow().cuts;
        let Ok(server) = connecting.await else { return };
        let ((from_client, to_client), (from_server, to_server)) = (split(client), split(server));
        let pumps = async {
            tokio::try_join!(
                self.pump(from_client, to_server, Direction::Up),
                self.pump(from_server, to_client, Direction::Down),
            )
        };
        tokio::select! {
            ended = pumps => drop(ended),
            _ = state.wait_for(|state| state.cuts > cuts) => {}
        }
    }
}
