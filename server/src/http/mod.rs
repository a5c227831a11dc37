//! The only code that knows actix.
//!
//! What happens to every request: the [middleware] gives it an id, collapses a doubled slash, and
//! afterwards writes the security headers and one line of log. Errors become JSON in [error].

pub mod base_url;
pub mod body;
pub mod connection;
pub mod content;
pub mod defaults;
pub mod device;
pub mod docs;
pub mod error;
pub mod extract;
pub mod failure;
pub mod file_body;
#[doc(hidden)]
pub mod fuzzing;
pub mod health;
pub mod json;
pub mod listener;
pub mod listing;
pub mod management;
pub mod metrics;
pub mod middleware;
mod openapi;
pub mod query;
pub mod range;
pub mod request_id;
pub mod routes;
pub mod serve;
pub mod shared_payload;

pub use body::read_body;
pub use error::{ApiError, Code};
pub use file_body::{ServedFile, serve_file};
pub use json::{Json, JsonLimit};
pub use listener::{Listener, listen};
pub use request_id::{RequestId, RequestIds};

/// Takes out of the log what the framework calls an error and is the doing of a peer: a line for each
/// malformed head, which anybody could have written as often as he likes.
pub const PEER_NOISE: &str = "actix_http::h1=off";
