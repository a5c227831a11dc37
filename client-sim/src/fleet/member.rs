//! One device of a fleet, before it is switched on.

use std::sync::Arc;

use crate::device::{DeviceKey, Identity, Memory};

/// A device of a fleet: its identity, its key, and what it remembers.
pub struct Member {
    pub(super) index: u32,
    pub(super) identity: Identity,
    pub(super) key: Arc<DeviceKey>,
    /// Position of the key in the pool.
    pub(super) key_index: u32,
    pub(super) memory: Memory,
}

impl Member {
    /// Its number, from 0.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Its identity data.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Its identity data as the server sees it: compact JSON with sorted keys.
    #[must_use]
    pub fn identity_json(&self) -> String {
        self.identity.to_json()
    }

    /// Its public key, SPKI PEM.
    #[must_use]
    pub fn public_key_pem(&self) -> &str {
        self.key.public_key_pem()
    }

    /// What it remembers: the installed software.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }
}
