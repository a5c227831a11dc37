//! Users: the people, and the programs with an account, who may do things.
//!
//! A *user* has *roles* in a tenant. A role is made of *grants*: *permissions*, one by one or in *sets*, over everything
//! or *within* device groups or release tags. What follows for a user are its *rights*. Logging in opens a *session*, whose row
//! is read at every request: what is revoked is revoked at once. The first user is made on the command line or with
//! the *setup token*.

pub mod logins;
pub mod second_factors;
pub mod settings;
pub mod setup;
pub mod tokens;

mod authenticate;
mod change;
mod console;
mod email;
mod grant;
mod members;
mod password_check;
mod password_reset;
mod permission;
mod permission_set;
mod proof;
mod rights;
mod role;
mod role_definition;
mod role_name;
mod roles;
mod service;
mod sessions;
mod step_up;
mod switch;
#[cfg(test)]
pub(crate) mod tests;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

pub use authenticate::AuthenticateError;
pub use change::AccountChange;
pub use console::{ConsoleError, Consoles, RefreshToken, Refreshed};
pub use email::{Email, InvalidEmail};
pub use grant::{Grant, Granted, Within};
pub use logins::{LogInError, LoggedIn, Logins, SessionLife};
pub use members::{MAX_ROLES_PER_USER, MemberError, Members, NewMember};
pub(crate) use members::{role_names, told};
pub use password_check::{ConfirmError, ConfirmedPassword, KNOWN_FOR};
pub use password_reset::{ResetError, ResetSecret, begin_reset, complete_reset, unknown_password};
pub use permission::{Object, Permission, UnknownPermission};
pub use permission_set::PermissionSet;
pub use proof::{Authentication, Proof};
pub use rights::{Reach, Rights};
pub use role::{Role, UnknownRole};
pub use role_definition::{RoleDefinition, Standing};
pub use role_name::{InvalidRoleName, RoleName};
pub use roles::{RoleDraft, RoleError, Roles};
pub use second_factors::{CheckError, OwnSecondFactor, SecondFactorError, SecondFactors, TotpState};
pub use service::{UserError, Users};
pub use sessions::{OwnSessions, SessionError};
pub use setup::{Setup, SetupError};
pub use step_up::{Shown, StepUpError};
pub use switch::SwitchError;
pub use tokens::{TokenChecks, TokenUse};

pub use crate::storage::users::UserFilter;

use crate::ids::{SessionId, TenantId, UserId};

/// A user as a tenant sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The address that it logs in with.
    pub email: Email,
    /// What it is in the tenant.
    pub roles: Vec<RoleName>,
    /// Whether it may log in at all.
    pub enabled: bool,
    /// How far its second factor is set up.
    pub totp: TotpState,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When its address, password or roles last changed.
    pub updated_at: DateTime<Utc>,
    /// When it last logged in.
    pub login_at: Option<DateTime<Utc>>,
}

/// What a log-in is checked against.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user.
    pub id: UserId,
    /// The address that it logs in with.
    pub email: Email,
    /// The tenant that it works in.
    pub tenant: TenantId,
    /// Whether that tenant is not served; then there is no other one.
    pub is_suspended: bool,
    /// Whether it may log in at all.
    pub enabled: bool,
    /// The hash of its password, a PHC string.
    pub password_hash: SecretString,
}

/// An open log-in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Session {
    /// Its id; the `jti` of its token.
    pub id: SessionId,
    /// The tenant that it is for.
    pub tenant: TenantId,
    /// Whose it is.
    pub user: UserId,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself, if it does.
    pub expires_at: Option<DateTime<Utc>>,
    /// What it is for.
    pub kind: SessionKind,
    /// How and when its user last proved who it is.
    pub authentication: Authentication,
    /// When it was last seen to be used, to some minutes.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it ends if it is not refreshed before; never for a session that cannot be.
    pub idle_at: Option<DateTime<Utc>>,
}

/// What a session is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SessionKind {
    /// A program that keeps its token.
    Api,
    /// A person at a browser, which refreshes its token.
    Console,
}

impl Session {
    /// Whether it goes on.
    #[must_use]
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|end| now < end) && self.idle_at.is_none_or(|end| now < end)
    }
}

impl SessionKind {
    /// The spelling in storage and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Console => "console",
        }
    }
}

/// Who is calling: an enabled user with an open session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Principal {
    /// The user.
    pub user: UserId,
    /// The address that it logs in with.
    pub email: Email,
    /// The tenant that it works in.
    pub tenant: TenantId,
    /// The session.
    pub session: SessionId,
    /// The personal token that it came with instead of a session; its id is in `session` as well.
    pub token: Option<TokenUse>,
    /// How and when the caller proved who it is; `None` if a token that was made for a program did.
    pub authentication: Option<Authentication>,
    /// How far the user's second factor is set up.
    pub totp: TotpState,
    /// What the user may do, and to what.
    pub rights: Rights,
    /// Whether tenant or roles ask the user for a second factor.
    pub require_2fa: bool,
}

impl Principal {
    /// Answers whether the caller may do this, be it to a part of what there is.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.rights.may(permission)
    }

    /// Whether the caller may do nothing but set a second factor up.
    #[must_use]
    pub fn has_to_set_up_2fa(&self) -> bool {
        self.require_2fa && self.totp != TotpState::Enabled
    }

    /// Whether the caller proved who it is no longer ago than this, with the second factor if there is one. What came
    /// with a token that was made for a program never did.
    #[must_use]
    pub fn is_fresh(&self, now: DateTime<Utc>, max_age: TimeDelta) -> bool {
        let needs_factor = self.totp == TotpState::Enabled;
        self.authentication.is_some_and(|shown| {
            shown.is_fresh(now, max_age) && (!needs_factor || shown.proof.is_multi_factor())
        })
    }

    /// What the caller may do this to, if to anything.
    #[must_use]
    pub fn scope_for(&self, permission: Permission) -> Option<&Reach> {
        self.rights.reach(permission)
    }
}
