//! Artifacts and releases as the server knows them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::deployments::ArtifactFit;
use crate::ids::ArtifactId;

/// One stored update file.
#[derive(Clone, Debug, PartialEq)]
pub struct Artifact {
    /// Its id.
    pub id: ArtifactId,
    /// Its name, which is also its release's.
    pub name: String,
    /// What its uploader says of it.
    pub description: String,
    /// Version of the file format: 2 or 3.
    pub format_version: u8,
    /// Whether it carries a signature; says nothing of whose.
    pub signed: bool,
    /// Size of the file in bytes.
    pub size: u64,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// What it says of itself.
    pub contents: Contents,
    /// When it was uploaded or its description changed.
    pub updated_at: DateTime<Utc>,
}

/// What an artifact says of itself, header and payloads together (artifact format §5).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// Device types that it is for, at least one.
    pub device_types: Vec<String>,
    /// What a device provides once it runs it.
    pub provides: BTreeMap<String, String>,
    /// What else a device must provide before; without `device_type`.
    pub depends: BTreeMap<String, Depends>,
    /// Globs over what a device provided before, which it must forget.
    pub clears: Vec<String>,
    /// Its payloads.
    pub payloads: Vec<Payload>,
}

/// What one depends key asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Depends {
    /// Exactly this value.
    One(String),
    /// Any one of these values.
    AnyOf(Vec<String>),
}

/// One payload of an artifact.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payload {
    /// The update module that installs it; none for an empty payload.
    pub kind: Option<String>,
    /// Its files.
    pub files: Vec<PayloadFile>,
    /// What its update module is told besides.
    pub metadata: Map<String, Value>,
}

/// One file of a payload.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PayloadFile {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its content, in lower-case hexadecimal digits.
    pub checksum: String,
    /// When it was last modified, in seconds since 1970.
    pub modified: i64,
}

/// All artifacts of one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// What people noted about it.
    pub notes: String,
    /// When an artifact was last added or removed.
    pub updated_at: DateTime<Utc>,
    /// Its artifacts, oldest change first.
    pub artifacts: Vec<Artifact>,
}

impl Depends {
    /// The accepted values.
    #[must_use]
    pub fn values(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::AnyOf(values) => values,
        }
    }
}

impl Artifact {
    /// What it asks of a device.
    #[must_use]
    pub fn fit(&self) -> ArtifactFit {
        ArtifactFit {
            id: self.id,
            size: self.size,
            device_types: self.contents.device_types.clone(),
            depends: self
                .contents
                .depends
                .iter()
                .map(|(key, wanted)| (key.clone(), wanted.values().to_vec()))
                .collect(),
        }
    }
}
