//! What people put on releases: notes and tags (management API §4.2).

use std::collections::BTreeSet;

/// Longest notes, in characters.
pub const MAX_NOTES_CHARS: usize = 1024;

/// Tags that one release may have.
pub const MAX_TAGS_PER_RELEASE: usize = 20;

/// Different tags that all releases of a tenant may have together.
pub const MAX_TAGS: usize = 100;

/// Longest tag, in bytes.
const MAX_TAG_BYTES: usize = 128;

/// What is noted about a release.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Notes(String);

/// The tags of a release: lower case, each once.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tags(BTreeSet<String>);

/// Notes or tags that are not taken.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidLabel {
    /// Too long, or not to be printed.
    #[error("notes are at most {MAX_NOTES_CHARS} characters that can be printed, line ends and tabs")]
    Notes,
    /// Not a tag.
    #[error("tag {0:?} is not of 1 to {MAX_TAG_BYTES} of the characters A-Z, a-z, 0-9, _, - and .")]
    Tag(String),
    /// More than a release may have.
    #[error("a release can have {MAX_TAGS_PER_RELEASE} tags")]
    TooManyTags,
}

impl Notes {
    /// Checks what is to be noted.
    pub fn new(text: String) -> Result<Self, InvalidLabel> {
        let is_fit = |char: char| !char.is_control() || matches!(char, '\n' | '\r' | '\t');
        if text.chars().count() <= MAX_NOTES_CHARS && text.chars().all(is_fit) {
            Ok(Self(text))
        } else {
            Err(InvalidLabel::Notes)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Tags {
    /// Checks tags; capitals become small letters, and a tag that comes twice is one.
    pub fn new(tags: impl IntoIterator<Item = String>) -> Result<Self, InvalidLabel> {
        let mut set = BTreeSet::new();
        for tag in tags {
            let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
            if tag.is_empty() || tag.len() > MAX_TAG_BYTES || !tag.bytes().all(is_fit) {
                return Err(InvalidLabel::Tag(tag.chars().take(MAX_TAG_BYTES).collect()));
            }
            set.insert(tag.to_ascii_lowercase());
            if set.len() > MAX_TAGS_PER_RELEASE {
                return Err(InvalidLabel::TooManyTags);
            }
        }
        Ok(Self(set))
    }

    /// The tags, in the order of the alphabet.
    #[must_use]
    pub const fn as_set(&self) -> &BTreeSet<String> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidLabel, MAX_NOTES_CHARS, Notes, Tags};

    fn tags(tags: &[&str]) -> Result<Vec<String>, InvalidLabel> {
        Tags::new(tags.iter().map(|&tag| tag.to_owned())).map(|tags| tags.as_set().iter().cloned().collect())
    }

    #[test]
    fn tags_are_small_and_different() {
        assert_eq!(tags(&["b", "A.1", "a.1", "x_y-z"]).unwrap(), ["a.1", "b", "x_y-z"]);
        for wrong in ["", "a b", "ä", "a/b", "a\0", &"x".repeat(129)] {
            assert!(matches!(tags(&[wrong]), Err(InvalidLabel::Tag(_))), "{wrong}");
        }
    }

    #[test]
    fn tags_are_counted_without_those_that_come_twice() {
        let many: Vec<String> = (0..21).map(|at| format!("t{at}")).collect();
        assert_eq!(Tags::new(many.clone()), Err(InvalidLabel::TooManyTags));
        let twice = many[..20].iter().chain(&many[..20]).cloned();
        assert_eq!(Tags::new(twice).unwrap().as_set().len(), 20);
    }

    #[test]
    fn notes_are_text_of_a_length() {
        assert_eq!(Notes::new("a\n\tb".to_owned()).unwrap().as_str(), "a\n\tb");
        assert!(Notes::new("ä".repeat(MAX_NOTES_CHARS)).is_ok());
        for wrong in ["a\0".to_owned(), "\u{1b}[2J".to_owned(), "x".repeat(MAX_NOTES_CHARS + 1)] {
            assert_eq!(Notes::new(wrong), Err(InvalidLabel::Notes));
        }
    }
}
