//! What is wrong with a configuration.

use std::path::PathBuf;

/// The configuration cannot be used. The text is for the operator.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// The file that `--config` names is not there.
    #[error("configuration file {path} does not exist", path = .0.display())]
    NoFile(PathBuf),
    /// A key is unknown or has a value of the wrong type.
    #[error("{0}")]
    Invalid(String),
    /// A value is of the right type, but makes no sense.
    #[error("`{key}` {problem}")]
    Value {
        /// The key, with its section.
        key: &'static str,
        /// What is wrong and what is allowed.
        problem: String,
    },
}

impl ConfigError {
    pub(super) fn value(key: &'static str, problem: impl Into<String>) -> Self {
        Self::Value { key, problem: problem.into() }
    }
}
