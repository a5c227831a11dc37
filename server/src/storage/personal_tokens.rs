//! Tokens that users make for programs.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, Select};

use super::entity::personal_tokens::{ActiveModel, Column, Entity, Model};
use super::{Access, StorageError, WriteScope};
use crate::ids::{SessionId, TokenId, UserId};
use crate::throttle::Networks;
use crate::users::Permission;
use crate::users::tokens::{PersonalToken, TokenHandle, TokenHash, TokenKind, TokenLimits};

/// Finds a token of the tenant.
pub async fn find(scope: &impl Access, id: TokenId) -> Result<Option<PersonalToken>, StorageError> {
    let row = Entity::find_by_id(id.as_uuid())
        .filter(Column::TenantId.eq(scope.tenant().as_uuid()))
        .one(&scope.executor())
        .await?;
    row.map(token).transpose()
}

/// Finds a prefixed token by its handle, whatever the tenant.
pub async fn by_handle(
    scope: &impl Access,
    handle: &TokenHandle,
) -> Result<Option<PersonalToken>, StorageError> {
    let row = Entity::find().filter(Column::Handle.eq(handle.as_str())).one(&scope.executor()).await?;
    row.map(token).transpose()
}

/// The tokens of a user in the tenant, oldest first.
pub async fn list(scope: &impl Access, user: UserId) -> Result<Vec<PersonalToken>, StorageError> {
    let rows = of_user(scope, user).order_by_asc(Column::Id).all(&scope.executor()).await?;
    rows.into_iter().map(token).collect()
}

/// How many tokens of a kind a user has in the tenant.
pub async fn count(scope: &impl Access, user: UserId, kind: &TokenKind) -> Result<u64, StorageError> {
    Ok(of_user(scope, user).filter(Column::Kind.eq(kind.as_str())).count(&scope.executor()).await?)
}

/// Stores a token.
///
/// # Errors
///
/// [`StorageError::is_unique_violation`] if its user has one of that name.
pub async fn insert(tx: &WriteScope<'_>, new: &PersonalToken) -> Result<(), StorageError> {
    let (handle, secret) = match &new.kind {
        TokenKind::Jwt => (None, None),
        TokenKind::Prefixed { handle, secret, .. } => (Some(handle), Some(secret)),
    };
    let scopes = new.limits.scopes.as_ref().map(|scopes| {
        let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
        words.join(" ")
    });
    let row = ActiveModel {
        id: ActiveValue::Set(new.id.as_uuid()),
        tenant_id: ActiveValue::Set(new.tenant.as_uuid()),
        user_id: ActiveValue::Set(new.user.as_uuid()),
        name: ActiveValue::Set(new.name.clone()),
        kind: ActiveValue::Set(new.kind.as_str().to_owned()),
        handle: ActiveValue::Set(handle.map(ToString::to_string)),
        secret_sha256: ActiveValue::Set(secret.map(|hash| hash.as_bytes().to_vec())),
        superseded_sha256: ActiveValue::Set(None),
        superseded_until: ActiveValue::Set(None),
        scopes: ActiveValue::Set(scopes),
        networks: ActiveValue::Set(new.limits.networks.as_ref().map(ToString::to_string)),
        created_at: ActiveValue::Set(new.created_at),
        rotated_at: ActiveValue::Set(None),
        expires_at: ActiveValue::Set(new.expires_at),
        last_used_at: ActiveValue::Set(None),
    };
    Entity::insert(row).exec_without_returning(&tx.executor()).await?;
    Ok(())
}

