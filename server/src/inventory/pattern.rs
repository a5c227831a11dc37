//! Regular expressions of searches: they begin where the text begins, and take time in proportion to it.

use regex::{Regex, RegexBuilder};

use super::AttributeValue;

/// Longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 1_024;

/// Most that a pattern may become in memory, in bytes.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// A regular expression; one that is none matches nothing (management API §3.1).
#[derive(Clone, Debug)]
pub struct Pattern(Option<Regex>);

impl Pattern {
    /// Takes `EXPRESSION` or `/EXPRESSION/FLAGS`, with the flags `i`, `m`, `s` and `x`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        if text.len() > MAX_PATTERN_BYTES {
            return Self(None);
        }
        let (expression, flags) = delimited(text).unwrap_or((text, ""));
        let built = RegexBuilder::new(&format!("^(?:{expression})"))
            .case_insensitive(flags.contains('i'))
            .multi_line(flags.contains('m'))
            .dot_matches_new_line(flags.contains('s'))
            .ignore_whitespace(flags.contains('x'))
            .size_limit(MAX_COMPILED_BYTES)
            .dfa_size_limit(MAX_COMPILED_BYTES)
            .build();
        Self(built.ok())
    }

    /// Answers whether any text of a value matches.
    #[must_use]
    pub fn matches(&self, value: &AttributeValue) -> bool {
        self.0.as_ref().is_some_and(|regex| value.texts().any(|text| regex.is_match(text)))
    }

    /// Answers whether nothing can match.
    #[must_use]
    pub const fn is_void(&self) -> bool {
        self.0.is_none()
    }
}

fn delimited(text: &str) -> Option<(&str, &str)> {
    let (expression, flags) = text.strip_prefix('/')?.rsplit_once('/')?;
    flags.chars().all(|flag| "imsx".contains(flag)).then_some((expression, flags))
}

#[cfg(test)]
mod tests {
    use super::{AttributeValue, Pattern};

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).matches(&AttributeValue::Text(text.to_owned()))
    }

    #[test]
    fn patterns_begin_where_the_text_begins() {
        assert!(matches("ab", "abc"));
        assert!(!matches("bc", "abc"));
        assert!(matches(".*bc$", "abc"));
        assert!(!matches("x|bc", "abc"), "each alternative");
        assert!(matches("/ab/", "abc"));
        assert!(matches("/AB/i", "abc"));
        assert!(!matches("/AB/", "abc"));
        assert!(matches("/etc/passwd", "/etc/passwd"), "not a flag");
        assert!(!matches("^ab$", "abc"));
    }

    #[test]
    fn what_is_no_pattern_matches_nothing() {
        for wrong in ["(", "[", "a{1000000}{1000000}", "(?=a)", r"(a)\1", "(?:a", "a)(b", &"a".repeat(1_025)]
        {
            assert!(!matches(wrong, "a"), "{wrong}");
        }
        assert!(Pattern::new("(").is_void());
    }

    #[test]
    fn only_texts_match() {
        assert!(!Pattern::new(".*").matches(&AttributeValue::Number(1.0)));
        assert!(Pattern::new("b").matches(&AttributeValue::Texts(vec!["a".into(), "b".into()])));
        assert!(!Pattern::new(".*").matches(&AttributeValue::Texts(Vec::new())));
    }

    #[test]
    fn time_is_bounded() {
        // Exponential for an engine that goes back.
        assert!(!matches("(a*)*b", &"a".repeat(100_000)));
    }
}
