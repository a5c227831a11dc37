//! Logs: to standard error, for people or for programs.

use std::error::Error;
use std::io::{self, IsTerminal as _};

use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::config::LogFormat;
use crate::http::PEER_NOISE;

/// What appears if the operator does not say otherwise: our business events, and of libraries only
/// what may need attention.
const DEFAULT_FILTER: &str = "warn,sealift=info";

/// Logs could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not a list of `target=level`.
    #[error("`log_filter` is not valid")]
    Filter(#[from] ParseError),
    /// Something else in this process has set logs up already.
    #[error("logs are set up already")]
    AlreadySet(#[from] TryInitError),
}

/// Sets logs up for the whole process, once.
pub fn init(format: LogFormat, filter: Option<&str>) -> Result<(), TelemetryError> {
    let registry = tracing_subscriber::registry().with(parse(filter)?);
    let is_coloured = io::stderr().is_terminal();
    match format {
        LogFormat::Text => {
            registry.with(fmt::layer().with_writer(io::stderr).with_ansi(is_coloured)).try_init()?;
        }
        LogFormat::Json => {
            let layer = fmt::layer().json().flatten_event(true).with_writer(io::stderr).with_ansi(false);
            registry.with(layer).try_init()?;
        }
    }
    Ok(())
}

/// An error with all its causes, outermost first, as one text for a line of log.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

fn parse(filter: Option<&str>) -> Result<EnvFilter, ParseError> {
    let default = || format!("{DEFAULT_FILTER},{PEER_NOISE}");
    EnvFilter::builder().parse(filter.map_or_else(default, str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn filters_are_checked() {
        assert!(parse(None).is_ok());
        assert!(parse(Some("info,sealift=debug")).is_ok());
        assert!(parse(Some("sealift=loud")).is_err());
    }
}
