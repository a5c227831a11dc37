//! Users with a session and a permission.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::COOKIE;
use actix_web::{FromRequest, HttpRequest};

use super::{bearer, core};
use crate::app::Core;
use crate::deployments::service::Deployments;
use crate::devices::service::Devices;
use crate::http::error::{ApiError, Code};
use crate::inventory::Inventory;
use crate::releases::Releases;
use crate::storage::Scope;
use crate::users::{Permission, Principal};

/// Names the permission that a handler needs.
pub trait Requires {
    /// The permission.
    const PERMISSION: Permission;
}

/// The caller, proven to hold permission `P`. The services that it reaches are bound to its tenant.
pub struct AuthedUser<P> {
    principal: Principal,
    core: Arc<Core>,
    permission: PhantomData<P>,
}

impl<P> AuthedUser<P> {
    /// Who the caller is.
    #[must_use]
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The configuration and what is shared by all requests.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.core
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
        Deployments::new(self.scope(), Arc::clone(&self.core.clock))
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

    fn scope(&self) -> Scope {
        self.core.database.scope(self.principal.tenant)
    }
}

impl<P: Requires + 'static> FromRequest for AuthedUser<P> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let core = core(request);
        let token = bearer(request).or_else(|| cookie(request)).map(str::to_owned);
        Box::pin(async move {
            let core = core?;
            let principal = authenticate(&core, token).await?;
            Ok(Self { principal, core, permission: PhantomData })
        })
    }
}

async fn authenticate(_core: &Core, _token: Option<String>) -> Result<Principal, ApiError> {
    Err(ApiError::new(Code::Unauthenticated, "unauthorized"))
}

/// The token in the cookie `JWT`, which plain-link downloads carry (management API §0).
fn cookie(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(COOKIE)?.to_str().ok()?;
    value.split(';').find_map(|pair| pair.trim().strip_prefix("JWT="))
}
