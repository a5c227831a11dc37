//! Files that appear whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::error::TlsError;

/// The longest PEM file that is read: room for a chain of large certificates.
const MAX_PEM_BYTES: u64 = 1 << 20;

/// Writes a file for everybody to read, durably and in one step; its directory is made if need be.
pub fn write_public(path: &Path, content: &str) -> Result<(), TlsError> {
    write(path, content, 0o644).map_err(|source| TlsError::Io { path: path.to_owned(), source })
}

/// Writes a file that only its owner can read, durably and in one step; its directory is made if need
/// be.
pub fn write_private(path: &Path, content: &str) -> Result<(), TlsError> {
    write(path, content, 0o600).map_err(|source| TlsError::Io { path: path.to_owned(), source })
}

/// Reads a PEM file, or says `None` if there is none.
pub(super) fn read_if_there(path: &Path) -> Result<Option<Zeroizing<String>>, TlsError> {
    match read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TlsError::Io { path: path.to_owned(), source }),
    }
}

fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut content = Zeroizing::new(String::new());
    File::open(path)?.take(MAX_PEM_BYTES).read_to_string(&mut content)?;
    Ok(content)
}

fn write(path: &Path, content: &str, mode: u32) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.write_all(content.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::{read_if_there, write_private, write_public};

    #[test]
    fn modes_are_exact_and_content_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tls/some.pem");
        assert!(read_if_there(&path).unwrap().is_none());
        for mode in [0o644, 0o600] {
            let write = if mode == 0o644 { write_public } else { write_private };
            write(&path, &format!("{mode:o}")).unwrap();
            assert_eq!(read_if_there(&path).unwrap().unwrap().as_str(), format!("{mode:o}"));
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        }
    }
}
