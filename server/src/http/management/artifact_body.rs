//! Artifacts on the wire.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::timestamp;
use crate::releases::{Artifact, Contents, Depends, Payload, PayloadFile};

/// An artifact, as clients take it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ArtifactBody {
    id: String,
    name: String,
    description: String,
    device_types_compatible: Vec<String>,
    info: InfoBody,
    /// Whether it carries a signature; says nothing of whose.
    signed: bool,
    signature: SignatureBody,
    updates: Vec<UpdateBody>,
    artifact_provides: BTreeMap<String, String>,
    #[schema(value_type = Object)]
    artifact_depends: Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    clears_artifact_provides: Vec<String>,
    /// Bytes of the file.
    size: u64,
    modified: String,
}

/// Whose signature it is, now.
#[derive(Serialize, utoipa::ToSchema)]
struct SignatureBody {
    /// `unsigned`, `untrusted`, `trusted`, `not_yet_valid`, `expired` or `revoked`.
    status: &'static str,
    /// The tenant's keys that fit.
    keys: Vec<SignerBody>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct SignerBody {
    id: String,
    name: String,
}

#[derive(Serialize, utoipa::ToSchema)]
struct InfoBody {
    format: &'static str,
    version: u8,
}

#[derive(Serialize, utoipa::ToSchema)]
struct UpdateBody {
    type_info: TypeInfoBody,
    files: Vec<FileBody>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    /// The same once more as pairs: the only form that older clients can read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    meta_data: Vec<PairBody>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct TypeInfoBody {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct FileBody {
    name: String,
    checksum: String,
    size: u64,
    date: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "PascalCase")]
struct PairBody {
    key: String,
    #[schema(value_type = Object)]
    value: Value,
}

impl ArtifactBody {
    /// The artifact, as it is at a moment.
    pub(super) fn new(artifact: Artifact, now: DateTime<Utc>) -> Self {
        let keys = artifact
            .signers
            .iter()
            .map(|signer| SignerBody { id: signer.id.to_string(), name: signer.name.clone() });
        let signature = SignatureBody { status: artifact.signature(now).as_str(), keys: keys.collect() };
        let Contents { device_types, provides, depends, clears, payloads } = artifact.contents;
        let mut artifact_depends: Map<String, Value> =
            depends.into_iter().map(|(key, wanted)| (key, depends_body(wanted))).collect();
        // Clients find the device types here too.
        artifact_depends.insert("device_type".to_owned(), json!(device_types));
        Self {
            id: artifact.id.to_string(),
            name: artifact.name,
            description: artifact.description,
            device_types_compatible: device_types,
            info: InfoBody { format: "mender", version: artifact.format_version },
            signed: artifact.signed,
            signature,
            updates: payloads.into_iter().map(update_body).collect(),
            artifact_provides: provides,
            artifact_depends,
            clears_artifact_provides: clears,
            size: artifact.size,
            modified: timestamp(artifact.updated_at),
        }
    }
}

fn depends_body(wanted: Depends) -> Value {
    match wanted {
        Depends::One(value) => Value::String(value),
        Depends::AnyOf(values) => json!(values),
    }
}

fn update_body(payload: Payload) -> UpdateBody {
    let pairs =
        payload.metadata.iter().map(|(key, value)| PairBody { key: key.clone(), value: value.clone() });
    UpdateBody {
        type_info: TypeInfoBody { kind: payload.kind },
        files: payload.files.into_iter().map(file_body).collect(),
        meta_data: pairs.collect(),
        metadata: payload.metadata,
    }
}

fn file_body(file: PayloadFile) -> FileBody {
    let date = DateTime::from_timestamp(file.modified, 0).map(timestamp);
    FileBody { name: file.name, checksum: file.checksum, size: file.size, date }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::DateTime;
    use serde_json::json;

    use super::ArtifactBody;
    use crate::releases::{Artifact, Contents, Depends, Payload, PayloadFile};

    fn artifact() -> Artifact {
        Artifact {
            id: uuid::Uuid::nil().into(),
            name: "r1".to_owned(),
            description: String::new(),
            format_version: 3,
            signed: true,
            size: 4096,
            sha256: [0; 32],
            contents: Contents {
                device_types: vec!["board".to_owned()],
                provides: BTreeMap::from([("artifact_name".to_owned(), "r1".to_owned())]),
                depends: BTreeMap::from([
                    ("artifact_name".to_owned(), Depends::AnyOf(vec!["r0".to_owned()])),
                    ("data-partition.version".to_owned(), Depends::One("2".to_owned())),
                ]),
                clears: vec!["rootfs-image.*".to_owned()],
                payloads: vec![Payload {
                    kind: Some("single-file".to_owned()),
                    files: vec![PayloadFile {
                        name: "f".into(),
                        size: 3,
                        checksum: "ab".into(),
                        modified: 0,
                    }],
                    metadata: serde_json::Map::from_iter([("k".to_owned(), json!(1))]),
                }],
            },
            signers: Vec::new(),
            updated_at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
        }
    }

    #[test]
    fn an_artifact_has_all_that_clients_read() {
        assert_eq!(
            serde_json::to_value(ArtifactBody::new(artifact(), DateTime::UNIX_EPOCH)).unwrap(),
            json!({
                "id": "00000000-0000-0000-0000-000000000000",
                "name": "r1",
                "description": "",
                "device_types_compatible": ["board"],
                "info": { "format": "mender", "version": 3 },
                "signed": true,
                "signature": { "status": "untrusted", "keys": [] },
                "updates": [{
                    "type_info": { "type": "single-file" },
                    "files": [{ "name": "f", "checksum": "ab", "size": 3, "date": "1970-01-01T00:00:00.000Z" }],
                    "metadata": { "k": 1 },
                    "meta_data": [{ "Key": "k", "Value": 1 }],
                }],
                "artifact_provides": { "artifact_name": "r1" },
                "artifact_depends": {
                    "artifact_name": ["r0"],
                    "data-partition.version": "2",
                    "device_type": ["board"],
                },
                "clears_artifact_provides": ["rootfs-image.*"],
                "size": 4096,
                "modified": "2027-01-15T08:00:00.000Z",
            })
        );
    }

    #[test]
    fn an_empty_payload_has_no_metadata_and_no_type() {
        let mut empty = artifact();
        empty.contents.payloads = vec![Payload::default()];
        let body = serde_json::to_value(ArtifactBody::new(empty, DateTime::UNIX_EPOCH)).unwrap();
        assert_eq!(body["updates"], json!([{ "type_info": { "type": null }, "files": [] }]));
    }
}
