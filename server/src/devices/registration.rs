//! What an authentication request means for a device: a pure decision.

use chrono::{DateTime, TimeDelta, Utc};

use super::{AuthSet, AuthSetStatus};
use crate::ids::AuthSetId;

/// Age at which a pending key gives way to another one of the same device.
const GIVES_WAY_AFTER: TimeDelta = TimeDelta::minutes(1);

/// What becomes of a proven pair of identity and key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The identity is new: a pending device with this key.
    NewDevice,
    /// The key is new for a known device: one more pending set beside the others, which stay as they are.
    NewKey {
        /// The oldest pending set, which gives way when the device has too many.
        evicted: Option<AuthSetId>,
    },
    /// The device has as many pending keys as it may have, and the oldest is too new to give way: whoever sends
    /// fresh keys for one identity writes only so many rows a minute.
    Crowded,
    /// The set was expected: it becomes accepted, and an accepted one of the device rejected.
    Promoted(AuthSetId),
    /// The set is known, and this was decided about it.
    Known(AuthSetId, AuthSetStatus),
}

/// Judges a proven key. `sets` are the device's, oldest first, or `None` for an unknown identity.
///
/// A second key is never accepted without a human: it is pending, unless it was preauthorized
/// (device protocol §1.6).
#[must_use]
pub fn judge(
    sets: Option<&[AuthSet]>,
    spki_sha256: &[u8; 32],
    pending_per_device: usize,
    now: DateTime<Utc>,
) -> Verdict {
    let Some(sets) = sets else { return Verdict::NewDevice };
    match sets.iter().find(|set| set.spki_sha256 == *spki_sha256) {
        Some(set) if set.status == AuthSetStatus::Preauthorized => Verdict::Promoted(set.id),
        Some(set) => Verdict::Known(set.id, set.status),
        None => {
            let mut pending = sets.iter().filter(|set| set.status == AuthSetStatus::Pending);
            if pending.clone().count() < pending_per_device {
                return Verdict::NewKey { evicted: None };
            }
            match pending.next() {
                Some(oldest) if now - oldest.created_at >= GIVES_WAY_AFTER => {
                    Verdict::NewKey { evicted: Some(oldest.id) }
                }
                _ => Verdict::Crowded,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::{Strategy, any, proptest};
    use proptest::sample::select;

    use super::{GIVES_WAY_AFTER, Verdict, judge};
    use crate::devices::{AuthSet, AuthSetStatus};
    use crate::ids::AuthSetId;

    fn set(key: u8, status: AuthSetStatus) -> AuthSet {
        AuthSet {
            id: AuthSetId::generate(),
            status,
            spki_sha256: [key; 32],
            public_key: String::new(),
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    fn states() -> impl Strategy<Value = AuthSetStatus> {
        select(vec![
            AuthSetStatus::Accepted,
            AuthSetStatus::Pending,
            AuthSetStatus::Preauthorized,
            AuthSetStatus::Rejected,
        ])
    }

    #[test]
    fn a_full_device_evicts_its_oldest_pending_key() {
        let sets =
            [set(1, AuthSetStatus::Accepted), set(2, AuthSetStatus::Pending), set(3, AuthSetStatus::Pending)];
        let now = DateTime::UNIX_EPOCH + GIVES_WAY_AFTER;
        assert_eq!(judge(Some(&sets), &[9; 32], 3, now), Verdict::NewKey { evicted: None });
        assert_eq!(judge(Some(&sets), &[9; 32], 2, now), Verdict::NewKey { evicted: Some(sets[1].id) });
        assert_eq!(judge(Some(&sets), &[9; 32], 2, DateTime::UNIX_EPOCH), Verdict::Crowded);
        assert_eq!(judge(None, &[9; 32], 2, now), Verdict::NewDevice);
    }

    proptest! {
        #[test]
        fn only_preauthorized_keys_are_promoted(
            keys in proptest::collection::btree_map(any::<u8>(), states(), 0..8),
            key in any::<u8>(),
        ) {
            let sets: Vec<_> = keys.iter().map(|(key, status)| set(*key, *status)).collect();
            let promoted = matches!(judge(Some(&sets), &[key; 32], 3, DateTime::UNIX_EPOCH), Verdict::Promoted(_));
            assert_eq!(promoted, keys.get(&key) == Some(&AuthSetStatus::Preauthorized));
        }
    }
}
