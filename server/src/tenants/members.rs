//! Members of other tenants, as those of the default tenant manage them.

use std::collections::BTreeSet;

use secrecy::SecretString;

use super::TenantError;
use crate::audit::{Action, Event, Object};
use crate::ids::{TenantId, UserId};
use crate::storage::users::{NewUser, UserFilter};
use crate::storage::{Database, Scope, WriteScope, password_resets, roles, tenants, users};
use crate::users::{Email, MemberError, RoleName, User, UserError, Users, role_names, told};

/// Somebody who is to be a member.
#[derive(Debug)]
pub struct NewTenantMember {
    /// The address to log in with.
    pub email: String,
    /// The first password of who is no user yet.
    pub password: Option<SecretString>,
    /// Names of roles in the tenant.
    pub roles: Vec<String>,
}

/// The members of a tenant that is not the caller's.
pub struct TenantMembers {
    users: Users,
    /// The caller's own: what is done is told there as well as in the tenant.
    scope: Scope,
    database: Database,
    tenant: TenantId,
}

impl TenantMembers {
    /// Binds the service to a tenant.
    ///
    /// # Errors
    ///
    /// [`TenantError::DefaultMembers`] for the default tenant, [`TenantError::NotFound`] if there is no such tenant.
    pub async fn of(
        users: Users,
        scope: Scope,
        database: Database,
        tenant: TenantId,
    ) -> Result<Self, TenantError> {
        if tenant == TenantId::DEFAULT {
            return Err(TenantError::DefaultMembers);
        }
        let found = tenants::find(&scope, tenant).await?;
        found.ok_or_else(|| TenantError::NotFound(tenant.to_string()))?;
        Ok(Self { users, scope, database, tenant })
    }

    /// Its members, by address.
    pub async fn list(&self) -> Result<Vec<User>, TenantError> {
        Ok(users::list(&self.database.scope(self.tenant), &UserFilter::default()).await?)
    }

    /// Makes somebody a member: a user who is one elsewhere, or a new one with a first password.
    pub async fn add(&self, new: NewTenantMember) -> Result<UserId, TenantError> {
        let email: Email = new.email.parse().map_err(|err| MemberError::from(UserError::from(err)))?;
        let wanted = role_names(&new.roles)?;
        let known = users::id_of(&self.scope, &email).await?;
        let hash = match (known, new.password) {
            (None, Some(password)) => {
                Some(self.users.hash(&email, password).await.map_err(MemberError::from)?)
            }
            (None, None) => return Err(MemberError::NoPassword.into()),
            (Some(_), _) => None,
        };
        let now = self.users.now();
        let transaction = self.scope.begin().await?;
        let (own, tx) = (transaction.scope(), transaction.scope_of(self.tenant));
        require_roles(&tx, &wanted).await?;
        // Somebody may have added or removed the user meanwhile.
        let id = match (users::id_of(&tx, &email).await?, hash) {
            (Some(id), _) => {
                if users::find(&tx, id).await?.is_some() {
                    return Err(MemberError::from(UserError::EmailTaken).into());
                }
                users::join(&tx, id, &wanted, now).await?;
                // A secret that administrators of one tenant handed out would open the other.
                password_resets::delete_of_user(&tx, id).await?;
                id
            }
            (None, Some(password_hash)) => {
                let id = UserId::generate();
                let user = NewUser { id, email: email.clone(), password_hash, roles: wanted.clone() };
                users::insert(&tx, &user, now).await?;
                id
            }
            (None, None) => return Err(MemberError::from(UserError::Changed).into()),
        };
        let event = Event::new(Action::Create, Object::user(id, &email));
        tx.audit(event.clone().change(told(&wanted)));
        own.audit(event.change(format!("tenant: {}, {}", self.tenant, told(&wanted))));
        transaction.commit(now).await?;
        Ok(id)
    }

    /// Gives a member other roles, and ends its sessions in the tenant.
    pub async fn set_roles(&self, id: UserId, wanted: &[String]) -> Result<(), TenantError> {
        let wanted = role_names(wanted)?;
        let now = self.users.now();
        let transaction = self.scope.begin().await?;
        let (own, tx) = (transaction.scope(), transaction.scope_of(self.tenant));
        let user = member(&tx, id).await?;
        require_roles(&tx, &wanted).await?;
        if user.roles == wanted {
            return Ok(());
        }
        users::set_roles(&tx, id, &wanted, now).await?;
        let event = Event::new(Action::Update, Object::user(id, &user.email));
        tx.audit(event.clone().change(told(&wanted)));
        own.audit(event.change(format!("tenant: {}, {}", self.tenant, told(&wanted))));
        Ok(transaction.commit(now).await?)
    }

    /// Takes a member out of the tenant, and forgets a user that is in no other one.
    pub async fn remove(&self, id: UserId) -> Result<(), TenantError> {
        let now = self.users.now();
        let transaction = self.scope.begin().await?;
        let (own, tx) = (transaction.scope(), transaction.scope_of(self.tenant));
        let user = member(&tx, id).await?;
        users::remove(&tx, id).await?;
        let event = Event::new(Action::Delete, Object::user(id, &user.email));
        tx.audit(event.clone());
        own.audit(event.change(format!("tenant: {}", self.tenant)));
        Ok(transaction.commit(now).await?)
    }
}

async fn member(tx: &WriteScope<'_>, id: UserId) -> Result<User, TenantError> {
    let user = users::find(tx, id).await?;
    Ok(user.ok_or_else(|| MemberError::from(UserError::NotFound(id.to_string())))?)
}

async fn require_roles(tx: &WriteScope<'_>, wanted: &[RoleName]) -> Result<(), TenantError> {
    let known: BTreeSet<RoleName> =
        roles::find(tx, wanted).await?.into_iter().map(|role| role.name).collect();
    for name in wanted {
        if let RoleName::Custom(text) = name
            && !known.contains(name)
        {
            return Err(MemberError::NoSuchRole(text.clone()).into());
        }
    }
    Ok(())
}
