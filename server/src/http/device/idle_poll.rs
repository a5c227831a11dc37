//! Idle polls: nearly all that a fleet asks, answered from memory and before routing.

use std::sync::Arc;

use actix_http::Request;
use actix_web::dev::Payload;
use actix_web::http::Method;

use super::next;
use crate::app::Core;
use crate::http::body::{BodyRules, read_unrouted_body};
use crate::http::error::ApiError;
use crate::http::extract::AuthedDevice;
use crate::throttle::Class;

/// Recognises polls whose answer is known: the device's token was verified before, it says exactly what it said the
/// last time, and nothing was decided for its tenant since it was told "nothing". Everything else is for the route,
/// refusals among it. The framework's way through the routing table costs as much as all the rest of such a poll.
pub struct IdlePolls {
    /// What polls are answered from.
    pub core: Arc<Core>,
    /// How bodies are read.
    pub rules: BodyRules,
}

impl IdlePolls {
    /// Whether the request is an idle poll, to be answered by 204. If it is not, it can be routed as it came. An error
    /// is the answer to a body that cannot be read.
    pub async fn recognise(&self, request: &mut Request) -> Result<bool, ApiError> {
        if request.method() != Method::POST || !next::BY_BODY.contains(&request.path()) {
            return Ok(false);
        }
        let device = AuthedDevice::recall(&self.core, request.head().headers())
            .filter(|device| device.deployments().was_told_nothing(device.session()))
            .filter(|device| device.is_welcome(Class::Poll));
        let Some(device) = device else { return Ok(false) };
        let body = read_unrouted_body(request, &self.rules, next::MAX_BODY).await?;
        let is_idle = device.deployments().is_idle(device.session(), next::digest(&body));
        if !is_idle {
            *request.payload() = Payload::from(body);
        }
        Ok(is_idle)
    }
}
