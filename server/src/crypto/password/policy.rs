//! Which passwords may be chosen.

use secrecy::{ExposeSecret as _, SecretString};

use super::common::COMMON_PASSWORDS;

/// No configuration allows a password with fewer characters.
pub const PASSWORD_LENGTH_FLOOR: usize = 8;

/// The longest password: what is hashed has a limit too.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// The shortest part of a mail address whose occurrence in a password matters.
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

/// The rules for new passwords.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PasswordPolicy {
    min_chars: usize,
}

impl PasswordPolicy {
    /// Asks for at least `min_chars` characters, and never for fewer than [`PASSWORD_LENGTH_FLOOR`].
    #[must_use]
    pub fn new(min_chars: usize) -> Self {
        Self { min_chars: min_chars.max(PASSWORD_LENGTH_FLOOR) }
    }

    /// Checks a password that the owner of `email` wants to have.
    pub fn check(&self, password: &SecretString, email: &str) -> Result<(), PasswordRefused> {
        let password = password.expose_secret();
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(PasswordRefused::TooLong);
        }
        if password.chars().count() < self.min_chars {
            return Err(PasswordRefused::TooShort(self.min_chars));
        }
        let lower = password.to_lowercase();
        let name = email.split('@').next().unwrap_or_default().to_lowercase();
        if (name.chars().count() >= MIN_NAME_CHARS && lower.contains(&name))
            || email.to_lowercase().contains(&lower)
        {
            return Err(PasswordRefused::ContainsName);
        }
        if is_common(&lower) { Err(PasswordRefused::Common) } else { Ok(()) }
    }
}

/// Whether the password is on the list, perhaps repeated or with digits and signs around it.
fn is_common(lower: &str) -> bool {
    let core = lower.trim_matches(|character: char| !character.is_alphabetic());
    let distinct = lower.chars().collect::<std::collections::BTreeSet<_>>().len();
    distinct <= 3
        || COMMON_PASSWORDS.iter().any(|common| {
            *common == lower || *common == core || (!core.is_empty() && lower.replace(common, "").is_empty())
        })
}

#[cfg(test)]
mod tests {
    use super::{PasswordPolicy, PasswordRefused};

    fn check(min_chars: usize, password: &str, email: &str) -> Result<(), PasswordRefused> {
        PasswordPolicy::new(min_chars).check(&password.into(), email)
    }

    #[test]
    fn length_counts_characters_up_to_a_limit_in_bytes() {
        assert_eq!(check(15, "correct horse ba", "a@example.com"), Ok(()));
        assert_eq!(check(15, "correct horse ", "a@example.com"), Err(PasswordRefused::TooShort(15)));
        assert_eq!(check(15, "ÄÖÜ correct hor", "a@example.com"), Ok(()));
        assert_eq!(check(1, "xkcdyzq", "a@example.com"), Err(PasswordRefused::TooShort(8)));
        let (fits, too_long) = ("abcd".repeat(256), "abcde".repeat(205));
        assert_eq!(check(15, &fits, "a@example.com"), Ok(()));
        assert_eq!(check(15, &too_long, "a@example.com"), Err(PasswordRefused::TooLong));
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
    fn first_guesses_are_refused() {
        for guess in ["passwordpassword", "Password12345678", "123456789012345", "aaaaaaaaaaaaaaaa"] {
            assert_eq!(check(15, guess, "a@example.com"), Err(PasswordRefused::Common), "{guess}");
        }
    }
}
