//! What an artifact says about itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::compression::Compression;
use crate::depends::DependsValue;
use crate::digest::Digest;
use crate::key::Algorithm;
use crate::manifest::Manifest;

/// A whole artifact, every byte of it checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Artifact {
    /// What the header and the members before it say.
    pub header: Header,
    /// Members of the outer tar, in order.
    pub members: Vec<Member>,
    /// Payload files, in stored order, payload by payload.
    pub files: Vec<PayloadFile>,
    /// Size of the file, padding after the end included.
    pub size: u64,
    /// Digest of the file; only with [`fingerprints`](crate::ReadOptions::fingerprints).
    pub sha256: Option<Digest>,
}

/// Format versions that can be read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FormatVersion {
    /// Version 2: root file system images only, no provides (artifact format §6).
    V2,
    /// Version 3.
    #[default]
    V3,
}

/// Everything that is known before the first payload byte.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Format version.
    pub version: FormatVersion,
    /// Compression of the header member.
    pub compression: Compression,
    /// The signed list of digests.
    pub manifest: Manifest,
    /// Digest of the exact bytes of `manifest`, which is what a signature covers.
    pub manifest_sha256: Digest,
    /// The unsigned list of an augmented artifact.
    pub manifest_augment: Option<Manifest>,
    /// The signature, if there is one.
    pub signature: Option<Signature>,
    /// Names in the header tar, in order.
    pub entries: Vec<String>,
    /// `header-info` as it is.
    pub info: Map<String, Value>,
    /// Artifact name, which is also the name of the release.
    pub name: String,
    /// Group that the artifact provides.
    pub group: Option<String>,
    /// Device types that may install it, at least one.
    pub device_types: Vec<String>,
    /// Artifact names of which the device must have one; empty means any.
    pub depends_names: Vec<String>,
    /// Groups of which the device must be in one; empty means any.
    pub depends_groups: Vec<String>,
    /// State scripts, in stored order.
    pub scripts: Vec<Script>,
    /// Payloads, by index.
    pub payloads: Vec<Payload>,
}

/// One member of the outer tar.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// Name.
    pub name: String,
    /// Offset of its first tar header in the file.
    pub start: u64,
    /// Offset just after its padding.
    pub end: u64,
    /// Size of its contents as stored.
    pub size: u64,
    /// Digest of its contents as stored; only with
    /// [`fingerprints`](crate::ReadOptions::fingerprints).
    pub sha256: Option<Digest>,
}

/// The signature of the manifest (artifact format §4).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signature {
    /// The raw signature.
    pub bytes: Vec<u8>,
    /// Length of its text in the member, without a line end.
    pub base64_length: usize,
    /// Which key verified it; `None` if no keys were given to the reader.
    pub verified: Option<Verified>,
}

/// Who verified a signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Verified {
    /// Index into [`keys`](crate::ReadOptions::keys).
    pub key_index: usize,
    /// Algorithm of that key.
    pub algorithm: Algorithm,
}

/// A state script (artifact format §5.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Script {
    /// Name, such as `ArtifactInstall_Enter_00`.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// Permission bits as stored.
    pub mode: u32,
    /// Digest of its contents.
    pub sha256: Digest,
    /// Its contents; only with [`scripts`](crate::ReadOptions::scripts).
    pub contents: Option<Vec<u8>>,
}

/// One payload, without its files.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// Position, from 0.
    pub index: usize,
    /// Type, the name of the update module that installs it; `None` for an empty payload.
    pub kind: Option<String>,
    /// `type-info` as it is.
    pub type_info: Map<String, Value>,
    /// `meta-data` as it is: `None` without the entry, empty for an empty one.
    pub meta_data: Option<Map<String, Value>>,
    /// `meta-data` byte for byte.
    pub meta_data_bytes: Option<Vec<u8>>,
    /// The unsigned additions of an augmented artifact.
    pub augment: Option<Augment>,
    /// Provides after merging the additions.
    pub provides: BTreeMap<String, String>,
    /// Depends after merging the additions.
    pub depends: BTreeMap<String, DependsValue>,
    /// Globs over stored provides to erase, after merging the additions.
    pub clears: Vec<String>,
    /// Meta-data after merging the additions.
    pub effective_meta_data: Map<String, Value>,
}

/// Unsigned additions to a payload (artifact format §8).
#[derive(Clone, Debug, PartialEq)]
pub struct Augment {
    /// `type-info` as it is.
    pub type_info: Map<String, Value>,
    /// `meta-data` as it is.
    pub meta_data: Option<Map<String, Value>>,
    /// `meta-data` byte for byte.
    pub meta_data_bytes: Option<Vec<u8>>,
}

/// One file of a payload.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PayloadFile {
    /// Index of the payload.
    pub payload: usize,
    /// Flat name.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// Digest of its contents, equal to the manifest's.
    pub sha256: Digest,
    /// Permission bits as stored.
    pub mode: u32,
    /// Modification time as stored, in seconds since 1970.
    pub mtime: i64,
    /// True if only the unsigned manifest lists it.
    pub is_augmented: bool,
}

/// What a server indexes and a device stores: header-info and all payloads together.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Merged {
    /// Provides, `artifact_name` and `artifact_group` included.
    pub provides: BTreeMap<String, String>,
    /// Depends, `device_type`, `artifact_name` and `artifact_group` included.
    pub depends: BTreeMap<String, DependsValue>,
    /// Globs over stored provides to erase before storing these.
    pub clears: Vec<String>,
}

impl FormatVersion {
    /// Returns the number in the member `version`.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }
}

impl Header {
    /// Returns provides, depends and clears of header-info and all payloads together.
    ///
    /// Keys never collide: the reader refuses an artifact in which they do.
    #[must_use]
    pub fn merged(&self) -> Merged {
        let mut merged = Merged::default();
        merged.provides.insert("artifact_name".to_owned(), self.name.clone());
        if let Some(group) = &self.group {
            merged.provides.insert("artifact_group".to_owned(), group.clone());
        }
        for (key, values) in [
            ("device_type", &self.device_types),
            ("artifact_name", &self.depends_names),
            ("artifact_group", &self.depends_groups),
        ] {
            if !values.is_empty() {
                merged.depends.insert(key.to_owned(), DependsValue::AnyOf(values.clone()));
            }
        }
        for payload in &self.payloads {
            merged.provides.extend(payload.provides.clone());
            merged.depends.extend(payload.depends.clone());
            for glob in &payload.clears {
                if !merged.clears.contains(glob) {
                    merged.clears.push(glob.clone());
                }
            }
        }
        merged
    }
}

impl Artifact {
    /// Returns the files of the payload at `index`, in stored order.
    pub fn files_of(&self, index: usize) -> impl Iterator<Item = &PayloadFile> {
        self.files.iter().filter(move |file| file.payload == index)
    }
}
