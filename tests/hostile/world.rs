//! A server with one of everything, its routes, and what it looks like from outside.

use std::collections::BTreeMap;
use std::io;

use harness::http::Connection;
use harness::management::{ARTIFACTS, DEPLOYMENTS, DEVAUTH, INVENTORY};
use harness::process::run_ok;
use harness::{ArtifactSpec, Device, HttpClient, Request, Response, ServerSetup, TestServer};
use serde_json::{Value, json};

/// A thing that no server has.
pub(crate) const NOBODY: &str = "0191d3c0-0000-7000-8000-000000000000";
/// The group of the device.
pub(crate) const GROUP: &str = "lighthouse";

/// A server, a device that is in a group and in the middle of an update, and their ids.
pub(crate) struct World {
    pub(crate) server: TestServer,
    pub(crate) device: Device,
    pub(crate) device_id: String,
    pub(crate) set_id: String,
    pub(crate) artifact_id: String,
    pub(crate) deployment_id: String,
    /// Path and query of the device's download link.
    pub(crate) download: String,
    /// Path and query of a user's link to the same file.
    pub(crate) content: String,
    pub(crate) size: usize,
    release: String,
}

/// Who sends something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Caller {
    Anonymous,
    Device,
    Admin,
}

impl World {
    pub(crate) fn build(setup: ServerSetup) -> Self {
        let server = setup.start();
        let device = server.accepted_device();
        device.put_inventory(&json!([{"name": "colour", "value": "red"}])).expect_success();
        let admin = server.admin();
        let device_id = admin.device_id(&device);
        admin.set_group(&device_id, GROUP);
        let artifact = ArtifactSpec::new(&device.device_type).write();
        let artifact_id = admin.upload(&artifact);
        let deployment_id = admin.deploy(&artifact.name, std::slice::from_ref(&device_id));
        let offer = device.next_offer();
        let uri = offer["artifact"]["source"]["uri"].as_str().expect("a link");
        let download = harness::device::link_target(uri);
        let link = admin.get(&format!("{ARTIFACTS}/{artifact_id}/download")).expect(200).json();
        let content = harness::device::link_target(link["uri"].as_str().expect("a link"));
        device.report(&deployment_id, "downloading").expect(204);
        let set_id = admin.auth_set_id(&device);
        let (release, size) = (artifact.name.clone(), artifact.bytes().len());
        Self {
            server,
            device,
            device_id,
            set_id,
            artifact_id,
            deployment_id,
            download,
            content,
            size,
            release,
        }
    }

    /// The name of the release that is rolled out.
    pub(crate) fn release(&self) -> &str {
        &self.release
    }

    /// Everything that users and the device can see and that no refused request may change.
    #[track_caller]
    pub(crate) fn looks(&self) -> BTreeMap<String, Value> {
        let admin = self.server.admin();
        let deployment = format!("{DEPLOYMENTS}/{}", self.deployment_id);
        let paths = [
            DEVAUTH.to_owned(),
            format!("{DEVAUTH}/count"),
            INVENTORY.to_owned(),
            "/api/management/v1/inventory/groups".to_owned(),
            ARTIFACTS.to_owned(),
            "/api/management/v2/deployments/deployments/releases".to_owned(),
            DEPLOYMENTS.to_owned(),
            deployment.clone(),
            format!("{deployment}/statistics"),
            format!("{deployment}/devices"),
            "/api/management/v1/useradm/users".to_owned(),
        ];
        paths
            .into_iter()
            .map(|path| {
                let mut value = admin.get(&path).expect(200).json();
                forget_moments(&mut value);
                (path, value)
            })
            .collect()
    }

    /// Checks that the server looks as before, has not panicked or answered 500, and serves.
    #[track_caller]
    pub(crate) fn assert_unharmed(&self, before: &BTreeMap<String, Value>) {
        let after = self.looks();
        for (path, value) in before {
            assert_eq!(value, &after[path], "{path} has changed");
        }
        self.assert_calm();
    }

    /// Checks that the server has not panicked or answered 500, and serves.
    #[track_caller]
    pub(crate) fn assert_calm(&self) {
        assert_no_faults(&self.server);
        self.device.next().expect_success();
        self.server.http().get("/health/ready").expect_success();
    }

    /// The credential of a caller, put on a request.
    pub(crate) fn sign(&self, request: Request, caller: Caller) -> Request {
        match caller {
            Caller::Anonymous => request,
            Caller::Device => request.bearer(self.device.token.as_deref().expect("a token")),
            Caller::Admin => request.bearer(&self.server.admin().token),
        }
    }

    /// Returns every route of the server's own document: a new one is covered by itself.
    #[track_caller]
    pub(crate) fn routes(&self) -> Vec<Route> {
        let text = run_ok(&mut self.server.command(&["openapi"]));
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let mut routes = Vec::new();
        for (template, operations) in document["paths"].as_object().expect("paths") {
            for (method, operation) in operations.as_object().expect("operations") {
                let takes_body = operation.get("requestBody").is_some();
                routes.push(Route { method: method.to_uppercase(), template: template.clone(), takes_body });
            }
        }
        assert!(routes.len() > 40, "the document lists {} routes only", routes.len());
        routes
    }

