//! State scripts named on the command line.

use std::path::PathBuf;

use artifact::write::InputFile;

use super::Failure;

/// Lists the scripts: files as they are, folders by what is in them.
pub(super) fn inputs(paths: &[PathBuf]) -> Result<Vec<InputFile>, Failure> {
    let mut scripts = Vec::new();
    for path in paths {
        let failed = |error| Failure::unreachable(path, &error);
        if path.metadata().map_err(failed)?.is_dir() {
            let mut entries = Vec::new();
            for entry in path.read_dir().map_err(failed)? {
                entries.push(entry.map_err(failed)?.path());
            }
            entries.sort();
            for entry in entries {
                scripts.push(InputFile::path(entry)?);
            }
        } else {
            scripts.push(InputFile::path(path)?);
        }
    }
    Ok(scripts)
}
