//! The globs of `clears_artifact_provides` (artifact format §5.3).

/// Whether `pattern` matches the whole of `text`: `*` is any run of characters, `\` escapes the next one.
///
/// A lone `\` at the end matches nothing.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let Some(tokens) = tokens(pattern) else { return false };
    let text: Vec<char> = text.chars().collect();
    // `ends` holds every length of `text` that the tokens so far can match.
    let mut ends = vec![0];
    for token in tokens {
        ends = match token {
            Token::Any => ends.iter().min().map_or(Vec::new(), |&first| (first..=text.len()).collect()),
            Token::Char(wanted) => {
                ends.into_iter().filter(|&end| text.get(end) == Some(&wanted)).map(|end| end + 1).collect()
            }
        };
    }
    ends.contains(&text.len())
}

#[derive(Clone, Copy)]
enum Token {
    Any,
    Char(char),
}

fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' => Token::Any,
            '\\' => Token::Char(chars.next()?),
            other => Token::Char(other),
        });
    }
    Some(tokens)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn globs() {
        assert!(matches("rootfs-image.*", "rootfs-image.version"));
        assert!(matches("*", ""));
        assert!(matches("a*b*c", "aXbYbZc"));
        assert!(matches(r"a\*b", "a*b"));
        assert!(!matches(r"a\*b", "aXb"));
        assert!(!matches("rootfs-image", "rootfs-image.version"));
        assert!(!matches("*.x", "a.y"));
        assert!(!matches("trailing\\", "trailing\\"));
    }
}
