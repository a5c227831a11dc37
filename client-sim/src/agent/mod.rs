//! Drives one [`Device`](crate::device::Device) over the network.

mod download;
mod limits;
mod observer;
mod runner;
mod store;

pub use self::limits::Limits;
pub use self::observer::Observer;
pub use self::runner::{Agent, Surroundings};
