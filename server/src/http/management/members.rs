//! Users as others add and remove them (management API §1.2).

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::Secret;
use super::roles::ManageUsers;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Sent};
use crate::http::query::Query;
use crate::users::{MemberError, NewMember};

/// A user to be added.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct NewUserBody {
    email: String,
    /// The first password.
    #[schema(value_type = Option<String>)]
    password: Option<Secret>,
    /// Whether the user is sent a link to choose a password; none is needed here then.
    #[serde(default)]
    send_reset_password: bool,
    /// Names of roles; those of the caller if missing.
    roles: Option<Vec<String>>,
}

/// Whether an address is taken.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ExistsBody {
    exists: bool,
}

/// Adds a user to the caller's tenant.
#[utoipa::path(
    post,
    path = "/api/management/v1/useradm/users",
    tag = "Management API: users",
    request_body = NewUserBody,
    responses(
        (status = 201, description = "Added; `Location` names it"),
        (status = 400, description = "Malformed body or address"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, or rights that the caller does not have"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "The address is taken, the password may not be chosen, or a role does not exist"),
        (status = 503, description = "Too busy, or the database is away"),
    ),
    security(("user" = []))
)]
pub async fn add(
    sent: Sent<ManageUsers, NewUserBody>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, body) = sent;
    let sends_reset = body.send_reset_password;
    if sends_reset && !caller.sends_mail() {
        let text = "send_reset_password: no mail server is configured; give a first password";
        return Err(ApiError::new(Code::Unprocessable, text));
    }
    let password = match body.password {
        Some(Secret(password)) => password,
        None if sends_reset => caller.unknown_password().map_err(ApiError::internal)?,
        None => return Err(ApiError::new(Code::Unprocessable, "password: a first password is needed")),
    };
    let id = caller.members().add(NewMember { email: body.email, password, roles: body.roles }).await?;
    tracing::info!(user.id = %caller.principal().user, object.id = %id, "user added");
    if sends_reset {
        caller.mail_reset(id).await?;
    }
    let location = format!("{}/{id}", request.path().trim_end_matches('/'));
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).finish())
}

/// Removes a user from the caller's tenant; sessions and tokens end with it. One that is not there is removed already.
#[utoipa::path(
    delete,
    path = "/api/management/v1/useradm/users/{id}",
    tag = "Management API: users",
    params(("id" = String, Path, description = "User id")),
    responses(
        (status = 204, description = "Removed"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, or a user with rights that the caller does not have"),
        (status = 409, description = "The last admin"),
    ),
    security(("user" = []))
)]
pub async fn remove(
    caller: AuthedUser<ManageUsers>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    if let Ok(id) = id.parse() {
        caller.members().remove(id).await?;
        tracing::info!(user.id = %caller.principal().user, object.id = %id, "user removed");
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Answers whether an address is taken by a user, in whatever tenant.
#[utoipa::path(
    get,
    path = "/api/management/v1/useradm/users/exists",
    tag = "Management API: users",
    params(("email" = String, Query, description = "The address")),
    responses(
        (status = 200, description = "The answer", body = ExistsBody),
        (status = 400, description = "Malformed or missing address"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn exists(caller: AuthedUser<ManageUsers>, query: Query) -> Result<HttpResponse, ApiError> {
    let exists = caller.members().is_taken(query.get("email").unwrap_or_default()).await?;
    Ok(HttpResponse::Ok().json(ExistsBody { exists }))
}

impl From<MemberError> for ApiError {
    fn from(err: MemberError) -> Self {
        let text = err.to_string();
        match err {
            MemberError::User(err) => err.into(),
            MemberError::NoSuchRole(_) | MemberError::TooManyRoles | MemberError::NoPassword => {
                Self::new(Code::Unprocessable, text)
            }
            MemberError::Own | MemberError::Beyond | MemberError::Elsewhere => {
                Self::new(Code::PermissionDenied, text)
            }
            MemberError::LastAdmin => Self::new(Code::Conflict, text),
        }
    }
}
