//! Rules for the people who use the server.

use serde::Deserialize;

use super::error::ConfigError;
use crate::crypto::password::{
    HashCost, MAX_PASSWORD_BYTES, MEMORY_KIB_FLOOR, PASSES_FLOOR, PASSWORD_LENGTH_FLOOR, PasswordLengths,
};

/// More memory than this, in KiB, makes a few log-ins at once an attack.
const MEMORY_KIB_CEILING: u32 = 1 << 20;

/// Nobody sits at a browser for longer than a month.
const MAX_CONSOLE_SECS: u64 = 31 * 24 * 60 * 60;

/// More passes than this keep people waiting for nothing that memory could not do better.
const PASSES_CEILING: u32 = 16;

/// The section `[users]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Users {
    /// The least number of characters in a password.
    pub password_min_length: usize,
    /// The same for who has a second factor; counts where it is less.
    pub password_min_length_with_2fa: usize,
    /// Memory that the hash of a password takes, in KiB.
    pub argon2_memory_kib: u32,
    /// How often the memory is gone through.
    pub argon2_passes: u32,
    /// How long a session of the console goes on without a refresh.
    pub console_idle_secs: u64,
    /// How long a session of the console goes on at all.
    pub console_max_secs: u64,
    /// Whether a fresh proof of who is calling is asked for on Mender's paths too, where their acts can do much harm.
    /// Existing clients cannot answer that.
    pub step_up_on_compatible_paths: bool,
    /// Whether Mender's web console is told of the tenant (`tenants/me`), upon which it shows what it shows for paid
    /// plans only.
    pub full_console: bool,
}

impl Default for Users {
    fn default() -> Self {
        let HashCost { memory_kib, passes } = HashCost::default();
        Self {
            password_min_length: 15,
            password_min_length_with_2fa: 12,
            argon2_memory_kib: memory_kib,
            argon2_passes: passes,
            console_idle_secs: 30 * 60,
            console_max_secs: 12 * 60 * 60,
            step_up_on_compatible_paths: false,
            full_console: false,
        }
    }
}

impl Users {
    /// The least number of characters in a password.
    #[must_use]
    pub const fn password_lengths(&self) -> PasswordLengths {
        PasswordLengths {
            alone: self.password_min_length,
            with_second_factor: self.password_min_length_with_2fa,
        }
    }

    /// How much work the hash of a password is.
    #[must_use]
    pub const fn hash_cost(&self) -> HashCost {
        HashCost { memory_kib: self.argon2_memory_kib, passes: self.argon2_passes }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let lengths = PASSWORD_LENGTH_FLOOR..=MAX_PASSWORD_BYTES / 4;
        for (key, length) in [
            ("users.password_min_length", self.password_min_length),
            ("users.password_min_length_with_2fa", self.password_min_length_with_2fa),
        ] {
            if !lengths.contains(&length) {
                let text = format!("must be between {} and {}", lengths.start(), lengths.end());
                return Err(ConfigError::value(key, text));
            }
        }
        for (key, cost, range) in [
            ("users.argon2_memory_kib", self.argon2_memory_kib, MEMORY_KIB_FLOOR..=MEMORY_KIB_CEILING),
            ("users.argon2_passes", self.argon2_passes, PASSES_FLOOR..=PASSES_CEILING),
        ] {
            if !range.contains(&cost) {
                let text = format!("must be between {} and {}", range.start(), range.end());
                return Err(ConfigError::value(key, text));
            }
        }
        for (key, secs) in [
            ("users.console_idle_secs", self.console_idle_secs),
            ("users.console_max_secs", self.console_max_secs),
        ] {
            if !(60..=MAX_CONSOLE_SECS).contains(&secs) {
                return Err(ConfigError::value(key, format!("must be between 60 and {MAX_CONSOLE_SECS}")));
            }
        }
        Ok(())
    }
}
