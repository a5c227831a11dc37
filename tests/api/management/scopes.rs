//! Users whose roles are limited to groups of devices and tags of releases: everything outside is as if it were not
//! there, whatever route is asked (user authentication §8).

use harness::management::{ARTIFACTS, DEPLOYMENTS, DEVAUTH, INVENTORY};
use harness::server::PASSWORD;
use harness::{ArtifactSpec, Device, Management, TestServer};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::access::routes_of_users;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        nothing_outside_is_shown,
        nothing_outside_is_changed,
        what_is_inside_is_shown_and_changed,
        who_preauthorizes_learns_nothing_of_devices_it_cannot_see,
    ]
}

const RELEASES: &str = "/api/management/v2/deployments/deployments/releases";

/// A group with a device in the middle of an update, and the release that it gets.
pub(super) struct Part {
    pub(super) device: Device,
    pub(super) device_id: String,
    set_id: String,
    pub(super) artifact_id: String,
    pub(super) release: String,
    pub(super) deployment_id: String,
    group: &'static str,
}

impl Part {
    pub(super) fn make(server: &TestServer, group: &'static str, tag: &str) -> Self {
        let admin = server.admin();
        let device = server.accepted_device();
        device.put_inventory(&json!([{"name": "colour", "value": format!("{group}-red")}])).expect_success();
        let device_id = admin.device_id(&device);
        admin.set_group(&device_id, group);
        let artifact = ArtifactSpec::new(&device.device_type).write();
        let artifact_id = admin.upload(&artifact);
        let release = artifact.name.clone();
        admin.send_json("PUT", &format!("{RELEASES}/{release}/tags"), &json!([tag])).expect(204);
        let deployment_id = admin.deploy(&release, std::slice::from_ref(&device_id));
        device.next_offer();
        device.report(&deployment_id, "downloading").expect(204);
        let set_id = admin.auth_set_id(&device);
        Self { device, device_id, set_id, artifact_id, release, deployment_id, group }
    }

    /// Everything by which it can be known.
    pub(super) fn marks(&self) -> [String; 7] {
        let serial = self.device.identity_json();
        let serial = serial.as_object().and_then(|identity| identity.values().next()).and_then(Value::as_str);
        [
            self.device_id.clone(),
            self.set_id.clone(),
            self.artifact_id.clone(),
            self.release.clone(),
            self.deployment_id.clone(),
            self.group.to_owned(),
            serial.expect("an identity").to_owned(),
        ]
    }

    /// A path about it.
    pub(super) fn fill(&self, template: &str) -> String {
        let mut parts: Vec<&str> = Vec::new();
        for part in template.split('/') {
            let before = parts.last().copied().unwrap_or_default();
            parts.push(match (part, before) {
                ("{id}", "artifacts") => &self.artifact_id,
                ("{id}", "deployments") => &self.deployment_id,
                ("{id}" | "{device}", _) => &self.device_id,
                ("{set}", _) => &self.set_id,
                ("{name}", "releases") => &self.release,
                ("{name}", _) => self.group,
                _ => part,
            });
        }
        parts.join("/")
    }
}

/// Two parts of a tenant, and somebody who has everything to do with the first.
fn divided() -> (TestServer, Part, Part, Management) {
    let server = TestServer::start();
    let (inside, outside) = (Part::make(&server, "harbour", "sea"), Part::make(&server, "airport", "air"));
    let groups = json!({ "type": "DeviceGroups", "value": [inside.group] });
    let tags = json!({ "type": "ReleaseTags", "value": ["sea"] });
    let set = |name: &str, scope: &Value| json!({ "name": name, "scope": scope });
    let role = json!({
        "name": "harbour-master",
        "description": "",
        "permission_sets_with_scope": [
            set("ReadDevices", &groups),
            set("ManageDevices", &groups),
            set("DeployToDevices", &groups),
            set("ConfigureDevices", &groups),
            set("ReadReleases", &tags),
            set("ManageReleases", &tags),
        ],
    });
    server.admin().send_json("POST", "/api/management/v2/useradm/roles", &role).expect(201);
    let user = json!({ "email": "master@example.com", "password": PASSWORD, "roles": ["harbour-master"] });
    server.admin().send_json("POST", "/api/management/v1/useradm/users", &user).expect(201);
    let master = Management::login(server.http(), "master@example.com", PASSWORD);
    (server, inside, outside, master)
}

fn nothing_outside_is_shown() {
    let (server, inside, outside, master) = divided();
    let mut asked = 0;
    let mut shown = String::new();
    for (method, template) in routes_of_users() {
        if method != "GET" {
            continue;
        }
        for (part, is_inside) in [(&inside, true), (&outside, false)] {
            let path = part.fill(template);
            let response = server.http().send(&master.request(method, &path));
            let body = String::from_utf8_lossy(&response.body).into_owned();
            // What was asked for may be repeated in the refusal.
            if response.status < 400 {
                for mark in outside.marks() {
                    assert!(!body.contains(&mark), "{template} shows {mark}: {body}");
                }
                assert!(is_inside || path == template || body.len() < 200, "{path}: {body}");
                shown += &body;
            }
            asked += 1;
        }
    }
    assert!(asked > 60, "{asked}");
    for mark in inside.marks() {
        assert!(shown.contains(&mark), "{mark} is nowhere");
    }
    // Searches are questions, too.
    let search = json!({ "per_page": 500 });
    let found = master.send_json("POST", "/api/management/v2/inventory/filters/search", &search).expect(200);
    let ids: Vec<_> =
        found.json().as_array().expect("a list").iter().map(|item| item["id"].clone()).collect();
    assert_eq!(ids, [json!(inside.device_id)]);
    assert_eq!(found.header("X-Total-Count"), Some("1"));
    let found = master.send_json("POST", &format!("{DEVAUTH}/search"), &json!({})).expect(200).json();
    assert_eq!(found.as_array().map(Vec::len), Some(1));
    assert_eq!(master.get(&format!("{DEVAUTH}/count")).expect(200).json(), json!({ "count": 1 }));
}

