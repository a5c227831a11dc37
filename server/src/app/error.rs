//! Why the server does not start.

use crate::crypto::password::PasswordHashError;
use crate::http::serve::ListenError;
use crate::keyring::KeyringError;
use crate::mail::MailError;
use crate::releases::ReleaseError;
use crate::storage::StorageError;
use crate::storage::blobs::BlobError;
use crate::tls::TlsError;

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The data directory.
    #[error("failed to create the data directory {path}")]
    DataDir {
        /// The directory.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another server runs on the data directory.
    #[error("another server uses the data directory {0}: stop it, or use another with --data-dir")]
    InUse(String),
    /// Another server runs on the database.
    #[error("another server uses this database: stop it, or name another with --database-url")]
    DatabaseInUse,
    /// The database.
    #[error("failed to open the database")]
    Storage(#[from] StorageError),
    /// The server's secrets.
    #[error("failed to open the server's keys")]
    Keyring(#[from] KeyringError),
    /// The blob store.
    #[error("failed to open the blob store")]
    Blobs(#[from] BlobError),
    /// The certificate.
    #[error("failed to prepare the certificate")]
    Tls(#[from] TlsError),
    /// The hash that stands in for unknown users.
    #[error("failed to prepare password checks")]
    Password(#[from] PasswordHashError),
    /// Mail.
    #[error("failed to prepare mail")]
    Mail(#[from] MailError),
    /// Nothing listens.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// What is left of interrupted uploads cannot be removed.
    #[error("failed to clean the blob store")]
    Sweep(#[from] ReleaseError),
    /// The setup token.
    #[error("failed to make the setup token")]
    Setup(#[from] crate::crypto::random::RandomError),
}
