//! `header-info`: name, group, device types, types of payloads (artifact format §5.1, §6).

use serde_json::{Map, Value};

use crate::description::FormatVersion;
use crate::json;
use crate::limits::Limits;
use crate::names;
use crate::read::Rule;

/// A parsed `header-info`.
pub(super) struct Info {
    pub(super) map: Map<String, Value>,
    pub(super) name: String,
    pub(super) group: Option<String>,
    pub(super) device_types: Vec<String>,
    pub(super) depends_names: Vec<String>,
    pub(super) depends_groups: Vec<String>,
    pub(super) kinds: Vec<Option<String>>,
}

/// Parses `header-info` of the signed header.
pub(super) fn parse(bytes: &[u8], version: FormatVersion, limits: &Limits) -> Result<Info, Rule> {
    let map = parse_map(bytes, limits)?;
    match version {
        FormatVersion::V2 => parse_v2(map, limits),
        FormatVersion::V3 => parse_v3(map, limits),
    }
}

/// Parses `header-info` of the unsigned additions, of which only the payload types count; an empty type
/// overrides nothing (artifact format §8).
pub(super) fn parse_augment(bytes: &[u8], limits: &Limits) -> Result<Vec<Option<String>>, Rule> {
    let map = parse_map(bytes, limits)?;
    payload_entries(&map, "payloads", limits)?
        .into_iter()
        .map(|value| match value.as_str() {
            None if value.is_null() => Ok(None),
            Some("") => Ok(None),
            None | Some(_) => payload_type(value).map(Some),
        })
        .collect()
}

fn parse_map(bytes: &[u8], limits: &Limits) -> Result<Map<String, Value>, Rule> {
    json::plain_object(bytes, limits.json_depth)
        .map_err(|source| Rule::Json { what: "header-info".to_owned(), source })
}

fn parse_v3(map: Map<String, Value>, limits: &Limits) -> Result<Info, Rule> {
    only_keys(&map, &["payloads", "artifact_provides", "artifact_depends"])?;
    let provides = object(&map, "artifact_provides")?;
    only_keys(provides, &["artifact_name", "artifact_group"])?;
    let depends = object(&map, "artifact_depends")?;
    only_keys(depends, &["artifact_name", "device_type", "artifact_group"])?;
    let kinds = payload_entries(&map, "payloads", limits)?
        .into_iter()
        .map(|value| if value.is_null() { Ok(None) } else { payload_type(value).map(Some) })
        .collect::<Result<_, _>>()?;
    Ok(Info {
        name: required(text(provides, "artifact_name", limits)?, "artifact_name")?,
        group: text(provides, "artifact_group", limits)?,
        device_types: device_types(depends, "device_type", limits)?,
        depends_names: texts(depends, "artifact_name", limits)?,
        depends_groups: texts(depends, "artifact_group", limits)?,
        kinds,
        map,
    })
}

fn parse_v2(map: Map<String, Value>, limits: &Limits) -> Result<Info, Rule> {
    only_keys(&map, &["artifact_name", "updates", "device_types_compatible"])?;
    let kinds = payload_entries(&map, "updates", limits)?
        .into_iter()
        .map(|value| match value.as_str() {
            Some("rootfs-image") => Ok(Some("rootfs-image".to_owned())),
            _ => Err(Rule::HeaderInfo("format version 2 only has rootfs-image payloads".to_owned())),
        })
        .collect::<Result<_, _>>()?;
    Ok(Info {
        name: required(text(&map, "artifact_name", limits)?, "artifact_name")?,
        group: None,
        device_types: device_types(&map, "device_types_compatible", limits)?,
        depends_names: Vec::new(),
        depends_groups: Vec::new(),
        kinds,
        map,
    })
}

/// Returns the `type` of each entry of the list of payloads, at least one.
fn payload_entries<'a>(
    map: &'a Map<String, Value>,
    key: &str,
    limits: &Limits,
) -> Result<Vec<&'a Value>, Rule> {
    let entries = map.get(key).and_then(Value::as_array).filter(|entries| !entries.is_empty());
    let entries =
        entries.ok_or_else(|| Rule::HeaderInfo(format!("{key} is not a list of at least one payload")))?;
    if entries.len() > limits.payloads {
        return Err(Rule::TooMany { what: "payloads", limit: limits.payloads });
    }
    entries
        .iter()
        .map(|entry| {
            let entry = entry.as_object();
            let entry =
                entry.ok_or_else(|| Rule::HeaderInfo(format!("an entry of {key} is not an object")))?;
            only_keys(entry, &["type"])?;
            required(entry.get("type"), "type")
        })
        .collect()
}

fn payload_type(value: &Value) -> Result<String, Rule> {
    match value.as_str() {
        Some(kind) if names::is_payload_type(kind) => Ok(kind.to_owned()),
        _ => Err(Rule::HeaderInfo(format!("{value} is not a payload type"))),
    }
}

fn device_types(map: &Map<String, Value>, key: &str, limits: &Limits) -> Result<Vec<String>, Rule> {
    let types = texts(map, key, limits)?;
    if types.is_empty() { Err(Rule::HeaderInfo(format!("{key} is missing or empty"))) } else { Ok(types) }
}

fn only_keys(map: &Map<String, Value>, known: &[&str]) -> Result<(), Rule> {
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(Rule::HeaderInfo(format!("unknown key {key:?}"))),
        None => Ok(()),
    }
}

fn object<'a>(map: &'a Map<String, Value>, key: &str) -> Result<&'a Map<String, Value>, Rule> {
    map.get(key)
        .and_then(Value::as_object)
        .ok_or_else(|| Rule::HeaderInfo(format!("{key} is missing or not an object")))
}

fn required<T>(value: Option<T>, key: &str) -> Result<T, Rule> {
    value.ok_or_else(|| Rule::HeaderInfo(format!("{key} is missing")))
}

fn text(map: &Map<String, Value>, key: &str, limits: &Limits) -> Result<Option<String>, Rule> {
    map.get(key).map(|value| printable(value, key, limits)).transpose()
}

fn texts(map: &Map<String, Value>, key: &str, limits: &Limits) -> Result<Vec<String>, Rule> {
    match map.get(key) {
        None => Ok(Vec::new()),
        Some(Value::Array(values)) => values.iter().map(|value| printable(value, key, limits)).collect(),
        Some(_) => Err(Rule::HeaderInfo(format!("{key} is not a list"))),
    }
}

fn printable(value: &Value, key: &str, limits: &Limits) -> Result<String, Rule> {
    match value.as_str() {
        Some(text) if names::is_printable(text, limits.name) => Ok(text.to_owned()),
        Some(_) => {
            Err(Rule::HeaderInfo(format!("{key} is empty, unprintable or longer than {}", limits.name)))
        }
        None => Err(Rule::HeaderInfo(format!("{key} is not a string"))),
    }
}
