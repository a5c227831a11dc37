//! Users as those who manage them add them, change what they are, and remove them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::change::set_email;
use super::{Email, Principal, Rights, Role, RoleName, TotpState, User, UserError, UserFilter, Users};
use crate::audit::{Action, Event, Object};
use crate::ids::UserId;
use crate::storage::users::NewUser;
use crate::storage::{Access, Scope, StorageError, WriteScope, roles, sessions, users};

/// Roles that a user may hold.
pub const MAX_ROLES_PER_USER: usize = 50;

/// Why something could not be done with a member of a tenant.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    /// As of any user.
    #[error(transparent)]
    User(#[from] UserError),
    /// A role does not exist.
    #[error("role {0:?} does not exist")]
    NoSuchRole(String),
    /// Too many roles.
    #[error("a user holds at most {MAX_ROLES_PER_USER} roles")]
    TooManyRoles,
    /// The caller is the user.
    #[error("nobody changes what he is himself")]
    Own,
    /// The user may do, or is to be allowed, what the caller may not do.
    #[error("nobody gives or takes rights that he does not have himself")]
    Beyond,
    /// There would be nobody left who may do everything.
    #[error("this is the last admin who can log in")]
    LastAdmin,
    /// The user is somebody in another tenant too, which is not the caller's business.
    #[error(
        "the user is a member of other tenants too: only the user can change address, password and second factor"
    )]
    Elsewhere,
    /// Nobody has the address, so a first password is needed.
    #[error("password: nobody has this address yet, so a first password is needed")]
    NoPassword,
}

impl From<StorageError> for MemberError {
    fn from(err: StorageError) -> Self {
        Self::User(err.into())
    }
}

/// A user that is about to be added.
#[derive(Debug)]
pub struct NewMember {
    /// The address to log in with.
    pub email: String,
    /// The password.
    pub password: SecretString,
    /// What it is to be; `None` for what the caller is.
    pub roles: Option<Vec<String>>,
}

/// The members of one tenant, as one of them may change the others.
pub struct Members {
    pub(super) users: Users,
    pub(super) scope: Scope,
    caller: Principal,
}

impl Members {
    /// Binds the service to a scope and to who calls.
    #[must_use]
    pub const fn new(users: Users, scope: Scope, caller: Principal) -> Self {
        Self { users, scope, caller }
    }

    /// Adds a user.
    pub async fn add(&self, new: NewMember) -> Result<UserId, MemberError> {
        let email: Email = new.email.parse().map_err(UserError::from)?;
        let wanted = new.roles.as_deref().map(role_names).transpose()?;
        let password_hash = self.users.hash(&email, new.password).await?;
        let now = self.users.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let roles = match wanted {
            Some(roles) => roles,
            None => held(&tx, self.caller.user).await?,
        };
        self.require_grantable(&tx, &roles).await?;
        let new = NewUser { id: UserId::generate(), email, password_hash, roles };
        users::insert(&tx, &new, now)
            .await
            .map_err(|err| if err.is_unique_violation() { UserError::EmailTaken } else { err.into() })?;
        let event = Event::new(Action::Create, Object::user(new.id, &new.email));
        tx.audit(event.change(told(&new.roles)));
        transaction.commit(now).await?;
        Ok(new.id)
    }

    /// Gives a user another address, other roles, or both, and ends the user's sessions.
    pub async fn change(
        &self,
        id: UserId,
        email: Option<&Email>,
        wanted: Option<&[String]>,
    ) -> Result<(), MemberError> {
        let wanted = wanted.map(role_names).transpose()?;
        if id == self.caller.user {
            return Err(MemberError::Own);
        }
        let now = self.users.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let user = users::find(&tx, id).await?.ok_or_else(|| UserError::NotFound(id.to_string()))?;
        // Who has the address gets in with it: a new password is sent there.
        self.require_cover(&tx, &user.roles).await?;
        let mut changed = Vec::new();
        if let Some(wanted) = wanted.filter(|wanted| *wanted != user.roles) {
            self.require_grantable(&tx, &wanted).await?;
            if !wanted.contains(&Role::Admin.into()) {
                require_other_admin(&tx, &user).await?;
            }
            users::set_roles(&tx, id, &wanted, now).await?;
            changed.push(told(&wanted));
        }
        if let Some(email) = email {
            require_here_only(&tx, id).await?;
            set_email(&tx, id, email, now).await?;
            sessions::delete_of_user(&tx, id).await?;
            changed.push(format!("email: {email}"));
        }
        if changed.is_empty() {
            return Ok(());
        }
        tx.audit(Event::new(Action::Update, Object::user(id, &user.email)).change(changed.join(", ")));
        Ok(transaction.commit(now).await?)
    }

