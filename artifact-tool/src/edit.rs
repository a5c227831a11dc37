//! Changes to a finished artifact: what it says, its compression, its payload file.
//!
//! Everything that is not changed is kept; the payload is copied as it is stored unless it has to be compressed
//! again. The result is unsigned, unless it is signed anew.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::compression::Compression;
use crate::description::{Artifact, Member, PayloadFile};
use crate::digest::Hasher;
use crate::read::{self, PayloadSink, ReadError, ReadOptions, Reader};
use crate::write::{
    self, Blueprint, InputFile, Recompressed, Stored, StoredAdditions, WriteError, WriteOptions,
};

/// An artifact that was read whole and found good, with what a new one will say.
#[derive(Debug)]
pub struct Edit {
    path: PathBuf,
    file: File,
    artifact: Artifact,
    /// What the new artifact says.
    pub blueprint: Blueprint,
}

/// What becomes of the payload.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// Copied as it is stored.
    Kept,
    /// Compressed again.
    Recompressed,
    /// Another file takes the place of the only one; digests among the provides are computed again.
    Replaced(&'a InputFile),
}

/// Why an artifact was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It is not an acceptable artifact.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is not one that can be changed.
    #[error("{0}")]
    Unsupported(&'static str),
    /// It changed between checking and copying.
    #[error("the artifact changed while it was being read")]
    Changed,
    /// The input could not be opened or read.
    #[error("failed to read {}", path.display())]
    Input {
        /// File.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The new artifact is not acceptable, or could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Edit {
    /// Reads the artifact in the file `path`, all of it.
    ///
    /// # Errors
    ///
    /// [`EditError::Unsupported`] unless it has exactly one payload.
    pub fn open(path: &Path) -> Result<Self, EditError> {
        let failed = |source| EditError::Input { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let artifact = read::read(&file, &ReadOptions { size: Some(size), ..options() })?;
        let blueprint = Blueprint::of(&artifact.header)
            .ok_or(EditError::Unsupported("artifacts with several payloads cannot be changed"))?;
        Ok(Self { path: path.to_owned(), file, artifact, blueprint })
    }

    /// Returns the artifact as it was read.
    #[must_use]
    pub const fn artifact(&self) -> &Artifact {
        &self.artifact
    }

    /// Reads the payload again, and hands it to `sink`.
    pub fn extract(&self, sink: &mut impl PayloadSink) -> Result<(), EditError> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0)).map_err(|source| self.failed(source))?;
        let again = Reader::open(file, &options())?.payloads(sink)?;
        if again.sha256 == self.artifact.sha256 { Ok(()) } else { Err(EditError::Changed) }
    }

    /// Puts the changed artifact in the place of `output`, which may be the file that was read.
    pub fn write_file(
        &self,
        output: &Path,
        change: Change<'_>,
        options: &WriteOptions<'_>,
    ) -> Result<(), EditError> {
        // A symbolic link stays one: what it names is replaced.
        let output = output.canonicalize().unwrap_or_else(|_| output.to_owned());
        write::replace(&output, |writer| self.write(writer, Some(&output), change, options))
    }

    /// Writes the changed artifact to `writer`; temporary files lie beside `beside`.
    pub fn write(
        &self,
        writer: impl Write,
        beside: Option<&Path>,
        change: Change<'_>,
        options: &WriteOptions<'_>,
    ) -> Result<(), EditError> {
        let is_augmented = self.artifact.header.manifest_augment.is_some();
        let data = self.artifact.members.iter().find(|member| member.name.starts_with("data/"));
        match (change, data) {
            (Change::Kept, Some(member)) => {
                let stored = Stored {
                    member: Box::new(Unchanged::new(&self.file, member)),
                    compression: compression_of(&member.name),
                    size: member.size,
                    files: &self.artifact.files,
                };
                let additions = if is_augmented { Some(self.additions()?) } else { None };
                write::write_stored(&self.blueprint, stored, additions, writer, options)?;
                Ok(())
            }
            _ if is_augmented => Err(EditError::Unsupported(
                "the payload of an artifact with unsigned additions (augmented) cannot be changed",
            )),
            (Change::Replaced(file), _) => {
                let [old] = self.artifact.files.as_slice() else {
                    return Err(EditError::Unsupported("only a payload of exactly one file can be replaced"));
                };
                if old.name != file.name() {
                    return Err(EditError::Unsupported("the new payload file has another name"));
                }
                write::write_replaced(&self.blueprint, file, beside, writer, options)?;
                Ok(())
            }
            (Change::Kept | Change::Recompressed, _) => {
                let mut recompressed = Recompressed::begin(beside, options)?;
                self.extract(&mut recompressed)?;
                recompressed.write(&self.blueprint, writer, options)?;
                Ok(())
            }
        }
    }

    /// Reads the unsigned members again.
    fn additions(&self) -> Result<StoredAdditions, EditError> {
        let member = |stem: &str| {
            let is_wanted = |member: &&Member| member.name.starts_with(stem);
            let member = self.artifact.members.iter().find(is_wanted).ok_or(EditError::Changed)?;
            let mut bytes = Vec::new();
            Unchanged::new(&self.file, member)
                .read_to_end(&mut bytes)
                .map_err(|source| self.failed(source))?;
            Ok::<_, EditError>((member.name.clone(), bytes))
        };
        let (_, manifest) = member("manifest-augment")?;
        let (header_name, header) = member("header-augment.tar")?;
        Ok(StoredAdditions { manifest, header_name, header })
    }

    fn failed(&self, source: io::Error) -> EditError {
        EditError::Input { path: self.path.clone(), source }
    }
}

fn options() -> ReadOptions {
    ReadOptions { allow_augmented: true, fingerprints: true, scripts: true, ..ReadOptions::default() }
}

fn compression_of(member: &str) -> Compression {
    let suffix = member.rsplit_once(".tar").map_or("", |(_, suffix)| suffix);
    Compression::from_suffix(suffix).unwrap_or(Compression::None)
}

/// The contents of a member; its end is an error if they are not those that were checked.
struct Unchanged<'a> {
    file: &'a File,
    position: u64,
    left: u64,
    hasher: Option<Hasher>,
    expected: &'a Member,
}

impl<'a> Unchanged<'a> {
    fn new(file: &'a File, member: &'a Member) -> Self {
        let position = member.end.saturating_sub(member.size.next_multiple_of(512));
        Self { file, position, left: member.size, hasher: Some(Hasher::new()), expected: member }
    }
}

impl Read for Unchanged<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let limit = buf.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.file.read_at(buf.get_mut(..limit).unwrap_or_default(), self.position)?;
        let length = u64::try_from(read).unwrap_or_default();
        (self.position, self.left) = (self.position + length, self.left - length);
        if read > 0 {
            if let Some(hasher) = &mut self.hasher {
                hasher.update(buf.get(..read).unwrap_or_default());
            }
        } else if !buf.is_empty()
            && let Some(hasher) = self.hasher.take()
            && Some(hasher.finish()) != self.expected.sha256
        {
            return Err(io::Error::other("the artifact changed while it was being read"));
        }
        Ok(read)
    }
}

impl PayloadSink for Recompressed<'_> {
    fn begin(&mut self, file: &PayloadFile) -> io::Result<()> {
        self.begin_file(file)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_bytes(bytes)
    }

    fn end(&mut self, file: &PayloadFile) -> io::Result<()> {
        self.end_file(file)
    }
}
