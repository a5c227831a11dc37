//! `write`: one file per kind of artifact.

mod bootstrap_artifact;
pub(super) mod common;
pub(super) mod module_image;
pub(super) mod progress;
mod rootfs_image;
mod software;
mod source;

use std::io::{BufWriter, StdoutLock, stdout};

use artifact::write::WriteError;

use super::{Failure, Global};

/// Write an artifact.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    ModuleImage(Box<module_image::Args>),
    RootfsImage(Box<rootfs_image::Args>),
    BootstrapArtifact(Box<bootstrap_artifact::Args>),
}

pub(super) fn run(command: &Command, global: &Global) -> Result<(), Failure> {
    match command {
        Command::ModuleImage(args) => module_image::run(args, global),
        Command::RootfsImage(args) => rootfs_image::run(args, global),
        Command::BootstrapArtifact(args) => bootstrap_artifact::run(args, global),
    }
}

/// Writes to standard output; nothing comes out before the artifact is known to be good.
fn to_output(
    write: impl FnOnce(BufWriter<StdoutLock<'static>>) -> Result<(), WriteError>,
) -> Result<(), WriteError> {
    write(BufWriter::with_capacity(128 * 1024, stdout().lock()))
}
