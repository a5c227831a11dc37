//! The page that shows the description of the API to people: one document, without scripts.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use actix_web::web::Bytes;
use askama::Template;
use serde_json::{Map, Value};

use super::extract::Anonymous;
use super::routes;

/// Nothing is fetched, nothing runs, nobody frames it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

static PAGE: LazyLock<Bytes> =
    LazyLock::new(|| Bytes::from(Page::of(&routes::openapi()).render().unwrap_or_default()));

/// The description of the API, to read.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "Server",
    responses((status = 200, description = "A page", body = String, content_type = "text/html"))
)]
pub async fn docs(_: Anonymous) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .body(PAGE.clone())
}

#[derive(Template)]
#[template(path = "docs.html")]
struct Page {
    title: String,
    description: String,
    version: String,
    groups: Vec<Group>,
    schemas: Vec<Schema>,
}

struct Group {
    name: String,
    anchor: String,
    operations: Vec<Operation>,
}

struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    description: String,
    is_deprecated: bool,
    /// Who may call.
    caller: &'static str,
    parameters: Vec<Parameter>,
    body_description: String,
    bodies: Vec<Body>,
    answers: Vec<Answer>,
}

struct Parameter {
    name: String,
    place: String,
    kind: String,
    description: String,
    is_required: bool,
}

struct Answer {
    status: String,
    description: String,
    bodies: Vec<Body>,
}

struct Body {
    media: String,
    /// The schema's name, if it has one.
    reference: Option<String>,
    /// The schema's text, if it has no name.
    schema: String,
}

struct Schema {
    name: String,
    description: String,
    text: String,
}

impl Page {
    fn of(document: &Value) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for (path, item) in members(at(document, "/paths")) {
            for (method, operation) in members(item) {
                let name = text(at(operation, "/tags/0"));
                let shown = Operation::of(document, path, method, operation);
                match groups.iter_mut().find(|group| group.name == name) {
                    Some(group) => group.operations.push(shown),
                    None => groups.push(Group { anchor: anchor(&name), name, operations: vec![shown] }),
                }
            }
        }
        groups.sort_by(|one, other| one.name.cmp(&other.name));
        let schemas = members(at(document, "/components/schemas"))
            .map(|(name, schema)| Schema {
                name: name.clone(),
                description: text(at(schema, "/description")),
                text: pretty(schema),
            })
            .collect();
        let info = at(document, "/info");
        let (title, description) = (text(at(info, "/title")), text(at(info, "/description")));
        Self { title, description, version: text(at(info, "/version")), groups, schemas }
    }
}

impl Operation {
    fn of(document: &Value, path: &str, method: &str, operation: &Value) -> Self {
        let body = at(operation, "/requestBody");
        Self {
            id: text(at(operation, "/operationId")),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(at(operation, "/summary")),
            description: text(at(operation, "/description")),
            is_deprecated: at(operation, "/deprecated") == true,
            caller: caller(at(operation, "/security")),
            parameters: items(at(operation, "/parameters")).map(Parameter::of).collect(),
            body_description: text(at(body, "/description")),
            bodies: bodies(at(body, "/content")),
            answers: members(at(operation, "/responses"))
                .map(|(status, answer)| Answer::of(status, resolved(document, answer)))
                .collect(),
        }
    }
}

impl Parameter {
    fn of(parameter: &Value) -> Self {
        Self {
            name: text(at(parameter, "/name")),
            place: text(at(parameter, "/in")),
            kind: kind(at(parameter, "/schema")),
            description: text(at(parameter, "/description")),
            is_required: at(parameter, "/required") == true,
        }
    }
}

impl Answer {
    fn of(status: &str, answer: &Value) -> Self {
        let bodies = bodies(at(answer, "/content"));
        Self { status: status.to_owned(), description: text(at(answer, "/description")), bodies }
    }
}

fn caller(security: &Value) -> &'static str {
    let names = security.to_string();
    if names.contains("\"user\"") {
        "For users: bearer token of a session, or a personal token."
    } else if names.contains("\"device\"") {
        "For devices: bearer token of a session."
    } else if names.contains("\"basic\"") {
        "For anybody with an address and a password (HTTP Basic)."
    } else {
        "For anybody."
    }
}

fn bodies(content: &Value) -> Vec<Body> {
    let body = |(media, content): (&String, &Value)| {
        let schema = at(content, "/schema");
        let reference = reference(schema).map(str::to_owned);
        let is_shown = reference.is_none() && members(schema).next().is_some();
        Body {
            media: media.clone(),
            reference,
            schema: if is_shown { pretty(schema) } else { String::new() },
        }
    };
    members(content).map(body).collect()
}

/// Follows a reference within the document.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = at(value, "/$ref").as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

/// The name of the schema that is meant, alone or in a list.
fn reference(schema: &Value) -> Option<&str> {
    let named = at(schema, "/$ref").as_str().or_else(|| at(schema, "/items/$ref").as_str())?;
    named.rsplit('/').next()
}

/// A short name of a type: `string`, `[integer]`, a schema's name.
fn kind(schema: &Value) -> String {
    let base = match at(schema, "/type") {
        Value::String(name) if name == "array" => format!("[{}]", kind(at(schema, "/items"))),
        Value::String(name) => name.clone(),
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            reference(schema).unwrap_or_default().to_owned()
        }
    };
    match at(schema, "/enum").as_array() {
        Some(values) => values.iter().map(text).collect::<Vec<_>>().join(" | "),
        None => base,
    }
}

fn anchor(name: &str) -> String {
    name.chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().trim_end_matches('.').to_owned()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// What is at a place (RFC 6901), or null.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use askama::Template as _;

    use super::{Page, routes};

    #[test]
    fn every_operation_and_schema_is_on_the_page() {
        let document = routes::openapi();
        let page = Page::of(&document).render().unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            assert!(page.contains(path.as_str()), "{path}");
            for operation in item.as_object().unwrap().values() {
                let id = operation["operationId"].as_str().unwrap();
                assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
            }
        }
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(page.contains(&format!("id=\"schema-{name}\"")), "{name}");
        }
        assert!(!page.contains("<script"));
    }
}
