//! What happens to every request, before routing and after the answer.
//!
//! One service around the application, not layers of the framework's: each of those costs an allocation on every poll,
//! and stands behind the framework's own preparations.

mod access_log;
mod edge;
mod head;
mod method;
mod path;
mod security_headers;

pub use edge::{AtEdge, Edge};
