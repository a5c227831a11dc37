use std::path::PathBuf;

use artifact::write::{InputFile, ModuleImage};

use super::super::{Failure, files};
use super::common;

/// Largest meta-data, the same as the reader's limit.
const MAX_META_DATA: u64 = 1024 * 1024;

/// Write an artifact for an update module
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
artifact-tool write module-image -n app-1.0 -t beaglebone -T single-file -f app.bin -o app.mender")]
pub(crate) struct Args {
    /// Payload type: name of the update module
    #[arg(short = 'T', long = "type", value_name = "TYPE")]
    kind: String,
    /// File of the payload; may be repeated
    #[arg(short, long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// File with meta-data for the update module, a JSON object
    #[arg(short, long, value_name = "FILE")]
    meta_data: Option<PathBuf>,
    #[command(flatten)]
    common: common::Args,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let image = ModuleImage {
        common: args.common.common()?,
        payload_type: args.kind.clone(),
        files: args.files.iter().map(InputFile::path).collect::<Result<_, _>>()?,
        meta_data: args.meta_data.as_ref().map(|path| files::bytes(path, MAX_META_DATA)).transpose()?,
    };
    args.common.write(&args.files, |path, options| image.write_file(path, options))
}
