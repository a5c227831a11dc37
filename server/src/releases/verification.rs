//! Comparing the signature of an artifact with the keys of a tenant, while it arrives and before it is stored.

use std::sync::Arc;

use artifact::{SignatureJudge, VerifyingKey};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use super::{KeyState, SignaturePolicy, Validity};
use crate::clock::Clock;
use crate::ids::{KeyId, UserId};

/// A public key that artifacts may be signed with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerificationKey {
    /// Its id.
    pub id: KeyId,
    /// What people call it.
    pub name: String,
    /// The key itself.
    pub key: VerifyingKey,
    /// When its signatures count.
    pub validity: Validity,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Who added it.
    pub created_by: UserId,
    /// When it was revoked, and by whom.
    pub revocation: Option<(DateTime<Utc>, UserId)>,
    /// Whether all artifacts that were stored before it have been compared with it.
    pub compared: bool,
}

/// A key that fits the signature of an artifact.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signer {
    /// The key.
    pub id: KeyId,
    /// What people call it.
    pub name: String,
    /// When its signatures count.
    pub validity: Validity,
}

/// What an artifact lacks for a policy that requires a valid signature.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature.
    #[error("the artifact is not signed, and the signature policy requires that")]
    Missing,
    /// No key fits the signature.
    #[error("the signature is not by a trusted key; tried: {}", listed(.tried))]
    Untrusted {
        /// The names of the valid keys.
        tried: Vec<String>,
    },
    /// The key that fits does not count any more.
    #[error("the signature is by the key {name:?}, which is revoked; tried: {}", listed(.tried))]
    Revoked {
        /// The key's name.
        name: String,
        /// The names of the valid keys.
        tried: Vec<String>,
    },
    /// The key that fits does not count at this time.
    #[error("the signature is by the key {name:?}, which {}; tried: {}", when(*.state), listed(.tried))]
    OutsideValidity {
        /// The key's name.
        name: String,
        /// Before or after.
        state: KeyState,
        /// The names of the valid keys.
        tried: Vec<String>,
    },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none, for there is no valid key".to_owned();
    }
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

const fn when(state: KeyState) -> &'static str {
    match state {
        KeyState::NotYetValid => "is not valid yet",
        KeyState::Valid | KeyState::Expired | KeyState::Revoked => "has expired",
    }
}

/// The policy and the keys that uploads are judged by.
#[derive(Clone, Debug, Default)]
pub(super) struct Judges {
    pub(super) policy: SignaturePolicy,
    pub(super) keys: Vec<VerificationKey>,
}

/// What the reader saw of a signature, kept until the artifact is stored: keys may come and go meanwhile.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    manifest: Vec<u8>,
    signature: Option<Vec<u8>>,
    /// Keys that were compared, and whether they fit.
    compared: Vec<(KeyId, bool)>,
}

impl Evidence {
    pub(super) const fn new(manifest: Vec<u8>, signature: Option<Vec<u8>>) -> Self {
        Self { manifest, signature, compared: Vec::new() }
    }

    /// The keys that fit, in the order of the keys; each is compared once.
    pub(super) fn signers<'k>(&mut self, keys: &'k [VerificationKey]) -> Vec<&'k VerificationKey> {
        let Self { manifest, signature, compared } = self;
        let Some(signature) = signature else { return Vec::new() };
        let mut fits = |key: &VerificationKey| {
            if let Some((_, known)) = compared.iter().find(|(id, _)| *id == key.id) {
                return *known;
            }
            let fits = key.key.verifies(manifest, signature);
            compared.push((key.id, fits));
            fits
        };
        keys.iter().filter(|key| fits(key)).collect()
    }
}

impl Judges {
    /// The keys that fit, unless the policy refuses the artifact.
    pub(super) fn judge(
        &self,
        evidence: &mut Evidence,
        now: DateTime<Utc>,
    ) -> Result<Vec<Signer>, SignatureError> {
        let signers = evidence.signers(&self.keys);
        let best = signers.iter().min_by_key(|key| key.validity.at(now));
        let is_trusted = best.is_some_and(|key| key.validity.at(now) == KeyState::Valid);
        if self.policy == SignaturePolicy::Require && !is_trusted {
            if evidence.signature.is_none() {
                return Err(SignatureError::Missing);
            }
            let valid = self.keys.iter().filter(|key| key.validity.at(now) == KeyState::Valid);
            let tried = valid.map(|key| key.name.clone()).collect();
            let Some(key) = best else { return Err(SignatureError::Untrusted { tried }) };
            let name = key.name.clone();
            return Err(match key.validity.at(now) {
                KeyState::Revoked => SignatureError::Revoked { name, tried },
                state @ (KeyState::Valid | KeyState::NotYetValid | KeyState::Expired) => {
                    SignatureError::OutsideValidity { name, state, tried }
                }
            });
        }
        Ok(signers.into_iter().map(VerificationKey::signer).collect())
    }
}

impl VerificationKey {
    /// The key as artifacts know it.
    #[must_use]
    pub fn signer(&self) -> Signer {
        Signer { id: self.id, name: self.name.clone(), validity: self.validity }
    }
}

/// Where the reader leaves what it saw, and what the policy says of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Witness(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    evidence: Evidence,
    refusal: Option<SignatureError>,
}

