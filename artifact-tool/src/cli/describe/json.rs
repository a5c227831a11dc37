use std::collections::BTreeMap;

use artifact::{Artifact, DependsValue, FormatVersion, Manifest, Payload, Signature};
use serde_json::{Map, Value, json};

/// Returns everything about an artifact that was read from a file called `name`; `verified_by` is the path of the
/// key that verified its signature.
pub(in crate::cli) fn json(artifact: &Artifact, name: &str, verified_by: Option<&str>) -> Value {
    let header = &artifact.header;
    let digest = |digest: Option<artifact::Digest>| digest.map(|digest| digest.to_string());
    let members: Vec<_> = artifact
        .members
        .iter()
        .map(|member| json!({"name": member.name, "size": member.size, "sha256": digest(member.sha256)}))
        .collect();
    let scripts: BTreeMap<_, _> = header
        .scripts
        .iter()
        .map(|script| {
            let mode = format!("{:o}", script.mode);
            let sha256 = script.sha256.to_string();
            (&script.name, json!({"name": script.name, "size": script.size, "mode": mode, "sha256": sha256}))
        })
        .collect();
    let payloads: Vec<_> = header.payloads.iter().map(|payload| payload_json(artifact, payload)).collect();
    json!({
        "file": name,
        "size": artifact.size,
        "sha256": digest(artifact.sha256),
        "format": "mender",
        "version": header.version.number(),
        "members": members,
        "manifest": manifest(&header.manifest),
        "manifest_augment": header.manifest_augment.as_ref().map(manifest),
        "signature": signature(header.signature.as_ref(), verified_by),
        "compression": header.compression.id(),
        "header_entries": header.entries,
        "header_info": header.info,
        "artifact_name": header.name,
        "artifact_group": header.group,
        "device_types": header.device_types,
        "scripts": scripts.into_values().collect::<Vec<_>>(),
        "payloads": payloads,
        "merged": merged(artifact),
    })
}

fn manifest(manifest: &Manifest) -> Vec<[String; 2]> {
    manifest.entries().iter().map(|entry| [entry.name.clone(), entry.sha256.to_string()]).collect()
}

fn signature(signature: Option<&Signature>, verified_by: Option<&str>) -> Value {
    match signature {
        None => json!({"present": false}),
        Some(signature) => json!({
            "present": true,
            "algorithm": signature.verified.map(|verified| verified.algorithm.id()),
            "verified_by": verified_by,
            "base64_length": signature.base64_length,
        }),
    }
}

fn payload_json(artifact: &Artifact, payload: &Payload) -> Value {
    let files: Vec<_> = artifact
        .files_of(payload.index)
        .map(|file| {
            json!({
                "name": file.name,
                "size": file.size,
                "sha256": file.sha256.to_string(),
                "mtime": file.mtime,
                "augmented": file.is_augmented,
            })
        })
        .collect();
    let mut json = json!({
        "index": payload.index,
        "type": payload.kind,
        "type_info": payload.type_info,
        "meta_data": payload.meta_data,
        "meta_data_present": payload.meta_data.is_some(),
        "effective_provides": payload.provides,
        "effective_depends": depends(&payload.depends),
        "clears_artifact_provides": payload.clears,
        "files": files,
    });
    if let (Some(augment), Value::Object(json)) = (&payload.augment, &mut json) {
        let part = json!({"type_info": augment.type_info, "meta_data": augment.meta_data});
        json.insert("augment".to_owned(), part);
        json.insert("effective_meta_data".to_owned(), payload.effective_meta_data.clone().into());
    }
    json
}

/// Returns what a server indexes; format version 2 has nothing to merge.
fn merged(artifact: &Artifact) -> Value {
    if artifact.header.version == FormatVersion::V2 {
        return Value::Null;
    }
    let merged = artifact.header.merged();
    json!({
        "provides": merged.provides,
        "depends": depends(&merged.depends),
        "clears_provides": merged.clears,
    })
}

fn depends(depends: &BTreeMap<String, DependsValue>) -> Map<String, Value> {
    let value = |value: &DependsValue| match value {
        DependsValue::One(value) => json!(value),
        DependsValue::AnyOf(values) => json!(values),
    };
    depends.iter().map(|(key, wanted)| (key.clone(), value(wanted))).collect()
}
