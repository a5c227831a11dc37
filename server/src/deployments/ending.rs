//! How deployments end: for one device, and as a whole.

use chrono::{DateTime, Utc};

use super::{DeviceDeploymentState, Statistics};
use crate::ids::{DeploymentNumber, DeviceId, DeviceNumber};
use crate::storage::deployments::CounterChange;
use crate::storage::device_deployments::NewDeviceDeployment;
use crate::storage::{Change, StorageError, WriteScope, deployments, device_deployments};

/// Marks as finished those of the deployments in which every device has ended.
pub(crate) async fn finish_complete(
    tx: &WriteScope<'_>,
    touched: &[DeploymentNumber],
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    if touched.is_empty() {
        return Ok(());
    }
    for deployment in deployments::find_by_numbers(tx, touched).await? {
        let finished = u64::try_from(deployment.statistics.finished()).unwrap_or(0);
        if finished >= deployment.target_count
            && deployments::finish(tx, deployment.number, false, now).await?
        {
            tx.record(Change::DeploymentFinished { number: deployment.number });
        }
    }
    Ok(())
}

/// Ends every unfinished deployment for one device, those included that it never asked for.
pub(crate) async fn end_for_device(
    tx: &WriteScope<'_>,
    number: DeviceNumber,
    device: DeviceId,
    end: DeviceDeploymentState,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let mut rows = device_deployments::unfinished_of_device(tx, device).await?;
    let mut changes = Vec::new();
    let mut fresh = Vec::new();
    for unfinished in deployments::unfinished_with_targets(tx).await? {
        let deployment = unfinished.deployment;
        if !unfinished.targets.contains(number.as_u32()) {
            continue;
        }
        let mut statistics = Statistics::default();
        if let Some(row) = rows.iter_mut().find(|row| row.deployment == deployment.number) {
            statistics.transfer(row.state, end);
            row.state = end;
            row.finished_at = Some(now);
        } else {
            let pairs = [(deployment.id, device)];
            if !device_deployments::find_pairs(tx, &pairs).await?.is_empty() {
                continue;
            }
            statistics.transfer(DeviceDeploymentState::Pending, end);
            fresh.push(NewDeviceDeployment {
                deployment: deployment.number,
                deployment_id: deployment.id,
                device: number,
                device_id: device,
                artifact: None,
                state: end,
                retries: 0,
            });
        }
        let change = Change::DeviceDeployment {
            deployment: deployment.number,
            device: number,
            artifact: None,
            state: end,
        };
        tx.record(change);
        changes.push(CounterChange { number: deployment.number, statistics, asked: 0, size: 0 });
    }
    device_deployments::insert_many(tx, &fresh, now).await?;
    device_deployments::update_many(tx, &rows).await?;
    deployments::count(tx, &changes).await?;
    let touched: Vec<DeploymentNumber> = changes.iter().map(|change| change.number).collect();
    finish_complete(tx, &touched, now).await
}

/// Takes what a device has ended out of its history. Of deployments that go on, it begins again: it is offered them as if
/// it had not.
pub(crate) async fn forget_of_device(
    tx: &WriteScope<'_>,
    number: DeviceNumber,
    device: DeviceId,
    now: DateTime<Utc>,
) -> Result<usize, StorageError> {
    let mut rows = device_deployments::ended_of_device(tx, device).await?;
    let numbers: Vec<DeploymentNumber> = rows.iter().map(|row| row.deployment).collect();
    let unfinished: Vec<_> = deployments::find_by_numbers(tx, &numbers)
        .await?
        .into_iter()
        .filter(|deployment| deployment.finished_at.is_none())
        .collect();
    let mut changes = Vec::new();
    for row in &mut rows {
        let Some(deployment) = unfinished.iter().find(|deployment| deployment.number == row.deployment)
        else {
            row.deleted_at = Some(now);
            continue;
        };
        let pending = DeviceDeploymentState::Pending;
        let mut statistics = Statistics::default();
        statistics.transfer(row.state, pending);
        changes.push(CounterChange { number: row.deployment, statistics, asked: 0, size: 0 });
        (row.state, row.substate, row.finished_at) = (pending, None, None);
        row.retries_left = deployment.retries;
        tx.record(Change::DeviceDeployment {
            deployment: row.deployment,
            device: number,
            artifact: row.artifact,
            state: pending,
        });
    }
    device_deployments::update_many(tx, &rows).await?;
    deployments::count(tx, &changes).await?;
    Ok(rows.len())
}
