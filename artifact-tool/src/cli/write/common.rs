use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use artifact::SigningKey;
use artifact::compression::Encoding;
use artifact::write::{Common, Defaults, InputFile, Software, WriteError, WriteOptions};

use super::super::{Failure, files, print};
use super::progress;

/// Flags of both kinds of artifact.
#[derive(Debug, clap::Args)]
#[group(id = "common")]
pub(crate) struct Args {
    /// Name of the artifact and of the release
    #[arg(short = 'n', long, value_name = "NAME")]
    artifact_name: String,
    /// Device type that may install it; may be repeated
    #[arg(
        short = 't',
        long = "device-type",
        visible_short_alias = 'c',
        visible_alias = "compatible-types",
        required = true,
        value_name = "TYPE"
    )]
    device_types: Vec<String>,
    /// Where the artifact goes
    #[arg(short, long, default_value = "artifact.mender", value_name = "FILE")]
    output_path: PathBuf,
    /// State script, or a folder of them; may be repeated
    #[arg(short, long = "script", value_name = "PATH")]
    scripts: Vec<PathBuf>,
    /// Artifact name of which the device must have one; may be repeated
    #[arg(short = 'N', long = "artifact-name-depends", value_name = "NAME")]
    depends_names: Vec<String>,
    /// Group of which the device must be in one; may be repeated
    #[arg(short = 'G', long, value_name = "GROUP")]
    depends_groups: Vec<String>,
    /// Group that the artifact provides
    #[arg(short = 'g', long, value_name = "GROUP")]
    provides_group: Option<String>,
    /// What the payload needs; may be repeated
    #[arg(short, long, value_name = "KEY:VALUE", value_parser = pair)]
    depends: Vec<(String, String)>,
    /// What the payload provides; may be repeated, wins over defaults
    #[arg(short, long, value_name = "KEY:VALUE", value_parser = pair)]
    provides: Vec<(String, String)>,
    /// Stored provides to erase on the device; may be repeated
    #[arg(long, value_name = "GLOB")]
    clears_provides: Vec<String>,
    /// Do not add the default globs to what is erased
    #[arg(long)]
    no_default_clears_provides: bool,
    /// Do not record the version, and erase nothing by default
    #[arg(long)]
    no_default_software_version: bool,
    /// First part of the key that records the version [default: rootfs-image]
    #[arg(long, value_name = "NAME")]
    software_filesystem: Option<String>,
    /// Second part of the key that records the version [default: the payload type]
    #[arg(long, value_name = "NAME")]
    software_name: Option<String>,
    /// Version to record [default: the artifact name]
    #[arg(long, value_name = "VERSION")]
    software_version: Option<String>,
    /// Private key to sign with, in PEM form
    #[arg(short, long, value_name = "KEY")]
    key: Option<PathBuf>,
    /// Compression, with an optional level: none, gzip, lzma or zstd
    #[arg(long, default_value = "gzip", value_name = "KIND[:LEVEL]")]
    compression: Encoding,
    /// Never show a progress bar
    #[arg(long)]
    no_progress: bool,
    /// Time of all files in the artifact, in seconds since 1970
    #[arg(long, env = "SOURCE_DATE_EPOCH", default_value_t = 0, value_name = "SECONDS")]
    mtime: u64,
}

impl Args {
    /// Returns what they say about any artifact.
    pub(super) fn common(&self) -> Result<Common, Failure> {
        Ok(Common {
            name: self.artifact_name.clone(),
            device_types: self.device_types.clone(),
            group: self.provides_group.clone(),
            depends_names: self.depends_names.clone(),
            depends_groups: self.depends_groups.clone(),
            depends: map(&self.depends)?,
            provides: map(&self.provides)?,
            clears: self.clears_provides.clone(),
            scripts: scripts(&self.scripts)?,
            software: Software {
                filesystem: self.software_filesystem.clone(),
                name: self.software_name.clone(),
                version: self.software_version.clone(),
                defaults: match (self.no_default_software_version, self.no_default_clears_provides) {
                    (true, _) => Defaults::Nothing,
                    (false, true) => Defaults::Version,
                    (false, false) => Defaults::VersionAndClears,
                },
            },
        })
    }

    /// Calls `write` with the path and the options of the output, and shows its progress.
    pub(super) fn write(
        &self,
        inputs: &[PathBuf],
        write: impl FnOnce(&Path, &WriteOptions<'_>) -> Result<(), WriteError>,
    ) -> Result<(), Failure> {
        warn_of_long_names(inputs);
        let key: Option<SigningKey> = self.key.as_deref().map(files::signing_key).transpose()?;
        let total = inputs.iter().filter_map(|path| path.metadata().ok()).map(|file| file.len()).sum();
        let bar = progress::bar(total, self.no_progress);
        let progress = |bytes| bar.inc(bytes);
        let options = WriteOptions {
            encoding: self.compression,
            key: key.as_ref(),
            mtime: self.mtime,
            progress: Some(&progress),
        };
        let written = write(&self.output_path, &options);
        bar.finish_and_clear();
        written.map_err(Failure::from)
    }
}

/// Warns of file names that clients written in C++ cannot store (artifact format §3).
fn warn_of_long_names(inputs: &[PathBuf]) {
    const MAX_NAME: usize = 90;
    for name in inputs.iter().filter_map(|path| path.file_name()).filter(|name| name.len() > MAX_NAME) {
        let name = name.to_string_lossy();
        print::warning(&format!("{name}: clients from version 4 refuse file names over {MAX_NAME} bytes"));
    }
}

/// Splits at the first colon.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err("expected KEY:VALUE".to_owned()),
    }
}

fn map(pairs: &[(String, String)]) -> Result<BTreeMap<String, String>, Failure> {
    let mut map = BTreeMap::new();
    for (key, value) in pairs {
        if map.insert(key.clone(), value.clone()).is_some_and(|old| old != *value) {
            return Err(Failure::usage(format!("the key {key:?} is given twice")));
        }
    }
    Ok(map)
}

/// Lists the scripts: files as they are, folders by what is in them.
fn scripts(paths: &[PathBuf]) -> Result<Vec<InputFile>, Failure> {
    let mut scripts = Vec::new();
    for path in paths {
        let failed = |error| Failure::unreachable(path, &error);
        if path.metadata().map_err(failed)?.is_dir() {
            let mut entries = Vec::new();
            for entry in path.read_dir().map_err(failed)? {
                entries.push(entry.map_err(failed)?.path());
            }
            entries.sort();
            for entry in entries {
                scripts.push(InputFile::path(entry)?);
            }
        } else {
            scripts.push(InputFile::path(path)?);
        }
    }
    Ok(scripts)
}
