//! The stored form of what an artifact says of itself: JSON in one column.
//!
//! Fields may be added with a default, and never change their meaning: rows of older versions stay readable, and
//! older versions ignore what they do not know.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::StorageError;
use crate::releases::{Contents, Depends, Payload, PayloadFile};

#[derive(Deserialize, Serialize)]
struct StoredContents {
    device_types: Vec<String>,
    #[serde(default)]
    provides: BTreeMap<String, String>,
    #[serde(default)]
    depends: BTreeMap<String, StoredDepends>,
    #[serde(default)]
    clears: Vec<String>,
    #[serde(default)]
    payloads: Vec<StoredPayload>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum StoredDepends {
    One(String),
    AnyOf(Vec<String>),
}

#[derive(Deserialize, Serialize)]
struct StoredPayload {
    kind: Option<String>,
    #[serde(default)]
    files: Vec<StoredFile>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

#[derive(Deserialize, Serialize)]
struct StoredFile {
    name: String,
    size: u64,
    checksum: String,
    #[serde(default)]
    modified: i64,
}

/// Writes the column.
pub(super) fn to_column(contents: &Contents) -> Result<String, StorageError> {
    let stored = StoredContents {
        device_types: contents.device_types.clone(),
        provides: contents.provides.clone(),
        depends: contents.depends.iter().map(|(key, wanted)| (key.clone(), stored_depends(wanted))).collect(),
        clears: contents.clears.clone(),
        payloads: contents.payloads.iter().map(stored_payload).collect(),
    };
    serde_json::to_string(&stored).map_err(|_| StorageError::OutOfRange("artifacts.contents"))
}

/// Reads the column.
pub(super) fn from_column(column: &str) -> Result<Contents, StorageError> {
    let stored: StoredContents = serde_json::from_str(column)
        .map_err(|err| StorageError::corrupt("artifacts.contents", err.to_string()))?;
    Ok(Contents {
        device_types: stored.device_types,
        provides: stored.provides,
        depends: stored
            .depends
            .into_iter()
            .map(|(key, wanted)| {
                let wanted = match wanted {
                    StoredDepends::One(value) => Depends::One(value),
                    StoredDepends::AnyOf(values) => Depends::AnyOf(values),
                };
                (key, wanted)
            })
            .collect(),
        clears: stored.clears,
        payloads: stored.payloads.into_iter().map(payload).collect(),
    })
}

fn stored_depends(wanted: &Depends) -> StoredDepends {
    match wanted {
        Depends::One(value) => StoredDepends::One(value.clone()),
        Depends::AnyOf(values) => StoredDepends::AnyOf(values.clone()),
    }
}

fn stored_payload(payload: &Payload) -> StoredPayload {
    StoredPayload {
        kind: payload.kind.clone(),
        files: payload
            .files
            .iter()
            .map(|file| StoredFile {
                name: file.name.clone(),
                size: file.size,
                checksum: file.checksum.clone(),
                modified: file.modified,
            })
            .collect(),
        metadata: payload.metadata.clone(),
    }
}

fn payload(stored: StoredPayload) -> Payload {
    Payload {
        kind: stored.kind,
        files: stored
            .files
            .into_iter()
            .map(|file| PayloadFile {
                name: file.name,
                size: file.size,
                checksum: file.checksum,
                modified: file.modified,
            })
            .collect(),
        metadata: stored.metadata,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{from_column, to_column};
    use crate::releases::{Contents, Depends, Payload, PayloadFile};

    fn sample() -> Contents {
        Contents {
            device_types: vec!["board".into()],
            provides: BTreeMap::from([("artifact_name".into(), "r1".into())]),
            depends: BTreeMap::from([
                ("artifact_name".into(), Depends::AnyOf(vec!["r0".into(), "r1".into()])),
                ("checksum".into(), Depends::One("c".into())),
            ]),
            clears: vec!["rootfs-image.*".into()],
            payloads: vec![Payload {
                kind: Some("single-file".into()),
                files: vec![PayloadFile { name: "f".into(), size: 3, checksum: "ab".into(), modified: 9 }],
                metadata: serde_json::Map::from_iter([("k".to_owned(), 1.into())]),
            }],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(from_column(&to_column(&sample()).unwrap()).unwrap(), sample());
    }

    #[test]
    fn the_first_form_stays_readable() {
        let written = r#"{"device_types":["board"],"provides":{"artifact_name":"r1"},"depends":{"artifact_name":{"any_of":["r0","r1"]},"checksum":{"one":"c"}},"clears":["rootfs-image.*"],"payloads":[{"kind":"single-file","files":[{"name":"f","size":3,"checksum":"ab","modified":9}],"metadata":{"k":1}}]}"#;
        assert_eq!(from_column(written).unwrap(), sample());
        assert_eq!(to_column(&sample()).unwrap(), written);
    }

    #[test]
    fn fields_may_come_and_be_missing() {
        let newer = r#"{"device_types":["a"],"payloads":[{"kind":null,"new":1}],"new":{}}"#;
        let contents = from_column(newer).unwrap();
        assert_eq!(contents.payloads, [Payload::default()]);
        assert!(from_column("{}").is_err());
    }
}
