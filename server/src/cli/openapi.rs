//! `sealift openapi`

use super::error::CliError;
use super::exit::Exit;
use super::output::print_line;

/// Print the description of the API, as `/openapi.json` serves it
#[derive(clap::Args, Clone, Copy, Debug)]
pub(super) struct Args {}

/// Prints the description of the API. Needs no configuration.
pub(super) fn run(_args: Args) -> Result<Exit, CliError> {
    print_line(&openapi_json()?)?;
    Ok(Exit::Done)
}

/// Wiring: the document that the code generates.
fn openapi_json() -> Result<String, CliError> {
    Err(CliError::No("this build has no API".to_owned()))
}
