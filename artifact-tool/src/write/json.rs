//! The JSON entries of the header, compact, keys in the usual order (artifact format §5, §6).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::Blueprint;
use crate::depends::DependsValue;
use crate::description::FormatVersion;

#[derive(Serialize)]
struct HeaderInfo<'a> {
    payloads: [PayloadEntry<'a>; 1],
    artifact_provides: Provides<'a>,
    artifact_depends: Depends<'a>,
}

#[derive(Serialize)]
struct PayloadEntry<'a> {
    #[serde(rename = "type")]
    kind: Option<&'a str>,
}

#[derive(Serialize)]
struct Provides<'a> {
    artifact_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_group: Option<&'a str>,
}

#[derive(Serialize)]
struct Depends<'a> {
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    artifact_name: &'a [String],
    device_type: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    artifact_group: &'a [String],
}

#[derive(Serialize)]
struct HeaderInfoV2<'a> {
    artifact_name: &'a str,
    updates: [PayloadEntry<'a>; 1],
    device_types_compatible: &'a [String],
}

#[derive(Serialize)]
struct TypeInfo<'a> {
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    artifact_depends: BTreeMap<&'a str, Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    artifact_provides: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    clears_artifact_provides: &'a [String],
}

#[derive(Serialize)]
struct TypeInfoV2<'a> {
    #[serde(rename = "type")]
    kind: Option<&'a str>,
}

#[derive(Serialize)]
struct Files<'a> {
    files: Vec<&'a str>,
}

/// Returns `header-info`; `kind` is the payload's type.
pub(super) fn header_info(blueprint: &Blueprint, kind: Option<&str>) -> serde_json::Result<Vec<u8>> {
    match blueprint.version {
        FormatVersion::V2 => serde_json::to_vec(&HeaderInfoV2 {
            artifact_name: &blueprint.name,
            updates: [PayloadEntry { kind }],
            device_types_compatible: &blueprint.device_types,
        }),
        FormatVersion::V3 => serde_json::to_vec(&HeaderInfo {
            payloads: [PayloadEntry { kind }],
            artifact_provides: Provides {
                artifact_name: &blueprint.name,
                artifact_group: blueprint.group.as_deref(),
            },
            artifact_depends: Depends {
                artifact_name: &blueprint.depends_names,
                device_type: &blueprint.device_types,
                artifact_group: &blueprint.depends_groups,
            },
        }),
    }
}

/// Returns `type-info` of format version 3.
pub(super) fn type_info(
    kind: Option<&str>,
    depends: &BTreeMap<String, DependsValue>,
    provides: &BTreeMap<String, String>,
    clears: &[String],
) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&TypeInfo {
        kind,
        artifact_depends: depends.iter().map(|(key, value)| (key.as_str(), value.to_json())).collect(),
        artifact_provides: provides,
        clears_artifact_provides: clears,
    })
}

/// Returns `type-info` of format version 2.
pub(super) fn type_info_v2(kind: Option<&str>) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&TypeInfoV2 { kind })
}

/// Returns the list `files` of format version 2.
pub(super) fn files_v2<'a>(names: impl Iterator<Item = &'a str>) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Files { files: names.collect() })
}
