//! Which passwords may be chosen.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::guess::is_guessed;

/// No configuration allows a password with fewer characters.
pub const PASSWORD_LENGTH_FLOOR: usize = 8;

/// The longest password: what is hashed has a limit too.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// The shortest part of a mail address or of a host's name whose occurrence in a password matters.
const MIN_NAME_CHARS: usize = 3;

/// Why a password may not be chosen. The text is for the person who chose it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PasswordRefused {
    /// Too few characters.
    #[error("password must have at least {0} characters")]
    TooShort(usize),
    /// Too many bytes.
    #[error("password must have at most {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
    /// The name in the mail address is part of the password, or the other way round.
    #[error("password must not contain the name in the mail address")]
    ContainsName,
    /// Everybody's first guess.
    #[error("password is too common")]
    Common,
}

/// The least number of characters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PasswordLengths {
    /// Of who has nothing but the password.
    pub alone: usize,
    /// Of who has a second factor.
    pub with_second_factor: usize,
}

/// The rules for new passwords.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PasswordPolicy {
    lengths: PasswordLengths,
    context: Arc<[String]>,
}

impl PasswordPolicy {
    /// Asks for so many characters, and never for fewer than [`PASSWORD_LENGTH_FLOOR`]. The parts of the names of this
    /// server's `hosts` are guessed as common words are.
    #[must_use]
    pub fn new(lengths: PasswordLengths, hosts: &[&str]) -> Self {
        let alone = lengths.alone.max(PASSWORD_LENGTH_FLOOR);
        let with_second_factor = lengths.with_second_factor.clamp(PASSWORD_LENGTH_FLOOR, alone);
        let parts = hosts.iter().flat_map(|host| host.split(|character: char| !character.is_alphabetic()));
        let context = parts.filter(|part| part.chars().count() >= MIN_NAME_CHARS).map(str::to_lowercase);
        Self { lengths: PasswordLengths { alone, with_second_factor }, context: context.collect() }
    }

    /// Checks a password that the owner of `email` wants to have, who has nothing else.
    pub fn check(&self, password: &SecretString, email: &str) -> Result<(), PasswordRefused> {
        self.check_length(password, self.lengths.alone, email)
    }

    /// The same for who has a second factor.
    pub fn check_with_second_factor(
        &self,
        password: &SecretString,
        email: &str,
    ) -> Result<(), PasswordRefused> {
        self.check_length(password, self.lengths.with_second_factor, email)
    }

    fn check_length(
        &self,
        password: &SecretString,
        min_chars: usize,
        email: &str,
    ) -> Result<(), PasswordRefused> {
        let password = password.expose_secret();
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(PasswordRefused::TooLong);
        }
        if password.chars().count() < min_chars {
            return Err(PasswordRefused::TooShort(min_chars));
        }
        let lower = password.to_lowercase();
        let name = email.split('@').next().unwrap_or_default().to_lowercase();
        if (name.chars().count() >= MIN_NAME_CHARS && lower.contains(&name))
            || email.to_lowercase().contains(&lower)
        {
            return Err(PasswordRefused::ContainsName);
        }
        if is_guessed(&lower, &self.context) { Err(PasswordRefused::Common) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{PasswordLengths, PasswordPolicy, PasswordRefused};

    fn policy(alone: usize, with_second_factor: usize) -> PasswordPolicy {
        PasswordPolicy::new(PasswordLengths { alone, with_second_factor }, &["updates.lighthouse.example"])
    }

    fn check(min_chars: usize, password: &str, email: &str) -> Result<(), PasswordRefused> {
        policy(min_chars, 12).check(&password.into(), email)
    }

    #[test]
    fn length_counts_characters_up_to_a_limit_in_bytes() {
        assert_eq!(check(15, "correct horse ba", "a@example.com"), Ok(()));
        assert_eq!(check(15, "correct horse ", "a@example.com"), Err(PasswordRefused::TooShort(15)));
        assert_eq!(check(15, "ÄÖÜ correct hor", "a@example.com"), Ok(()));
        assert_eq!(check(1, "xkcdyzq", "a@example.com"), Err(PasswordRefused::TooShort(8)));
        let (fits, too_long) = ("axcd".repeat(256), "axcde".repeat(205));
        assert_eq!(check(15, &fits, "a@example.com"), Ok(()));
        assert_eq!(check(15, &too_long, "a@example.com"), Err(PasswordRefused::TooLong));
    }

    #[test]
    fn a_second_factor_allows_for_a_shorter_one_and_never_asks_for_a_longer_one() {
        let shorter = |policy: PasswordPolicy, password: &str| {
            policy.check_with_second_factor(&password.into(), "a@example.com")
        };
        assert_eq!(shorter(policy(15, 12), "correct hors"), Ok(()));
        assert_eq!(shorter(policy(15, 12), "correct hor"), Err(PasswordRefused::TooShort(12)));
        assert_eq!(shorter(policy(10, 12), "correct ho"), Ok(()));
        assert_eq!(shorter(policy(10, 1), "correct"), Err(PasswordRefused::TooShort(8)));
    }

    #[test]
    fn the_name_in_the_address_is_refused() {
        let refused = Err(PasswordRefused::ContainsName);
        assert_eq!(check(15, "the secret of Operator 1", "operator@example.com"), refused);
        assert_eq!(check(15, "OPERATOR@EXAMPLE.COM", "operator@example.com"), refused);
        assert_eq!(check(15, "operator@example", "operator@example.com"), refused);
        assert_eq!(check(15, "a fair wind to sail", "a@example.com"), Ok(()));
    }

    #[test]
    fn first_guesses_are_refused_and_those_that_this_server_suggests() {
        for guess in ["passwordpassword", "lighthouse-lighthouse", "Lighthouse-Updates-2026"] {
            assert_eq!(check(15, guess, "a@example.com"), Err(PasswordRefused::Common), "{guess}");
        }
    }
}
