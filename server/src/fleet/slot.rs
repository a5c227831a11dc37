//! What is kept of one device.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use uuid::Uuid;

use crate::devices::DeviceStatus;

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) id: Uuid,
    /// Digest of the accepted identity and key; `auth_set` is its id. Both are zero without one.
    pub(super) credential: [u64; 2],
    pub(super) auth_set: Uuid,
    pub(super) token: [AtomicU64; 2],
    pub(super) token_expires: AtomicU32,
    pub(super) generation: u32,
    pub(super) tenant: u32,
    pub(super) told_nothing: AtomicU32,
    pub(super) seen: AtomicU32,
    pub(super) inventory: AtomicU64,
    pub(super) provides: AtomicU64,
    pub(super) status: Option<DeviceStatus>,
    /// Whether it is among the sightings that are to be stored.
    pub(super) is_listed: AtomicBool,
}

impl Slot {
    pub(super) const fn vacant() -> Self {
        Self {
            id: Uuid::nil(),
            credential: [0; 2],
            auth_set: Uuid::nil(),
            token: [AtomicU64::new(0), AtomicU64::new(0)],
            token_expires: AtomicU32::new(0),
            generation: 0,
            tenant: 0,
            told_nothing: AtomicU32::new(0),
            seen: AtomicU32::new(0),
            inventory: AtomicU64::new(0),
            provides: AtomicU64::new(0),
            status: None,
            is_listed: AtomicBool::new(false),
        }
    }

    pub(super) fn forget_token(&self) {
        self.token_expires.store(0, Ordering::Relaxed);
    }
}
