//! From a host name to a connection that HTTP can be spoken on.

use std::{
    future::{self, Future},
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{TryFutureExt, future::MapErr, ready};
use http::{HeaderMap, HeaderValue, Uri, header, uri::Scheme};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{
        Connected, Connection, HttpConnector,
        dns::{GaiAddrs, GaiFuture, GaiResolver, Name},
        proxy::Tunnel,
    },
    rt::TokioIo,
};
use tower_service::Service;

use super::{
    cause::Cause,
    tls::{BoxedIo, Tls},
};

pub(super) const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("cmp-rust/", env!("CARGO_PKG_VERSION")));

/// Finds a dead peer on a connection that waits.
const TCP_KEEPALIVE: Duration = Duration::from_secs(15);
const TCP_KEEPALIVE_RETRIES: u32 = 3;

type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, Cause>> + Send>>;

/// A forward proxy, and what it wants to see.
pub(crate) struct ProxyTo {
    pub(crate) uri: Uri,
    pub(crate) authorization: Option<HeaderValue>,
}

/// Makes connections. The time limit is for the whole of it: name, TCP, proxy and TLS.
#[derive(Clone)]
pub(super) struct Connector(Arc<Way>);

struct Way {
    tcp: HttpConnector<Dns>,
    tls: Option<Tls>,
    proxy: Option<ProxyTo>,
    timeout: Duration,
}

impl Connector {
    pub(super) fn new(tls: Option<Tls>, proxy: Option<ProxyTo>, timeout: Duration) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Dns(GaiResolver::new()));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(timeout));
        tcp.set_keepalive(Some(TCP_KEEPALIVE));
        tcp.set_keepalive_interval(Some(TCP_KEEPALIVE));
        tcp.set_keepalive_retries(Some(TCP_KEEPALIVE_RETRIES));
        Self(Arc::new(Way { tcp, tls, proxy, timeout }))
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = Cause;
    type Future = Connecting<Stream>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Cause>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let way = Arc::clone(&self.0);
        Box::pin(async move {
            let connected = tokio::time::timeout(way.timeout, way.connect(to)).await;
            connected.unwrap_or(Err(Cause::ConnectTimeout))
        })
    }
}

impl Way {
    async fn connect(&self, to: Uri) -> Result<Stream, Cause> {
        let tls = self.tls.as_ref().filter(|_| to.scheme() == Some(&Scheme::HTTPS));
        let io = match &self.proxy {
            None => self.tcp(to.clone()).await?,
            Some(proxy) => {
                let io = self.to_proxy(&proxy.uri).await?;
                // Plain HTTP is sent to the proxy itself.
                if tls.is_none() {
                    return Ok(Stream::new(io, false, true));
                }
                tunnel(io, proxy, to.clone()).await?
            }
        };
        let Some(tls) = tls else {
            return Ok(Stream::new(io, false, false));
        };
        let (io, http2) = tls.to_service(to.host().unwrap_or_default(), io).await?;
        Ok(Stream::new(io, http2, false))
    }

    async fn tcp(&self, to: Uri) -> Result<BoxedIo, Cause> {
        let stream = self.tcp.clone().call(to).await.map_err(|error| Cause::of(&error))?;
        Ok(Box::new(stream.into_inner()))
    }

    async fn to_proxy(&self, proxy: &Uri) -> Result<BoxedIo, Cause> {
        let io = self.tcp(proxy.clone()).await.map_err(|_| Cause::ProxyUnreachable)?;
        match &self.tls {
            Some(tls) if proxy.scheme() == Some(&Scheme::HTTPS) => {
                tls.to_proxy(proxy.host().unwrap_or_default(), io).await
            }
            _ => Ok(io),
        }
    }
}

/// Asks the proxy, to which `io` leads, for a connection to the host of `to`.
async fn tunnel(io: BoxedIo, proxy: &ProxyTo, to: Uri) -> Result<BoxedIo, Cause> {
    type TunnelError = <Tunnel<Once> as Service<Uri>>::Error;
    let mut headers = HeaderMap::with_capacity(2);
    headers.insert(header::USER_AGENT, USER_AGENT);
    if let Some(authorization) = &proxy.authorization {
        headers.insert(header::PROXY_AUTHORIZATION, authorization.clone());
    }
    let mut tunnel = Tunnel::new(proxy.uri.clone(), Once(Some(io))).with_headers(headers);
    match tunnel.call(to).await {
        Ok(io) => Ok(io.into_inner()),
        Err(TunnelError::ProxyAuthRequired) => Err(Cause::ProxyCredentials),
        Err(TunnelError::Io(error)) => Err(Cause::of_handshake(&error)),
        Err(_) => Err(Cause::ProxyRefused),
    }
}

/// Hands out the connection that there is already.
struct Once(Option<BoxedIo>);

impl Service<Uri> for Once {
    type Response = TokioIo<BoxedIo>;
    type Error = Cause;
    type Future = future::Ready<Result<TokioIo<BoxedIo>, Cause>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Cause>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        future::ready(self.0.take().map(TokioIo::new).ok_or(Cause::Unknown))
    }
}

/// The system's resolver.
#[derive(Clone)]
struct Dns(GaiResolver);

impl Service<Name> for Dns {
    type Response = GaiAddrs;
    type Error = Cause;
    type Future = MapErr<GaiFuture, fn(io::Error) -> Cause>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Cause>> {
        self.0.poll_ready(context).map_err(|_| Cause::NoAddress)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        self.0.call(name).map_err(|_| Cause::NoAddress)
    }
}

/// A connection that HTTP can be spoken on.
pub(super) struct Stream {
    io: TokioIo<BoxedIo>,
    http2: bool,
    proxied: bool,
    /// The peer has sent something.
    heard: bool,
}

impl Stream {
    fn new(io: BoxedIo, http2: bool, proxied: bool) -> Self {
        Self { io: TokioIo::new(io), http2, proxied, heard: false }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().proxy(self.proxied);
        if self.http2 { connected.negotiated_h2() } else { connected }
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.io).poll_read(context, buffer));
        Poll::Ready(match read {
            Err(error) if !self.heard && Cause::of_handshake(&error) == Cause::ClientCertificate => {
                Err(io::Error::new(error.kind(), Cause::ClientCertificate))
            }
            read => {
                self.heard |= read.is_ok();
                read
            }
        })
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