    /// Fills in what is there, so that a request comes as far as its body.
    pub(crate) fn real_path(&self, route: &Route) -> String {
        route.fill(|name, before| match (name, before) {
            ("id", "deployments") => &self.deployment_id,
            ("id", "artifacts") => &self.artifact_id,
            ("id", "devices") | ("device", _) => &self.device_id,
            ("set", _) => &self.set_id,
            ("name", "group" | "groups") => GROUP,
            ("name", "releases") => &self.release,
            _ => NOBODY,
        })
    }
}

/// A route of the server's document.
pub(crate) struct Route {
    pub(crate) method: String,
    pub(crate) template: String,
    pub(crate) takes_body: bool,
}

impl Route {
    /// Puts values into the place of parameters; `value` is told a parameter's name and the part before it.
    pub(crate) fn fill<'a>(&self, value: impl Fn(&str, &str) -> &'a str) -> String {
        let mut parts: Vec<&str> = Vec::new();
        for part in self.template.split('/') {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            let before = parts.last().copied().unwrap_or_default();
            parts.push(name.map_or(part, |name| value(name, before)));
        }
        parts.join("/")
    }

    pub(crate) fn is_of_devices(&self) -> bool {
        self.template.starts_with("/api/devices/")
    }

    /// Routes whose credential is not a session.
    pub(crate) fn is_open(&self) -> bool {
        const OPEN: [&str; 9] = [
            "/health/",
            "/openapi.json",
            "/docs",
            "/authentication/auth_requests",
            "/deployments/download/",
            "/auth/login",
            "/auth/password-reset/",
            "/auth/refresh",
            "/v1/setup",
        ];
        OPEN.iter().any(|part| self.template.contains(part))
            || self.template.ends_with("/content")
            // What the server can do is told to everybody (tus 1.0.0).
            || self.method == "OPTIONS"
    }

    /// The caller whom the route is for.
    pub(crate) fn owner(&self) -> Caller {
        if self.is_open() {
            Caller::Anonymous
        } else if self.is_of_devices() {
            Caller::Device
        } else {
            Caller::Admin
        }
    }

    /// Takes away something of the caller's own, whatever the body says.
    pub(crate) fn ends_own_session(&self) -> bool {
        self.template.contains("/auth/logout") || self.template.contains("/auth/console")
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.template)
    }
}

/// One connection after another, each used as long as the server keeps it.
pub(crate) struct Line {
    http: HttpClient,
    open: Option<Connection>,
}

impl Line {
    pub(crate) fn new(http: HttpClient) -> Self {
        Self { http, open: None }
    }

    /// Sends a request; an answer is owed on a fresh connection at the latest.
    #[track_caller]
    pub(crate) fn send(&mut self, request: &Request) -> Response {
        if let Some(connection) = &mut self.open
            && let Ok(response) = connection.send(request)
        {
            return self.keep(response);
        }
        let mut connection = self.http.connect().expect("the server takes connections");
        let response: io::Result<Response> = connection.send(request);
        self.open = Some(connection);
        let target: String = request.target.chars().take(200).collect();
        let response = response.unwrap_or_else(|e| panic!("no answer to {} {target}: {e}", request.method));
        self.keep(response)
    }

    fn keep(&mut self, response: Response) -> Response {
        if response.header("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            self.open = None;
        }
        response
    }
}

/// Checks a refusal: JSON with a code, or for a device's session nothing.
#[track_caller]
pub(crate) fn assert_refused(response: Response, route: &Route, what: &str) {
    assert!((400..500).contains(&response.status), "{route}, {what}: {response}");
    assert_form(response, route, what);
}

/// Checks that an answer is none that the server is ashamed of, and that refusals have their form.
#[track_caller]
pub(crate) fn assert_form(response: Response, route: &Route, what: &str) {
    let status = response.status;
    assert!(status < 500, "{route}, {what}: {response}");
    if status < 400 || route.method == "HEAD" {
        return;
    }
    if status == 401 && route.is_of_devices() && !route.is_open() {
        response.expect_session_refused();
    } else {
        response.expect_error(status);
    }
}

/// Checks that nothing in the log is a fault of the server.
#[track_caller]
pub(crate) fn assert_no_faults(server: &TestServer) {
    assert!(!server.has_ended(), "the server has ended");
    for line in server.log().lines() {
        let is_fault = ["panicked at", "request failed", " ERROR "].iter().any(|word| line.contains(word));
        assert!(!is_fault, "in the log: {line}");
    }
}

/// Takes away what any successful poll moves on.
fn forget_moments(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(forget_moments),
        Value::Object(members) => {
            let moves = |name: &str| ["last_checkin_date", "check_in_time", "updated_ts"].contains(&name);
            members.retain(|name, _| !moves(name));
            // The same as an attribute of the inventory.
            if members.get("name").and_then(Value::as_str).is_some_and(moves) {
                members.remove("value");
            }
            members.values_mut().for_each(forget_moments);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
