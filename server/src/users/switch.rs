//! Going over to another tenant.

use std::sync::Arc;

use super::{LoggedIn, Logins, Principal, Session, SessionKind};
use crate::audit::{Action, Actor, Event, Object, Origin, Who};
use crate::crypto::session_token::SignTokenError;
use crate::ids::{SessionId, TenantId};
use crate::storage::{StorageError, sessions, users};

/// Why a user does not work in another tenant.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// A token that was made for a program stays in its tenant.
    #[error("only who logged in can go over to another tenant")]
    NoSession,
    /// The user is no member of it, it is not served, or there is none. Which of them is not told.
    #[error("tenant {0} does not exist, or is not yours")]
    NotFound(String),
    /// The token was not signed.
    #[error(transparent)]
    Sign(#[from] SignTokenError),
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

impl Logins {
    /// Opens a session in another tenant of the caller, which ends when the caller's would. What the caller proved when
    /// logging in holds there too; what that tenant asks for, a second factor among it, is asked of the session as of any
    /// other.
    pub async fn switch(
        &self,
        caller: &Principal,
        to: TenantId,
        origin: Origin,
    ) -> Result<LoggedIn, SwitchError> {
        let authentication = caller.authentication.ok_or(SwitchError::NoSession)?;
        let (now, id) = (self.clock.now(), SessionId::generate());
        let who = Who::User { id: caller.user, email: caller.email.to_string(), credential: id.as_uuid() };
        let actor = Arc::new(Actor { who, origin });
        let transaction = self.database.scope(to).acting(actor).begin().await?;
        let tx = transaction.scope();
        let old = sessions::find(&transaction.scope_of(caller.tenant), caller.session).await?;
        let old = old.filter(|session| session.is_open(now)).ok_or(SwitchError::NoSession)?;
        let served = users::tenants_of(&tx, caller.user).await?;
        if !served.iter().any(|tenant| tenant.id == to) {
            return Err(SwitchError::NotFound(to.to_string()));
        }
        let session = Session {
            id,
            tenant: to,
            user: caller.user,
            created_at: now,
            expires_at: old.expires_at,
            kind: SessionKind::Api,
            authentication,
            last_used_at: None,
            idle_at: None,
        };
        sessions::delete_all_but_newest(&tx, caller.user, super::logins::SESSIONS_PER_USER - 1).await?;
        sessions::insert(&tx, &session).await?;
        let event = Event::new(Action::LogIn, Object::user(caller.user, &caller.email));
        tx.audit(event.change(format!("from tenant: {}", caller.tenant)));
        transaction.commit(now).await?;
        let token = self.sign(&session, now)?;
        Ok(LoggedIn { token, session, new_site: None })
    }
}
