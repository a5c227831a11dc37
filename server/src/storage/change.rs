//! Changes: what a committed act tells the rest of the server.

use std::sync::Arc;

use roaring::RoaringBitmap;
use serde_json::{Value, json};

use crate::deployments::{ArtifactFit, DeviceDeploymentState, Phases};
use crate::devices::{AuthSetStatus, CredentialDigest, DeviceStatus};
use crate::ids::{
    ArtifactId, AuthSetId, DeploymentId, DeploymentNumber, DeviceId, DeviceNumber, KeyId, TenantId,
};
use crate::releases::{SignaturePolicy, Validity};
use crate::tenants::TenantTokenDigest;

/// One thing that a committed transaction changed and that in-memory state must follow.
///
/// The row in the change log names the kind and the ids; what is carried here saves this process the reading.
#[derive(Clone, Debug)]
pub enum Change {
    /// A device appeared, or its status or generation changed.
    Device {
        /// Its place in arrays.
        number: DeviceNumber,
        /// Its id.
        id: DeviceId,
        /// The strongest of its authentication sets' states.
        status: DeviceStatus,
        /// Sessions of older generations are void.
        generation: u32,
    },
    /// A device was decommissioned: its row is gone.
    DeviceRemoved {
        /// Its place in arrays, never used again.
        number: DeviceNumber,
    },
    /// An authentication set appeared or was decided about.
    AuthSet {
        /// The device that it belongs to.
        number: DeviceNumber,
        /// Its id.
        id: AuthSetId,
        /// Digest of identity and key.
        digest: CredentialDigest,
        /// Its state now.
        status: AuthSetStatus,
    },
    /// An authentication set was deleted.
    AuthSetRemoved {
        /// The device that it belonged to.
        number: DeviceNumber,
        /// Digest of identity and key.
        digest: CredentialDigest,
    },
    /// A device's inventory was stored; `digest` recognises the same content.
    Inventory {
        /// The device.
        number: DeviceNumber,
        /// First eight bytes of the SHA-256 of the canonical content.
        digest: u64,
    },
    /// A deployment was created.
    DeploymentCreated {
        /// Its number.
        number: DeploymentNumber,
        /// Its id.
        id: DeploymentId,
        /// The release that it rolls out.
        artifact_name: String,
        /// Whether devices that have the release already get it again.
        forced: bool,
        /// When how many devices may begin.
        phases: Phases,
        /// The devices that it is meant for.
        targets: Arc<RoaringBitmap>,
        /// The artifacts of the release.
        artifacts: Vec<ArtifactFit>,
    },
    /// A deployment ended: no device is offered it any more.
    DeploymentFinished {
        /// Its number.
        number: DeploymentNumber,
    },
    /// A device deployment appeared, or left `pending`, or ended.
    DeviceDeployment {
        /// The deployment.
        deployment: DeploymentNumber,
        /// The device.
        device: DeviceNumber,
        /// The artifact chosen for it, if one fits.
        artifact: Option<ArtifactId>,
        /// Its state now.
        state: DeviceDeploymentState,
    },
    /// A release got one more artifact.
    ArtifactAdded {
        /// The release.
        artifact_name: String,
        /// What the artifact asks of a device.
        artifact: ArtifactFit,
    },
    /// An artifact was deleted.
    ArtifactRemoved {
        /// The release that it belonged to.
        artifact_name: String,
        /// Its id.
        id: ArtifactId,
    },
    /// One more key fits the signature of an artifact.
    ArtifactVerified {
        /// The release that it belongs to.
        artifact_name: String,
        /// Its id.
        id: ArtifactId,
        /// The key.
        key: KeyId,
    },
    /// A key appeared, or was revoked.
    VerificationKey {
        /// Its id.
        id: KeyId,
        /// When its signatures count.
        validity: Validity,
    },
    /// The tenant asks something else of signatures.
    SignaturePolicy(SignaturePolicy),
    /// The tenant appeared, or its status or token changed.
    Tenant {
        /// Whether neither its devices nor its members get in.
        is_suspended: bool,
        /// By what its devices name it.
        token: Option<TenantTokenDigest>,
    },
}

impl Change {
    /// The kind as stored.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Device { .. } => "device",
            Self::DeviceRemoved { .. } => "device_removed",
            Self::AuthSet { .. } => "auth_set",
            Self::AuthSetRemoved { .. } => "auth_set_removed",
            Self::Inventory { .. } => "inventory",
            Self::DeploymentCreated { .. } => "deployment_created",
            Self::DeploymentFinished { .. } => "deployment_finished",
            Self::DeviceDeployment { .. } => "device_deployment",
            Self::ArtifactAdded { .. } => "artifact_added",
            Self::ArtifactRemoved { .. } => "artifact_removed",
            Self::ArtifactVerified { .. } => "artifact_verified",
            Self::VerificationKey { .. } => "verification_key",
            Self::SignaturePolicy(_) => "signature_policy",
            Self::Tenant { .. } => "tenant",
        }
    }

    /// The ids as stored.
    pub(crate) fn payload(&self) -> Value {
        match self {
            Self::Device { number, .. } | Self::DeviceRemoved { number } | Self::Inventory { number, .. } => {
                json!({ "device": number.as_u32() })
            }
            Self::AuthSet { number, id, .. } => {
                json!({ "device": number.as_u32(), "auth_set": id.as_uuid() })
            }
            Self::AuthSetRemoved { number, .. } => json!({ "device": number.as_u32() }),
            Self::DeploymentCreated { number, .. } | Self::DeploymentFinished { number } => {
                json!({ "deployment": number.as_u32() })
            }
            Self::DeviceDeployment { deployment, device, .. } => {
                json!({ "deployment": deployment.as_u32(), "device": device.as_u32() })
            }
            Self::ArtifactAdded { artifact_name, artifact } => {
                json!({ "release": artifact_name, "artifact": artifact.id.as_uuid() })
            }
            Self::ArtifactRemoved { artifact_name, id } => {
                json!({ "release": artifact_name, "artifact": id.as_uuid() })
            }
            Self::ArtifactVerified { artifact_name, id, key } => {
                json!({ "release": artifact_name, "artifact": id.as_uuid(), "key": key.as_uuid() })
            }
            Self::VerificationKey { id, .. } => json!({ "key": id.as_uuid() }),
            Self::SignaturePolicy(policy) => json!({ "policy": policy.as_str() }),
            Self::Tenant { .. } => json!({}),
        }
    }
}

/// What follows the change log inside this process.
pub trait ChangeSink: Send + Sync {
    /// Applies the changes of one committed transaction, in order. Called in commit order, never concurrently.
    fn apply(&self, changes: &[(TenantId, Change)]);
}
