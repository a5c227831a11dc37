//! Deployments.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use roaring::RoaringBitmap;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveValue, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::deployment_filter::matching;
use super::entity::deployment_groups;
use super::entity::deployments::{ActiveModel, Column, Entity, Model};
use super::sight::deployment_seen;
use super::{Access, Page, StorageError, WriteScope, deployment_phases};
use crate::deployments::{Deployment, DeviceDeploymentState, Phases, Statistics};
use crate::ids::{DeploymentId, DeploymentNumber, TenantId};

pub use super::deployment_filter::DeploymentFilter;

/// Groups in one `INSERT`: three values each.
const GROUPS_PER_STATEMENT: usize = 1_000;

/// A deployment that is about to be stored.
#[derive(Clone, Debug)]
pub struct NewDeployment {
    /// Its id.
    pub id: DeploymentId,
    /// Its name.
    pub name: String,
    /// The release that it rolls out.
    pub artifact_name: String,
    /// Whether devices that have the release already get it again.
    pub forced: bool,
    /// The group whose members are its targets.
    pub group: Option<String>,
    /// The devices that it is meant for.
    pub targets: Arc<RoaringBitmap>,
    /// How many devices were named, those that do not exist included.
    pub target_count: u64,
    /// SHA-256 of what was asked for.
    pub active_hash: [u8; 32],
    /// When how many devices may begin.
    pub phases: Phases,
    /// How often a device may fail before it has failed for good.
    pub retries: u32,
}

/// How one deployment's counters change.
#[derive(Clone, Copy, Debug)]
pub struct CounterChange {
    /// The deployment.
    pub number: DeploymentNumber,
    /// What is added to each counter.
    pub statistics: Statistics,
    /// Devices that asked for the first time.
    pub asked: u64,
    /// Bytes assigned more than before.
    pub size: i64,
}

/// A deployment with its targets, as the fleet index needs it.
#[derive(Clone, Debug)]
pub struct UnfinishedDeployment {
    /// Its tenant.
    pub tenant: TenantId,
    /// The deployment.
    pub deployment: Deployment,
    /// The devices that it is meant for.
    pub targets: Arc<RoaringBitmap>,
}

/// Stores a deployment; returns its number.
///
/// # Errors
///
/// [`StorageError::is_unique_violation`] if an unfinished deployment was asked for in the same words.
pub async fn insert(
    tx: &WriteScope<'_>,
    new: &NewDeployment,
    now: DateTime<Utc>,
) -> Result<DeploymentNumber, StorageError> {
    let mut targets = Vec::with_capacity(new.targets.serialized_size());
    new.targets.serialize_into(&mut targets).map_err(|_| StorageError::OutOfRange("deployments.targets"))?;
    let count =
        i64::try_from(new.target_count).map_err(|_| StorageError::OutOfRange("deployments.target_count"))?;
    let zero = || ActiveValue::Set(0_i64);
    let row = ActiveModel {
        number: ActiveValue::NotSet,
        id: ActiveValue::Set(new.id.as_uuid()),
        tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
        name: ActiveValue::Set(new.name.clone()),
        artifact_name: ActiveValue::Set(new.artifact_name.clone()),
        kind: ActiveValue::Set("software".to_owned()),
        forced: ActiveValue::Set(new.forced),
        group_name: ActiveValue::Set(new.group.clone()),
        targets: ActiveValue::Set(targets),
        target_count: ActiveValue::Set(count),
        active_hash: ActiveValue::Set(Some(new.active_hash.to_vec())),
        asked_count: zero(),
        total_size: zero(),
        count_failure: zero(),
        count_aborted: zero(),
        count_pause_before_installing: zero(),
        count_pause_before_committing: zero(),
        count_pause_before_rebooting: zero(),
        count_downloading: zero(),
        count_installing: zero(),
        count_rebooting: zero(),
        count_pending: ActiveValue::Set(count),
        count_success: zero(),
        count_noartifact: zero(),
        count_already_installed: zero(),
        count_decommissioned: zero(),
        created_at: ActiveValue::Set(now),
        finished_at: ActiveValue::Set(None),
        aborted_at: ActiveValue::Set(None),
        phases: ActiveValue::Set(deployment_phases::column(&new.phases)?),
        starts_at: ActiveValue::Set(new.phases.starts_at()),
        retries: ActiveValue::Set(retries_column(new.retries)),
    };
    let stored = Entity::insert(row).exec_with_returning(&tx.executor()).await?;
    number_from(stored.number)
}

