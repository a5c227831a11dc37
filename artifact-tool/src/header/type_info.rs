//! `type-info` of one payload (artifact format §5.3, §6).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::depends::DependsValue;
use crate::description::FormatVersion;
use crate::json;
use crate::limits::Limits;
use crate::names;
use crate::read::Rule;

/// Keys that only header-info may use.
const RESERVED: [&str; 3] = ["artifact_name", "artifact_group", "device_type"];

/// A parsed `type-info`.
pub(super) struct TypeInfo {
    pub(super) map: Map<String, Value>,
    pub(super) kind: Kind,
    pub(super) provides: BTreeMap<String, String>,
    pub(super) depends: BTreeMap<String, DependsValue>,
    pub(super) clears: Option<Vec<String>>,
}

/// The field `type`.
pub(super) enum Kind {
    Absent,
    /// Of an empty payload.
    Null,
    Named(String),
}

impl Kind {
    pub(super) fn into_name(self) -> Option<String> {
        match self {
            Self::Named(name) => Some(name),
            Self::Absent | Self::Null => None,
        }
    }
}

/// Parses the `type-info` of payload `index`.
pub(super) fn parse(
    bytes: &[u8],
    index: usize,
    version: FormatVersion,
    limits: &Limits,
) -> Result<TypeInfo, Rule> {
    let map = json::plain_object(bytes, limits.json_depth)
        .map_err(|source| Rule::Json { what: format!("type-info of payload {index}"), source })?;
    let wrong = |why: &str| Rule::TypeInfo { index, why: why.to_owned() };
    let kind = match map.get("type") {
        None => Kind::Absent,
        Some(Value::Null) => Kind::Null,
        Some(Value::String(kind)) => Kind::Named(kind.clone()),
        Some(_) => return Err(wrong("type is neither a string nor null")),
    };
    let mut info = TypeInfo { kind, provides: BTreeMap::new(), depends: BTreeMap::new(), clears: None, map };
    if version == FormatVersion::V2 {
        return Ok(info);
    }
    for (key, value) in fields(&info.map, "artifact_provides", index)? {
        let value = value.as_str().ok_or_else(|| wrong("a provides value is not a string"))?;
        info.provides.insert(key.clone(), value.to_owned());
    }
    for (key, value) in fields(&info.map, "artifact_depends", index)? {
        let value = DependsValue::from_json(value)
            .ok_or_else(|| wrong("a depends value is neither a string nor a list"))?;
        info.depends.insert(key.clone(), value);
    }
    info.clears = match info.map.get("clears_artifact_provides") {
        None => None,
        Some(value) => {
            Some(globs(value).ok_or_else(|| wrong("clears_artifact_provides is not a list of globs"))?)
        }
    };
    Ok(info)
}

/// Returns the entries of the object `name`, none of whose keys is empty or reserved.
fn fields<'a>(
    map: &'a Map<String, Value>,
    name: &str,
    index: usize,
) -> Result<impl Iterator<Item = (&'a String, &'a Value)>, Rule> {
    let wrong = |why| Rule::TypeInfo { index, why };
    let object = match map.get(name) {
        None => None,
        Some(Value::Object(object)) => Some(object),
        Some(_) => return Err(wrong(format!("{name} is not an object"))),
    };
    if let Some(key) = object.and_then(|object| object.keys().find(|key| RESERVED.contains(&key.as_str()))) {
        return Err(wrong(format!("{name} has the key {key:?}, which belongs to header-info")));
    }
    if object.is_some_and(|object| object.keys().any(String::is_empty)) {
        return Err(wrong(format!("{name} has an empty key")));
    }
    Ok(object.into_iter().flatten())
}

fn globs(value: &Value) -> Option<Vec<String>> {
    let globs = value.as_array()?.iter();
    globs.map(|glob| glob.as_str().filter(|glob| names::is_glob(glob)).map(str::to_owned)).collect()
}
