//! Whose signatures count: the policy of a tenant, and when its keys are valid.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::ids::KeyId;

/// What a tenant asks of the signatures of artifacts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SignaturePolicy {
    /// Nothing.
    #[default]
    Off,
    /// Nothing, but what no valid key signed is said to be so.
    Warn,
    /// That a valid key made them: nothing else is stored or offered.
    Require,
}

/// A word that names no policy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not a signature policy: off, warn or require")]
pub struct UnknownPolicy(pub String);

/// When the signatures of a key count.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Validity {
    /// Not before this moment.
    pub not_before: Option<DateTime<Utc>>,
    /// Not after this moment.
    pub not_after: Option<DateTime<Utc>>,
    /// Never again, whatever the moment.
    pub revoked: bool,
}

/// Whether the signatures of a key count at a moment.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum KeyState {
    /// They do.
    Valid,
    /// Not yet.
    NotYetValid,
    /// Not any more.
    Expired,
    /// Somebody said no.
    Revoked,
}

/// What is asked of signatures, and whose count.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Trust {
    /// What is asked.
    pub policy: SignaturePolicy,
    /// The keys, revoked ones included.
    pub keys: BTreeMap<KeyId, Validity>,
}

impl SignaturePolicy {
    /// All policies.
    pub const ALL: [Self; 3] = [Self::Off, Self::Warn, Self::Require];

    /// The spelling on the wire and in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Require => "require",
        }
    }
}

impl FromStr for SignaturePolicy {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|policy| policy.as_str() == text);
        known.ok_or_else(|| UnknownPolicy(text.to_owned()))
    }
}

impl fmt::Display for SignaturePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Validity {
    /// Whether the signatures count at a moment; both ends of the time count.
    #[must_use]
    pub fn at(&self, now: DateTime<Utc>) -> KeyState {
        if self.revoked {
            KeyState::Revoked
        } else if self.not_after.is_some_and(|end| now > end) {
            KeyState::Expired
        } else if self.not_before.is_some_and(|start| now < start) {
            KeyState::NotYetValid
        } else {
            KeyState::Valid
        }
    }
}

impl KeyState {
    /// The spelling on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl Trust {
    /// Answers whether an artifact whose signature these keys fit may be offered now.
    #[must_use]
    pub fn admits(&self, signers: &[KeyId], now: DateTime<Utc>) -> bool {
        match self.policy {
            SignaturePolicy::Off | SignaturePolicy::Warn => true,
            SignaturePolicy::Require => {
                signers.iter().any(|id| self.keys.get(id).is_some_and(|key| key.at(now) == KeyState::Valid))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::{DateTime, Utc};
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{KeyState, SignaturePolicy, Trust, Validity};
    use crate::ids::KeyId;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn policies_have_names() {
        for policy in SignaturePolicy::ALL {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        assert_eq!(
            "on".parse::<SignaturePolicy>().unwrap_err().to_string(),
            "\"on\" is not a signature policy: off, warn or require"
        );
    }

    #[test]
    fn both_ends_of_the_validity_count() {
        let key = Validity { not_before: Some(at(10)), not_after: Some(at(20)), revoked: false };
        let states: Vec<_> = [9, 10, 20, 21].into_iter().map(|second| key.at(at(second))).collect();
        assert_eq!(states, [KeyState::NotYetValid, KeyState::Valid, KeyState::Valid, KeyState::Expired]);
        assert_eq!(Validity { revoked: true, ..key }.at(at(15)), KeyState::Revoked);
        assert_eq!(Validity::default().at(at(0)), KeyState::Valid);
    }

    proptest! {
        #[test]
        fn only_require_refuses_and_one_valid_signer_is_enough(
            signers in proptest::collection::vec((any::<bool>(), 0_i64..4, 0_i64..4), 0..4),
            unknown in any::<bool>(),
        ) {
            let mut keys = BTreeMap::new();
            let mut ids = Vec::new();
            let mut expected = false;
            for (revoked, from, to) in signers {
                let id = KeyId::generate();
                ids.push(id);
                expected |= !revoked && from <= 2 && 2 <= to;
                keys.insert(id, Validity { not_before: Some(at(from)), not_after: Some(at(to)), revoked });
            }
            if unknown {
                ids.push(KeyId::generate());
            }
            let mut trust = Trust { policy: SignaturePolicy::Require, keys };
            prop_assert_eq!(trust.admits(&ids, at(2)), expected);
            for policy in [SignaturePolicy::Off, SignaturePolicy::Warn] {
                trust.policy = policy;
                prop_assert!(trust.admits(&ids, at(2)));
            }
        }
    }
}
