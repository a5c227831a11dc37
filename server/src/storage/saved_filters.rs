//! Filters of devices that tenants keep under names.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::entity::saved_filters::{ActiveModel, Column, Entity, Model};
use super::{Access, Page, StorageError, WriteScope};
use crate::ids::FilterId;
use crate::inventory::{SavedFilter, Term};

/// A part of the tenant's filters, by name, and how many it has.
pub async fn list(scope: &impl Access, page: Page) -> Result<(Vec<SavedFilter>, u64), StorageError> {
    let total = count(scope).await?;
    let rows = mine(scope)
        .order_by_asc(Column::Name)
        .offset(page.offset())
        .limit(page.per_page)
        .all(&scope.executor())
        .await?;
    Ok((rows.into_iter().map(filter).collect::<Result<_, _>>()?, total))
}

/// How many filters the tenant has.
pub async fn count(scope: &impl Access) -> Result<u64, StorageError> {
    Ok(mine(scope).count(&scope.executor()).await?)
}

/// Finds a filter by its id.
pub async fn find(scope: &impl Access, id: FilterId) -> Result<Option<SavedFilter>, StorageError> {
    let row = mine(scope).filter(Column::Id.eq(id.as_uuid())).one(&scope.executor()).await?;
    row.map(filter).transpose()
}

/// Stores a filter.
///
/// # Errors
///
/// [`StorageError::is_unique_violation`] if the tenant has one of this name.
pub async fn insert(tx: &WriteScope<'_>, new: &SavedFilter, now: DateTime<Utc>) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: ActiveValue::Set(new.id.as_uuid()),
        tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
        name: ActiveValue::Set(new.name.clone()),
        terms: ActiveValue::Set(terms(&new.terms)?),
        created_at: ActiveValue::Set(now),
    };
    Entity::insert(row).exec_without_returning(&tx.executor()).await?;
    Ok(())
}

/// Stores a filter in place of the one with its id.
///
/// # Errors
///
/// [`StorageError::is_unique_violation`] if the tenant has another one of this name.
pub async fn update(tx: &WriteScope<'_>, changed: &SavedFilter) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::Name, Expr::value(changed.name.as_str()))
        .col_expr(Column::Terms, Expr::value(terms(&changed.terms)?))
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::Id.eq(changed.id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Deletes a filter.
pub async fn delete(tx: &WriteScope<'_>, id: FilterId) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

fn mine(scope: &impl Access) -> Select<Entity> {
    Entity::find().filter(Column::TenantId.eq(scope.tenant().as_uuid()))
}

fn terms(terms: &[Term]) -> Result<String, StorageError> {
    serde_json::to_string(terms).map_err(|_| StorageError::OutOfRange("saved_filters.terms"))
}

fn filter(row: Model) -> Result<SavedFilter, StorageError> {
    let terms = serde_json::from_str(&row.terms)
        .map_err(|err| StorageError::corrupt("saved_filters.terms", err.to_string()))?;
    Ok(SavedFilter { id: row.id.into(), name: row.name, terms })
}
