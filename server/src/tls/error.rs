//! What can go wrong with certificates.

use std::io;
use std::path::PathBuf;

/// A certificate could not be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate maker refused.
    #[error("failed to make a certificate")]
    Make(#[from] rcgen::Error),
    /// The stored certificate authority is not one that we made.
    #[error("stored certificate authority is malformed")]
    MalformedCa,
    /// A file holds no certificate, or no key, or not as PEM.
    #[error("{path} is not a PEM file with {wanted}", path = .path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What was looked for in it.
        wanted: &'static str,
    },
    /// The TLS library refused the pair, as when the key is not that of the certificate.
    #[error("certificate {path} and its key do not work", path = .path.display())]
    BadPair {
        /// The certificate file.
        path: PathBuf,
        /// What the library said.
        source: rustls::Error,
    },
    /// The TLS library refused the configuration.
    #[error("TLS cannot be configured")]
    Configure(#[source] rustls::Error),
    /// A file could not be read or written.
    #[error("failed to access {path}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
