//! The column `deployments.phases`: JSON.

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::StorageError;
use crate::deployments::{Phase, Phases};

const COLUMN: &str = "deployments.phases";

#[derive(Deserialize, Serialize)]
struct StoredPhase {
    id: Uuid,
    /// Milliseconds since 1970.
    starts_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percent: Option<u32>,
    devices: u64,
}

/// Nothing for no phases.
pub(super) fn column(phases: &Phases) -> Result<Option<String>, StorageError> {
    if phases.is_empty() {
        return Ok(None);
    }
    let stored: Vec<StoredPhase> = phases
        .begun(0)
        .map(|(phase, _)| StoredPhase {
            id: phase.id,
            starts_at: phase.starts_at.timestamp_millis(),
            percent: phase.percent,
            devices: phase.devices,
        })
        .collect();
    serde_json::to_string(&stored).map(Some).map_err(|_| StorageError::OutOfRange(COLUMN))
}

pub(super) fn phases(column: Option<&str>) -> Result<Phases, StorageError> {
    let Some(text) = column else { return Ok(Phases::default()) };
    let corrupt = |detail: String| StorageError::corrupt(COLUMN, detail);
    let stored: Vec<StoredPhase> = serde_json::from_str(text).map_err(|err| corrupt(err.to_string()))?;
    let phase = |stored: StoredPhase| {
        let starts_at = DateTime::from_timestamp_millis(stored.starts_at)?;
        Some(Phase { id: stored.id, starts_at, percent: stored.percent, devices: stored.devices })
    };
    let phases: Option<Vec<Phase>> = stored.into_iter().map(phase).collect();
    Ok(Phases::stored(phases.ok_or_else(|| corrupt("a moment out of range".to_owned()))?))
}
