//! What a user with a session reaches: services that are bound to its tenant, and to what it may see.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

use super::user::require_fresh;
use super::{AuthedUser, consoles, reset_letter};
use crate::audit::{Checkpoint, CustodyError, Trail};
use crate::config::{Limits, PublicUrl};
use crate::crypto::random::RandomError;
use crate::crypto::signed_link::LinkAuthority;
use crate::deployments::service::Deployments;
use crate::devices::service::Devices;
use crate::http::error::ApiError;
use crate::http::failure::rate_limited;
use crate::ids::{TenantId, UserId};
use crate::inventory::Inventory;
use crate::mail::{Letter, Matter};
use crate::releases::{ReleaseTrust, Releases, UploadBounds, Uploads};
use crate::storage::{Scope, StorageError};
use crate::tenants::{OwnTenants, TenantError, TenantMembers, Tenants};
use crate::throttle::Throttle;
use crate::users::settings::SettingsService;
use crate::users::tokens::PersonalTokens;
use crate::users::{
    ConfirmError, ConfirmedPassword, ConsoleError, LoggedIn, Members, OwnSecondFactor, OwnSessions,
    Permission, Principal, Refreshed, ResetError, ResetSecret, Roles, Shown, StepUpError, SwitchError, Users,
    unknown_password,
};

impl<P> AuthedUser<P> {
    /// Who the caller is.
    #[must_use]
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

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

    /// Signs links.
    #[must_use]
    pub fn links(&self) -> &LinkAuthority {
        &self.core.links
    }

