use std::path::PathBuf;

use artifact::FormatVersion;
use artifact::write::{ChecksumKey, RootfsImage};

use super::super::{Failure, Global, print};
use super::{common, software, source, to_output};

/// Name of an image that is no file here.
const NAME: &str = "rootfs.img";

/// Write an artifact with the image of a root file system
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
artifact-tool write rootfs-image -n system-2.0 -t beaglebone -f system.ext4 -o system.mender -k release.private.pem\n  \
zcat system.ext4.gz | artifact-tool write rootfs-image -n system-2.0 -t beaglebone -f - --compression zstd")]
pub(crate) struct Args {
    /// The image; `-` is standard input, ssh://[USER@]HOST[:PORT] the running system of a device
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Arguments for ssh; may be repeated
    #[arg(short = 'S', long = "ssh-args", value_name = "ARGS", allow_hyphen_values = true)]
    ssh: Vec<String>,
    /// Do not record the digest of the image
    #[arg(long)]
    no_checksum_provide: bool,
    /// Record the digest of the image under the key of clients before 2.5
    #[arg(long, conflicts_with = "no_checksum_provide")]
    legacy_rootfs_image_checksum: bool,
    #[command(flatten)]
    software: software::Args,
    #[command(flatten)]
    common: common::Args,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<(), Failure> {
    let version = args.common.version();
    if version == FormatVersion::V2 {
        let ignored = [args.common.ignored_by_version_2(), args.software.ignored_by_version_2()].concat();
        for flag in ignored {
            print::warning(&format!("format version 2 has no place for {flag}; it is left out"));
        }
    }
    let url = args.file.to_str().filter(|file| file.starts_with("ssh://"));
    let common = args.software.common(&args.common, None)?;
    let image = if let Some(url) = url {
        source::snapshot(url, &args.ssh, NAME, args.common.temporary())?
    } else {
        source::warn_of_compressed(&args.file);
        args.software.input(&args.file, &args.common, NAME)?
    };
    let image = RootfsImage {
        common,
        image,
        checksum: match (args.no_checksum_provide, args.legacy_rootfs_image_checksum) {
            (true, _) => ChecksumKey::Nothing,
            (false, true) => ChecksumKey::Legacy,
            (false, false) => ChecksumKey::Usual,
        },
        version,
    };
    let inputs = std::slice::from_ref(&args.file);
    common::warn_of_long_names(inputs);
    args.common.write(global, common::total(inputs), |path, options| match path {
        Some(path) => image.write_file(path, options),
        None => to_output(|output| image.write(output, options)),
    })
}
