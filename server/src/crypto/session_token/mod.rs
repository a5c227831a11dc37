//! Session tokens: JWTs signed with Ed25519 (device identity §3.4, user authentication §5).
//!
//! There are two audiences, devices and users of the management API. Each has claims, a `typ` and keys
//! of its own, so that a token of one can never pass for one of the other (RFC 8725 §3.12). A *key
//! set* signs with its current key and still verifies what older ones signed.

#[cfg(test)]
mod attacks;
mod authority;
mod claims;
mod key;
mod lifetime;

pub use authority::{InvalidToken, SignTokenError, TokenAuthority};
pub use claims::{Claims, DeviceClaims, UserClaims};
pub use key::{SigningKey, SigningKeyError, SigningKeySet, VerifyingKey};
pub use lifetime::spread_lifetime_secs;
