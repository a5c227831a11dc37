//! Asking for a password.

use std::io::{self, BufRead};

use secrecy::{ExposeSecret as _, SecretString};

use super::error::CliError;
use crate::crypto::password::MAX_PASSWORD_BYTES;

/// Where a new password comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PasswordSource {
    /// One line of standard input.
    Stdin,
    /// The terminal, typed twice and not shown.
    Terminal,
}

/// Gets a new password.
pub(super) fn ask(source: PasswordSource) -> Result<SecretString, CliError> {
    match source {
        PasswordSource::Stdin => read_line(io::stdin().lock()),
        PasswordSource::Terminal => {
            let first = SecretString::from(rpassword::prompt_password("Password: ")?);
            let second = SecretString::from(rpassword::prompt_password("Again: ")?);
            if first.expose_secret() == second.expose_secret() {
                Ok(first)
            } else {
                Err(CliError::WrongUse("the two passwords differ".to_owned()))
            }
        }
    }
}

fn read_line(input: impl BufRead) -> Result<SecretString, CliError> {
    let mut line = String::new();
    // Two bytes more than any password, for the end of the line.
    let limit = u64::try_from(MAX_PASSWORD_BYTES + 2).unwrap_or(u64::MAX);
    input.take(limit).read_line(&mut line)?;
    let password = SecretString::from(line.trim_end_matches(['\r', '\n']));
    zeroize::Zeroize::zeroize(&mut line);
    if password.expose_secret().is_empty() {
        return Err(CliError::WrongUse("no password on standard input".to_owned()));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::read_line;

    #[test]
    fn one_line_is_the_password() {
        for input in ["correct horse", "correct horse\n", "correct horse\r\n", "correct horse\nand more\n"] {
            assert_eq!(read_line(input.as_bytes()).unwrap().expose_secret(), "correct horse");
        }
        assert!(read_line("".as_bytes()).is_err());
        assert!(read_line("\n".as_bytes()).is_err());
    }
}
