//! Sealift: an over-the-air update server for fleets of Linux devices.

pub mod clock;
pub mod deployments;
pub mod devices;
pub mod ids;
pub mod releases;
pub mod storage;
