//! What can be done with the roles of a tenant, and with the sets of permissions that they are made of.

use std::sync::Arc;

use super::{
    Grant, Granted, Object, PermissionSet, Principal, Rights, Role, RoleDefinition, RoleName, Within,
};
use crate::audit::{self, Action, Event, ObjectKind};
use crate::clock::Clock;
use crate::ids::UserId;
use crate::inventory::GroupName;
use crate::releases::Tags;
use crate::storage::{Access, Scope, StorageError, WriteScope, permission_sets, roles};

/// Sets of permissions that a role may name (management API §1.6).
const MAX_SETS: usize = 15;

/// Permissions that a role may name beside.
const MAX_PERMISSIONS: usize = 100;

/// Groups or tags that a grant may be limited to.
const MAX_NAMES: usize = 100;

/// Longest description, in characters.
const MAX_DESCRIPTION: usize = 1024;

/// Roles, and sets of permissions, that a tenant may make of each.
const MAX_DEFINITIONS: usize = 200;

/// Why something cannot be done with a role or a set of permissions.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// It is not as it has to be.
    #[error("{0}")]
    Invalid(String),
    /// There is no such role or set.
    #[error("{0:?} does not exist")]
    NotFound(String),
    /// The tenant has one of this name.
    #[error("{0:?} exists already")]
    Exists(String),
    /// Every tenant has it, as it is.
    #[error("{0:?} is built in and stays as it is")]
    BuiltIn(String),
    /// Roles are made of it.
    #[error("{0:?} is used by a role")]
    InUse(String),
    /// The tenant may not make more of them.
    #[error("at most {MAX_DEFINITIONS} can be made")]
    TooMany,
    /// The caller holds the role.
    #[error("nobody changes what he is himself")]
    Own,
    /// The role allows what the caller may not do.
    #[error("nobody gives or takes rights that he does not have himself")]
    Beyond,
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

/// What a role is to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoleDraft {
    /// What it is for.
    pub description: String,
    /// What it allows.
    pub grants: Vec<Grant>,
    /// Whether who holds it needs a second factor; as it was if nothing is said.
    pub require_2fa: Option<bool>,
}

/// The roles of one tenant, as one of its users may change them.
pub struct Roles {
    scope: Scope,
    clock: Arc<dyn Clock>,
    user: UserId,
    rights: Rights,
}

impl Roles {
    /// Binds the service to a scope and to who calls.
    #[must_use]
    pub fn new(scope: Scope, clock: Arc<dyn Clock>, caller: &Principal) -> Self {
        Self { scope, clock, user: caller.user, rights: caller.rights.clone() }
    }

    /// All roles: the built-in ones, then those of the tenant by name.
    pub async fn list(&self) -> Result<Vec<RoleDefinition>, RoleError> {
        let stored = roles::list(&self.scope).await?;
        let built_in = Role::ALL.into_iter().map(|role| with_settings(role, &stored));
        let custom = stored.iter().filter(|role| matches!(role.name, RoleName::Custom(_))).cloned();
        Ok(built_in.chain(custom).collect())
    }

    /// One role.
    pub async fn get(&self, name: &RoleName) -> Result<RoleDefinition, RoleError> {
        find(&self.scope, name).await
    }

    /// Makes a role.
    pub async fn add(&self, name: &str, draft: &RoleDraft) -> Result<(), RoleError> {
        let name: RoleName = name.parse().map_err(|err: super::InvalidRoleName| invalid(err.to_string()))?;
        if matches!(name, RoleName::BuiltIn(_)) {
            return Err(RoleError::Exists(name.to_string()));
        }
        let now = self.clock.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let sets = permission_sets::list(&tx).await?;
        check(draft, &sets)?;
        self.require_cover(&draft.grants, &sets)?;
        if roles::list(&tx).await?.len() >= MAX_DEFINITIONS {
            return Err(RoleError::TooMany);
        }
        let role = RoleDefinition {
            name,
            description: draft.description.clone(),
            grants: draft.grants.clone(),
            require_2fa: draft.require_2fa.unwrap_or_default(),
            created_at: now,
            updated_at: now,
        };
        roles::insert(&tx, &role).await.map_err(|err| taken(err, role.name.as_str()))?;
        tx.audit(event(Action::Create, &role.name));
        Ok(transaction.commit(now).await?)
    }

