//! Sessions of users.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::entity::sessions::{ActiveModel, Column, Entity, Model};
use super::{Access, StorageError, WriteScope, personal_tokens};
use crate::ids::{SessionId, UserId};
use crate::users::{Authentication, Proof, Session, SessionKind};

/// Finds a session of the tenant.
pub async fn find(scope: &impl Access, id: SessionId) -> Result<Option<Session>, StorageError> {
    let row = Entity::find_by_id(id.as_uuid())
        .filter(Column::TenantId.eq(scope.tenant().as_uuid()))
        .one(&scope.executor())
        .await?;
    row.map(|row| session(&row)).transpose()
}

/// The sessions of a user in the tenant, the newest first.
pub async fn list(scope: &impl Access, user: UserId) -> Result<Vec<Session>, StorageError> {
    let rows = Entity::find()
        .filter(Column::TenantId.eq(scope.tenant().as_uuid()))
        .filter(Column::UserId.eq(user.as_uuid()))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .all(&scope.executor())
        .await?;
    rows.iter().map(session).collect()
}

/// Stores a session.
pub async fn insert(tx: &WriteScope<'_>, session: &Session) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: ActiveValue::Set(session.id.as_uuid()),
        tenant_id: ActiveValue::Set(session.tenant.as_uuid()),
        user_id: ActiveValue::Set(session.user.as_uuid()),
        created_at: ActiveValue::Set(session.created_at),
        expires_at: ActiveValue::Set(session.expires_at),
        kind: ActiveValue::Set(session.kind.as_str().to_owned()),
        amr: ActiveValue::Set(session.authentication.proof.as_str().to_owned()),
        authenticated_at: ActiveValue::Set(Some(session.authentication.at)),
        last_used_at: ActiveValue::Set(session.last_used_at),
        idle_at: ActiveValue::Set(session.idle_at),
        refresh_sha256: ActiveValue::Set(None),
        superseded_sha256: ActiveValue::Set(None),
        refreshed_at: ActiveValue::Set(None),
    };
    Entity::insert(row).exec_without_returning(&tx.executor()).await?;
    Ok(())
}

/// What a refresh token is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Refresh {
    /// The SHA-256 of the secret that is good.
    pub current: [u8; 32],
    /// That of the one before.
    pub superseded: Option<[u8; 32]>,
    /// When the one took the place of the other.
    pub at: Option<DateTime<Utc>>,
}

/// Finds a session of the console, whatever the tenant.
pub async fn refreshable(
    scope: &impl Access,
    id: SessionId,
) -> Result<Option<(Session, Refresh)>, StorageError> {
    let row = Entity::find_by_id(id.as_uuid()).one(&scope.executor()).await?;
    let Some(row) = row else { return Ok(None) };
    let hash = |bytes: &Vec<u8>| <[u8; 32]>::try_from(bytes.as_slice()).ok();
    let Some(current) = row.refresh_sha256.as_ref().and_then(hash) else { return Ok(None) };
    let superseded = row.superseded_sha256.as_ref().and_then(hash);
    Ok(Some((session(&row)?, Refresh { current, superseded, at: row.refreshed_at })))
}

