//! `sealift demo`

use super::error::CliError;
use super::exit::Exit;
use crate::config::Config;

const EXAMPLES: &str = "\
Examples:
  sealift demo
  sealift demo --devices 200
  sealift demo --exit       as a check: status 0 only if every device was updated";

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
pub(super) async fn run(config: Config, args: Args) -> Result<Exit, CliError> {
    run_demo(config, args.devices, args.exit).await
}

/// Wiring: starts server and devices, rolls the release out, sums up.
#[expect(clippy::unused_async, reason = "awaits once it is wired")]
async fn run_demo(_config: Config, _devices: u32, _exit: bool) -> Result<Exit, CliError> {
    Err(CliError::No("this build has no demo".to_owned()))
}
