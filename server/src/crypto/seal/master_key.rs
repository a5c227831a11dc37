//! The master key: the only secret that lives outside the database.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use zeroize::Zeroizing;

use super::Purpose;
use crate::crypto::hex::hex;
use crate::crypto::random::{RandomError, SecureRandom};

/// The size of the master key and of every key derived from it.
pub const MASTER_KEY_BYTES: usize = 32;

/// Permission bits of the group and of others: none of them may be set on a key file.
const SHARED_BITS: u32 = 0o077;

/// Why the master key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// Anyone but the owner has a right on the file.
    #[error("{path} can be read by others (mode {mode:03o}): run `chmod 600 {path}` and consider the key leaked", path = .path.display())]
    Shared {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is not a key of this server.
    #[error("{path} is not a master key: it must hold exactly {MASTER_KEY_BYTES} bytes", path = .0.display())]
    Malformed(PathBuf),
    /// The file could not be read or written.
    #[error("failed to access {path}", path = .path.display())]
    Io {
        /// The key file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No randomness for a new key.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// The key from which all sealing keys are derived.
#[derive(Clone)]
pub struct MasterKey {
    id: String,
    prk: hmac::Key,
}

impl MasterKey {
    /// Reads the key file, or makes it if there is none.
    ///
    /// The file (mode 0600, in a directory of mode 0700) appears whole and durable or not at all; of
    /// two processes that start together both get the same key.
    pub fn load_or_create(path: &Path, random: &dyn SecureRandom) -> Result<Self, MasterKeyError> {
        match Self::load(path) {
            Err(MasterKeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                create(path, random)?;
                Self::load(path)
            }
            outcome => outcome,
        }
    }

    /// Reads the key file.
    pub fn load(path: &Path) -> Result<Self, MasterKeyError> {
        let failed = |source| MasterKeyError::Io { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        if mode & SHARED_BITS != 0 {
            return Err(MasterKeyError::Shared { path: path.to_owned(), mode });
        }
        let mut key = Zeroizing::new([0; MASTER_KEY_BYTES]);
        let malformed = || MasterKeyError::Malformed(path.to_owned());
        match file.read_exact(key.as_mut()) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(malformed()),
            outcome => outcome.map_err(failed)?,
        }
        if file.read(&mut [0]).map_err(failed)? != 0 {
            return Err(malformed());
        }
        Ok(Self::from_bytes(&key))
    }

    /// Takes a key that is already in memory.
    #[must_use]
    pub fn from_bytes(key: &[u8; MASTER_KEY_BYTES]) -> Self {
        // HKDF-Extract (RFC 5869 §2.2) is one HMAC.
        let extracted = hmac::sign(&hmac::Key::new(HMAC_SHA256, b"sealift master key v1"), key);
        let prk = hmac::Key::new(HMAC_SHA256, extracted.as_ref());
        let id = hex(expand(&prk, "sealift:key-id").get(..4).unwrap_or_default());
        Self { id, prk }
    }

    /// Names the key without telling anything about it: 8 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the key for one purpose (HKDF-SHA256, RFC 5869).
    #[must_use]
    pub fn derive(&self, purpose: Purpose) -> Zeroizing<[u8; MASTER_KEY_BYTES]> {
        expand(&self.prk, purpose.label())
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// HKDF-Expand (RFC 5869 §2.3). One block of SHA-256 is all that is ever asked for, and one block is
/// one HMAC, which cannot fail.
fn expand(prk: &hmac::Key, label: &str) -> Zeroizing<[u8; MASTER_KEY_BYTES]> {
    let block = hmac::sign(prk, &[label.as_bytes(), &[1]].concat());
    let mut key = Zeroizing::new([0; MASTER_KEY_BYTES]);
    key.copy_from_slice(block.as_ref());
    key
}

fn create(path: &Path, random: &dyn SecureRandom) -> Result<(), MasterKeyError> {
    let mut key = Zeroizing::new([0; MASTER_KEY_BYTES]);
    random.fill(key.as_mut())?;
    write_new(path, key.as_ref()).map_err(|source| MasterKeyError::Io { path: path.to_owned(), source })
}

/// Writes a file that nobody else can read, unless one of that name has appeared meanwhile.
fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        outcome => outcome.map_err(|error| error.error)?,
    };
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::{MasterKey, MasterKeyError};
    use crate::crypto::Purpose;
    use crate::crypto::random::SystemRandom;

    #[test]
    fn the_key_is_made_once_and_only_for_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys/master.key");
        let made = MasterKey::load_or_create(&path, &SystemRandom::new()).unwrap();
        let read = MasterKey::load_or_create(&path, &SystemRandom::new()).unwrap();
        assert_eq!(made.id(), read.id());
        assert_eq!(made.derive(Purpose::Totp), read.derive(Purpose::Totp));
        assert_ne!(made.derive(Purpose::Totp), made.derive(Purpose::TokenSigning));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_shared_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master.key");
        MasterKey::load_or_create(&path, &SystemRandom::new()).unwrap();
        for mode in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = MasterKey::load(&path).unwrap_err();
            assert!(matches!(error, MasterKeyError::Shared { .. }), "{error}");
        }
    }

    #[test]
    fn a_file_of_another_size_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("master.key");
        for size in [0, 31, 33] {
            fs::write(&path, vec![7; size]).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(matches!(MasterKey::load(&path), Err(MasterKeyError::Malformed(_))));
        }
    }

    #[test]
    fn debug_shows_only_the_id() {
        let key = MasterKey::from_bytes(&[9; 32]);
        assert_eq!(format!("{key:?}"), format!("MasterKey {{ id: {:?}, .. }}", key.id()));
    }
}