/// Stores the groups that the targets of a deployment are in; the empty name stands for no group. Without any, only who
/// sees all devices sees the deployment.
pub async fn set_groups(
    tx: &WriteScope<'_>,
    id: DeploymentId,
    groups: &BTreeSet<String>,
) -> Result<(), StorageError> {
    if groups.is_empty() {
        return Ok(());
    }
    let rows = groups.iter().map(|group| deployment_groups::ActiveModel {
        tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
        deployment_id: ActiveValue::Set(id.as_uuid()),
        group_name: ActiveValue::Set(group.clone()),
    });
    for chunk in rows.collect::<Vec<_>>().chunks(GROUPS_PER_STATEMENT) {
        let insert = deployment_groups::Entity::insert_many(chunk.iter().cloned());
        insert.exec_without_returning(&tx.executor()).await?;
    }
    Ok(())
}

/// Finds a deployment by its id.
pub async fn find(scope: &impl Access, id: DeploymentId) -> Result<Option<Deployment>, StorageError> {
    let row = seen(scope).filter(Column::Id.eq(id.as_uuid())).one(&scope.executor()).await?;
    row.map(deployment).transpose()
}

/// Finds deployments by their numbers.
pub async fn find_by_numbers(
    scope: &impl Access,
    numbers: &[DeploymentNumber],
) -> Result<Vec<Deployment>, StorageError> {
    let rows = seen(scope)
        .filter(Column::Number.is_in(numbers.iter().map(|number| number_column(*number))))
        .all(&scope.executor())
        .await?;
    rows.into_iter().map(deployment).collect()
}

/// A part of the list of deployments, and how many match.
pub async fn list(
    scope: &impl Access,
    filter: &DeploymentFilter,
    page: Page,
) -> Result<(Vec<Deployment>, u64), StorageError> {
    let query = matching(seen(scope), filter);
    let total = query.clone().count(&scope.executor()).await?;
    let query = if filter.oldest_first {
        query.order_by_asc(Column::Number)
    } else {
        query.order_by_desc(Column::Number)
    };
    let rows = query.offset(page.offset()).limit(page.per_page).all(&scope.executor()).await?;
    Ok((rows.into_iter().map(deployment).collect::<Result<_, _>>()?, total))
}

/// The ids of unfinished deployments of a release.
pub async fn unfinished_of_release(
    scope: &impl Access,
    artifact_name: &str,
) -> Result<Vec<DeploymentId>, StorageError> {
    let ids: Vec<uuid::Uuid> = mine(scope)
        .filter(Column::ArtifactName.eq(artifact_name))
        .filter(Column::FinishedAt.is_null())
        .select_only()
        .column(Column::Id)
        .into_tuple()
        .all(&scope.executor())
        .await?;
    Ok(ids.into_iter().map(DeploymentId::from).collect())
}

/// The unfinished deployments of the tenant with their targets, oldest first.
pub async fn unfinished_with_targets(scope: &impl Access) -> Result<Vec<UnfinishedDeployment>, StorageError> {
    unfinished(mine(scope), scope).await
}

/// The unfinished deployments of all tenants, oldest first.
pub async fn all_unfinished(scope: &impl Access) -> Result<Vec<UnfinishedDeployment>, StorageError> {
    unfinished(Entity::find(), scope).await
}

/// The deployments of all tenants, oldest first.
pub async fn all(scope: &impl Access) -> Result<Vec<Deployment>, StorageError> {
    let rows = Entity::find().order_by_asc(Column::Number).all(&scope.executor()).await?;
    rows.into_iter().map(deployment).collect()
}

/// Adds to the counters of deployments.
pub async fn count(tx: &WriteScope<'_>, changes: &[CounterChange]) -> Result<(), StorageError> {
    for change in changes {
        let add = |column: Column, value: i64| Expr::col(column).add(value);
        let mut update = Entity::update_many()
            .filter(Column::Number.eq(number_column(change.number)))
            .col_expr(Column::AskedCount, add(Column::AskedCount, signed(change.asked)?))
            .col_expr(Column::TotalSize, add(Column::TotalSize, change.size));
        for (state, difference) in change.statistics.iter().filter(|(_, difference)| *difference != 0) {
            let column = counter(state);
            update = update.col_expr(column, add(column, difference));
        }
        update.exec(&tx.executor()).await?;
    }
    Ok(())
}

/// Marks a deployment as finished; tells whether it was unfinished until now.
pub async fn finish(
    tx: &WriteScope<'_>,
    number: DeploymentNumber,
    aborted: bool,
    now: DateTime<Utc>,
) -> Result<bool, StorageError> {
    let done = Entity::update_many()
        .col_expr(Column::FinishedAt, Expr::value(now))
        .col_expr(Column::AbortedAt, Expr::value(aborted.then_some(now)))
        .col_expr(Column::ActiveHash, Expr::value(None::<Vec<u8>>))
        .filter(Column::Number.eq(number_column(number)))
        .filter(Column::FinishedAt.is_null())
        .exec(&tx.executor())
        .await?;
    Ok(done.rows_affected == 1)
}

