//! Device deployments and their logs.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveValue, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    Select,
};

use super::deployments::{number_column, number_from, retries_column};
use super::entity::device_deployment_logs as logs;
use super::entity::device_deployments::{ActiveModel, Column, Entity, Model};
use super::sight::{deployment_seen, device_number_seen};
use super::{Access, Page, StorageError, WriteScope, devices};
use crate::deployments::{DeviceDeployment, DeviceDeploymentState, Statistics};
use crate::ids::{ArtifactId, DeploymentId, DeploymentNumber, DeviceId, DeviceNumber};

/// Rows in one statement: sixteen values each.
const ROWS_PER_STATEMENT: usize = 1_000;

/// A device deployment that is about to be stored.
#[derive(Clone, Debug)]
pub struct NewDeviceDeployment {
    /// The deployment.
    pub deployment: DeploymentNumber,
    /// Its id.
    pub deployment_id: DeploymentId,
    /// The device.
    pub device: DeviceNumber,
    /// Its id.
    pub device_id: DeviceId,
    /// The artifact chosen for it.
    pub artifact: Option<(ArtifactId, u64)>,
    /// Its first state.
    pub state: DeviceDeploymentState,
    /// How often the device may fail, and try again.
    pub retries: u32,
}

/// The pairs of deployment and device that exist among these.
pub async fn find_pairs(
    scope: &impl Access,
    pairs: &[(DeploymentId, DeviceId)],
) -> Result<Vec<DeviceDeployment>, StorageError> {
    let mut by_deployment: std::collections::BTreeMap<DeploymentId, Vec<uuid::Uuid>> =
        std::collections::BTreeMap::new();
    for (deployment, device) in pairs {
        by_deployment.entry(*deployment).or_default().push(device.as_uuid());
    }
    let any = by_deployment.into_iter().fold(Condition::any(), |any, (deployment, devices)| {
        any.add(Column::DeploymentId.eq(deployment.as_uuid()).and(Column::DeviceId.is_in(devices)))
    });
    let rows = seen(scope).filter(any).all(&scope.executor()).await?;
    rows.into_iter().map(device_deployment).collect()
}

/// How many device deployments of all tenants are in each state, by deployment.
pub async fn tally(scope: &impl Access) -> Result<HashMap<DeploymentNumber, Statistics>, StorageError> {
    let rows: Vec<(i32, String, i64)> = Entity::find()
        .select_only()
        .column(Column::DeploymentNumber)
        .column(Column::Status)
        .column_as(Column::Id.count(), "devices")
        .group_by(Column::DeploymentNumber)
        .group_by(Column::Status)
        .into_tuple()
        .all(&scope.executor())
        .await?;
    let mut tally: HashMap<DeploymentNumber, Statistics> = HashMap::new();
    for (number, status, devices) in rows {
        let state = status.parse().map_err(|_| StorageError::corrupt("device_deployments.status", status))?;
        tally.entry(number_from(number)?).or_default().add(state, devices);
    }
    Ok(tally)
}

/// The device deployments of a device that have not ended.
pub async fn unfinished_of_device(
    scope: &impl Access,
    device: DeviceId,
) -> Result<Vec<DeviceDeployment>, StorageError> {
    let rows =
        unfinished(mine(scope)).filter(Column::DeviceId.eq(device.as_uuid())).all(&scope.executor()).await?;
    rows.into_iter().map(device_deployment).collect()
}

/// The device deployments of a device that have ended and are in its history.
pub async fn ended_of_device(
    scope: &impl Access,
    device: DeviceId,
) -> Result<Vec<DeviceDeployment>, StorageError> {
    let rows = mine(scope)
        .filter(Column::DeviceId.eq(device.as_uuid()))
        .filter(Column::FinishedAt.is_not_null())
        .filter(Column::DeletedAt.is_null())
        .all(&scope.executor())
        .await?;
    rows.into_iter().map(device_deployment).collect()
}

/// What the fleet index needs of a deployment: device, artifact and state of each row.
pub async fn states_of(
    scope: &impl Access,
    deployment: DeploymentNumber,
) -> Result<Vec<(DeviceNumber, Option<ArtifactId>, DeviceDeploymentState)>, StorageError> {
    let rows: Vec<(i32, Option<uuid::Uuid>, String)> = mine(scope)
        .filter(Column::DeploymentNumber.eq(number_column(deployment)))
        .select_only()
        .column(Column::DeviceNumber)
        .column(Column::ArtifactId)
        .column(Column::Status)
        .into_tuple()
        .all(&scope.executor())
        .await?;
    rows.into_iter()
        .map(|(device, artifact, status)| {
            Ok((devices::number_from(device)?, artifact.map(ArtifactId::from), state(&status)?))
        })
        .collect()
}

