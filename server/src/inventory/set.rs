//! The attributes of one scope of one device, as a set.

use std::collections::BTreeMap;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::AttributeValue;
use crate::crypto::first_u64;

/// A value with what is said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// The value.
    pub value: AttributeValue,
    /// What is said about it.
    pub description: Option<String>,
}

/// Attributes by name; the order in which they were reported does not matter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AttributeSet(BTreeMap<String, Described>);

/// What has to be written to get from one set to another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// New attributes and those that changed.
    pub written: Vec<(String, Described)>,
    /// Names of those that are gone.
    pub removed: Vec<String>,
}

impl AttributeSet {
    /// How many attributes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Answers whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds an attribute, or replaces the one of its name.
    pub fn put(&mut self, name: String, attribute: Described) {
        self.0.insert(name, attribute);
    }

    /// The attribute of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Described> {
        self.0.get(name)
    }

    /// All attributes, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Described)> {
        self.0.iter().map(|(name, attribute)| (name.as_str(), attribute))
    }

    /// The set with what another one adds or replaces.
    #[must_use]
    pub fn merged(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// How many attributes there would be after [`AttributeSet::merged`].
    #[must_use]
    pub fn merged_len(&self, other: &Self) -> usize {
        self.len() + other.0.keys().filter(|name| !self.0.contains_key(*name)).count()
    }

    /// Recognises the set: the first eight bytes of the SHA-256 of its canonical form. Never 0.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let canonical: Vec<_> = self
            .0
            .iter()
            .map(|(name, attribute)| json!([name, attribute.value.to_json(), attribute.description]))
            .collect();
        let digest = Sha256::digest(json!(canonical).to_string());
        first_u64(&digest).max(1)
    }

    /// What has to be written to get from this set to another.
    #[must_use]
    pub fn difference(&self, to: &Self) -> Difference {
        Difference {
            written: to
                .0
                .iter()
                .filter(|(name, attribute)| self.0.get(*name) != Some(*attribute))
                .map(|(name, attribute)| (name.clone(), attribute.clone()))
                .collect(),
            removed: self.0.keys().filter(|name| !to.0.contains_key(*name)).cloned().collect(),
        }
    }
}

impl Difference {
    /// Answers whether nothing has to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.written.is_empty() && self.removed.is_empty()
    }
}

impl FromIterator<(String, Described)> for AttributeSet {
    fn from_iter<I: IntoIterator<Item = (String, Described)>>(attributes: I) -> Self {
        Self(attributes.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_map;
    use proptest::prelude::{Strategy, proptest};

    use super::{AttributeSet, AttributeValue, Described, Difference};

    fn described(text: &str) -> Described {
        Described { value: AttributeValue::Text(text.to_owned()), description: None }
    }

    fn set(pairs: &[(&str, &str)]) -> AttributeSet {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), described(text))).collect()
    }

    fn sets() -> impl Strategy<Value = AttributeSet> {
        btree_map("[a-d]", "[xy]", 0..4)
            .prop_map(|map| map.into_iter().map(|(name, text)| (name, described(&text))).collect())
    }

    #[test]
    fn digests_follow_content_not_order() {
        let one = set(&[("a", "1"), ("b", "2")]);
        assert_eq!(one.digest(), set(&[("b", "2"), ("a", "1")]).digest());
        assert_ne!(one.digest(), set(&[("a", "2"), ("b", "1")]).digest());
        let mut described = set(&[("a", "1")]);
        described.put(
            "b".to_owned(),
            Described { description: Some("d".to_owned()), ..super::tests::described("2") },
        );
        assert_ne!(one.digest(), described.digest());
        assert_ne!(AttributeSet::default().digest(), 0);
    }

    #[test]
    fn only_differences_are_written() {
        let before = set(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let after = set(&[("a", "1"), ("b", "x"), ("d", "4")]);
        let expected = Difference {
            written: vec![("b".to_owned(), described("x")), ("d".to_owned(), described("4"))],
            removed: vec!["c".to_owned()],
        };
        assert_eq!(before.difference(&after), expected);
        assert!(before.difference(&before).is_empty());
    }

    proptest! {
        #[test]
        fn a_difference_leads_to_the_other_set(before in sets(), after in sets()) {
            let difference = before.difference(&after);
            let mut reached = before.clone();
            for name in &difference.removed {
                reached.0.remove(name);
            }
            reached.0.extend(difference.written);
            assert_eq!(reached, after);
            assert_eq!(before.merged_len(&after), before.merged(after).len());
        }
    }
}
