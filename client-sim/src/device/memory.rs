//! What a device keeps when it is switched off.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::action::StoredArtifact;
use super::glob;

const ARTIFACT_NAME: &str = "artifact_name";
const DEVICE_TYPE: &str = "device_type";

/// A device's database; its key and identity are kept elsewhere.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Memory {
    /// What is installed.
    pub software: Software,
    /// The update that a reboot has interrupted.
    pub interrupted: Option<Interrupted>,
}

/// An update between its reboot and its commit.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Interrupted {
    /// The deployment to report to.
    pub deployment: String,
    /// What is committed when the server agrees.
    pub artifact: StoredArtifact,
}

/// The stored provides; `artifact_name` is always among them.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Software(BTreeMap<String, String>);

impl Memory {
    /// The memory of a device on which `artifact_name` was installed in the factory.
    #[must_use]
    pub fn new(artifact_name: impl Into<String>) -> Self {
        Self { software: Software::new(artifact_name), interrupted: None }
    }
}

impl Software {
    /// Software that provides nothing but its name.
    #[must_use]
    pub fn new(artifact_name: impl Into<String>) -> Self {
        Self(BTreeMap::from([(ARTIFACT_NAME.to_owned(), artifact_name.into())]))
    }

    /// The name of the artifact that was installed last.
    #[must_use]
    pub fn artifact_name(&self) -> &str {
        self.0.get(ARTIFACT_NAME).map_or("unknown", String::as_str)
    }

    /// Everything that is stored.
    #[must_use]
    pub fn provides(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// What is reported with each question: the stored provides and the device type.
    #[must_use]
    pub fn reported(&self, device_type: &str) -> BTreeMap<String, String> {
        let mut provides = self.0.clone();
        provides.insert(DEVICE_TYPE.to_owned(), device_type.to_owned());
        provides
    }

    /// Replaces provides as an artifact says: first those it clears go, then its own come
    /// (artifact format §5.3).
    pub fn commit(&mut self, artifact: StoredArtifact) {
        match &artifact.clears {
            None => self.0.clear(),
            Some(globs) => self.0.retain(|key, _| !globs.iter().any(|glob| glob::matches(glob, key))),
        }
        self.0.extend(artifact.provides);
        self.0.insert(ARTIFACT_NAME.to_owned(), artifact.name);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Software, StoredArtifact};

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn commit_clears_by_glob_and_then_adds() {
        let mut software = Software::new("r0");
        software.commit(StoredArtifact {
            name: "r1".to_owned(),
            provides: map(&[("rootfs-image.version", "1"), ("data.version", "7")]),
            clears: Some(Vec::new()),
        });
        software.commit(StoredArtifact {
            name: "r2".to_owned(),
            provides: map(&[("rootfs-image.checksum", "c")]),
            clears: Some(vec!["rootfs-image.*".to_owned()]),
        });
        let expected = map(&[("artifact_name", "r2"), ("data.version", "7"), ("rootfs-image.checksum", "c")]);
        assert_eq!(software.provides(), &expected);
    }

    #[test]
    fn commit_without_a_list_clears_everything() {
        let mut software = Software(map(&[("artifact_name", "r0"), ("old", "1")]));
        let artifact = StoredArtifact { name: "r1".to_owned(), provides: map(&[("new", "2")]), clears: None };
        software.commit(artifact);
        assert_eq!(software.provides(), &map(&[("artifact_name", "r1"), ("new", "2")]));
    }
}
