//! Every URL, one line each.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, Responder, Route, web};
use utoipa::OpenApi;

use super::openapi::{Security, completed};
use super::{device, docs, health, management};

/// A route: method and path.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct RouteEntry {
    /// The method, in capitals.
    pub method: &'static str,
    /// The path, with parameters in braces.
    pub path: &'static str,
}

macro_rules! routes {
    ($($method:ident $path:literal => $first:ident $(:: $rest:ident)*;)+) => {
        /// All routes, in the order in which they are matched.
        pub const TABLE: &[RouteEntry] =
            &[$(RouteEntry { method: stringify!($method), path: $path }),+];

        /// Adds all routes to an application: one resource for each path, so that a wrong method is a 405.
        pub fn configure(app: &mut web::ServiceConfig) {
            let mut resources: Vec<(&str, Vec<Route>)> = Vec::new();
            $(add(&mut resources, $path, web::method(Method::$method).to($first $(:: $rest)*));)+
            for (path, routes) in resources {
                let resource = routes.into_iter().fold(web::resource(path), actix_web::Resource::route);
                let resource = resource.route(web::method(Method::OPTIONS).to(options));
                app.service(resource);
            }
        }

        /// The description of all routes (OpenAPI 3.1).
        #[derive(OpenApi)]
        #[openapi(
            info(
                title = "Sealift",
                description = "Over-the-air updates for fleets of Linux devices",
                license(name = "Apache-2.0", identifier = "Apache-2.0")
            ),
            modifiers(&Security),
            paths($($first $(:: $rest)*),+)
        )]
        struct Description;
    };
}

