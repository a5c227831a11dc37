//! Who is calling: proven once, before a handler runs. The services are reached through the caller only, so a
//! handler that does not say whom it serves has nothing to serve with.

mod anonymous;
mod device;
mod sent;
mod services;
mod user;

pub use anonymous::Anonymous;
pub use device::AuthedDevice;
pub use sent::Sent;
pub use user::{AuthedUser, Freshness, Requires, set_up_first};

use std::sync::Arc;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::{HttpRequest, web};
use chrono::TimeDelta;
use secrecy::ExposeSecret as _;

use super::error::ApiError;
use super::request_id::RequestId;
use crate::app::Core;
use crate::audit::Origin;
use crate::config::PublicUrl;
use crate::mail::{Letter, Matter};
use crate::users::{Consoles, ResetSecret};

/// What requests are served from, as the application was built with it.
fn core(request: &HttpRequest) -> Result<Arc<Core>, ApiError> {
    request
        .app_data::<web::Data<Core>>()
        .map(|data| Arc::clone(data))
        .ok_or_else(|| ApiError::internal("the application was built without its core"))
}

/// Opens sessions of the console and keeps them going.
fn consoles(core: &Core) -> Consoles {
    let secs =
        |secs: u64| i64::try_from(secs).ok().and_then(TimeDelta::try_seconds).unwrap_or(TimeDelta::MAX);
    let users = &core.config.users;
    let (idle, longest) = (secs(users.console_idle_secs), secs(users.console_max_secs));
    Consoles::new(core.logins.clone(), Arc::clone(&core.random), idle, longest)
}

/// What is sent to who is to choose a new password.
fn reset_letter(core: &Core, made: ResetSecret) -> Letter {
    let base = core.config.public_url.as_ref().map_or("", PublicUrl::as_str).trim_end_matches('/');
    let link = format!("{base}/ui/password/{}", made.secret.expose_secret()).into();
    Letter { to: made.email, matter: Matter::PasswordReset { link, until: made.until } }
}

/// Where a request comes from.
fn origin(request: &HttpRequest) -> Origin {
    Origin {
        address: request.peer_addr().map(|peer| peer.ip()),
        request_id: RequestId::current().map(|id| id.to_string()),
    }
}

/// The token of `Authorization: Bearer TOKEN` (RFC 6750 §2.1); the scheme in any case.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    // Byte by byte in one go: the search for a character is slower, and each poll has a token.
    let is_token = !token.is_empty() && token.bytes().all(|byte| byte != b' ');
    (scheme.eq_ignore_ascii_case("bearer") && is_token).then_some(token)
}