/// A part of a deployment's device deployments in any of these states (empty for all), and how many match.
pub async fn list_of_deployment(
    scope: &impl Access,
    deployment: DeploymentNumber,
    states: &[DeviceDeploymentState],
    page: Option<Page>,
) -> Result<(Vec<DeviceDeployment>, u64), StorageError> {
    // By number, of which there is an index, not by id.
    let number = number_column(deployment);
    let query = in_states(seen(scope).filter(Column::DeploymentNumber.eq(number)), states);
    paged(scope, query.order_by_asc(Column::Id), page).await
}

/// A part of a device's history: its device deployments in any of these states (empty for all), newest first, without
/// those that were taken out.
pub async fn list_of_device(
    scope: &impl Access,
    device: DeviceId,
    states: &[DeviceDeploymentState],
    page: Option<Page>,
) -> Result<(Vec<DeviceDeployment>, u64), StorageError> {
    let kept = seen(scope).filter(Column::DeviceId.eq(device.as_uuid())).filter(Column::DeletedAt.is_null());
    paged(scope, in_states(kept, states).order_by_desc(Column::Id), page).await
}

/// Stores new device deployments.
///
/// # Errors
///
/// [`StorageError::is_unique_violation`] if a pair of deployment and device exists already.
pub async fn insert_many(
    tx: &WriteScope<'_>,
    new: &[NewDeviceDeployment],
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    for chunk in new.chunks(ROWS_PER_STATEMENT) {
        let rows = chunk.iter().map(|new| ActiveModel {
            id: ActiveValue::NotSet,
            tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
            deployment_number: ActiveValue::Set(number_column(new.deployment)),
            deployment_id: ActiveValue::Set(new.deployment_id.as_uuid()),
            device_number: ActiveValue::Set(devices::number_column(new.device)),
            device_id: ActiveValue::Set(new.device_id.as_uuid()),
            artifact_id: ActiveValue::Set(new.artifact.map(|(id, _)| id.as_uuid())),
            artifact_size: ActiveValue::Set(size(new.artifact.map_or(0, |(_, size)| size))),
            status: ActiveValue::Set(new.state.as_str().to_owned()),
            substate: ActiveValue::Set(None),
            logged: ActiveValue::Set(false),
            created_at: ActiveValue::Set(now),
            started_at: ActiveValue::Set(None),
            finished_at: ActiveValue::Set(new.state.is_final().then_some(now)),
            retries_left: ActiveValue::Set(retries_column(new.retries)),
            deleted_at: ActiveValue::Set(None),
        });
        Entity::insert_many(rows).exec_without_returning(&tx.executor()).await?;
    }
    Ok(())
}

/// Stores device deployments that changed, many rows a statement.
pub async fn update_many(tx: &WriteScope<'_>, changed: &[DeviceDeployment]) -> Result<(), StorageError> {
    for chunk in changed.chunks(ROWS_PER_STATEMENT) {
        let rows = chunk.iter().map(|row| ActiveModel {
            id: ActiveValue::Set(row.id),
            tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
            deployment_number: ActiveValue::Set(number_column(row.deployment)),
            deployment_id: ActiveValue::Set(row.deployment_id.as_uuid()),
            device_number: ActiveValue::Set(devices::number_column(row.device)),
            device_id: ActiveValue::Set(row.device_id.as_uuid()),
            artifact_id: ActiveValue::Set(row.artifact.map(ArtifactId::as_uuid)),
            artifact_size: ActiveValue::Set(size(row.artifact_size)),
            status: ActiveValue::Set(row.state.as_str().to_owned()),
            substate: ActiveValue::Set(row.substate.clone()),
            logged: ActiveValue::Set(row.logged),
            created_at: ActiveValue::Set(row.created_at),
            started_at: ActiveValue::Set(row.started_at),
            finished_at: ActiveValue::Set(row.finished_at),
            retries_left: ActiveValue::Set(retries_column(row.retries_left)),
            deleted_at: ActiveValue::Set(row.deleted_at),
        });
        let changed = [
            Column::ArtifactId,
            Column::ArtifactSize,
            Column::Status,
            Column::Substate,
            Column::Logged,
            Column::StartedAt,
            Column::FinishedAt,
            Column::RetriesLeft,
            Column::DeletedAt,
        ];
        Entity::insert_many(rows)
            .on_conflict(OnConflict::column(Column::Id).update_columns(changed).to_owned())
            .exec_without_returning(&tx.executor())
            .await?;
    }
    Ok(())
}

