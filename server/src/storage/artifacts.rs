//! Artifacts and the slots that they take in their releases.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use sea_orm::sea_query::{Expr, ExprTrait, Func, IntoColumnRef, Query, SimpleExpr};
use sea_orm::{
    ActiveValue, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::artifact_contents::{from_column, to_column};
use super::artifact_signatures::complete;
use super::entity::artifacts::{ActiveModel, Column, Entity, Model};
use super::entity::{artifact_slots, device_deployments};
use super::escape::contains;
use super::sight::release_seen;
use super::{Access, Direction, Page, Scope, StorageError, WriteScope, artifact_signatures};
use crate::deployments::ArtifactFit;
use crate::ids::ArtifactId;
use crate::releases::{Artifact, Slot};

/// Slots in one `INSERT`: five values each.
const SLOTS_PER_STATEMENT: usize = 1_000;

/// Values in one `IN (…)`.
const KEYS_PER_STATEMENT: usize = 1_000;

/// Which texts are meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TextMatch {
    /// Those that contain this, whatever the case.
    Contains(String),
    /// Those that begin with this.
    StartsWith(String),
    /// One of these.
    AnyOf(Vec<String>),
}

/// Which artifacts a list holds; all conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct ArtifactFilter {
    /// Artifacts of these names.
    pub name: Option<TextMatch>,
    /// Artifacts with such a description.
    pub description: Option<TextMatch>,
    /// Artifacts for at least one of these device types.
    pub device_type: Option<TextMatch>,
}

/// What a list of artifacts is sorted by.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ArtifactSort {
    /// The name.
    #[default]
    Name,
    /// The moment of the last change.
    Modified,
}

/// How a list of artifacts is sorted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ArtifactOrder {
    /// By what.
    pub by: ArtifactSort,
    /// Which end first.
    pub direction: Direction,
}

/// Finds an artifact by its id.
pub async fn find(scope: &impl Access, id: ArtifactId) -> Result<Option<Artifact>, StorageError> {
    let row = mine(scope).filter(Column::Id.eq(id.as_uuid())).one(&scope.executor()).await?;
    let found = row.map(artifact).transpose()?;
    Ok(complete(scope, found.into_iter().collect()).await?.pop())
}

/// The artifacts that match, or a part of them, and how many match.
pub async fn list(
    scope: &impl Access,
    filter: &ArtifactFilter,
    order: ArtifactOrder,
    page: Option<Page>,
) -> Result<(Vec<Artifact>, u64), StorageError> {
    let mut query = matching(scope, filter);
    let total = query.clone().count(&scope.executor()).await?;
    let column = match order.by {
        ArtifactSort::Name => Column::Name,
        ArtifactSort::Modified => Column::UpdatedAt,
    };
    query = query.order_by(column, order.direction.into()).order_by_asc(Column::Id);
    if let Some(page) = page {
        query = query.offset(page.offset()).limit(page.per_page);
    }
    let rows = query.all(&scope.executor()).await?;
    let found = rows.into_iter().map(artifact).collect::<Result<_, _>>()?;
    Ok((complete(scope, found).await?, total))
}

/// The artifacts of these releases, by release and then in the order of their last change.
pub async fn of_releases(scope: &impl Access, names: &[String]) -> Result<Vec<Artifact>, StorageError> {
    let mut found = Vec::new();
    for chunk in names.chunks(KEYS_PER_STATEMENT) {
        let rows = mine(scope)
            .filter(Column::Name.is_in(chunk))
            .order_by_asc(Column::Name)
            .order_by_asc(Column::UpdatedAt)
            .order_by_asc(Column::Id)
            .all(&scope.executor())
            .await?;
        for row in rows {
            found.push(artifact(row)?);
        }
    }
    complete(scope, found).await
}

/// Signed artifacts in the order of their ids, from the first one after `after`, at most `limit`.
pub async fn signed_after(
    scope: &impl Access,
    after: Option<ArtifactId>,
    limit: u64,
) -> Result<Vec<Artifact>, StorageError> {
    let mut query = mine(scope).filter(Column::Signed.eq(true));
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after.as_uuid()));
    }
    let rows = query.order_by_asc(Column::Id).limit(limit).all(&scope.executor()).await?;
    complete(scope, rows.into_iter().map(artifact).collect::<Result<_, _>>()?).await
}

