//! Devices and their authentication sets (management API §2).

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::timestamp;
use crate::devices::service::DeviceError;
use crate::devices::{AuthSet, Device, DeviceStatus, DeviceWithSets};
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Requires, Sent};
use crate::http::failure::storage_failure;
use crate::http::listing::{Extent, part};
use crate::http::query::{MAX_PER_PAGE, Query};
use crate::ids::DeviceId;
use crate::storage::devices::DeviceFilter;
use crate::users::{Permission, Principal, Reach};

/// May see devices.
pub struct ReadDevices;
impl Requires for ReadDevices {
    const PERMISSION: Permission = Permission::DevicesRead;
}

/// May preauthorize devices.
pub struct PreauthorizeDevices;
impl Requires for PreauthorizeDevices {
    const PERMISSION: Permission = Permission::DevicesPreauthorize;
}

/// May decommission devices.
pub struct DecommissionDevices;
impl Requires for DecommissionDevices {
    const PERMISSION: Permission = Permission::DevicesDecommission;
}

/// A device, as clients take it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct DeviceBody {
    id: String,
    identity_data: Value,
    status: &'static str,
    created_ts: String,
    updated_ts: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    check_in_time: Option<String>,
    auth_sets: Vec<AuthSetBody>,
    decommissioning: bool,
}

#[derive(Serialize, utoipa::ToSchema)]
struct AuthSetBody {
    id: String,
    device_id: String,
    identity_data: Value,
    pubkey: String,
    status: &'static str,
    ts: String,
}

/// A device that is expected.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct Preauthorization {
    /// The identity that it will claim: a JSON object.
    identity_data: Value,
    /// Its public key, PEM.
    pubkey: String,
    /// Whether a known identity gets one more key.
    #[serde(default)]
    force: bool,
}

/// A search for devices.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct Search {
    /// A status or an array of them.
    #[schema(value_type = Option<Object>)]
    status: Option<Value>,
    /// An id or an array of them.
    #[schema(value_type = Option<Object>)]
    id: Option<Value>,
}

impl From<DeviceWithSets> for DeviceBody {
    fn from(found: DeviceWithSets) -> Self {
        let identity_data: Value = found.device.identity.attributes().into_iter().collect();
        let id = found.device.id.to_string();
        let set = |set: AuthSet| AuthSetBody {
            id: set.id.to_string(),
            device_id: id.clone(),
            identity_data: identity_data.clone(),
            pubkey: set.public_key,
            status: set.status.as_str(),
            ts: timestamp(set.created_at),
        };
        Self {
            auth_sets: found.auth_sets.into_iter().map(set).collect(),
            id: id.clone(),
            identity_data: identity_data.clone(),
            status: found.device.status.as_str(),
            created_ts: timestamp(found.device.created_at),
            updated_ts: timestamp(found.device.updated_at),
            check_in_time: found.seen_at.map(timestamp),
            decommissioning: false,
        }
    }
}

/// Lists devices, oldest first.
#[utoipa::path(
    get,
    path = "/api/management/v2/devauth/devices",
    tag = "Management API: devices",
    params(
        ("status" = Option<Vec<String>>, Query, description = "Any of these: accepted, pending, preauthorized, rejected, noauth"),
        ("id" = Option<Vec<String>>, Query, description = "Any of these ids"),
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 500"),
    ),
    responses(
        (status = 200, description = "Devices", body = [DeviceBody]),
        (status = 400, description = "Malformed query"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn list(
    caller: AuthedUser<ReadDevices>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let statuses =
        query.all("status").filter(|word| !word.is_empty()).map(status).collect::<Result<_, _>>()?;
    let filter = DeviceFilter { statuses, ids: known_ids(query.all("id")) };
    let nothing_named = query.all("id").next().is_some() && filter.ids.is_empty();
    answer(&caller, &request, &query, &filter, nothing_named).await
}

/// Lists devices, with the filter in the body.
#[utoipa::path(
    post,
    path = "/api/management/v2/devauth/devices/search",
    tag = "Management API: devices",
    params(
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 500"),
    ),
    request_body = Search,
    responses(
        (status = 200, description = "Devices", body = [DeviceBody]),
        (status = 400, description = "Malformed search"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 415, description = "Not JSON"),
    ),
    security(("user" = []))
)]
pub async fn search(
    sent: Sent<ReadDevices, Search>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, search) = sent;
    let statuses = words("status", search.status)?;
    let ids = words("id", search.id)?;
    let statuses = statuses.iter().map(|word| status(word)).collect::<Result<_, _>>()?;
    let filter = DeviceFilter { statuses, ids: known_ids(ids.iter().map(String::as_str)) };
    let nothing_named = !ids.is_empty() && filter.ids.is_empty();
    answer(&caller, &request, &query, &filter, nothing_named).await
}

async fn answer(
    caller: &AuthedUser<ReadDevices>,
    request: &HttpRequest,
    query: &Query,
    filter: &DeviceFilter,
    nothing_named: bool,
) -> Result<HttpResponse, ApiError> {
    let page = query.page(MAX_PER_PAGE)?;
    let (found, more) =
        if nothing_named { (Vec::new(), false) } else { caller.devices().list(filter, page).await? };
    let items: Vec<DeviceBody> = found.into_iter().map(DeviceBody::from).collect();
    Ok(part(request, query, page, Extent::More(more), &items))
}

