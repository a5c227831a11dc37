//! Whom a token stands for.

use std::net::IpAddr;

use chrono::{DateTime, Utc};

use super::tokens::{PersonalToken, TokenText};
use super::{Authentication, Logins, Principal, Proof, Rights, Standing, User};
use crate::crypto::session_token::{InvalidToken, UserClaims};
use crate::ids::{SessionId, TenantId, UserId};
use crate::storage::{StorageError, roles, sessions, users};

/// Why a token does not stand for anybody.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticateError {
    /// It is not one of ours, or not any more.
    #[error(transparent)]
    Token(#[from] InvalidToken),
    /// Its session was ended, or its user may not log in any more.
    #[error("the session has ended")]
    Ended,
    /// Its tenant is not served.
    #[error("the tenant is suspended: ask who operates this server")]
    Suspended,
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

impl Logins {
    /// Who a token stands for that comes from an unknown place.
    pub async fn authenticate(&self, token: &str) -> Result<Principal, AuthenticateError> {
        Box::pin(self.authenticate_from(token, None)).await
    }

    /// Who a token stands for now, a session's or a personal one: its row, user and role are read each time, so that a
    /// revocation acts at once.
    pub async fn authenticate_from(
        &self,
        token: &str,
        address: Option<IpAddr>,
    ) -> Result<Principal, AuthenticateError> {
        let now = self.clock.now();
        if TokenText::is_meant(token) {
            let found = self.personal_tokens.prefixed(token, address, now).await?;
            return self.holder(found.ok_or(AuthenticateError::Ended)?, now).await;
        }
        let claims = self.tokens.verify(token, now)?;
        let tenant = TenantId::from(claims.tenant);
        let scope = self.database.scope(tenant);
        let Some(session) = sessions::find(&scope, SessionId::from(claims.jti)).await? else {
            let named = (claims.jti.into(), claims.sub.into());
            let found = self.personal_tokens.jwt(tenant, named, address, now).await?;
            return self.holder(found.ok_or(AuthenticateError::Ended)?, now).await;
        };
        let is_open = session.user.as_uuid() == claims.sub
            && session.expires_at.is_none_or(|end| now < end)
            && session.idle_at.is_none_or(|end| now < end);
        if !is_open {
            return Err(AuthenticateError::Ended);
        }
        let (user, standing) = self.member(tenant, session.user).await?;
        Ok(Principal {
            user: user.id,
            email: user.email,
            tenant,
            session: session.id,
            token: None,
            authentication: authentication(&claims),
            totp: user.totp,
            rights: standing.rights,
            require_2fa: standing.require_2fa,
        })
    }

    /// The user of a personal token, which proves nothing but itself.
    async fn holder(&self, token: PersonalToken, now: DateTime<Utc>) -> Result<Principal, AuthenticateError> {
        let (user, standing) = self.member(token.tenant, token.user).await?;
        let rights = match &token.limits.scopes {
            Some(scopes) => standing.rights.narrowed_to(&Rights::over_everything(scopes)),
            None => standing.rights,
        };
        Ok(Principal {
            user: user.id,
            email: user.email,
            tenant: token.tenant,
            session: token.id.as_uuid().into(),
            authentication: None,
            totp: user.totp,
            rights,
            require_2fa: standing.require_2fa,
            token: Some(self.personal_tokens.use_of(token, now)),
        })
    }

    /// An enabled member of a tenant that is served, and what follows from its roles.
    async fn member(&self, tenant: TenantId, user: UserId) -> Result<(User, Standing), AuthenticateError> {
        let scope = self.database.scope(tenant);
        let user = users::find(&scope, user).await?;
        let user = user.filter(|user| user.enabled).ok_or(AuthenticateError::Ended)?;
        let standing = roles::standing(&scope, &user.roles).await?;
        if standing.is_suspended { Err(AuthenticateError::Suspended) } else { Ok((user, standing)) }
    }
}

/// How and when who carries a token proved who it is. A token of before it was told came from a password.
fn authentication(claims: &UserClaims) -> Option<Authentication> {
    let proof = if claims.amr.is_empty() {
        Some(Proof::Password)
    } else {
        Proof::from_methods(&claims.amr.join(" "))
    };
    let at = DateTime::from_timestamp(claims.auth_time.unwrap_or(claims.iat), 0);
    proof.zip(at).map(|(proof, at)| Authentication { proof, at })
}
