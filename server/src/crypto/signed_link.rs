//! Authority that travels in a URL: who holds the link may use it until it expires.

use std::fmt;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

/// Why a link gives no authority.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LinkError {
    /// The signature is not one of this server for these parts.
    #[error("link is not valid")]
    Invalid,
    /// The link was good once.
    #[error("link has expired")]
    Expired,
}

/// Signs links and checks them (HMAC-SHA256).
///
/// A link is an audience (what kind of link, so that one kind is never taken for another), the parts
/// of its path that matter, and the second at which it ends.
#[derive(Clone)]
pub struct LinkAuthority(hmac::Key);

impl LinkAuthority {
    /// Takes the key derived for [`Purpose::SignedLink`](crate::crypto::Purpose::SignedLink).
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(HMAC_SHA256, key))
    }

    /// Returns the signature for the URL: 43 characters of base64url.
    #[must_use]
    pub fn sign(&self, audience: &str, parts: &[&str], expires_at: DateTime<Utc>) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, &message(audience, parts, expires_at)))
    }

    /// Checks a signature in constant time, and that `now` is before `expires_at`.
    pub fn verify(
        &self,
        audience: &str,
        parts: &[&str],
        expires_at: DateTime<Utc>,
        signature: &str,
        now: DateTime<Utc>,
    ) -> Result<(), LinkError> {
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| LinkError::Invalid)?;
        hmac::verify(&self.0, &message(audience, parts, expires_at), &signature)
            .map_err(|_| LinkError::Invalid)?;
        if now < expires_at { Ok(()) } else { Err(LinkError::Expired) }
    }
}

impl fmt::Debug for LinkAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkAuthority").finish_non_exhaustive()
    }
}

/// Writes every field with its length before it, so that no two links have one message.
fn message(audience: &str, parts: &[&str], expires_at: DateTime<Utc>) -> Vec<u8> {
    let mut message = expires_at.timestamp().to_be_bytes().to_vec();
    for field in std::iter::once(&audience).chain(parts) {
        message.extend_from_slice(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        message.extend_from_slice(field.as_bytes());
    }
    message
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::{LinkAuthority, LinkError};

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    #[test]
    fn a_link_holds_until_it_expires() {
        let authority = LinkAuthority::new(&[1; 32]);
        let signature = authority.sign("download", &["device", "deployment"], noon());
        assert_eq!(signature.len(), 43);
        let check = |now| authority.verify("download", &["device", "deployment"], noon(), &signature, now);
        assert_eq!(check(noon() - TimeDelta::seconds(1)), Ok(()));
        assert_eq!(check(noon()), Err(LinkError::Expired));
    }

    #[test]
    fn every_field_counts() {
        let authority = LinkAuthority::new(&[1; 32]);
        let signature = authority.sign("download", &["ab", "c"], noon());
        let now = noon() - TimeDelta::hours(1);
        let later = noon() + TimeDelta::seconds(1);
        let check = |audience, parts: &[&str], expires_at, signature: &str| {
            authority.verify(audience, parts, expires_at, signature, now)
        };
        assert_eq!(check("download", &["ab", "c"], noon(), &signature), Ok(()));
        assert_eq!(check("upload", &["ab", "c"], noon(), &signature), Err(LinkError::Invalid));
        assert_eq!(check("download", &["a", "bc"], noon(), &signature), Err(LinkError::Invalid));
        assert_eq!(check("download", &["ab", "c", ""], noon(), &signature), Err(LinkError::Invalid));
        assert_eq!(check("download", &["ab", "c"], later, &signature), Err(LinkError::Invalid));
        assert_eq!(check("download", &["ab", "c"], noon(), ""), Err(LinkError::Invalid));
        assert_eq!(check("download", &["ab", "c"], noon(), "%"), Err(LinkError::Invalid));
        let other = LinkAuthority::new(&[2; 32]).sign("download", &["ab", "c"], noon());
        assert_eq!(check("download", &["ab", "c"], noon(), &other), Err(LinkError::Invalid));
    }
}
