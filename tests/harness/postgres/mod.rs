//! A private PostgreSQL.
//!
//! The cluster is made and started from the installed binaries, in a temporary directory and on a Unix socket
//! there, so it neither meets nor needs a server of the machine. Its texts sort by language, as those of most
//! installations do.

mod cluster;
mod janitor;
mod programs;
mod proxy;
mod tls;

pub use self::cluster::{Cluster, PASSWORD, Syncing};
pub use self::programs::is_installed;
pub use self::proxy::{CommitProxy, Cut};
pub use self::tls::url_over_tls;
