use std::path::PathBuf;

use artifact::write::{ChecksumKey, InputFile, RootfsImage};

use super::super::Failure;
use super::common;

/// Write an artifact with the image of a root file system
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
artifact-tool write rootfs-image -n system-2.0 -t beaglebone -f system.ext4 -o system.mender -k release.private.pem")]
pub(crate) struct Args {
    /// The image
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Do not record the digest of the image
    #[arg(long)]
    no_checksum_provide: bool,
    /// Record the digest of the image under the key of clients before 2.5
    #[arg(long, conflicts_with = "no_checksum_provide")]
    legacy_rootfs_image_checksum: bool,
    #[command(flatten)]
    common: common::Args,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let image = RootfsImage {
        common: args.common.common()?,
        image: InputFile::path(&args.file)?,
        checksum: match (args.no_checksum_provide, args.legacy_rootfs_image_checksum) {
            (true, _) => ChecksumKey::Nothing,
            (false, true) => ChecksumKey::Legacy,
            (false, false) => ChecksumKey::Usual,
        },
    };
    args.common.write(std::slice::from_ref(&args.file), |path, options| image.write_file(path, options))
}
