//! The device API, as unmodified clients speak it (device protocol).

pub mod auth_requests;
pub mod deployments;
pub mod download;
pub mod idle_poll;
pub mod inventory;
pub mod next;
