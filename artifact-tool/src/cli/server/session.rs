//! What `login` remembers.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::super::Failure;

/// A server and the session there, in a file that only its owner reads.
#[derive(Deserialize, Serialize)]
pub(super) struct Session {
    pub(super) server: String,
    /// Certificates that are trusted, an absolute path; the system's without it.
    pub(super) ca: Option<PathBuf>,
    pub(super) token: String,
}

impl Session {
    /// Reads what the last log-in left; `None` if there was none.
    pub(super) fn load() -> Option<Self> {
        serde_json::from_slice(&fs::read(path()?).ok()?).ok()
    }

    /// Replaces what an earlier log-in left.
    pub(super) fn store(&self) -> Result<PathBuf, Failure> {
        let path = path().ok_or_else(|| Failure::usage("neither XDG_CONFIG_HOME nor HOME is set"))?;
        let failed = |error| Failure::unreachable(&path, &error);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let text = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        // A new file, so that the mode of an old one does not stay.
        let new = path.with_extension("new");
        let _absent = fs::remove_file(&new);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut file| file.write_all(&text))
            .and_then(|()| fs::rename(&new, &path))
            .map_err(failed)?;
        Ok(path)
    }
}

fn path() -> Option<PathBuf> {
    let folder = match std::env::var_os("XDG_CONFIG_HOME").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME").filter(|home| !home.is_empty())?).join(".config"),
    };
    Some(folder.join("sealift/artifact-tool.json"))
}
