//! Checkpoints: the end of the trail at a moment, signed by the server.
//!
//! Whoever can write to the database but does not hold the master key cannot make one. A copy that is kept elsewhere
//! proves later that the trail up to it is still what it was, and that nothing of it was cut off.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use chrono::{DateTime, SecondsFormat, Utc};

use super::Hash;
use crate::crypto::session_token::{SigningKey, SigningKeyError, VerifyingKey};

/// Names what is signed; another form gets another name.
const FORM: &str = "sealift-audit-checkpoint-1";

/// The end of the trail at a moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checkpoint {
    /// The last record; 0 for a trail without any.
    pub sequence: i64,
    /// Its hash.
    pub hash: Hash,
    /// When this was signed, to the microsecond.
    pub at: DateTime<Utc>,
    /// When the records up to this one were dropped, if they were.
    pub sealed_at: Option<DateTime<Utc>>,
    /// The name of the key.
    pub kid: String,
    /// The signature (Ed25519, RFC 8032).
    pub signature: Vec<u8>,
}

impl Checkpoint {
    /// Signs the end of the trail.
    pub fn sign(
        (sequence, hash): (i64, Hash),
        at: DateTime<Utc>,
        sealed_at: Option<DateTime<Utc>>,
        key: &SigningKey,
    ) -> Result<Self, SigningKeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(key.pkcs8()).map_err(|_| SigningKeyError::Malformed)?;
        let kid = key.verifying().kid().to_owned();
        let (at, sealed_at) = (to_micros(at), sealed_at.map(to_micros));
        let unsigned = Self { sequence, hash, at, sealed_at, kid, signature: Vec::new() };
        let signature = pair.sign(unsigned.statement().as_bytes()).as_ref().to_vec();
        Ok(Self { signature, ..unsigned })
    }

    /// Answers whether one of these keys signed exactly this.
    #[must_use]
    pub fn is_signed_by<'k>(&self, keys: impl IntoIterator<Item = &'k VerifyingKey>) -> bool {
        keys.into_iter().filter(|key| key.kid() == self.kid).any(|key| {
            let key = UnparsedPublicKey::new(&ED25519, key.public_bytes());
            key.verify(self.statement().as_bytes(), &self.signature).is_ok()
        })
    }

    /// What is signed: lines of text.
    fn statement(&self) -> String {
        let sealed_at = self.sealed_at.map_or_else(|| "-".to_owned(), time);
        format!("{FORM}\n{}\n{}\n{}\n{sealed_at}\n", self.sequence, self.hash, time(self.at))
    }
}

/// A moment as exactly as every database keeps it.
fn to_micros(moment: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(moment.timestamp_micros()).unwrap_or(moment)
}

pub(super) fn time(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::Checkpoint;
    use crate::audit::Hash;
    use crate::crypto::random::SystemRandom;
    use crate::crypto::session_token::SigningKey;

    #[test]
    fn every_field_is_signed() {
        let (key, other) = (
            SigningKey::generate(&SystemRandom::new()).unwrap(),
            SigningKey::generate(&SystemRandom::new()).unwrap(),
        );
        let now = DateTime::UNIX_EPOCH;
        let good = Checkpoint::sign((7, Hash([1; 32])), now, None, &key).unwrap();
        let keys = [other.verifying().clone(), key.verifying().clone()];
        assert!(good.is_signed_by(&keys));
        assert!(!good.is_signed_by(&keys[..1]));
        for forged in [
            Checkpoint { sequence: 8, ..good.clone() },
            Checkpoint { hash: Hash([2; 32]), ..good.clone() },
            Checkpoint { at: now + TimeDelta::microseconds(1), ..good.clone() },
            Checkpoint { sealed_at: Some(now), ..good.clone() },
            Checkpoint { kid: other.verifying().kid().to_owned(), ..good.clone() },
            Checkpoint { signature: vec![0; 64], ..good.clone() },
        ] {
            assert!(!forged.is_signed_by(&keys), "{forged:?}");
        }
    }
}
