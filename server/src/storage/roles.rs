//! Roles that tenants made, who holds which roles, and what follows from that.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};

use super::entity::membership_roles;
use super::entity::roles::{Column, Entity, Model};
use super::{Access, StorageError, WriteScope, permission_sets, tenants};
use crate::ids::UserId;
use crate::users::{Grant, Granted, PermissionSet, Rights, RoleDefinition, RoleName, Standing, Within};

/// A grant as the column `grants` keeps it.
#[derive(Deserialize, Serialize)]
struct StoredGrant {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    set: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    permission: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    groups: Option<BTreeSet<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tags: Option<BTreeSet<String>>,
}

/// The roles that the tenant made, and the built-in ones to which it added something, by name.
pub async fn list(scope: &impl Access) -> Result<Vec<RoleDefinition>, StorageError> {
    let rows = Entity::find()
        .filter(Column::TenantId.eq(scope.tenant().as_uuid()))
        .order_by_asc(Column::Name)
        .all(&scope.executor())
        .await?;
    rows.into_iter().map(role).collect()
}

/// Those of these roles that the tenant made or added something to.
pub async fn find(scope: &impl Access, names: &[RoleName]) -> Result<Vec<RoleDefinition>, StorageError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let rows = Entity::find()
        .filter(Column::TenantId.eq(scope.tenant().as_uuid()))
        .filter(Column::Name.is_in(names.iter().map(RoleName::as_str)))
        .all(&scope.executor())
        .await?;
    rows.into_iter().map(role).collect()
}

/// The roles of each of these members of the tenant, in order.
pub async fn held(
    scope: &impl Access,
    users: &[UserId],
) -> Result<HashMap<UserId, Vec<RoleName>>, StorageError> {
    let rows = membership_roles::Entity::find()
        .filter(membership_roles::Column::TenantId.eq(scope.tenant().as_uuid()))
        .filter(membership_roles::Column::UserId.is_in(users.iter().map(|user| user.as_uuid())))
        .order_by_asc(membership_roles::Column::Role)
        .all(&scope.executor())
        .await?;
    let mut held: HashMap<UserId, Vec<RoleName>> = HashMap::new();
    for row in rows {
        held.entry(row.user_id.into()).or_default().push(parse_name(&row.role)?);
    }
    Ok(held)
}

