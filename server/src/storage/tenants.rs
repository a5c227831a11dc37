//! Tenants.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::tenants::{ActiveModel, Column, Entity, Model};
use super::{Access, Page, StorageError, WriteScope};
use crate::ids::TenantId;
use crate::tenants::{Tenant, TenantTokenDigest};

/// Devices that may be accepted at once, or `None` for no limit.
pub async fn device_limit(scope: &impl Access) -> Result<Option<u64>, StorageError> {
    Ok(own(scope).await?.and_then(|tenant| tenant.device_limit))
}

/// The scope's tenant.
pub async fn own(scope: &impl Access) -> Result<Option<Tenant>, StorageError> {
    find(scope, scope.tenant()).await
}

/// A tenant, whatever the scope's.
pub async fn find(scope: &impl Access, id: TenantId) -> Result<Option<Tenant>, StorageError> {
    let row = Entity::find_by_id(id.as_uuid()).one(&scope.executor()).await?;
    row.map(tenant).transpose()
}

/// Makes the scope's tenant exist; one that exists stays as it is.
pub async fn ensure(tx: &WriteScope<'_>, name: &str, now: DateTime<Utc>) -> Result<(), StorageError> {
    let new = Tenant::new(tx.tenant(), name.to_owned(), now);
    Entity::insert(row(&new))
        .on_conflict(OnConflict::column(Column::Id).do_nothing().to_owned())
        .exec_without_returning(&tx.executor())
        .await?;
    Ok(())
}

/// Stores a tenant.
///
/// # Errors
///
/// [`StorageError::is_unique_violation`] if another one has the name.
pub async fn insert(tx: &WriteScope<'_>, new: &Tenant) -> Result<(), StorageError> {
    Entity::insert(row(new)).exec_without_returning(&tx.executor()).await?;
    Ok(())
}

/// Stores a tenant in place of the one with its id.
///
/// # Errors
///
/// [`StorageError::is_unique_violation`] if another one has the name.
pub async fn update(tx: &WriteScope<'_>, changed: &Tenant) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::Name, Expr::value(changed.name.as_str()))
        .col_expr(Column::DeviceLimit, Expr::value(limit_column(changed.device_limit)))
        .col_expr(Column::Require2fa, Expr::value(changed.require_2fa))
        .col_expr(Column::Status, Expr::value(changed.status.as_str()))
        .col_expr(Column::TokenEdition, Expr::value(edition_column(changed.token_edition)))
        .col_expr(Column::TokenSha256, Expr::value(changed.token.map(|digest| digest.0.to_vec())))
        .filter(Column::Id.eq(changed.id.as_uuid()))
        .exec(&tx.executor())
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
pub async fn all(scope: &impl Access) -> Result<Vec<Tenant>, StorageError> {
    Entity::find().all(&scope.executor()).await?.into_iter().map(tenant).collect()
}

/// A part of all tenants, by name, and how many there are.
pub async fn list(scope: &impl Access, page: Page) -> Result<(Vec<Tenant>, u64), StorageError> {
    let total = Entity::find().count(&scope.executor()).await?;
    let rows = Entity::find()
        .order_by_asc(Column::Name)
        .offset(page.offset())
        .limit(page.per_page)
        .all(&scope.executor())
        .await?;
    Ok((rows.into_iter().map(tenant).collect::<Result<_, _>>()?, total))
}

fn row(tenant: &Tenant) -> ActiveModel {
    ActiveModel {
        id: ActiveValue::Set(tenant.id.as_uuid()),
        name: ActiveValue::Set(tenant.name.clone()),
        device_limit: ActiveValue::Set(limit_column(tenant.device_limit)),
        created_at: ActiveValue::Set(tenant.created_at),
        require_2fa: ActiveValue::Set(tenant.require_2fa),
        status: ActiveValue::Set(tenant.status.as_str().to_owned()),
        token_edition: ActiveValue::Set(edition_column(tenant.token_edition)),
        token_sha256: ActiveValue::Set(tenant.token.map(|digest| digest.0.to_vec())),
    }
}

pub(super) fn tenant(row: Model) -> Result<Tenant, StorageError> {
    let token = match row.token_sha256.map(TryInto::try_into) {
        None => None,
        Some(Ok(digest)) => Some(TenantTokenDigest(digest)),
        Some(Err(_)) => return Err(StorageError::CorruptRow { column: "tenants.token_sha256", row: row.id }),
    };
    Ok(Tenant {
        id: row.id.into(),
        name: row.name,
        status: row.status.parse().map_err(|_| StorageError::corrupt("tenants.status", &row.status))?,
        device_limit: u64::try_from(row.device_limit).ok(),
        require_2fa: row.require_2fa,
        token_edition: u32::try_from(row.token_edition).unwrap_or_default(),
        token,
        created_at: row.created_at,
    })
}

fn limit_column(limit: Option<u64>) -> i64 {
    limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}

fn edition_column(edition: u32) -> i32 {
    i32::try_from(edition).unwrap_or(i32::MAX)
}
