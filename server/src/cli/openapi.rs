//! `sealift openapi`

use super::error::CliError;
use super::exit::Exit;
use super::output::print_line;
use crate::http::routes;

/// Print the description of the API, as `/openapi.json` serves it
#[derive(clap::Args, Clone, Copy, Debug)]
pub(super) struct Args {}

/// Prints the description of the API. Needs no configuration.
pub(super) fn run(_args: Args) -> Result<Exit, CliError> {
    print_line(&routes::openapi_json())?;
    Ok(Exit::Done)
}
