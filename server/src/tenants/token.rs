//! What the devices of a tenant name it by: `TenantToken` in the configuration of their client (device protocol §1.1).

use std::fmt;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

use crate::crypto::{MasterKey, Purpose};
use crate::ids::TenantId;

/// How tokens of tenants begin. Those of other servers do not: fleets that come from there have theirs configured, and
/// belong to the default tenant.
pub const TOKEN_PREFIX: &str = "ten_";

/// Makes the tokens of tenants. They are derived, so that nobody who has the database has them, and they can be shown
/// again.
#[derive(Clone)]
pub struct TenantTokens(hmac::Key);

/// The SHA-256 of a token: 256 bits that cannot be guessed need nothing slower.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TenantTokenDigest(pub [u8; 32]);

impl TenantTokens {
    /// Derives the key.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self(hmac::Key::new(HMAC_SHA256, master.derive(Purpose::TenantTokens).as_ref()))
    }

    /// The token of a tenant, after so many were replaced.
    #[must_use]
    pub fn token(&self, tenant: TenantId, edition: u32) -> SecretString {
        let message = [tenant.as_uuid().as_bytes().as_slice(), &edition.to_be_bytes()].concat();
        let tag = hmac::sign(&self.0, &message);
        format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(tag)).into()
    }
}

impl TenantTokenDigest {
    /// The digest of what somebody shows.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }
}

impl fmt::Debug for TenantTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantTokens").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::{TOKEN_PREFIX, TenantTokenDigest, TenantTokens};
    use crate::crypto::MasterKey;
    use crate::ids::TenantId;

    #[test]
    fn a_token_is_of_one_tenant_one_edition_and_one_server() {
        let tokens = [1, 2].map(|byte| TenantTokens::new(&MasterKey::from_bytes(&[byte; 32])));
        let (one, other) = (TenantId::generate(), TenantId::generate());
        let text = |server: usize, tenant, edition| tokens[server].token(tenant, edition);
        let token = text(0, one, 0);
        assert_eq!(token.expose_secret(), text(0, one, 0).expose_secret());
        assert_eq!(token.expose_secret().len(), TOKEN_PREFIX.len() + 43);
        for different in [text(0, one, 1), text(0, other, 0), text(1, one, 0)] {
            assert_ne!(token.expose_secret(), different.expose_secret());
            assert_ne!(
                TenantTokenDigest::of(token.expose_secret()),
                TenantTokenDigest::of(different.expose_secret())
            );
        }
    }
}
