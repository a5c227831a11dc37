//! What the devices of a fleet keep when the process ends: one small file for all of them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::member::Member;
use crate::device::{Interrupted, KeyType, Software};

/// The version of the file that is written, and the only one that is read.
const VERSION: u32 = 1;
const FILE: &str = "devices.json";

/// Why the state of a fleet cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file cannot be read or written.
    #[error("failed to access {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not ours, or damaged.
    #[error("{} is not the state of a fleet", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The file is from another version of this program.
    #[error("{} has version {found}, known is {VERSION}", path.display())]
    Version {
        /// Which file.
        path: PathBuf,
        /// What it says.
        found: u32,
    },
    /// The devices have other keys than asked for.
    #[error("the devices of {} have keys of type {found}", path.display())]
    KeyType {
        /// Which file.
        path: PathBuf,
        /// What it says.
        found: String,
    },
}

/// The file: devices that run the same software share one entry for it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FleetState {
    version: u32,
    /// The part of all identities that tells fleets apart.
    pub(super) fleet: u32,
    key_type: String,
    software: Vec<Software>,
    /// By device number: position of its key, and of its software.
    devices: Vec<(u32, u32)>,
    /// By device number: updates between reboot and commit.
    interrupted: BTreeMap<u32, Interrupted>,
}

/// What is known of one device.
pub(super) struct Known {
    pub(super) key_index: u32,
    pub(super) software: Software,
    pub(super) interrupted: Option<Interrupted>,
}

impl FleetState {
    /// A fleet of which no device is known.
    pub(super) fn new(fleet: u32, key_type: KeyType) -> Self {
        Self {
            version: VERSION,
            fleet,
            key_type: key_type.name().to_owned(),
            software: Vec::new(),
            devices: Vec::new(),
            interrupted: BTreeMap::new(),
        }
    }

    /// Reads the state in `dir`; `None` if there is none yet.
    pub(super) fn load(dir: &Path, key_type: KeyType) -> Result<Option<Self>, StateError> {
        let path = dir.join(FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StateError::File { path, source }),
        };
        let state: Self = match serde_json::from_slice(&text) {
            Ok(state) => state,
            Err(source) => return Err(StateError::Syntax { path, source }),
        };
        if state.version != VERSION {
            return Err(StateError::Version { path, found: state.version });
        }
        if state.key_type != key_type.name() {
            return Err(StateError::KeyType { path, found: state.key_type });
        }
        Ok(Some(state))
    }

    /// Replaces the state in `dir`, in one step.
    pub(super) fn save(&self, dir: &Path) -> Result<(), StateError> {
        let path = dir.join(FILE);
        serde_json::to_vec(self)
            .map_err(io::Error::from)
            .and_then(|text| write_private(&path, &text))
            .map_err(|source| StateError::File { path, source })
    }

    /// The highest key position that a known device has, plus one.
    pub(super) fn keys_used(&self) -> usize {
        let highest = self.devices.iter().map(|(key, _)| *key).max();
        highest.and_then(|key| usize::try_from(key).ok()).map_or(0, |key| key + 1)
    }

    /// What is known of the device with number `index`.
    pub(super) fn device(&self, index: u32) -> Option<Known> {
        let &(key_index, software) = self.devices.get(usize::try_from(index).ok()?)?;
        let software = self.software.get(usize::try_from(software).ok()?)?.clone();
        Some(Known { key_index, software, interrupted: self.interrupted.get(&index).cloned() })
    }

    /// The state after a run: `members` are the first devices, the others stay as they were.
    pub(super) fn updated(&self, members: &[Member]) -> Self {
        let mut positions: BTreeMap<Software, u32> = BTreeMap::new();
        let mut next = self.emptied();
        let mut position_of = |software: &Software, list: &mut Vec<Software>| {
            *positions.entry(software.clone()).or_insert_with(|| {
                list.push(software.clone());
                u32::try_from(list.len() - 1).unwrap_or(u32::MAX)
            })
        };
        for member in members {
            let position = position_of(&member.memory.software, &mut next.software);
            next.devices.push((member.key_index, position));
            if let Some(interrupted) = &member.memory.interrupted {
                next.interrupted.insert(member.index, interrupted.clone());
            }
        }
        for index in members.len()..self.devices.len() {
            let Some((index, known)) =
                u32::try_from(index).ok().and_then(|index| Some((index, self.device(index)?)))
            else {
                break;
            };
            let position = position_of(&known.software, &mut next.software);
            next.devices.push((known.key_index, position));
            if let Some(interrupted) = known.interrupted {
                next.interrupted.insert(index, interrupted);
            }
        }
        next
    }

    fn emptied(&self) -> Self {
        Self {
            version: VERSION,
            fleet: self.fleet,
            key_type: self.key_type.clone(),
            software: Vec::new(),
            devices: Vec::new(),
            interrupted: BTreeMap::new(),
        }
    }
}

/// Writes a file that only its owner may read, whole or not at all.
pub(super) fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(contents)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}
