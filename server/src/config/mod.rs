//! What the operator decides: defaults, then the TOML file, then `SEALIFT_*` variables, then flags.
//!
//! A configuration is loaded once, checked as a whole, and passed down as a value. In the file a
//! section is a table; in a variable two underscores lead into it (`SEALIFT_LIMITS__MAX_JSON_BYTES`).

mod audit;
mod database_url;
mod env;
mod error;
mod limits;
mod load;
mod log_format;
mod mail;
mod public_url;
mod releases;
mod server;
mod tls_version;
mod users;

pub use audit::Audit;
pub use database_url::{DatabaseKind, DatabaseUrl};
pub use error::ConfigError;
pub use limits::Limits;
pub use load::{Flags, Layers, Loaded};
pub use log_format::LogFormat;
pub use mail::{Mail, MailTls};
pub use public_url::{PublicUrl, PublicUrlError};
pub use releases::Releases;
pub use server::Config;
pub use tls_version::TlsVersion;
pub use users::Users;
