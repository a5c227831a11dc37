//! Slots: which devices an artifact takes within its release.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::Contents;

/// Slots that one artifact may take.
pub const MAX_SLOTS: usize = 10_000;

/// A device type with one combination of the other depends. Within a release only one artifact may take it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Slot {
    /// The device type.
    pub device_type: String,
    /// SHA-256 of the combination.
    pub depends_hash: [u8; 32],
}

/// An artifact names more combinations of device types and depends than can be kept apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the artifact has more than {MAX_SLOTS} combinations of device types and depends")]
pub struct TooManySlots;

/// The slots of an artifact: every device type with every combination of one value for each depends key.
pub fn slots(contents: &Contents) -> Result<Vec<Slot>, TooManySlots> {
    let device_types: BTreeSet<&String> = contents.device_types.iter().collect();
    let mut combinations = vec![Sha256::new()];
    for (key, wanted) in &contents.depends {
        let values: BTreeSet<&String> = wanted.values().iter().collect();
        if combinations.len().saturating_mul(values.len()) > MAX_SLOTS {
            return Err(TooManySlots);
        }
        combinations = combinations
            .iter()
            .flat_map(|before| values.iter().map(|value| with(with(before.clone(), key), value)))
            .collect();
    }
    if combinations.len().saturating_mul(device_types.len()) > MAX_SLOTS {
        return Err(TooManySlots);
    }
    let hashes: Vec<[u8; 32]> = combinations.into_iter().map(|hasher| hasher.finalize().into()).collect();
    Ok(device_types
        .into_iter()
        .flat_map(|device_type| {
            hashes.iter().map(|hash| Slot { device_type: device_type.clone(), depends_hash: *hash })
        })
        .collect())
}

/// Adds a text with its length before it, so that no two lists of texts give the same bytes.
fn with(mut hasher: Sha256, text: &str) -> Sha256 {
    hasher.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
    hasher.update(text);
    hasher
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::slots;
    use crate::releases::{Contents, Depends};

    fn contents(device_types: &[&str], depends: &[(&str, &[&str])]) -> Contents {
        Contents {
            device_types: device_types.iter().map(|&name| name.to_owned()).collect(),
            depends: depends
                .iter()
                .map(|(key, values)| {
                    let values = values.iter().map(|&value| value.to_owned()).collect();
                    ((*key).to_owned(), Depends::AnyOf(values))
                })
                .collect(),
            ..Contents::default()
        }
    }

    #[test]
    fn every_combination_is_one_slot() {
        let all = slots(&contents(&["a", "b"], &[("k", &["1", "2", "2"]), ("l", &["x", "y", "z"])])).unwrap();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 12);
        assert_eq!(all.len(), 12);
        assert_eq!(slots(&contents(&["a", "a"], &[])).unwrap().len(), 1);
    }

    #[test]
    fn overlap_is_a_common_slot() {
        let one = slots(&contents(&["a", "b"], &[("k", &["1", "2"])])).unwrap();
        let two = slots(&contents(&["b", "c"], &[("k", &["2", "3"])])).unwrap();
        assert_eq!(one.iter().filter(|slot| two.contains(slot)).count(), 1);
        let without = slots(&contents(&["b"], &[])).unwrap();
        assert!(!one.contains(&without[0]));
    }

    #[test]
    fn combinations_are_limited() {
        let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(slots(&contents(&["a"], &[("k", &many)])).is_ok());
        assert!(slots(&contents(&["a"], &[("k", &many), ("l", &many)])).is_err());
        assert!(slots(&contents(&many, &[("k", &many)])).is_err());
    }
}
