//! Why a command did not do what it was asked for.

use std::error::Error;
use std::io;

use super::exit::Exit;
use crate::config::ConfigError;
use crate::telemetry::TelemetryError;

/// A command failed. The variant decides the exit status, the text is for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The answer is no.
    #[error("{0}")]
    No(String),
    /// The command was used wrongly.
    #[error("{0}")]
    WrongUse(String),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Logs could not be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// Something that the command needs is not there.
    #[error("{what}")]
    Unreachable {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Standard input or output failed.
    #[error("failed to use the terminal")]
    Terminal(#[from] io::Error),
}

impl CliError {
    /// Wraps the failure of something that was tried: `failed to open the database`.
    pub fn unreachable(what: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unreachable { what: what.into(), source: source.into() }
    }

    /// The exit status that fits.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::No(_) => Exit::No,
            Self::WrongUse(_) | Self::Config(_) | Self::Telemetry(_) => Exit::WrongUse,
            Self::Unreachable { .. } | Self::Terminal(_) => Exit::Unreachable,
        }
    }

    /// The text with all its causes, on one line.
    #[must_use]
    pub fn explain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let reason = error.to_string();
            if !text.ends_with(&reason) {
                text.push_str(": ");
                text.push_str(&reason);
            }
            cause = error.source();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::CliError;
    use crate::cli::Exit;

    #[test]
    fn causes_are_told_in_order() {
        let error = CliError::unreachable("failed to open the database", io::Error::other("disk is full"));
        assert_eq!(error.explain(), "failed to open the database: disk is full");
        assert_eq!(error.exit(), Exit::Unreachable);
    }
}
