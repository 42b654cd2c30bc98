//! Makes TLS connections with the library of the feature: `minimal-tls PORT CERTIFICATE HANDSHAKES DOWNLOADS`.
//!
//! Prints the processor time in nanoseconds after each part, and the octets read.

use std::error::Error;
use std::io::Write;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
#[cfg(feature = "native-tls")]
use tokio::net::TcpStream;

type Fallible<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, port, certificate, handshakes, downloads] = arguments.as_slice() else {
        return Err("give PORT CERTIFICATE HANDSHAKES DOWNLOADS".into());
    };
    let (port, pem) = (port.parse()?, std::fs::read(certificate)?);
    let tls = Tls::new(&pem)?;
    let mut stream = tls.connect(port).await?;
    let start = processor_time()?;
    for _ in 0..handshakes.parse()? {
        stream = tls.connect(port).await?;
    }
    let connected = processor_time()?;
    let mut octets = 0;
    for _ in 0..downloads.parse()? {
        octets += download(&mut stream).await?;
    }
    let downloaded = processor_time()?;
    writeln!(std::io::stdout(), "{} {} {octets}", connected - start, downloaded - connected)?;
    Ok(())
}

async fn download(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Fallible<usize> {
    stream.write_all(b"GET /download HTTP/1.1\r\nhost: localhost\r\n\r\n").await?;
    stream.flush().await?;
    let mut buffer = vec![0; 64 * 1024];
    let (mut read, mut expected) = (0, usize::MAX);
    while read < expected {
        let more = stream.read(&mut buffer).await?;
        if more == 0 {
            return Err("the connection ended".into());
        }
        if read == 0 {
            let head = String::from_utf8_lossy(&buffer[..more]).into_owned();
            let (head, _) = head.split_once("\r\n\r\n").ok_or("the head came in pieces")?;
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            expected = head.len() + 4 + length.ok_or("no length")?.parse::<usize>()?;
        }
        read += more;
    }
    Ok(read)
}

/// All work is done by the one thread.
fn processor_time() -> Fallible<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

#[cfg(not(feature = "native-tls"))]
mod of_rust {
    use std::sync::Arc;

    use tokio::net::TcpStream;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, client::Resumption};
    use tokio_rustls::{TlsConnector, client::TlsStream};

    use super::Fallible;

    pub(crate) struct Tls(TlsConnector);

    impl Tls {
        pub(crate) fn new(pem: &[u8]) -> Fallible<Self> {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(pem)?)?;
            let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
            config.resumption = Resumption::disabled();
            Ok(Self(TlsConnector::from(Arc::new(config))))
        }

        pub(crate) async fn connect(&self, port: u16) -> Fallible<TlsStream<TcpStream>> {
            let stream = TcpStream::connect(("127.0.0.1", port)).await?;
            Ok(self.0.connect(ServerName::try_from("localhost")?, stream).await?)
        }
    }
}
#[cfg(not(feature = "native-tls"))]
use of_rust::Tls;

#[cfg(feature = "native-tls")]
struct Tls(tokio_native_tls::TlsConnector);

#[cfg(feature = "native-tls")]
impl Tls {
    fn new(pem: &[u8]) -> Fallible<Self> {
        let root = native_tls::Certificate::from_pem(pem)?;
        Ok(Self(native_tls::TlsConnector::builder().add_root_certificate(root).build()?.into()))
    }

    async fn connect(&self, port: u16) -> Fallible<tokio_native_tls::TlsStream<TcpStream>> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        Ok(self.0.connect("localhost", stream).await?)
    }
}