    /// Changes a role. Of a built-in one only whether it asks for a second factor can change.
    pub async fn update(&self, name: &RoleName, draft: &RoleDraft) -> Result<(), RoleError> {
        let now = self.clock.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let old = find(&tx, name).await?;
        self.require_not_own(&tx, name).await?;
        let sets = permission_sets::list(&tx).await?;
        self.require_cover(&old.grants, &sets)?;
        let require_2fa = draft.require_2fa.unwrap_or(old.require_2fa);
        if let RoleName::BuiltIn(_) = name {
            if !draft.grants.is_empty() && draft.grants != old.grants {
                return Err(RoleError::BuiltIn(name.to_string()));
            }
            let role = RoleDefinition { grants: Vec::new(), require_2fa, updated_at: now, ..old };
            if !roles::update(&tx, &role).await? {
                roles::insert(&tx, &RoleDefinition { created_at: now, ..role }).await?;
            }
        } else {
            check(draft, &sets)?;
            self.require_cover(&draft.grants, &sets)?;
            let (description, grants) = (draft.description.clone(), draft.grants.clone());
            let role = RoleDefinition { description, grants, require_2fa, updated_at: now, ..old };
            roles::update(&tx, &role).await?;
        }
        tx.audit(event(Action::Update, name));
        Ok(transaction.commit(now).await?)
    }

    /// Deletes a role; who held it does so no more.
    pub async fn delete(&self, name: &RoleName) -> Result<(), RoleError> {
        if let RoleName::BuiltIn(_) = name {
            return Err(RoleError::BuiltIn(name.to_string()));
        }
        let now = self.clock.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let old = find(&tx, name).await?;
        self.require_not_own(&tx, name).await?;
        self.require_cover(&old.grants, &permission_sets::list(&tx).await?)?;
        roles::delete(&tx, name).await?;
        tx.audit(event(Action::Delete, name));
        Ok(transaction.commit(now).await?)
    }

    /// All sets of permissions: the built-in ones, then those of the tenant by name.
    pub async fn sets(&self) -> Result<Vec<PermissionSet>, RoleError> {
        let mut sets = PermissionSet::all_built_in().to_vec();
        sets.extend(permission_sets::list(&self.scope).await?);
        Ok(sets)
    }

    /// One set of permissions.
    pub async fn set(&self, name: &str) -> Result<PermissionSet, RoleError> {
        let found = self.sets().await?.into_iter().find(|set| set.name == name);
        found.ok_or_else(|| RoleError::NotFound(name.to_owned()))
    }

    /// Makes a set of permissions.
    pub async fn add_set(&self, set: &PermissionSet) -> Result<(), RoleError> {
        check_set(set)?;
        if PermissionSet::built_in(&set.name).is_some() {
            return Err(RoleError::Exists(set.name.clone()));
        }
        self.require_permissions(set)?;
        let now = self.clock.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        if permission_sets::list(&tx).await?.len() >= MAX_DEFINITIONS {
            return Err(RoleError::TooMany);
        }
        permission_sets::insert(&tx, set, now).await.map_err(|err| taken(err, &set.name))?;
        tx.audit(set_event(Action::Create, &set.name));
        Ok(transaction.commit(now).await?)
    }

    /// Changes a set of permissions, and with it all roles that are made of it.
    pub async fn update_set(&self, set: &PermissionSet) -> Result<(), RoleError> {
        check_set(set)?;
        if PermissionSet::built_in(&set.name).is_some() {
            return Err(RoleError::BuiltIn(set.name.clone()));
        }
        let now = self.clock.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let old = permission_sets::list(&tx).await?.into_iter().find(|old| old.name == set.name);
        let old = old.ok_or_else(|| RoleError::NotFound(set.name.clone()))?;
        self.require_permissions(&old)?;
        self.require_permissions(set)?;
        for role in roles_made_of(&tx, &set.name).await? {
            self.require_not_own(&tx, &role).await?;
        }
        permission_sets::update(&tx, set).await?;
        tx.audit(set_event(Action::Update, &set.name));
        Ok(transaction.commit(now).await?)
    }

    /// Deletes a set of permissions that no role is made of.
    pub async fn delete_set(&self, name: &str) -> Result<(), RoleError> {
        if PermissionSet::built_in(name).is_some() {
            return Err(RoleError::BuiltIn(name.to_owned()));
        }
        let now = self.clock.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        if !roles_made_of(&tx, name).await?.is_empty() {
            return Err(RoleError::InUse(name.to_owned()));
        }
        let known = permission_sets::list(&tx).await?.iter().any(|set| set.name == name);
        if !known || !permission_sets::delete(&tx, name).await? {
            return Err(RoleError::NotFound(name.to_owned()));
        }
        tx.audit(set_event(Action::Delete, name));
        Ok(transaction.commit(now).await?)
    }

    async fn require_not_own(&self, tx: &WriteScope<'_>, name: &RoleName) -> Result<(), RoleError> {
        let holders = roles::holders(tx, std::slice::from_ref(name)).await?;
        if holders.contains(&self.user) { Err(RoleError::Own) } else { Ok(()) }
    }

    fn require_cover(&self, grants: &[Grant], sets: &[PermissionSet]) -> Result<(), RoleError> {
        let rights = Rights::granted(grants, sets).in_tenant(self.scope.tenant());
        if self.rights.cover(&rights) { Ok(()) } else { Err(RoleError::Beyond) }
    }

