//! Roles (management API §1.6).

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};

use super::role_body::{NewRoleBody, RoleBody, RoleChangeBody};
use super::users::ReadUsers;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Freshness, Requires, Sent};
use crate::http::failure::storage_failure;
use crate::http::listing::{Extent, part};
use crate::http::query::{MAX_PER_PAGE, Query};
use crate::users::{Permission, RoleError, RoleName};

/// May add, change and remove users and roles.
pub struct ManageUsers;
impl Requires for ManageUsers {
    const PERMISSION: Permission = Permission::UsersManage;
    const FRESHNESS: Freshness = Freshness::WhereAsked;
}

/// Lists roles: built-in ones, then those of the tenant by name.
#[utoipa::path(
    get,
    path = "/api/management/v2/useradm/roles",
    tag = "Management API: roles",
    params(
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 500"),
    ),
    responses(
        (status = 200, description = "Roles", body = [RoleBody]),
        (status = 400, description = "No such part"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn list(
    caller: AuthedUser<ReadUsers>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    list_page(&caller, &request, &query).await
}

/// Makes a role.
#[utoipa::path(
    post,
    path = "/api/management/v2/useradm/roles",
    tag = "Management API: roles",
    request_body = NewRoleBody,
    responses(
        (status = 201, description = "Made; `Location` names it"),
        (status = 400, description = "Malformed"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, a role that the caller holds, or rights that the caller does not have"),
        (status = 409, description = "There is one of this name"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "No further role can be made"),
    ),
    security(("user" = []))
)]
pub async fn add(
    sent: Sent<ManageUsers, NewRoleBody>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    make(sent, &request).await
}

/// A role.
#[utoipa::path(
    get,
    path = "/api/management/v2/useradm/roles/{name}",
    tag = "Management API: roles",
    params(
        ("name" = String, Path, description = "Name of the role"),
    ),
    responses(
        (status = 200, description = "The role", body = RoleBody),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such role"),
    ),
    security(("user" = []))
)]
pub async fn get(caller: AuthedUser<ReadUsers>, name: web::Path<String>) -> Result<HttpResponse, ApiError> {
    show(&caller, &name).await
}

/// Changes a role. Of a built-in one, only whether it asks for a second factor.
#[utoipa::path(
    put,
    path = "/api/management/v2/useradm/roles/{name}",
    tag = "Management API: roles",
    params(
        ("name" = String, Path, description = "Name of the role"),
    ),
    request_body = RoleChangeBody,
    responses(
        (status = 200, description = "Changed"),
        (status = 400, description = "Malformed"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, a role that the caller holds, or rights that the caller does not have"),
        (status = 404, description = "No such role"),
        (status = 409, description = "A built-in role"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
    ),
    security(("user" = []))
)]
pub async fn update(
    sent: Sent<ManageUsers, RoleChangeBody>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    change(sent, &name).await?;
    Ok(HttpResponse::Ok().finish())
}

/// Deletes a role; who held it does so no more.
#[utoipa::path(
    delete,
    path = "/api/management/v2/useradm/roles/{name}",
    tag = "Management API: roles",
    params(
        ("name" = String, Path, description = "Name of the role"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, a role that the caller holds, or rights that the caller does not have"),
        (status = 404, description = "No such role"),
        (status = 409, description = "A built-in role"),
    ),
    security(("user" = []))
)]
pub async fn delete(
    caller: AuthedUser<ManageUsers>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    remove(&caller, &name).await
}

/// Lists roles: built-in ones, then those of the tenant by name. As older clients ask for it.
#[utoipa::path(
    get,
    path = "/api/management/v1/useradm/roles",
    tag = "Management API: roles",
    params(
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 500"),
    ),
    responses(
        (status = 200, description = "Roles", body = [RoleBody]),
        (status = 400, description = "No such part"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn list_v1(
    caller: AuthedUser<ReadUsers>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    list_page(&caller, &request, &query).await
}

/// Makes a role. As older clients ask for it.
#[utoipa::path(
    post,
    path = "/api/management/v1/useradm/roles",
    tag = "Management API: roles",
    request_body = NewRoleBody,
    responses(
        (status = 201, description = "Made; `Location` names it"),
        (status = 400, description = "Malformed"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, a role that the caller holds, or rights that the caller does not have"),
        (status = 409, description = "There is one of this name"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "No further role can be made"),
    ),
    security(("user" = []))
)]
pub async fn add_v1(
    sent: Sent<ManageUsers, NewRoleBody>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    make(sent, &request).await
}

/// A role. As older clients ask for it.
#[utoipa::path(
    get,
    path = "/api/management/v1/useradm/roles/{name}",
    tag = "Management API: roles",
    params(
        ("name" = String, Path, description = "Name of the role"),
    ),
    responses(
        (status = 200, description = "The role", body = RoleBody),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such role"),
    ),
    security(("user" = []))
)]
pub async fn get_v1(
    caller: AuthedUser<ReadUsers>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    show(&caller, &name).await
}

