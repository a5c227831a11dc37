//! The body of an authentication request (device protocol §1.1).

use serde_json::Value;

use super::strict_json::{self, StrictJsonError};
use super::{Identity, IdentityError};
use crate::crypto::device_key::{DeviceKey, DeviceKeyError};

/// Nesting of a request body: it is one flat object.
const MAX_DEPTH: usize = 8;

/// Why a body is not an authentication request.
#[derive(Debug, thiserror::Error)]
pub enum AuthRequestError {
    /// Not JSON, a key twice, or nested too deeply.
    #[error("the body is not acceptable JSON: {0}")]
    NotJson(#[from] StrictJsonError),
    /// A member is missing or no string.
    #[error("{0}: a non-empty string is required")]
    Missing(&'static str),
    /// The identity data is not acceptable.
    #[error("id_data: {0}")]
    Identity(#[from] IdentityError),
    /// The public key is not acceptable.
    #[error("pubkey: {0}")]
    Key(#[from] DeviceKeyError),
}

/// Who asks, and with which key.
#[derive(Debug)]
pub struct AuthRequest {
    /// Who the device claims to be.
    pub identity: Identity,
    /// The key that it claims to have.
    pub key: DeviceKey,
    /// What its client is configured with to name its tenant, if it is.
    pub tenant_token: Option<String>,
}

impl AuthRequest {
    /// Parses a body; members that are not needed are ignored (`tier`).
    pub fn parse(body: &[u8], rsa_min_bits: usize) -> Result<Self, AuthRequestError> {
        let document = strict_json::parse(body, MAX_DEPTH)?;
        let identity = Identity::parse(text(&document, "id_data")?)?;
        let key = DeviceKey::from_pem(text(&document, "pubkey")?, rsa_min_bits)?;
        let tenant_token = text(&document, "tenant_token").ok().map(str::to_owned);
        Ok(Self { identity, key, tenant_token })
    }
}

fn text<'a>(document: &'a Value, member: &'static str) -> Result<&'a str, AuthRequestError> {
    let found = document.get(member).and_then(Value::as_str).filter(|text| !text.is_empty());
    found.ok_or(AuthRequestError::Missing(member))
}
