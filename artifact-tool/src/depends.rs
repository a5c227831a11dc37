//! Whether a device may install an artifact, and what the device provides afterwards.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::description::Merged;
use crate::glob;

/// What one depends key asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DependsValue {
    /// Exactly this value.
    One(String),
    /// Any one of these values.
    AnyOf(Vec<String>),
}

/// A depends key that the device does not satisfy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unmet<'a> {
    /// Key.
    pub key: &'a str,
    /// What the artifact asks for.
    pub wanted: &'a DependsValue,
    /// What the device provides; `None` if it has no such key.
    pub found: Option<&'a str>,
}

impl DependsValue {
    /// Takes a string, or a list of strings.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::String(value) => Some(Self::One(value.clone())),
            Value::Array(values) => {
                let values: Option<_> =
                    values.iter().map(|value| value.as_str().map(str::to_owned)).collect();
                values.map(Self::AnyOf)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::One(value) => value.clone().into(),
            Self::AnyOf(values) => values.clone().into(),
        }
    }

    /// Returns the accepted values.
    #[must_use]
    pub fn values(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::AnyOf(values) => values,
        }
    }

    /// Returns true if `value` is one of the accepted ones, byte for byte.
    #[must_use]
    pub fn accepts(&self, value: &str) -> bool {
        self.values().iter().any(|accepted| accepted == value)
    }
}

/// Returns every depends key that `provides` does not satisfy, in key order; empty means that the artifact
/// may be installed.
///
/// `provides` is what the device reports, `device_type` and `artifact_name` included; `depends` is usually
/// that of [`Header::merged`](crate::Header::merged). A key that the device lacks is unmet.
#[must_use]
pub fn unmet<'a>(
    depends: &'a BTreeMap<String, DependsValue>,
    provides: &'a BTreeMap<String, String>,
) -> Vec<Unmet<'a>> {
    depends
        .iter()
        .map(|(key, wanted)| Unmet { key, wanted, found: provides.get(key).map(String::as_str) })
        .filter(|unmet| !unmet.found.is_some_and(|value| unmet.wanted.accepts(value)))
        .collect()
}

/// Updates what a device stores after it installed an artifact: erases what the artifact clears, then stores what
/// it provides (artifact format §5.3).
pub fn install(stored: &mut BTreeMap<String, String>, merged: &Merged) {
    stored.retain(|key, _| !merged.clears.iter().any(|pattern| glob::matches(pattern, key)));
    stored.extend(merged.provides.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installing_clears_before_it_stores() {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let mut stored = map(&[("artifact_name", "a"), ("rootfs-image.app.version", "1"), ("other", "x")]);
        let merged = Merged {
            provides: map(&[("artifact_name", "b"), ("rootfs-image.version", "2")]),
            clears: vec!["rootfs-image.*".to_owned()],
            ..Merged::default()
        };
        install(&mut stored, &merged);
        assert_eq!(stored, map(&[("artifact_name", "b"), ("rootfs-image.version", "2"), ("other", "x")]));
    }

    #[test]
    fn any_one_value_is_enough_and_a_missing_key_is_not() {
        let depends = BTreeMap::from([
            ("device_type".to_owned(), DependsValue::AnyOf(vec!["a".to_owned(), "b".to_owned()])),
            ("rootfs-image.checksum".to_owned(), DependsValue::One("c".to_owned())),
        ]);
        let mut provides = BTreeMap::from([("device_type".to_owned(), "b".to_owned())]);
        let keys: Vec<_> = unmet(&depends, &provides).into_iter().map(|unmet| unmet.key).collect();
        assert_eq!(keys, ["rootfs-image.checksum"]);
        provides.insert("rootfs-image.checksum".to_owned(), "c".to_owned());
        assert!(unmet(&depends, &provides).is_empty());
    }
}
