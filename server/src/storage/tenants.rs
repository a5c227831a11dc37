//! Tenants.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};

use super::entity::tenants::{ActiveModel, Column, Entity};
use super::{Access, StorageError, WriteScope};
use crate::ids::TenantId;

/// Devices that may be accepted at once, or `None` for no limit.
pub async fn device_limit(scope: &impl Access) -> Result<Option<u64>, StorageError> {
    let row = Entity::find_by_id(scope.tenant().as_uuid()).one(&scope.executor()).await?;
    Ok(row.and_then(|row| u64::try_from(row.device_limit).ok()))
}

/// Answers whether the tenant asks all of its members for a second factor.
pub async fn requires_2fa(scope: &impl Access) -> Result<bool, StorageError> {
    let row = Entity::find_by_id(scope.tenant().as_uuid()).one(&scope.executor()).await?;
    Ok(row.is_some_and(|row| row.require_2fa))
}

/// Makes the scope's tenant exist; one that exists stays as it is.
pub async fn ensure(tx: &WriteScope<'_>, name: &str, now: DateTime<Utc>) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: ActiveValue::Set(tx.tenant().as_uuid()),
        name: ActiveValue::Set(name.to_owned()),
        device_limit: ActiveValue::Set(limit_column(None)),
        created_at: ActiveValue::Set(now),
        require_2fa: ActiveValue::Set(false),
    };
    Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Id).do_nothing().to_owned())
        .exec_without_returning(&tx.executor())
        .await?;
    Ok(())
}

/// Sets how many devices of the tenant may be accepted at once; `None` for no limit.
pub async fn set_device_limit(tx: &WriteScope<'_>, limit: Option<u64>) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::DeviceLimit, Expr::value(limit_column(limit)))
        .filter(Column::Id.eq(tx.tenant().as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// All tenants.
pub async fn all(scope: &impl Access) -> Result<Vec<TenantId>, StorageError> {
    Ok(Entity::find().all(&scope.executor()).await?.into_iter().map(|row| row.id.into()).collect())
}

fn limit_column(limit: Option<u64>) -> i64 {
    limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}
