//! Sealift: an over-the-air update server, wire-compatible with Mender's clients and tools.

pub mod cli;
pub mod config;
pub mod crypto;
pub mod http;
pub mod telemetry;
pub mod tls;