fn nothing_outside_is_changed() {
    let (server, inside, outside, master) = divided();
    let looks = || {
        let admin = server.admin();
        let id = &outside.device_id;
        let paths = [
            format!("{DEVAUTH}/{id}"),
            format!("{INVENTORY}/{id}/group"),
            format!("{ARTIFACTS}/{}", outside.artifact_id),
            format!("{RELEASES}/{}", outside.release),
            format!("{DEPLOYMENTS}/{}", outside.deployment_id),
            format!("{DEPLOYMENTS}/{}/devices", outside.deployment_id),
        ];
        paths.map(|path| {
            let mut value = admin.get(&path).expect(200).json();
            if let Some(members) = value.as_object_mut() {
                members.retain(|name, _| !["updated_ts", "check_in_time"].contains(&name.as_str()));
            }
            value
        })
    };
    let before = looks();
    let bodies = [
        json!({}),
        json!([]),
        json!(["sea"]),
        json!([outside.device_id]),
        json!({ "status": "rejected" }),
        json!({ "status": "aborted" }),
        json!({ "group": inside.group }),
        json!({ "description": "mine", "notes": "mine" }),
    ];
    for (method, template) in routes_of_users() {
        if method == "GET" || template.contains("/useradm/") {
            continue;
        }
        for body in &bodies {
            let path = outside.fill(template);
            let response = server.http().send(&master.request(method, &path).json(body));
            assert!(response.status < 500, "{method} {path}: {response}");
        }
    }
    let names = format!("{RELEASES}?name={}", outside.release);
    server.http().send(&master.request("DELETE", &names));
    assert_eq!(looks(), before);
    outside.device.report(&outside.deployment_id, "installing").expect(204);

    // Nor can it be deployed to, nor brought in.
    let deployment = |target: Value| {
        let mut body = json!({ "name": "raid", "artifact_name": inside.release });
        body.as_object_mut().expect("an object").extend(target.as_object().expect("an object").clone());
        master.send_json("POST", DEPLOYMENTS, &body)
    };
    deployment(json!({ "all_devices": true })).expect_error(403);
    deployment(json!({ "devices": [outside.device_id] })).expect_error(400);
    let of_other = json!({ "name": "raid", "artifact_name": outside.release, "devices": [inside.device_id] });
    master.send_json("POST", DEPLOYMENTS, &of_other).expect_error(422);
    let members = format!("/api/management/v1/inventory/groups/{}/devices", inside.group);
    let taken = master.send_json("PATCH", &members, &json!([outside.device_id]));
    assert!(taken.status >= 400 || taken.json()["updated_count"].is_null(), "{taken}");
    let away = json!({ "group": outside.group });
    master.send_json("PUT", &format!("{INVENTORY}/{}/group", inside.device_id), &away).expect_error(403);
    assert_eq!(looks()[..4], before[..4]);
}

fn what_is_inside_is_shown_and_changed() {
    let (_server, inside, _outside, master) = divided();
    master.get(&format!("{DEVAUTH}/{}", inside.device_id)).expect(200);
    master.get(&format!("{ARTIFACTS}/{}", inside.artifact_id)).expect(200);
    let aborted = json!({ "status": "aborted" });
    master.send_json("PUT", &format!("{DEPLOYMENTS}/{}/status", inside.deployment_id), &aborted).expect(204);
    inside.device.report(&inside.deployment_id, "installing").expect(409);
    let again = json!({ "name": "again", "artifact_name": inside.release, "devices": [inside.device_id] });
    let made = master.send_json("POST", DEPLOYMENTS, &again).expect(201);
    master.get(made.header("Location").expect("a location")).expect(200);
    master.send("DELETE", &format!("{DEVAUTH}/{}", inside.device_id)).expect(204);
}

fn who_preauthorizes_learns_nothing_of_devices_it_cannot_see() {
    let (server, inside, outside, _) = divided();
    let admin = server.admin();
    let enrolling = json!({ "name": "Enrolling", "permissions": [
        { "action": "devices:preauthorize", "object": { "type": "any", "value": "" } },
    ]});
    admin.send_json("POST", "/api/management/v2/useradm/permission_sets", &enrolling).expect(201);
    let groups = json!({ "type": "DeviceGroups", "value": [inside.group] });
    let sets = json!([{ "name": "Enrolling" }, { "name": "ReadDevices", "scope": groups }]);
    let role = json!({ "name": "enrolling-master", "permission_sets_with_scope": sets });
    admin.send_json("POST", "/api/management/v2/useradm/roles", &role).expect(201);
    let user = json!({ "email": "enrol@example.com", "password": PASSWORD, "roles": ["enrolling-master"] });
    admin.send_json("POST", "/api/management/v1/useradm/users", &user).expect(201);
    let enroller = Management::login(server.http(), "enrol@example.com", PASSWORD);

    let again = |part: &Part| {
        enroller.preauthorize(&part.device.identity_json(), &part.device.key.public_pem(), false)
    };
    let known = again(&inside).expect(409).json();
    assert_eq!(known["id"].as_str(), Some(inside.device_id.as_str()));
    let hidden = again(&outside).expect_error(409).text();
    for mark in [&outside.device_id, &outside.set_id] {
        assert!(!hidden.contains(mark.as_str()), "{hidden}");
    }
}
