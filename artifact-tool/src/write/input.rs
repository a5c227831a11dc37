use std::fs::File;
use std::io::{self, Cursor, Read};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::WriteError;

/// A file that goes into an artifact, read when it is written.
#[derive(Clone, Debug)]
pub struct InputFile {
    name: String,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Path(PathBuf),
    Bytes(Vec<u8>),
    Open(Arc<File>),
}

/// An opened input.
pub(super) struct Opened<'a> {
    pub(super) reader: Box<dyn Read + 'a>,
    pub(super) size: u64,
    pub(super) is_executable: bool,
}

impl InputFile {
    /// Takes the file at `path`, under its own name.
    ///
    /// # Errors
    ///
    /// [`WriteError::Input`] if the path has no file name in UTF-8.
    pub fn path(path: impl Into<PathBuf>) -> Result<Self, WriteError> {
        let path = path.into();
        let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let name = name.ok_or_else(|| WriteError::Input(format!("{} has no file name", path.display())))?;
        Ok(Self { name, content: Content::Path(path) })
    }

    /// Takes `contents` under `name`.
    #[must_use]
    pub fn bytes(name: impl Into<String>, contents: Vec<u8>) -> Self {
        Self { name: name.into(), content: Content::Bytes(contents) }
    }

    /// Takes an open regular file, from its beginning, under `name`.
    #[must_use]
    pub fn file(name: impl Into<String>, file: File) -> Self {
        Self { name: name.into(), content: Content::Open(Arc::new(file)) }
    }

    /// Returns the name that it gets in the artifact.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn open(&self) -> Result<Opened<'_>, WriteError> {
        match &self.content {
            Content::Path(path) => open(path),
            Content::Bytes(bytes) => Ok(Opened {
                size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
                reader: Box::new(Cursor::new(bytes)),
                is_executable: false,
            }),
            Content::Open(file) => Ok(Opened {
                size: file.metadata().map_err(|source| self.read_error(source))?.len(),
                reader: Box::new(FromStart { file, position: 0 }),
                is_executable: false,
            }),
        }
    }

    pub(super) fn read_error(&self, source: std::io::Error) -> WriteError {
        let path = match &self.content {
            Content::Path(path) => path.clone(),
            Content::Bytes(_) | Content::Open(_) => PathBuf::from(&self.name),
        };
        WriteError::Read { path, source }
    }
}

/// Reads a file from its beginning, wherever its own position is.
struct FromStart<'a> {
    file: &'a File,
    position: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buf, self.position)?;
        self.position += u64::try_from(read).unwrap_or_default();
        Ok(read)
    }
}

fn open(path: &Path) -> Result<Opened<'_>, WriteError> {
    let failed = |source| WriteError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(WriteError::Input(format!("{} is not a regular file", path.display())));
    }
    Ok(Opened {
        size: metadata.len(),
        is_executable: metadata.permissions().mode() & 0o100 != 0,
        reader: Box::new(file),
    })
}
