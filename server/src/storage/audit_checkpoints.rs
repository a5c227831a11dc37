//! Signed ends of the audit trail.

use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::audit::hash;
use super::entity::audit_checkpoints::{ActiveModel, Column, Entity, Model};
use super::{Access, StorageError, WriteScope};
use crate::audit::Checkpoint;

/// All checkpoints, in order.
pub async fn all(scope: &impl Access) -> Result<Vec<Checkpoint>, StorageError> {
    let rows = Entity::find().order_by_asc(Column::Sequence).all(&scope.executor()).await?;
    rows.into_iter().map(checkpoint).collect()
}

/// The newest checkpoint of a record up to this one.
pub async fn newest_through(scope: &impl Access, sequence: i64) -> Result<Option<Checkpoint>, StorageError> {
    let row = Entity::find()
        .filter(Column::Sequence.lte(sequence))
        .order_by_desc(Column::Sequence)
        .one(&scope.executor())
        .await?;
    row.map(checkpoint).transpose()
}

/// Stores a checkpoint.
pub async fn insert(tx: &WriteScope<'_>, checkpoint: &Checkpoint) -> Result<(), StorageError> {
    Entity::insert(row(checkpoint)).exec_without_returning(&tx.executor()).await?;
    Ok(())
}

/// Stores a checkpoint in the place of the one of the same record.
pub async fn replace(tx: &WriteScope<'_>, checkpoint: &Checkpoint) -> Result<(), StorageError> {
    Entity::delete_by_id(checkpoint.sequence).exec(&tx.executor()).await?;
    insert(tx, checkpoint).await
}

fn row(checkpoint: &Checkpoint) -> ActiveModel {
    ActiveModel {
        sequence: ActiveValue::Set(checkpoint.sequence),
        hash: ActiveValue::Set(checkpoint.hash.0.to_vec()),
        created_at: ActiveValue::Set(checkpoint.at),
        sealed_at: ActiveValue::Set(checkpoint.sealed_at),
        kid: ActiveValue::Set(checkpoint.kid.clone()),
        signature: ActiveValue::Set(checkpoint.signature.clone()),
    }
}

fn checkpoint(row: Model) -> Result<Checkpoint, StorageError> {
    Ok(Checkpoint {
        sequence: row.sequence,
        hash: hash("audit_checkpoints.hash", row.hash)?,
        at: row.created_at,
        sealed_at: row.sealed_at,
        kid: row.kid,
        signature: row.signature,
    })
}
