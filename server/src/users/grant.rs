//! Grants: what a role allows.

use std::collections::BTreeSet;

use super::{Object, Permission, PermissionSet};

/// A part of a role.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grant {
    /// What may be done.
    pub what: Granted,
    /// To what; `None` for everything in the tenant.
    pub within: Option<Within>,
}

/// What a grant allows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Granted {
    /// All that is in a set of permissions, by its name.
    Set(String),
    /// One permission.
    Permission(Permission),
}

impl Granted {
    /// The permissions, as these sets of the tenant and the built-in ones have them; none of an unknown set.
    #[must_use]
    pub fn permissions<'a>(&'a self, sets: &'a [PermissionSet]) -> &'a [Permission] {
        match self {
            Self::Permission(permission) => std::slice::from_ref(permission),
            Self::Set(name) => PermissionSet::built_in(name)
                .or_else(|| sets.iter().find(|set| set.name == *name))
                .map_or(&[], |set| &set.permissions),
        }
    }
}

/// What a grant is limited to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Within {
    /// Devices in one of these groups.
    Groups(BTreeSet<String>),
    /// Releases with one of these tags.
    Tags(BTreeSet<String>),
}

impl Within {
    /// What kind of thing it limits.
    #[must_use]
    pub const fn object(&self) -> Object {
        match self {
            Self::Groups(_) => Object::Devices,
            Self::Tags(_) => Object::Releases,
        }
    }

    /// The names of groups or tags.
    #[must_use]
    pub const fn names(&self) -> &BTreeSet<String> {
        match self {
            Self::Groups(names) | Self::Tags(names) => names,
        }
    }
}