/// What the artifacts of a release ask of a device, as a deployment needs it.
pub async fn fits_of_release(scope: &impl Access, name: &str) -> Result<Vec<ArtifactFit>, StorageError> {
    let found = of_releases(scope, &[name.to_owned()]).await?;
    Ok(found.iter().map(Artifact::fit).collect())
}

/// How many artifacts a release has.
pub async fn count_of_release(scope: &impl Access, name: &str) -> Result<u64, StorageError> {
    Ok(mine(scope).filter(Column::Name.eq(name)).count(&scope.executor()).await?)
}

/// How many bytes the artifacts of the tenant have together.
pub async fn total_size(scope: &impl Access) -> Result<u64, StorageError> {
    // A sum of big integers has another type in PostgreSQL.
    let sum = Expr::col((Entity, Column::Size)).sum().cast_as("BIGINT");
    let query = mine(scope).select_only().column_as(sum, "total");
    let total: Option<Option<i64>> = query.into_tuple().one(&scope.executor()).await?;
    u64::try_from(total.flatten().unwrap_or(0)).map_err(|_| StorageError::OutOfRange("artifacts.size"))
}

/// Answers whether an artifact of the tenant has this id.
pub async fn id_is_taken(scope: &impl Access, id: ArtifactId) -> Result<bool, StorageError> {
    Ok(Entity::find_by_id((scope.tenant().as_uuid(), id.as_uuid())).count(&scope.executor()).await? > 0)
}

/// Finds an artifact of the release that holds one of these slots.
pub async fn holder_of(
    scope: &impl Access,
    name: &str,
    slots: &[Slot],
) -> Result<Option<ArtifactId>, StorageError> {
    for chunk in slots.chunks(KEYS_PER_STATEMENT) {
        let types: HashSet<&str> = chunk.iter().map(|slot| slot.device_type.as_str()).collect();
        let hashes: HashSet<Vec<u8>> = chunk.iter().map(|slot| slot.depends_hash.to_vec()).collect();
        let rows = artifact_slots::Entity::find()
            .filter(artifact_slots::Column::TenantId.eq(scope.tenant().as_uuid()))
            .filter(artifact_slots::Column::ArtifactName.eq(name))
            .filter(artifact_slots::Column::DeviceType.is_in(types))
            .filter(artifact_slots::Column::DependsHash.is_in(hashes))
            .all(&scope.executor())
            .await?;
        let held = rows.into_iter().find(|row| {
            let is_same = |slot: &Slot| {
                slot.device_type == row.device_type && slot.depends_hash.as_slice() == row.depends_hash
            };
            chunk.iter().any(is_same)
        });
        if let Some(row) = held {
            return Ok(Some(row.artifact_id.into()));
        }
    }
    Ok(None)
}

/// Stores an artifact with its slots.
///
/// # Errors
///
/// [`StorageError::is_unique_violation`] if its id or one of its slots is taken.
pub async fn insert(tx: &WriteScope<'_>, new: &Artifact, slots: &[Slot]) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: ActiveValue::Set(new.id.as_uuid()),
        tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
        kind: ActiveValue::Set("mender".to_owned()),
        name: ActiveValue::Set(new.name.clone()),
        description: ActiveValue::Set(new.description.clone()),
        format_version: ActiveValue::Set(i32::from(new.format_version)),
        signed: ActiveValue::Set(new.signed),
        size: ActiveValue::Set(
            i64::try_from(new.size).map_err(|_| StorageError::OutOfRange("artifacts.size"))?,
        ),
        blob_sha256: ActiveValue::Set(new.sha256.to_vec()),
        contents: ActiveValue::Set(to_column(&new.contents)?),
        updated_at: ActiveValue::Set(new.updated_at),
    };
    Entity::insert(row).exec_without_returning(&tx.executor()).await?;
    for chunk in slots.chunks(SLOTS_PER_STATEMENT) {
        let rows = chunk.iter().map(|slot| artifact_slots::ActiveModel {
            tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
            artifact_name: ActiveValue::Set(new.name.clone()),
            device_type: ActiveValue::Set(slot.device_type.clone()),
            depends_hash: ActiveValue::Set(slot.depends_hash.to_vec()),
            artifact_id: ActiveValue::Set(new.id.as_uuid()),
        });
        artifact_slots::Entity::insert_many(rows).exec_without_returning(&tx.executor()).await?;
    }
    artifact_signatures::insert(tx, new.id, &new.signer_ids(), new.updated_at).await
}

