use std::path::PathBuf;

use artifact::DependsValue;
use artifact::write::{Additions, InputFile, ModuleImage};

use super::super::{Failure, Global, files, print};
use super::{common, software, to_output};

/// Largest meta-data, the same as the reader's limit.
pub(in crate::cli) const MAX_META_DATA: u64 = 1024 * 1024;

/// Write an artifact for an update module
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
artifact-tool write module-image -n app-1.0 -t beaglebone -T single-file -f app.bin -o app.mender")]
pub(crate) struct Args {
    /// Payload type: name of the update module
    #[arg(short = 'T', long = "type", value_name = "TYPE")]
    kind: String,
    /// File of the payload; may be repeated; `-` is standard input
    #[arg(short, long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// File with meta-data for the update module, a JSON object
    #[arg(short, long, value_name = "FILE")]
    meta_data: Option<PathBuf>,
    #[command(flatten)]
    augment: Augment,
    #[command(flatten)]
    software: software::Args,
    #[command(flatten)]
    common: common::Args,
}

/// Flags of unsigned additions.
#[derive(Debug, clap::Args)]
#[group(id = "augment")]
#[command(next_help_heading = "Unsigned additions, which clients from version 4 and the server refuse")]
struct Augment {
    /// Payload type of the additions, that of the payload
    #[arg(id = "augment_type", long = "augment-type", value_name = "TYPE")]
    kind: Option<String>,
    /// File that the signature does not cover; may be repeated
    #[arg(id = "augment_file", long = "augment-file", value_name = "FILE", requires = "augment_type")]
    files: Vec<PathBuf>,
    /// What the payload provides besides; may be repeated
    #[arg(id = "augment_provides", long = "augment-provides", value_name = "KEY:VALUE", value_parser = common::pair, requires = "augment_type")]
    provides: Vec<(String, String)>,
    /// What the payload needs besides; may be repeated
    #[arg(id = "augment_depends", long = "augment-depends", value_name = "KEY:VALUE", value_parser = common::pair, requires = "augment_type")]
    depends: Vec<(String, String)>,
    /// File with more meta-data, a JSON object
    #[arg(
        id = "augment_meta_data",
        long = "augment-meta-data",
        value_name = "FILE",
        requires = "augment_type"
    )]
    meta_data: Option<PathBuf>,
}

impl Augment {
    fn additions(&self) -> Result<Option<Additions>, Failure> {
        let Some(kind) = &self.kind else { return Ok(None) };
        print::warning("clients from version 4 refuse artifacts with unsigned additions");
        let depends = common::map(&self.depends)?;
        Ok(Some(Additions {
            kind: kind.clone(),
            provides: common::map(&self.provides)?,
            depends: depends.into_iter().map(|(key, value)| (key, DependsValue::One(value))).collect(),
            meta_data: meta_data(self.meta_data.as_ref())?,
        }))
    }
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    args.common.need_version_3()?;
    let take = |path: &PathBuf| args.software.input(path, &args.common, "payload");
    let image = ModuleImage {
        common: args.software.common(&args.common, Some(&args.kind))?,
        payload_type: args.kind.clone(),
        files: args.files.iter().map(take).collect::<Result<_, _>>()?,
        meta_data: meta_data(args.meta_data.as_ref())?,
        additions: args.augment.additions()?,
        added_files: args.augment.files.iter().map(InputFile::path).collect::<Result<_, _>>()?,
    };
    let inputs = [args.files.as_slice(), &args.augment.files].concat();
    common::warn_of_long_names(&inputs);
    args.common.write(global, common::total(&inputs), |path, options| match path {
        Some(path) => image.write_file(path, options),
        None => to_output(|output| image.write(output, options)),
    })
}

fn meta_data(path: Option<&PathBuf>) -> Result<Option<Vec<u8>>, Failure> {
    path.map(|path| files::bytes(path, MAX_META_DATA)).transpose()
}
