//! The management API, as existing tools speak it (management API).

pub mod account;
pub mod artifact_body;
pub mod artifact_generate;
pub mod artifact_link;
pub mod artifact_upload;
pub mod artifacts;
pub mod audit_checkpoint;
pub mod audit_logs;
pub mod auth_sets;
pub mod console;
pub mod delta_settings;
pub mod deployment_body;
pub mod deployment_lists;
pub mod deployments;
pub mod device_connect;
pub mod device_deployments;
pub mod devices;
mod edition;
pub mod groups;
pub mod integrations;
pub mod inventory;
pub mod inventory_search;
pub mod inventory_tags;
pub mod members;
pub mod own_tenants;
pub mod password_reset;
pub mod permission_sets;
pub mod release_keys;
pub mod release_labels;
pub mod release_policy;
pub mod releases;
pub mod role_body;
pub mod roles;
pub mod saved_filters;
pub mod second_factors;
pub mod sessions;
pub mod settings;
pub mod settings_tokens;
pub mod setup;
pub mod software;
pub mod tenant_members;
pub mod tenants;
pub mod tokens;
mod tus;
pub(in crate::http) mod upload_form;
pub mod uploads;
pub mod users;

use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::SecretString;
use serde::Deserialize;

/// A moment on the wire: RFC 3339, UTC, with a fraction.
fn timestamp(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A text that is wiped when it is dropped and never shown.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Secret(SecretString);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}
