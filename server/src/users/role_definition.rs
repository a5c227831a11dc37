//! What a role is.

use chrono::{DateTime, Utc};

use super::{Grant, Granted, PermissionSet, Rights, Role, RoleName};

/// A role that a tenant made, or a built-in one with what the tenant added to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoleDefinition {
    /// Its name.
    pub name: RoleName,
    /// What it is for.
    pub description: String,
    /// What it allows. A built-in role allows what it does whatever is stored here.
    pub grants: Vec<Grant>,
    /// Whether who holds it needs a second factor.
    pub require_2fa: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What somebody is in a tenant.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Standing {
    /// What it may do.
    pub rights: Rights,
    /// Whether tenant or roles ask for a second factor.
    pub require_2fa: bool,
    /// Whether the tenant is not served.
    pub is_suspended: bool,
}

impl RoleDefinition {
    /// A built-in role, told in sets of permissions where they fit into it, and in single permissions where not.
    #[must_use]
    pub fn built_in(role: Role) -> Self {
        let permissions = role.permissions();
        let mut sets: Vec<&PermissionSet> = PermissionSet::all_built_in()
            .iter()
            .filter(|set| !set.permissions.is_empty())
            .filter(|set| set.permissions.iter().all(|permission| permissions.contains(permission)))
            .collect();
        if let Some(all) = sets.iter().find(|set| set.permissions.len() == permissions.len()) {
            sets = vec![*all];
        }
        let rest = permissions
            .iter()
            .filter(|permission| !sets.iter().any(|set| set.permissions.contains(*permission)));
        let rest = rest.map(|permission| Granted::Permission(*permission));
        let grants = sets.iter().map(|set| Granted::Set(set.name.clone())).chain(rest);
        Self {
            name: role.into(),
            description: role.description().to_owned(),
            grants: grants.map(|what| Grant { what, within: None }).collect(),
            require_2fa: false,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RoleDefinition;
    use crate::users::{Granted, Rights, Role};

    #[test]
    fn built_in_roles_are_told_without_loss() {
        for role in Role::ALL {
            let told = Rights::granted(&RoleDefinition::built_in(role).grants, &[]);
            assert_eq!(told, Rights::over_everything(role.permissions()), "{role}");
        }
        let admin = RoleDefinition::built_in(Role::Admin).grants;
        assert_eq!(admin.len(), 1);
        assert_eq!(admin[0].what, Granted::Set("SuperUser".to_owned()));
    }
}
