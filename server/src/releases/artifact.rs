//! Artifacts and releases as the server knows them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{KeyState, Signer};
use crate::deployments::ArtifactFit;
use crate::ids::{ArtifactId, KeyId};

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
    /// The tenant's keys that fit its signature, revoked and expired ones included.
    pub signers: Vec<Signer>,
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

/// Whose signature an artifact carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignatureState {
    /// Nobody's.
    Unsigned,
    /// A stranger's.
    Untrusted,
    /// One by a key that is valid.
    Trusted,
    /// One by a key that is not valid yet.
    NotYetValid,
    /// One by a key that is not valid any more.
    Expired,
    /// One by a key that was revoked.
    Revoked,
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
    /// What people put on it, in the order of the alphabet.
    pub tags: Vec<String>,
    /// When an artifact was last added or removed, or notes or tags were changed.
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
            signers: self.signer_ids(),
        }
    }

    /// The keys that fit its signature.
    #[must_use]
    pub fn signer_ids(&self) -> Vec<KeyId> {
        self.signers.iter().map(|signer| signer.id).collect()
    }

    /// Whose signature it carries, at a moment.
    #[must_use]
    pub fn signature(&self, now: DateTime<Utc>) -> SignatureState {
        let best = self.signers.iter().map(|signer| signer.validity.at(now)).min();
        match best {
            None if self.signed => SignatureState::Untrusted,
            None => SignatureState::Unsigned,
            Some(KeyState::Valid) => SignatureState::Trusted,
            Some(KeyState::NotYetValid) => SignatureState::NotYetValid,
            Some(KeyState::Expired) => SignatureState::Expired,
            Some(KeyState::Revoked) => SignatureState::Revoked,
        }
    }
}

impl SignatureState {
    /// The spelling on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::Untrusted => "untrusted",
            Self::Trusted => "trusted",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}
