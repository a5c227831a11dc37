//! One connection: TLS 1.3, HTTP/1.1.

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::version::TLS13;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Outcome;

/// Headers of an answer, at most.
const MAX_HEADERS: usize = 32;

/// Addresses that connections come from, in turn: one has too few ports for thousands of connections a second.
const SOURCES: u8 = 200;

/// Where requests go.
pub(crate) struct Target {
    address: SocketAddr,
    tls: TlsConnector,
    name: ServerName<'static>,
    sources: Cell<u8>,
}

/// The beginning of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// Where it points to.
    pub(crate) location: Option<String>,
    head: usize,
    body: usize,
}

/// An open connection.
pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    received: Vec<u8>,
}

impl Target {
    /// A server on this machine.
    pub(crate) fn new(address: SocketAddr) -> Outcome<Self> {
        let mut provider = default_provider();
        // What OpenSSL up to 3.4 offers first, and with that nearly every device.
        provider.kx_groups = vec![kx_group::X25519];
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Blind))
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(Self {
            address,
            tls: TlsConnector::from(Arc::new(config)),
            name: ServerName::try_from("localhost")?,
            sources: Cell::new(0),
        })
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self) -> io::Result<Connection> {
        let source = self.sources.get();
        self.sources.set((source + 1) % SOURCES);
        let socket = TcpSocket::new_v4()?;
        socket.set_nodelay(true)?;
        socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2 + source), 0)))?;
        let stream = socket.connect(self.address).await?;
        let stream = self.tls.connect(self.name.clone(), stream).await?;
        Ok(Connection { stream, received: Vec::with_capacity(4096) })
    }
}

impl Connection {
    /// Sends a request and reads all of its answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> io::Result<Answer> {
        let answer = self.begin(request).await?;
        while self.received.len() < answer.head + answer.body {
            self.more().await?;
        }
        Ok(answer)
    }

    /// Sends a request and reads its answer without keeping it; returns the length of the body.
    pub(crate) async fn fetch(&mut self, request: &[u8], room: &mut [u8]) -> io::Result<(Answer, u64)> {
        let answer = self.begin(request).await?;
        let mut missing = answer.body.saturating_sub(self.received.len() - answer.head);
        while missing > 0 {
            let length = self.stream.read(room).await?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            missing = missing.saturating_sub(length);
        }
        let body = u64::try_from(answer.body).unwrap_or(u64::MAX);
        Ok((answer, body))
    }

    /// The body of the answer that was read last.
    pub(crate) fn body(&self, answer: &Answer) -> &[u8] {
        self.received.get(answer.head..).unwrap_or_default()
    }

    /// Says goodbye as clients do.
    pub(crate) async fn close(mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    async fn begin(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        self.received.clear();
        loop {
            if let Some(answer) = Answer::parse(&self.received)? {
                return Ok(answer);
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> io::Result<()> {
        self.received.reserve(4096);
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

impl Answer {
    /// Parses the head; `None` while it is not complete.
    fn parse(received: &[u8]) -> io::Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        let httparse::Status::Complete(head) =
            response.parse(received).map_err(|err| invalid(err.to_string()))?
        else {
            return Ok(None);
        };
        let status = response.code.unwrap_or_default();
        let text = |name: &str| {
            let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
            std::str::from_utf8(header.value).ok()
        };
        let body = match (status, text("content-length")) {
            (204 | 304, _) => 0,
            (_, Some(length)) => length.parse().map_err(|_| invalid(format!("content-length: {length}")))?,
            (_, None) => return Err(invalid(format!("an answer {status} without a length"))),
        };
        Ok(Some(Self { status, location: text("location").map(str::to_owned), head, body }))
    }
}

/// Takes any certificate: the servers are on this machine, and checking costs the generator more than a request.
#[derive(Debug)]
struct Blind;

impl ServerCertVerifier for Blind {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
