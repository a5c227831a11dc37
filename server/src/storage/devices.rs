//! Devices.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    Select,
};
use uuid::Uuid;

use super::entity::devices::{ActiveModel, Column, Entity, Model};
use super::sight::device_seen;
use super::{Access, Page, StorageError, WriteScope};
use crate::devices::{Device, DeviceStatus, Identity};
use crate::ids::{DeviceId, DeviceNumber};

/// Values in one `IN (…)`.
const KEYS_PER_STATEMENT: usize = 10_000;

/// Rows in one `INSERT`: eleven values each.
const ROWS_PER_STATEMENT: usize = 1_000;

/// Which devices a list holds.
#[derive(Clone, Debug, Default)]
pub struct DeviceFilter {
    /// Any of these states; empty for all.
    pub statuses: Vec<DeviceStatus>,
    /// Any of these ids; empty for all.
    pub ids: Vec<DeviceId>,
}

/// A device that is about to be stored.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// Its id.
    pub id: DeviceId,
    /// Who it claims to be.
    pub identity: Identity,
    /// Its first status.
    pub status: DeviceStatus,
}

/// Finds a device by its id.
pub async fn find(scope: &impl Access, id: DeviceId) -> Result<Option<Device>, StorageError> {
    let row = mine(scope).filter(Column::Id.eq(id.as_uuid())).one(&scope.executor()).await?;
    row.map(device).transpose()
}

/// Finds the devices that exist among these ids, in no particular order.
pub async fn find_many(scope: &impl Access, ids: &[DeviceId]) -> Result<Vec<Device>, StorageError> {
    let mut found = Vec::new();
    for chunk in ids.chunks(KEYS_PER_STATEMENT) {
        let rows = mine(scope)
            .filter(Column::Id.is_in(chunk.iter().map(|id| id.as_uuid())))
            .all(&scope.executor())
            .await?;
        for row in rows {
            found.push(device(row)?);
        }
    }
    Ok(found)
}

/// Finds devices by the hashes of their identities.
pub async fn find_by_identity(scope: &impl Access, hashes: &[[u8; 32]]) -> Result<Vec<Device>, StorageError> {
    let rows = mine(scope)
        .filter(Column::IdentityHash.is_in(hashes.iter().map(|hash| hash.to_vec())))
        .all(&scope.executor())
        .await?;
    rows.into_iter().map(device).collect()
}

/// A part of the list of devices, oldest first, and whether more follow.
pub async fn list(
    scope: &impl Access,
    filter: &DeviceFilter,
    page: Page,
) -> Result<(Vec<Device>, bool), StorageError> {
    let mut rows = matching(scope, filter)
        .order_by_asc(Column::Number)
        .offset(page.offset())
        .limit(page.per_page.saturating_add(1))
        .all(&scope.executor())
        .await?;
    let wanted = usize::try_from(page.per_page).unwrap_or(usize::MAX);
    let more = rows.len() > wanted;
    rows.truncate(wanted);
    Ok((rows.into_iter().map(device).collect::<Result<_, _>>()?, more))
}

/// How many devices match.
pub async fn count(scope: &impl Access, filter: &DeviceFilter) -> Result<u64, StorageError> {
    Ok(matching(scope, filter).count(&scope.executor()).await?)
}

/// The numbers of the accepted devices of a group.
pub async fn accepted_in_group(scope: &impl Access, group: &str) -> Result<Vec<DeviceNumber>, StorageError> {
    let numbers: Vec<i32> = mine(scope)
        .filter(Column::Status.eq(DeviceStatus::Accepted.as_str()))
        .filter(Column::GroupName.eq(group))
        .select_only()
        .column(Column::Number)
        .into_tuple()
        .all(&scope.executor())
        .await?;
    numbers.into_iter().map(number_from).collect()
}

/// Stores new devices; returns their numbers in the same order.
pub async fn insert_many(
    tx: &WriteScope<'_>,
    devices: &[NewDevice],
    now: DateTime<Utc>,
) -> Result<Vec<DeviceNumber>, StorageError> {
    let mut numbers = Vec::with_capacity(devices.len());
    for chunk in devices.chunks(ROWS_PER_STATEMENT) {
        let rows = chunk.iter().map(|new| ActiveModel {
            number: ActiveValue::NotSet,
            id: ActiveValue::Set(new.id.as_uuid()),
            tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
            identity_hash: ActiveValue::Set(new.identity.hash().to_vec()),
            identity_data: ActiveValue::Set(new.identity.as_str().to_owned()),
            status: ActiveValue::Set(new.status.as_str().to_owned()),
            generation: ActiveValue::Set(0),
            group_name: ActiveValue::Set(None),
            inventory_digest: ActiveValue::Set(0),
            tags_edition: ActiveValue::Set(None),
            created_at: ActiveValue::Set(now),
            updated_at: ActiveValue::Set(now),
        });
        // Neither database promises the order of what it returns, so the rows are matched by id.
        let stored = Entity::insert_many(rows).exec_with_returning(&tx.executor()).await?;
        for new in chunk {
            let row = stored.iter().find(|row| row.id == new.id.as_uuid());
            let row = row.ok_or(StorageError::OutOfRange("devices.number"))?;
            numbers.push(number_from(row.number)?);
        }
    }
    Ok(numbers)
}

