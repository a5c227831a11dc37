//! Keys in PKCS#11 tokens: hardware modules, smart cards, `SoftHSM`.
//!
//! A key is named by a URI (RFC 7512); the module is a shared library that is loaded when it is needed. Nothing that
//! is secret leaves the token.

mod key;
mod module;
mod public;
mod uri;

pub(super) use key::TokenKey;
pub(super) use module::{Module, public_key};
pub(super) use uri::is_uri;
