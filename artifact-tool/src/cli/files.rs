//! Files named on the command line.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use artifact::{Algorithm, KeyError, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use super::{Failure, print};

/// Largest key file; RSA of 4096 bits takes about 3 KiB.
const MAX_KEY: u64 = 64 * 1024;

pub(super) fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| Failure::unreachable(path, &error))
}

/// Opens an artifact, standard input for `-`; its size is known if it is a regular file.
pub(super) fn artifact(path: &Path) -> Result<(Box<dyn Read>, Option<u64>), Failure> {
    if path.as_os_str() == "-" {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let file = open(path)?;
    let metadata = file.metadata().map_err(|error| Failure::unreachable(path, &error))?;
    Ok((Box::new(file), metadata.is_file().then_some(metadata.len())))
}

/// Reads a whole small file.
pub(super) fn bytes(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let (mut file, _) = artifact(path)?;
    file.by_ref()
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::unreachable(path, &error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        Ok(bytes)
    } else {
        Err(Failure::usage(format!("{} is larger than {limit} bytes", path.display())))
    }
}

/// The variable with the passphrase of the signing key.
const PASSPHRASE: &str = "SEALIFT_KEY_PASSPHRASE";

/// Reads a private key, with a warning if no Mender client will accept what it signs.
///
/// The passphrase of an encrypted one comes from a file, a variable or the terminal.
pub(super) fn signing_key(path: &Path, passphrase: Option<&Path>) -> Result<SigningKey, Failure> {
    let pem = Zeroizing::new(pem(path)?);
    let key = match SigningKey::from_pem(&pem) {
        Err(KeyError::Encrypted) => SigningKey::from_encrypted_pem(&pem, &passphrase_of(path, passphrase)?),
        other => other,
    };
    let key = key.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    if key.algorithm() == Algorithm::Ed25519 {
        print::warning("no Mender client accepts Ed25519 signatures, they are an extension");
    }
    Ok(key)
}

/// Reads a public key.
pub(super) fn verifying_key(path: &Path) -> Result<VerifyingKey, Failure> {
    VerifyingKey::from_pem(&pem(path)?)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

fn passphrase_of(key: &Path, file: Option<&Path>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if let Some(file) = file {
        let mut text = Zeroizing::new(bytes(file, MAX_KEY)?);
        let length = text.trim_ascii_end().len();
        text.truncate(length);
        return Ok(text);
    }
    let text = secret(PASSPHRASE, &format!("Passphrase of {}", key.display()), || {
        let (key, why) = (key.display(), KeyError::Encrypted);
        Failure::usage(format!("{key}: {why}: give --passphrase-file or {PASSPHRASE}"))
    })?;
    Ok(Zeroizing::new(text.as_bytes().to_vec()))
}

/// Takes a secret from a variable, or asks for it on the terminal; without one it is missing.
pub(super) fn secret(
    variable: &str,
    prompt: &str,
    missing: impl FnOnce() -> Failure,
) -> Result<Zeroizing<String>, Failure> {
    if let Ok(text) = std::env::var(variable) {
        return Ok(Zeroizing::new(text));
    }
    if !io::stdin().is_terminal() {
        return Err(missing());
    }
    rpassword::prompt_password(format!("{prompt}: "))
        .map(Zeroizing::new)
        .map_err(|error| Failure::usage(format!("failed to read a secret: {error}")))
}

fn pem(path: &Path) -> Result<String, Failure> {
    String::from_utf8(bytes(path, MAX_KEY)?)
        .map_err(|_| Failure::usage(format!("{} is not a key in PEM form", path.display())))
}