/// Counts devices.
#[utoipa::path(
    get,
    path = "/api/management/v2/devauth/devices/count",
    tag = "Management API: devices",
    params(("status" = Option<String>, Query, description = "Only those with this status")),
    responses(
        (status = 200, description = "`count`"),
        (status = 400, description = "Unknown status"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn count(caller: AuthedUser<ReadDevices>, query: Query) -> Result<HttpResponse, ApiError> {
    let status = query.get("status").map(status).transpose()?;
    Ok(HttpResponse::Ok().json(json!({ "count": caller.devices().count(status).await? })))
}

/// A device.
#[utoipa::path(
    get,
    path = "/api/management/v2/devauth/devices/{id}",
    tag = "Management API: devices",
    params(("id" = String, Path, description = "Device id")),
    responses(
        (status = 200, description = "The device", body = DeviceBody),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such device"),
    ),
    security(("user" = []))
)]
pub async fn get(caller: AuthedUser<ReadDevices>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let found = caller.devices().get(device_id(&id)?).await?;
    Ok(HttpResponse::Ok().json(DeviceBody::from(found)))
}

/// Makes a device expected.
#[utoipa::path(
    post,
    path = "/api/management/v2/devauth/devices",
    tag = "Management API: devices",
    request_body = Preauthorization,
    responses(
        (status = 201, description = "Expected from now on; `Location` names the device"),
        (status = 400, description = "Malformed identity or key"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 409, description = "The device that has the identity", body = DeviceBody),
        (status = 415, description = "Not JSON"),
    ),
    security(("user" = []))
)]
pub async fn preauthorize(
    sent: Sent<PreauthorizeDevices, Preauthorization>,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, body) = sent;
    match caller.devices().preauthorize(&body.identity_data, &body.pubkey, body.force).await {
        Ok(id) => Ok(HttpResponse::Created().insert_header((LOCATION, format!("devices/{id}"))).finish()),
        // The one refusal whose body is no error object: tools read the device from it.
        Err(DeviceError::Exists(known)) if may_read(caller.principal(), &known.device) => {
            Ok(HttpResponse::Conflict().json(DeviceBody::from(*known)))
        }
        Err(err) => Err(err.into()),
    }
}

/// Who preauthorizes may do so for the whole tenant, and see devices of some groups only, or none.
fn may_read(caller: &Principal, device: &Device) -> bool {
    match (caller.rights.reach(Permission::DevicesRead), &device.group) {
        (Some(reach), Some(group)) => reach.includes(group),
        (Some(reach), None) => *reach == Reach::Everything,
        (None, _) => false,
    }
}

/// Forgets a device.
#[utoipa::path(
    delete,
    path = "/api/management/v2/devauth/devices/{id}",
    tag = "Management API: devices",
    params(("id" = String, Path, description = "Device id")),
    responses(
        (status = 204, description = "Decommissioned"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such device"),
    ),
    security(("user" = []))
)]
pub async fn decommission(
    caller: AuthedUser<DecommissionDevices>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller.devices().decommission(device_id(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// How many devices may be accepted; -1 is no limit.
#[utoipa::path(
    get,
    path = "/api/management/v2/devauth/limits/{name}",
    tag = "Management API: devices",
    params(("name" = String, Path, description = "`max_devices`, or `devices` for one limit a kind of device")),
    responses(
        (status = 200, description = "`limit`; of `devices`: `standard`, `micro` and `system`"),
        (status = 400, description = "Unknown limit"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn limit(
    caller: AuthedUser<ReadDevices>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let limit =
        async || caller.devices().limit().await.map(|limit| limit.map_or(json!(-1), |limit| json!(limit)));
    let body = match name.as_str() {
        "max_devices" => json!({ "limit": limit().await? }),
        // All devices are of the first kind, of which alone there is a limit.
        "devices" => json!({ "standard": limit().await?, "micro": -1, "system": -1 }),
        other => return Err(ApiError::new(Code::BadRequest, format!("unsupported limit {other:?}"))),
    };
    Ok(HttpResponse::Ok().json(body))
}

impl From<DeviceError> for ApiError {
    fn from(err: DeviceError) -> Self {
        let text = err.to_string();
        match err {
            DeviceError::Identity(_) | DeviceError::Key(_) | DeviceError::SetOfOther { .. } => {
                Self::new(Code::BadRequest, text)
            }
            DeviceError::Transition(_) => Self::new(Code::BadRequest, text),
            DeviceError::Exists(_) => Self::new(Code::Conflict, text),
            DeviceError::NotFound(_) | DeviceError::SetNotFound(_) => Self::new(Code::NotFound, text),
            DeviceError::LimitReached => Self::new(Code::Unprocessable, text),
            DeviceError::Storage(err) => storage_failure(err),
        }
    }
}

/// Path ids are opaque to old clients: one that is no id names a device that does not exist.
pub(in crate::http) fn device_id(text: &str) -> Result<DeviceId, ApiError> {
    text.parse().map_err(|_| ApiError::new(Code::NotFound, format!("device {text:?} does not exist")))
}

pub(super) fn status(word: &str) -> Result<DeviceStatus, ApiError> {
    word.parse().map_err(|err: crate::devices::auth_set::UnknownStatus| bad_request(&err))
}

fn known_ids<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<DeviceId> {
    ids.filter_map(|id| id.parse().ok()).collect()
}

fn words(key: &str, value: Option<Value>) -> Result<Vec<String>, ApiError> {
    let malformed =
        || ApiError::new(Code::BadRequest, format!("{key}: must be a string or an array of strings"));
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(word)) => Ok(vec![word]),
        Some(Value::Array(items)) => {
            items.into_iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(malformed)).collect()
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => Err(malformed()),
    }
}

fn bad_request(err: &impl ToString) -> ApiError {
    ApiError::new(Code::BadRequest, err.to_string())
}
