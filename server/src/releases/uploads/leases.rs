//! Who is writing to which upload: one request at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::follower::Follower;
use crate::ids::UploadId;

/// A part that brought nothing for so long gives way: its client has come again on another connection.
const SILENCE: Duration = Duration::from_secs(5);

/// How long a part that gives way may take to store what it has.
const HANDOVER: Duration = Duration::from_secs(10);

/// Followers that are kept between two parts: an xz decoder alone has 65 MiB.
const MAX_IDLE: usize = 4;

/// The leases of one server.
#[derive(Debug, Default)]
pub struct UploadLeases {
    slots: Mutex<HashMap<UploadId, Slot>>,
    released: Notify,
}

#[derive(Debug)]
enum Slot {
    Held { heard: Instant, give_way: Arc<Notify> },
    Idle { since: Instant, follower: Follower },
}

/// The right to write to an upload; given back on drop.
#[derive(Debug)]
pub(super) struct Lease {
    leases: Arc<UploadLeases>,
    id: UploadId,
    give_way: Arc<Notify>,
    parked: Option<Follower>,
}

enum Attempt {
    Done(Lease, Option<Follower>),
    Busy { is_silent: bool },
}

impl UploadLeases {
    /// Takes the lease of an upload, with the follower that an earlier part left. `None` while another part arrives.
    pub(super) async fn take(self: &Arc<Self>, id: UploadId) -> Option<(Lease, Option<Follower>)> {
        let deadline = Instant::now() + HANDOVER;
        loop {
            // Before the look, so that no release in between is missed.
            let released = self.released.notified();
            match self.attempt(id) {
                Attempt::Done(lease, follower) => return Some((lease, follower)),
                Attempt::Busy { is_silent: false } => return None,
                Attempt::Busy { is_silent: true } => {
                    tokio::time::timeout_at(deadline, released).await.ok()?;
                }
            }
        }
    }

    fn attempt(self: &Arc<Self>, id: UploadId) -> Attempt {
        let mut slots = self.slots.lock();
        if let Some(Slot::Held { heard, give_way }) = slots.get(&id) {
            let is_silent = heard.elapsed() >= SILENCE;
            if is_silent {
                give_way.notify_one();
            }
            return Attempt::Busy { is_silent };
        }
        let give_way = Arc::new(Notify::new());
        let held = Slot::Held { heard: Instant::now(), give_way: Arc::clone(&give_way) };
        let follower = match slots.insert(id, held) {
            Some(Slot::Idle { follower, .. }) => Some(follower).filter(|follower| follower.set_active(true)),
            Some(Slot::Held { .. }) | None => None,
        };
        Attempt::Done(Lease { leases: Arc::clone(self), id, give_way, parked: None }, follower)
    }

    fn release(&self, id: UploadId, follower: Option<Follower>) {
        let mut slots = self.slots.lock();
        slots.remove(&id);
        if let Some(follower) = follower.filter(|follower| follower.set_active(false)) {
            slots.retain(|_, slot| !matches!(slot, Slot::Idle { follower, .. } if follower.has_ended()));
            let idle = |(id, slot): (&UploadId, &Slot)| match slot {
                Slot::Idle { since, .. } => Some((*since, *id)),
                Slot::Held { .. } => None,
            };
            let mut waiting: Vec<(Instant, UploadId)> = slots.iter().filter_map(idle).collect();
            waiting.sort_unstable();
            for (_, oldest) in waiting.iter().rev().skip(MAX_IDLE - 1) {
                slots.remove(oldest);
            }
            slots.insert(id, Slot::Idle { since: Instant::now(), follower });
        }
        drop(slots);
        self.released.notify_waiters();
    }
}

impl Lease {
    /// Which upload it is for.
    pub(super) const fn id(&self) -> UploadId {
        self.id
    }

    /// Notes that bytes came.
    pub(super) fn hear(&self) {
        if let Some(Slot::Held { heard, .. }) = self.leases.slots.lock().get_mut(&self.id) {
            *heard = Instant::now();
        }
    }

    /// Waits until somebody else wants it, who has been waiting for bytes for long enough.
    pub(super) async fn wanted(&self) {
        self.give_way.notified().await;
    }

    /// Keeps a follower for the next part.
    pub(super) fn park(mut self, follower: Follower) {
        self.parked = Some(follower);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leases.release(self.id, self.parked.take());
    }
}
