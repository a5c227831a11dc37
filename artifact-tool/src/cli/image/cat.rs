use super::super::{Failure, print};
use super::opened;
use super::spec::Spec;

/// Print a file in an image.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  artifact-tool cat system.mender:/etc/mender/artifact_info")]
pub(crate) struct Args {
    /// File in an artifact or in an image of a file system
    #[arg(value_name = "IMAGE:/PATH")]
    file: Spec,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let contents = opened::look(&args.file.image, |files| files.read(&args.file.path))?;
    print::bytes(&contents)
}
