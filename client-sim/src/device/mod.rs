//! A device: who it is, what it has, and the state machine of its client.
//!
//! [`Device`] does no I/O, reads no clock and has no randomness of its own. It is told what happened
//! ([`Event`]) and says what to do next ([`Action`]); time and randomness come with each event. Whoever
//! drives it decides whether seconds are real.

mod action;
mod glob;
mod identity;
mod key;
mod machine;
mod memory;
mod profile;
mod session;
mod state;
#[cfg(test)]
mod tests;
mod timing;
mod update;

pub use self::action::{Action, Event, FetchError, StoreError, StoreOrder, StoredArtifact};
pub use self::identity::Identity;
pub use self::key::{DeviceKey, KeyError, KeyType};
pub use self::machine::Device;
pub use self::memory::{Interrupted, Memory, Software};
pub use self::profile::{Attempts, Faults, Profile};
pub use self::state::{DeviceState, Outcome};
pub use self::timing::Timing;
