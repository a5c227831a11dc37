//! Where requests go and whom they trust.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::connection::Way;
use super::{Connection, Request, Response};

/// A client of one server: a new connection for each request, as the newer device clients do it.
#[derive(Clone)]
pub struct HttpClient {
    addr: SocketAddr,
    host: String,
    tls: Arc<ClientConfig>,
    way: Way,
}

impl HttpClient {
    /// Makes a client for `https://localhost:PORT` that trusts the certificates of a PEM file only.
    pub fn new(port: u16, ca: &Path) -> Self {
        Self::with_versions(port, ca, &[&version::TLS12, &version::TLS13])
    }

    /// The same with the TLS versions given.
    pub fn with_versions(port: u16, ca: &Path, versions: &[&'static SupportedProtocolVersion]) -> Self {
        let mut tls = config(ca, versions);
        tls.alpn_protocols = Vec::new();
        Self::with_config(port, tls)
    }

    /// The same with ALPN protocols offered.
    pub fn with_alpn(port: u16, ca: &Path, protocols: &[&str]) -> Self {
        let mut tls = config(ca, &[&version::TLS13]);
        tls.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self::with_config(port, tls)
    }

    fn with_config(port: u16, tls: ClientConfig) -> Self {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let way = Way::default();
        Self { addr, host: format!("localhost:{port}"), tls: Arc::new(tls), way }
    }

    /// The same from another address of this machine.
    pub fn from_source(mut self, source: [u8; 4]) -> Self {
        self.way.source = Some(source.into());
        self
    }

    /// The same with a receive buffer of so many bytes, so that a reader which stalls is noticed soon.
    pub fn with_receive_buffer(mut self, bytes: usize) -> Self {
        self.way.receive_buffer = Some(bytes);
        self
    }

    /// Opens a connection.
    pub fn connect(&self) -> io::Result<Connection> {
        Connection::open(self.addr, self.way, &self.host, Arc::clone(&self.tls))
    }

    /// Sends a request on a connection of its own.
    pub fn try_send(&self, request: &Request) -> io::Result<Response> {
        self.connect()?.send(request)
    }

    /// Sends a request on a connection of its own.
    ///
    /// # Panics
    ///
    /// When there is no answer.
    #[track_caller]
    pub fn send(&self, request: &Request) -> Response {
        self.try_send(request)
            .unwrap_or_else(|e| panic!("no answer to {} {}: {e}", request.method, request.target))
    }

    /// Sends a `GET` request without any field.
    #[track_caller]
    pub fn get(&self, target: &str) -> Response {
        self.send(&Request::get(target))
    }
}

fn config(ca: &Path, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).expect("the CA file is readable") {
        roots.add(certificate.expect("the CA file is PEM")).expect("the CA is a certificate");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("the versions go with the provider")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
