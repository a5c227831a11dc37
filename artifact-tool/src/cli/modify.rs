use std::path::PathBuf;

use artifact::compression::Encoding;
use artifact::edit::{Change, Edit};
use artifact::write::{Blueprint, ScriptFile, WriteOptions};
use artifact::{DependsValue, FormatVersion};

use super::image::{Output, Settings, is_file_system};
use super::write::common::{map, pair};
use super::write::{module_image, progress};
use super::{Failure, Global, files, read, scripts};

/// Files that hold an image by itself.
const IMAGES: [&str; 3] = ["img", "sdimg", "uefiimg"];

/// Change what an artifact says, or how it is compressed.
///
/// Everything that is not named stays. -N, -G, -d and -p replace all values that were there. A new name is also the
/// new version where the name was the version. A signed artifact is signed again, or must be told to lose its
/// signature.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
artifact-tool modify -n app-1.1 -k release.private.pem app.mender\n  \
artifact-tool modify --compression zstd:19 -o small.mender app.mender")]
pub(crate) struct Args {
    /// New name of the artifact
    #[arg(short = 'n', long, alias = "name", value_name = "NAME")]
    artifact_name: Option<String>,
    /// Device type that may install it; may be repeated
    #[arg(long = "compatible-types", visible_alias = "device-type", value_name = "TYPE")]
    device_types: Vec<String>,
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
    /// What the payload provides, split at the first colon; may be repeated
    #[arg(short, long, value_name = "KEY:VALUE", value_parser = pair)]
    provides: Vec<(String, String)>,
    /// Stored provides to erase on the device, besides those that are there; may be repeated
    #[arg(long, value_name = "GLOB")]
    clears_provides: Vec<String>,
    /// Glob that is no longer erased; may be repeated
    #[arg(long, value_name = "GLOB")]
    delete_clears_provides: Vec<String>,
    /// File with meta-data for the update module, a JSON object
    #[arg(short, long, value_name = "FILE")]
    meta_data: Option<PathBuf>,
    /// State script, or a folder of them; takes the place of one of the same name; may be repeated
    #[arg(short, long = "script", value_name = "PATH")]
    scripts: Vec<PathBuf>,
    #[command(flatten)]
    output: Output,
    /// Never show a progress bar
    #[arg(long)]
    no_progress: bool,
    /// Where the changed artifact goes; without it the input is replaced
    #[arg(short, long, value_name = "FILE")]
    output_path: Option<PathBuf>,
    /// Describe the changed artifact as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
    /// Artifact, or an image of a root file system
    file: PathBuf,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    if args.file.extension().is_some_and(|extension| IMAGES.iter().any(|image| extension == *image)) {
        return args.change_image();
    }
    let mut edit = Edit::open(&args.file).map_err(|error| Failure::from(error).about(&args.file))?;
    let signer = args.output.resign.signer(edit.artifact())?;
    args.change(&mut edit.blueprint)?;
    let encoding = args.output.compression.or(global.compression);
    let total = edit.artifact().files.iter().map(|file| file.size).sum();
    let bar = progress::bar(if encoding.is_some() { total } else { 0 }, args.no_progress);
    let progress = |bytes| bar.inc(bytes);
    let options = WriteOptions {
        encoding: encoding.unwrap_or_else(|| Encoding::usual(edit.artifact().header.compression)),
        key: signer.as_deref(),
        mtime: args.output.mtime,
        jobs: args.output.jobs,
        temporary: args.output.tmp.as_deref(),
        progress: Some(&progress),
        max_size: None,
    };
    let output = args.output_path.as_ref().unwrap_or(&args.file);
    // The name is in the image, too.
    let is_image = edit.blueprint.kind.as_deref() == Some("rootfs-image");
    let rename = match args.artifact_name.as_deref().filter(|_| is_image) {
        Some(name) if is_file_system(&edit)? => Some(name),
        Some(_) | None => None,
    };
    if rename.is_some() || !args.settings.are_empty() {
        let written = args.settings.write(&edit, rename, output, &options);
        bar.finish_and_clear();
        written?;
        return if args.json { read::describe_json(output) } else { Ok(()) };
    }
    let change = if encoding.is_some() { Change::Recompressed } else { Change::Kept };
    let written = edit.write_file(output, change, &options);
    bar.finish_and_clear();
    written?;
    if args.json { read::describe_json(output) } else { Ok(()) }
}