    /// The moment.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.core.clock.now()
    }

    /// The address for links, instead of the one that the caller used.
    #[must_use]
    pub fn public_url(&self) -> Option<&PublicUrl> {
        self.core.config.public_url.as_ref()
    }

    /// Ends the session that the caller came with.
    pub async fn log_out(&self) -> Result<(), StorageError> {
        self.core.logins.log_out(&self.principal, self.actor.origin.clone()).await
    }

    /// Judges whether a password that comes from an address is worth its hashing.
    pub fn check_password_from(&self, address: Option<IpAddr>) -> Result<(), ApiError> {
        self.core.throttle.password(address).map_err(rate_limited)
    }

    /// Checks the caller's own password.
    pub async fn confirm_password(&self, password: SecretString) -> Result<ConfirmedPassword, ConfirmError> {
        let from = self.actor.origin.address;
        self.core.logins.confirm_password(&self.principal, password, from).await
    }

    /// Asks for a proof of the last minutes of who is calling, where only some of what a handler does needs it.
    pub fn require_fresh(&self) -> Result<(), ApiError> {
        require_fresh(&self.core, &self.principal)
    }

    /// Gives the caller a token that says that it just proved who it is.
    pub async fn step_up(&self, shown: Shown) -> Result<LoggedIn, StepUpError> {
        self.core.logins.step_up(&self.principal, shown, self.actor.origin.clone()).await
    }

    /// Makes the session that the caller came with one of the console.
    pub async fn open_console(&self) -> Result<Refreshed, ConsoleError> {
        consoles(&self.core).open(&self.principal, self.actor.origin.clone()).await
    }

    /// How long a session of the console goes on at all.
    #[must_use]
    pub fn console_max_secs(&self) -> u64 {
        self.core.config.users.console_max_secs
    }

    /// The caller's sessions.
    #[must_use]
    pub fn sessions(&self) -> OwnSessions {
        OwnSessions::new(self.scope(), self.principal.clone(), Arc::clone(&self.core.clock))
    }

    /// The caller's second factor.
    #[must_use]
    pub fn second_factor(&self) -> OwnSecondFactor {
        self.core.second_factors.of(self.scope(), &self.principal)
    }

    /// The devices of the caller's tenant.
    #[must_use]
    pub fn devices(&self) -> Devices {
        let (fleet, clock) = (Arc::clone(&self.core.fleet), Arc::clone(&self.core.clock));
        Devices::new(self.scope(), fleet, clock, self.core.config.rsa_min_bits)
    }

    /// The deployments of the caller's tenant.
    #[must_use]
    pub fn deployments(&self) -> Deployments {
        Deployments::new(self.scope(), Arc::clone(&self.core.fleet), Arc::clone(&self.core.clock))
    }

    /// The inventory of the caller's tenant.
    #[must_use]
    pub fn inventory(&self) -> Inventory {
        Inventory::new(self.scope(), Arc::clone(&self.core.fleet), Arc::clone(&self.core.clock))
    }

    /// The releases of the caller's tenant.
    #[must_use]
    pub fn releases(&self) -> Releases {
        Releases::new(self.scope(), self.core.blobs.clone(), Arc::clone(&self.core.clock))
    }

    /// The uploads in parts of the caller's tenant, as far as they are the caller's.
    #[must_use]
    pub fn uploads(&self) -> Uploads {
        let limits = &self.core.config.limits;
        let ttl = i64::try_from(limits.unfinished_uploads_ttl_secs).ok().and_then(TimeDelta::try_seconds);
        let bounds = UploadBounds {
            max_bytes: limits.max_artifact_bytes,
            max_count: limits.unfinished_uploads_max,
            max_count_per_user: limits.unfinished_uploads_per_user_max,
            max_bytes_together: limits.unfinished_uploads_max_bytes,
            ttl: ttl.unwrap_or(TimeDelta::MAX),
        };
        let (leases, principal) = (Arc::clone(&self.core.upload_leases), &self.principal);
        // Who manages users may do what each of them may.
        let oversees = principal.may(Permission::UsersManage);
        Uploads::new(self.releases(), leases, bounds, principal.user, oversees)
    }

    /// Whose signatures on releases count for the caller's tenant.
    #[must_use]
    pub fn release_trust(&self) -> ReleaseTrust {
        ReleaseTrust::new(self.scope(), self.core.blobs.clone(), Arc::clone(&self.core.clock))
    }

    /// Who did what in the caller's tenant.
    #[must_use]
    pub fn audit_trail(&self) -> Trail {
        Trail::new(self.scope(), Arc::clone(&self.core.clock))
    }

    /// Signs the end of the trail of all tenants.
    pub async fn sign_audit_end(&self) -> Result<Checkpoint, CustodyError> {
        self.core.custody.sign_end().await
    }

    /// The tenants of the server.
    #[must_use]
    pub fn tenants(&self) -> Tenants {
        Tenants::new(self.scope(), self.core.tenant_tokens.clone(), Arc::clone(&self.core.clock))
    }

    /// The members of another tenant.
    pub async fn members_of(&self, tenant: TenantId) -> Result<TenantMembers, TenantError> {
        TenantMembers::of(self.users(), self.scope(), self.core.database.clone(), tenant).await
    }

    /// The tenants that the caller is a member of.
    #[must_use]
    pub fn own_tenants(&self) -> OwnTenants {
        OwnTenants::new(self.scope(), Arc::clone(&self.core.fleet), self.principal.user)
    }

    /// Opens a session of the caller in another tenant.
    pub async fn switch(&self, to: TenantId) -> Result<LoggedIn, SwitchError> {
        self.core.logins.switch(&self.principal, to, self.actor.origin.clone()).await
    }

    /// Whether consoles of others are to show what they show for paid plans only.
    #[must_use]
    pub fn shows_full_console(&self) -> bool {
        self.core.config.users.full_console
    }

    /// The settings of the caller's tenant and of the caller.
    #[must_use]
    pub fn settings(&self) -> SettingsService {
        SettingsService::new(self.scope(), Arc::clone(&self.core.clock))
    }

    /// The users of the caller's tenant.
    #[must_use]
    pub fn users(&self) -> Users {
        self.core.users_of(self.scope())
    }

    /// Makes a one-time secret for a new password of another user.
    pub async fn begin_reset(&self, id: UserId) -> Result<ResetSecret, ResetError> {
        self.members().begin_reset(id, &*self.core.random).await
    }

    /// Sends another user a link for a new password.
    pub async fn mail_reset(&self, id: UserId) -> Result<(), ResetError> {
        let made = self.begin_reset(id).await?;
        self.core.mail.post(reset_letter(&self.core, made));
        Ok(())
    }

    /// A password that nobody knows, until it is replaced.
    pub fn unknown_password(&self) -> Result<SecretString, RandomError> {
        unknown_password(&*self.core.random)
    }

    /// Whether mail is sent at all.
    #[must_use]
    pub fn sends_mail(&self) -> bool {
        self.core.mail.is_open()
    }

    /// Tells a user of the caller's tenant something.
    pub fn tell(&self, id: UserId, matter: Matter) {
        let users = self.users();
        self.core
            .mail
            .post_later(async move { Some(Letter { to: users.get(id).await.ok()?.email, matter }) });
    }

    /// The personal tokens of the caller.
    #[must_use]
    pub fn personal_tokens(&self) -> PersonalTokens<'_> {
        PersonalTokens {
            scope: self.scope(),
            caller: &self.principal,
            authority: Arc::clone(self.core.logins.authority()),
            random: Arc::clone(&self.core.random),
            uses: Arc::clone(self.core.logins.token_uses()),
            clock: Arc::clone(&self.core.clock),
            issuer: self.core.config.issuer.clone(),
        }
    }

    /// The users of the caller's tenant, as far as the caller may change them.
    #[must_use]
    pub fn members(&self) -> Members {
        Members::new(self.users(), self.scope(), self.principal.clone())
    }

    /// The roles of the caller's tenant, as far as the caller may change them.
    #[must_use]
    pub fn roles(&self) -> Roles {
        Roles::new(self.scope(), Arc::clone(&self.core.clock), &self.principal)
    }

    fn scope(&self) -> Scope {
        let scope = self.core.database.scope(self.principal.tenant).acting(Arc::clone(&self.actor));
        scope.seeing(Arc::clone(&self.sight))
    }
}
