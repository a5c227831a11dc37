//! Releases.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict, SimpleExpr};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::artifacts::{TextMatch, text_matches};
use super::entity::releases::{ActiveModel, Column, Entity, Model};
use super::{Access, Direction, Page, StorageError, WriteScope};

/// Which releases a list holds.
#[derive(Clone, Debug, Default)]
pub struct ReleaseFilter {
    /// Releases of these names.
    pub name: Option<TextMatch>,
}

/// What a list of releases is sorted by.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ReleaseSort {
    /// The name.
    #[default]
    Name,
    /// The moment of the last change.
    Modified,
    /// How many artifacts they have.
    ArtifactsCount,
}

/// How a list of releases is sorted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ReleaseOrder {
    /// By what.
    pub by: ReleaseSort,
    /// Which end first.
    pub direction: Direction,
}

/// A release without its artifacts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReleaseRow {
    /// Its name.
    pub name: String,
    /// What people noted about it.
    pub notes: String,
    /// When an artifact was last added or removed.
    pub updated_at: DateTime<Utc>,
}

/// Finds a release.
pub async fn find(scope: &impl Access, name: &str) -> Result<Option<ReleaseRow>, StorageError> {
    let key = (scope.tenant().as_uuid(), name.to_owned());
    Ok(Entity::find_by_id(key).one(&scope.executor()).await?.map(release))
}

/// A part of the list of releases, and how many match.
pub async fn list(
    scope: &impl Access,
    filter: &ReleaseFilter,
    order: ReleaseOrder,
    page: Option<Page>,
) -> Result<(Vec<ReleaseRow>, u64), StorageError> {
    let mut query = Entity::find().filter(Column::TenantId.eq(scope.tenant().as_uuid()));
    if let Some(name) = &filter.name {
        query = query.filter(text_matches((Entity, Column::Name), name));
    }
    let total = query.clone().count(&scope.executor()).await?;
    let key: SimpleExpr = match order.by {
        ReleaseSort::Name => Expr::col((Entity, Column::Name)),
        ReleaseSort::Modified => Expr::col((Entity, Column::UpdatedAt)),
        ReleaseSort::ArtifactsCount => Expr::cust(
            "(SELECT COUNT(*) FROM artifacts a WHERE a.tenant_id = releases.tenant_id AND a.name = releases.name)",
        ),
    };
    query = query.order_by(key, order.direction.into()).order_by_asc(Column::Name);
    if let Some(page) = page {
        query = query.offset(page.offset()).limit(page.per_page);
    }
    let rows = query.all(&scope.executor()).await?;
    Ok((rows.into_iter().map(release).collect(), total))
}

/// Makes a release exist and notes that it changed.
pub async fn touch(tx: &WriteScope<'_>, name: &str, now: DateTime<Utc>) -> Result<(), StorageError> {
    let row = ActiveModel {
        tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
        name: ActiveValue::Set(name.to_owned()),
        notes: ActiveValue::Set(String::new()),
        updated_at: ActiveValue::Set(now),
    };
    Entity::insert(row)
        .on_conflict(
            OnConflict::columns([Column::TenantId, Column::Name]).update_column(Column::UpdatedAt).to_owned(),
        )
        .exec_without_returning(&tx.executor())
        .await?;
    Ok(())
}

/// Deletes a release.
pub async fn delete(tx: &WriteScope<'_>, name: &str) -> Result<(), StorageError> {
    Entity::delete_by_id((tx.tenant().as_uuid(), name.to_owned())).exec(&tx.executor()).await?;
    Ok(())
}

fn release(row: Model) -> ReleaseRow {
    ReleaseRow { name: row.name, notes: row.notes, updated_at: row.updated_at }
}
