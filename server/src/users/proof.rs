//! How a caller proved who it is.

use chrono::{DateTime, TimeDelta, Utc};

macro_rules! proofs {
    ($($(#[$doc:meta])* $name:ident = $methods:literal;)+) => {
        /// What a caller showed (RFC 8176).
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum Proof {
            $($(#[$doc])* $name,)+
        }

        impl Proof {
            /// All proofs.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The methods, with spaces between: how storage keeps them.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $methods,)+
                }
            }
        }
    };
}

proofs! {
    /// The password.
    Password = "pwd";
    /// The password, and a code of the second factor.
    PasswordAndTotp = "pwd otp mfa";
    /// The password, and a recovery code.
    PasswordAndRecoveryCode = "pwd mfa";
}

impl Proof {
    /// The proof with these methods.
    #[must_use]
    pub fn from_methods(methods: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|proof| proof.as_str() == methods)
    }

    /// The methods, as the claim `amr` lists them.
    #[must_use]
    pub fn methods(self) -> Vec<String> {
        self.as_str().split(' ').map(str::to_owned).collect()
    }

    /// Whether a second factor was among what was shown.
    #[must_use]
    pub const fn is_multi_factor(self) -> bool {
        match self {
            Self::Password => false,
            Self::PasswordAndTotp | Self::PasswordAndRecoveryCode => true,
        }
    }
}

/// A proof and its time: what a token says of who carries it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Authentication {
    /// What was shown.
    pub proof: Proof,
    /// When it was shown.
    pub at: DateTime<Utc>,
}

impl Authentication {
    /// Whether it was shown no longer ago than this.
    #[must_use]
    pub fn is_fresh(&self, now: DateTime<Utc>, max_age: TimeDelta) -> bool {
        now.signed_duration_since(self.at) <= max_age
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::{Authentication, Proof};

    #[test]
    fn methods_name_their_proof_and_are_fixed() {
        let all: Vec<_> = Proof::ALL.iter().map(|proof| proof.as_str()).collect();
        assert_eq!(all, ["pwd", "pwd otp mfa", "pwd mfa"]);
        for proof in Proof::ALL {
            assert_eq!(Proof::from_methods(&proof.methods().join(" ")), Some(*proof));
            assert_eq!(proof.is_multi_factor(), proof.as_str().contains("mfa"));
        }
        assert_eq!(Proof::from_methods("otp"), None);
    }

    #[test]
    fn a_proof_is_fresh_up_to_its_age() {
        let shown = Authentication { proof: Proof::Password, at: DateTime::UNIX_EPOCH };
        let age = TimeDelta::seconds(600);
        assert!(shown.is_fresh(DateTime::UNIX_EPOCH + age, age));
        assert!(!shown.is_fresh(DateTime::UNIX_EPOCH + age + TimeDelta::seconds(1), age));
    }
}
