//! The tables as sea-orm sees them, one file each; nothing of them leaves `storage`.

pub(crate) mod artifact_signatures;
pub(crate) mod artifact_slots;
pub(crate) mod artifacts;
pub(crate) mod audit_chain;
pub(crate) mod audit_events;
pub(crate) mod auth_sets;
pub(crate) mod change_log;
pub(crate) mod deployments;
pub(crate) mod device_deployment_logs;
pub(crate) mod device_deployments;
pub(crate) mod device_provides;
pub(crate) mod device_sightings;
pub(crate) mod devices;
pub(crate) mod inventory_attributes;
pub(crate) mod memberships;
pub(crate) mod release_tags;
pub(crate) mod releases;
pub(crate) mod sessions;
pub(crate) mod signature_policies;
pub(crate) mod signing_keys;
pub(crate) mod tenants;
pub(crate) mod uploads;
pub(crate) mod users;
pub(crate) mod verification_keys;
pub(crate) mod writer_leases;
