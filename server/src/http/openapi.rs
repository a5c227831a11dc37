//! What the description says of all routes alike.

use serde_json::{Map, Value, json};
use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

use super::error::Code;

/// What any route may answer, and its description. The rest of a row says which routes do.
const COMMON: [(u16, &str, Applies); 8] = [
    (400, "The request is malformed", |operation| operation.has_parameters || operation.has_body),
    (408, "The request did not arrive in time", |operation| operation.has_body),
    (413, "The body is larger than is taken", |operation| operation.has_body),
    (414, "Path and query are longer than is taken", |_| true),
    (415, "The body is of a type that is not taken", |operation| operation.has_body),
    (429, "Too many requests: try again after `Retry-After` seconds", |_| true),
    (431, "The head is larger than is taken", |_| true),
    (503, "Too busy, or the database is away, or there is no user yet: try again later", |_| true),
];

type Applies = fn(&Operation<'_>) -> bool;

/// Names the two kinds of sessions, and how users open theirs.
pub(super) struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_with(Default::default);
        for name in ["device", "user"] {
            let mut bearer = Http::new(HttpAuthScheme::Bearer);
            bearer.bearer_format = Some("JWT".to_owned());
            components.add_security_scheme(name, SecurityScheme::Http(bearer));
        }
        components.add_security_scheme("basic", SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)));
    }
}

/// An operation, as far as it decides what is added to it.
struct Operation<'a> {
    method: &'a str,
    has_parameters: bool,
    has_body: bool,
    /// Whether a device's session is refused there: without a body (device protocol §0, rule 5).
    is_of_devices: bool,
}

/// Returns the document with what is the same everywhere: an id for each operation, the body of refusals, and the
/// refusals that any route has.
pub(super) fn completed(document: &OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        for (path, item) in paths {
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                complete(path, method, operation);
            }
        }
    }
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        if let Some(schemas) = components.get_mut("schemas").and_then(Value::as_object_mut) {
            schemas.insert("Error".to_owned(), error_schema());
        }
        let common = COMMON.iter().map(|(status, description, _)| {
            (common_name(*status), json!({ "description": description, "content": error_content() }))
        });
        components.insert("responses".to_owned(), Value::Object(common.collect()));
    }
    document
}

fn complete(path: &str, method: &str, operation: &mut Value) {
    let Some(members) = operation.as_object_mut() else { return };
    members.insert("operationId".to_owned(), Value::String(operation_id(path, method)));
    let names_device = |security: &Value| security.to_string().contains("\"device\"");
    let facts = Operation {
        method,
        has_parameters: members.contains_key("parameters"),
        has_body: members.contains_key("requestBody"),
        is_of_devices: members.get("security").is_some_and(names_device),
    };
    let Some(responses) = members.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, response) in responses.iter_mut() {
        describe_refusal(&facts, status, response);
    }
    if path.starts_with("/api/") {
        add_common(&facts, responses);
    }
}

fn describe_refusal(facts: &Operation<'_>, status: &str, response: &mut Value) {
    let is_refusal = status.parse().is_ok_and(|status: u16| status >= 400);
    let is_bodyless = facts.method == "head" || (facts.is_of_devices && status == "401");
    if let Some(response) = response.as_object_mut().filter(|_| is_refusal && !is_bodyless) {
        response.entry("content").or_insert_with(error_content);
    }
}

fn add_common(facts: &Operation<'_>, responses: &mut Map<String, Value>) {
    for (status, description, applies) in COMMON {
        if applies(facts) && !responses.contains_key(&status.to_string()) {
            let response = if facts.method == "head" {
                json!({ "description": description })
            } else {
                json!({ "$ref": format!("#/components/responses/{}", common_name(status)) })
            };
            responses.insert(status.to_string(), response);
        }
    }
}

/// A name for generated clients: method and path, `get_management_v2_devauth_devices_by_id`.
fn operation_id(path: &str, method: &str) -> String {
    let path = path.trim_start_matches('/');
    let parts = path.strip_prefix("api/").unwrap_or(path).split('/').map(|part| {
        let part = part.trim_start_matches('.').replace(['-', '.'], "_");
        part.strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'))
            .map_or(part.clone(), |name| format!("by_{name}"))
    });
    std::iter::once(method.to_owned()).chain(parts).collect::<Vec<_>>().join("_")
}

fn common_name(status: u16) -> String {
    format!("Refused{status}")
}

fn error_content() -> Value {
    json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } })
}

/// The body of every refusal that has one.
fn error_schema() -> Value {
    let mut codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    json!({
        "type": "object",
        "description": "Why a request was refused",
        "required": ["error", "code"],
        "properties": {
            "error": { "type": "string", "description": "A sentence for people" },
            "code": { "type": "string", "enum": codes, "description": "For programs; never renamed" },
            "request_id": { "type": "string", "description": "For support: the log has it too" },
            "metadata": { "description": "More about it, where an operation says so" }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::operation_id;

    #[test]
    fn operations_are_named_by_method_and_path() {
        assert_eq!(
            operation_id("/api/management/v2/devauth/devices/{id}", "get"),
            "get_management_v2_devauth_devices_by_id"
        );
        assert_eq!(operation_id("/openapi.json", "get"), "get_openapi_json");
        assert_eq!(operation_id("/.well-known/jwks.json", "get"), "get_well_known_jwks_json");
    }
}
