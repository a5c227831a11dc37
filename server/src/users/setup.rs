//! The setup token: how the first user is made over the network (user authentication §10).

use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{UserError, Users};
use crate::crypto::random::{RandomError, SecureRandom, random_bytes};
use crate::ids::UserId;

/// Wrong tokens after which the right one is void as well.
const TRIES: u32 = 5;

/// The digits of base 32 (RFC 4648 §6).
const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Why the first user was not made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Not the token.
    #[error("the setup token is wrong")]
    WrongToken,
    /// The token was used, or too many wrong ones were tried; the next start makes another.
    #[error("the setup token is void")]
    Void,
    /// The user was not made; the token stays good unless there are users already.
    #[error(transparent)]
    User(#[from] UserError),
}

/// The setup token of one run of the server.
#[derive(Debug)]
pub struct Setup {
    state: Mutex<State>,
    shown: Mutex<Option<SecretString>>,
}

/// The token's hash while it is good, and how often it may still be missed.
#[derive(Debug)]
struct State {
    hash: Option<[u8; 32]>,
    tries: u32,
}

impl Setup {
    /// Draws a token of 128 bits.
    pub fn generate(random: &dyn SecureRandom) -> Result<Self, RandomError> {
        let token = base32(random_bytes(random)?);
        let state = State { hash: Some(hash(&token)), tries: TRIES };
        Ok(Self { state: Mutex::new(state), shown: Mutex::new(Some(token.into())) })
    }

    /// The token, for who shows it to the operator; only the first call gets it, then only its hash is kept.
    #[must_use]
    pub fn take_token(&self) -> Option<SecretString> {
        self.shown.lock().take()
    }

    /// Makes the first user, an admin, for who holds the token; the token is void afterwards.
    pub async fn create_admin(
        &self,
        users: &Users,
        token: &SecretString,
        email: &str,
        password: SecretString,
    ) -> Result<UserId, SetupError> {
        self.check(token)?;
        let made = users.add_first(email, password).await;
        if matches!(made, Ok(_) | Err(UserError::NotFirst)) {
            self.state.lock().hash = None;
        }
        Ok(made?)
    }

    fn check(&self, token: &SecretString) -> Result<(), SetupError> {
        let given = hash(&token.expose_secret().trim().to_ascii_uppercase());
        let mut state = self.state.lock();
        let expected = state.hash.ok_or(SetupError::Void)?;
        if bool::from(given.ct_eq(&expected)) {
            return Ok(());
        }
        state.tries = state.tries.saturating_sub(1);
        if state.tries == 0 {
            state.hash = None;
        }
        Err(SetupError::WrongToken)
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// 26 digits for 128 bits, the last one padded with zero bits (RFC 4648 §6), without padding signs.
fn base32(bytes: [u8; 16]) -> String {
    let bits = u128::from_be_bytes(bytes);
    (0..26_u32)
        .map(|at| {
            let digit = if at < 25 { bits >> (123 - 5 * at) } else { bits << 2 } & 31;
            let digit = usize::try_from(digit).ok().and_then(|digit| DIGITS.get(digit));
            digit.map_or('A', |digit| char::from(*digit))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::base32;

    #[test]
    fn digits_are_those_of_rfc_4648() {
        assert_eq!(base32([0; 16]), "A".repeat(26));
        assert_eq!(base32([0xff; 16]), format!("{}4", "7".repeat(25)));
        assert_eq!(base32(*b"foobarfoobarfoob"), "MZXW6YTBOJTG633CMFZGM33PMI");
    }
}
