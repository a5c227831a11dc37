//! `sealift demo`

mod management;
mod progress;
mod stage;
mod summary;

use super::error::CliError;
use super::exit::Exit;
use super::output::{print_error, print_line};
use super::stop_signal::StopSignal;
use crate::config::Config;

use self::stage::Stage;

const EXAMPLES: &str = "\
Examples:
  sealift demo
  sealift demo --devices 200
  sealift demo --exit       as a check: status 0 only if every device was updated";

/// What the demo logs unless told otherwise: it shows its own progress.
pub(super) const LOGS: &str = "warn";

/// See it work: a server on a temporary directory, simulated devices, one signed update
#[derive(clap::Args, Clone, Copy, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// How many devices to simulate
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) devices: u32,
    /// End when all devices are done, instead of leaving the server up
    #[arg(long)]
    pub(super) exit: bool,
}

/// Shows an update of simulated devices from end to end.
///
/// The configuration counts but for where things are: the demo leaves nothing behind.
pub(super) async fn run(config: Config, args: Args) -> Result<Exit, CliError> {
    let mut stop = StopSignal::new()?;
    let directory = tempfile::tempdir()
        .map_err(|err| CliError::unreachable("failed to make a temporary directory", err))?;
    let stage = Stage::build(config, directory.path()).await?;
    let shown = tokio::select! {
        shown = stage.perform(args.devices, directory.path()) => shown,
        () = stop.received() => Err(CliError::No("interrupted".to_owned())),
    };
    let exit = match shown {
        Ok(outcome) => {
            for line in summary::outcome(&outcome) {
                print_line(&line)?;
            }
            if !args.exit {
                for line in summary::where_to_look(&outcome, &stage, directory.path()) {
                    print_line(&line)?;
                }
                print_line("The server stays up; Ctrl-C ends it and removes the directory.")?;
                stop.received().await;
            }
            if outcome.is_complete() { Exit::Done } else { Exit::No }
        }
        Err(err) => {
            print_error(&format!("error: {}", err.explain()));
            err.exit()
        }
    };
    stage.stop().await?;
    Ok(exit)
}