    /// Answers whether the caller may do all that a user may do, and the user is nowhere else: else the caller takes
    /// nothing away from that user.
    pub async fn require_covered(&self, id: UserId) -> Result<(), MemberError> {
        let user = users::find(&self.scope, id).await?.ok_or_else(|| UserError::NotFound(id.to_string()))?;
        self.require_cover(&self.scope, &user.roles).await?;
        require_here_only(&self.scope, id).await
    }

    /// Removes a user from the tenant, and altogether if it is in no other one. Sessions and tokens end with it.
    /// One that is not there is removed already.
    pub async fn remove(&self, id: UserId) -> Result<(), MemberError> {
        let now = self.users.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let Some(user) = users::find(&tx, id).await? else { return Ok(()) };
        self.require_cover(&tx, &user.roles).await?;
        require_other_admin(&tx, &user).await?;
        users::remove(&tx, id).await?;
        tx.audit(Event::new(Action::Delete, Object::user(id, &user.email)));
        Ok(transaction.commit(now).await?)
    }

    /// Answers whether an address is taken, in whatever tenant.
    pub async fn is_taken(&self, email: &str) -> Result<bool, MemberError> {
        let email: Email = email.parse().map_err(UserError::from)?;
        Ok(users::exists(&self.scope, &email).await?)
    }

    /// The roles must exist, and allow nothing that the caller may not do.
    async fn require_grantable(&self, tx: &WriteScope<'_>, wanted: &[RoleName]) -> Result<(), MemberError> {
        let known: BTreeSet<RoleName> =
            roles::find(tx, wanted).await?.into_iter().map(|role| role.name).collect();
        for name in wanted {
            if let RoleName::Custom(text) = name
                && !known.contains(name)
            {
                return Err(MemberError::NoSuchRole(text.clone()));
            }
        }
        self.require_cover(tx, wanted).await
    }

    pub(super) async fn require_cover(
        &self,
        rows: &impl Access,
        names: &[RoleName],
    ) -> Result<(), MemberError> {
        let rights: Rights = roles::standing(rows, names).await?.rights;
        if self.caller.rights.cover(&rights) { Ok(()) } else { Err(MemberError::Beyond) }
    }
}

/// Somebody else must be left who may do everything and can log in: with a second factor, where it is asked for and
/// somebody has it.
async fn require_other_admin(tx: &WriteScope<'_>, leaving: &User) -> Result<(), MemberError> {
    let admin = RoleName::from(Role::Admin);
    if !leaving.enabled || !leaving.roles.contains(&admin) {
        return Ok(());
    }
    let ids: Vec<UserId> = roles::holders(tx, std::slice::from_ref(&admin)).await?.into_iter().collect();
    let filter = UserFilter { ids, ..UserFilter::default() };
    let is_able = |user: &User| user.enabled && user.id != leaving.id;
    let others: Vec<User> = users::list(tx, &filter).await?.into_iter().filter(is_able).collect();
    let has_factor = |user: &User| user.totp == TotpState::Enabled;
    let needs_factor = roles::standing(tx, &[admin]).await?.require_2fa && has_factor(leaving);
    let is_left = others.iter().any(|user| !needs_factor || has_factor(user));
    if is_left { Ok(()) } else { Err(MemberError::LastAdmin) }
}

/// What lets somebody in everywhere is changed by administrators only for who is nowhere else.
pub(super) async fn require_here_only(rows: &impl Access, id: UserId) -> Result<(), MemberError> {
    if users::is_elsewhere(rows, id).await? { Err(MemberError::Elsewhere) } else { Ok(()) }
}

async fn held(tx: &WriteScope<'_>, user: UserId) -> Result<Vec<RoleName>, StorageError> {
    Ok(roles::held(tx, &[user]).await?.remove(&user).unwrap_or_default())
}

pub(crate) fn role_names(texts: &[String]) -> Result<Vec<RoleName>, MemberError> {
    if texts.len() > MAX_ROLES_PER_USER {
        return Err(MemberError::TooManyRoles);
    }
    let names = texts.iter().map(|text| text.parse().map_err(|_| MemberError::NoSuchRole(text.clone())));
    let names: BTreeSet<RoleName> = names.collect::<Result<_, _>>()?;
    Ok(names.into_iter().collect())
}

pub(crate) fn told(roles: &[RoleName]) -> String {
    let names: Vec<_> = roles.iter().map(RoleName::as_str).collect();
    format!("roles: {}", names.join(", "))
}

impl Users {
    /// Checks a password for a user, and hashes it.
    pub(crate) async fn hash(
        &self,
        email: &Email,
        password: SecretString,
    ) -> Result<SecretString, UserError> {
        self.policy.check(&password, email.as_str())?;
        Ok(self.passwords.hash(password).await?)
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}