/// Gives a member of the tenant these roles instead of those that it has.
pub async fn assign(tx: &WriteScope<'_>, user: UserId, roles: &[RoleName]) -> Result<(), StorageError> {
    let executor = tx.executor();
    membership_roles::Entity::delete_many()
        .filter(membership_roles::Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(membership_roles::Column::UserId.eq(user.as_uuid()))
        .exec(&executor)
        .await?;
    let rows: BTreeSet<_> = roles.iter().map(RoleName::as_str).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let rows = rows.into_iter().map(|role| membership_roles::ActiveModel {
        tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
        user_id: ActiveValue::Set(user.as_uuid()),
        role: ActiveValue::Set(role.to_owned()),
    });
    membership_roles::Entity::insert_many(rows).exec_without_returning(&executor).await?;
    Ok(())
}

/// What follows from holding these roles in the tenant.
pub async fn standing(scope: &impl Access, names: &[RoleName]) -> Result<Standing, StorageError> {
    let custom = find(scope, names).await?;
    let needs_sets = custom.iter().any(|role| matches!(role.name, RoleName::Custom(_)));
    let sets = if needs_sets { permission_sets::list(scope).await? } else { Vec::new() };
    let rights = rights(names, &custom, &sets).in_tenant(scope.tenant());
    let tenant = tenants::own(scope).await?;
    let is_asked = tenant.as_ref().is_some_and(|tenant| tenant.require_2fa);
    let require_2fa = is_asked || custom.iter().any(|role| role.require_2fa);
    // A tenant that is gone serves nobody.
    let is_suspended = tenant.is_none_or(|tenant| tenant.is_suspended());
    Ok(Standing { rights, require_2fa, is_suspended })
}

/// What roles allow together. A role that is gone allows nothing.
#[must_use]
pub fn rights(names: &[RoleName], custom: &[RoleDefinition], sets: &[PermissionSet]) -> Rights {
    let mut rights = Rights::own_account();
    for name in names {
        rights.extend(match name {
            RoleName::BuiltIn(role) => Rights::over_everything(role.permissions()),
            RoleName::Custom(_) => custom
                .iter()
                .find(|role| role.name == *name)
                .map_or_else(Rights::default, |role| Rights::granted(&role.grants, sets)),
        });
    }
    rights
}

fn role(row: Model) -> Result<RoleDefinition, StorageError> {
    Ok(RoleDefinition {
        name: parse_name(&row.name)?,
        grants: parse_grants(&row.grants)?,
        description: row.description,
        require_2fa: row.require_2fa,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn parse_name(name: &str) -> Result<RoleName, StorageError> {
    name.parse().map_err(|_| StorageError::corrupt("roles.name", name))
}

fn parse_grants(text: &str) -> Result<Vec<Grant>, StorageError> {
    let corrupt = || StorageError::corrupt("roles.grants", text);
    let stored: Vec<StoredGrant> = serde_json::from_str(text).map_err(|_| corrupt())?;
    stored.into_iter().map(|stored| parse_grant(stored).ok_or_else(corrupt)).collect()
}

fn parse_grant(stored: StoredGrant) -> Option<Grant> {
    let what = match (stored.set, stored.permission) {
        (Some(set), None) => Granted::Set(set),
        (None, Some(permission)) => Granted::Permission(permission.parse().ok()?),
        (None, None) | (Some(_), Some(_)) => return None,
    };
    let within = match (stored.groups, stored.tags) {
        (None, None) => None,
        (Some(groups), None) => Some(Within::Groups(groups)),
        (None, Some(tags)) => Some(Within::Tags(tags)),
        (Some(_), Some(_)) => return None,
    };
    Some(Grant { what, within })
}

fn stored_grants(grants: &[Grant]) -> Result<String, StorageError> {
    let stored: Vec<_> = grants.iter().map(stored_grant).collect();
    serde_json::to_string(&stored).map_err(|_| StorageError::OutOfRange("roles.grants"))
}

fn stored_grant(grant: &Grant) -> StoredGrant {
    let (set, permission) = match &grant.what {
        Granted::Set(name) => (Some(name.clone()), None),
        Granted::Permission(permission) => (None, Some(permission.as_str().to_owned())),
    };
    let (groups, tags) = match &grant.within {
        None => (None, None),
        Some(Within::Groups(names)) => (Some(names.clone()), None),
        Some(Within::Tags(names)) => (None, Some(names.clone())),
    };
    StoredGrant { set, permission, groups, tags }
}

/// Stores a role that the tenant makes.
///
/// # Errors
///
/// [`StorageError::is_unique_violation`] if it has one of this name.
pub async fn insert(tx: &WriteScope<'_>, role: &RoleDefinition) -> Result<(), StorageError> {
    let row = active(tx, role)?;
    Entity::insert(row).exec_without_returning(&tx.executor()).await?;
    Ok(())
}

/// Stores a role in place of the one with its name; answers whether there was one.
pub async fn update(tx: &WriteScope<'_>, role: &RoleDefinition) -> Result<bool, StorageError> {
    let row = active(tx, role)?;
    let row = super::entity::roles::ActiveModel { created_at: ActiveValue::NotSet, ..row };
    let done = Entity::update_many()
        .set(row)
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::Name.eq(role.name.as_str()))
        .exec(&tx.executor())
        .await?;
    Ok(done.rows_affected > 0)
}

/// Deletes a role of the tenant and takes it from who holds it; answers whether there was one.
pub async fn delete(tx: &WriteScope<'_>, name: &RoleName) -> Result<bool, StorageError> {
    let executor = tx.executor();
    let done = Entity::delete_many()
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::Name.eq(name.as_str()))
        .exec(&executor)
        .await?;
    membership_roles::Entity::delete_many()
        .filter(membership_roles::Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(membership_roles::Column::Role.eq(name.as_str()))
        .exec(&executor)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Who holds any of these roles in the tenant.
pub async fn holders(scope: &impl Access, names: &[RoleName]) -> Result<BTreeSet<UserId>, StorageError> {
    let rows = membership_roles::Entity::find()
        .filter(membership_roles::Column::TenantId.eq(scope.tenant().as_uuid()))
        .filter(membership_roles::Column::Role.is_in(names.iter().map(RoleName::as_str)))
        .all(&scope.executor())
        .await?;
    Ok(rows.into_iter().map(|row: membership_roles::Model| UserId::from(row.user_id)).collect())
}

fn active(
    tx: &WriteScope<'_>,
    role: &RoleDefinition,
) -> Result<super::entity::roles::ActiveModel, StorageError> {
    Ok(super::entity::roles::ActiveModel {
        tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
        name: ActiveValue::Set(role.name.as_str().to_owned()),
        description: ActiveValue::Set(role.description.clone()),
        grants: ActiveValue::Set(stored_grants(&role.grants)?),
        require_2fa: ActiveValue::Set(role.require_2fa),
        created_at: ActiveValue::Set(role.created_at),
        updated_at: ActiveValue::Set(role.updated_at),
    })
}
