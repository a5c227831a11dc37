//! The database schema of the server, for SQLite and PostgreSQL alike.
//!
//! One change a file, applied in the order of [`Migrator::migrations`], never edited once released.
//! Every owned row carries its tenant, and the tenant leads every unique index.

use sea_orm_migration::prelude::MigrationTrait;
pub use sea_orm_migration::prelude::MigratorTrait;

mod m20261122_000001_tenants;
mod m20261122_000002_signing_keys;
mod m20261122_000003_devices;
mod m20261122_000004_auth_sets;
mod m20261122_000005_inventory_attributes;
mod m20261122_000006_users;
mod m20261122_000007_artifacts;
mod m20261122_000008_deployments;
mod m20261122_000009_device_deployments;
mod m20261122_000010_change_log;
mod m20261124_000011_verification_keys;
mod m20261124_000012_signature_policies;
mod m20261124_000013_artifact_signatures;
mod m20261124_000014_writer_leases;
mod m20261124_000015_uploads;
mod m20261125_000016_totp_factors;
mod m20261125_000017_recovery_codes;
mod m20261125_000018_session_proofs;
mod m20261125_000020_personal_tokens;
mod m20261125_000021_known_sites;
mod m20261125_000022_password_resets;
mod m20261125_000024_roles;
mod m20261125_000025_membership_roles;
mod m20261125_000026_tenants_require_2fa;
mod m20261125_000027_permission_sets;
mod m20261125_000028_deployment_groups;
mod m20261125_000029_audit_events;
mod m20261125_000030_audit_chain;
mod m20261125_000031_audit_checkpoints;
mod m20261125_000032_settings;
mod m20261125_000033_release_tags;
mod m20261125_000034_inventory_arrays;
mod m20261125_000036_tenants_status;
mod m20261125_000037_tenants_token;
mod m20261125_000038_tenants_name;
mod m20261125_000039_saved_filters;
mod m20261125_000040_devices_tags_edition;
mod m20261125_000046_deployments_phases;
mod m20261125_000047_device_deployments_deleted;

/// Applies the schema changes that a database does not have yet.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_tenants::Migration),
            Box::new(m20261122_000002_signing_keys::Migration),
            Box::new(m20261122_000003_devices::Migration),
            Box::new(m20261122_000004_auth_sets::Migration),
            Box::new(m20261122_000005_inventory_attributes::Migration),
            Box::new(m20261122_000006_users::Migration),
            Box::new(m20261122_000007_artifacts::Migration),
            Box::new(m20261122_000008_deployments::Migration),
            Box::new(m20261122_000009_device_deployments::Migration),
            Box::new(m20261122_000010_change_log::Migration),
            Box::new(m20261124_000011_verification_keys::Migration),
            Box::new(m20261124_000012_signature_policies::Migration),
            Box::new(m20261124_000013_artifact_signatures::Migration),
            Box::new(m20261124_000014_writer_leases::Migration),
            Box::new(m20261124_000015_uploads::Migration),
            Box::new(m20261125_000016_totp_factors::Migration),
            Box::new(m20261125_000017_recovery_codes::Migration),
            Box::new(m20261125_000018_session_proofs::Migration),
            Box::new(m20261125_000020_personal_tokens::Migration),
            Box::new(m20261125_000021_known_sites::Migration),
            Box::new(m20261125_000022_password_resets::Migration),
            Box::new(m20261125_000024_roles::Migration),
            Box::new(m20261125_000025_membership_roles::Migration),
            Box::new(m20261125_000026_tenants_require_2fa::Migration),
            Box::new(m20261125_000027_permission_sets::Migration),
            Box::new(m20261125_000028_deployment_groups::Migration),
            Box::new(m20261125_000029_audit_events::Migration),
            Box::new(m20261125_000030_audit_chain::Migration),
            Box::new(m20261125_000031_audit_checkpoints::Migration),
            Box::new(m20261125_000032_settings::Migration),
            Box::new(m20261125_000033_release_tags::Migration),
            Box::new(m20261125_000034_inventory_arrays::Migration),
            Box::new(m20261125_000036_tenants_status::Migration),
            Box::new(m20261125_000037_tenants_token::Migration),
            Box::new(m20261125_000038_tenants_name::Migration),
            Box::new(m20261125_000039_saved_filters::Migration),
            Box::new(m20261125_000040_devices_tags_edition::Migration),
            Box::new(m20261125_000046_deployments_phases::Migration),
            Box::new(m20261125_000047_device_deployments_deleted::Migration),
        ]
    }
}