/// Changes a role. Of a built-in one, only whether it asks for a second factor. As older clients ask for it.
#[utoipa::path(
    put,
    path = "/api/management/v1/useradm/roles/{name}",
    tag = "Management API: roles",
    params(
        ("name" = String, Path, description = "Name of the role"),
    ),
    request_body = RoleChangeBody,
    responses(
        (status = 202, description = "Changed"),
        (status = 400, description = "Malformed"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, a role that the caller holds, or rights that the caller does not have"),
        (status = 404, description = "No such role"),
        (status = 409, description = "A built-in role"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
    ),
    security(("user" = []))
)]
pub async fn update_v1(
    sent: Sent<ManageUsers, RoleChangeBody>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    change(sent, &name).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// Deletes a role; who held it does so no more. As older clients ask for it.
#[utoipa::path(
    delete,
    path = "/api/management/v1/useradm/roles/{name}",
    tag = "Management API: roles",
    params(
        ("name" = String, Path, description = "Name of the role"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, a role that the caller holds, or rights that the caller does not have"),
        (status = 404, description = "No such role"),
        (status = 409, description = "A built-in role"),
    ),
    security(("user" = []))
)]
pub async fn delete_v1(
    caller: AuthedUser<ManageUsers>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    remove(&caller, &name).await
}

async fn list_page(
    caller: &AuthedUser<ReadUsers>,
    request: &HttpRequest,
    query: &Query,
) -> Result<HttpResponse, ApiError> {
    let page = query.page(MAX_PER_PAGE)?;
    let roles = caller.roles().list().await?;
    let items: Vec<RoleBody> = page.of(&roles).iter().map(RoleBody::from).collect();
    let total = Extent::Total(u64::try_from(roles.len()).unwrap_or(u64::MAX));
    Ok(part(request, query, page, total, &items))
}

async fn make(sent: Sent<ManageUsers, NewRoleBody>, request: &HttpRequest) -> Result<HttpResponse, ApiError> {
    let Sent(caller, NewRoleBody { name, role }) = sent;
    caller.roles().add(&name, &role.try_into()?).await?;
    let location = format!("{}/{name}", request.path().trim_end_matches('/'));
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).finish())
}

async fn show(caller: &AuthedUser<ReadUsers>, name: &str) -> Result<HttpResponse, ApiError> {
    let role = caller.roles().get(&role_name(name)?).await?;
    Ok(HttpResponse::Ok().json(RoleBody::from(&role)))
}

async fn change(sent: Sent<ManageUsers, RoleChangeBody>, name: &str) -> Result<(), ApiError> {
    let Sent(caller, role) = sent;
    Ok(caller.roles().update(&role_name(name)?, &role.try_into()?).await?)
}

async fn remove(caller: &AuthedUser<ManageUsers>, name: &str) -> Result<HttpResponse, ApiError> {
    caller.roles().delete(&role_name(name)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What cannot be a name is no role's.
fn role_name(text: &str) -> Result<RoleName, ApiError> {
    text.parse().map_err(|_| RoleError::NotFound(text.to_owned()).into())
}

impl From<RoleError> for ApiError {
    fn from(err: RoleError) -> Self {
        let text = err.to_string();
        match err {
            RoleError::Invalid(_) => Self::new(Code::BadRequest, text),
            RoleError::NotFound(_) => Self::new(Code::NotFound, text),
            RoleError::Exists(_) | RoleError::BuiltIn(_) | RoleError::InUse(_) => {
                Self::new(Code::Conflict, text)
            }
            RoleError::TooMany => Self::new(Code::Unprocessable, text),
            RoleError::Own | RoleError::Beyond => Self::new(Code::PermissionDenied, text),
            RoleError::Storage(err) => storage_failure(err),
        }
    }
}
