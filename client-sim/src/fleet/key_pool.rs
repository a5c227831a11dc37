//! Keys of a fleet: made in parallel, kept in one file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;

use super::progress::Progress;
use super::state_file::write_private;
use crate::device::{DeviceKey, KeyError, KeyType};

/// Why a fleet has no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyPoolError {
    /// The file of keys cannot be read or written.
    #[error("failed to access the key file {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A key in the file is damaged.
    #[error("key {index} of {} is not usable", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Position, from 1.
        index: usize,
    },
    /// A key could not be made.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Returns `wanted` distinct keys; those that are missing in `dir` are made and added to it. Blocks.
pub(super) fn load_or_generate(
    dir: Option<&Path>,
    key_type: KeyType,
    wanted: usize,
    progress: &Progress,
) -> Result<Vec<Arc<DeviceKey>>, KeyPoolError> {
    progress.want_keys(wanted);
    let path = dir.map(|dir| dir.join(format!("keys-{key_type}.pem")));
    let mut keys = match &path {
        Some(path) => load(path, key_type, wanted, progress)?,
        None => Vec::new(),
    };
    if keys.len() < wanted {
        keys.extend(generate(key_type, wanted - keys.len(), progress)?);
        if let Some(path) = path {
            save(&path, &keys)?;
        }
    }
    Ok(keys.into_iter().map(Arc::new).collect())
}

fn load(
    path: &Path,
    key_type: KeyType,
    wanted: usize,
    progress: &Progress,
) -> Result<Vec<DeviceKey>, KeyPoolError> {
    let pem = match std::fs::read(path) {
        Ok(pem) => pem,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(KeyPoolError::File { path: path.to_owned(), source }),
    };
    let damaged = |position: usize| KeyPoolError::Damaged { path: path.to_owned(), index: position + 1 };
    PrivatePkcs8KeyDer::pem_slice_iter(&pem)
        .take(wanted)
        .enumerate()
        .map(|(position, der)| {
            let der = der.map_err(|_| damaged(position))?;
            let key =
                DeviceKey::from_pkcs8(key_type, der.secret_pkcs8_der()).map_err(|_| damaged(position))?;
            progress.key_ready();
            Ok(key)
        })
        .collect()
}

/// One thread a core; RSA is the whole start-up time of a new fleet.
fn generate(key_type: KeyType, count: usize, progress: &Progress) -> Result<Vec<DeviceKey>, KeyError> {
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get).min(count);
    let taken = AtomicUsize::new(0);
    let made = Mutex::new(Vec::with_capacity(count));
    let failure = Mutex::new(None);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while taken.fetch_add(1, Ordering::Relaxed) < count {
                    match DeviceKey::generate(key_type) {
                        Ok(key) => made.lock().unwrap_or_else(PoisonError::into_inner).push(key),
                        Err(err) => {
                            *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(err);
                            return;
                        }
                    }
                    progress.key_ready();
                }
            });
        }
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(err) => Err(err),
        None => Ok(made.into_inner().unwrap_or_else(PoisonError::into_inner)),
    }
}

fn save(path: &Path, keys: &[DeviceKey]) -> Result<(), KeyPoolError> {
    let mut pem = String::new();
    for key in keys {
        pem.push_str(&key.to_private_pem()?);
    }
    write_private(path, pem.as_bytes()).map_err(|source| KeyPoolError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::{KeyType, Progress, load_or_generate};

    #[test]
    fn keys_are_kept_and_only_missing_ones_are_made() {
        let dir = tempfile::tempdir().unwrap();
        let progress = Progress::new();
        let pems = |count| -> Vec<String> {
            load_or_generate(Some(dir.path()), KeyType::P256, count, &progress)
                .unwrap()
                .iter()
                .map(|key| key.public_key_pem().to_owned())
                .collect()
        };
        let two = pems(2);
        let three = pems(3);
        assert_eq!(three[..2], two[..]);
        assert_eq!(pems(1)[..], two[..1]);
        assert_eq!(pems(3), three);
    }
}