/// Makes a session one of the console.
pub async fn become_console(
    tx: &WriteScope<'_>,
    session: &Session,
    refresh_sha256: &[u8; 32],
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::Kind, Expr::value(session.kind.as_str()))
        .col_expr(Column::ExpiresAt, Expr::value(session.expires_at))
        .col_expr(Column::IdleAt, Expr::value(session.idle_at))
        .col_expr(Column::LastUsedAt, Expr::value(session.last_used_at))
        .col_expr(Column::RefreshSha256, Expr::value(refresh_sha256.to_vec()))
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::Id.eq(session.id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Puts a refresh token in the place of another; answers whether the other was still good.
pub async fn rotate_refresh(
    tx: &WriteScope<'_>,
    id: SessionId,
    [old, new]: [&[u8; 32]; 2],
    idle_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, StorageError> {
    let done = Entity::update_many()
        .col_expr(Column::RefreshSha256, Expr::value(new.to_vec()))
        .col_expr(Column::SupersededSha256, Expr::value(old.to_vec()))
        .col_expr(Column::RefreshedAt, Expr::value(now))
        .col_expr(Column::LastUsedAt, Expr::value(now))
        .col_expr(Column::IdleAt, Expr::value(idle_at))
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::Id.eq(id.as_uuid()))
        .filter(Column::RefreshSha256.eq(old.to_vec()))
        .exec(&tx.executor())
        .await?;
    Ok(done.rows_affected == 1)
}

/// Stores how and when the user of a session proved who it is.
pub async fn set_authentication(
    tx: &WriteScope<'_>,
    id: SessionId,
    authentication: Authentication,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::Amr, Expr::value(authentication.proof.as_str()))
        .col_expr(Column::AuthenticatedAt, Expr::value(authentication.at))
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Deletes a session of the tenant; one that is gone is deleted already.
pub async fn delete(tx: &WriteScope<'_>, id: SessionId) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Deletes the sessions and personal tokens of a user in the tenant.
pub async fn delete_of_member(tx: &WriteScope<'_>, user: UserId) -> Result<(), StorageError> {
    personal_tokens::delete_of_member(tx, user).await?;
    Entity::delete_many()
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::UserId.eq(user.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Deletes all sessions and personal tokens of a user, in all tenants.
pub async fn delete_of_user(tx: &WriteScope<'_>, user: UserId) -> Result<(), StorageError> {
    personal_tokens::delete_of_user(tx, user, None).await?;
    Entity::delete_many().filter(Column::UserId.eq(user.as_uuid())).exec(&tx.executor()).await?;
    Ok(())
}

/// Deletes all sessions of a user but perhaps one, in all tenants; personal tokens stay.
pub async fn delete_log_ins(
    tx: &WriteScope<'_>,
    user: UserId,
    kept: Option<SessionId>,
) -> Result<(), StorageError> {
    let mut query = Entity::delete_many().filter(Column::UserId.eq(user.as_uuid()));
    if let Some(kept) = kept {
        query = query.filter(Column::Id.ne(kept.as_uuid()));
    }
    query.exec(&tx.executor()).await?;
    Ok(())
}

/// Deletes all sessions and personal tokens of a user but the one that the caller came with, in all tenants.
pub async fn delete_others(tx: &WriteScope<'_>, user: UserId, kept: SessionId) -> Result<(), StorageError> {
    personal_tokens::delete_of_user(tx, user, Some(kept)).await?;
    Entity::delete_many()
        .filter(Column::UserId.eq(user.as_uuid()))
        .filter(Column::Id.ne(kept.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Deletes all but the newest sessions of a user.
pub async fn delete_all_but_newest(tx: &WriteScope<'_>, user: UserId, keep: u64) -> Result<(), StorageError> {
    let kept: Vec<Uuid> = Entity::find()
        .filter(Column::UserId.eq(user.as_uuid()))
        .select_only()
        .column(Column::Id)
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .limit(keep)
        .into_tuple()
        .all(&tx.executor())
        .await?;
    Entity::delete_many()
        .filter(Column::UserId.eq(user.as_uuid()))
        .filter(Column::Id.is_not_in(kept))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Deletes the sessions of all tenants that have expired; returns how many there were.
pub async fn delete_expired(tx: &WriteScope<'_>, now: DateTime<Utc>) -> Result<u64, StorageError> {
    let done = Entity::delete_many()
        .filter(Column::ExpiresAt.lte(now).or(Column::IdleAt.lte(now)))
        .exec(&tx.executor())
        .await?;
    Ok(done.rows_affected)
}

fn session(row: &Model) -> Result<Session, StorageError> {
    let kind = match row.kind.as_str() {
        "api" => SessionKind::Api,
        "console" => SessionKind::Console,
        other => return Err(StorageError::corrupt("sessions.kind", other)),
    };
    let proof =
        Proof::from_methods(&row.amr).ok_or_else(|| StorageError::corrupt("sessions.amr", &row.amr))?;
    Ok(Session {
        id: row.id.into(),
        tenant: row.tenant_id.into(),
        user: row.user_id.into(),
        created_at: row.created_at,
        expires_at: row.expires_at,
        kind,
        authentication: Authentication { proof, at: row.authenticated_at.unwrap_or(row.created_at) },
        last_used_at: row.last_used_at,
        idle_at: row.idle_at,
    })
}
