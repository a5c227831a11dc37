//! Names of roles.

use std::fmt;
use std::str::FromStr;

use super::Role;

/// Longest name of a role that a tenant made, in characters.
const MAX_CHARS: usize = 128;

/// How names begin that existing clients keep for built-in roles.
const RESERVED: &str = "RBAC_";

/// A role of a tenant.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RoleName {
    /// One that every tenant has.
    BuiltIn(Role),
    /// One that the tenant made.
    Custom(String),
}

/// A text that cannot name a role.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a role's name has 1 to {MAX_CHARS} of the characters A-Z, a-z, 0-9, -, _ and ., and does not begin with {RESERVED}"
)]
pub struct InvalidRoleName;

impl RoleName {
    /// The name that existing clients know.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::BuiltIn(role) => role.id(),
            Self::Custom(name) => name,
        }
    }

    /// The spelling in storage.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::BuiltIn(role) => role.as_str(),
            Self::Custom(name) => name,
        }
    }
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        Self::BuiltIn(role)
    }
}

impl FromStr for RoleName {
    type Err = InvalidRoleName;

    /// Takes a built-in role by either of its names.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Role::ALL.into_iter().find(|role| role.as_str() == text || role.id() == text);
        if let Some(role) = known {
            return Ok(Self::BuiltIn(role));
        }
        let is_fit = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let is_valid =
            (1..=MAX_CHARS).contains(&text.len()) && text.chars().all(is_fit) && !text.starts_with(RESERVED);
        if is_valid { Ok(Self::Custom(text.to_owned())) } else { Err(InvalidRoleName) }
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::RoleName;
    use crate::users::Role;

    #[test]
    fn a_built_in_role_has_two_names() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(RoleName::BuiltIn(role)));
            assert_eq!(role.id().parse(), Ok(RoleName::BuiltIn(role)));
        }
    }

    #[test]
    fn names_of_role_definitions_are_plain_and_not_reserved() {
        assert_eq!("europe_2.ops".parse(), Ok(RoleName::Custom("europe_2.ops".to_owned())));
        for text in ["", "a b", "a/b", "RBAC_ROLE_NEW", "ä", &"x".repeat(129)] {
            assert!(text.parse::<RoleName>().is_err(), "{text}");
        }
    }
}
