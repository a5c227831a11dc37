//! Users and what they are in a tenant.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::entity::memberships;
use super::entity::users::{ActiveModel, Column, Entity, Model};
use super::{
    Access, StorageError, WriteScope, known_sites, password_resets, recovery_codes, roles, sessions,
    settings, tenants, totp_factors,
};
use crate::ids::UserId;
use crate::tenants::{Tenant, TenantEntry};
use crate::users::{Account, Email, RoleName, TotpState, User};

/// Which users a list holds; all conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Any of these ids; empty for all.
    pub ids: Vec<UserId>,
    /// Any of these addresses; empty for all.
    pub emails: Vec<Email>,
    /// Added at this moment or before.
    pub created_before: Option<DateTime<Utc>>,
    /// Added at this moment or after.
    pub created_after: Option<DateTime<Utc>>,
    /// Changed at this moment or before.
    pub updated_before: Option<DateTime<Utc>>,
    /// Changed at this moment or after.
    pub updated_after: Option<DateTime<Utc>>,
}

/// A user that is about to be stored.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Its id.
    pub id: UserId,
    /// Its address.
    pub email: Email,
    /// The hash of its password.
    pub password_hash: SecretString,
    /// What it is in the tenant.
    pub roles: Vec<RoleName>,
}

/// Finds a user of the tenant.
pub async fn find(scope: &impl Access, id: UserId) -> Result<Option<User>, StorageError> {
    let executor = scope.executor();
    let key = (scope.tenant().as_uuid(), id.as_uuid());
    if memberships::Entity::find_by_id(key).one(&executor).await?.is_none() {
        return Ok(None);
    }
    let row = Entity::find_by_id(id.as_uuid()).one(&executor).await?;
    let Some(row) = row else { return Ok(None) };
    let mut roles = roles::held(scope, &[id]).await?;
    let totp = totp_factors::states(scope, [row.id]).await?.remove(&row.id).unwrap_or_default();
    user(&row, roles.remove(&id).unwrap_or_default(), totp).map(Some)
}

/// The users of the tenant that match, by address.
pub async fn list(scope: &impl Access, filter: &UserFilter) -> Result<Vec<User>, StorageError> {
    let executor = scope.executor();
    let tenant = memberships::Column::TenantId.eq(scope.tenant().as_uuid());
    let members = Query::select()
        .column(memberships::Column::UserId)
        .from(memberships::Entity)
        .and_where(tenant)
        .to_owned();
    let mut query = Entity::find().filter(Column::Id.in_subquery(members));
    if !filter.ids.is_empty() {
        query = query.filter(Column::Id.is_in(filter.ids.iter().map(|id| id.as_uuid())));
    }
    if !filter.emails.is_empty() {
        query = query.filter(Column::Email.is_in(filter.emails.iter().map(Email::as_str)));
    }
    for (moment, condition) in [
        (filter.created_before, Column::CreatedAt.lte(filter.created_before)),
        (filter.created_after, Column::CreatedAt.gte(filter.created_after)),
        (filter.updated_before, Column::UpdatedAt.lte(filter.updated_before)),
        (filter.updated_after, Column::UpdatedAt.gte(filter.updated_after)),
    ] {
        if moment.is_some() {
            query = query.filter(condition);
        }
    }
    let rows = query.order_by_asc(Column::Email).all(&executor).await?;
    let ids: Vec<UserId> = rows.iter().map(|row| row.id.into()).collect();
    let mut roles = roles::held(scope, &ids).await?;
    let factors = totp_factors::states(scope, rows.iter().map(|row| row.id)).await?;
    rows.iter()
        .map(|row| {
            let totp = factors.get(&row.id).copied().unwrap_or_default();
            user(row, roles.remove(&row.id.into()).unwrap_or_default(), totp)
        })
        .collect()
}

