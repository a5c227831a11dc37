use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::copy::SigningCopy;
use crate::description::Member;
use crate::digest::Digest;
use crate::key::{KeyError, Signer};
use crate::limits::Limits;
use crate::read::{Discard, ReadError, ReadOptions, Reader, read};
use crate::signature;
use crate::tar::{BLOCK, Meta, TarWriter};
use crate::write::{WriteError, replace};

/// Bytes that are read at once.
const BUFFER: usize = 256 * 1024;

/// What happens to a signature that is there already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Existing {
    /// Signing is refused.
    Keep,
    /// It is replaced.
    Replace,
}

/// What is done with payloads. A signature covers their digests, not their bytes: who installs them compares.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Payloads {
    /// They are copied as they are stored.
    Copied,
    /// They are unpacked and compared with their digests as well.
    Checked,
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
pub fn sign_file(
    input: &Path,
    output: &Path,
    key: &dyn Signer,
    existing: Existing,
    payloads: Payloads,
) -> Result<(), SignError> {
    let failed = |source| SignError::Input { path: input.to_owned(), source };
    let file = File::open(input).map_err(failed)?;
    // A symbolic link stays one: what it names is replaced.
    let output = output.canonicalize().unwrap_or_else(|_| output.to_owned());
    replace(&output, |writer| sign(BufReader::with_capacity(BUFFER, file), writer, key, existing, payloads))
}

/// Returns the exact bytes of the manifest of the artifact in the file `path`, which is checked whole: what a
/// signature covers.
pub fn manifest(path: &Path) -> Result<Vec<u8>, SignError> {
    let failed = |source| SignError::Input { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let artifact = read(&file, &ReadOptions { allow_augmented: true, ..ReadOptions::default() })?;
    manifest_bytes(&artifact.members, artifact.header.manifest_sha256, &mut file)
}

/// Signs the artifact in `input` and writes the result to `output`; what was written is void if this returns an error.
pub fn sign<R: Read + Seek>(
    mut input: R,
    mut output: impl Write,
    key: &dyn Signer,
    existing: Existing,
    payloads: Payloads,
) -> Result<(), SignError> {
    let options = ReadOptions { allow_augmented: true, ..ReadOptions::default() };
    let front = Reader::open(&mut input, &options)?;
    if front.header().signature.is_some() && existing == Existing::Keep {
        return Err(SignError::AlreadySigned);
    }
    let digest = front.header().manifest_sha256;
    let before = signed_part(front.members());
    let end = match payloads {
        Payloads::Copied => Some(end_of(&front.pass_over_payloads()?)),
        Payloads::Checked => None,
    };
    let manifest = manifest_bytes(&before, digest, &mut input)?;
    let mut member = Vec::new();
    let signature = signature::render(&key.sign(&manifest)?);
    let meta = Meta { mode: 0o600, mtime: 0 };
    TarWriter::new(&mut member)
        .file("manifest.sig", meta, signature.as_bytes())
        .map_err(SignError::Output)?;
    input.seek(SeekFrom::Start(0)).map_err(read_failed)?;
    match end {
        Some(end) => copy(&mut input, &mut output, &Places { before: &before, end }, &manifest, &member)?,
        None => copy_checked(input, &mut output, &before, digest, member)?,
    }
    TarWriter::new(&mut output).finish().map_err(SignError::Output)?;
    output.flush().map_err(SignError::Output)
}

/// Where things are in the input.
struct Places<'a> {
    /// The members up to the old signature.
    before: &'a [Member],
    /// Where the last member ends.
    end: u64,
}

/// Copies everything but the old signature, and puts the new one in its place.
fn copy<R: Read + Seek>(
    input: &mut R,
    output: &mut impl Write,
    places: &Places<'_>,
    manifest: &[u8],
    member: &[u8],
) -> Result<(), SignError> {
    let end = |name: &str| places.before.iter().find(|member| member.name == name).map(|member| member.end);
    let insert_at = end("manifest").ok_or(SignError::Changed)?;
    let mut front = Vec::new();
    input.by_ref().take(insert_at).read_to_end(&mut front).map_err(read_failed)?;
    // It is the last member of the front, between its header and its padding.
    let start = front.len().saturating_sub(manifest.len().next_multiple_of(BLOCK));
    if !front.get(start..).is_some_and(|rest| rest.starts_with(manifest)) {
        return Err(SignError::Changed);
    }
    output.write_all(&front).and_then(|()| output.write_all(member)).map_err(SignError::Output)?;
    let from = end("manifest.sig").unwrap_or(insert_at);
    input.seek(SeekFrom::Start(from)).map_err(read_failed)?;
    let length = places.end.saturating_sub(from);
    // Between files the system copies, and which of both failed is not known.
    let copied = io::copy(&mut input.take(length), output).map_err(SignError::Output)?;
    if copied == length { Ok(()) } else { Err(SignError::Changed) }
}

/// Copies while everything is unpacked and compared with its digest, in one pass.
fn copy_checked(
    input: impl Read,
    output: &mut impl Write,
    before: &[Member],
    digest: Digest,
    member: Vec<u8>,
) -> Result<(), SignError> {
    let options = ReadOptions { allow_augmented: true, ..ReadOptions::default() };
    let mut copy = SigningCopy::new(input, output, before, member);
    let read = Reader::open(&mut copy, &options).and_then(|reader| {
        let digest = reader.header().manifest_sha256;
        Ok((digest, reader.payloads(&mut Discard)?.members))
    });
    if let Some(error) = copy.take_failure() {
        return Err(SignError::Output(error));
    }
    let (copied, members) = read?;
    if copied != digest || signed_part(&members) != before {
        return Err(SignError::Changed);
    }
    copy.finish(end_of(&members)).map_err(SignError::Output)
}

fn end_of(members: &[Member]) -> u64 {
    members.last().map_or(0, |member| member.end)
}

/// Returns the members up to the signature, which is where the copy differs.
fn signed_part(members: &[Member]) -> Vec<Member> {
    let is_front = |member: &&Member| matches!(member.name.as_str(), "version" | "manifest" | "manifest.sig");
    members.iter().take_while(is_front).cloned().collect()
}

/// Reads the exact bytes of `manifest` again, and compares them with what was checked.
fn manifest_bytes<R: Read + Seek>(
    members: &[Member],
    digest: Digest,
    input: &mut R,
) -> Result<Vec<u8>, SignError> {
    let is_manifest = |member: &&Member| member.name == "manifest";
    let member = members.iter().find(is_manifest).ok_or(SignError::Changed)?;
    let padded = member.size.next_multiple_of(512);
    let start = member.end.saturating_sub(padded);
    input.seek(SeekFrom::Start(start)).map_err(read_failed)?;
    let mut bytes = Vec::new();
    input.take(member.size.min(Limits::default().manifest)).read_to_end(&mut bytes).map_err(read_failed)?;
    if Digest::of(&bytes) == digest { Ok(bytes) } else { Err(SignError::Changed) }
}

fn read_failed(source: io::Error) -> SignError {
    SignError::Input { path: PathBuf::from("the artifact"), source }
}
