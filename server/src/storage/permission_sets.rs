//! Sets of permissions that tenants made for their roles.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::entity::permission_sets::{ActiveModel, Column, Entity, Model};
use super::{Access, StorageError, WriteScope};
use crate::users::{Permission, PermissionSet};

/// The sets that the tenant made, by name.
pub async fn list(scope: &impl Access) -> Result<Vec<PermissionSet>, StorageError> {
    let rows = Entity::find()
        .filter(Column::TenantId.eq(scope.tenant().as_uuid()))
        .order_by_asc(Column::Name)
        .all(&scope.executor())
        .await?;
    rows.into_iter().map(set).collect()
}

/// Stores a set that the tenant makes.
///
/// # Errors
///
/// [`StorageError::is_unique_violation`] if it has one of this name.
pub async fn insert(
    tx: &WriteScope<'_>,
    set: &PermissionSet,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
        name: ActiveValue::Set(set.name.clone()),
        description: ActiveValue::Set(set.description.clone()),
        permissions: ActiveValue::Set(permissions(set)?),
        created_at: ActiveValue::Set(now),
    };
    Entity::insert(row).exec_without_returning(&tx.executor()).await?;
    Ok(())
}

/// Stores a set in place of the one with its name; answers whether there was one.
pub async fn update(tx: &WriteScope<'_>, set: &PermissionSet) -> Result<bool, StorageError> {
    let done = Entity::update_many()
        .col_expr(Column::Description, Expr::value(set.description.as_str()))
        .col_expr(Column::Permissions, Expr::value(permissions(set)?))
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::Name.eq(set.name.as_str()))
        .exec(&tx.executor())
        .await?;
    Ok(done.rows_affected > 0)
}

/// Deletes a set of the tenant; answers whether there was one.
pub async fn delete(tx: &WriteScope<'_>, name: &str) -> Result<bool, StorageError> {
    let done = Entity::delete_many()
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::Name.eq(name))
        .exec(&tx.executor())
        .await?;
    Ok(done.rows_affected > 0)
}

fn permissions(set: &PermissionSet) -> Result<String, StorageError> {
    let names: Vec<_> = set.permissions.iter().map(|permission| permission.as_str()).collect();
    serde_json::to_string(&names).map_err(|_| StorageError::OutOfRange("permission_sets.permissions"))
}

fn set(row: Model) -> Result<PermissionSet, StorageError> {
    let corrupt = || StorageError::corrupt("permission_sets.permissions", &row.permissions);
    let names: Vec<String> = serde_json::from_str(&row.permissions).map_err(|_| corrupt())?;
    let permissions: Result<Vec<Permission>, _> = names.iter().map(|name| name.parse()).collect();
    let permissions = permissions.map_err(|_| corrupt())?;
    Ok(PermissionSet { name: row.name, description: row.description, permissions })
}
