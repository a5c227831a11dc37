//! What goes over the wire: HTTP over TLS, and the bodies of the device protocol.
//!
//! Everything here is stateless about devices: an [`origin::Origin`] is where a server lives, a
//! [`tls::Trust`] says which certificates it may show, an [`http::Client`] speaks to it, and the other
//! modules hold the shapes of one endpoint each.

pub mod attributes;
pub mod authentication;
pub mod call;
pub mod deployments;
pub mod devauth;
pub mod generation;
pub mod http;
pub mod origin;
pub mod tls;
pub mod token;

pub use self::generation::Generation;
pub use self::origin::Origin;
pub use self::tls::Trust;
pub use self::token::SessionToken;
