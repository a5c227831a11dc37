//! What is written, whatever command asked for it.

use std::collections::BTreeMap;
use std::io::Read;

use super::{InputFile, WriteError};
use crate::depends::DependsValue;
use crate::description::{FormatVersion, Header, Payload};
use crate::limits::Limits;
use crate::names;
use crate::read::Rule;

/// Everything that an artifact with one payload says, apart from the bytes of its payload files.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Blueprint {
    /// Format version; version 2 has no place for group, depends, provides and clears.
    pub version: FormatVersion,
    /// Artifact name.
    pub name: String,
    /// Group that it provides.
    pub group: Option<String>,
    /// Device types that may install it, at least one.
    pub device_types: Vec<String>,
    /// Artifact names of which the device must have one.
    pub depends_names: Vec<String>,
    /// Groups of which the device must be in one.
    pub depends_groups: Vec<String>,
    /// State scripts; written in the order of their names.
    pub scripts: Vec<ScriptFile>,
    /// Payload type; `None` for an empty payload.
    pub kind: Option<String>,
    /// Provides of the payload.
    pub provides: BTreeMap<String, String>,
    /// Depends of the payload.
    pub depends: BTreeMap<String, DependsValue>,
    /// Globs over stored provides to erase.
    pub clears: Vec<String>,
    /// Meta-data, byte for byte.
    pub meta_data: Option<Vec<u8>>,
    /// Unsigned additions.
    pub additions: Option<Additions>,
}

/// Unsigned additions to the payload (artifact format §8), without their files.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Additions {
    /// Payload type; must be that of the payload.
    pub kind: String,
    /// Provides that are added or replace those of the payload.
    pub provides: BTreeMap<String, String>,
    /// Depends that are added or replace those of the payload.
    pub depends: BTreeMap<String, DependsValue>,
    /// Meta-data, byte for byte.
    pub meta_data: Option<Vec<u8>>,
}

/// A state script.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScriptFile {
    /// Name, such as `ArtifactInstall_Enter_00`.
    pub name: String,
    /// Permission bits.
    pub mode: u32,
    /// Contents.
    pub contents: Vec<u8>,
}

impl ScriptFile {
    /// Reads a script; it is executable in the artifact whatever it was before.
    pub fn read(input: &InputFile) -> Result<Self, WriteError> {
        let limit = Limits::default().script;
        let name = input.name();
        if !names::is_script(name) {
            return Err(Rule::ScriptName(name.to_owned()).into());
        }
        let opened = input.open()?;
        if opened.size > limit {
            return Err(Rule::TooLarge { what: "script", size: opened.size, limit }.into());
        }
        let mut contents = Vec::new();
        opened.reader.take(limit).read_to_end(&mut contents).map_err(|source| input.read_error(source))?;
        Ok(Self { name: name.to_owned(), mode: 0o755, contents })
    }
}

impl Blueprint {
    /// Returns what the header of an artifact that was read with
    /// [`scripts`](crate::ReadOptions::scripts) says; `None` unless it has exactly one payload.
    ///
    /// Unsigned additions are not taken over.
    pub(crate) fn of(header: &Header) -> Option<Self> {
        let [payload] = header.payloads.as_slice() else { return None };
        Some(Self {
            version: header.version,
            name: header.name.clone(),
            group: header.group.clone(),
            device_types: header.device_types.clone(),
            depends_names: header.depends_names.clone(),
            depends_groups: header.depends_groups.clone(),
            scripts: header
                .scripts
                .iter()
                .map(|script| ScriptFile {
                    name: script.name.clone(),
                    mode: script.mode,
                    contents: script.contents.clone().unwrap_or_default(),
                })
                .collect(),
            kind: payload.kind.clone(),
            provides: payload.own_provides(),
            depends: payload.own_depends(),
            clears: payload.own_clears(),
            meta_data: payload.meta_data_bytes.clone(),
            additions: None,
        })
    }
}

impl Payload {
    /// Returns the provides of the signed part.
    fn own_provides(&self) -> BTreeMap<String, String> {
        let object = self.type_info.get("artifact_provides").and_then(serde_json::Value::as_object);
        let pair =
            |(key, value): (&String, &serde_json::Value)| Some((key.clone(), value.as_str()?.to_owned()));
        object.into_iter().flatten().filter_map(pair).collect()
    }

    /// Returns the depends of the signed part.
    fn own_depends(&self) -> BTreeMap<String, DependsValue> {
        let object = self.type_info.get("artifact_depends").and_then(serde_json::Value::as_object);
        let pair = |(key, value): (&String, &serde_json::Value)| {
            Some((key.clone(), DependsValue::from_json(value)?))
        };
        object.into_iter().flatten().filter_map(pair).collect()
    }

    /// Returns the globs of the signed part.
    fn own_clears(&self) -> Vec<String> {
        let globs = self.type_info.get("clears_artifact_provides").and_then(serde_json::Value::as_array);
        globs.into_iter().flatten().filter_map(|glob| glob.as_str().map(str::to_owned)).collect()
    }
}
