//! What people say of artifacts.

/// Longest description of an artifact, in bytes.
pub const MAX_DESCRIPTION_BYTES: usize = 4096;

/// A text that cannot describe an artifact.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidDescription {
    /// Longer than [`MAX_DESCRIPTION_BYTES`].
    #[error("the description is longer than {MAX_DESCRIPTION_BYTES} bytes")]
    TooLong,
    /// It holds a NUL, which PostgreSQL text cannot.
    #[error("the description holds a NUL")]
    Nul,
}

/// Checks what is to be said of an artifact.
pub(super) fn check_description(text: &str) -> Result<(), InvalidDescription> {
    if text.len() > MAX_DESCRIPTION_BYTES {
        return Err(InvalidDescription::TooLong);
    }
    if text.contains('\0') { Err(InvalidDescription::Nul) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::{InvalidDescription, MAX_DESCRIPTION_BYTES, check_description};

    #[test]
    fn descriptions_are_of_a_length_and_hold_no_nul() {
        assert_eq!(check_description(""), Ok(()));
        assert_eq!(check_description(&"x".repeat(MAX_DESCRIPTION_BYTES)), Ok(()));
        assert_eq!(
            check_description(&"x".repeat(MAX_DESCRIPTION_BYTES + 1)),
            Err(InvalidDescription::TooLong)
        );
        assert_eq!(check_description("a\0b"), Err(InvalidDescription::Nul));
    }
}
