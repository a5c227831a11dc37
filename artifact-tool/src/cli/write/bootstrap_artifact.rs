use artifact::write::BootstrapArtifact;

use super::super::{Failure, Global};
use super::{common, to_output};

/// Write an artifact without a payload, which tells a device what it provides
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
artifact-tool write bootstrap-artifact -n system-1.0 -t beaglebone -p rootfs-image.version:system-1.0 -o bootstrap.mender")]
pub(crate) struct Args {
    #[command(flatten)]
    common: common::Args,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    args.common.need_version_3()?;
    let artifact = BootstrapArtifact { common: args.common.common()? };
    args.common.write(global, 0, |path, options| match path {
        Some(path) => artifact.write_file(path, options),
        None => to_output(|output| artifact.write(output, options)),
    })
}
