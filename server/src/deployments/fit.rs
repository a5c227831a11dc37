//! What a device says of itself, what an artifact asks of a device, and whether the two fit.

use std::collections::BTreeMap;

use crate::ids::{ArtifactId, DeviceNumber, KeyId};

/// What is known of a device when it asks for an update, whatever protocol it speaks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeviceFacts {
    /// Its place in bitmaps.
    pub number: DeviceNumber,
    /// The type that artifacts name.
    pub device_type: String,
    /// The name of the artifact that it runs; empty if it does not know.
    pub artifact_name: String,
    /// Everything else that it says it provides.
    pub provides: BTreeMap<String, String>,
    /// Whether `provides` is all that it has: an older form of the question has no place for them.
    pub provides_known: bool,
}

/// What an artifact asks of a device.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ArtifactFit {
    /// The artifact.
    pub id: ArtifactId,
    /// Its size in bytes: among several that fit, the smallest is chosen.
    pub size: u64,
    /// Device types that it is for; one must equal the device's.
    pub device_types: Vec<String>,
    /// Other depends: the device must provide one of the values for each key.
    pub depends: BTreeMap<String, Vec<String>>,
    /// The keys that fit its signature.
    pub signers: Vec<KeyId>,
}

impl ArtifactFit {
    /// Answers whether the artifact may be installed on the device (artifact format §5.1, §5.3).
    #[must_use]
    pub fn fits(&self, facts: &DeviceFacts) -> bool {
        self.device_types.contains(&facts.device_type)
            && self.depends.iter().all(|(key, accepted)| match facts.value_of(key) {
                Some(value) => accepted.iter().any(|one| one == value),
                None => !facts.provides_known,
            })
    }
}

impl DeviceFacts {
    fn value_of(&self, key: &str) -> Option<&str> {
        match key {
            "artifact_name" => Some(&self.artifact_name),
            "device_type" => Some(&self.device_type),
            _ => self.provides.get(key).map(String::as_str),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{ArtifactFit, DeviceFacts};
    use crate::ids::ArtifactId;

    #[test]
    fn type_and_every_depend_must_match() {
        let artifact = ArtifactFit {
            id: ArtifactId::generate(),
            size: 1,
            device_types: vec!["a".into(), "b".into()],
            depends: BTreeMap::from([
                ("artifact_name".into(), vec!["one".into(), "two".into()]),
                ("site".into(), vec!["north".into()]),
            ]),
            signers: Vec::new(),
        };
        let mut facts = DeviceFacts {
            number: 1.into(),
            device_type: "b".into(),
            artifact_name: "two".into(),
            provides: BTreeMap::from([("site".into(), "north".into())]),
            provides_known: true,
        };
        assert!(artifact.fits(&facts));
        facts.provides.clear();
        assert!(!artifact.fits(&facts));
        facts.provides_known = false;
        assert!(artifact.fits(&facts));
        facts.artifact_name = "three".into();
        assert!(!artifact.fits(&facts));
        facts.artifact_name = "one".into();
        facts.device_type = "c".into();
        assert!(!artifact.fits(&facts));
    }
}
