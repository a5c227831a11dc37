//! The fleet index: what polls and logins of known devices are answered from, without the database.
//!
//! It is loaded once at start by streamed reads of narrow columns and follows the change log afterwards:
//! every committed transaction hands it its changes, in commit order. About 130 bytes a device.

mod devices;
#[cfg(test)]
mod histories;
mod index;
mod load;
mod rollouts;
mod slot;
mod tenants;

pub use devices::{KnownCredential, KnownDevice, Login, TokenDigest};
pub use index::FleetIndex;
