//! What can go wrong between a request and its answer.

use std::fmt;
use std::io;

/// Why a request got no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No TCP connection.
    #[error("failed to connect to {origin}")]
    Connect {
        /// Whom.
        origin: String,
        /// What the system says.
        source: io::Error,
    },
    /// No TLS session: an untrusted certificate, a name mismatch, or a server that hangs up.
    #[error("failed to establish TLS with {origin}")]
    Tls {
        /// Whom.
        origin: String,
        /// What the TLS library says.
        source: io::Error,
    },
    /// The answer, or its next piece, did not come in time.
    #[error("timed out while {doing}")]
    Timeout {
        /// `connecting`, `waiting for the answer` or `reading the body`.
        doing: &'static str,
    },
    /// The request cannot be written as HTTP.
    #[error("the request is not valid HTTP: {0}")]
    InvalidRequest(String),
    /// The connection ended, or what came is not HTTP.
    #[error("the connection broke")]
    Broken(#[source] hyper::Error),
    /// The body is larger than the client wants.
    #[error("the body exceeds {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
}

impl HttpError {
    /// The class that errors are counted under.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Connect { .. } => ErrorKind::Connect,
            Self::Tls { .. } => ErrorKind::Tls,
            Self::Timeout { .. } => ErrorKind::Timeout,
            Self::InvalidRequest(_) => ErrorKind::InvalidRequest,
            Self::Broken(_) => ErrorKind::Broken,
            Self::TooLarge { .. } => ErrorKind::TooLarge,
        }
    }
}

/// Classes of [`HttpError`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum ErrorKind {
    /// No TCP connection.
    Connect,
    /// No TLS session.
    Tls,
    /// Too slow.
    Timeout,
    /// Cannot be sent.
    InvalidRequest,
    /// Ended before its time.
    Broken,
    /// More than asked for.
    TooLarge,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::InvalidRequest => "invalid_request",
            Self::Broken => "broken",
            Self::TooLarge => "too_large",
        })
    }
}