impl Witness {
    /// A judge for the reader of one artifact.
    pub(super) fn judge(&self, judges: Judges, clock: Arc<dyn Clock>) -> SignatureJudge {
        let seen = Arc::clone(&self.0);
        SignatureJudge::new(move |manifest, signature| {
            let mut evidence = Evidence::new(manifest.to_vec(), signature.map(<[u8]>::to_vec));
            let refusal = judges.judge(&mut evidence, clock.now()).err();
            let said = refusal.as_ref().map_or(Ok(()), |refusal| Err(refusal.to_string()));
            *seen.lock() = Seen { evidence, refusal };
            said
        })
    }

    /// A judge that sees the signature and ends the reading there.
    pub(super) fn glance(&self) -> SignatureJudge {
        let seen = Arc::clone(&self.0);
        SignatureJudge::new(move |manifest, signature| {
            let evidence = Evidence::new(manifest.to_vec(), signature.map(<[u8]>::to_vec));
            *seen.lock() = Seen { evidence, refusal: None };
            Err("seen".to_owned())
        })
    }

    /// What was seen; [`SignatureError`] if the policy refused it.
    pub(super) fn take(&self) -> Result<Evidence, SignatureError> {
        let Seen { evidence, refusal } = std::mem::take(&mut *self.0.lock());
        refusal.map_or(Ok(evidence), Err)
    }
}

#[cfg(test)]
mod tests {
    use artifact::{KeyType, SigningKey};
    use chrono::DateTime;

    use super::{Evidence, Judges, KeyState, SignatureError, SignaturePolicy, Validity, VerificationKey};
    use crate::ids::{KeyId, UserId};

    fn key(name: &str, signing: &SigningKey, validity: Validity) -> VerificationKey {
        VerificationKey {
            id: KeyId::generate(),
            name: name.to_owned(),
            key: signing.verifying_key().unwrap(),
            validity,
            created_at: DateTime::UNIX_EPOCH,
            created_by: UserId::generate(),
            revocation: None,
            compared: true,
        }
    }

    #[test]
    fn a_policy_that_requires_says_what_is_missing() {
        let now = DateTime::from_timestamp(1000, 0).unwrap();
        let signing = SigningKey::generate(KeyType::P256).unwrap();
        let other = SigningKey::generate(KeyType::P256).unwrap();
        let signature = signing.sign(b"manifest").unwrap();
        let judge = |policy, keys: &[VerificationKey], signature: Option<&[u8]>| {
            let mut evidence = Evidence::new(b"manifest".to_vec(), signature.map(<[u8]>::to_vec));
            Judges { policy, keys: keys.to_vec() }.judge(&mut evidence, now)
        };
        let require = SignaturePolicy::Require;
        let ended = Validity { not_after: DateTime::from_timestamp(999, 0), ..Validity::default() };
        let stranger = key("other", &other, Validity::default());
        let (good, expired) = (key("good", &signing, Validity::default()), key("old", &signing, ended));
        let revoked = key("lost", &signing, Validity { revoked: true, ..Validity::default() });
        assert_eq!(judge(require, std::slice::from_ref(&stranger), None), Err(SignatureError::Missing));
        let refused = judge(require, std::slice::from_ref(&stranger), Some(&signature)).unwrap_err();
        assert_eq!(refused.to_string(), "the signature is not by a trusted key; tried: \"other\"");
        let refused = judge(require, &[], Some(&signature)).unwrap_err();
        assert!(refused.to_string().ends_with("tried: none, for there is no valid key"), "{refused}");
        let refused = judge(require, &[stranger.clone(), revoked.clone()], Some(&signature)).unwrap_err();
        let text = "the signature is by the key \"lost\", which is revoked; tried: \"other\"";
        assert_eq!(refused.to_string(), text);
        // The kinder of two reasons is told.
        let refused = judge(require, &[revoked.clone(), expired.clone()], Some(&signature)).unwrap_err();
        assert!(matches!(
            &refused,
            SignatureError::OutsideValidity { name, state: KeyState::Expired, .. } if name == "old"
        ));
        assert!(refused.to_string().contains("which has expired"), "{refused}");
        let all = [stranger, revoked, good, expired];
        let signers = judge(require, &all, Some(&signature)).unwrap();
        let names: Vec<_> = signers.iter().map(|signer| signer.name.as_str()).collect();
        assert_eq!(names, ["lost", "good", "old"], "all that fit are recorded");
        for policy in [SignaturePolicy::Off, SignaturePolicy::Warn] {
            assert_eq!(judge(policy, &all, None), Ok(Vec::new()));
            assert_eq!(judge(policy, &all[..1], Some(&signature)), Ok(Vec::new()));
        }
    }

    #[test]
    fn keys_that_come_later_are_compared_then() {
        let signing = SigningKey::generate(KeyType::Ed25519).unwrap();
        let mut evidence = Evidence::new(b"m".to_vec(), Some(signing.sign(b"m").unwrap()));
        assert!(evidence.signers(&[]).is_empty());
        let late = [key("late", &signing, Validity::default())];
        assert_eq!(evidence.signers(&late).len(), 1);
        assert_eq!(evidence.compared, [(late[0].id, true)]);
    }
}
