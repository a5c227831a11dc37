use std::path::PathBuf;

use super::super::Failure;
use super::opened::{self, Output};
use super::spec::Spec;

/// Put a file with a mode into an image, or make a folder there.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
artifact-tool install -m 755 -k release.private.pem app system.mender:/usr/bin/app\n  \
artifact-tool install -d system.mender:/opt/app")]
pub(crate) struct Args {
    /// Make a folder
    #[arg(short, long)]
    directory: bool,
    /// Permission bits, octal
    #[arg(short, long, default_value = "755", value_name = "MODE", value_parser = mode)]
    mode: u32,
    #[command(flatten)]
    output: Output,
    /// `FILE IMAGE:/PATH`, or with -d only `IMAGE:/PATH`
    #[arg(required = true, num_args = 1..=2, value_name = "PATH")]
    paths: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let paths: Vec<&str> = args.paths.iter().map(String::as_str).collect();
    match (args.directory, paths.as_slice()) {
        (true, [target]) => {
            let target: Spec = target.parse().map_err(Failure::usage)?;
            opened::change(&target.image, &args.output, |files| files.make_folder(&target.path, args.mode))
        }
        (false, [source, target]) => {
            let target: Spec = target.parse().map_err(Failure::usage)?;
            let source = PathBuf::from(source);
            source.metadata().map_err(|error| Failure::unreachable(&source, &error))?;
            opened::change(&target.image, &args.output, |files| files.write(&source, &target.path, args.mode))
        }
        (true, _) => Err(Failure::usage("with -d give one IMAGE:/PATH")),
        (false, _) => Err(Failure::usage("give a file and where it goes, FILE IMAGE:/PATH")),
    }
}

fn mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777);
    mode.ok_or_else(|| "expected octal permission bits such as 755".to_owned())
}
