//! `/api/management/v2/useradm/roles` and `…/permission_sets` (management API §1.6).

use harness::{Management, shared_server};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        roles_are_made_changed_and_deleted,
        roles_that_cannot_be_are_refused,
        built_in_roles_stay_as_they_are,
        permission_sets_are_made_of_permissions,
    ]
}

const ROLES: &str = "/api/management/v2/useradm/roles";
const OLD_ROLES: &str = "/api/management/v1/useradm/roles";
const SETS: &str = "/api/management/v2/useradm/permission_sets";

fn named(list: &Value, name: &str) -> Option<Value> {
    list.as_array().expect("a list").iter().find(|item| item["name"] == name).cloned()
}

#[track_caller]
fn list(user: &Management, path: &str) -> Value {
    user.get(&format!("{path}?per_page=500")).expect(200).json()
}

fn roles_are_made_changed_and_deleted() {
    let admin = shared_server().admin();
    let role = json!({
        "name": "europe",
        "description": "looks after Europe",
        "permission_sets_with_scope": [
            { "name": "ReadDevices", "scope": { "type": "DeviceGroups", "value": ["eu-1", "eu-2"] } },
            { "name": "ReadReleases", "scope": { "type": "ReleaseTags", "value": ["EU"] } },
            { "name": "Basic" },
        ],
        "permissions": [
            { "action": "devices:decide", "object": { "type": "DEVICE_GROUP", "value": "eu-1" } },
            { "action": "CREATE_DEPLOYMENT", "object": { "type": "any", "value": "any" } },
        ],
    });
    let made = admin.send_json("POST", ROLES, &role).expect(201);
    assert_eq!(made.header("Location"), Some("/api/management/v2/useradm/roles/europe"));
    let path = format!("{ROLES}/europe");
    let shown = admin.get(&path).expect(200).json();
    let mut expected = role.clone();
    expected["require_2fa"] = json!(false);
    expected["permission_sets_with_scope"][1]["scope"]["value"] = json!(["eu"]);
    expected["permissions"][1]["action"] = json!("deployments:create");
    assert_eq!(shown, expected);
    assert_eq!(named(&list(admin, ROLES), "europe"), Some(expected.clone()));
    assert_eq!(named(&list(admin, OLD_ROLES), "europe"), Some(expected));
    admin.send_json("POST", ROLES, &role).expect_error(409);

    let less = json!({
        "description": "",
        "require_2fa": true,
        "permission_sets_with_scope": [{ "name": "ReadUsers" }],
    });
    admin.send_json("PUT", &path, &less).expect(200);
    let shown = admin.get(&format!("{OLD_ROLES}/europe")).expect(200).json();
    assert_eq!(shown["permission_sets_with_scope"], json!([{ "name": "ReadUsers" }]));
    assert_eq!((&shown["permissions"], &shown["require_2fa"]), (&json!([]), &json!(true)));
    admin.send_json("PUT", &format!("{OLD_ROLES}/europe"), &less).expect(202);

    admin.send("DELETE", &path).expect(204);
    admin.send("DELETE", &path).expect_error(404);
    admin.get(&path).expect_error(404);
    admin.send_json("PUT", &path, &less).expect_error(404);
}

fn roles_that_cannot_be_are_refused() {
    let admin = shared_server().admin();
    let set = |name: &str, scope: Option<Value>| {
        let mut set = json!({ "name": name });
        if let Some(scope) = scope {
            set["scope"] = scope;
        }
        json!({ "name": "refused", "permission_sets_with_scope": [set] })
    };
    let groups = |names: Value| Some(json!({ "type": "DeviceGroups", "value": names }));
    let mut too_many = set("Basic", None);
    too_many["permission_sets_with_scope"] = vec![json!({ "name": "Basic" }); 16].into();
    for (what, role) in [
        ("no name", json!({ "description": "x" })),
        ("a name with a blank", json!({ "name": "a b" })),
        ("a reserved name", json!({ "name": "RBAC_ROLE_MINE" })),
        ("an unknown set", set("Everything", None)),
        ("a scope of another kind", set("ReadReleases", groups(json!(["a"])))),
        ("a scope of what has none", set("ManageUsers", groups(json!(["a"])))),
        ("an empty scope", set("ReadDevices", groups(json!([])))),
        ("a group that cannot be", set("ReadDevices", groups(json!(["a b"])))),
        ("an unknown scope", set("ReadDevices", Some(json!({ "type": "Moon", "value": ["a"] })))),
        ("sixteen sets", too_many),
        (
            "an unknown action",
            json!({ "name": "refused", "permissions": [{ "action": "http", "object": { "type": "GET", "value": ".*" } }] }),
        ),
        (
            "everything in a group",
            json!({ "name": "refused", "permissions": [{ "action": "any", "object": { "type": "DEVICE_GROUP", "value": "a" } }] }),
        ),
    ] {
        eprintln!("{what}");
        admin.send_json("POST", ROLES, &role).expect_error(400);
    }
    assert_eq!(named(&list(admin, ROLES), "refused"), None);
}

