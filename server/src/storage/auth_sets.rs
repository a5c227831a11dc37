//! Authentication sets.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::devices::{number_column, number_from};
use super::entity::auth_sets::{ActiveModel, Column, Entity, Model};
use super::sight::device_number_seen;
use super::{Access, StorageError, WriteScope};
use crate::devices::{AuthSet, AuthSetStatus};
use crate::ids::{AuthSetId, DeviceId, DeviceNumber, TenantId};

/// Rows in one `INSERT`: nine values each.
const ROWS_PER_STATEMENT: usize = 1_000;

/// An authentication set that is about to be stored.
#[derive(Clone, Debug)]
pub struct NewAuthSet {
    /// The device that it belongs to.
    pub device_number: DeviceNumber,
    /// The same device's id.
    pub device_id: DeviceId,
    /// The set.
    pub set: AuthSet,
}

/// A pending set that nobody decided about in time.
#[derive(Clone, Copy, Debug)]
pub struct StaleSet {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its device.
    pub device_id: DeviceId,
    /// Its id.
    pub id: AuthSetId,
}

/// The sets of these devices, oldest first.
pub async fn of_devices(
    scope: &impl Access,
    numbers: &[DeviceNumber],
) -> Result<Vec<(DeviceNumber, AuthSet)>, StorageError> {
    let rows = Entity::find()
        .filter(Column::DeviceNumber.is_in(numbers.iter().map(|number| number_column(*number))))
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .all(&scope.executor())
        .await?;
    rows.into_iter().map(|row| Ok((number_from(row.device_number)?, auth_set(row)?))).collect()
}

/// Finds a set of the tenant, and the device that it belongs to.
pub async fn find(scope: &impl Access, id: AuthSetId) -> Result<Option<(DeviceId, AuthSet)>, StorageError> {
    let row = Entity::find_by_id(id.as_uuid())
        .filter(Column::TenantId.eq(scope.tenant().as_uuid()))
        .filter(device_number_seen(scope, Column::DeviceNumber))
        .one(&scope.executor())
        .await?;
    row.map(|row| Ok((row.device_id.into(), auth_set(row)?))).transpose()
}

/// Stores new sets.
pub async fn insert_many(
    tx: &WriteScope<'_>,
    sets: &[NewAuthSet],
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    for chunk in sets.chunks(ROWS_PER_STATEMENT) {
        let rows = chunk.iter().map(|new| ActiveModel {
            id: ActiveValue::Set(new.set.id.as_uuid()),
            tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
            device_number: ActiveValue::Set(number_column(new.device_number)),
            device_id: ActiveValue::Set(new.device_id.as_uuid()),
            status: ActiveValue::Set(new.set.status.as_str().to_owned()),
            spki_sha256: ActiveValue::Set(new.set.spki_sha256.to_vec()),
            public_key: ActiveValue::Set(new.set.public_key.clone()),
            created_at: ActiveValue::Set(new.set.created_at),
            updated_at: ActiveValue::Set(now),
        });
        Entity::insert_many(rows).exec_without_returning(&tx.executor()).await?;
    }
    Ok(())
}

/// Stores what was decided about a set.
pub async fn set_status(
    tx: &WriteScope<'_>,
    id: AuthSetId,
    status: AuthSetStatus,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::Status, Expr::value(status.as_str()))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Deletes one set.
pub async fn delete(tx: &WriteScope<'_>, id: AuthSetId) -> Result<(), StorageError> {
    Entity::delete_by_id(id.as_uuid()).exec(&tx.executor()).await?;
    Ok(())
}

/// Deletes all sets of a device.
pub async fn delete_of_device(tx: &WriteScope<'_>, number: DeviceNumber) -> Result<(), StorageError> {
    Entity::delete_many().filter(Column::DeviceNumber.eq(number_column(number))).exec(&tx.executor()).await?;
    Ok(())
}

/// Pending sets of all tenants that appeared before a moment, at most `limit` of them.
pub async fn stale_pending(
    scope: &impl Access,
    before: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<StaleSet>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Status.eq(AuthSetStatus::Pending.as_str()))
        .filter(Column::CreatedAt.lt(before))
        .order_by_asc(Column::CreatedAt)
        .limit(limit)
        .all(&scope.executor())
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| StaleSet {
            tenant: row.tenant_id.into(),
            device_id: row.device_id.into(),
            id: row.id.into(),
        })
        .collect())
}

fn auth_set(row: Model) -> Result<AuthSet, StorageError> {
    Ok(AuthSet {
        id: row.id.into(),
        status: row.status.parse().map_err(|_| StorageError::corrupt("auth_sets.status", row.status))?,
        spki_sha256: row
            .spki_sha256
            .try_into()
            .map_err(|_| StorageError::corrupt("auth_sets.spki_sha256", "a digest of another length"))?,
        public_key: row.public_key,
        created_at: row.created_at,
    })
}
