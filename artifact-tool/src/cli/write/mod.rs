//! `write`: one file per kind of artifact.

mod common;
mod module_image;
mod progress;
mod rootfs_image;

use super::Failure;

/// Write an artifact.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    ModuleImage(Box<module_image::Args>),
    RootfsImage(Box<rootfs_image::Args>),
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::ModuleImage(args) => module_image::run(args),
        Command::RootfsImage(args) => rootfs_image::run(args),
    }
}
