//! Header, additions and manifests checked against each other (artifact format §13, step 7).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::info;
use super::merge::merge;
use super::type_info::{self, Kind, TypeInfo};
use super::unpack::{Bucket, Raw};
use crate::compression::Compression;
use crate::description::{Augment, FormatVersion, Header, Payload, Signature};
use crate::digest::Digest;
use crate::json;
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::read::Rule;

const ROOTFS_IMAGE: &str = "rootfs-image";

/// A header member whose digest was compared.
pub(crate) struct Stored {
    pub(crate) compression: Compression,
    pub(crate) raw: Raw,
}

/// Everything read before the first payload.
pub(crate) struct Parts {
    pub(crate) version: FormatVersion,
    pub(crate) manifest: Manifest,
    pub(crate) manifest_sha256: Digest,
    pub(crate) manifest_augment: Option<Manifest>,
    pub(crate) signature: Option<Signature>,
    pub(crate) stored: Stored,
    pub(crate) augment: Option<Stored>,
}

/// Interprets the parts.
pub(crate) fn assemble(parts: Parts, limits: &Limits) -> Result<Header, Rule> {
    let info = info::parse(&parts.stored.raw.info, parts.version, limits)?;
    let raw = parts.stored.raw;
    if raw.buckets.len() != info.kinds.len() {
        return Err(Rule::Payloads(format!(
            "header-info has {}, the header has entries for {}",
            info.kinds.len(),
            raw.buckets.len()
        )));
    }
    let mut payloads = Vec::new();
    for (index, (kind, bucket)) in info.kinds.iter().zip(&raw.buckets).enumerate() {
        payloads.push(payload(index, kind.clone(), bucket, parts.version, limits)?);
    }
    if let Some(stored) = parts.augment {
        augment(&mut payloads, &stored.raw, limits)?;
    }
    check_collisions(&payloads)?;
    let header = Header {
        version: parts.version,
        compression: parts.stored.compression,
        manifest: parts.manifest,
        manifest_sha256: parts.manifest_sha256,
        manifest_augment: parts.manifest_augment,
        signature: parts.signature,
        entries: raw.entries,
        info: info.map,
        name: info.name,
        group: info.group,
        device_types: info.device_types,
        depends_names: info.depends_names,
        depends_groups: info.depends_groups,
        scripts: raw.scripts,
        payloads,
    };
    check_files(&header, &raw.buckets, limits)?;
    Ok(header)
}

fn payload(
    index: usize,
    kind: Option<String>,
    bucket: &Bucket,
    version: FormatVersion,
    limits: &Limits,
) -> Result<Payload, Rule> {
    let type_info = bucket_type_info(bucket, index, version, limits)?;
    let is_same = match (&type_info.kind, &kind) {
        (Kind::Named(found), Some(kind)) => found == kind || (found.is_empty() && kind == ROOTFS_IMAGE),
        (Kind::Null, None) => true,
        (Kind::Absent, _) | (Kind::Named(_), None) | (Kind::Null, Some(_)) => false,
    };
    if !is_same {
        return Err(Rule::TypeInfo { index, why: "type is not the one in header-info".to_owned() });
    }
    if (version == FormatVersion::V2) != bucket.files.is_some() {
        return Err(Rule::Payloads("the list `files` is for format version 2, and needed there".to_owned()));
    }
    let meta_data = meta_data(bucket, index, limits)?;
    if kind.is_none() && meta_data.as_ref().is_some_and(|map| !map.is_empty()) {
        return Err(Rule::Payloads(format!("the empty payload {index} has meta-data")));
    }
    Ok(Payload {
        index,
        kind,
        type_info: type_info.map,
        effective_meta_data: meta_data.clone().unwrap_or_default(),
        meta_data,
        meta_data_bytes: bucket.meta_data.clone(),
        augment: None,
        provides: type_info.provides,
        depends: type_info.depends,
        clears: type_info.clears.unwrap_or_default(),
    })
}

fn bucket_type_info(
    bucket: &Bucket,
    index: usize,
    version: FormatVersion,
    limits: &Limits,
) -> Result<TypeInfo, Rule> {
    let bytes = bucket.type_info.as_ref();
    let bytes = bytes.ok_or_else(|| Rule::HeaderLacks(format!("headers/{index:04}/type-info")))?;
    type_info::parse(bytes, index, version, limits)
}

/// Parses `meta-data`; an empty entry is an empty object (artifact format §5.4).
fn meta_data(bucket: &Bucket, index: usize, limits: &Limits) -> Result<Option<Map<String, Value>>, Rule> {
    match bucket.meta_data.as_deref() {
        None => Ok(None),
        Some([]) => Ok(Some(Map::new())),
        Some(bytes) => json::object(bytes, limits.json_depth)
            .map(Some)
            .map_err(|source| Rule::Json { what: format!("meta-data of payload {index}"), source }),
    }
}

