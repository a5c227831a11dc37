//! Simulated devices that speak the real protocol.
//!
//! * [`protocol`]: HTTP over TLS and the shapes of the device API; also a plain HTTP client for tests.
//! * [`device`]: a device as a pure state machine.
//! * [`agent`]: drives one device over the network.
//! * [`fleet`]: many devices in one process.
//! * [`report`]: what came of it, in numbers.

pub mod agent;
pub mod clock;
pub mod device;
pub mod fleet;
pub mod protocol;
pub mod report;
