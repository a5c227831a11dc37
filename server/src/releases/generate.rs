//! Artifacts that the server makes of a file: what consoles offer to who has no tool for that (management API §4.1).
//!
//! They are not signed. A tenant whose policy asks for signatures takes none.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use artifact::write::{Common, InputFile, ModuleImage, Software, WriteError, WriteOptions};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::upload::CHUNKS_IN_FLIGHT;
use super::{Releases, UploadError, UploadRequest};
use crate::ids::ArtifactId;
use crate::storage::blobs::{BlobError, StagedBlob};

/// Bytes that the reader is handed at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// The update module that puts one file in its place.
const MODULE: &str = "single-file";

/// What the file may be on the device: everybody reads it, its owner writes it.
const PERMISSIONS: &str = "644";

/// An artifact that is to be made of a file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Recipe {
    /// Its name: that of its release.
    pub name: String,
    /// What is said of it.
    pub description: String,
    /// The device types that may install it, at least one.
    pub device_types: Vec<String>,
    /// The name that the file has on the device.
    pub file_name: String,
    /// The folder that it is put into, from the root.
    pub folder: String,
    /// First part of the key that records the version; `rootfs-image` without.
    pub software_filesystem: Option<String>,
    /// Second part of that key; the name of the update module without.
    pub software_name: Option<String>,
    /// The version; the artifact's name without.
    pub software_version: Option<String>,
}

/// Why no artifact was made.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The recipe cannot be followed.
    #[error("{0}")]
    Recipe(&'static str),
    /// The result would not be an acceptable artifact.
    #[error("no artifact can be made of this: {0}")]
    Refused(String),
    /// It would be larger than allowed, was refused like an upload, or could not be stored.
    #[error(transparent)]
    Upload(#[from] UploadError),
}

/// A file on its way in, of which an artifact is to be made. Dropped before its end, it leaves nothing behind.
pub struct RawFile {
    releases: Releases,
    recipe: Recipe,
    max_bytes: u64,
    staged: StagedBlob,
}

impl Recipe {
    fn check(&self) -> Result<(), GenerateError> {
        if self.device_types.is_empty() {
            return Err(GenerateError::Recipe("device_types_compatible: name at least one device type"));
        }
        let is_line = |text: &str| !text.is_empty() && !text.contains(['\n', '\r', '\0']);
        if !is_line(&self.file_name) || self.file_name.contains('/') {
            return Err(GenerateError::Recipe("args: filename must be the name of a file, without a folder"));
        }
        if !is_line(&self.folder) || !self.folder.starts_with('/') {
            return Err(GenerateError::Recipe("args: dest_dir must be the path of a folder from the root"));
        }
        Ok(())
    }

    fn image(&self, file: File) -> ModuleImage {
        let line = |name: &str, text: &str| InputFile::bytes(name, format!("{text}\n").into_bytes());
        ModuleImage {
            common: Common {
                software: Software {
                    filesystem: self.software_filesystem.clone(),
                    name: self.software_name.clone(),
                    version: self.software_version.clone(),
                    ..Software::default()
                },
                ..Common::new(self.name.as_str(), self.device_types.iter().map(String::as_str))
            },
            payload_type: MODULE.to_owned(),
            files: vec![
                InputFile::file(self.file_name.as_str(), file),
                line("dest_dir", &self.folder),
                line("filename", &self.file_name),
                line("permissions", PERMISSIONS),
            ],
            ..ModuleImage::default()
        }
    }
}

impl Releases {
    /// Begins to make an artifact of a file that is about to arrive.
    pub async fn generate(&self, recipe: Recipe, max_bytes: u64) -> Result<RawFile, GenerateError> {
        recipe.check()?;
        let blobs = self.blobs.clone();
        let staged = blocking(move || blobs.stage()).await?;
        Ok(RawFile { releases: self.clone(), recipe, max_bytes, staged })
    }
}

impl RawFile {
    /// Takes the next bytes of the file.
    pub async fn write(self, chunk: Bytes) -> Result<Self, GenerateError> {
        let Self { releases, recipe, max_bytes, mut staged } = self;
        let staged = blocking(move || staged.append(&chunk).map(|()| staged)).await?;
        if staged.size() > max_bytes {
            return Err(UploadError::TooLarge { limit: max_bytes }.into());
        }
        Ok(Self { releases, recipe, max_bytes, staged })
    }

    /// Makes the artifact after the last byte, and stores it as if it had been uploaded.
    pub async fn finish(self) -> Result<ArtifactId, GenerateError> {
        let Self { releases, recipe, max_bytes, staged } = self;
        let mut upload = releases
            .upload(UploadRequest {
                id: None,
                description: recipe.description.clone(),
                declared_size: None,
                max_bytes,
            })
            .await?;
        let (sender, mut made) = mpsc::channel(CHUNKS_IN_FLIGHT);
        let temporary = releases.blobs.staging();
        let writer = spawn_blocking(move || write(&recipe, &staged, sender, &temporary, max_bytes));
        while let Some(chunk) = made.recv().await {
            upload.write(chunk).await?;
        }
        writer.await.map_err(|_| UploadError::Interrupted)??;
        Ok(upload.finish().await?)
    }
}

fn write(
    recipe: &Recipe,
    staged: &StagedBlob,
    sender: mpsc::Sender<Bytes>,
    temporary: &Path,
    max_bytes: u64,
) -> Result<(), GenerateError> {
    let file = staged.reopen().map_err(UploadError::from)?;
    let options =
        WriteOptions { temporary: Some(temporary), max_size: Some(max_bytes), ..WriteOptions::default() };
    let output = io::BufWriter::with_capacity(CHUNK_BYTES, Sending(sender));
    recipe.image(file).write(output, &options).map_err(|err| match err {
        WriteError::Refused(rule) => GenerateError::Refused(rule.to_string()),
        WriteError::Input(text) => GenerateError::Refused(text),
        WriteError::TooLarge(limit) => UploadError::TooLarge { limit }.into(),
        WriteError::Read { source, .. } | WriteError::Output { source, .. } => {
            UploadError::from(BlobError::of("make an artifact", source)).into()
        }
        // Nothing is signed.
        WriteError::Key(err) => GenerateError::Refused(err.to_string()),
    })
}

/// Hands on what is written. Its reader is gone once the upload was refused, which tells why by itself.
struct Sending(mpsc::Sender<Bytes>);

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Bytes::copy_from_slice(bytes));
        sent.map_err(|_| io::Error::other("the upload was refused"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, GenerateError> {
    let done = spawn_blocking(work).await.map_err(|_| UploadError::Interrupted)?;
    Ok(done.map_err(UploadError::from)?)
}

#[cfg(test)]
mod tests {
    use super::{GenerateError, Recipe};

    #[test]
    fn recipes_that_cannot_be_followed_are_refused() {
        let good = Recipe {
            name: "r".to_owned(),
            device_types: vec!["board".to_owned()],
            file_name: "app.conf".to_owned(),
            folder: "/etc".to_owned(),
            ..Recipe::default()
        };
        assert!(good.check().is_ok());
        for bad in [
            Recipe { device_types: Vec::new(), ..good.clone() },
            Recipe { file_name: String::new(), ..good.clone() },
            Recipe { file_name: "../shadow".to_owned(), ..good.clone() },
            Recipe { file_name: "a\nb".to_owned(), ..good.clone() },
            Recipe { folder: "etc".to_owned(), ..good.clone() },
            Recipe { folder: "/etc\n/root".to_owned(), ..good },
        ] {
            assert!(matches!(bad.check(), Err(GenerateError::Recipe(_))), "{bad:?}");
        }
    }
}
