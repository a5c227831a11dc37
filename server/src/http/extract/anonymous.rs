//! Nobody in particular.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::core;
use crate::app::Core;
use crate::http::error::ApiError;

/// A caller that proved nothing: for logins, links that carry their own authority, and health.
pub struct Anonymous(Arc<Core>);

impl Anonymous {
    /// What requests are served from. Whoever takes it must check by other means what the caller may do.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.0
    }
}

impl FromRequest for Anonymous {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(core(request).map(Self))
    }
}