/// What a log-in with this address is checked against, whatever the tenant.
pub async fn account(scope: &impl Access, email: &Email) -> Result<Option<Account>, StorageError> {
    let executor = scope.executor();
    let row = Entity::find().filter(Column::Email.eq(email.as_str())).one(&executor).await?;
    let Some(row) = row else { return Ok(None) };
    // The first that is served; one that is not, if there is no other.
    let memberships = memberships_of(scope, row.id.into()).await?;
    let served = memberships.iter().find(|tenant| !tenant.is_suspended());
    Ok(served.or(memberships.first()).map(|tenant| Account {
        id: row.id.into(),
        email: email.clone(),
        tenant: tenant.id,
        is_suspended: tenant.is_suspended(),
        enabled: row.enabled,
        password_hash: row.password_hash.into(),
    }))
}

/// The tenants that a user is a member of, the first membership first.
async fn memberships_of(scope: &impl Access, id: UserId) -> Result<Vec<Tenant>, StorageError> {
    let executor = scope.executor();
    let rows = memberships::Entity::find()
        .filter(memberships::Column::UserId.eq(id.as_uuid()))
        .order_by_asc(memberships::Column::CreatedAt)
        .order_by_asc(memberships::Column::TenantId)
        .all(&executor)
        .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        found.extend(tenants::find(scope, row.tenant_id.into()).await?);
    }
    Ok(found)
}

/// The served tenants that a user is a member of, the first membership first.
pub async fn tenants_of(scope: &impl Access, id: UserId) -> Result<Vec<TenantEntry>, StorageError> {
    let served = memberships_of(scope, id).await?.into_iter().filter(|tenant| !tenant.is_suspended());
    Ok(served.map(|tenant| TenantEntry { id: tenant.id, name: tenant.name }).collect())
}

/// Answers whether a user is a member of a tenant beside the scope's.
pub async fn is_elsewhere(scope: &impl Access, id: UserId) -> Result<bool, StorageError> {
    let other = memberships::Entity::find()
        .filter(memberships::Column::UserId.eq(id.as_uuid()))
        .filter(memberships::Column::TenantId.ne(scope.tenant().as_uuid()));
    Ok(other.one(&scope.executor()).await?.is_some())
}

/// Who has an address, in whatever tenant.
pub async fn id_of(scope: &impl Access, email: &Email) -> Result<Option<UserId>, StorageError> {
    let found = Entity::find().filter(Column::Email.eq(email.as_str()));
    let found = found.select_only().column(Column::Id).into_tuple::<Uuid>();
    Ok(found.one(&scope.executor()).await?.map(UserId::from))
}

/// Makes a user that exists a member of the tenant.
pub async fn join(
    tx: &WriteScope<'_>,
    id: UserId,
    wanted: &[RoleName],
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let member = memberships::ActiveModel {
        tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
        user_id: ActiveValue::Set(id.as_uuid()),
        created_at: ActiveValue::Set(now),
    };
    memberships::Entity::insert(member).exec_without_returning(&tx.executor()).await?;
    roles::assign(tx, id, wanted).await
}

/// Gives a member other roles, and ends its sessions in the tenant.
pub async fn set_roles(
    tx: &WriteScope<'_>,
    id: UserId,
    wanted: &[RoleName],
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    roles::assign(tx, id, wanted).await?;
    touch(tx, id, now).await?;
    sessions::delete_of_member(tx, id).await
}

/// The hash of a user's password, whatever the tenant; none if there is no such user.
pub async fn password_hash(scope: &impl Access, id: UserId) -> Result<Option<SecretString>, StorageError> {
    let row = Entity::find_by_id(id.as_uuid()).one(&scope.executor()).await?;
    Ok(row.map(|row| row.password_hash.into()))
}

/// Stores another address.
///
/// # Errors
///
/// [`StorageError::is_unique_violation`] if another user has the address.
pub async fn set_email(
    tx: &WriteScope<'_>,
    id: UserId,
    email: &Email,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::Email, Expr::value(email.as_str()))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Answers whether an account is enabled and has the same password still.
pub async fn is_current(scope: &impl Access, account: &Account) -> Result<bool, StorageError> {
    let row = Entity::find_by_id(account.id.as_uuid()).one(&scope.executor()).await?;
    Ok(row.is_some_and(|row| row.enabled && row.password_hash == account.password_hash.expose_secret()))
}

