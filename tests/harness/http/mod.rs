//! A small HTTP/1.1 client over TLS (RFC 9112), written for exactness: what is sent is what the trial
//! says, byte for byte, and what comes back is shown as it came.

mod client;
mod connection;
mod request;
mod response;

pub use self::client::HttpClient;
pub use self::connection::Connection;
pub use self::request::{Body, Request};
pub use self::response::Response;