/// Answers whether a device was ever offered the artifact.
pub async fn was_offered(scope: &impl Access, id: ArtifactId) -> Result<bool, StorageError> {
    let row = device_deployments::Entity::find()
        .filter(device_deployments::Column::TenantId.eq(scope.tenant().as_uuid()))
        .filter(device_deployments::Column::ArtifactId.eq(id.as_uuid()))
        .one(&scope.executor())
        .await?;
    Ok(row.is_some())
}

/// Stores another description.
pub async fn set_description(
    tx: &WriteScope<'_>,
    id: ArtifactId,
    description: &str,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::Description, Expr::value(description))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Deletes an artifact and frees its slots.
pub async fn delete(tx: &WriteScope<'_>, id: ArtifactId) -> Result<(), StorageError> {
    artifact_signatures::delete(tx, id).await?;
    let tenant = tx.tenant().as_uuid();
    artifact_slots::Entity::delete_many()
        .filter(artifact_slots::Column::TenantId.eq(tenant))
        .filter(artifact_slots::Column::ArtifactId.eq(id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Entity::delete_many()
        .filter(Column::TenantId.eq(tenant))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Answers whether an artifact of any tenant is stored in this blob.
pub async fn blob_is_referenced(scope: &impl Access, sha256: &[u8; 32]) -> Result<bool, StorageError> {
    let found =
        Entity::find().filter(Column::BlobSha256.eq(sha256.to_vec())).count(&scope.executor()).await?;
    Ok(found > 0)
}

/// The blobs that artifacts of all tenants are stored in.
pub async fn all_blobs(scope: &Scope) -> Result<HashSet<[u8; 32]>, StorageError> {
    let mut rows = Entity::find()
        .select_only()
        .column(Column::BlobSha256)
        .into_tuple::<Vec<u8>>()
        .stream(scope.connection())
        .await?;
    let mut blobs = HashSet::new();
    while let Some(bytes) = rows.try_next().await? {
        blobs.insert(digest(bytes)?);
    }
    Ok(blobs)
}

fn mine(scope: &impl Access) -> Select<Entity> {
    Entity::find()
        .filter(Column::TenantId.eq(scope.tenant().as_uuid()))
        .filter(release_seen(scope, Column::Name))
}

fn matching(scope: &impl Access, filter: &ArtifactFilter) -> Select<Entity> {
    let mut query = mine(scope);
    if let Some(name) = &filter.name {
        query = query.filter(text_matches((Entity, Column::Name), name));
    }
    if let Some(description) = &filter.description {
        query = query.filter(text_matches((Entity, Column::Description), description));
    }
    if let Some(device_type) = &filter.device_type {
        let slots = Query::select()
            .column(artifact_slots::Column::ArtifactId)
            .from(artifact_slots::Entity)
            .and_where(artifact_slots::Column::TenantId.eq(scope.tenant().as_uuid()))
            .and_where(text_matches(
                (artifact_slots::Entity, artifact_slots::Column::DeviceType),
                device_type,
            ))
            .to_owned();
        query = query.filter(Column::Id.in_subquery(slots));
    }
    query
}

/// The condition that a column's text is meant.
pub(super) fn text_matches(column: impl IntoColumnRef, wanted: &TextMatch) -> SimpleExpr {
    let column: SimpleExpr = Expr::col(column);
    match wanted {
        TextMatch::Contains(part) => contains(column, part),
        // Not LIKE, whose sight for case differs between databases.
        TextMatch::StartsWith(start) => {
            let length = i32::try_from(start.chars().count()).unwrap_or(i32::MAX);
            let head = Func::cust("SUBSTR").arg(column).arg(1_i32).arg(length);
            SimpleExpr::from(head).eq(start.as_str())
        }
        TextMatch::AnyOf(texts) => column.is_in(texts),
    }
}

fn artifact(row: Model) -> Result<Artifact, StorageError> {
    Ok(Artifact {
        id: row.id.into(),
        name: row.name,
        description: row.description,
        format_version: u8::try_from(row.format_version)
            .map_err(|_| StorageError::OutOfRange("artifacts.format_version"))?,
        signed: row.signed,
        size: u64::try_from(row.size).map_err(|_| StorageError::OutOfRange("artifacts.size"))?,
        sha256: digest(row.blob_sha256)?,
        contents: from_column(&row.contents)?,
        signers: Vec::new(),
        updated_at: row.updated_at,
    })
}

fn digest(bytes: Vec<u8>) -> Result<[u8; 32], StorageError> {
    bytes.try_into().map_err(|_| StorageError::corrupt("artifacts.blob_sha256", "a digest of another length"))
}
