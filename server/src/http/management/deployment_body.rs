//! Deployments on the wire.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use super::timestamp;
use crate::deployments::{Deployment, DeploymentStatus, DeviceDeployment, Statistics};

/// A deployment, as clients take it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct DeploymentBody {
    id: String,
    name: String,
    artifact_name: String,
    created: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished: Option<String>,
    status: &'static str,
    /// Devices that asked for it.
    device_count: u64,
    /// Devices that it is meant for.
    max_devices: u64,
    /// Without phases, all devices may begin at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    phases: Vec<PhaseBody>,
    /// How often a device may fail and try again.
    #[serde(skip_serializing_if = "is_zero")]
    retries: u32,
    /// Devices that it was created for.
    initial_device_count: u64,
    groups: Vec<String>,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    force_installation: bool,
    statistics: StatisticsBody,
}

/// A phase of a deployment.
#[derive(Serialize, utoipa::ToSchema)]
struct PhaseBody {
    id: String,
    /// The share of the devices in percent, if it was given so.
    #[serde(skip_serializing_if = "Option::is_none")]
    batch_size: Option<u32>,
    /// How many devices may begin with it.
    batch_size_devices: u64,
    start_ts: String,
    /// How many have.
    device_count: u64,
}

#[derive(Serialize, utoipa::ToSchema)]
struct StatisticsBody {
    #[schema(value_type = Object)]
    status: Value,
    total_size: u64,
}

/// A device deployment, as clients take it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct DeviceDeploymentBody {
    /// The device's id.
    id: String,
    status: &'static str,
    created: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished: Option<String>,
    /// When it was taken out of the history of the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    substate: Option<String>,
    log: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<ImageBody>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct ImageBody {
    id: String,
    size: u64,
}

impl DeploymentBody {
    /// A deployment as it is at a moment.
    pub(super) fn at(deployment: Deployment, now: DateTime<Utc>) -> Self {
        Self {
            status: match deployment.status(now) {
                DeploymentStatus::Scheduled => "scheduled",
                DeploymentStatus::Pending => "pending",
                DeploymentStatus::InProgress => "inprogress",
                DeploymentStatus::Finished => "finished",
            },
            phases: deployment
                .phases
                .begun(deployment.asked_count)
                .map(|(phase, begun)| PhaseBody {
                    id: phase.id.to_string(),
                    batch_size: phase.percent,
                    batch_size_devices: phase.devices,
                    start_ts: timestamp(phase.starts_at),
                    device_count: begun,
                })
                .collect(),
            retries: deployment.retries,
            initial_device_count: deployment.target_count,
            id: deployment.id.to_string(),
            name: deployment.name,
            artifact_name: deployment.artifact_name,
            created: timestamp(deployment.created_at),
            finished: deployment.finished_at.map(timestamp),
            device_count: deployment.asked_count,
            max_devices: deployment.target_count,
            groups: deployment.group.into_iter().collect(),
            kind: "software",
            force_installation: deployment.forced,
            statistics: StatisticsBody {
                status: statistics(&deployment.statistics),
                total_size: deployment.total_size,
            },
        }
    }
}

impl From<DeviceDeployment> for DeviceDeploymentBody {
    fn from(row: DeviceDeployment) -> Self {
        Self {
            id: row.device_id.to_string(),
            status: row.state.as_str(),
            created: timestamp(row.created_at),
            started: row.started_at.map(timestamp),
            finished: row.finished_at.map(timestamp),
            deleted: row.deleted_at.map(timestamp),
            substate: row.substate,
            log: row.logged,
            image: row.artifact.map(|id| ImageBody { id: id.to_string(), size: row.artifact_size }),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// All counters, always present.
pub(super) fn statistics(counters: &Statistics) -> Value {
    let members: Map<String, Value> =
        counters.iter().map(|(state, devices)| (state.as_str().to_owned(), devices.into())).collect();
    Value::Object(members)
}
