//! Public keys that artifacts may be signed with.

use std::collections::{BTreeMap, HashMap};

use artifact::VerifyingKey;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use super::entity::verification_keys::{ActiveModel, Column, Entity, Model};
use super::{Access, Page, Scope, StorageError, WriteScope, signature_policies};
use crate::ids::{KeyId, TenantId, UserId};
use crate::releases::{Signer, Trust, Validity, VerificationKey};

/// All keys of the tenant, oldest first.
pub async fn all(scope: &impl Access) -> Result<Vec<VerificationKey>, StorageError> {
    let rows = mine(scope).order_by_asc(Column::Id).all(&scope.executor()).await?;
    rows.into_iter().map(key).collect()
}

/// A part of the list of keys, newest first, and how many there are.
pub async fn list(scope: &impl Access, page: Page) -> Result<(Vec<VerificationKey>, u64), StorageError> {
    let total = mine(scope).count(&scope.executor()).await?;
    let rows = mine(scope)
        .order_by_desc(Column::Id)
        .offset(page.offset())
        .limit(page.per_page)
        .all(&scope.executor())
        .await?;
    Ok((rows.into_iter().map(key).collect::<Result<_, _>>()?, total))
}

/// How many keys the tenant has, revoked ones included.
pub async fn count(scope: &impl Access) -> Result<u64, StorageError> {
    Ok(mine(scope).count(&scope.executor()).await?)
}

/// Finds a key by its id.
pub async fn find(scope: &impl Access, id: KeyId) -> Result<Option<VerificationKey>, StorageError> {
    let row = mine(scope).filter(Column::Id.eq(id.as_uuid())).one(&scope.executor()).await?;
    row.map(key).transpose()
}

/// The tenant's policy, and when which of its keys counts.
pub async fn trust(scope: &impl Access) -> Result<Trust, StorageError> {
    let policy = signature_policies::find(scope).await?.unwrap_or_default();
    let rows = mine(scope).all(&scope.executor()).await?;
    let keys: BTreeMap<KeyId, Validity> =
        rows.iter().map(|row| (KeyId::from(row.id), validity(row))).collect();
    Ok(Trust { policy, keys })
}

/// The keys of the tenant as artifacts know them.
pub(super) async fn signers(scope: &impl Access) -> Result<HashMap<Uuid, Signer>, StorageError> {
    let rows = mine(scope).all(&scope.executor()).await?;
    let signer = |row: Model| {
        let validity = validity(&row);
        (row.id, Signer { id: row.id.into(), name: row.name, validity })
    };
    Ok(rows.into_iter().map(signer).collect())
}

/// Stores a key.
///
/// # Errors
///
/// [`StorageError::is_unique_violation`] if the tenant trusts the same key already.
pub async fn insert(tx: &WriteScope<'_>, new: &VerificationKey) -> Result<(), StorageError> {
    let row = ActiveModel {
        tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
        id: ActiveValue::Set(new.id.as_uuid()),
        name: ActiveValue::Set(new.name.clone()),
        spki: ActiveValue::Set(new.key.spki().to_vec()),
        active_fingerprint: ActiveValue::Set(Some(new.key.fingerprint().as_bytes().to_vec())),
        not_before: ActiveValue::Set(new.validity.not_before),
        not_after: ActiveValue::Set(new.validity.not_after),
        created_at: ActiveValue::Set(new.created_at),
        created_by: ActiveValue::Set(new.created_by.as_uuid()),
        revoked_at: ActiveValue::Set(None),
        revoked_by: ActiveValue::Set(None),
        compared_at: ActiveValue::Set(None),
    };
    Entity::insert(row).exec_without_returning(&tx.executor()).await?;
    Ok(())
}

/// Revokes a key; tells whether it was not revoked before.
pub async fn revoke(
    tx: &WriteScope<'_>,
    id: KeyId,
    by: UserId,
    now: DateTime<Utc>,
) -> Result<bool, StorageError> {
    let done = Entity::update_many()
        .col_expr(Column::ActiveFingerprint, Expr::value(None::<Vec<u8>>))
        .col_expr(Column::RevokedAt, Expr::value(Some(now)))
        .col_expr(Column::RevokedBy, Expr::value(Some(by.as_uuid())))
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::Id.eq(id.as_uuid()))
        .filter(Column::RevokedAt.is_null())
        .exec(&tx.executor())
        .await?;
    Ok(done.rows_affected > 0)
}

/// Notes that all artifacts that were stored before the key have been compared with it.
pub async fn set_compared(tx: &WriteScope<'_>, id: KeyId, now: DateTime<Utc>) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::ComparedAt, Expr::value(Some(now)))
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Keys of all tenants that not all artifacts have been compared with.
pub async fn all_uncompared(scope: &Scope) -> Result<Vec<(TenantId, KeyId)>, StorageError> {
    let rows = Entity::find()
        .filter(Column::ComparedAt.is_null())
        .order_by_asc(Column::Id)
        .all(&scope.executor())
        .await?;
    Ok(rows.into_iter().map(|row| (row.tenant_id.into(), row.id.into())).collect())
}

fn mine(scope: &impl Access) -> Select<Entity> {
    Entity::find().filter(Column::TenantId.eq(scope.tenant().as_uuid()))
}

fn validity(row: &Model) -> Validity {
    Validity { not_before: row.not_before, not_after: row.not_after, revoked: row.revoked_at.is_some() }
}

fn key(row: Model) -> Result<VerificationKey, StorageError> {
    let validity = validity(&row);
    let public = VerifyingKey::from_der(&row.spki)
        .map_err(|err| StorageError::corrupt("verification_keys.spki", err.to_string()))?;
    Ok(VerificationKey {
        id: row.id.into(),
        name: row.name,
        key: public,
        validity,
        created_at: row.created_at,
        created_by: row.created_by.into(),
        revocation: row.revoked_at.zip(row.revoked_by.map(UserId::from)),
        compared: row.compared_at.is_some(),
    })
}