fn built_in_roles_stay_as_they_are() {
    let admin = shared_server().admin();
    let roles = list(admin, ROLES);
    for name in [
        "RBAC_ROLE_PERMIT_ALL",
        "RBAC_ROLE_OBSERVER",
        "RBAC_ROLE_CI",
        "RBAC_ROLE_DEPLOYMENTS_MANAGER",
        "RBAC_ROLE_REMOTE_TERMINAL",
        "release-manager",
        "operator",
        "enroller",
    ] {
        assert!(named(&roles, name).is_some(), "{name} is not in {roles}");
    }
    let all = admin.get(&format!("{ROLES}/RBAC_ROLE_PERMIT_ALL")).expect(200).json();
    assert_eq!(all["permission_sets_with_scope"], json!([{ "name": "SuperUser" }]));
    assert_eq!(admin.get(&format!("{ROLES}/admin")).expect(200).json(), all);
    for name in ["enroller", "RBAC_ROLE_REMOTE_TERMINAL"] {
        let path = format!("{ROLES}/{name}");
        admin.send_json("POST", ROLES, &json!({ "name": name })).expect_error(409);
        admin.send("DELETE", &path).expect_error(409);
        let more = json!({ "permission_sets_with_scope": [{ "name": "ManageUsers" }] });
        admin.send_json("PUT", &path, &more).expect_error(409);
        let before = admin.get(&path).expect(200).json();
        admin.send_json("PUT", &path, &json!({ "require_2fa": true })).expect(200);
        let mut expected = before.clone();
        expected["require_2fa"] = json!(true);
        assert_eq!(admin.get(&path).expect(200).json(), expected);
        admin.send_json("PUT", &path, &json!({ "require_2fa": false })).expect(200);
        assert_eq!(admin.get(&path).expect(200).json(), before);
    }
}

fn permission_sets_are_made_of_permissions() {
    let admin = shared_server().admin();
    let built_in = admin.get(&format!("{SETS}/ManageReleases")).expect(200).json();
    assert_eq!(built_in["supported_scope_types"], json!(["ReleaseTags"]));
    let permission = |action: &str| json!({ "action": action, "object": { "type": "any", "value": "any" } });
    let set = json!({ "name": "Groupers", "permissions": [permission("groups:write"), permission("devices:read")] });
    admin.send_json("POST", SETS, &set).expect(201);
    admin.send_json("POST", SETS, &set).expect_error(409);
    let path = format!("{SETS}/Groupers");
    let shown = admin.get(&path).expect(200).json();
    assert_eq!(shown["permissions"], set["permissions"]);
    assert_eq!(shown["supported_scope_types"], json!(["DeviceGroups"]));
    assert_eq!(named(&list(admin, SETS), "Groupers"), Some(shown));

    let role = json!({ "name": "grouper", "permission_sets_with_scope": [
        { "name": "Groupers", "scope": { "type": "DeviceGroups", "value": ["g"] } },
    ] });
    admin.send_json("POST", ROLES, &role).expect(201);
    admin.send("DELETE", &path).expect_error(409);
    admin.send_json("PUT", &path, &json!({ "permissions": [permission("devices:read")] })).expect(200);
    admin.send("DELETE", &format!("{ROLES}/grouper")).expect(204);
    admin.send("DELETE", &path).expect(204);
    admin.send("DELETE", &path).expect_error(404);

    for wrong in [
        json!({ "name": "Wrong", "permissions": [] }),
        json!({ "name": "Wrong", "permissions": [permission("devices:fly")] }),
        json!({ "name": "Wrong set", "permissions": [permission("devices:read")] }),
    ] {
        admin.send_json("POST", SETS, &wrong).expect_error(400);
    }
    admin
        .send_json("POST", SETS, &json!({ "name": "Basic", "permissions": [permission("devices:read")] }))
        .expect_error(409);
    admin.send("DELETE", &format!("{SETS}/Basic")).expect_error(409);
}
