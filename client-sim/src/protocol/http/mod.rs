//! A small HTTP/1.1 client over TLS, low enough to send exactly what a test wants to send.
//!
//! [`Client`] speaks to one [`Origin`](crate::protocol::Origin) through a shared [`Dialer`]. A
//! [`Request`] becomes a [`Response`] (whole body, capped) or a [`Streaming`] (body piece by piece).

mod body;
mod client;
mod dialer;
mod error;
mod request;
mod response;

pub use hyper::body::Bytes;
pub use hyper::{HeaderMap, Method, StatusCode, header};

pub use self::body::Body;
pub use self::client::{Client, ClientOptions, Connections};
pub use self::dialer::Dialer;
pub use self::error::{ErrorKind, HttpError};
pub use self::request::Request;
pub use self::response::{Response, Streaming, Timing};
