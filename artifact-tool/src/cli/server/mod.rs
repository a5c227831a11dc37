//! Commands that speak to a server: `login`, `upload`, `deploy`.
//!
//! The library knows nothing of servers; this is the program's business.

mod client;
pub(super) mod deploy;
mod form;
pub(super) mod login;
mod session;
mod tus;
pub(super) mod upload;

pub(super) use client::{Client, Connection};
