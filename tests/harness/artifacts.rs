//! Artifacts for trials, written by our own tool or by `mender-artifact`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::binaries;
use crate::names::unique;
use crate::process::run_ok;

/// What an artifact is to be.
#[derive(Clone, Debug)]
pub struct ArtifactSpec {
    /// The artifact's name, which is the release's.
    pub name: String,
    /// The device type that it is for.
    pub device_type: String,
    /// The content of its one file.
    pub payload: Vec<u8>,
}

impl ArtifactSpec {
    /// A small module image of type `e2e` with a name of its own.
    pub fn new(device_type: &str) -> Self {
        let name = unique("release");
        let payload = format!("payload of {name}\n").into_bytes();
        Self { name, device_type: device_type.to_owned(), payload }
    }

    /// Sets the name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Sets a payload of this many bytes that no compression makes smaller.
    #[must_use]
    pub fn incompressible(mut self, size: usize) -> Self {
        // xorshift64*: the same bytes in each run, and noise to a compressor.
        let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
        self.payload = std::iter::repeat_with(|| {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes()
        })
        .flatten()
        .take(size)
        .collect();
        self
    }

    /// Writes it with our own tool.
    #[track_caller]
    pub fn write(self) -> ArtifactFile {
        self.write_with(binaries::artifact_tool())
    }

    /// Writes it with `mender-artifact`.
    #[track_caller]
    pub fn write_with_peer(self) -> ArtifactFile {
        self.write_with(Command::new("mender-artifact"))
    }

    fn write_with(self, mut tool: Command) -> ArtifactFile {
        let dir =
            tempfile::Builder::new().prefix("sealift-artifact-").tempdir().expect("a temporary directory");
        let payload = dir.path().join("payload.txt");
        fs::write(&payload, &self.payload).expect("the temporary directory is writable");
        let path = dir.path().join("update.mender");
        run_ok(
            tool.args(["write", "module-image", "-T", "e2e"])
                .args(["-t", &self.device_type, "-n", &self.name, "-f"])
                .arg(&payload)
                .arg("-o")
                .arg(&path),
        );
        ArtifactFile { name: self.name, path, dir }
    }
}

/// An artifact file, removed when dropped.
pub struct ArtifactFile {
    /// The artifact's name.
    pub name: String,
    /// Where the file is.
    pub path: PathBuf,
    dir: TempDir,
}

impl ArtifactFile {
    /// Returns the whole file.
    pub fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).expect("the artifact is readable")
    }

    /// Signs it with our own tool.
    #[track_caller]
    pub fn sign(&self, key: &KeyFiles) {
        run_ok(binaries::artifact_tool().arg("sign").arg("-k").arg(&key.private).arg(&self.path));
    }

    /// Signs it with `mender-artifact`.
    #[track_caller]
    pub fn sign_with_peer(&self, key: &KeyFiles) {
        run_ok(Command::new("mender-artifact").arg("sign").arg("-k").arg(&key.private).arg(&self.path));
    }

    /// Returns the folder of the file, for other files of the trial.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

/// A pair of key files made by `artifact-tool keygen`.
pub struct KeyFiles {
    /// The private key.
    pub private: PathBuf,
    /// The public key, SPKI PEM.
    pub public: PathBuf,
    _dir: TempDir,
}

impl KeyFiles {
    /// Makes a pair of this type: `rsa3072`, `p256` or `ed25519`.
    #[track_caller]
    pub fn generate(kind: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("sealift-key-").tempdir().expect("a temporary directory");
        let prefix = dir.path().join("signing");
        run_ok(binaries::artifact_tool().args(["keygen", "--type", kind, "--out"]).arg(&prefix));
        let private = dir.path().join("signing.private.pem");
        Self { private, public: dir.path().join("signing.public.pem"), _dir: dir }
    }
}
