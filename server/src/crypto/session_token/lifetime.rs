//! How long a device's session lives.

use crate::crypto::random::{RandomError, SecureRandom, random_bytes};

/// Returns between 80 and 100 % of `ttl_secs`, at random: devices that logged in together must not all
/// come back together (device identity §3.4).
pub fn spread_lifetime_secs(ttl_secs: u64, random: &dyn SecureRandom) -> Result<u64, RandomError> {
    let fifth = ttl_secs / 5;
    let spread = u64::from_be_bytes(random_bytes(random)?) % (fifth + 1);
    Ok(ttl_secs - fifth + spread)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::spread_lifetime_secs;
    use crate::crypto::random::SystemRandom;

    #[test]
    fn lifetimes_lie_in_the_last_fifth_and_differ() {
        let random = SystemRandom::new();
        let draws: BTreeSet<u64> =
            (0..100).map(|_| spread_lifetime_secs(604_800, &random).unwrap()).collect();
        assert!(draws.iter().all(|secs| (483_840..=604_800).contains(secs)));
        assert!(draws.len() > 90);
        assert_eq!(spread_lifetime_secs(0, &random), Ok(0));
    }
}
