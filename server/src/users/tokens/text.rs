//! How prefixed tokens are written: `slt_pat_HANDLE_SECRET_CHECK` (user authentication §6).

use std::fmt;

use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::crypto::random::{RandomError, SecureRandom};

/// What all of them begin with; scanners for leaked secrets look for it.
const PREFIX: &str = "slt_pat_";
const HANDLE_LENGTH: usize = 10;
/// The digits of base 62 that hold 256 bits.
const SECRET_LENGTH: usize = 43;
/// Those that hold the 32 bits of the checksum.
const CHECK_LENGTH: usize = 6;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Bytes from here on are not divided evenly among the digits.
const FAIR: u8 = 62 * 4;

/// The public part, by which a token is found.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct TokenHandle(String);

/// The SHA-256 of a secret of 256 bits.
#[derive(Clone)]
pub struct TokenHash([u8; 32]);

/// A token as somebody presents it; that it is one of ours is not known yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenText {
    /// By which it is looked for.
    pub handle: TokenHandle,
    /// What is compared with what is stored.
    pub hash: TokenHash,
}

/// A token that was just drawn: the text is for its owner alone.
#[derive(Debug)]
pub struct Drawn {
    /// What its owner gets, once.
    pub text: SecretString,
    /// By which it will be found.
    pub handle: TokenHandle,
    /// What is stored of its secret.
    pub hash: TokenHash,
}

impl TokenText {
    /// Whether a text is meant to be a prefixed token: no JWT begins like one.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// Reads a token. What was mistyped or cut is told by the checksum, without looking anything up.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (checked, check) = text.rsplit_once('_')?;
        let (handle, secret) = checked.strip_prefix(PREFIX)?.split_once('_')?;
        let is_right = is_word(handle, HANDLE_LENGTH)
            && is_word(secret, SECRET_LENGTH)
            && is_word(check, CHECK_LENGTH)
            && checksum(checked) == check;
        is_right.then(|| Self { handle: TokenHandle(handle.to_owned()), hash: TokenHash::of(secret) })
    }
}

impl Drawn {
    /// Draws a token with a handle of its own.
    pub fn draw(random: &dyn SecureRandom) -> Result<Self, RandomError> {
        let handle = random_word(HANDLE_LENGTH, random)?;
        Self::with_handle(TokenHandle(handle.as_str().to_owned()), random)
    }

    /// Draws another secret for a handle.
    pub fn with_handle(handle: TokenHandle, random: &dyn SecureRandom) -> Result<Self, RandomError> {
        let secret = random_word(SECRET_LENGTH, random)?;
        let checked = Zeroizing::new(format!("{PREFIX}{handle}_{}", secret.as_str()));
        let text = format!("{}_{}", checked.as_str(), checksum(&checked)).into();
        Ok(Self { text, handle, hash: TokenHash::of(&secret) })
    }
}

impl TokenHandle {
    /// A handle as it was stored.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        is_word(text, HANDLE_LENGTH).then(|| Self(text.to_owned()))
    }

    /// The handle as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TokenHash {
    fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// A hash as it was stored.
    #[must_use]
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Takes as long whatever differs.
impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

fn is_word(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Random digits of base 62, each as likely as any other.
pub(in crate::users) fn random_word(
    length: usize,
    random: &dyn SecureRandom,
) -> Result<Zeroizing<String>, RandomError> {
    let mut text = Zeroizing::new(String::with_capacity(length));
    let mut bytes = Zeroizing::new([0_u8; 64]);
    while text.len() < length {
        random.fill(bytes.as_mut_slice())?;
        let fair = bytes.iter().filter(|byte| **byte < FAIR).map(|byte| digit(u32::from(byte % 62)));
        let missing = length - text.len();
        text.extend(fair.take(missing));
    }
    Ok(text)
}

/// The CRC-32 of a text in base 62, the most significant digit first.
fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [0_u32; CHECK_LENGTH];
    for place in digits.iter_mut().rev() {
        *place = rest % 62;
        rest /= 62;
    }
    digits.into_iter().map(digit).collect()
}

fn digit(value: u32) -> char {
    let found = usize::try_from(value).ok().and_then(|at| DIGITS.get(at));
    found.map_or('0', |byte| char::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use secrecy::ExposeSecret as _;

    use super::{Drawn, TokenText, checksum};
    use crate::crypto::random::SystemRandom;

    #[test]
    fn a_drawn_token_is_read_as_it_was_drawn() {
        let random = SystemRandom::new();
        let drawn = Drawn::draw(&random).unwrap();
        let text = drawn.text.expose_secret();
        assert_eq!(text.len(), 8 + 10 + 1 + 43 + 1 + 6);
        let read = TokenText::parse(text).unwrap();
        assert_eq!((&read.handle, &read.hash), (&drawn.handle, &drawn.hash));
        let next = Drawn::with_handle(drawn.handle.clone(), &random).unwrap();
        let read = TokenText::parse(next.text.expose_secret()).unwrap();
        assert!(read.handle == drawn.handle && read.hash != drawn.hash);
        assert!(!format!("{drawn:?}").contains(text) && format!("{:?}", drawn.hash) == "TokenHash(…)");
    }

    #[test]
    fn checksums_are_those_of_other_implementations() {
        // The check value of CRC-32 (ISO-HDLC) is 0xcbf43926 = 3421780262, in base 62 with these digits.
        assert_eq!(checksum("123456789"), "3jZRME");
        assert_eq!(checksum(""), "000000");
    }

    #[test]
    fn any_other_character_is_noticed() {
        let drawn = Drawn::draw(&SystemRandom::new()).unwrap();
        let text = drawn.text.expose_secret();
        for at in 0..text.len() {
            for other in ["a", "Z", "0", "_", "é"] {
                if text[at..=at] != *other {
                    let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                    assert_eq!(TokenText::parse(&changed), None, "{changed}");
                }
            }
            assert_eq!(TokenText::parse(&text[..at]), None);
        }
    }

    proptest! {
        #[test]
        fn nothing_else_is_a_token(text in any::<String>()) {
            assert_eq!(TokenText::parse(&text), None);
            assert_eq!(TokenText::parse(&format!("slt_pat_{text}")), None);
        }

        #[test]
        fn what_is_read_is_written_in_one_way(
            handle in "[0-9A-Za-z]{10}", secret in "[0-9A-Za-z]{43}", check in "[0-9A-Za-z]{6}",
        ) {
            let checked = format!("slt_pat_{handle}_{secret}");
            let right = format!("{checked}_{}", checksum(&checked));
            assert_eq!(TokenText::parse(&right).unwrap().handle.as_str(), handle);
            let wrong = format!("{checked}_{check}");
            assert_eq!(TokenText::parse(&wrong).is_some(), wrong == right);
        }
    }
}
