//! Sessions of devices: opened with a token, checked on every request.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta};
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
}

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

    /// Checks the token of a request. A token that was verified before costs a hash and a look-up; status and
    /// generation are compared every time, so that what an operator decided holds from the next request on.
    pub fn check(&self, token: &str) -> Result<DeviceSession, SessionRefusal> {
        let now = self.clock.now();
        let claimed = claimed(token).ok_or(InvalidToken::Malformed)?;
        let is_new = now.timestamp() < claimed.iat.saturating_add(self.new_secs);
        let device = self.fleet.device(claimed.sub.into());
        let digest = digest(token);
        if let Some(device) = device
            && self.fleet.is_verified(device.number, digest, now)
        {
            return self.admit(&device, device.generation, is_new);
        }
        let claims = self.authority.verify(token, now)?;
        let device = device.ok_or(SessionRefusal::Unknown)?;
        let session = self.admit(&device, claims.generation, is_new)?;
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
    ) -> Result<DeviceSession, SessionRefusal> {
        if device.status != DeviceStatus::Accepted {
            return Err(SessionRefusal::NotAccepted(device.status));
        }
        if device.generation != generation {
            return Err(SessionRefusal::Revoked);
        }
        self.fleet.saw(device.number, self.clock.now());
        Ok(DeviceSession { tenant: device.tenant, number: device.number, id: device.id, is_new })
    }
}

/// What a token says of its device, not yet believed.
#[derive(Deserialize)]
struct Claimed {
    sub: Uuid,
    #[serde(default)]
    iat: i64,
}

fn claimed(token: &str) -> Option<Claimed> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

fn digest(token: &str) -> TokenDigest {
    let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    TokenDigest(first_u128(&digest))
}