impl Args {
    /// Changes an image that is no artifact, in which only the name and the settings can be changed.
    fn change_image(&self) -> Result<(), Failure> {
        if self.json || self.output_path.is_some() || self.changes_header() {
            return Err(Failure::usage(format!(
                "{} is no artifact: only its name and the settings of the client can be changed",
                self.file.display()
            )));
        }
        self.settings.change_image(&self.file, self.artifact_name.as_deref(), &self.output)
    }

    fn changes_header(&self) -> bool {
        self.needs_version_3()
            || !self.device_types.is_empty()
            || !self.scripts.is_empty()
            || self.meta_data.is_some()
    }

    fn needs_version_3(&self) -> bool {
        !self.depends_names.is_empty()
            || !self.depends_groups.is_empty()
            || self.provides_group.is_some()
            || !self.depends.is_empty()
            || !self.provides.is_empty()
            || !self.clears_provides.is_empty()
            || !self.delete_clears_provides.is_empty()
    }

    fn change(&self, blueprint: &mut Blueprint) -> Result<(), Failure> {
        if blueprint.version == FormatVersion::V2 && self.needs_version_3() {
            return Err(Failure::usage(
                "format version 2 has no place for group, depends, provides and clears",
            ));
        }
        replace(&mut blueprint.device_types, &self.device_types);
        replace(&mut blueprint.depends_names, &self.depends_names);
        replace(&mut blueprint.depends_groups, &self.depends_groups);
        if let Some(group) = &self.provides_group {
            blueprint.group = Some(group.clone()).filter(|group| !group.is_empty());
        }
        if !self.depends.is_empty() {
            let pairs = map(&self.depends)?.into_iter();
            blueprint.depends = pairs.map(|(key, value)| (key, DependsValue::One(value))).collect();
        }
        if !self.provides.is_empty() {
            // What follows from the image is no matter of opinion.
            let is_computed = |key: &str| key == "rootfs-image.checksum" || key == "rootfs_image_checksum";
            blueprint.provides.retain(|key, _| is_computed(key));
            for (key, value) in map(&self.provides)? {
                blueprint.provides.entry(key).or_insert(value);
            }
        }
        if let Some(name) = &self.artifact_name {
            let old = std::mem::replace(&mut blueprint.name, name.clone());
            let is_version = |key: &str| key.ends_with(".version") && self.provides.is_empty();
            let versions =
                blueprint.provides.iter_mut().filter(|(key, value)| is_version(key) && **value == old);
            versions.for_each(|(_, value)| value.clone_from(name));
        }
        for glob in &self.delete_clears_provides {
            let before = blueprint.clears.len();
            blueprint.clears.retain(|old| old != glob);
            if blueprint.clears.len() == before {
                return Err(Failure::usage(format!("{glob:?} is not among the globs that are erased")));
            }
        }
        blueprint.clears.extend(self.clears_provides.clone());
        if let Some(path) = &self.meta_data {
            blueprint.meta_data = Some(files::bytes(path, module_image::MAX_META_DATA)?);
        }
        for input in scripts::inputs(&self.scripts)? {
            let script = ScriptFile::read(&input)?;
            blueprint.scripts.retain(|old| old.name != script.name);
            blueprint.scripts.push(script);
        }
        Ok(())
    }
}

fn replace(values: &mut Vec<String>, new: &[String]) {
    if !new.is_empty() {
        values.clear();
        values.extend_from_slice(new);
    }
}
