//! The globs of `clears_artifact_provides` (artifact format §5.3).

/// Returns true if `pattern` matches the whole of `text`: `*` is any run of characters, `\` takes the next character
/// as it is, everything else stands for itself.
///
/// Takes time in proportion to the product of both lengths at worst.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let tokens = tokens(pattern);
    let text: Vec<char> = text.chars().collect();
    let (mut token, mut position) = (0, 0);
    // The last `*`, and where the text after its run starts.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (tokens.get(token), text.get(position)) {
            (None, None) => return true,
            (Some(Token::Any), _) => {
                retry = Some((token + 1, position));
                token += 1;
            }
            (Some(Token::Char(wanted)), Some(found)) if wanted == found => {
                token += 1;
                position += 1;
            }
            (None | Some(Token::Char(_)), _) => match retry {
                Some((next, start)) if start < text.len() => {
                    retry = Some((next, start + 1));
                    (token, position) = (next, start + 1);
                }
                Some(_) | None => return false,
            },
        }
    }
}

enum Token {
    Any,
    Char(char),
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        tokens.push(match char {
            '*' => Token::Any,
            '\\' => Token::Char(chars.next().unwrap_or('\\')),
            other => Token::Char(other),
        });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_keys() {
        for (pattern, text) in [
            ("rootfs-image.*", "rootfs-image.app.version"),
            ("rootfs-image.*", "rootfs-image."),
            ("*", ""),
            ("*a*b", "xaayb"),
            ("a\\*b", "a*b"),
            ("a\\\\", "a\\"),
            ("**x", "x"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("rootfs-image.*", "rootfs-image"),
            ("a", "ab"),
            ("a\\*b", "axb"),
            ("*a", "ab"),
            ("", "a"),
            ("?", "a"),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