    fn require_permissions(&self, set: &PermissionSet) -> Result<(), RoleError> {
        let rights = Rights::over_everything(&set.permissions).in_tenant(self.scope.tenant());
        if self.rights.cover(&rights) { Ok(()) } else { Err(RoleError::Beyond) }
    }
}

async fn find(scope: &impl Access, name: &RoleName) -> Result<RoleDefinition, RoleError> {
    let stored = roles::find(scope, std::slice::from_ref(name)).await?;
    match name {
        RoleName::BuiltIn(role) => Ok(with_settings(*role, &stored)),
        RoleName::Custom(name) => stored.into_iter().next().ok_or_else(|| RoleError::NotFound(name.clone())),
    }
}

fn with_settings(role: Role, stored: &[RoleDefinition]) -> RoleDefinition {
    let settings = stored.iter().find(|other| other.name == role.into());
    let require_2fa = settings.is_some_and(|settings| settings.require_2fa);
    RoleDefinition { require_2fa, ..RoleDefinition::built_in(role) }
}

async fn roles_made_of(tx: &WriteScope<'_>, set: &str) -> Result<Vec<RoleName>, StorageError> {
    let is_made_of = |role: &RoleDefinition| {
        role.grants.iter().any(|grant| matches!(&grant.what, Granted::Set(name) if name == set))
    };
    Ok(roles::list(tx).await?.into_iter().filter(is_made_of).map(|role| role.name).collect())
}

fn check(draft: &RoleDraft, sets: &[PermissionSet]) -> Result<(), RoleError> {
    check_description(&draft.description)?;
    let is_set = |grant: &&Grant| matches!(grant.what, Granted::Set(_));
    if draft.grants.iter().filter(is_set).count() > MAX_SETS {
        return Err(invalid(format!("permission_sets_with_scope: at most {MAX_SETS} are allowed")));
    }
    if draft.grants.iter().filter(|grant| !is_set(grant)).count() > MAX_PERMISSIONS {
        return Err(invalid(format!("permissions: at most {MAX_PERMISSIONS} are allowed")));
    }
    draft.grants.iter().try_for_each(|grant| check_grant(grant, sets))
}

fn check_grant(grant: &Grant, sets: &[PermissionSet]) -> Result<(), RoleError> {
    let (name, object) = match &grant.what {
        Granted::Permission(permission) => (permission.as_str(), permission.object()),
        Granted::Set(name) => {
            let found = PermissionSet::built_in(name).or_else(|| sets.iter().find(|set| set.name == *name));
            let set = found.ok_or_else(|| invalid(format!("permission set {name:?} does not exist")))?;
            (name.as_str(), set.object())
        }
    };
    let Some(within) = &grant.within else { return Ok(()) };
    if object != within.object() || object == Object::Tenant {
        return Err(invalid(format!("{name:?} cannot be limited to this type of scope")));
    }
    if within.names().is_empty() || within.names().len() > MAX_NAMES {
        return Err(invalid(format!("a scope has 1 to {MAX_NAMES} values")));
    }
    match within {
        Within::Groups(names) => names
            .iter()
            .try_for_each(|name| name.parse::<GroupName>().map(|_| ()))
            .map_err(|err| invalid(err.to_string())),
        Within::Tags(names) => names
            .iter()
            .try_for_each(|name| Tags::new([name.clone()]).map(|_| ()))
            .map_err(|err| invalid(err.to_string())),
    }
}

fn check_set(set: &PermissionSet) -> Result<(), RoleError> {
    check_description(&set.description)?;
    // The same rule as for roles, but for the names that those have twice.
    match set.name.parse() {
        Ok(RoleName::Custom(_)) => {}
        Ok(RoleName::BuiltIn(_)) | Err(_) => {
            return Err(invalid("name: not a name for a set of permissions".to_owned()));
        }
    }
    if set.permissions.is_empty() || set.permissions.len() > MAX_PERMISSIONS {
        return Err(invalid(format!("permissions: 1 to {MAX_PERMISSIONS} are allowed")));
    }
    Ok(())
}

fn check_description(text: &str) -> Result<(), RoleError> {
    if text.chars().count() > MAX_DESCRIPTION || text.contains('\0') {
        return Err(invalid(format!("description: at most {MAX_DESCRIPTION} characters are allowed")));
    }
    Ok(())
}

const fn invalid(what: String) -> RoleError {
    RoleError::Invalid(what)
}

fn taken(err: StorageError, name: &str) -> RoleError {
    if err.is_unique_violation() { RoleError::Exists(name.to_owned()) } else { err.into() }
}

fn event(action: Action, name: &RoleName) -> Event {
    Event::new(action, audit::Object::named(ObjectKind::Role, name, name.to_string()))
}

fn set_event(action: Action, name: &str) -> Event {
    Event::new(action, audit::Object::named(ObjectKind::PermissionSet, name, name))
}
