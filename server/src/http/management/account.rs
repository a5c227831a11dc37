//! Changes of addresses and passwords (management API §1.2).

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use super::Secret;
use super::roles::ManageUsers;
use super::users::OwnAccount;
use crate::http::error::{ApiError, Code};
use crate::http::extract::Sent;
use crate::users::{AccountChange, MemberError, UserError};

/// What of a user becomes different.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct UserUpdate {
    /// The new address.
    email: Option<String>,
    /// The new password, one's own only.
    #[schema(value_type = Option<String>)]
    password: Option<Secret>,
    /// The password as it is; needed for what is one's own.
    #[schema(value_type = Option<String>)]
    current_password: Option<Secret>,
    /// All roles of another user; one's own cannot be changed.
    roles: Option<Vec<String>>,
}

/// A new password.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct PasswordUpdate {
    /// The new password.
    #[schema(value_type = String)]
    password: Secret,
    /// The password as it is.
    #[schema(value_type = String)]
    current_password: Secret,
}

/// Changes the caller's address or password, and ends the caller's other sessions.
#[utoipa::path(
    put,
    path = "/api/management/v1/useradm/users/me",
    tag = "Management API: users",
    request_body = UserUpdate,
    responses(
        (status = 204, description = "Changed"),
        (status = 400, description = "Malformed body or address, or nothing to change"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "The user is gone"),
        (status = 409, description = "Changed by somebody else in the same moment"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "The current password is wrong, the new one may not be chosen, or the address is taken"),
        (status = 429, description = "Too many passwords from here: try again later"),
        (status = 503, description = "Too busy, or the database is away"),
    ),
    security(("user" = []))
)]
pub async fn update_me(
    request: HttpRequest,
    sent: Sent<OwnAccount, UserUpdate>,
) -> Result<HttpResponse, ApiError> {
    change_own(&request, sent).await
}

/// Changes the caller's password, and ends the caller's other sessions.
#[utoipa::path(
    put,
    path = "/api/management/v2/useradm/users/me",
    tag = "Management API: users",
    request_body = PasswordUpdate,
    responses(
        (status = 204, description = "Changed"),
        (status = 400, description = "Malformed body"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "The user is gone"),
        (status = 409, description = "Changed by somebody else in the same moment"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "The current password is wrong, or the new one may not be chosen"),
        (status = 429, description = "Too many passwords from here: try again later"),
        (status = 503, description = "Too busy, or the database is away"),
    ),
    security(("user" = []))
)]
pub async fn update_my_password(
    request: HttpRequest,
    sent: Sent<OwnAccount, PasswordUpdate>,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, PasswordUpdate { password, current_password }) = sent;
    let (password, current_password) = (Some(password), Some(current_password));
    change_own(&request, Sent(caller, UserUpdate { email: None, password, current_password, roles: None }))
        .await
}

/// Changes a user's address or roles, and ends the user's sessions; for one's own id the same as for `me`.
#[utoipa::path(
    put,
    path = "/api/management/v1/useradm/users/{id}",
    tag = "Management API: users",
    params(("id" = String, Path, description = "User id")),
    request_body = UserUpdate,
    responses(
        (status = 204, description = "Changed"),
        (status = 400, description = "Malformed body or address, or nothing to change"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, one's own roles, more than one may oneself, or the proof of who is \
            calling is too old"),
        (status = 404, description = "No such user"),
        (status = 409, description = "The last admin, or changed by somebody else in the same moment"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "The password of another, the current password is wrong, the new one may not be \
            chosen, the address is taken, or there is no such role"),
        (status = 429, description = "Too many passwords from here: try again later"),
        (status = 503, description = "Too busy, or the database is away"),
    ),
    security(("user" = []))
)]
pub async fn update(
    request: HttpRequest,
    id: web::Path<String>,
    sent: Sent<ManageUsers, UserUpdate>,
) -> Result<HttpResponse, ApiError> {
    let id = id.parse().map_err(|_| UserError::NotFound(id.clone()))?;
    if sent.0.principal().user == id {
        return change_own(&request, sent).await;
    }
    let Sent(caller, body) = sent;
    if body.password.is_some() {
        return Err(UserError::ForeignPassword.into());
    }
    let email = body.email.map(|email| email.parse()).transpose().map_err(UserError::from)?;
    if email.is_none() && body.roles.is_none() {
        return Err(nothing());
    }
    caller.members().change(id, email.as_ref(), body.roles.as_deref()).await?;
    tracing::info!(user.id = %caller.principal().user, object.id = %id, "another user changed");
    Ok(HttpResponse::NoContent().finish())
}

async fn change_own<P>(
    request: &HttpRequest,
    Sent(caller, body): Sent<P, UserUpdate>,
) -> Result<HttpResponse, ApiError> {
    if body.email.is_none() && body.password.is_none() {
        return Err(match body.roles {
            Some(_) => MemberError::Own.into(),
            None => nothing(),
        });
    }
    let email = body.email.map(|email| email.parse()).transpose().map_err(UserError::from)?;
    caller.check_password_from(request.peer_addr().map(|peer| peer.ip()))?;
    let change = AccountChange { email, password: body.password.map(|password| password.0) };
    let current = body.current_password.ok_or(UserError::CurrentPassword)?;
    let current = caller.confirm_password(current.0).await?;
    caller.users().change_own(caller.principal(), change, &current).await?;
    tracing::info!(user.id = %caller.principal().user, "address or password changed");
    Ok(HttpResponse::NoContent().finish())
}

fn nothing() -> ApiError {
    ApiError::new(Code::BadRequest, "nothing to change: email, password or roles are needed")
}