/// Answers whether there is a user in any tenant.
pub async fn any_exists(scope: &impl Access) -> Result<bool, StorageError> {
    let first = Entity::find().select_only().column(Column::Id).into_tuple::<Uuid>();
    Ok(first.one(&scope.executor()).await?.is_some())
}

/// Stores a user and makes it a member of the tenant.
///
/// # Errors
///
/// [`StorageError::is_unique_violation`] if another user has the address.
pub async fn insert(tx: &WriteScope<'_>, new: &NewUser, now: DateTime<Utc>) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: ActiveValue::Set(new.id.as_uuid()),
        email: ActiveValue::Set(new.email.to_string()),
        password_hash: ActiveValue::Set(new.password_hash.expose_secret().to_owned()),
        enabled: ActiveValue::Set(true),
        created_at: ActiveValue::Set(now),
        updated_at: ActiveValue::Set(now),
        login_at: ActiveValue::Set(None),
    };
    Entity::insert(row).exec_without_returning(&tx.executor()).await?;
    join(tx, new.id, &new.roles, now).await
}

/// Stores another password.
pub async fn set_password_hash(
    tx: &WriteScope<'_>,
    id: UserId,
    hash: &SecretString,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::PasswordHash, Expr::value(hash.expose_secret()))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Stores a better hash of the same password: nothing changed for the user.
pub async fn replace_hash(tx: &WriteScope<'_>, id: UserId, hash: &SecretString) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::PasswordHash, Expr::value(hash.expose_secret()))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Keeps a user from logging in.
pub async fn disable(tx: &WriteScope<'_>, id: UserId, now: DateTime<Utc>) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::Enabled, Expr::value(false))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Notes that something about a user changed that is not in its row.
pub async fn touch(tx: &WriteScope<'_>, id: UserId, now: DateTime<Utc>) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Answers whether somebody has an address, in whatever tenant.
pub async fn exists(scope: &impl Access, email: &Email) -> Result<bool, StorageError> {
    Ok(id_of(scope, email).await?.is_some())
}

/// Takes a user out of the tenant with its roles and sessions there, and forgets a user that is in no other one.
pub async fn remove(tx: &WriteScope<'_>, id: UserId) -> Result<(), StorageError> {
    let executor = tx.executor();
    roles::assign(tx, id, &[]).await?;
    sessions::delete_of_member(tx, id).await?;
    settings::delete_of_member(tx, id).await?;
    memberships::Entity::delete_by_id((tx.tenant().as_uuid(), id.as_uuid())).exec(&executor).await?;
    let rest = memberships::Entity::find().filter(memberships::Column::UserId.eq(id.as_uuid()));
    if rest.one(&executor).await?.is_some() {
        return Ok(());
    }
    sessions::delete_of_user(tx, id).await?;
    totp_factors::delete(tx, id).await?;
    known_sites::delete_of_user(tx, id).await?;
    password_resets::delete_of_user(tx, id).await?;
    recovery_codes::delete_of_user(tx, id).await?;
    Entity::delete_by_id(id.as_uuid()).exec(&executor).await?;
    Ok(())
}

/// Notes when a user logged in.
pub async fn note_login(tx: &WriteScope<'_>, id: UserId, now: DateTime<Utc>) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::LoginAt, Expr::value(now))
        .filter(Column::Id.eq(id.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

fn user(row: &Model, roles: Vec<RoleName>, totp: TotpState) -> Result<User, StorageError> {
    Ok(User {
        id: row.id.into(),
        email: row
            .email
            .parse()
            .map_err(|_| StorageError::CorruptRow { column: "users.email", row: row.id })?,
        roles,
        enabled: row.enabled,
        totp,
        created_at: row.created_at,
        updated_at: row.updated_at,
        login_at: row.login_at,
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::{Model, TotpState, user};

    #[test]
    fn a_corrupt_address_is_not_told() {
        let row = Model {
            id: Uuid::nil(),
            email: "somebody at example.com".to_owned(),
            password_hash: String::new(),
            enabled: true,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            login_at: None,
        };
        let text = user(&row, Vec::new(), TotpState::Disabled).unwrap_err().to_string();
        assert_eq!(text, format!("users.email of row {} holds an unknown value", Uuid::nil()));
    }
}
