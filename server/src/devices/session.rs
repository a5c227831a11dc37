//! Sessions of devices: opened with a token, checked on every request.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::DeviceStatus;
use super::identity::first_u128;
use crate::clock::Clock;
use crate::crypto::random::{RandomError, SecureRandom};
use crate::crypto::session_token::{
    Claims, DeviceClaims, InvalidToken, SignTokenError, TokenAuthority, spread_lifetime_secs,
};
use crate::fleet::{FleetIndex, KnownDevice, Login, TokenDigest};
use crate::ids::{DeviceId, DeviceNumber, TenantId};

/// A device that proved to hold a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DeviceSession {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its place in arrays.
    pub number: DeviceNumber,
    /// Its id.
    pub id: DeviceId,
    /// Whether the token is so new that this may be the first call with it.
    pub is_new: bool,
}

/// Why a session cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Signing failed.
    #[error("failed to sign the token")]
    Sign(#[from] SignTokenError),
    /// No randomness.
    #[error("failed to draw a random number")]
    Random(#[from] RandomError),
}

/// Why a token opens nothing. To a device all of these are one answer: log in again.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SessionRefusal {
    /// The token is not valid, or not valid any more.
    #[error("the token is not valid: {0}")]
    Token(#[from] InvalidToken),
    /// No such device exists any more.
    #[error("the token's device does not exist")]
    Unknown,
    /// The device is not accepted any more.
    #[error("the device is {0}")]
    NotAccepted(DeviceStatus),
    /// The session was ended before its time.
    #[error("the session was revoked")]
    Revoked,
    /// The device's tenant is not served.
    #[error("the tenant is suspended")]
    Suspended,
}

/// The length of an id in a claim.
const UUID_TEXT_BYTES: usize = 36;

/// The name of the claim that says when a token was signed, as it stands in a payload.
const ISSUED_AT: &[u8] = b"\"iat\":";

/// Opens and checks sessions.
pub struct Sessions {
    authority: TokenAuthority<DeviceClaims>,
    fleet: Arc<FleetIndex>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
    issuer: String,
    ttl_secs: u32,
    new_secs: i64,
}

impl Sessions {
    /// Wires the service; `ttl_secs` is how long a session lasts at most, `new_secs` how long it counts as new: clients
    /// log in because they have something to ask, at once.
    #[must_use]
    pub fn new(
        authority: TokenAuthority<DeviceClaims>,
        fleet: Arc<FleetIndex>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn SecureRandom>,
        issuer: String,
        ttl_secs: u32,
        new_secs: u32,
    ) -> Self {
        Self { authority, fleet, clock, random, issuer, ttl_secs, new_secs: new_secs.into() }
    }

    /// Opens a session and returns its token.
    pub fn open(&self, login: &Login) -> Result<String, SessionError> {
        let now = self.clock.now();
        let life = spread_lifetime_secs(u64::from(self.ttl_secs), &*self.random)?;
        let expires_at = now + TimeDelta::seconds(life.cast_signed());
        let claims = DeviceClaims {
            jti: login.auth_set.as_uuid(),
            sub: login.device.id.as_uuid(),
            iss: self.issuer.clone(),
            aud: DeviceClaims::AUDIENCE.to_owned(),
            iat: now.timestamp(),
            exp: expires_at.timestamp(),
            generation: login.device.generation,
            tenant: login.device.tenant.as_uuid(),
            is_device: true,
        };
        let token = self.authority.sign(&claims)?;
        self.fleet.note_verified(login.device.number, login.device.generation, digest(&token), expires_at);
        Ok(token)
    }

    /// Returns the session of a token that was verified before and still opens one; without any computation but a hash.
    #[must_use]
    pub fn recall(&self, token: &str) -> Option<DeviceSession> {
        let now = self.clock.now();
        let claimed = claimed(token)?;
        let device = self.fleet.device(claimed.sub.into())?;
        if !self.fleet.is_verified(device.number, digest(token), now) {
            return None;
        }
        self.admit(&device, device.generation, claimed.is_new(now, self.new_secs), now).ok()
    }

    /// Checks the token of a request. A token that was verified before costs a hash and a look-up; status and
    /// generation are compared every time, so that what an operator decided holds from the next request on.
    pub fn check(&self, token: &str) -> Result<DeviceSession, SessionRefusal> {
        let now = self.clock.now();
        let claimed = claimed(token).ok_or(InvalidToken::Malformed)?;
        let is_new = claimed.is_new(now, self.new_secs);
        let device = self.fleet.device(claimed.sub.into());
        let digest = digest(token);
        if let Some(device) = device
            && self.fleet.is_verified(device.number, digest, now)
        {
            return self.admit(&device, device.generation, is_new, now);
        }
        let claims = self.authority.verify(token, now)?;
        let device = device.ok_or(SessionRefusal::Unknown)?;
        let session = self.admit(&device, claims.generation, is_new, now)?;
        if let Some(expires_at) = DateTime::from_timestamp(claims.exp, 0) {
            self.fleet.note_verified(device.number, claims.generation, digest, expires_at);
        }
        Ok(session)
    }

    fn admit(
        &self,
        device: &KnownDevice,
        generation: u32,
        is_new: bool,
        now: DateTime<Utc>,
    ) -> Result<DeviceSession, SessionRefusal> {
        if device.status != DeviceStatus::Accepted {
            return Err(SessionRefusal::NotAccepted(device.status));
        }
        if device.generation != generation {
            return Err(SessionRefusal::Revoked);
        }
        if self.fleet.is_suspended(device.tenant) {
            return Err(SessionRefusal::Suspended);
        }
        self.fleet.saw(device.number, now);
        Ok(DeviceSession { tenant: device.tenant, number: device.number, id: device.id, is_new })
    }
}

/// What a token says of its device, not yet believed.
#[derive(Debug, Deserialize, Eq, PartialEq)]
struct Claimed {
    sub: Uuid,
    #[serde(default)]
    iat: i64,
}

impl Claimed {
    fn is_new(&self, now: DateTime<Utc>, new_secs: i64) -> bool {
        now.timestamp() < self.iat.saturating_add(new_secs)
    }
}

fn claimed(token: &str) -> Option<Claimed> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    as_written_here(&payload).or_else(|| serde_json::from_slice(&payload).ok())
}

