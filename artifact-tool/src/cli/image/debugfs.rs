use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::Failure;

/// An ext2, ext3 or ext4 file system in a file, worked on through `debugfs`.
pub(super) struct FileSystem {
    file: PathBuf,
}

/// One entry of a folder.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) mode: u32,
}

impl Entry {
    const KIND: u32 = 0o170_000;

    pub(super) const fn is_folder(&self) -> bool {
        self.mode & Self::KIND == 0o040_000
    }

    pub(super) const fn is_file(&self) -> bool {
        self.mode & Self::KIND == 0o100_000
    }
}

impl FileSystem {
    pub(super) const fn new(file: PathBuf) -> Self {
        Self { file }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Returns what is at `path`; `None` if nothing is.
    pub(super) fn find(&self, path: &str) -> Result<Option<Entry>, Failure> {
        let Some((folder, name)) = path.rsplit_once('/').filter(|(_, name)| !name.is_empty()) else {
            return Ok(Some(Entry { name: String::new(), mode: 0o040_755 }));
        };
        let entries = self.list(folder)?;
        Ok(entries.and_then(|entries| entries.into_iter().find(|entry| entry.name == name)))
    }

    /// Returns the entries of a folder but `.` and `..`; `None` if there is no such folder.
    pub(super) fn list(&self, folder: &str) -> Result<Option<Vec<Entry>>, Failure> {
        let folder = if folder.is_empty() { "/" } else { folder };
        let (output, errors) = self.run(false, &format!("ls -p \"{folder}\""))?;
        if errors.contains("not found") || errors.contains("not a directory") {
            return Ok(None);
        }
        refuse(&errors)?;
        // /INODE/MODE/UID/GID/NAME/SIZE/
        let entry = |line: &str| {
            let mut fields = line.split('/').skip(2);
            let mode = u32::from_str_radix(fields.next()?, 8).ok()?;
            let name = fields.nth(2)?.to_owned();
            Some(Entry { name, mode })
        };
        let output = String::from_utf8_lossy(&output);
        let entries = output.lines().filter_map(entry);
        Ok(Some(entries.filter(|entry| !matches!(entry.name.as_str(), "" | "." | "..")).collect()))
    }

    /// Returns the contents of a regular file.
    pub(super) fn read(&self, path: &str) -> Result<Vec<u8>, Failure> {
        match self.find(path)? {
            Some(entry) if entry.is_file() => {}
            Some(_) => return Err(Failure::no(format!("{path} in the image is not a regular file"))),
            None => return Err(Failure::no(format!("{path} is not in the image"))),
        }
        let (output, errors) = self.run(false, &format!("cat \"{path}\""))?;
        refuse(&errors)?;
        Ok(output)
    }

    /// Writes a file from one outside; one that is there is replaced. The owner is root.
    pub(super) fn write(&self, source: &Path, path: &str, mode: u32) -> Result<(), Failure> {
        match self.find(path)? {
            Some(entry) if entry.is_folder() => {
                return Err(Failure::no(format!("{path} in the image is a folder")));
            }
            Some(_) => self.change(&format!("rm \"{path}\""))?,
            None => {}
        }
        let source = source
            .to_str()
            .filter(|source| !source.contains(['"', '\n']))
            .ok_or_else(|| Failure::usage(format!("the path {} cannot be used", source.display())))?;
        self.change(&format!("write \"{source}\" \"{path}\""))?;
        self.change(&format!("set_inode_field \"{path}\" mode 0{:o}", 0o100_000 | mode & 0o7777))
    }

    /// Makes a folder; one that is there stays, with another mode.
    pub(super) fn make_folder(&self, path: &str, mode: u32) -> Result<(), Failure> {
        match self.find(path)? {
            Some(entry) if entry.is_folder() => {}
            Some(_) => return Err(Failure::no(format!("{path} in the image is not a folder"))),
            None => self.change(&format!("mkdir \"{path}\""))?,
        }
        self.change(&format!("set_inode_field \"{path}\" mode 0{:o}", 0o040_000 | mode & 0o7777))
    }

    /// Removes what is at `path`; a folder only with everything in it, if that is wanted.
    pub(super) fn remove(&self, path: &str, is_recursive: bool) -> Result<(), Failure> {
        match self.find(path)? {
            None => Err(Failure::no(format!("{path} is not in the image"))),
            Some(entry) if !entry.is_folder() => self.change(&format!("rm \"{path}\"")),
            Some(_) if path == "/" => Err(Failure::usage("the root of the image cannot be removed")),
            Some(_) if !is_recursive => {
                Err(Failure::no(format!("{path} in the image is a folder; use -r to remove it")))
            }
            Some(_) => {
                for entry in self.list(path)?.unwrap_or_default() {
                    if entry.name.contains('"') {
                        return Err(Failure::no(format!("{path}/{} cannot be named", entry.name)));
                    }
                    self.remove(&format!("{path}/{}", entry.name), true)?;
                }
                self.change(&format!("rmdir \"{path}\""))
            }
        }
    }

    /// Checks the whole file system; nothing is mended.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let output = start("e2fsck", &[OsStr::new("-f"), OsStr::new("-n"), self.file.as_os_str()])?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Err(Failure::no(format!("the changed file system is not sound:\n{}", text.trim_end())))
    }

    fn change(&self, request: &str) -> Result<(), Failure> {
        let (_, errors) = self.run(true, request)?;
        refuse(&errors)
    }

    /// Runs one request; what it prints, and what it complains of: the status says nothing.
    fn run(&self, is_change: bool, request: &str) -> Result<(Vec<u8>, String), Failure> {
        let mut args: Vec<&OsStr> = Vec::new();
        if is_change {
            args.push(OsStr::new("-w"));
        }
        args.extend([OsStr::new("-R"), OsStr::new(request), self.file.as_os_str()]);
        let output = start("debugfs", &args)?;
        let errors = String::from_utf8_lossy(&output.stderr);
        let errors: Vec<_> = errors.lines().filter(|line| !line.starts_with("debugfs 1.")).collect();
        Ok((output.stdout, errors.join("; ")))
    }
}

fn refuse(errors: &str) -> Result<(), Failure> {
    if errors.is_empty() { Ok(()) } else { Err(Failure::no(format!("debugfs: {errors}"))) }
}

/// Runs a program of e2fsprogs, also where only root's folders have it.
fn start(program: &str, args: &[&OsStr]) -> Result<std::process::Output, Failure> {
    let folders = ["", "/usr/sbin/", "/sbin/"];
    for folder in folders {
        match Command::new(format!("{folder}{program}")).args(args).env("LC_ALL", "C").output() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Failure { status: 3, message: format!("{program}: {error}") }),
            Ok(output) => return Ok(output),
        }
    }
    Err(Failure {
        status: 3,
        message: format!(
            "{program} is needed for files in images and was not found; it is part of e2fsprogs"
        ),
    })
}
