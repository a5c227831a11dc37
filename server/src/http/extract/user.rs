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
use chrono::TimeDelta;

use super::{bearer, core, origin};
use crate::app::Core;
use crate::audit::Actor;
use crate::http::error::{ApiError, Code};
use crate::http::failure::{storage_failure, unavailable};
use crate::storage::Sight;
use crate::throttle::Class;
use crate::users::{AuthenticateError, Object, Permission, Principal, Reach, Rights};

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
    pub(super) principal: Principal,
    pub(super) actor: Arc<Actor>,
    pub(super) sight: Arc<Sight>,
    pub(super) core: Arc<Core>,
    permission: PhantomData<P>,
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
            if wants_fresh {
                require_fresh(&core, &principal)?;
            }
            let actor = Arc::new(Actor::caller(&principal, origin));
            let sight = Arc::new(sight(&principal.rights, P::PERMISSION));
            Ok(Self { principal, actor, sight, core, permission: PhantomData })
        })
    }
}

/// Asks for a proof of the last minutes of who is calling.
pub(super) fn require_fresh(core: &Core, principal: &Principal) -> Result<(), ApiError> {
    if principal.is_fresh(core.clock.now(), FRESH) {
        return Ok(());
    }
    Err(ApiError::new(Code::StepUpRequired, "prove again who you are, at useradm/auth/step-up"))
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
            AuthenticateError::Suspended => ApiError::new(Code::TenantSuspended, err.to_string()),
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
