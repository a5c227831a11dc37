//! The JSON entries of the header, compact, keys in the usual order (artifact format §5).

use std::collections::BTreeMap;

use serde::Serialize;

use super::Common;

#[derive(Serialize)]
struct HeaderInfo<'a> {
    payloads: [PayloadEntry<'a>; 1],
    artifact_provides: Provides<'a>,
    artifact_depends: Depends<'a>,
}

#[derive(Serialize)]
struct PayloadEntry<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
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
struct TypeInfo<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    artifact_depends: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    artifact_provides: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    clears_artifact_provides: &'a [String],
}

pub(super) fn header_info(common: &Common, kind: &str) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&HeaderInfo {
        payloads: [PayloadEntry { kind }],
        artifact_provides: Provides { artifact_name: &common.name, artifact_group: common.group.as_deref() },
        artifact_depends: Depends {
            artifact_name: &common.depends_names,
            device_type: &common.device_types,
            artifact_group: &common.depends_groups,
        },
    })
}

pub(super) fn type_info(
    kind: &str,
    depends: &BTreeMap<String, String>,
    provides: &BTreeMap<String, String>,
    clears: &[String],
) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&TypeInfo {
        kind,
        artifact_depends: depends,
        artifact_provides: provides,
        clears_artifact_provides: clears,
    })
}
