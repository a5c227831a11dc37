//! The server's certificate and how TLS is spoken with it (design §5, decision 9).
//!
//! The *local CA* is made at the first start and lives long; devices trust `tls/ca.crt`. It issues the
//! *server certificate*, which renews itself. A *pair* is a certificate chain and its key, in two PEM
//! files. The *slot* holds the pair in use; new connections take what is in it.

mod ca;
mod config;
mod error;
mod files;
mod names;
mod pair;
mod server_cert;
mod slot;

pub use ca::LocalCa;
pub use config::server_config;
pub use error::TlsError;
pub use files::{write_private, write_public};
pub use names::{host_name, server_names};
pub use pair::PairPaths;
pub use server_cert::{Renewal, ensure_server_pair};
pub use slot::{CertificateSlot, Reload, watch_files};
