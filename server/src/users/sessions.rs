//! The sessions of a caller.

use std::sync::Arc;

use super::{Principal, Session};
use crate::audit::{Action, Event, Object};
use crate::clock::Clock;
use crate::ids::SessionId;
use crate::storage::{Scope, StorageError, sessions};

/// Why a session was not ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The caller has no such session.
    #[error("session {0} does not exist")]
    NotFound(SessionId),
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

/// The sessions of a caller.
#[derive(Clone)]
pub struct OwnSessions {
    scope: Scope,
    caller: Principal,
    clock: Arc<dyn Clock>,
}

impl OwnSessions {
    /// Binds them to the tenant of a scope.
    #[must_use]
    pub const fn new(scope: Scope, caller: Principal, clock: Arc<dyn Clock>) -> Self {
        Self { scope, caller, clock }
    }

    /// The open ones in this tenant, the newest first.
    pub async fn list(&self) -> Result<Vec<Session>, SessionError> {
        let now = self.clock.now();
        let mut found = sessions::list(&self.scope, self.caller.user).await?;
        found.retain(|session| session.is_open(now));
        Ok(found)
    }

    /// Ends one.
    pub async fn end(&self, id: SessionId) -> Result<(), SessionError> {
        let now = self.clock.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let session = sessions::find(&tx, id).await?.filter(|session| session.user == self.caller.user);
        let session = session.ok_or(SessionError::NotFound(id))?;
        sessions::delete(&tx, session.id).await?;
        tx.audit(Event::new(Action::Revoke, self.object()).change(format!("session: {id}")));
        Ok(transaction.commit(now).await?)
    }

    /// Ends all of them, in all tenants: that which the caller came with too. Personal tokens are no sessions.
    pub async fn end_all(&self) -> Result<(), SessionError> {
        let now = self.clock.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        sessions::delete_log_ins(&tx, self.caller.user, None).await?;
        tx.audit(Event::new(Action::LogOut, self.object()).change("sessions: all"));
        Ok(transaction.commit(now).await?)
    }

    fn object(&self) -> Object {
        Object::user(self.caller.user, &self.caller.email)
    }
}
