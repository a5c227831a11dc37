//! Tenants.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, EntityTrait};

use super::entity::tenants::{ActiveModel, Column, Entity};
use super::{Access, StorageError, WriteScope};
use crate::ids::TenantId;

/// Devices that may be accepted at once, or `None` for no limit.
pub async fn device_limit(scope: &impl Access) -> Result<Option<u64>, StorageError> {
    let row = Entity::find_by_id(scope.tenant().as_uuid()).one(&scope.executor()).await?;
    Ok(row.and_then(|row| u64::try_from(row.device_limit).ok()))
}

/// Makes the scope's tenant exist, with this device limit (`None` for none).
pub async fn ensure(
    tx: &WriteScope<'_>,
    name: &str,
    device_limit: Option<u64>,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let limit = device_limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
    let row = ActiveModel {
        id: ActiveValue::Set(tx.tenant().as_uuid()),
        name: ActiveValue::Set(name.to_owned()),
        device_limit: ActiveValue::Set(limit),
        created_at: ActiveValue::Set(now),
    };
    Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Id).update_column(Column::DeviceLimit).to_owned())
        .exec_without_returning(&tx.executor())
        .await?;
    Ok(())
}

/// All tenants.
pub async fn all(scope: &impl Access) -> Result<Vec<TenantId>, StorageError> {
    Ok(Entity::find().all(&scope.executor()).await?.into_iter().map(|row| row.id.into()).collect())
}
