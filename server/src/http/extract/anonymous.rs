//! Nobody in particular.

use std::future::{Ready, ready};
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::user::{BUSY, require_users};
use super::{consoles, core, origin, reset_letter};
use crate::app::Core;
use crate::audit::{Actor, Origin, Who};
use crate::config::{Limits, PublicUrl};
use crate::crypto::signed_link::LinkError;
use crate::deployments::downloads::Downloads;
use crate::devices::admission::Admission;
use crate::http::error::ApiError;
use crate::http::failure::{rate_limited, unavailable};
use crate::http::metrics::Numbers;
use crate::ids::{TenantId, UserId};
use crate::mail::{Letter, Matter};
use crate::releases::Releases;
use crate::storage::StorageError;
use crate::telemetry::chain;
use crate::throttle::{Class, Site, Throttle};
use crate::users::{Logins, RefreshToken, Refreshed, ResetError, SetupError, begin_reset, complete_reset};

/// A caller that proved nothing: for logins, links that carry their own authority, and health.
pub struct Anonymous {
    core: Arc<Core>,
    origin: Origin,
}

impl Anonymous {
    /// How much is taken from whom.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.core.config.limits
    }

    /// How much is taken from whom at once.
    #[must_use]
    pub fn throttle(&self) -> &Throttle {
        &self.core.throttle
    }

    /// Where the request comes from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin.clone()
    }

    /// Judges whether a password that comes from an address is worth its hashing.
    pub fn check_password_from(&self, address: Option<IpAddr>) -> Result<(), ApiError> {
        self.core.throttle.serve(Class::Management).map_err(|wait| unavailable(BUSY, wait))?;
        self.core.throttle.password(address).map_err(rate_limited)
    }

    /// Sends who has an address a link for a new password, if somebody has it. Nobody waits for the answer to that.
    pub fn begin_reset(&self, email: String) {
        let (core, at) = (Arc::clone(&self.core), (self.origin(), self.core.clock.now()));
        self.core.mail.post_later(async move {
            let made = begin_reset(&core.database, &*core.random, &email, at).await;
            let made =
                made.inspect_err(|err| tracing::error!(error = chain(err), "no link for a new password"));
            made.ok().flatten().map(|made| reset_letter(&core, made))
        });
    }

    /// Replaces the password of whose one-time secret this is.
    pub async fn complete_reset(
        &self,
        secret: &SecretString,
        password: SecretString,
    ) -> Result<(), ResetError> {
        let core = &self.core;
        let users_of = |tenant| core.users_of(core.database.scope(tenant));
        let email = complete_reset(&core.database, users_of, secret, password, self.origin()).await?;
        core.mail.post(Letter { to: email, matter: Matter::PasswordReplaced });
        Ok(())
    }

    /// Tells a user of a log-in from a site that is new.
    pub fn tell_of_sign_in(&self, email: &str, site: Site) {
        if let Ok(to) = email.parse() {
            self.core.mail.post(Letter { to, matter: Matter::SignIn { site, at: self.core.clock.now() } });
        }
    }

    /// Opens sessions of devices.
    #[must_use]
    pub fn admission(&self) -> &Admission {
        &self.core.admission
    }

    /// Keeps a session of the console going.
    pub async fn refresh_console(&self, shown: &RefreshToken) -> Result<Refreshed, ApiError> {
        self.core.throttle.serve(Class::Management).map_err(|wait| unavailable(BUSY, wait))?;
        Ok(consoles(&self.core).refresh(shown, self.origin()).await?)
    }

    /// How long a session of the console goes on at all.
    #[must_use]
    pub fn console_max_secs(&self) -> u64 {
        self.core.config.users.console_max_secs
    }

    /// The address of the server for links, instead of the one that the caller used.
    #[must_use]
    pub fn public_url(&self) -> Option<&PublicUrl> {
        self.core.config.public_url.as_ref()
    }

    /// Opens sessions of users; refuses while there is no user at all.
    pub async fn logins(&self) -> Result<&Logins, ApiError> {
        require_users(&self.core).await?;
        Ok(&self.core.logins)
    }

    /// Makes the first user, an admin, for who holds the setup token.
    pub async fn create_admin(
        &self,
        token: &SecretString,
        email: &str,
        password: SecretString,
    ) -> Result<UserId, SetupError> {
        let who = Who::Holder("setup-token");
        let actor = Arc::new(Actor { who, origin: self.origin() });
        let users = self.core.users_of(self.core.database.scope(TenantId::DEFAULT).acting(actor));
        self.core.setup.create_admin(&users, token, email, password).await
    }

    /// The releases of the tenant that a link names, if the link is ours and has not ended. What it names beside
    /// is for the handler to keep to.
    pub fn linked_releases(
        &self,
        audience: &str,
        [tenant, artifact]: [&str; 2],
        expires_at: DateTime<Utc>,
        signature: &str,
    ) -> Result<Releases, LinkError> {
        let core = &self.core;
        core.links.verify(audience, &[tenant, artifact], expires_at, signature, core.clock.now())?;
        let tenant: TenantId = tenant.parse().map_err(|_| LinkError::Invalid)?;
        if core.fleet.is_suspended(tenant) {
            return Err(LinkError::Invalid);
        }
        Ok(Releases::new(core.database.scope(tenant), core.blobs.clone(), Arc::clone(&core.clock)))
    }

    /// Answers whether the database can be read.
    pub async fn ping_database(&self) -> Result<(), StorageError> {
        self.core.database.ping().await
    }

    /// Answers whether what devices cause to be written is written.
    #[must_use]
    pub fn is_writer_running(&self) -> bool {
        self.core.writer.is_running()
    }

    /// The numbers of this moment.
    #[must_use]
    pub fn numbers(&self) -> Numbers<'_> {
        let core = &self.core;
        Numbers {
            requests: &core.requests,
            devices: u64::try_from(core.fleet.device_count()).unwrap_or(u64::MAX),
            auth_sets_pending: core.fleet.pending_count(),
            deployments_unfinished: core.fleet.rollout_count(),
            writes_waiting: core.writer.waiting(),
            throttle: &core.throttle,
        }
    }

    /// Opens what links of devices name.
    #[must_use]
    pub fn downloads(&self) -> &Downloads {
        &self.core.downloads
    }
}

impl FromRequest for Anonymous {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(core(request).map(|core| Self { core, origin: origin(request) }))
    }
}
