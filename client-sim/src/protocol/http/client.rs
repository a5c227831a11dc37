//! The client of one origin.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use tokio::time::{Instant, timeout};

use super::body::Outgoing;
use super::dialer::Dialer;
use super::error::HttpError;
use super::request::Request;
use super::response::{Response, Streaming, Timing, collect};
use crate::protocol::Origin;

/// How a [`Client`] treats its connections.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Connections {
    /// One connection is kept and used again.
    #[default]
    KeepAlive,
    /// Each request has its own connection and TLS handshake.
    Fresh,
}

/// Settings of a [`Client`].
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// What happens to a connection after an answer.
    pub connections: Connections,
    /// How long an answer may take, and how long a streamed body may pause.
    pub request_timeout: Duration,
    /// The largest body that [`Client::send`] reads, in bytes.
    pub max_body_bytes: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connections: Connections::KeepAlive,
            request_timeout: Duration::from_mins(1),
            max_body_bytes: 16 << 20,
        }
    }
}

/// An HTTP client of one server. Concurrent requests are fine: each has a connection of its own.
pub struct Client {
    dialer: Dialer,
    origin: Origin,
    options: ClientOptions,
    idle: Mutex<Option<SendRequest<Outgoing>>>,
}

impl Client {
    /// A client without a connection yet.
    #[must_use]
    pub fn new(dialer: Dialer, origin: Origin, options: ClientOptions) -> Self {
        Self { dialer, origin, options, idle: Mutex::new(None) }
    }

    /// The server that this client speaks to.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Forgets the kept connection, as a reboot or a restart does.
    pub fn disconnect(&self) {
        drop(self.take_idle());
    }

    /// Sends a request and reads the whole answer, whatever its status.
    ///
    /// A kept connection that turns out to be closed is replaced without a word, if nothing was sent
    /// on it or if the method is idempotent.
    pub async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let mut opened = self.open(request).await?;
        let started = Instant::now();
        let (head, body) = opened.response.into_parts();
        let body = timeout(self.options.request_timeout, collect(body, self.options.max_body_bytes))
            .await
            .map_err(|_| HttpError::Timeout { doing: "reading the body" })??;
        opened.timing.exchange += started.elapsed();
        if self.options.connections == Connections::KeepAlive && !opened.connection.is_closed() {
            *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened.connection);
        }
        Ok(Response { status: head.status, headers: head.headers, body, timing: opened.timing })
    }

    /// Sends a request and returns as soon as the head of the answer is there.
    ///
    /// Always on a connection of its own, as downloads are (device protocol §3).
    pub async fn stream(&self, request: Request) -> Result<Streaming, HttpError> {
        let opened = self.open_new(request).await?;
        let (head, body) = opened.response.into_parts();
        Ok(Streaming {
            status: head.status,
            headers: head.headers,
            timing: opened.timing,
            body,
            idle_timeout: self.options.request_timeout,
            _connection: opened.connection,
        })
    }

    async fn open(&self, request: Request) -> Result<Opened, HttpError> {
        let Some(mut connection) = self.take_idle() else { return self.open_new(request).await };
        if connection.ready().await.is_err() {
            return self.open_new(request).await;
        }
        let outgoing = request.clone().into_outgoing(&self.origin)?;
        let started = Instant::now();
        let answer = timeout(self.options.request_timeout, connection.try_send_request(outgoing))
            .await
            .map_err(|_| HttpError::Timeout { doing: "waiting for the answer" })?;
        match answer {
            Ok(response) => {
                let timing = Timing { connect: None, exchange: started.elapsed() };
                Ok(Opened { response, connection, timing })
            }
            Err(mut err) => {
                let unsent = err.take_message().is_some();
                let err = err.into_error();
                if unsent || (err.is_incomplete_message() && request.is_idempotent()) {
                    return self.open_new(request).await;
                }
                Err(HttpError::Broken(err))
            }
        }
    }

    async fn open_new(&self, request: Request) -> Result<Opened, HttpError> {
        let outgoing = request.into_outgoing(&self.origin)?;
        let (mut connection, connect) = self.dialer.dial(&self.origin).await?;
        let started = Instant::now();
        let response = timeout(self.options.request_timeout, connection.send_request(outgoing))
            .await
            .map_err(|_| HttpError::Timeout { doing: "waiting for the answer" })?
            .map_err(HttpError::Broken)?;
        let timing = Timing { connect: Some(connect), exchange: started.elapsed() };
        Ok(Opened { response, connection, timing })
    }

    fn take_idle(&self) -> Option<SendRequest<Outgoing>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// An answer whose body has not been read.
struct Opened {
    response: hyper::Response<Incoming>,
    connection: SendRequest<Outgoing>,
    timing: Timing,
}
