//! Images, taken out of their artifact and put back.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use artifact::compression::Encoding;
use artifact::edit::{Change, Edit};
use artifact::read::PayloadSink;
use artifact::write::{InputFile, WriteOptions};
use artifact::{PayloadFile, Signer};
use tempfile::NamedTempFile;

use super::super::{Failure, resign};
use super::debugfs::FileSystem;

/// Where the superblock's magic number is, and which (`Documentation/filesystems/ext4`).
const MAGIC_AT: u64 = 1080;
const MAGIC: [u8; 2] = [0x53, 0xef];

/// Flags of commands that change a file in an image.
#[derive(Debug, clap::Args)]
#[group(id = "output")]
pub(crate) struct Output {
    #[command(flatten)]
    pub(in crate::cli) resign: resign::Args,
    /// Compress the artifact with this [default: as it was]
    #[arg(long, value_name = "KIND[:LEVEL]")]
    pub(in crate::cli) compression: Option<Encoding>,
    /// Threads that compress, 0 for one a processor; the artifact does not depend on it
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(in crate::cli) jobs: usize,
    /// Time of the files in the artifact, in seconds since 1970
    #[arg(long, env = "SOURCE_DATE_EPOCH", default_value_t = 0, value_name = "SECONDS")]
    pub(in crate::cli) mtime: u64,
    /// Folder for temporary files [default: that of the artifact]
    #[arg(long, value_name = "FOLDER")]
    pub(in crate::cli) tmp: Option<PathBuf>,
}

/// A copy of a file system that can be worked on.
struct Opened {
    copy: NamedTempFile,
    edit: Option<Edit>,
}

/// Lets `read` look at the file system in an image.
pub(super) fn look<T>(
    image: &Path,
    read: impl FnOnce(&FileSystem) -> Result<T, Failure>,
) -> Result<T, Failure> {
    if !is_artifact(image) {
        let mut file = File::open(image).map_err(|error| Failure::unreachable(image, &error))?;
        need_file_system(&mut file, image)?;
        return read(&FileSystem::new(image.to_owned()));
    }
    let opened = Opened::extract(image, None)?;
    read(&opened.file_system())
}

/// Lets `change` change the file system in an image, which is replaced when that went well, and signed again.
pub(super) fn change(
    image: &Path,
    output: &Output,
    change: impl FnOnce(&FileSystem) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let folder = output.tmp.as_deref();
    if !is_artifact(image) {
        let opened = Opened::copy(image)?;
        change(&opened.file_system())?;
        opened.file_system().check()?;
        return opened.replace(image);
    }
    let opened = Opened::extract(image, folder)?;
    let Some(edit) = &opened.edit else { return Ok(()) };
    let signer = output.resign.signer(edit.artifact())?;
    change(&opened.file_system())?;
    opened.file_system().check()?;
    let options = WriteOptions {
        encoding: output.compression.unwrap_or_else(|| Encoding::usual(edit.artifact().header.compression)),
        ..output.options(signer.as_deref())
    };
    put_back(edit, opened.copy.as_file(), image, &options)
}

/// Changes the file system in the payload of `edit`, and writes the artifact with the new payload to `path`.
pub(super) fn change_payload(
    edit: &Edit,
    path: &Path,
    options: &WriteOptions<'_>,
    change: impl FnOnce(&FileSystem) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let copy = extract(edit, options.temporary.unwrap_or_else(|| folder_of(path)))?;
    let file_system = FileSystem::new(copy.path().to_owned());
    change(&file_system)?;
    file_system.check()?;
    put_back(edit, copy.as_file(), path, options)
}

/// Returns true if the only payload file of an artifact is a file system that can be changed.
pub(in crate::cli) fn is_file_system(edit: &Edit) -> Result<bool, Failure> {
    struct Magic {
        at: u64,
        found: Vec<u8>,
    }
    impl PayloadSink for Magic {
        fn begin(&mut self, _: &PayloadFile) -> io::Result<()> {
            Ok(())
        }
        fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
            let skip = usize::try_from(MAGIC_AT.saturating_sub(self.at)).unwrap_or(usize::MAX);
            let wanted = MAGIC.len() - self.found.len();
            self.found.extend(bytes.iter().skip(skip).take(wanted));
            self.at += u64::try_from(bytes.len()).unwrap_or_default();
            Ok(())
        }
        fn end(&mut self, _: &PayloadFile) -> io::Result<()> {
            Ok(())
        }
    }
    if edit.artifact().files.len() != 1 {
        return Ok(false);
    }
    let mut magic = Magic { at: 0, found: Vec::new() };
    edit.extract(&mut magic)?;
    Ok(magic.found == MAGIC)
}

