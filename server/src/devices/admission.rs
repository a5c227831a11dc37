//! Admission: from an authentication request to a session, or to waiting.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::auth_request::{AuthRequest, AuthRequestError};
use super::session::Sessions;
use super::{AuthSetStatus, CredentialDigest};
use crate::clock::Clock;
use crate::fleet::{FleetIndex, KnownCredential, Login};
use crate::ids::TenantId;
use crate::tenants::{TOKEN_PREFIX, TenantTokenDigest};
use crate::throttle::RetryAfter;
use crate::writer::{Registered, Registration, WriteError, Writer};

/// Why a request opens no session.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// The request is not what the protocol asks for.
    #[error(transparent)]
    Malformed(#[from] AuthRequestError),
    /// The request carries no signature.
    #[error("the header X-MEN-Signature is missing")]
    MissingSignature,
    /// What the client is configured with names no tenant, or not any more.
    #[error("tenant_token: it names no tenant of this server")]
    UnknownTenant,
    /// The tenant is not served.
    #[error("the tenant is suspended")]
    Suspended,
    /// The signature is not the key's over these bytes.
    #[error("signature verification failed")]
    BadSignature,
    /// The key waits for an operator, or was rejected.
    #[error("dev auth: unauthorized")]
    Refused(AuthSetStatus),
    /// The tenant has as many accepted devices as it may have.
    #[error("unauthorized")]
    LimitReached,
    /// Too many keys wait for an operator.
    #[error("too many devices wait for acceptance")]
    TooManyPending,
    /// It is not judged now.
    #[error("too many requests")]
    Busy(RetryAfter),
    /// The registration could not be stored.
    #[error("failed to store the request")]
    Write(#[from] WriteError),
    /// The session could not be signed.
    #[error("failed to sign the session")]
    Session(#[from] super::session::SessionError),
}

/// What is known of who asks, before it has proved anything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// An accepted device with its key.
    Accepted,
    /// One that waits for an operator, or was rejected.
    Refused,
    /// Nobody: it costs a write, unless its signature is wrong.
    Unknown,
}

/// Admits devices.
#[derive(Clone)]
pub struct Admission {
    fleet: Arc<FleetIndex>,
    writer: Writer,
    sessions: Arc<Sessions>,
    clock: Arc<dyn Clock>,
    rsa_min_bits: usize,
}

impl Admission {
    /// Wires the service.
    #[must_use]
    pub fn new(
        fleet: Arc<FleetIndex>,
        writer: Writer,
        sessions: Arc<Sessions>,
        clock: Arc<dyn Clock>,
        rsa_min_bits: usize,
    ) -> Self {
        Self { fleet, writer, sessions, clock, rsa_min_bits }
    }

    /// Judges a request: `body` as it came, byte for byte, and the value of `X-MEN-Signature`. Returns the token
    /// of a new session. Nothing is stored before the signature is verified, and that is not begun before `may_go_on`
    /// has agreed.
    pub async fn admit(
        &self,
        body: &[u8],
        signature: Option<&str>,
        may_go_on: impl FnOnce(Standing) -> Result<(), RetryAfter>,
    ) -> Result<String, AdmissionError> {
        let request = AuthRequest::parse(body, self.rsa_min_bits)?;
        let signature = signature.ok_or(AdmissionError::MissingSignature)?;
        let signature = STANDARD.decode(signature.trim()).map_err(|_| AdmissionError::BadSignature)?;
        let tenant = self.tenant(request.tenant_token.as_deref())?;
        let spki_sha256 = request.key.spki_sha256();
        let digest = CredentialDigest::new(tenant, &request.identity.hash(), &spki_sha256);
        may_go_on(match self.fleet.credential(digest) {
            KnownCredential::Accepted(_) => Standing::Accepted,
            KnownCredential::Refused(_) => Standing::Refused,
            KnownCredential::Unknown => Standing::Unknown,
        })
        .map_err(AdmissionError::Busy)?;
        request.key.verify(body, &signature).map_err(|_| AdmissionError::BadSignature)?;
        let login = match self.fleet.credential(digest) {
            KnownCredential::Accepted(login) => login,
            KnownCredential::Refused(status) => return Err(AdmissionError::Refused(status)),
            KnownCredential::Unknown => self.register(tenant, request, spki_sha256).await?,
        };
        self.fleet.saw(login.device.number, self.clock.now());
        Ok(self.sessions.open(&login)?)
    }

    /// The tenant that a device names. Without a token of this server it is the default one: fleets that come from other
    /// servers have theirs configured.
    fn tenant(&self, token: Option<&str>) -> Result<TenantId, AdmissionError> {
        let tenant = match token.filter(|token| token.starts_with(TOKEN_PREFIX)) {
            None => TenantId::DEFAULT,
            Some(token) => self
                .fleet
                .tenant_named_by(TenantTokenDigest::of(token))
                .ok_or(AdmissionError::UnknownTenant)?,
        };
        if self.fleet.is_suspended(tenant) { Err(AdmissionError::Suspended) } else { Ok(tenant) }
    }

    async fn register(
        &self,
        tenant: TenantId,
        request: AuthRequest,
        spki_sha256: [u8; 32],
    ) -> Result<Login, AdmissionError> {
        let public_key = request.key.to_pem();
        let registration = Registration { identity: request.identity, spki_sha256, public_key };
        match self.writer.register(tenant, registration).await? {
            Registered::Accepted(login) => Ok(login),
            Registered::Refused(status) => Err(AdmissionError::Refused(status)),
            Registered::LimitReached => Err(AdmissionError::LimitReached),
            Registered::TooMany => Err(AdmissionError::TooManyPending),
        }
    }
}
