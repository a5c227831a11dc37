//! Users with a session and a permission.

use std::collections::BTreeSet;
use std::future::Future;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, COOKIE};
use actix_web::{FromRequest, HttpRequest};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

use super::{bearer, consoles, core, origin, reset_letter};
use crate::app::Core;
use crate::audit::{Actor, Checkpoint, CustodyError, Trail};
use crate::config::{Limits, PublicUrl};
use crate::crypto::random::RandomError;
use crate::crypto::signed_link::LinkAuthority;
use crate::deployments::service::Deployments;
use crate::devices::service::Devices;
use crate::http::error::{ApiError, Code};
use crate::http::failure::{rate_limited, storage_failure, unavailable};
use crate::ids::UserId;
use crate::inventory::Inventory;
use crate::mail::{Letter, Matter};
use crate::releases::{ReleaseTrust, Releases, UploadBounds, Uploads};
use crate::storage::{Scope, Sight, StorageError};
use crate::throttle::{Class, Throttle};
use crate::users::settings::SettingsService;
use crate::users::tokens::PersonalTokens;
use crate::users::{
    AuthenticateError, ConfirmError, ConfirmedPassword, ConsoleError, LoggedIn, Members, Object,
    OwnSecondFactor, OwnSessions, Permission, Principal, Reach, Refreshed, ResetError, ResetSecret, Rights,
    Roles, Shown, StepUpError, Users, unknown_password,
};

/// What users are told while devices come first.
pub(super) const BUSY: &str = "the server is overloaded";

/// The refusal to who has to set a second factor up.
#[must_use]
pub fn set_up_first() -> ApiError {
    ApiError::new(Code::SecondFactorSetUp, "2fa is asked of you: set it up before anything else")
}

/// Names the permission that a handler needs.
pub trait Requires {
    /// The permission.
    const PERMISSION: Permission;
    /// Whether the caller has to have proven lately who it is.
    const FRESHNESS: Freshness = Freshness::Any;
    /// Whether it is open to who has to set a second factor up first.
    const DURING_2FA_SETUP: bool = false;
}

/// When a caller has to have proven who it is (user authentication §4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// At some time.
    Any,
    /// Lately, where the operator asks for it: the path is Mender's, and existing clients cannot answer.
    WhereAsked,
    /// Lately.
    Always,
}

/// How long ago "lately" is; the challenge says it too.
const FRESH: TimeDelta = TimeDelta::minutes(10);

/// The caller, proven to hold permission `P`. The services that it reaches are bound to its tenant.
pub struct AuthedUser<P> {
    principal: Principal,
    actor: Arc<Actor>,
    sight: Arc<Sight>,
    core: Arc<Core>,
    permission: PhantomData<P>,
}

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

impl<P: Requires + 'static> FromRequest for AuthedUser<P> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let core = core(request);
        let token = token(request).map(str::to_owned);
        let origin = origin(request);
        Box::pin(async move {
            let core = core?;
            // What makes less work is done under any load.
            if P::PERMISSION != Permission::DeploymentsAbort {
                core.throttle.serve(Class::Management).map_err(|wait| unavailable(BUSY, wait))?;
            }
            let principal = authenticate(&core, token.as_deref(), origin.address).await?;
            if !principal.may(P::PERMISSION) {
                let message = format!("permission {} is needed", P::PERMISSION);
                return Err(ApiError::new(Code::PermissionDenied, message));
            }
            if principal.has_to_set_up_2fa() && !P::DURING_2FA_SETUP {
                return Err(set_up_first());
            }
            let wants_fresh = match P::FRESHNESS {
                Freshness::Any => false,
                Freshness::WhereAsked => core.config.users.step_up_on_compatible_paths,
                Freshness::Always => true,
            };
            if wants_fresh && !principal.is_fresh(core.clock.now(), FRESH) {
                let message = "prove again who you are, at useradm/auth/step-up";
                return Err(ApiError::new(Code::StepUpRequired, message));
            }
            let actor = Arc::new(Actor::caller(&principal, origin));
            let sight = Arc::new(sight(&principal.rights, P::PERMISSION));
            Ok(Self { principal, actor, sight, core, permission: PhantomData })
        })
    }
}