/// Ends all unfinished device deployments of a deployment in one statement; returns how many there were in each state.
pub async fn end_all(
    tx: &WriteScope<'_>,
    deployment: DeploymentNumber,
    end: DeviceDeploymentState,
    now: DateTime<Utc>,
) -> Result<Vec<(DeviceDeploymentState, i64)>, StorageError> {
    let counted: Vec<(String, i64)> = unfinished(mine(tx))
        .filter(Column::DeploymentNumber.eq(number_column(deployment)))
        .select_only()
        .column(Column::Status)
        .column_as(Column::Id.count(), "devices")
        .group_by(Column::Status)
        .into_tuple()
        .all(&tx.executor())
        .await?;
    Entity::update_many()
        .col_expr(Column::Status, Expr::value(end.as_str()))
        .col_expr(Column::FinishedAt, Expr::value(now))
        .filter(Column::DeploymentNumber.eq(number_column(deployment)))
        .filter(Column::FinishedAt.is_null())
        .exec(&tx.executor())
        .await?;
    counted.into_iter().map(|(status, devices)| Ok((state(&status)?, devices))).collect()
}

/// Stores the log of a device deployment; a second one replaces the first.
pub async fn store_log(
    tx: &WriteScope<'_>,
    device_deployment: i32,
    messages: &str,
) -> Result<(), StorageError> {
    let row = logs::ActiveModel {
        device_deployment_id: ActiveValue::Set(device_deployment),
        messages: ActiveValue::Set(messages.to_owned()),
    };
    logs::Entity::insert(row)
        .on_conflict(
            OnConflict::column(logs::Column::DeviceDeploymentId)
                .update_column(logs::Column::Messages)
                .to_owned(),
        )
        .exec_without_returning(&tx.executor())
        .await?;
    Ok(())
}

/// The log of a device deployment.
pub async fn log(scope: &impl Access, device_deployment: i32) -> Result<Option<String>, StorageError> {
    let row = logs::Entity::find_by_id(device_deployment).one(&scope.executor()).await?;
    Ok(row.map(|row| row.messages))
}

async fn paged(
    scope: &impl Access,
    query: Select<Entity>,
    page: Option<Page>,
) -> Result<(Vec<DeviceDeployment>, u64), StorageError> {
    let (rows, total) = if let Some(page) = page {
        let total = query.clone().count(&scope.executor()).await?;
        (query.offset(page.offset()).limit(page.per_page).all(&scope.executor()).await?, total)
    } else {
        let rows = query.all(&scope.executor()).await?;
        let total = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        (rows, total)
    };
    Ok((rows.into_iter().map(device_deployment).collect::<Result<_, _>>()?, total))
}

fn mine(scope: &impl Access) -> Select<Entity> {
    Entity::find().filter(Column::TenantId.eq(scope.tenant().as_uuid()))
}

/// Those of which both deployment and device are in sight.
fn seen(scope: &impl Access) -> Select<Entity> {
    mine(scope)
        .filter(device_number_seen(scope, Column::DeviceNumber))
        .filter(deployment_seen(scope, Column::DeploymentId))
}

fn unfinished(query: Select<Entity>) -> Select<Entity> {
    query.filter(Column::FinishedAt.is_null())
}

fn in_states(query: Select<Entity>, states: &[DeviceDeploymentState]) -> Select<Entity> {
    if states.is_empty() {
        return query;
    }
    query.filter(Column::Status.is_in(states.iter().map(|state| state.as_str())))
}

fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn state(status: &str) -> Result<DeviceDeploymentState, StorageError> {
    status.parse().map_err(|_| StorageError::corrupt("device_deployments.status", status))
}

fn device_deployment(row: Model) -> Result<DeviceDeployment, StorageError> {
    Ok(DeviceDeployment {
        id: row.id,
        deployment: number_from(row.deployment_number)?,
        deployment_id: row.deployment_id.into(),
        device: devices::number_from(row.device_number)?,
        device_id: row.device_id.into(),
        artifact: row.artifact_id.map(ArtifactId::from),
        artifact_size: u64::try_from(row.artifact_size).unwrap_or(0),
        state: state(&row.status)?,
        substate: row.substate,
        retries_left: u32::try_from(row.retries_left).unwrap_or(0),
        logged: row.logged,
        created_at: row.created_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
        deleted_at: row.deleted_at,
    })
}
