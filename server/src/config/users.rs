//! Rules for the people who use the server.

use serde::Deserialize;

use super::error::ConfigError;
use crate::crypto::password::{MAX_PASSWORD_BYTES, PASSWORD_LENGTH_FLOOR};

/// The section `[users]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Users {
    /// The least number of characters in a password.
    pub password_min_length: usize,
    /// Whether a fresh proof of who is calling is asked for on Mender's paths too, where their acts can do much harm.
    /// Existing clients cannot answer that.
    pub step_up_on_compatible_paths: bool,
}

impl Default for Users {
    fn default() -> Self {
        Self { password_min_length: 15, step_up_on_compatible_paths: false }
    }
}

impl Users {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if (PASSWORD_LENGTH_FLOOR..=MAX_PASSWORD_BYTES / 4).contains(&self.password_min_length) {
            return Ok(());
        }
        Err(ConfigError::value(
            "users.password_min_length",
            format!("must be between {PASSWORD_LENGTH_FLOOR} and {}", MAX_PASSWORD_BYTES / 4),
        ))
    }
}
