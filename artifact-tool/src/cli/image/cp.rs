use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::super::Failure;
use super::opened::{self, Output};
use super::spec::Spec;

/// Copy a file into an image, or out of one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
artifact-tool cp -k release.private.pem hosts system.mender:/etc/hosts\n  \
artifact-tool cp system.mender:/etc/hosts hosts")]
pub(crate) struct Args {
    #[command(flatten)]
    output: Output,
    /// File, or `IMAGE:/PATH`; `-` is standard input
    source: String,
    /// File or folder, or `IMAGE:/PATH`
    target: String,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    match (Spec::is(&args.source), Spec::is(&args.target)) {
        (true, false) => copy_out(&args.source.parse().map_err(Failure::usage)?, Path::new(&args.target)),
        (false, true) => copy_in(args, &args.target.parse().map_err(Failure::usage)?),
        (true, true) | (false, false) => {
            Err(Failure::usage("exactly one of source and target must be IMAGE:/PATH"))
        }
    }
}

fn copy_out(source: &Spec, target: &Path) -> Result<(), Failure> {
    let contents = opened::look(&source.image, |files| files.read(&source.path))?;
    if target.as_os_str() == "-" {
        return super::super::print::bytes(&contents);
    }
    let target = if target.is_dir() { target.join(source.name()) } else { target.to_owned() };
    fs::write(&target, contents).map_err(|error| Failure::unreachable(&target, &error))
}

fn copy_in(args: &Args, target: &Spec) -> Result<(), Failure> {
    let input;
    let (source, name, mode) = if args.source == "-" {
        let failed = |error: io::Error| Failure { status: 3, message: format!("standard input: {error}") };
        let mut file = NamedTempFile::new().map_err(failed)?;
        io::copy(&mut io::stdin().lock(), file.as_file_mut()).map_err(failed)?;
        file.flush().map_err(failed)?;
        input = file;
        (input.path().to_owned(), None, 0o644)
    } else {
        let path = PathBuf::from(&args.source);
        let metadata = path.metadata().map_err(|error| Failure::unreachable(&path, &error))?;
        if !metadata.is_file() {
            return Err(Failure::usage(format!("{} is not a regular file", path.display())));
        }
        let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        (path, name, metadata.permissions().mode())
    };
    opened::change(&target.image, &args.output, |files| {
        let is_folder = files.find(&target.path)?.is_some_and(|entry| entry.is_folder());
        let path = match (is_folder, name) {
            (true, Some(name)) if !name.contains('"') => {
                format!("{}/{name}", target.path.trim_end_matches('/'))
            }
            (true, _) => return Err(Failure::usage(format!("{target} is a folder; name the file in it"))),
            (false, _) if target.is_folder => {
                return Err(Failure::no(format!("{} is not a folder in the image", target.path)));
            }
            (false, _) => target.path.clone(),
        };
        files.write(&source, &path, mode)
    })
}