/// Replaces the secret of a prefixed token; the one before is good until a moment.
pub async fn rotate(
    tx: &WriteScope<'_>,
    before: &PersonalToken,
    (secret, expires_at): (&TokenHash, Option<DateTime<Utc>>),
    overlap_until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let superseded = match &before.kind {
        TokenKind::Jwt => None,
        TokenKind::Prefixed { secret, .. } => Some(secret.as_bytes().to_vec()),
    };
    Entity::update_many()
        .col_expr(Column::SecretSha256, Expr::value(secret.as_bytes().to_vec()))
        .col_expr(Column::SupersededSha256, Expr::value(superseded))
        .col_expr(Column::SupersededUntil, Expr::value(overlap_until))
        .col_expr(Column::RotatedAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(expires_at))
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::Id.eq(before.id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Stores when tokens of all tenants were last used.
pub async fn store_uses(tx: &WriteScope<'_>, uses: &[(TokenId, DateTime<Utc>)]) -> Result<(), StorageError> {
    for (id, at) in uses {
        Entity::update_many()
            .col_expr(Column::LastUsedAt, Expr::value(*at))
            .filter(Column::Id.eq(id.as_uuid()))
            .exec(&tx.executor())
            .await?;
    }
    Ok(())
}

/// Deletes a token of the tenant; answers whether it was there.
pub async fn delete(tx: &WriteScope<'_>, id: TokenId) -> Result<bool, StorageError> {
    let done = Entity::delete_many()
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(done.rows_affected > 0)
}

/// Deletes the tokens of a user in the tenant.
pub(super) async fn delete_of_member(tx: &WriteScope<'_>, user: UserId) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::UserId.eq(user.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Deletes all tokens of a user, in all tenants, but the one that the caller came with.
pub(super) async fn delete_of_user(
    tx: &WriteScope<'_>,
    user: UserId,
    kept: Option<SessionId>,
) -> Result<(), StorageError> {
    let mut delete = Entity::delete_many().filter(Column::UserId.eq(user.as_uuid()));
    if let Some(kept) = kept {
        delete = delete.filter(Column::Id.ne(kept.as_uuid()));
    }
    delete.exec(&tx.executor()).await?;
    Ok(())
}

/// Deletes the tokens of all tenants that have expired; returns how many there were.
pub async fn delete_expired(tx: &WriteScope<'_>, now: DateTime<Utc>) -> Result<u64, StorageError> {
    let done = Entity::delete_many().filter(Column::ExpiresAt.lte(now)).exec(&tx.executor()).await?;
    Ok(done.rows_affected)
}

fn of_user(scope: &impl Access, user: UserId) -> Select<Entity> {
    Entity::find()
        .filter(Column::TenantId.eq(scope.tenant().as_uuid()))
        .filter(Column::UserId.eq(user.as_uuid()))
}

fn token(row: Model) -> Result<PersonalToken, StorageError> {
    let id = row.id;
    let corrupt = |column| StorageError::CorruptRow { column, row: id };
    let hash = |bytes: Option<Vec<u8>>| bytes.and_then(|bytes| TokenHash::from_stored(&bytes));
    let kind = match row.kind.as_str() {
        "jwt" => TokenKind::Jwt,
        "prefixed" => TokenKind::Prefixed {
            handle: row
                .handle
                .as_deref()
                .and_then(TokenHandle::from_stored)
                .ok_or_else(|| corrupt("personal_tokens.handle"))?,
            secret: hash(row.secret_sha256).ok_or_else(|| corrupt("personal_tokens.secret_sha256"))?,
            superseded: hash(row.superseded_sha256).zip(row.superseded_until),
        },
        other => return Err(StorageError::corrupt("personal_tokens.kind", other)),
    };
    let networks = row.networks.map(Networks::try_from).transpose();
    Ok(PersonalToken {
        id: id.into(),
        tenant: row.tenant_id.into(),
        user: row.user_id.into(),
        name: row.name,
        kind,
        limits: TokenLimits {
            scopes: row.scopes.map(|words| scopes(&words)),
            networks: networks.map_err(|_| corrupt("personal_tokens.networks"))?,
        },
        created_at: row.created_at,
        rotated_at: row.rotated_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
    })
}

/// What a token is for. A word of a version that is newer, or gone, allows nothing.
fn scopes(words: &str) -> Vec<Permission> {
    let known = |word| Permission::ALL.iter().copied().find(|known| known.as_str() == word);
    words.split(' ').filter_map(known).collect()
}
