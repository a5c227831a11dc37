//! Sets of permissions that roles are made of (management API §1.6).

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::role_body::PermissionBody;
use super::roles::ManageUsers;
use super::users::ReadUsers;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Sent};
use crate::http::listing::{Extent, part};
use crate::http::query::{MAX_PER_PAGE, Query};
use crate::users::{Object, PermissionSet};

/// A set of permissions.
#[derive(Serialize, utoipa::ToSchema)]
pub struct PermissionSetBody {
    name: String,
    description: String,
    permissions: Vec<PermissionBody>,
    /// To what a role can limit it: `DeviceGroups` or `ReleaseTags`.
    supported_scope_types: Vec<&'static str>,
}

impl From<&PermissionSet> for PermissionSetBody {
    fn from(set: &PermissionSet) -> Self {
        Self {
            name: set.name.clone(),
            description: set.description.clone(),
            permissions: set
                .permissions
                .iter()
                .map(|permission| PermissionBody::over_everything(*permission))
                .collect(),
            supported_scope_types: match set.object() {
                Object::Devices => vec!["DeviceGroups"],
                Object::Releases => vec!["ReleaseTags"],
                Object::Tenant => Vec::new(),
            },
        }
    }
}

/// What a set of permissions is to be.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct PermissionSetChangeBody {
    #[serde(default)]
    description: String,
    /// Each over everything: roles limit sets.
    permissions: Vec<PermissionBody>,
}

/// A set of permissions to be made.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct NewPermissionSetBody {
    /// 1 to 128 of the characters A-Z, a-z, 0-9, -, _ and .
    name: String,
    #[serde(flatten)]
    set: PermissionSetChangeBody,
}

/// Lists sets of permissions: built-in ones, then those of the tenant by name.
#[utoipa::path(
    get,
    path = "/api/management/v2/useradm/permission_sets",
    tag = "Management API: roles",
    params(
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 500"),
    ),
    responses(
        (status = 200, description = "Sets", body = [PermissionSetBody]),
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
    let page = query.page(MAX_PER_PAGE)?;
    let sets = caller.roles().sets().await?;
    let items: Vec<PermissionSetBody> = page.of(&sets).iter().map(PermissionSetBody::from).collect();
    let total = Extent::Total(u64::try_from(sets.len()).unwrap_or(u64::MAX));
    Ok(part(&request, &query, page, total, &items))
}

/// Makes a set of permissions.
#[utoipa::path(
    post,
    path = "/api/management/v2/useradm/permission_sets",
    tag = "Management API: roles",
    request_body = NewPermissionSetBody,
    responses(
        (status = 201, description = "Made; `Location` names it"),
        (status = 400, description = "Malformed"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, or rights that the caller does not have"),
        (status = 409, description = "There is one of this name"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "No further set can be made"),
    ),
    security(("user" = []))
)]
pub async fn add(
    sent: Sent<ManageUsers, NewPermissionSetBody>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, NewPermissionSetBody { name, set: change }) = sent;
    let location = format!("{}/{name}", request.path().trim_end_matches('/'));
    caller.roles().add_set(&permission_set(name, &change)?).await?;
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).finish())
}

/// A set of permissions.
#[utoipa::path(
    get,
    path = "/api/management/v2/useradm/permission_sets/{name}",
    tag = "Management API: roles",
    params(
        ("name" = String, Path, description = "Name of the set"),
    ),
    responses(
        (status = 200, description = "The set", body = PermissionSetBody),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such set"),
    ),
    security(("user" = []))
)]
pub async fn get(caller: AuthedUser<ReadUsers>, name: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let set = caller.roles().set(&name).await?;
    Ok(HttpResponse::Ok().json(PermissionSetBody::from(&set)))
}

/// Changes a set of permissions, and with it all roles that are made of it.
#[utoipa::path(
    put,
    path = "/api/management/v2/useradm/permission_sets/{name}",
    tag = "Management API: roles",
    params(
        ("name" = String, Path, description = "Name of the set"),
    ),
    request_body = PermissionSetChangeBody,
    responses(
        (status = 200, description = "Changed"),
        (status = 400, description = "Malformed"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, a set of a role that the caller holds, or rights that the caller does not have"),
        (status = 404, description = "No such set"),
        (status = 409, description = "A built-in set"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
    ),
    security(("user" = []))
)]
pub async fn update(
    sent: Sent<ManageUsers, PermissionSetChangeBody>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, change) = sent;
    caller.roles().update_set(&permission_set(name.into_inner(), &change)?).await?;
    Ok(HttpResponse::Ok().finish())
}

/// Deletes a set of permissions that no role is made of.
#[utoipa::path(
    delete,
    path = "/api/management/v2/useradm/permission_sets/{name}",
    tag = "Management API: roles",
    params(
        ("name" = String, Path, description = "Name of the set"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such set"),
        (status = 409, description = "A built-in set, or one that a role is made of"),
    ),
    security(("user" = []))
)]
pub async fn delete(
    caller: AuthedUser<ManageUsers>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller.roles().delete_set(&name).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn permission_set(name: String, body: &PermissionSetChangeBody) -> Result<PermissionSet, ApiError> {
    let permissions = body.permissions.iter().map(PermissionBody::unlimited).collect::<Option<Vec<_>>>();
    let permissions = permissions.ok_or_else(|| {
        ApiError::new(
            Code::BadRequest,
            "permissions: an action of ours over the object type \"any\" is needed",
        )
    })?;
    Ok(PermissionSet { name, description: body.description.clone(), permissions })
}
