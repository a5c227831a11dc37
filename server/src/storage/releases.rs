//! Releases.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict, Query, SimpleExpr};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Statement,
};

use super::artifacts::{ArtifactFilter, ArtifactOrder, TextMatch, list as artifacts_list, text_matches};
use super::entity::releases::{ActiveModel, Column, Entity, Model};
use super::entity::{artifact_slots, artifacts, release_tags};
use super::release_tags::delete_of_release;
use super::sight::release_seen;
use super::{Access, Direction, Page, StorageError, WriteScope};

/// Which releases a list holds; all conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct ReleaseFilter {
    /// Releases of these names.
    pub name: Option<TextMatch>,
    /// Releases with any of these tags; empty for all.
    pub tags: Vec<String>,
    /// Releases with such an artifact.
    pub artifact: ReleasedArtifact,
}

/// An artifact that a release must have; all conditions must hold for the same one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ReleasedArtifact {
    /// It is described so.
    pub description: Option<TextMatch>,
    /// It is for at least one of these device types.
    pub device_type: Option<TextMatch>,
    /// It has a payload of this type.
    pub payload_type: Option<String>,
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
    /// The first of their tags, or the last when descending.
    Tags,
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
    let query = Entity::find_by_id(key).filter(release_seen(scope, Column::Name));
    Ok(query.one(&scope.executor()).await?.map(release))
}

/// A part of the list of releases, and how many match.
pub async fn list(
    scope: &impl Access,
    filter: &ReleaseFilter,
    order: ReleaseOrder,
    page: Option<Page>,
) -> Result<(Vec<ReleaseRow>, u64), StorageError> {
    let backend = scope.executor().get_database_backend();
    let mut query = Entity::find()
        .filter(Column::TenantId.eq(scope.tenant().as_uuid()))
        .filter(release_seen(scope, Column::Name));
    if let Some(name) = &filter.name {
        query = query.filter(text_matches((Entity, Column::Name), name));
    }
    if !filter.tags.is_empty() {
        query = query.filter(has_tag(scope, &filter.tags));
    }
    if filter.artifact != ReleasedArtifact::default() {
        query = query.filter(has_artifact(scope, backend, &filter.artifact));
    }
    let total = query.clone().count(&scope.executor()).await?;
    let key: SimpleExpr = match order.by {
        ReleaseSort::Name => Expr::col((Entity, Column::Name)),
        ReleaseSort::Modified => Expr::col((Entity, Column::UpdatedAt)),
        ReleaseSort::ArtifactsCount => Expr::cust(
            "(SELECT COUNT(*) FROM artifacts a WHERE a.tenant_id = releases.tenant_id AND a.name = releases.name)",
        ),
        ReleaseSort::Tags => {
            let outermost = match order.direction {
                Direction::Ascending => "MIN",
                Direction::Descending => "MAX",
            };
            let of_release = "t.tenant_id = releases.tenant_id AND t.release_name = releases.name";
            // Those without a tag come first when ascending.
            Expr::cust(format!(
                "COALESCE((SELECT {outermost}(t.tag) FROM release_tags t WHERE {of_release}), '')"
            ))
        }
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

/// Stores other notes.
pub async fn set_notes(
    tx: &WriteScope<'_>,
    name: &str,
    notes: &str,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::Notes, Expr::value(notes))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::Name.eq(name))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// The types of all payloads of the tenant's releases, each once, in the order of the alphabet.
pub async fn payload_types(scope: &impl Access) -> Result<BTreeSet<String>, StorageError> {
    if scope.sight().tags().is_some() {
        let all = ArtifactFilter::default();
        let (seen, _) = artifacts_list(scope, &all, ArtifactOrder::default(), None).await?;
        let payloads = seen.into_iter().flat_map(|artifact| artifact.contents.payloads);
        return Ok(payloads.filter_map(|payload| payload.kind).collect());
    }
    let executor = scope.executor();
    let backend = executor.get_database_backend();
    let sql = if backend == DbBackend::Postgres {
        "SELECT DISTINCT p.value ->> 'kind' AS kind FROM artifacts a, \
         json_array_elements(CAST(a.contents AS json) -> 'payloads') p(value) \
         WHERE a.tenant_id = $1 AND p.value ->> 'kind' IS NOT NULL"
    } else {
        "SELECT DISTINCT json_extract(p.value, '$.kind') AS kind FROM artifacts a, \
         json_each(a.contents, '$.payloads') p \
         WHERE a.tenant_id = ? AND json_extract(p.value, '$.kind') IS NOT NULL"
    };
    let tenant = scope.tenant().as_uuid().into();
    let rows = executor.query_all_raw(Statement::from_sql_and_values(backend, sql, [tenant])).await?;
    Ok(rows.iter().map(|row| row.try_get("", "kind")).collect::<Result<_, _>>()?)
}

/// Deletes a release with its tags.
pub async fn delete(tx: &WriteScope<'_>, name: &str) -> Result<(), StorageError> {
    delete_of_release(tx, name).await?;
    Entity::delete_by_id((tx.tenant().as_uuid(), name.to_owned())).exec(&tx.executor()).await?;
    Ok(())
}

fn has_tag(scope: &impl Access, tags: &[String]) -> SimpleExpr {
    let tagged = Query::select()
        .column(release_tags::Column::ReleaseName)
        .from(release_tags::Entity)
        .and_where(release_tags::Column::TenantId.eq(scope.tenant().as_uuid()))
        .and_where(release_tags::Column::Tag.is_in(tags))
        .to_owned();
    Column::Name.in_subquery(tagged)
}

fn has_artifact(scope: &impl Access, backend: DbBackend, wanted: &ReleasedArtifact) -> SimpleExpr {
    use artifacts::Column as Artifact;
    let tenant = scope.tenant().as_uuid();
    let mut named = Query::select()
        .column((artifacts::Entity, Artifact::Name))
        .from(artifacts::Entity)
        .and_where(Artifact::TenantId.eq(tenant))
        .to_owned();
    if let Some(description) = &wanted.description {
        named.and_where(text_matches((artifacts::Entity, Artifact::Description), description));
    }
    if let Some(device_type) = &wanted.device_type {
        use artifact_slots::Column as Slot;
        let slots = Query::select()
            .column(Slot::ArtifactId)
            .from(artifact_slots::Entity)
            .and_where(Slot::TenantId.eq(tenant))
            .and_where(text_matches((artifact_slots::Entity, Slot::DeviceType), device_type))
            .to_owned();
        named.and_where(Artifact::Id.in_subquery(slots));
    }
    if let Some(payload_type) = &wanted.payload_type {
        let sql = if backend == DbBackend::Postgres {
            "EXISTS (SELECT 1 FROM json_array_elements(CAST(artifacts.contents AS json) -> 'payloads') p(value) \
             WHERE p.value ->> 'kind' = $1)"
        } else {
            "EXISTS (SELECT 1 FROM json_each(artifacts.contents, '$.payloads') p \
             WHERE json_extract(p.value, '$.kind') = ?)"
        };
        named.and_where(Expr::cust_with_values(sql, [payload_type]));
    }
    Column::Name.in_subquery(named)
}

fn release(row: Model) -> ReleaseRow {
    ReleaseRow { name: row.name, notes: row.notes, updated_at: row.updated_at }
}
