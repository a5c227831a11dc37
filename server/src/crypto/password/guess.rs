//! What is guessed first: common words one after the other, walks over the keyboard, repetition.

use super::common::COMMON_WORDS;

/// Words in a row that are guessed, with whatever digits and signs between. Four drawn at random would not be
/// (user authentication §2), and nobody can tell how they were drawn.
const MAX_GUESSED_WORDS: usize = 3;

/// Keys in a row, and what people take for one.
const ROWS: [&str; 9] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik",
];

/// Whether a password, in lower case, is among the first guesses; `context` are words that belong to this server.
pub(super) fn is_guessed(lower: &str, context: &[String]) -> bool {
    let distinct = lower.chars().collect::<std::collections::BTreeSet<_>>().len();
    distinct <= 3 || is_walk(lower) || is_of_words(lower, context)
}

/// Whether most keys are beside the one before, or the same.
fn is_walk(lower: &str) -> bool {
    let pairs: Vec<(char, char)> = lower.chars().zip(lower.chars().skip(1)).collect();
    let steps = pairs.iter().filter(|(from, to)| from == to || are_neighbours(*from, *to)).count();
    // Four of five.
    steps * 5 >= pairs.len() * 4
}

fn are_neighbours(one: char, other: char) -> bool {
    ROWS.iter().any(|row| {
        let place = |wanted: char| row.chars().position(|key| key == wanted);
        place(one).zip(place(other)).is_some_and(|(one, other)| one.abs_diff(other) == 1)
    })
}

/// Whether all letters are those of a few common words, also with digits in the place of letters. The same word may
/// come any number of times.
fn is_of_words(lower: &str, context: &[String]) -> bool {
    [plain_letters(lower), spelled_out(lower)].iter().any(|letters| {
        letters.is_empty()
            || fewest_words(letters, context).is_some_and(|words| words <= MAX_GUESSED_WORDS)
            || COMMON_WORDS.iter().any(|word| letters.replace(word, "").is_empty())
            || context.iter().any(|word| letters.replace(word.as_str(), "").is_empty())
    })
}

fn plain_letters(lower: &str) -> String {
    lower.chars().filter(|character| character.is_alphabetic()).collect()
}

/// The letters that digits and signs stand for, where one does.
fn spelled_out(lower: &str) -> String {
    let letter = |character: char| match character {
        '0' => Some('o'),
        '1' | '!' => Some('i'),
        '3' => Some('e'),
        '4' | '@' => Some('a'),
        '5' | '$' => Some('s'),
        '7' => Some('t'),
        other => other.is_alphabetic().then_some(other),
    };
    // Digits around a word are a year or a number, not letters.
    lower.trim_matches(|character: char| !character.is_alphabetic()).chars().filter_map(letter).collect()
}

/// The least number of common words that make up a text, if some do.
fn fewest_words(letters: &str, context: &[String]) -> Option<usize> {
    let mut fewest: Vec<Option<usize>> = vec![None; letters.len() + 1];
    if let Some(start) = fewest.first_mut() {
        *start = Some(0);
    }
    for at in 0..letters.len() {
        let (Some(Some(so_far)), Some(rest)) = (fewest.get(at).copied(), letters.get(at..)) else { continue };
        let known = COMMON_WORDS.iter().copied().chain(context.iter().map(String::as_str));
        for word in known.filter(|word| rest.starts_with(*word)) {
            if let Some(end) = fewest.get_mut(at + word.len()) {
                *end = Some(end.map_or(so_far + 1, |known| known.min(so_far + 1)));
            }
        }
    }
    fewest.last().copied().flatten()
}

#[cfg(test)]
mod tests {
    use super::is_guessed;

    fn is_first_guess(password: &str) -> bool {
        is_guessed(&password.to_lowercase(), &["harbour".to_owned()])
    }

    #[test]
    fn first_guesses_are_known() {
        for guess in [
            "passwordpassword",
            "Password12345678",
            "123456789012345",
            "aaaaaaaaaaaaaaaa",
            "abababababababab",
            "abcdefghijklmnop",
            "qwertyuiopasdfgh",
            "1qaz2wsx3edc4rfv",
            "zyxwvutsrqponmlk",
            "adminadminadminadminadmin",
            "admin.admin.2026!",
            "Welcome-to-2026-welcome",
            "letmein letmein!",
            "P@ssw0rd P@ssw0rd",
            "s3al1ft-4dm1n-2026",
            "Sealift2026Sealift!",
            "MenderServerAdmin1",
            "harbourharbour1",
            "harbour-password-1",
            "changethispassword",
            "1234567890!1234567890",
            "2026-11-25 2026-11-25",
        ] {
            assert!(is_first_guess(guess), "{guess}");
        }
    }

    #[test]
    fn other_passwords_are_not() {
        for fine in [
            "a fair wind to sail",
            "another fair wind",
            "correct horse ba",
            "computer monkey sunshine football",
            "kX9#fL2@qW7!mZ4",
            "tuesday-gravel-onion",
            "zwölf Boxkämpfer",
            "uj7gmzq0w3ncy5ta",
        ] {
            assert!(!is_first_guess(fine), "{fine}");
        }
    }
}
