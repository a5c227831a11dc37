use std::collections::BTreeMap;

use super::{Blueprint, InputFile, ScriptFile, WriteError};

/// What all kinds of artifact have.
#[derive(Clone, Debug, Default)]
pub struct Common {
    /// Artifact name.
    pub name: String,
    /// Device types that may install it, at least one.
    pub device_types: Vec<String>,
    /// Group that it provides.
    pub group: Option<String>,
    /// Artifact names of which the device must have one.
    pub depends_names: Vec<String>,
    /// Groups of which the device must be in one.
    pub depends_groups: Vec<String>,
    /// Depends of the payload.
    pub depends: BTreeMap<String, String>,
    /// Provides of the payload; they win over the default ones.
    pub provides: BTreeMap<String, String>,
    /// Globs over stored provides to erase; the default ones come after them.
    pub clears: Vec<String>,
    /// State scripts; their order does not matter.
    pub scripts: Vec<InputFile>,
    /// How the version is recorded on the device.
    pub software: Software,
}

/// The provides key that records the version: `FILESYSTEM.NAME.version` (artifact format §5.3).
#[derive(Clone, Debug, Default)]
pub struct Software {
    /// First part of the key; `rootfs-image` by default.
    pub filesystem: Option<String>,
    /// Second part of the key; by default the payload type, nothing for a `rootfs-image`.
    pub name: Option<String>,
    /// Version; the artifact name by default.
    pub version: Option<String>,
    /// What is added by itself.
    pub defaults: Defaults,
}

/// Which defaults are added to provides and clears.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Defaults {
    /// The version key, and globs that clear what an earlier version left.
    #[default]
    VersionAndClears,
    /// The version key only.
    Version,
    /// Nothing; a version that is given is still recorded.
    Nothing,
}

impl Software {
    /// Returns the key that records the version; `default_name` is the second part of it by default.
    #[must_use]
    pub fn version_key(&self, default_name: Option<&str>) -> String {
        format!("{}.version", self.prefix(default_name))
    }

    fn prefix(&self, default_name: Option<&str>) -> String {
        let first = Some(self.filesystem.as_deref().unwrap_or("rootfs-image"));
        let parts = [first, self.second_part(default_name)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(".")
    }

    fn second_part<'a>(&'a self, default_name: Option<&'a str>) -> Option<&'a str> {
        self.name.as_deref().filter(|name| !name.is_empty()).or(default_name)
    }
}

impl Common {
    /// Makes the least that an artifact needs.
    pub fn new<T: Into<String>>(name: impl Into<String>, device_types: impl IntoIterator<Item = T>) -> Self {
        Self {
            name: name.into(),
            device_types: device_types.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// Returns what is the same for every kind of payload, its scripts read.
    pub(super) fn blueprint(&self) -> Result<Blueprint, WriteError> {
        Ok(Blueprint {
            name: self.name.clone(),
            group: self.group.clone(),
            device_types: self.device_types.clone(),
            depends_names: self.depends_names.clone(),
            depends_groups: self.depends_groups.clone(),
            scripts: self.scripts.iter().map(ScriptFile::read).collect::<Result<_, _>>()?,
            ..Blueprint::default()
        })
    }

    /// Returns provides and clears with the defaults; `default_name` is the second part of the version key.
    pub(super) fn with_defaults(
        &self,
        default_name: Option<&str>,
    ) -> (BTreeMap<String, String>, Vec<String>) {
        let software = &self.software;
        let mut provides = self.provides.clone();
        let mut clears = self.clears.clone();
        let name = software.second_part(default_name);
        let prefix = software.prefix(default_name);
        if software.defaults != Defaults::Nothing || software.version.is_some() {
            let version = software.version.as_ref().unwrap_or(&self.name);
            provides.entry(software.version_key(default_name)).or_insert_with(|| version.clone());
        }
        if software.defaults == Defaults::VersionAndClears {
            if name.is_none() && software.filesystem.is_none() {
                // What images of older formats left behind.
                clears.extend(["artifact_group", "rootfs_image_checksum"].map(str::to_owned));
            }
            clears.push(format!("{prefix}.*"));
        }
        (provides, clears)
    }
}