/// What a handler that needs a permission gets to see: what the permission reaches, and beside it what the caller may see
/// anyway.
fn sight(rights: &Rights, permission: Permission) -> Sight {
    let reach = |permission| {
        let held = rights.reach(permission).cloned();
        held.unwrap_or_else(|| Reach::Only(BTreeSet::new()))
    };
    match permission.object() {
        Object::Tenant => Sight::EVERYTHING,
        Object::Devices => Sight { devices: reach(permission), releases: reach(Permission::ArtifactsRead) },
        // Whether a deployment stands in the way of a change does not depend on who asks.
        Object::Releases => Sight { devices: Reach::Everything, releases: reach(permission) },
    }
}

/// Whom the token stands for. Who has none is told first that there is nobody to log in as yet
/// (user authentication §10).
async fn authenticate(
    core: &Core,
    token: Option<&str>,
    address: Option<IpAddr>,
) -> Result<Principal, ApiError> {
    let refused = || ApiError::new(Code::Unauthenticated, "unauthorized");
    let outcome = match token {
        Some(token) => core.logins.authenticate_from(token, address).await.map_err(|err| match err {
            AuthenticateError::Storage(err) => storage_failure(err),
            AuthenticateError::Token(_) | AuthenticateError::Ended => refused().with_cause(err),
        }),
        None => Err(refused()),
    };
    match outcome {
        Err(err) if err.code() == Code::Unauthenticated => {
            require_users(core).await?;
            Err(err)
        }
        Ok(_) | Err(_) => outcome,
    }
}

/// Refuses everything while there is no user at all.
pub(super) async fn require_users(core: &Core) -> Result<(), ApiError> {
    if core.logins.has_users().await.map_err(storage_failure)? {
        return Ok(());
    }
    Err(ApiError::new(Code::SetupRequired, "there is no user yet: make the first one with the setup token"))
}

/// The token that a request came with. A cookie counts only without `Authorization`, and only for what changes
/// nothing: browsers send it along with forms of other sites.
fn token(request: &HttpRequest) -> Option<&str> {
    if request.headers().contains_key(AUTHORIZATION) {
        return bearer(request.headers());
    }
    if [Method::GET, Method::HEAD].contains(request.method()) { cookie(request) } else { None }
}

/// The token in the cookie `JWT`, which plain-link downloads carry (management API §0).
fn cookie(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(COOKIE)?.to_str().ok()?;
    value.split(';').find_map(|pair| pair.trim().strip_prefix("JWT="))
}

#[cfg(test)]
mod tests {
    use actix_web::http::Method;
    use actix_web::test::TestRequest;

    use super::token;

    fn token_of(method: Method, headers: &[(&'static str, &'static str)]) -> Option<String> {
        let request = TestRequest::with_uri("/").method(method);
        let request = headers.iter().fold(request, |request, header| request.insert_header(*header));
        token(&request.to_http_request()).map(str::to_owned)
    }

    #[test]
    fn a_cookie_counts_for_reading_only() {
        let cookie = [("cookie", "a=b; JWT=c")];
        assert_eq!(token_of(Method::GET, &cookie).as_deref(), Some("c"));
        assert_eq!(token_of(Method::HEAD, &cookie).as_deref(), Some("c"));
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert_eq!(token_of(method.clone(), &cookie), None, "{method}");
        }
    }

    #[test]
    fn a_cookie_does_not_mend_authorization() {
        let cookie = ("cookie", "JWT=c");
        assert_eq!(token_of(Method::GET, &[("authorization", "bearer b"), cookie]).as_deref(), Some("b"));
        for value in ["", "Bearer", "Bearer a b", "Basic YTpi"] {
            assert_eq!(token_of(Method::GET, &[("authorization", value), cookie]), None, "{value}");
        }
    }
}
