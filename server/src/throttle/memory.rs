//! Memory that is handed out in parts and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of bytes, of which parts are taken.
#[derive(Clone, Debug)]
pub struct Memory {
    taken: Arc<AtomicUsize>,
    total: usize,
}

/// A part that was taken; dropped, it is free again.
#[derive(Debug)]
pub struct Lease {
    taken: Arc<AtomicUsize>,
    bytes: usize,
}

impl Memory {
    /// Hands out up to `total` bytes.
    #[must_use]
    pub fn new(total: usize) -> Self {
        Self { taken: Arc::default(), total }
    }

    /// Takes a part; nothing if there is not so much left.
    #[must_use]
    pub fn take(&self, bytes: usize) -> Option<Lease> {
        let mut lease = Lease { taken: Arc::clone(&self.taken), bytes: 0 };
        lease.grow(bytes, self.total).then_some(lease)
    }

    /// Makes a part larger; false, and unchanged, if there is not so much left.
    #[must_use]
    pub fn grow(&self, lease: &mut Lease, bytes: usize) -> bool {
        lease.grow(bytes, self.total)
    }

    /// Bytes that are taken now.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Lease {
    fn grow(&mut self, bytes: usize, total: usize) -> bool {
        let after = |taken: usize| taken.checked_add(bytes).filter(|sum| *sum <= total);
        let is_taken = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, after).is_ok();
        if is_taken {
            self.bytes += bytes;
        }
        is_taken
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;

    #[test]
    fn no_more_is_handed_out_than_there_is() {
        let memory = Memory::new(100);
        let mut first = memory.take(60).unwrap();
        assert!(memory.take(41).is_none());
        assert!(!memory.grow(&mut first, 41) && memory.taken() == 60);
        assert!(memory.grow(&mut first, 40) && memory.taken() == 100);
        assert!(memory.take(usize::MAX).is_none());
        drop(first);
        assert_eq!(memory.taken(), 0);
        assert!(memory.take(100).is_some());
    }
}
