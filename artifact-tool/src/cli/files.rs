//! Files named on the command line.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use artifact::{Algorithm, SigningKey, VerifyingKey};

use super::{Failure, print};

/// Largest key file; RSA of 4096 bits takes about 3 KiB.
const MAX_KEY: u64 = 64 * 1024;

pub(super) fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| Failure::unreachable(path, &error))
}

/// Opens an artifact; its size is known if it is a regular file.
pub(super) fn artifact(path: &Path) -> Result<(File, Option<u64>), Failure> {
    let file = open(path)?;
    let metadata = file.metadata().map_err(|error| Failure::unreachable(path, &error))?;
    Ok((file, metadata.is_file().then_some(metadata.len())))
}

/// Reads a whole small file.
pub(super) fn bytes(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    open(path)?
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::unreachable(path, &error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        Ok(bytes)
    } else {
        Err(Failure::usage(format!("{} is larger than {limit} bytes", path.display())))
    }
}

/// Reads a private key, with a warning if no Mender client will accept what it signs.
pub(super) fn signing_key(path: &Path) -> Result<SigningKey, Failure> {
    let pem = zeroize::Zeroizing::new(pem(path)?);
    let key =
        SigningKey::from_pem(&pem).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    if key.algorithm() == Algorithm::Ed25519 {
        print::warning("no Mender client accepts Ed25519 signatures, they are an extension");
    }
    Ok(key)
}

/// Reads public keys.
pub(super) fn verifying_keys(paths: &[PathBuf]) -> Result<Vec<VerifyingKey>, Failure> {
    paths
        .iter()
        .map(|path| {
            VerifyingKey::from_pem(&pem(path)?)
                .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
        })
        .collect()
}

fn pem(path: &Path) -> Result<String, Failure> {
    String::from_utf8(bytes(path, MAX_KEY)?)
        .map_err(|_| Failure::usage(format!("{} is not a key in PEM form", path.display())))
}
