//! Many devices in one process.
//!
//! [`Fleet::prepare`] makes or finds the devices, [`Fleet::run`] switches them on and returns a
//! [`Report`](crate::report::Report). [`Progress`] can be looked at all the while.

mod acceptor;
mod config;
mod key_pool;
mod member;
mod prepare;
mod progress;
mod recorder;
mod run;
mod state_file;

pub use self::config::FleetConfig;
pub use self::key_pool::KeyPoolError;
pub use self::member::Member;
pub use self::prepare::{Fleet, PrepareError};
pub use self::progress::{Progress, Snapshot};
pub(crate) use self::recorder::{KindStats, Latency, Stats};
pub use self::run::RunError;
pub use self::state_file::StateError;
