//! New connections: name resolution, TCP, TLS.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::body::Outgoing;
use super::error::HttpError;
use crate::protocol::{Origin, Trust};

/// Makes connections for any number of clients. Cheap to clone; clones share the limit and the
/// resolved addresses.
#[derive(Clone)]
pub struct Dialer {
    shared: Arc<Shared>,
}

struct Shared {
    connector: TlsConnector,
    timeout: Duration,
    handshakes: Semaphore,
    /// The address that worked last: thousands of clients must not ask the resolver each time.
    addresses: Mutex<HashMap<Origin, SocketAddr>>,
}

impl Dialer {
    /// A dialer that gives up after `timeout` and has at most `parallel` handshakes under way.
    #[must_use]
    pub fn new(trust: &Trust, timeout: Duration, parallel: usize) -> Self {
        let shared = Shared {
            connector: TlsConnector::from(trust.config()),
            timeout,
            handshakes: Semaphore::new(parallel.clamp(1, Semaphore::MAX_PERMITS)),
            addresses: Mutex::new(HashMap::new()),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Proves that a server answers at `origin` with a certificate that is trusted.
    pub async fn probe(&self, origin: &Origin) -> Result<(), HttpError> {
        self.dial(origin).await.map(drop)
    }

    /// Connects; the duration is that of TCP and TLS, without the wait for a free slot.
    pub(super) async fn dial(&self, origin: &Origin) -> Result<(SendRequest<Outgoing>, Duration), HttpError> {
        let _permit = self.shared.handshakes.acquire().await;
        let started = Instant::now();
        let sender = timeout(self.shared.timeout, self.handshake(origin))
            .await
            .map_err(|_| HttpError::Timeout { doing: "connecting" })??;
        Ok((sender, started.elapsed()))
    }

    async fn handshake(&self, origin: &Origin) -> Result<SendRequest<Outgoing>, HttpError> {
        let tcp = self
            .tcp(origin)
            .await
            .map_err(|source| HttpError::Connect { origin: origin.to_string(), source })?;
        let name = origin.server_name().ok_or_else(|| HttpError::InvalidRequest(origin.to_string()))?;
        let tls = self
            .shared
            .connector
            .connect(name, tcp)
            .await
            .map_err(|source| HttpError::Tls { origin: origin.to_string(), source })?;
        let (sender, connection) = http1::handshake(TokioIo::new(tls)).await.map_err(HttpError::Broken)?;
        // Ends by itself when the sender is dropped; its error reaches the request in flight.
        drop(tokio::spawn(connection));
        Ok(sender)
    }

    async fn tcp(&self, origin: &Origin) -> io::Result<TcpStream> {
        let known = self.addresses().get(origin).copied();
        let known = match known {
            Some(address) => TcpStream::connect(address).await.ok(),
            None => None,
        };
        let stream = match known {
            Some(stream) => stream,
            None => TcpStream::connect((origin.host(), origin.port())).await?,
        };
        self.addresses().insert(origin.clone(), stream.peer_addr()?);
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn addresses(&self) -> std::sync::MutexGuard<'_, HashMap<Origin, SocketAddr>> {
        self.shared.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