/// Retries as columns keep them.
pub(super) fn retries_column(retries: u32) -> i32 {
    i32::try_from(retries).unwrap_or(i32::MAX)
}

pub(crate) fn number_column(number: DeploymentNumber) -> i32 {
    number.as_u32().cast_signed()
}

pub(crate) fn number_from(column: i32) -> Result<DeploymentNumber, StorageError> {
    let number = u32::try_from(column).map_err(|_| StorageError::OutOfRange("deployments.number"))?;
    Ok(number.into())
}

async fn unfinished(
    query: Select<Entity>,
    scope: &impl Access,
) -> Result<Vec<UnfinishedDeployment>, StorageError> {
    let rows = query
        .filter(Column::FinishedAt.is_null())
        .order_by_asc(Column::Number)
        .all(&scope.executor())
        .await?;
    rows.into_iter()
        .map(|row| {
            let tenant = row.tenant_id.into();
            let targets = Arc::new(bitmap(&row.targets)?);
            Ok(UnfinishedDeployment { tenant, deployment: deployment(row)?, targets })
        })
        .collect()
}

fn bitmap(bytes: &[u8]) -> Result<RoaringBitmap, StorageError> {
    RoaringBitmap::deserialize_from(bytes)
        .map_err(|err| StorageError::corrupt("deployments.targets", err.to_string()))
}

fn signed(value: u64) -> Result<i64, StorageError> {
    i64::try_from(value).map_err(|_| StorageError::OutOfRange("deployments.total_size"))
}

const fn counter(state: DeviceDeploymentState) -> Column {
    use DeviceDeploymentState as S;
    match state {
        S::Failure => Column::CountFailure,
        S::Aborted => Column::CountAborted,
        S::PauseBeforeInstalling => Column::CountPauseBeforeInstalling,
        S::PauseBeforeCommitting => Column::CountPauseBeforeCommitting,
        S::PauseBeforeRebooting => Column::CountPauseBeforeRebooting,
        S::Downloading => Column::CountDownloading,
        S::Installing => Column::CountInstalling,
        S::Rebooting => Column::CountRebooting,
        S::Pending => Column::CountPending,
        S::Success => Column::CountSuccess,
        S::NoArtifact => Column::CountNoartifact,
        S::AlreadyInstalled => Column::CountAlreadyInstalled,
        S::Decommissioned => Column::CountDecommissioned,
    }
}

fn deployment(row: Model) -> Result<Deployment, StorageError> {
    use DeviceDeploymentState as S;
    let mut statistics = Statistics::default();
    for (state, count) in [
        (S::Failure, row.count_failure),
        (S::Aborted, row.count_aborted),
        (S::PauseBeforeInstalling, row.count_pause_before_installing),
        (S::PauseBeforeCommitting, row.count_pause_before_committing),
        (S::PauseBeforeRebooting, row.count_pause_before_rebooting),
        (S::Downloading, row.count_downloading),
        (S::Installing, row.count_installing),
        (S::Rebooting, row.count_rebooting),
        (S::Pending, row.count_pending),
        (S::Success, row.count_success),
        (S::NoArtifact, row.count_noartifact),
        (S::AlreadyInstalled, row.count_already_installed),
        (S::Decommissioned, row.count_decommissioned),
    ] {
        statistics.add(state, count);
    }
    let unsigned = |value: i64, column| u64::try_from(value).map_err(|_| StorageError::OutOfRange(column));
    Ok(Deployment {
        number: number_from(row.number)?,
        id: row.id.into(),
        name: row.name,
        artifact_name: row.artifact_name,
        forced: row.forced,
        phases: deployment_phases::phases(row.phases.as_deref())?,
        retries: u32::try_from(row.retries).map_err(|_| StorageError::OutOfRange("deployments.retries"))?,
        group: row.group_name,
        target_count: unsigned(row.target_count, "deployments.target_count")?,
        asked_count: unsigned(row.asked_count, "deployments.asked_count")?,
        total_size: unsigned(row.total_size, "deployments.total_size")?,
        statistics,
        created_at: row.created_at,
        finished_at: row.finished_at,
    })
}

fn mine(scope: &impl Access) -> Select<Entity> {
    Entity::find().filter(Column::TenantId.eq(scope.tenant().as_uuid()))
}

/// The deployments in sight: what follows from an act is looked for among all of them.
fn seen(scope: &impl Access) -> Select<Entity> {
    mine(scope).filter(deployment_seen(scope, Column::Id))
}
