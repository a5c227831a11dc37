//! Sealift: an over-the-air update server, wire-compatible with Mender's clients and tools.

pub mod app;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod deployments;
pub mod devices;
pub mod fleet;
pub mod http;
pub mod ids;
pub mod inventory;
pub mod keyring;
pub mod mail;
pub mod releases;
pub mod storage;
pub mod telemetry;
pub mod tenants;
pub mod throttle;
pub mod tls;
pub mod upkeep;
pub mod users;
pub mod writer;
