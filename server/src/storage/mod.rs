//! The only code that knows the database.
//!
//! A [`Scope`] is a connection and the tenant whose rows may be seen through it; a [`Transaction`] is a write
//! transaction, and its [`WriteScope`]s are the only way to change rows. Functions take and return domain
//! types; entities and sea-orm's names stay here.

mod artifact_contents;
mod change;
mod database;
mod entity;
mod error;
mod escape;
mod lease;
mod list;
mod scope;
mod sight;

pub mod artifact_signatures;
pub mod artifacts;
pub mod audit;
pub mod audit_checkpoints;
pub mod auth_sets;
pub mod blobs;
pub mod change_log;
mod deployment_filter;
mod deployment_phases;
pub mod deployments;
pub mod device_deployments;
pub mod devices;
pub mod integrity;
pub mod inventory;
mod inventory_conditions;
pub mod inventory_list;
pub mod inventory_overview;
pub mod inventory_search;
pub mod known_sites;
pub mod overview;
pub mod password_resets;
mod patience;
pub mod permission_sets;
pub mod personal_tokens;
pub mod provides;
pub mod recovery_codes;
pub mod release_tags;
pub mod releases;
pub mod roles;
pub mod saved_filters;
pub mod sessions;
pub mod settings;
pub mod sightings;
pub mod signature_policies;
pub mod signing_keys;
mod sql;
pub mod tenants;
pub mod totp_factors;
pub mod upload_files;
pub mod uploads;
pub mod users;
pub mod verification_keys;

#[cfg(test)]
mod audit_tests;
#[cfg(test)]
mod locked_tests;
#[cfg(test)]
mod schema_tests;
#[cfg(test)]
pub(crate) mod testing;

pub use change::{Change, ChangeSink};
pub use database::{Database, DatabaseLocation};
pub use error::StorageError;
pub use list::Direction;
pub use scope::{Access, Page, Scope, Transaction, WriteScope};
pub use sight::Sight;
