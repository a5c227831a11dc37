//! Completions for shells and pages for `man`, generated from the command line itself.

use std::fs;
use std::path::PathBuf;

use clap::Command;
use clap_complete::Shell;

use super::{Failure, print};

/// Print the completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
artifact-tool completions bash > /usr/share/bash-completion/completions/artifact-tool")]
pub(crate) struct CompletionsArgs {
    /// Shell
    shell: Shell,
}

/// Print the manual page, or write those of all subcommands to a folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  artifact-tool man --out /usr/share/man/man1")]
pub(crate) struct ManArgs {
    /// Folder for artifact-tool.1, artifact-tool-sign.1 and so on
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub(crate) fn completions(args: &CompletionsArgs, mut command: Command) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, "artifact-tool", &mut text);
    print::bytes(&text)
}

pub(crate) fn man(args: &ManArgs, command: Command) -> Result<(), Failure> {
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command)
            .render(&mut page)
            .map_err(|error| Failure { status: 3, message: error.to_string() })?;
        return print::bytes(&page);
    };
    let failed = |error| Failure::unreachable(folder, &error);
    fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(command, folder).map_err(failed)
}
