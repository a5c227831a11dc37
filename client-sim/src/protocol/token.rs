//! Session tokens.

use std::fmt;
use std::sync::Arc;

/// The token of a device's session: opaque text that goes into a header. Its `Debug` form does not show it.
#[derive(Clone, Eq, PartialEq)]
pub struct SessionToken(Arc<str>);

impl SessionToken {
    /// Takes text as a token, if a header can carry it: not empty, visible ASCII and blanks.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_usable = !text.is_empty() && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        is_usable.then(|| Self(Arc::from(text)))
    }

    /// The text, for the header.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::SessionToken;

    #[test]
    fn a_token_with_a_newline_is_unusable_and_none_is_shown() {
        assert_eq!(SessionToken::new("abc\n"), None);
        assert_eq!(SessionToken::new(""), None);
        assert!(!format!("{:?}", SessionToken::new("secret").unwrap()).contains("secret"));
    }
}