/// The same of a payload with the claims in our order, which needs no parser: every poll asks for them.
fn as_written_here(payload: &[u8]) -> Option<Claimed> {
    let rest = payload.strip_prefix(b"{\"jti\":\"")?.get(UUID_TEXT_BYTES..)?;
    let (sub, rest) = rest.strip_prefix(b"\",\"sub\":\"")?.split_at_checked(UUID_TEXT_BYTES)?;
    // No string holds this name: its quotes would be escaped.
    let at = rest.windows(ISSUED_AT.len()).position(|window| window == ISSUED_AT)?;
    let number = rest.get(at + ISSUED_AT.len()..)?;
    let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let iat = std::str::from_utf8(number.get(..digits)?).ok()?.parse().ok()?;
    Some(Claimed { sub: Uuid::try_parse_ascii(sub).ok()?, iat })
}

fn digest(token: &str) -> TokenDigest {
    let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    TokenDigest(first_u128(&digest))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use uuid::Uuid;

    use super::{Claimed, as_written_here, claimed};
    use crate::crypto::random::SystemRandom;
    use crate::crypto::session_token::{
        Claims as _, DeviceClaims, SigningKey, SigningKeySet, TokenAuthority,
    };

    #[test]
    fn our_own_tokens_need_no_parser() {
        let key = SigningKey::generate(&SystemRandom::new()).unwrap();
        let authority = TokenAuthority::<DeviceClaims>::new(SigningKeySet::new(key, Vec::new()));
        for iss in ["Sealift", r#"","iat":1,"x":""#] {
            let claims = DeviceClaims {
                jti: Uuid::from_u128(1),
                sub: Uuid::from_u128(2),
                iss: iss.to_owned(),
                aud: DeviceClaims::AUDIENCE.to_owned(),
                iat: 1_800_000_000,
                exp: 1_800_000_100,
                generation: 0,
                tenant: Uuid::nil(),
                is_device: true,
            };
            let token = authority.sign(&claims).unwrap();
            let expected = Some(Claimed { sub: claims.sub, iat: claims.iat });
            let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
            assert_eq!(as_written_here(&payload), expected, "{iss}");
            assert_eq!(claimed(&token), expected, "{iss}");
        }
    }

    #[test]
    fn the_order_of_claims_does_not_matter() {
        let sub = Uuid::from_u128(7);
        for (payload, iat) in [
            (format!(r#"{{"sub":"{sub}"}}"#), 0),
            (format!(r#"{{"iat":5,"aud":"device","jti":"{sub}","sub":"{sub}","exp":1}}"#), 5),
            (format!(r#"{{"jti":"{sub}", "sub":"{sub}", "iat": 6}}"#), 6),
            (format!(r#"{{"jti":"{sub}","sub":"{sub}","iat":-6}}"#), -6),
        ] {
            let token = format!("e30.{}.signature", URL_SAFE_NO_PAD.encode(&payload));
            assert_eq!(claimed(&token), Some(Claimed { sub, iat }), "{payload}");
        }
        for payload in ["{}", r#"{"jti":"x","sub":"y"}"#, "", "no JSON"] {
            let token = format!("e30.{}.signature", URL_SAFE_NO_PAD.encode(payload));
            assert_eq!(claimed(&token), None, "{payload}");
        }
        assert_eq!(claimed("e30"), None);
    }
}
