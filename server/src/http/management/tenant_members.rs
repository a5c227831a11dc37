//! Members of tenants, for administrators of the default one.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use super::Secret;
use super::tenants::{ManageTenants, ReadTenants, tenant_id};
use super::users::UserBody;
use crate::http::error::ApiError;
use crate::http::extract::{AuthedUser, Sent};
use crate::ids::UserId;
use crate::tenants::NewTenantMember;
use crate::users::UserError;

/// Somebody who is to be a member.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct NewTenantMemberBody {
    /// The address to log in with; who has it already becomes a member with the password that it has.
    email: String,
    /// The first password of who is no user yet.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    password: Option<Secret>,
    /// Names of roles, for example `admin`.
    roles: Vec<String>,
}

/// The roles that a member is to have.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct MemberRolesBody {
    roles: Vec<String>,
}

/// Lists the members of a tenant by address.
#[utoipa::path(
    get,
    path = "/api/management/v1/tenants/{id}/members",
    tag = "Management API: tenants",
    params(("id" = String, Path, description = "Tenant id")),
    responses(
        (status = 200, description = "Members", body = [UserBody]),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such tenant"),
        (status = 409, description = "The default tenant: see useradm/users"),
    ),
    security(("user" = []))
)]
pub async fn list(caller: AuthedUser<ReadTenants>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let members = caller.members_of(tenant_id(&id)?).await?.list().await?;
    let items: Vec<UserBody> = members.into_iter().map(UserBody::from).collect();
    Ok(HttpResponse::Ok().json(items))
}

/// Makes somebody a member of a tenant: a user of another one, or a new one.
#[utoipa::path(
    post,
    path = "/api/management/v1/tenants/{id}/members",
    tag = "Management API: tenants",
    params(("id" = String, Path, description = "Tenant id")),
    request_body = NewTenantMemberBody,
    responses(
        (status = 201, description = "A member; `Location` names it"),
        (status = 400, description = "Malformed body or address"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, or the proof of who is calling is too old"),
        (status = 404, description = "No such tenant"),
        (status = 409, description = "The default tenant: see useradm/users; or changed in the same moment"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "A member already, no such role, or a first password that is missing or may not be chosen"),
        (status = 503, description = "Too busy, or the database is away"),
    ),
    security(("user" = []))
)]
pub async fn add(
    sent: Sent<ManageTenants, NewTenantMemberBody>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, body) = sent;
    let password = body.password.map(|password| password.0);
    let new = NewTenantMember { email: body.email, password, roles: body.roles };
    let user = caller.members_of(tenant_id(&id)?).await?.add(new).await?;
    tracing::info!(user.id = %caller.principal().user, object.id = %user, tenant.id = %*id, "member of a tenant added");
    let location = format!("{}/{user}", request.path().trim_end_matches('/'));
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).finish())
}

/// Gives a member of a tenant other roles there, and ends its sessions there.
#[utoipa::path(
    put,
    path = "/api/management/v1/tenants/{id}/members/{user}",
    tag = "Management API: tenants",
    params(("id" = String, Path, description = "Tenant id"), ("user" = String, Path, description = "User id")),
    request_body = MemberRolesBody,
    responses(
        (status = 204, description = "Changed"),
        (status = 400, description = "Malformed body"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, or the proof of who is calling is too old"),
        (status = 404, description = "No such tenant or member"),
        (status = 409, description = "The default tenant: see useradm/users"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "No such role"),
    ),
    security(("user" = []))
)]
pub async fn update(
    sent: Sent<ManageTenants, MemberRolesBody>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, body) = sent;
    let (tenant, user) = path.into_inner();
    caller.members_of(tenant_id(&tenant)?).await?.set_roles(user_id(&user)?, &body.roles).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Takes a member out of a tenant, and forgets a user that is in no other one.
#[utoipa::path(
    delete,
    path = "/api/management/v1/tenants/{id}/members/{user}",
    tag = "Management API: tenants",
    params(("id" = String, Path, description = "Tenant id"), ("user" = String, Path, description = "User id")),
    responses(
        (status = 204, description = "No member any more"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, or the proof of who is calling is too old"),
        (status = 404, description = "No such tenant or member"),
        (status = 409, description = "The default tenant: see useradm/users"),
    ),
    security(("user" = []))
)]
pub async fn remove(
    caller: AuthedUser<ManageTenants>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (tenant, user) = path.into_inner();
    caller.members_of(tenant_id(&tenant)?).await?.remove(user_id(&user)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn user_id(text: &str) -> Result<UserId, ApiError> {
    text.parse().map_err(|_| UserError::NotFound(text.chars().take(64).collect()).into())
}
