//! Which keys fit the signature of an artifact.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::entity::artifact_signatures::{ActiveModel, Column, Entity};
use super::{Access, StorageError, WriteScope, verification_keys};
use crate::ids::{ArtifactId, KeyId};
use crate::releases::{Artifact, Signer};

/// Values in one `IN (…)`.
const KEYS_PER_STATEMENT: usize = 1_000;

/// Completes artifacts that were read with the keys that fit their signatures, oldest key first.
pub(super) async fn complete(
    scope: &impl Access,
    mut artifacts: Vec<Artifact>,
) -> Result<Vec<Artifact>, StorageError> {
    let signed: Vec<Uuid> =
        artifacts.iter().filter(|artifact| artifact.signed).map(|artifact| artifact.id.as_uuid()).collect();
    if signed.is_empty() {
        return Ok(artifacts);
    }
    let known = verification_keys::signers(scope).await?;
    let mut found: HashMap<Uuid, Vec<Signer>> = HashMap::new();
    for chunk in signed.chunks(KEYS_PER_STATEMENT) {
        let rows = Entity::find()
            .filter(Column::TenantId.eq(scope.tenant().as_uuid()))
            .filter(Column::ArtifactId.is_in(chunk.iter().copied()))
            .order_by_asc(Column::KeyId)
            .all(&scope.executor())
            .await?;
        for row in rows {
            if let Some(signer) = known.get(&row.key_id) {
                found.entry(row.artifact_id).or_default().push(signer.clone());
            }
        }
    }
    for artifact in &mut artifacts {
        artifact.signers = found.remove(&artifact.id.as_uuid()).unwrap_or_default();
    }
    Ok(artifacts)
}

/// Stores that keys fit the signature of an artifact; what is stored already stays.
pub async fn insert(
    tx: &WriteScope<'_>,
    artifact: ArtifactId,
    keys: &[KeyId],
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    if keys.is_empty() {
        return Ok(());
    }
    let rows = keys.iter().map(|key| ActiveModel {
        tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
        artifact_id: ActiveValue::Set(artifact.as_uuid()),
        key_id: ActiveValue::Set(key.as_uuid()),
        verified_at: ActiveValue::Set(now),
    });
    Entity::insert_many(rows)
        .on_conflict(
            OnConflict::columns([Column::TenantId, Column::ArtifactId, Column::KeyId])
                .do_nothing()
                .to_owned(),
        )
        .exec_without_returning(&tx.executor())
        .await?;
    Ok(())
}

/// Forgets which keys fit an artifact that is deleted.
pub(super) async fn delete(tx: &WriteScope<'_>, artifact: ArtifactId) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::ArtifactId.eq(artifact.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}
