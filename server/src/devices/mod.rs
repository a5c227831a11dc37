//! Devices: who they are, what they proved, who may hold a session.
//!
//! A *device* is one physical thing, named by its *identity data*: public attributes that it claims. An
//! *authentication set* is one public key that a request proved (or an operator expects) for that identity.
//! *Accept*, *reject* and *preauthorize* are what an operator does to a set; *decommission* forgets the device.
//! A device's *status* is the strongest of its sets' states.

pub mod admission;
pub mod auth_request;
pub mod auth_set;
pub mod identity;
pub mod registration;
pub mod service;
pub mod session;
pub(crate) mod strict_json;

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use auth_set::{AuthSet, AuthSetStatus, DeviceStatus, InvalidTransition};
pub use identity::{CredentialDigest, Identity, IdentityError};

use crate::ids::{DeviceId, DeviceNumber};

/// A device as stored, without its authentication sets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Device {
    /// Its place in arrays and bitmaps.
    pub number: DeviceNumber,
    /// Its id, stable across key rotations.
    pub id: DeviceId,
    /// Who it claims to be.
    pub identity: Identity,
    /// The strongest of its authentication sets' states.
    pub status: DeviceStatus,
    /// Sessions of older generations are void.
    pub generation: u32,
    /// The group it is in.
    pub group: Option<String>,
    /// Another one after each change of its tags; none before the first.
    pub tags_edition: Option<Uuid>,
    /// When it first appeared.
    pub created_at: DateTime<Utc>,
    /// When its status, group, sets or inventory last changed.
    pub updated_at: DateTime<Utc>,
}

/// A device with its authentication sets, oldest first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeviceWithSets {
    /// The device.
    pub device: Device,
    /// Its authentication sets.
    pub auth_sets: Vec<AuthSet>,
    /// When it last spoke to the server, to the accuracy of the last batch written.
    pub seen_at: Option<DateTime<Utc>>,
}
