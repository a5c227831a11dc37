//! Uploads that come in parts.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::uploads::{ActiveModel, Column, Entity, Model};
use super::{Access, Scope, StorageError, WriteScope};
use crate::ids::{ArtifactId, TenantId, UploadId, UserId};
use crate::releases::PartialUpload;

/// Finds an upload of the tenant.
pub async fn find(scope: &impl Access, id: UploadId) -> Result<Option<PartialUpload>, StorageError> {
    let row = Entity::find()
        .filter(Column::TenantId.eq(scope.tenant().as_uuid()))
        .filter(Column::Id.eq(id.as_uuid()))
        .one(&scope.executor())
        .await?;
    row.map(upload).transpose()
}

/// The unfinished uploads of a user in the tenant, oldest first.
pub async fn unfinished_of(scope: &impl Access, user: UserId) -> Result<Vec<PartialUpload>, StorageError> {
    let rows = Entity::find()
        .filter(Column::TenantId.eq(scope.tenant().as_uuid()))
        .filter(Column::UserId.eq(user.as_uuid()))
        .filter(Column::ArtifactId.is_null())
        .order_by_asc(Column::Id)
        .all(&scope.executor())
        .await?;
    rows.into_iter().map(upload).collect()
}

/// How many bytes each unfinished upload of all tenants will have.
pub async fn all_unfinished_lengths(tx: &WriteScope<'_>) -> Result<Vec<u64>, StorageError> {
    let lengths: Vec<i64> = Entity::find()
        .filter(Column::ArtifactId.is_null())
        .select_only()
        .column(Column::Length)
        .into_tuple()
        .all(&tx.executor())
        .await?;
    lengths.into_iter().map(|length| bytes(length, "uploads.length")).collect()
}

/// The unfinished uploads of all tenants.
pub async fn all_unfinished(scope: &Scope) -> Result<HashSet<UploadId>, StorageError> {
    let ids: Vec<uuid::Uuid> = Entity::find()
        .filter(Column::ArtifactId.is_null())
        .select_only()
        .column(Column::Id)
        .into_tuple()
        .all(&scope.executor())
        .await?;
    Ok(ids.into_iter().map(UploadId::from).collect())
}

/// Uploads of all tenants whose time is over, finished ones included; the oldest first.
pub async fn all_expired(
    scope: &Scope,
    now: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<(TenantId, UploadId)>, StorageError> {
    let rows = Entity::find()
        .filter(Column::ExpiresAt.lte(now))
        .order_by_asc(Column::ExpiresAt)
        .limit(limit)
        .all(&scope.executor())
        .await?;
    Ok(rows.into_iter().map(|row| (row.tenant_id.into(), row.id.into())).collect())
}

/// Stores a new upload.
pub async fn insert(tx: &WriteScope<'_>, upload: &PartialUpload) -> Result<(), StorageError> {
    let row = ActiveModel {
        tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
        id: ActiveValue::Set(upload.id.as_uuid()),
        user_id: ActiveValue::Set(upload.user.as_uuid()),
        length: ActiveValue::Set(column(upload.length, "uploads.length")?),
        received: ActiveValue::Set(column(upload.received, "uploads.received")?),
        metadata: ActiveValue::Set(upload.metadata.clone()),
        artifact_id: ActiveValue::Set(upload.artifact.map(ArtifactId::as_uuid)),
        expires_at: ActiveValue::Set(upload.expires_at),
    };
    Entity::insert(row).exec_without_returning(&tx.executor()).await?;
    Ok(())
}

/// Notes how many bytes are on disk; tells whether the upload is still there.
pub async fn set_received(
    tx: &WriteScope<'_>,
    id: UploadId,
    received: u64,
    expires_at: DateTime<Utc>,
) -> Result<bool, StorageError> {
    let done = Entity::update_many()
        .col_expr(Column::Received, Expr::value(column(received, "uploads.received")?))
        .col_expr(Column::ExpiresAt, Expr::value(expires_at))
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(done.rows_affected > 0)
}

/// Notes what an upload became; tells whether the upload is still there.
pub async fn set_artifact(
    tx: &WriteScope<'_>,
    id: UploadId,
    artifact: ArtifactId,
) -> Result<bool, StorageError> {
    let done = Entity::update_many()
        .col_expr(Column::Received, Expr::col(Column::Length))
        .col_expr(Column::ArtifactId, Expr::value(Some(artifact.as_uuid())))
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(done.rows_affected > 0)
}

/// Deletes an upload of the tenant; one that is gone is deleted already.
pub async fn delete(tx: &WriteScope<'_>, id: UploadId) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

fn upload(row: Model) -> Result<PartialUpload, StorageError> {
    Ok(PartialUpload {
        id: row.id.into(),
        user: row.user_id.into(),
        length: bytes(row.length, "uploads.length")?,
        received: bytes(row.received, "uploads.received")?,
        metadata: row.metadata,
        artifact: row.artifact_id.map(ArtifactId::from),
        expires_at: row.expires_at,
    })
}

fn bytes(column: i64, name: &'static str) -> Result<u64, StorageError> {
    u64::try_from(column).map_err(|_| StorageError::OutOfRange(name))
}

fn column(bytes: u64, name: &'static str) -> Result<i64, StorageError> {
    i64::try_from(bytes).map_err(|_| StorageError::OutOfRange(name))
}
