//! Signing of a finished artifact: `manifest.sig` is put in, everything else is copied as it is.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::description::{Artifact, Member};
use crate::digest::{Digest, Hasher};
use crate::key::{KeyError, Signer};
use crate::limits::Limits;
use crate::read::{ReadError, ReadOptions, read};
use crate::signature;
use crate::tar::{Meta, TarWriter};
use crate::write::{WriteError, replace};

/// What happens to a signature that is there already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Existing {
    /// Signing is refused.
    Keep,
    /// It is replaced.
    Replace,
}

/// Why an artifact was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// It is not an acceptable artifact.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It has a signature.
    #[error("the artifact is signed already")]
    AlreadySigned,
    /// It changed between checking and copying.
    #[error("the artifact changed while it was being signed")]
    Changed,
    /// The key does not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The input could not be opened or read.
    #[error("failed to read {}", path.display())]
    Input {
        /// File, or what it is.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The output could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The output could not be written.
    #[error("failed to write the signed artifact")]
    Output(#[source] io::Error),
}

/// Signs the artifact in the file `input` and puts the result in the place of `output`, which may be the same.
pub fn sign_file(input: &Path, output: &Path, key: &dyn Signer, existing: Existing) -> Result<(), SignError> {
    let failed = |source| SignError::Input { path: input.to_owned(), source };
    let file = File::open(input).map_err(failed)?;
    // A symbolic link stays one: what it names is replaced.
    let output = output.canonicalize().unwrap_or_else(|_| output.to_owned());
    replace(&output, |writer| sign(BufReader::new(file), writer, key, existing))
}

/// Returns the exact bytes of the manifest of the artifact in the file `path`, which is checked whole: what a
/// signature covers.
pub fn manifest(path: &Path) -> Result<Vec<u8>, SignError> {
    let failed = |source| SignError::Input { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let artifact = read(&file, &ReadOptions { allow_augmented: true, ..ReadOptions::default() })?;
    manifest_bytes(&artifact, &mut file)
}

/// Signs the artifact in `input`, which is checked whole first, and writes the result to `output`.
pub fn sign<R: Read + Seek>(
    mut input: R,
    mut output: impl Write,
    key: &dyn Signer,
    existing: Existing,
) -> Result<(), SignError> {
    let options = ReadOptions { allow_augmented: true, fingerprints: true, ..ReadOptions::default() };
    let artifact = read(&mut input, &options)?;
    if artifact.header.signature.is_some() && existing == Existing::Keep {
        return Err(SignError::AlreadySigned);
    }
    let manifest = manifest_bytes(&artifact, &mut input)?;
    let signature = signature::render(&key.sign(&manifest)?);

    input.seek(SeekFrom::Start(0)).map_err(read_failed)?;
    let mut copy = Copy { input, output: &mut output, hasher: Hasher::new() };
    for member in &artifact.members {
        copy.part(member.end - member.start, member.name != "manifest.sig")?;
        if member.name == "manifest" {
            let mut tar = TarWriter::new(&mut *copy.output);
            let meta = Meta { mode: 0o600, mtime: 0 };
            tar.file("manifest.sig", meta, signature.as_bytes()).map_err(SignError::Output)?;
        }
    }
    let end = artifact.members.last().map_or(0, |member| member.end);
    copy.part(artifact.size - end, false)?;
    if Some(copy.hasher.finish()) != artifact.sha256 {
        return Err(SignError::Changed);
    }
    TarWriter::new(&mut output).finish().map_err(SignError::Output)?;
    output.flush().map_err(SignError::Output)
}

/// Reads the exact bytes of `manifest` again, and compares them with what was checked.
fn manifest_bytes<R: Read + Seek>(artifact: &Artifact, input: &mut R) -> Result<Vec<u8>, SignError> {
    let is_manifest = |member: &&Member| member.name == "manifest";
    let member = artifact.members.iter().find(is_manifest).ok_or(SignError::Changed)?;
    let padded = member.size.next_multiple_of(512);
    let start = member.end.saturating_sub(padded);
    input.seek(SeekFrom::Start(start)).map_err(read_failed)?;
    let mut bytes = Vec::new();
    input.take(member.size.min(Limits::default().manifest)).read_to_end(&mut bytes).map_err(read_failed)?;
    if Digest::of(&bytes) == artifact.header.manifest_sha256 { Ok(bytes) } else { Err(SignError::Changed) }
}

struct Copy<R, W> {
    input: R,
    output: W,
    hasher: Hasher,
}

impl<R: Read, W: Write> Copy<R, W> {
    /// Takes the next `length` bytes, and copies them or leaves them out.
    fn part(&mut self, length: u64, is_copied: bool) -> Result<(), SignError> {
        let mut left = length;
        let mut buffer = vec![0; 64 * 1024];
        while left > 0 {
            let limit = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let read = self.input.read(buffer.get_mut(..limit).unwrap_or_default()).map_err(read_failed)?;
            let bytes = buffer.get(..read).unwrap_or_default();
            if bytes.is_empty() {
                return Err(SignError::Changed);
            }
            self.hasher.update(bytes);
            if is_copied {
                self.output.write_all(bytes).map_err(SignError::Output)?;
            }
            left -= u64::try_from(read).unwrap_or_default();
        }
        Ok(())
    }
}

fn read_failed(source: io::Error) -> SignError {
    SignError::Input { path: PathBuf::from("the artifact"), source }
}