routes! {
    // Devices.
    POST "/api/devices/v1/authentication/auth_requests" => device::auth_requests::auth_request;
    POST "/api/devices/v2/deployments/device/deployments/next" => device::next::next_v2;
    POST "/api/devices/v1/deployments/device/deployments/next" => device::next::next_v1;
    GET "/api/devices/v1/deployments/device/deployments/next" => device::next::next_by_query;
    PUT "/api/devices/v1/deployments/device/deployments/{id}/status" => device::deployments::status;
    PUT "/api/devices/v1/deployments/device/deployments/{id}/log" => device::deployments::log;
    GET "/api/devices/v1/deployments/download/{deployment}/{device}/{artifact}" => device::download::download;
    HEAD "/api/devices/v1/deployments/download/{deployment}/{device}/{artifact}" => device::download::download_head;
    PUT "/api/devices/v1/inventory/device/attributes" => device::inventory::replace;
    PATCH "/api/devices/v1/inventory/device/attributes" => device::inventory::merge;

    // Devices and their authentication sets, for users.
    GET "/api/management/v2/devauth/devices" => management::devices::list;
    POST "/api/management/v2/devauth/devices" => management::devices::preauthorize;
    POST "/api/management/v2/devauth/devices/search" => management::devices::search;
    GET "/api/management/v2/devauth/devices/count" => management::devices::count;
    GET "/api/management/v2/devauth/devices/{id}" => management::devices::get;
    DELETE "/api/management/v2/devauth/devices/{id}" => management::devices::decommission;
    GET "/api/management/v2/devauth/devices/{id}/auth/{set}/status" => management::auth_sets::auth_set_status;
    PUT "/api/management/v2/devauth/devices/{id}/auth/{set}/status" => management::auth_sets::decide;
    DELETE "/api/management/v2/devauth/devices/{id}/auth/{set}" => management::auth_sets::dismiss;
    DELETE "/api/management/v2/devauth/tokens/{id}" => management::auth_sets::revoke_token;
    GET "/api/management/v2/devauth/limits/{name}" => management::devices::limit;

    // Inventory and groups, for users.
    GET "/api/management/v1/inventory/devices" => management::inventory::list;
    GET "/api/management/v1/inventory/devices/{id}" => management::inventory::get;
    DELETE "/api/management/v1/inventory/devices/{id}" => management::inventory_tags::forget;
    PUT "/api/management/v1/inventory/devices/{id}/tags" => management::inventory_tags::put;
    PATCH "/api/management/v1/inventory/devices/{id}/tags" => management::inventory_tags::patch;
    POST "/api/management/v2/inventory/filters/search" => management::inventory_search::search;
    GET "/api/management/v2/inventory/filters/attributes" => management::inventory_search::attributes;
    GET "/api/management/v2/inventory/filters" => management::saved_filters::list;
    POST "/api/management/v2/inventory/filters" => management::saved_filters::add;
    GET "/api/management/v2/inventory/filters/{id}" => management::saved_filters::get;
    PUT "/api/management/v2/inventory/filters/{id}" => management::saved_filters::update;
    DELETE "/api/management/v2/inventory/filters/{id}" => management::saved_filters::delete;
    GET "/api/management/v2/inventory/filters/{id}/search" => management::saved_filters::search;
    GET "/api/management/v2/inventory/statistics" => management::inventory_search::statistics;
    POST "/api/management/v2alpha1/inventory/identities/search" => management::inventory_search::identities;
    GET "/api/management/v1/inventory/devices/{id}/group" => management::groups::of_device;
    PUT "/api/management/v1/inventory/devices/{id}/group" => management::groups::put_device;
    DELETE "/api/management/v1/inventory/devices/{id}/group/{name}" => management::groups::remove_device;
    GET "/api/management/v1/inventory/groups" => management::groups::list;
    DELETE "/api/management/v1/inventory/groups/{name}" => management::groups::delete;
    GET "/api/management/v1/inventory/groups/{name}/devices" => management::groups::members;
    PATCH "/api/management/v1/inventory/groups/{name}/devices" => management::groups::put_devices;
    DELETE "/api/management/v1/inventory/groups/{name}/devices" => management::groups::remove_devices;

    // Artifacts and releases, for users.
    POST "/api/management/v1/deployments/artifacts" => management::artifact_upload::upload;
    GET "/api/management/v1/deployments/artifacts" => management::artifacts::list_all;
    GET "/api/management/v1/deployments/artifacts/list" => management::artifacts::list_parts;
    GET "/api/management/v2/deployments/artifacts" => management::artifacts::list;
    OPTIONS "/api/management/v1/deployments/artifacts/uploads" => management::uploads::capabilities;
    POST "/api/management/v1/deployments/artifacts/uploads" => management::uploads::create;
    GET "/api/management/v1/deployments/artifacts/uploads" => management::uploads::list;
    HEAD "/api/management/v1/deployments/artifacts/uploads/{id}" => management::uploads::offset;
    PATCH "/api/management/v1/deployments/artifacts/uploads/{id}" => management::uploads::append;
    DELETE "/api/management/v1/deployments/artifacts/uploads/{id}" => management::uploads::end;
    POST "/api/management/v1/deployments/artifacts/generate" => management::artifact_generate::generate;
    GET "/api/management/v1/deployments/artifacts/{id}" => management::artifacts::get;
    PUT "/api/management/v1/deployments/artifacts/{id}" => management::artifacts::describe;
    DELETE "/api/management/v1/deployments/artifacts/{id}" => management::artifacts::delete;
    GET "/api/management/v1/deployments/artifacts/{id}/download" => management::artifact_link::download;
    GET "/api/management/v1/deployments/artifacts/{id}/content" => management::artifact_link::content;
    HEAD "/api/management/v1/deployments/artifacts/{id}/content" => management::artifact_link::content_head;
    GET "/api/management/v1/deployments/config" => management::delta_settings::get;
    GET "/api/management/v1/deployments/limits/{name}" => management::artifacts::limit;
    GET "/api/management/v2/deployments/deployments/releases" => management::releases::list;
    DELETE "/api/management/v2/deployments/deployments/releases" => management::releases::delete;
    GET "/api/management/v2/deployments/deployments/releases/{name}" => management::releases::get;
    PATCH "/api/management/v2/deployments/deployments/releases/{name}" => management::release_labels::change;
    PUT "/api/management/v2/deployments/deployments/releases/{name}/tags" => management::release_labels::put_tags;
    GET "/api/management/v2/deployments/releases/all/tags" => management::release_labels::all_tags;
    GET "/api/management/v2/deployments/releases/all/types" => management::release_labels::all_types;
    GET "/api/management/v1alpha1/deployments/software" => management::software::list;
    GET "/api/management/v1alpha1/deployments/software/tags" => management::software::all_tags;
    GET "/api/management/v1/deployments/deployments/releases" => management::releases::list_all_v1;
    GET "/api/management/v1/deployments/deployments/releases/list" => management::releases::list_parts_v1;

    // Whose signatures on releases count, for users.
    POST "/api/management/v1/releases/keys" => management::release_keys::add;
    GET "/api/management/v1/releases/keys" => management::release_keys::list;
    GET "/api/management/v1/releases/keys/{id}" => management::release_keys::get;
    POST "/api/management/v1/releases/keys/{id}/revoke" => management::release_keys::revoke;
    GET "/api/management/v1/releases/policy" => management::release_policy::get;
    PUT "/api/management/v1/releases/policy" => management::release_policy::put;

    // Users.
    POST "/api/management/v1/setup" => management::setup::create_admin;
    POST "/api/management/v1/useradm/auth/login" => management::users::log_in;
    POST "/api/management/v1/useradm/auth/logout" => management::users::log_out;
    POST "/api/management/v1/useradm/auth/logout-all" => management::sessions::end_all;
    POST "/api/management/v1/useradm/auth/step-up" => management::sessions::step_up;
    POST "/api/management/v1/useradm/auth/console" => management::console::open;
    POST "/api/management/v1/useradm/auth/refresh" => management::console::refresh;
    GET "/api/management/v1/useradm/sessions" => management::sessions::list;
    DELETE "/api/management/v1/useradm/sessions/{id}" => management::sessions::end;
    GET "/api/management/v1/useradm/users" => management::users::list;
    POST "/api/management/v1/useradm/users" => management::members::add;
    GET "/api/management/v1/useradm/users/exists" => management::members::exists;
    GET "/api/management/v1/useradm/users/me" => management::users::me;
    PUT "/api/management/v1/useradm/users/me" => management::account::update_me;
    PUT "/api/management/v2/useradm/users/me" => management::account::update_my_password;
    POST "/api/management/v1/useradm/users/{id}/2fa/enable" => management::second_factors::enable;
    POST "/api/management/v1/useradm/users/{id}/2fa/disable" => management::second_factors::disable;
    GET "/api/management/v1/useradm/2faqr" => management::second_factors::qr;
    PUT "/api/management/v1/useradm/2faverify" => management::second_factors::verify;
    POST "/api/management/v1/useradm/users/me/2fa/recovery-codes" => management::second_factors::renew_recovery_codes;
    GET "/api/management/v1/useradm/users/me/2fa/recovery-codes" => management::second_factors::count_recovery_codes;
    GET "/api/management/v1/useradm/users/{id}" => management::users::get;
    PUT "/api/management/v1/useradm/users/{id}" => management::account::update;
    DELETE "/api/management/v1/useradm/users/{id}" => management::members::remove;
    GET "/api/management/v2/useradm/roles" => management::roles::list;
    POST "/api/management/v2/useradm/roles" => management::roles::add;
    GET "/api/management/v2/useradm/roles/{name}" => management::roles::get;
    PUT "/api/management/v2/useradm/roles/{name}" => management::roles::update;
    DELETE "/api/management/v2/useradm/roles/{name}" => management::roles::delete;
    GET "/api/management/v1/useradm/roles" => management::roles::list_v1;
    POST "/api/management/v1/useradm/roles" => management::roles::add_v1;
    GET "/api/management/v1/useradm/roles/{name}" => management::roles::get_v1;
    PUT "/api/management/v1/useradm/roles/{name}" => management::roles::update_v1;
    DELETE "/api/management/v1/useradm/roles/{name}" => management::roles::delete_v1;
    GET "/api/management/v2/useradm/permission_sets" => management::permission_sets::list;
    POST "/api/management/v2/useradm/permission_sets" => management::permission_sets::add;
    GET "/api/management/v2/useradm/permission_sets/{name}" => management::permission_sets::get;
    PUT "/api/management/v2/useradm/permission_sets/{name}" => management::permission_sets::update;
    DELETE "/api/management/v2/useradm/permission_sets/{name}" => management::permission_sets::delete;

    // New passwords for who does not know the old one.
    POST "/api/management/v1/useradm/auth/password-reset/start" => management::password_reset::start;
    POST "/api/management/v1/useradm/auth/password-reset/complete" => management::password_reset::complete;
    POST "/api/management/v1/useradm/users/{id}/password-reset" => management::password_reset::hand_over;

    // Personal tokens of users.
    GET "/api/management/v1/useradm/settings" => management::settings::get;
    POST "/api/management/v1/useradm/settings" => management::settings::put;
    GET "/api/management/v1/useradm/settings/me" => management::settings::get_own;
    POST "/api/management/v1/useradm/settings/me" => management::settings::put_own;
    POST "/api/management/v1/useradm/settings/tokens" => management::settings_tokens::create;
    GET "/api/management/v1/useradm/settings/tokens" => management::settings_tokens::list;
    DELETE "/api/management/v1/useradm/settings/tokens/{id}" => management::settings_tokens::revoke;
    POST "/api/management/v1/useradm/tokens" => management::tokens::create;
    GET "/api/management/v1/useradm/tokens" => management::tokens::list;
    DELETE "/api/management/v1/useradm/tokens/{id}" => management::tokens::revoke;
    POST "/api/management/v1/useradm/tokens/{id}/rotate" => management::tokens::rotate;

    // Deployments, for users.
    POST "/api/management/v1/deployments/deployments" => management::deployments::create;
    GET "/api/management/v1/deployments/deployments" => management::deployment_lists::list_v1;
    GET "/api/management/v2/deployments/deployments" => management::deployment_lists::list;
    POST "/api/management/v1/deployments/deployments/statistics/list" => management::deployment_lists::list_statistics;
    POST "/api/management/v1/deployments/deployments/group/{name}" => management::deployments::create_for_group;
    GET "/api/management/v1/deployments/deployments/devices/{device}" => management::device_deployments::history;
    DELETE "/api/management/v1/deployments/deployments/devices/{device}" => management::device_deployments::abort_for_device;
    DELETE "/api/management/v1/deployments/deployments/devices/{device}/history" => management::device_deployments::forget_history;
    GET "/api/management/v1/deployments/deployments/{id}" => management::deployments::get;
    PUT "/api/management/v1/deployments/deployments/{id}/status" => management::deployments::abort;
    GET "/api/management/v1/deployments/deployments/{id}/statistics" => management::deployment_lists::get_statistics;
    GET "/api/management/v1/deployments/deployments/{id}/devices" => management::device_deployments::list_all;
    GET "/api/management/v1/deployments/deployments/{id}/devices/list" => management::device_deployments::list;
    GET "/api/management/v1/deployments/deployments/{id}/devices/{device}/log" => management::device_deployments::log;

    // Tenants.
    GET "/api/management/v1/tenants" => management::tenants::list;
    POST "/api/management/v1/tenants" => management::tenants::add;
    GET "/api/management/v1/tenants/{id}" => management::tenants::get;
    PUT "/api/management/v1/tenants/{id}" => management::tenants::update;
    GET "/api/management/v1/tenants/{id}/token" => management::tenants::token;
    POST "/api/management/v1/tenants/{id}/token" => management::tenants::renew_token;
    GET "/api/management/v1/tenants/{id}/members" => management::tenant_members::list;
    POST "/api/management/v1/tenants/{id}/members" => management::tenant_members::add;
    PUT "/api/management/v1/tenants/{id}/members/{user}" => management::tenant_members::update;
    DELETE "/api/management/v1/tenants/{id}/members/{user}" => management::tenant_members::remove;
    GET "/api/management/v2/tenantadm/tenants/me" => management::own_tenants::current;
    GET "/api/management/v1/tenantadm/user/tenant" => management::own_tenants::current_v1;
    GET "/api/management/v1/useradm/users/tenants/{id}/token" => management::own_tenants::switch;

    // Connections of devices.
    GET "/api/management/v1/deviceconnect/devices/{id}" => management::device_connect::status;
    POST "/api/management/v1/deviceconnect/devices/{id}/check-update" => management::device_connect::check_update;
    POST "/api/management/v1/deviceconnect/devices/{id}/send-inventory" => management::device_connect::send_inventory;

    // Other clouds.
    GET "/api/management/v1/iot-manager/integrations" => management::integrations::list;

    // Who did what.
    GET "/api/management/v1/auditlogs/checkpoint" => management::audit_checkpoint::get;
    GET "/api/management/v1/auditlogs/logs" => management::audit_logs::list;
    GET "/api/management/v1/auditlogs/logs/export" => management::audit_logs::export;

    // The server itself.
    GET "/health/live" => health::live;
    GET "/health/ready" => health::ready;
    GET "/openapi.json" => health::openapi;
    GET "/docs" => docs::docs;
}

