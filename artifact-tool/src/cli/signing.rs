//! What signs: a key in a file, a program, or a hardware module.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use artifact::{KeyError, Signer, VerifyingKey, signature};

use super::pkcs11::{self, TokenKey};
use super::{Failure, files};

/// Where the signature comes from.
#[derive(Debug, clap::Args)]
#[group(id = "signing")]
pub(crate) struct Args {
    /// Private key to sign with: a file in PEM form (PKCS#1, SEC1, PKCS#8, encrypted PKCS#8), or a key in a token as
    /// pkcs11: URI
    #[arg(short, long, alias = "key-pkcs11", value_name = "KEY", group = "signer")]
    key: Option<PathBuf>,
    /// File with the passphrase of the key [default: `SEALIFT_KEY_PASSPHRASE`, else the terminal is asked]
    #[arg(long, value_name = "FILE", requires = "key")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    module: pkcs11::Module,
    /// Command that gets the manifest on its standard input and prints the raw signature
    #[arg(long, value_name = "COMMAND", group = "signer")]
    signer_command: Option<String>,
    /// Public key that a new signature must fit
    #[arg(long, value_name = "PUB")]
    verify_key: Option<PathBuf>,
    #[command(flatten)]
    cloud: Cloud,
}

/// Services of others that the original tool calls by itself.
#[derive(Debug, clap::Args)]
#[group(id = "cloud")]
pub(crate) struct Cloud {
    /// Not called; see --signer-command
    #[arg(long, hide = true, value_name = "KEY")]
    gcp_kms_key: Option<String>,
    /// Not called; see --signer-command
    #[arg(long, hide = true, value_name = "KEY")]
    vault_transit_key: Option<String>,
    /// Not called; see --signer-command
    #[arg(long, hide = true, value_name = "KEY")]
    azure_key: Option<String>,
    /// Not called; see --signer-command
    #[arg(long, hide = true, value_name = "KEY")]
    keyfactor_signserver_worker: Option<String>,
}

impl Cloud {
    /// Refuses keys of services with what to do instead.
    pub(super) fn refuse(&self, instead: &str) -> Result<(), Failure> {
        let given = [
            (&self.gcp_kms_key, "--gcp-kms-key"),
            (&self.vault_transit_key, "--vault-transit-key"),
            (&self.azure_key, "--azure-key"),
            (&self.keyfactor_signserver_worker, "--keyfactor-signserver-worker"),
        ];
        match given.into_iter().find(|(value, _)| value.is_some()) {
            Some((_, flag)) => Err(Failure::usage(format!("{flag} is not supported; {instead}"))),
            None => Ok(()),
        }
    }
}

impl Args {
    /// Returns what signs, if something was named.
    pub(super) fn signer(&self) -> Result<Option<Box<dyn Signer>>, Failure> {
        self.cloud.refuse(
            "let --signer-command call the service, or attach a signature with `sign --signature FILE`",
        )?;
        let signer: Option<Box<dyn Signer>> = match (&self.key, &self.signer_command) {
            (Some(uri), _) if pkcs11::is_uri(uri) => Some(Box::new(TokenKey::open(uri, &self.module)?)),
            (Some(path), _) => Some(Box::new(files::signing_key(path, self.passphrase_file.as_deref())?)),
            (None, Some(command)) => Some(Box::new(External { command: command.clone() })),
            (None, None) => None,
        };
        Ok(match (signer, self.verify_key()?) {
            (Some(inner), Some(key)) => Some(Box::new(Checked { inner, key })),
            (signer, _) => signer,
        })
    }

    /// Returns the key that new signatures must fit.
    pub(super) fn verify_key(&self) -> Result<Option<VerifyingKey>, Failure> {
        self.verify_key.as_deref().map(files::verifying_key).transpose()
    }
}

/// A program that signs.
struct External {
    command: String,
}

impl Signer for External {
    fn sign(&self, manifest: &[u8]) -> Result<Vec<u8>, KeyError> {
        let failed = |why: String| KeyError::External(format!("the signer command {why}"));
        let start = || -> std::io::Result<std::process::Output> {
            let mut child = Command::new("sh")
                .args(["-c", &self.command])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()?;
            let manifest = manifest.to_vec();
            // A program that prints before it has read everything would wait for us, and we for it.
            let feeder =
                child.stdin.take().map(|mut stdin| std::thread::spawn(move || stdin.write_all(&manifest)));
            let output = child.wait_with_output();
            // Whether it wanted all of the manifest is its own affair.
            let _written = feeder.map(std::thread::JoinHandle::join);
            output
        };
        let output = start().map_err(|error| failed(format!("could not be started: {error}")))?;
        if !output.status.success() {
            return Err(failed(format!("failed with {}", output.status)));
        }
        if output.stdout.is_empty() {
            return Err(failed("printed nothing".to_owned()));
        }
        Ok(signature::normalize(output.stdout))
    }
}

/// A signer whose signatures are verified before they are used.
struct Checked {
    inner: Box<dyn Signer>,
    key: VerifyingKey,
}

impl Signer for Checked {
    fn sign(&self, manifest: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = self.inner.sign(manifest)?;
        if self.key.verifies(manifest, &signature) { Ok(signature) } else { Err(KeyError::Mismatch) }
    }
}
