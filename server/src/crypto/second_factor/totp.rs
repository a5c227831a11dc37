//! Codes that depend on the time (RFC 6238): SHA-1, six digits, 30 seconds, which all authenticators know.

use std::fmt;

use chrono::{DateTime, Utc};
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

use crate::crypto::random::{RandomError, SecureRandom, random_bytes};

/// What RFC 4226 §4 recommends: 160 bits.
const SECRET_BYTES: usize = 20;

/// How long a code is shown.
pub const STEP_SECS: i64 = 30;

/// Steps before and after the present one whose codes are taken too (RFC 6238 §5.2).
const SKEW: u16 = 1;

/// What the server shares with the authenticator of a user.
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl TotpSecret {
    /// Draws a secret.
    pub fn generate(random: &dyn SecureRandom) -> Result<Self, RandomError> {
        random_bytes(random).map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// Reads what [`Self::as_bytes`] returned.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// The secret itself, to be sealed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_ref()
    }

    /// The step that a code belongs to, if it is the present one or one beside it.
    ///
    /// Whoever calls keeps the step: a code is good once (RFC 6238 §5.2).
    #[must_use]
    pub fn step_of(&self, code: &str, now: DateTime<Utc>) -> Option<i64> {
        let second = u64::try_from(now.timestamp()).ok()?;
        let step = self.totp("", "")?.check(code, second)?;
        i64::try_from(step).ok()
    }

    /// What an authenticator reads to make the same codes: `otpauth://totp/ISSUER:ACCOUNT?…`.
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> Option<Zeroizing<String>> {
        // A colon parts the two names.
        self.totp(&issuer.replace(':', " "), account)?.to_url().ok().map(Zeroizing::new)
    }

    fn totp(&self, issuer: &str, account: &str) -> Option<Totp> {
        let issuer = (!issuer.is_empty()).then_some(issuer);
        let builder = Builder::new().with_skew(SKEW).with_step_duration(STEP_SECS.unsigned_abs());
        let builder = builder.with_issuer(issuer).with_account_name(account);
        builder.with_secret(Secret::new_stack(*self.0)).build().ok()
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TotpSecret").finish_non_exhaustive()
    }
}

#[cfg(test)]
impl TotpSecret {
    /// The code that an authenticator shows at this moment.
    pub(crate) fn code_at(&self, now: DateTime<Utc>) -> String {
        self.totp("", "").unwrap().generate(now.timestamp().try_into().unwrap()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::{STEP_SECS, TotpSecret};
    use crate::crypto::random::SystemRandom;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B, the rows for SHA-1; a code of six digits is the end of one of eight.
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        for (second, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(secret.code_at(at(second)), code[2..]);
            assert_eq!(secret.step_of(&code[2..], at(second)), Some(second / STEP_SECS), "{second}");
        }
    }

    #[test]
    fn a_code_is_taken_one_step_early_and_one_step_late() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        let made = 1_111_111_111;
        let code = secret.code_at(at(made));
        let taken: Vec<bool> =
            (-2..=2).map(|steps| secret.step_of(&code, at(made + steps * STEP_SECS)).is_some()).collect();
        assert_eq!(taken, [false, true, true, true, false]);
    }

    #[test]
    fn what_is_no_code_is_no_step() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        for code in ["", "287", "0287082", "94287082", "+87082", "28708 ", "28708２", "abcdef"] {
            assert_eq!(secret.step_of(code, at(59)), None, "{code}");
        }
        assert_eq!(secret.step_of("287082", at(-59)), None);
    }

    #[test]
    fn secrets_differ_and_show_nothing() {
        let random = SystemRandom::new();
        let (one, other) = (TotpSecret::generate(&random).unwrap(), TotpSecret::generate(&random).unwrap());
        assert_ne!(one.as_bytes(), other.as_bytes());
        assert_eq!(format!("{one:?}"), "TotpSecret { .. }");
        assert!(TotpSecret::from_bytes(&[0; 19]).is_none());
    }

    #[test]
    fn the_uri_names_issuer_account_and_secret() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        let uri = secret.uri("Our: Sealift", "a+b@example.com").unwrap();
        assert_eq!(
            uri.as_str(),
            "otpauth://totp/Our%20%20Sealift:a%2Bb%40example.com\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Our%20%20Sealift"
        );
    }
}
