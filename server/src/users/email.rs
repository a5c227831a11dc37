//! Mail addresses, which users log in with.

use std::fmt;
use std::str::FromStr;

/// Longest address, in bytes (management API §1.2).
const MAX_EMAIL_BYTES: usize = 256;

/// An address in lower case. That it is somebody's is not checked.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Email(String);

/// A text that cannot be a user's address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an e-mail address has at most {MAX_EMAIL_BYTES} ASCII characters, one @, and no spaces")]
pub struct InvalidEmail;

impl Email {
    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, host) = text.split_once('@').ok_or(InvalidEmail)?;
        let is_part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic());
        if text.len() > MAX_EMAIL_BYTES || !is_part(name) || !is_part(host) || host.contains('@') {
            return Err(InvalidEmail);
        }
        // A colon would end the name in HTTP Basic authentication (RFC 7617 §2).
        if text.contains(':') {
            return Err(InvalidEmail);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Email;

    #[test]
    fn addresses_are_ascii_with_one_at_and_lower_cased() {
        let email: Email = "Ops+1@Example.COM".parse().unwrap();
        assert_eq!(email.as_str(), "ops+1@example.com");
        for text in [
            "",
            "a",
            "@b",
            "a@",
            "a@b@c",
            "a b@c",
            "ä@b",
            "a@b\n",
            "a:b@c",
            &format!("{}@b", "a".repeat(255)),
        ] {
            assert!(text.parse::<Email>().is_err(), "{text}");
        }
    }
}
