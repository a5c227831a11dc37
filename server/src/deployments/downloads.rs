//! Downloads: a device may fetch what was offered to it, and nothing else.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::device_service::Offer;
use crate::clock::Clock;
use crate::crypto::signed_link::{LinkAuthority, LinkError};
use crate::devices::DeviceStatus;
use crate::devices::session::DeviceSession;
use crate::fleet::{FleetIndex, KnownDevice};
use crate::ids::{ArtifactId, DeploymentId, DeviceId, DeviceNumber};
use crate::releases::{Content, ReleaseError, Releases};
use crate::storage::Database;
use crate::storage::blobs::BlobStore;

/// Keeps these links apart from every other kind.
const AUDIENCE: &str = "device-download";

/// A link to an offered artifact: who holds it may fetch, without a token (device protocol §3).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DownloadLink {
    /// The deployment.
    pub deployment: DeploymentId,
    /// The device.
    pub device: DeviceId,
    /// The artifact.
    pub artifact: ArtifactId,
    /// When the link ends, to the second.
    pub expires_at: DateTime<Utc>,
    /// The server's signature over all of this and the key that the device had.
    pub signature: String,
}

/// Why a device does not get an artifact.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The link is not one of this server for a device that exists, with the key that it has now.
    #[error("the link is not valid for this device any more")]
    Invalid,
    /// The link was good once.
    #[error("the link has expired")]
    Expired,
    /// The device may not fetch anything now.
    #[error("the device is {0}")]
    NotAccepted(DeviceStatus),
    /// The device's tenant is not served.
    #[error("the tenant is suspended")]
    Suspended,
    /// The device has ended the deployment, or it was ended for it.
    #[error("the deployment has ended for this device")]
    Ended,
    /// No valid key signed the artifact, and the signature policy requires one.
    #[error("the artifact is not signed by a key that is valid now")]
    Untrusted,
    /// The artifact cannot be read.
    #[error(transparent)]
    Release(#[from] ReleaseError),
}

/// Makes links for offers, and opens what they name.
#[derive(Clone)]
pub struct Downloads {
    database: Database,
    blobs: BlobStore,
    fleet: Arc<FleetIndex>,
    links: LinkAuthority,
    clock: Arc<dyn Clock>,
    link_ttl: TimeDelta,
}

impl Downloads {
    /// Wires the service; links last for `link_ttl`.
    #[must_use]
    pub fn new(
        database: Database,
        blobs: BlobStore,
        fleet: Arc<FleetIndex>,
        links: LinkAuthority,
        clock: Arc<dyn Clock>,
        link_ttl: TimeDelta,
    ) -> Self {
        Self { database, blobs, fleet, links, clock, link_ttl }
    }

    /// A link to what was offered, bound to deployment, device, artifact and the key that the device has now.
    #[must_use]
    pub fn link(&self, session: &DeviceSession, offer: &Offer) -> DownloadLink {
        let now = self.clock.now();
        let expires_at = now.checked_add_signed(self.link_ttl).unwrap_or(now);
        let mut link = DownloadLink {
            deployment: offer.deployment,
            device: session.id,
            artifact: offer.artifact,
            expires_at,
            signature: String::new(),
        };
        let parts = self.parts(&link, session.number);
        link.signature = self.links.sign(AUDIENCE, &parts.each_ref().map(String::as_str), expires_at);
        link
    }

    /// Opens what a link names, if the device is accepted, has not ended the deployment, and the
    /// signature of the artifact counts.
    pub async fn open(&self, link: &DownloadLink) -> Result<Content, DownloadError> {
        let device = self.fleet.device(link.device).ok_or(DownloadError::Invalid)?;
        self.check(link, &device)?;
        let scope = self.database.scope(device.tenant);
        let releases = Releases::new(scope, self.blobs.clone(), Arc::clone(&self.clock));
        Ok(releases.content(link.artifact).await?)
    }

    fn check(&self, link: &DownloadLink, device: &KnownDevice) -> Result<(), DownloadError> {
        let parts = self.parts(link, device.number);
        let parts = parts.each_ref().map(String::as_str);
        match self.links.verify(AUDIENCE, &parts, link.expires_at, &link.signature, self.clock.now()) {
            Err(LinkError::Invalid) => return Err(DownloadError::Invalid),
            Err(LinkError::Expired) => return Err(DownloadError::Expired),
            Ok(()) => {}
        }
        if device.status != DeviceStatus::Accepted {
            return Err(DownloadError::NotAccepted(device.status));
        }
        if self.fleet.is_suspended(device.tenant) {
            return Err(DownloadError::Suspended);
        }
        if !self.fleet.is_active(device.tenant, link.deployment, device.number) {
            return Err(DownloadError::Ended);
        }
        if !self.fleet.is_trusted(device.tenant, link.deployment, link.artifact, self.clock.now()) {
            return Err(DownloadError::Untrusted);
        }
        Ok(())
    }

    /// What is signed. With the key that the link was made for, the device loses the link.
    fn parts(&self, link: &DownloadLink, number: DeviceNumber) -> [String; 4] {
        let key = self.fleet.accepted_auth_set(number);
        [
            link.deployment.to_string(),
            link.device.to_string(),
            link.artifact.to_string(),
            key.map(|set| set.to_string()).unwrap_or_default(),
        ]
    }
}
