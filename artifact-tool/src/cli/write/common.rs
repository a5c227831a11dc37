use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use artifact::FormatVersion;
use artifact::compression::Encoding;
use artifact::write::{Common, WriteError, WriteOptions};

use super::super::{Failure, Global, print, signing, size};
use super::progress;

/// Flags of all kinds of artifact.
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
    /// Where the artifact goes; `-` is standard output
    #[arg(short, long, default_value = "artifact.mender", value_name = "FILE")]
    output_path: PathBuf,
    /// Format version: 3, or 2 for root file system images
    #[arg(short = 'v', long, default_value = "3", value_name = "2|3", value_parser = version)]
    version: FormatVersion,
    /// Artifact name of which the device must have one; may be repeated
    #[arg(short = 'N', long = "artifact-name-depends", value_name = "NAME")]
    depends_names: Vec<String>,
    /// Group of which the device must be in one; may be repeated
    #[arg(short = 'G', long, value_name = "GROUP")]
    depends_groups: Vec<String>,
    /// Group that the artifact provides
    #[arg(short = 'g', long, value_name = "GROUP")]
    provides_group: Option<String>,
    /// What the payload needs, split at the first colon; may be repeated
    #[arg(short, long, value_name = "KEY:VALUE", value_parser = pair)]
    depends: Vec<(String, String)>,
    /// What the payload provides, split at the first colon; may be repeated, wins over defaults
    #[arg(short, long, value_name = "KEY:VALUE", value_parser = pair)]
    provides: Vec<(String, String)>,
    /// Stored provides to erase on the device; may be repeated
    #[arg(long, value_name = "GLOB")]
    clears_provides: Vec<String>,
    #[command(flatten)]
    signing: signing::Args,
    /// Compression, with an optional level: none, gzip[:1-9], lzma[:0-9], zstd[:1-19], `zstd_fastest`, `zstd_fast`,
    /// `zstd_better`, `zstd_best` [default: gzip]
    #[arg(long, value_name = "KIND[:LEVEL]")]
    compression: Option<Encoding>,
    /// Threads that compress, 0 for one a processor; the artifact does not depend on it
    #[arg(long, default_value_t = 0, value_name = "N")]
    jobs: usize,
    /// Never show a progress bar
    #[arg(long)]
    no_progress: bool,
    /// Time of all files in the artifact, in seconds since 1970
    #[arg(long, env = "SOURCE_DATE_EPOCH", default_value_t = 0, value_name = "SECONDS")]
    mtime: u64,
    /// Folder for temporary files [default: that of the output]
    #[arg(long, value_name = "FOLDER")]
    tmp: Option<PathBuf>,
    /// Largest artifact; a larger one is not written. Bytes, or with KB, MB, GB, TB
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    max_artifact_size: Option<u64>,
    /// Warn of an artifact larger than this
    #[arg(long, value_name = "SIZE", value_parser = size::parse)]
    warn_artifact_size: Option<u64>,
    /// Describe the artifact as JSON when it is written
    #[arg(long)]
    json: bool,
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
            ..Common::default()
        })
    }

    /// Returns the format version, which must be 3 for all but root file system images.
    pub(super) fn version(&self) -> FormatVersion {
        self.version
    }

    pub(super) fn need_version_3(&self) -> Result<(), Failure> {
        match self.version {
            FormatVersion::V3 => Ok(()),
            FormatVersion::V2 => Err(Failure::usage("format version 2 is for root file system images only")),
        }
    }

    /// Names the given flags that format version 2 has no place for.
    pub(super) fn ignored_by_version_2(&self) -> Vec<&'static str> {
        let given = [
            ("--artifact-name-depends", !self.depends_names.is_empty()),
            ("--depends-groups", !self.depends_groups.is_empty()),
            ("--provides-group", self.provides_group.is_some()),
            ("--depends", !self.depends.is_empty()),
            ("--provides", !self.provides.is_empty()),
            ("--clears-provides", !self.clears_provides.is_empty()),
        ];
        given.into_iter().filter_map(|(flag, is_given)| is_given.then_some(flag)).collect()
    }

    pub(super) fn temporary(&self) -> Option<&Path> {
        self.tmp.as_deref()
    }

    /// Calls `write` with the path (none: standard output) and the options of the output, and shows its progress.
    ///
    /// `total` is the number of bytes that will be read.
    pub(super) fn write(
        &self,
        global: &Global,
        total: u64,
        write: impl FnOnce(Option<&Path>, &WriteOptions<'_>) -> Result<(), WriteError>,
    ) -> Result<(), Failure> {
        let is_stdout = self.output_path.as_os_str() == "-";
        if is_stdout && self.json {
            return Err(Failure::usage("--json and -o - would both use standard output"));
        }
        let signer = self.signing.signer()?;
        let bar = progress::bar(total, self.no_progress);
        let progress = |bytes| bar.inc(bytes);
        let options = WriteOptions {
            encoding: self.compression.or(global.compression).unwrap_or_default(),
            key: signer.as_deref(),
            mtime: self.mtime,
            progress: Some(&progress),
            jobs: self.jobs,
            temporary: self.tmp.as_deref(),
            max_size: self.max_artifact_size.filter(|_| !is_stdout),
        };
        let written = write((!is_stdout).then_some(self.output_path.as_path()), &options);
        bar.finish_and_clear();
        written?;
        if is_stdout {
            return Ok(());
        }
        if let Some(limit) = self.warn_artifact_size {
            let size = self.output_path.metadata().map_or(0, |metadata| metadata.len());
            if size > limit {
                print::warning(&format!("the artifact has {size} bytes, more than {limit}"));
            }
        }
        if self.json { super::super::read::describe_json(&self.output_path) } else { Ok(()) }
    }
}

/// Warns of file names that clients written in C++ cannot store (artifact format §3).
pub(super) fn warn_of_long_names(inputs: &[PathBuf]) {
    const MAX_NAME: usize = 90;
    for name in inputs.iter().filter_map(|path| path.file_name()).filter(|name| name.len() > MAX_NAME) {
        let name = name.to_string_lossy();
        print::warning(&format!("{name}: clients from version 4 refuse file names over {MAX_NAME} bytes"));
    }
}

/// Returns the sizes of files that exist, together.
pub(super) fn total(inputs: &[PathBuf]) -> u64 {
    inputs.iter().filter_map(|path| path.metadata().ok()).map(|file| file.len()).sum()
}

/// Splits at the first colon.
pub(in crate::cli) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err("expected KEY:VALUE".to_owned()),
    }
}

/// Makes a map of pairs, in which no key may have two values.
pub(in crate::cli) fn map(pairs: &[(String, String)]) -> Result<BTreeMap<String, String>, Failure> {
    let mut map = BTreeMap::new();
    for (key, value) in pairs {
        if map.insert(key.clone(), value.clone()).is_some_and(|old| old != *value) {
            return Err(Failure::usage(format!("the key {key:?} is given twice")));
        }
    }
    Ok(map)
}

fn version(text: &str) -> Result<FormatVersion, String> {
    match text {
        "2" => Ok(FormatVersion::V2),
        "3" => Ok(FormatVersion::V3),
        "1" => Err("format version 1 is not supported any longer".to_owned()),
        _ => Err("expected 2 or 3".to_owned()),
    }
}
