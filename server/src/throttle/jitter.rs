//! When to come again, so that those who were refused together do not come together.

use std::sync::atomic::{AtomicU64, Ordering};

/// Spreads waits. It need not be secret, and is asked when the server has least time: one atomic addition.
#[derive(Debug, Default)]
pub struct Jitter(AtomicU64);

impl Jitter {
    /// A number of seconds from `least` to twice as much.
    pub fn spread(&self, least: u32) -> u32 {
        // SplitMix64 over a counter: each of its outputs is as good as any other.
        let mut mixed = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let extra = u32::try_from(mixed % (u64::from(least) + 1)).unwrap_or(0);
        least.saturating_add(extra)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Jitter;

    #[test]
    fn waits_are_spread_over_their_range() {
        let jitter = Jitter::default();
        let waits: Vec<u32> = (0..10_000).map(|_| jitter.spread(60)).collect();
        assert!(waits.iter().all(|wait| (60..=120).contains(wait)));
        assert_eq!(waits.iter().collect::<BTreeSet<_>>().len(), 61);
        let early = waits.iter().filter(|wait| **wait < 90).count();
        assert!((4_500..5_500).contains(&early), "{early}");
        assert!((1..=2).contains(&jitter.spread(1)));
    }
}
