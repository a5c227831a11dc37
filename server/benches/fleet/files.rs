//! Where things are kept.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;

/// Kept between runs: seeded fleets, keys, signatures.
pub(crate) fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("fleet-bench")
}

/// The folder of the bench in the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches")
}

/// A folder of this run, gone with it; on the disk that the cache is on.
pub(crate) fn scratch() -> Outcome<tempfile::TempDir> {
    fs::create_dir_all(cache())?;
    Ok(tempfile::Builder::new().prefix("run-").tempdir_in(cache())?)
}

/// Copies a folder.
pub(crate) fn copy(from: &Path, to: &Path) -> Outcome<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Writes a file so that it is there whole or not at all.
pub(crate) fn put(path: &Path, content: &[u8]) -> Outcome<()> {
    let partial = path.with_extension("partial");
    fs::write(&partial, content)?;
    Ok(fs::rename(partial, path)?)
}
