//! Files that appear only when they are complete.

use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{WriteError, WriteOptions};

const BUFFER: usize = 128 * 1024;

/// Makes a temporary file without a name, where the options say or in the system's directory for such.
pub(super) fn unnamed_spool(options: &WriteOptions<'_>) -> Result<File, WriteError> {
    match options.temporary {
        Some(folder) => spool_in(folder),
        None => tempfile::tempfile().map_err(WriteError::output),
    }
}

/// Makes a temporary file without a name, where the options say or on the file system of `path`.
pub(super) fn spool_beside(path: &Path, options: &WriteOptions<'_>) -> Result<File, WriteError> {
    spool_in(options.temporary.unwrap_or_else(|| folder_of(path)))
}

fn spool_in(folder: &Path) -> Result<File, WriteError> {
    tempfile::tempfile_in(folder).map_err(|source| WriteError::Output { path: folder.to_owned(), source })
}

/// Puts what `write` writes in the place of `path`, all of it or nothing.
///
/// The permissions of a file that is replaced are kept.
pub(crate) fn replace<E: From<WriteError>>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<(), E>,
) -> Result<(), E> {
    let failed = |source| WriteError::Output { path: path.to_owned(), source };
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        // Renaming over a device or a pipe would destroy it.
        return Err(failed(io::Error::other("it exists and is not a regular file")).into());
    }
    let mut builder = tempfile::Builder::new();
    let prefix = format!(".{}.", path.file_name().unwrap_or_default().to_string_lossy());
    let builder = builder.prefix(&prefix).suffix(".tmp");
    let permissions = permissions_for(path);
    let temporary = builder.permissions(permissions.clone()).tempfile_in(folder_of(path)).map_err(failed)?;
    let mut output = BufWriter::with_capacity(BUFFER, temporary.as_file());
    write(&mut output)?;
    output.flush().map_err(failed)?;
    drop(output);
    if path.exists() {
        temporary.as_file().set_permissions(permissions).map_err(failed)?;
        // A file that was good is not given up for one that a power cut would leave empty.
        temporary.as_file().sync_data().map_err(failed)?;
    }
    temporary.persist(path).map_err(|error| failed(error.error)).map(drop).map_err(Into::into)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

/// Returns the permissions of the file at `path`, or those of any new file before the umask.
fn permissions_for(path: &Path) -> Permissions {
    path.metadata().map_or_else(|_| Permissions::from_mode(0o666), |metadata| metadata.permissions())
}