/// The description of all routes, as JSON.
#[must_use]
pub fn openapi_json() -> String {
    serde_json::to_string_pretty(&openapi()).unwrap_or_default()
}

/// The description of all routes.
#[must_use]
pub fn openapi() -> serde_json::Value {
    completed(&Description::openapi())
}

fn add(resources: &mut Vec<(&'static str, Vec<Route>)>, path: &'static str, route: Route) {
    match resources.iter_mut().find(|(known, _)| *known == path) {
        Some((_, routes)) => routes.push(route),
        None => resources.push((path, vec![route])),
    }
}

/// Answers `OPTIONS` with one `Allow` header for each method (management API §0).
async fn options(request: HttpRequest) -> impl Responder {
    let pattern = request.match_pattern().unwrap_or_default();
    let mut response = HttpResponse::NoContent();
    for entry in TABLE.iter().filter(|entry| entry.path == pattern) {
        response.append_header((actix_web::http::header::ALLOW, entry.method));
    }
    response.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{TABLE, openapi, openapi_json};

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let document: Value = serde_json::from_str(&openapi_json()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let mut described: Vec<(String, String)> = paths
            .iter()
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(|method| (path.clone(), method.to_uppercase()))
            })
            .collect();
        let mut routed: Vec<(String, String)> =
            TABLE.iter().map(|entry| (entry.path.to_owned(), entry.method.to_owned())).collect();
        described.sort();
        routed.sort();
        assert_eq!(described, routed);
    }

    #[test]
    fn operations_have_a_name_of_their_own() {
        let document = openapi();
        let operations =
            document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap());
        let mut names: Vec<&str> =
            operations.map(|(_, operation)| operation["operationId"].as_str().unwrap()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
