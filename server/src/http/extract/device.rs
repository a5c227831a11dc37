//! Devices with a session.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpRequest};

use super::{bearer, core};
use crate::app::Core;
use crate::config::{Limits, PublicUrl};
use crate::deployments::device_service::DeviceDeployments;
use crate::deployments::downloads::Downloads;
use crate::devices::session::DeviceSession;
use crate::http::error::{ApiError, Code};
use crate::http::failure::rate_limited;
use crate::inventory::InventoryReports;
use crate::throttle::Class;

/// A device that holds a valid session and is accepted now.
///
/// Every refusal is a 401 with an empty body: it is what makes a device log in again, and client 5.x aborts
/// on a body there (device protocol §0 rule 5).
pub struct AuthedDevice {
    session: DeviceSession,
    core: Arc<Core>,
}

impl AuthedDevice {
    /// The device's session.
    #[must_use]
    pub const fn session(&self) -> &DeviceSession {
        &self.session
    }

    /// Deployments as the device lives them.
    #[must_use]
    pub fn deployments(&self) -> &DeviceDeployments {
        &self.core.device_deployments
    }

    /// Inventory as the device reports it.
    #[must_use]
    pub fn inventory(&self) -> InventoryReports {
        let core = &self.core;
        let scope = core.database.scope(self.session.tenant);
        let limit = core.config.limits.inventory_attributes_max;
        InventoryReports::new(scope, Arc::clone(&core.fleet), core.writer.clone(), limit)
    }

    /// How much is taken from whom.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.core.config.limits
    }

    /// Serves a request of a class, or sheds it if the load is too high. The first calls after a login are always
    /// served, because client 5.x aborts on a refusal there (device protocol §0 rule 5), and so are the questions of
    /// a device with an update in progress.
    pub fn serve(&self, class: Class) -> Result<(), ApiError> {
        let DeviceSession { tenant, number, .. } = self.session;
        if self.is_welcome(class) || class == Class::Poll && self.core.fleet.is_updating(tenant, number) {
            return Ok(());
        }
        self.core.throttle.serve(class).map_err(rate_limited)
    }

    /// Whether a request of a class is served whatever else is known of the device.
    pub(in crate::http) fn is_welcome(&self, class: Class) -> bool {
        self.session.is_new || self.core.throttle.load.level() < class.shed_from()
    }

    /// The address for links, instead of the one that the device used.
    #[must_use]
    pub fn public_url(&self) -> Option<&PublicUrl> {
        self.core.config.public_url.as_ref()
    }

    /// Makes links to what is offered to the device.
    #[must_use]
    pub fn downloads(&self) -> &Downloads {
        &self.core.downloads
    }
}

impl AuthedDevice {
    /// The device, if its very token was verified before: nothing is computed but a hash, and every refusal is left to
    /// the route.
    pub(in crate::http) fn recall(core: &Arc<Core>, headers: &HeaderMap) -> Option<Self> {
        let session = core.device_sessions.recall(bearer(headers)?)?;
        Some(Self { session, core: Arc::clone(core) })
    }
}

impl FromRequest for AuthedDevice {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(authenticate(request))
    }
}

fn authenticate(request: &HttpRequest) -> Result<AuthedDevice, ApiError> {
    let core = core(request)?;
    let refused = || ApiError::device_session(Code::Unauthenticated);
    let token = bearer(request.headers()).ok_or_else(refused)?;
    let session = core.device_sessions.check(token).map_err(|err| refused().with_cause(err))?;
    Ok(AuthedDevice { session, core })
}