/// Stores a device's status and generation.
pub async fn set_status(
    tx: &WriteScope<'_>,
    number: DeviceNumber,
    status: DeviceStatus,
    generation: u32,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::Status, Expr::value(status.as_str()))
        .col_expr(Column::Generation, Expr::value(i64::from(generation)))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Number.eq(number_column(number)))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Stores what recognises a device's inventory when it is sent again.
pub async fn set_inventory_digest(
    tx: &WriteScope<'_>,
    number: DeviceNumber,
    digest: u64,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::InventoryDigest, Expr::value(digest.cast_signed()))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Number.eq(number_column(number)))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Stores which edition a device's tags are; none when they are forgotten.
pub async fn set_tags_edition(
    tx: &WriteScope<'_>,
    number: DeviceNumber,
    edition: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::TagsEdition, Expr::value(edition))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Number.eq(number_column(number)))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Forgets a device.
pub async fn delete(tx: &WriteScope<'_>, number: DeviceNumber) -> Result<(), StorageError> {
    Entity::delete_many().filter(Column::Number.eq(number_column(number))).exec(&tx.executor()).await?;
    Ok(())
}

/// Puts devices into a group, or into none; returns how many of them changed.
pub async fn set_group(
    tx: &WriteScope<'_>,
    ids: &[DeviceId],
    group: Option<&str>,
    now: DateTime<Utc>,
) -> Result<u64, StorageError> {
    let differs = match group {
        Some(group) => Column::GroupName.is_null().or(Column::GroupName.ne(group)),
        None => Column::GroupName.is_not_null(),
    };
    let mut changed = 0;
    for chunk in ids.chunks(KEYS_PER_STATEMENT) {
        changed += Entity::update_many()
            .col_expr(Column::GroupName, Expr::value(group.map(str::to_owned)))
            .col_expr(Column::UpdatedAt, Expr::value(now))
            .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
            .filter(device_seen(tx))
            .filter(Column::Id.is_in(chunk.iter().map(|id| id.as_uuid())))
            .filter(differs.clone())
            .exec(&tx.executor())
            .await?
            .rows_affected;
    }
    Ok(changed)
}

/// Empties a group; returns how many devices were in it.
pub async fn clear_group(tx: &WriteScope<'_>, group: &str, now: DateTime<Utc>) -> Result<u64, StorageError> {
    let done = Entity::update_many()
        .col_expr(Column::GroupName, Expr::value(None::<String>))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(device_seen(tx))
        .filter(Column::GroupName.eq(group))
        .exec(&tx.executor())
        .await?;
    Ok(done.rows_affected)
}

/// The groups that have members, optionally members of one status, by name.
pub async fn groups(scope: &impl Access, status: Option<DeviceStatus>) -> Result<Vec<String>, StorageError> {
    let mut query = mine(scope).filter(Column::GroupName.is_not_null());
    if let Some(status) = status {
        query = query.filter(Column::Status.eq(status.as_str()));
    }
    let names: Vec<Option<String>> = query
        .select_only()
        .column(Column::GroupName)
        .distinct()
        .order_by_asc(Column::GroupName)
        .into_tuple()
        .all(&scope.executor())
        .await?;
    Ok(names.into_iter().flatten().collect())
}

/// A part of a group's members, oldest first, and how many it has.
pub async fn group_members(
    scope: &impl Access,
    group: &str,
    page: Page,
) -> Result<(Vec<DeviceId>, u64), StorageError> {
    let query = mine(scope).filter(Column::GroupName.eq(group));
    let total = query.clone().count(&scope.executor()).await?;
    let ids: Vec<Uuid> = query
        .select_only()
        .column(Column::Id)
        .order_by_asc(Column::Number)
        .offset(page.offset())
        .limit(page.per_page)
        .into_tuple()
        .all(&scope.executor())
        .await?;
    Ok((ids.into_iter().map(DeviceId::from).collect(), total))
}

pub(crate) fn number_column(number: DeviceNumber) -> i32 {
    number.as_u32().cast_signed()
}

pub(crate) fn number_from(column: i32) -> Result<DeviceNumber, StorageError> {
    let number = u32::try_from(column).map_err(|_| StorageError::OutOfRange("devices.number"))?;
    Ok(number.into())
}

pub(crate) fn device(row: Model) -> Result<Device, StorageError> {
    Ok(Device {
        number: number_from(row.number)?,
        id: row.id.into(),
        identity: Identity::from_stored(row.identity_data),
        status: row.status.parse().map_err(|_| StorageError::corrupt("devices.status", row.status))?,
        generation: u32::try_from(row.generation)
            .map_err(|_| StorageError::OutOfRange("devices.generation"))?,
        group: row.group_name,
        tags_edition: row.tags_edition,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn mine(scope: &impl Access) -> Select<Entity> {
    Entity::find().filter(Column::TenantId.eq(scope.tenant().as_uuid())).filter(device_seen(scope))
}

fn matching(scope: &impl Access, filter: &DeviceFilter) -> Select<Entity> {
    let mut query = mine(scope);
    if !filter.statuses.is_empty() {
        query = query.filter(Column::Status.is_in(filter.statuses.iter().map(|status| status.as_str())));
    }
    if !filter.ids.is_empty() {
        query = query.filter(Column::Id.is_in(filter.ids.iter().map(|id| id.as_uuid())));
    }
    query
}
