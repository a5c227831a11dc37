use super::super::Failure;
use super::opened::{self, Output};
use super::spec::Spec;

/// Remove a file or a folder in an image.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  artifact-tool rm -r -k release.private.pem system.mender:/opt/old")]
pub(crate) struct Args {
    /// Remove folders and what is in them
    #[arg(short, long)]
    recursive: bool,
    #[command(flatten)]
    output: Output,
    /// File or folder in an artifact or in an image of a file system
    #[arg(value_name = "IMAGE:/PATH")]
    file: Spec,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    opened::change(&args.file.image, &args.output, |files| files.remove(&args.file.path, args.recursive))
}