impl Output {
    fn options<'a>(&'a self, key: Option<&'a dyn Signer>) -> WriteOptions<'a> {
        WriteOptions {
            key,
            mtime: self.mtime,
            jobs: self.jobs,
            temporary: self.tmp.as_deref(),
            ..WriteOptions::default()
        }
    }
}

impl Opened {
    fn extract(image: &Path, folder: Option<&Path>) -> Result<Self, Failure> {
        let edit = Edit::open(image).map_err(|error| Failure::from(error).about(image))?;
        let copy = extract(&edit, folder.unwrap_or_else(|| folder_of(image)))
            .map_err(|failure| failure.about(image))?;
        Ok(Self { copy, edit: Some(edit) })
    }

    fn copy(image: &Path) -> Result<Self, Failure> {
        let failed = |error| Failure::unreachable(image, &error);
        let mut file = File::open(image).map_err(failed)?;
        need_file_system(&mut file, image)?;
        let mut copy = NamedTempFile::new_in(folder_of(image)).map_err(failed)?;
        io::copy(&mut file, copy.as_file_mut()).map_err(failed)?;
        Ok(Self { copy, edit: None })
    }

    fn file_system(&self) -> FileSystem {
        FileSystem::new(self.copy.path().to_owned())
    }

    /// Puts the copy in the place of the image, with the permissions of it.
    fn replace(self, image: &Path) -> Result<(), Failure> {
        let failed = |error| Failure::unreachable(image, &error);
        let path = image.canonicalize().map_err(failed)?;
        let permissions = fs::metadata(&path).map_err(failed)?.permissions();
        self.copy.as_file().set_permissions(permissions).map_err(failed)?;
        self.copy.as_file().sync_data().map_err(failed)?;
        self.copy.persist(path).map(drop).map_err(|error| failed(error.error))
    }
}

/// Takes the only file of the payload out of an artifact.
fn extract(edit: &Edit, folder: &Path) -> Result<NamedTempFile, Failure> {
    struct ToFile<'a>(&'a mut File);
    impl PayloadSink for ToFile<'_> {
        fn begin(&mut self, _: &PayloadFile) -> io::Result<()> {
            Ok(())
        }
        fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.0.write_all(bytes)
        }
        fn end(&mut self, _: &PayloadFile) -> io::Result<()> {
            Ok(())
        }
    }
    if edit.artifact().files.len() != 1 {
        return Err(Failure::usage("only an artifact with exactly one payload file holds an image"));
    }
    let failed = |error| Failure::unreachable(folder, &error);
    let mut copy = NamedTempFile::new_in(folder).map_err(failed)?;
    edit.extract(&mut ToFile(copy.as_file_mut()))?;
    need_file_system(copy.as_file_mut(), Path::new("the payload"))?;
    Ok(copy)
}

fn put_back(edit: &Edit, image: &File, path: &Path, options: &WriteOptions<'_>) -> Result<(), Failure> {
    let name = edit.artifact().files.first().map_or("", |file| file.name.as_str());
    let image = image.try_clone().map_err(|error| Failure::unreachable(path, &error))?;
    edit.write_file(path, Change::Replaced(&InputFile::file(name, image)), options)?;
    Ok(())
}

fn need_file_system(file: &mut File, path: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::unreachable(path, &error);
    let mut magic = [0; 2];
    file.seek(SeekFrom::Start(MAGIC_AT)).map_err(failed)?;
    let is_read = file.read_exact(&mut magic);
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    match is_read {
        Ok(()) if magic == MAGIC => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(failed(error)),
        Ok(()) | Err(_) => Err(Failure::usage(format!(
            "{} is not an ext2, ext3 or ext4 file system, others and partitioned disks are not supported",
            path.display()
        ))),
    }
}

fn is_artifact(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "mender")
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