/// Merges the unsigned additions, which may not change name, group, device types, scripts or types.
fn augment(payloads: &mut [Payload], raw: &Raw, limits: &Limits) -> Result<(), Rule> {
    let kinds = info::parse_augment(&raw.info, limits)?;
    if !raw.scripts.is_empty() {
        return Err(Rule::AugmentConflict("scripts".to_owned()));
    }
    if kinds.len() != payloads.len() || raw.buckets.len() != payloads.len() {
        return Err(Rule::Payloads("the unsigned additions have another number of payloads".to_owned()));
    }
    for ((payload, bucket), kind) in payloads.iter_mut().zip(&raw.buckets).zip(kinds) {
        augment_payload(payload, bucket, kind, limits)?;
    }
    Ok(())
}

fn augment_payload(
    payload: &mut Payload,
    bucket: &Bucket,
    kind: Option<String>,
    limits: &Limits,
) -> Result<(), Rule> {
    let type_info = bucket_type_info(bucket, payload.index, FormatVersion::V3, limits)?;
    let kinds = [kind, type_info.kind.into_name().filter(|kind| !kind.is_empty())];
    let is_changed = kinds.into_iter().flatten().any(|kind| payload.kind.as_ref() != Some(&kind));
    if is_changed || payload.kind.is_none() || bucket.files.is_some() {
        return Err(Rule::AugmentConflict("type".to_owned()));
    }
    payload.provides.extend(type_info.provides);
    for (key, value) in type_info.depends {
        let old = payload.depends.insert(key.clone(), value);
        let new = payload.depends.get(&key);
        if let (Some(old), Some(new)) = (old, new)
            && std::mem::discriminant(&old) != std::mem::discriminant(new)
        {
            return Err(Rule::AugmentConflict(key));
        }
    }
    if let Some(clears) = type_info.clears {
        payload.clears = clears;
    }
    let meta_data = meta_data(bucket, payload.index, limits)?;
    if let Some(additions) = &meta_data {
        merge(&mut payload.effective_meta_data, additions)?;
    }
    payload.augment =
        Some(Augment { type_info: type_info.map, meta_data, meta_data_bytes: bucket.meta_data.clone() });
    Ok(())
}

/// Refuses a provides or depends key that two payloads use.
fn check_collisions(payloads: &[Payload]) -> Result<(), Rule> {
    let mut provides = BTreeSet::new();
    let mut depends = BTreeSet::new();
    for payload in payloads {
        let twice = payload.provides.keys().find(|key| !provides.insert(key.as_str()));
        let twice = twice.or_else(|| payload.depends.keys().find(|key| !depends.insert(key.as_str())));
        if let Some(key) = twice {
            let why = format!("another payload has the key {key:?}, too");
            return Err(Rule::TypeInfo { index: payload.index, why });
        }
    }
    Ok(())
}

/// Checks which files the manifests list against what the payloads may have.
fn check_files(header: &Header, buckets: &[Bucket], limits: &Limits) -> Result<(), Rule> {
    let mut listed: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    let augment = header.manifest_augment.iter().flat_map(Manifest::files);
    for (index, name) in header.manifest.files().chain(augment) {
        if index >= header.payloads.len() {
            return Err(Rule::Payloads(format!(
                "a file is listed for payload {index}, which does not exist"
            )));
        }
        listed.entry(index).or_default().push(name);
    }
    for (payload, bucket) in header.payloads.iter().zip(buckets) {
        let index = payload.index;
        let files = listed.remove(&index).unwrap_or_default();
        if files.len() > limits.files_per_payload {
            return Err(Rule::TooMany { what: "payload files", limit: limits.files_per_payload });
        }
        match payload.kind.as_deref() {
            None if !files.is_empty() || !header.scripts.is_empty() => {
                return Err(Rule::Payloads(format!("the empty payload {index} has files or scripts")));
            }
            Some(ROOTFS_IMAGE) if files.len() > 1 => {
                return Err(Rule::Payloads(format!("the rootfs-image payload {index} has several files")));
            }
            None | Some(_) => {}
        }
        if let Some(bytes) = &bucket.files {
            check_files_v2(bytes, index, &files, limits)?;
        }
    }
    Ok(())
}

/// Checks the list `files` of format version 2, `{"files":["NAME"]}` (artifact format §6).
fn check_files_v2(bytes: &[u8], index: usize, listed: &[&str], limits: &Limits) -> Result<(), Rule> {
    let map = json::plain_object(bytes, limits.json_depth)
        .map_err(|source| Rule::Json { what: format!("files of payload {index}"), source })?;
    let names = map.get("files").and_then(Value::as_array).map(Vec::as_slice);
    match (names, listed) {
        (Some([name]), [file]) if name.as_str() == Some(file) => Ok(()),
        _ => Err(Rule::Payloads(format!("payload {index} does not have exactly the one file that it lists"))),
    }
}
