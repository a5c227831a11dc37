//! Codes that stand in for those of an authenticator: ten at a time, 50 bits each.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::crypto::random::{RandomError, SecureRandom, random_bytes};

/// How many there are at once.
pub const RECOVERY_CODES: usize = 10;

/// The digits of Crockford's base 32: none is taken for another.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Digits in a code, five bits each.
const LENGTH: usize = 10;

/// Digits before the hyphen.
const HALF: usize = 5;

/// A recovery code as it is checked: ten digits in lower case.
#[derive(Clone)]
pub struct RecoveryCode(SecretString);

impl RecoveryCode {
    /// Draws a code.
    pub fn generate(random: &dyn SecureRandom) -> Result<Self, RandomError> {
        let drawn = Zeroizing::new(random_bytes::<LENGTH>(random)?);
        // 256 is a multiple of 32, so each digit is as likely as any other.
        let digits = drawn.iter().filter_map(|byte| DIGITS.get(usize::from(byte % 32)));
        let text: String = digits.map(|digit| char::from(*digit)).collect();
        Ok(Self(text.into()))
    }

    /// Reads what a person typed: in any case, with or without hyphens and spaces, with `o` for 0 and `i` or `l` for 1.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut digits = Zeroizing::new(String::with_capacity(LENGTH));
        for character in text.chars().filter(|character| !matches!(character, '-' | ' ')) {
            let digit = match character.to_ascii_lowercase() {
                'o' => '0',
                'i' | 'l' => '1',
                other => other,
            };
            let is_digit = u8::try_from(digit).is_ok_and(|digit| DIGITS.contains(&digit));
            if !is_digit || digits.len() == LENGTH {
                return None;
            }
            digits.push(digit);
        }
        (digits.len() == LENGTH).then(|| Self(digits.as_str().into()))
    }

    /// The digits.
    pub(super) fn digits(&self) -> &str {
        self.0.expose_secret()
    }

    /// The code as it is shown, once: `xxxxx-xxxxx`.
    #[must_use]
    pub fn shown(&self) -> SecretString {
        let (first, second) = self.digits().split_at_checked(HALF).unwrap_or_default();
        format!("{first}-{second}").into()
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveryCode").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use secrecy::ExposeSecret as _;

    use super::{LENGTH, RecoveryCode};
    use crate::crypto::random::SystemRandom;

    #[test]
    fn a_code_is_read_as_it_was_shown_and_as_people_type() {
        let code = RecoveryCode::generate(&SystemRandom::new()).unwrap();
        let shown = code.shown();
        let shown = shown.expose_secret();
        assert_eq!((shown.len(), shown.find('-')), (LENGTH + 1, Some(5)));
        for typed in [shown.to_owned(), shown.to_uppercase(), shown.replace('-', ""), format!(" {shown} ")] {
            assert_eq!(RecoveryCode::parse(&typed).unwrap().digits(), code.digits());
        }
        assert_eq!(RecoveryCode::parse("OoIiL-lab-cd").unwrap().digits(), "001111abcd");
    }

    #[test]
    fn anything_else_is_no_code() {
        for text in
            ["", "123456", "abcde-abcd", "abcde-abcdef", "abcde-abcdu", "abcde-abcd\u{e9}", "abcde_abcd"]
        {
            assert!(RecoveryCode::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn all_digits_occur_and_no_code_twice() {
        let random = SystemRandom::new();
        let codes: BTreeSet<String> =
            (0..1000).map(|_| RecoveryCode::generate(&random).unwrap().digits().to_owned()).collect();
        assert_eq!(codes.len(), 1000);
        let digits: BTreeSet<char> = codes.iter().flat_map(|code| code.chars()).collect();
        assert_eq!(digits.len(), 32);
    }
}
