//! How much is measured.

use std::time::Duration;

/// The numbers of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Devices of the small fleet.
    pub(crate) small: u64,
    /// Devices of the large one.
    pub(crate) large: u64,
    /// How often floor and product take turns.
    pub(crate) rounds: usize,
    /// How long each turn is.
    pub(crate) turn: Duration,
    /// Devices that log in, of each fleet.
    pub(crate) logins: u64,
    /// Devices that register in one turn.
    pub(crate) registrations: u64,
    /// Devices that report; more than are in flight.
    pub(crate) reporters: u64,
    /// Bytes of the artifact that is downloaded.
    pub(crate) artifact_bytes: u64,
    /// Idle connections whose memory is looked at.
    pub(crate) idle_connections: usize,
    /// RSA keys that devices share.
    pub(crate) keys: usize,
}

impl Scale {
    /// What the results file is made with.
    pub(crate) const FULL: Self = Self {
        small: 1_000,
        large: 1_000_000,
        rounds: 5,
        turn: Duration::from_secs(4),
        logins: 20_000,
        registrations: 4_000,
        reporters: 6_400,
        artifact_bytes: 256 << 20,
        idle_connections: 2_000,
        keys: 16,
    };

    /// What shows that the bench works.
    pub(crate) const QUICK: Self = Self {
        small: 1_000,
        large: 10_000,
        rounds: 2,
        turn: Duration::from_millis(700),
        logins: 400,
        registrations: 300,
        reporters: 640,
        artifact_bytes: 16 << 20,
        idle_connections: 200,
        keys: 4,
    };
}
