//! What the web console of the original servers asks when it starts (management API §6): one refusal among these
//! requests leaves it half started.

use harness::management::login_request;
use harness::server::{ADMIN, PASSWORD};
use harness::{ArtifactSpec, Management, TestServer};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        the_original_console_starts_on_a_fresh_server,
        the_original_console_starts_on_a_used_server,
        who_only_reads_starts_it_too,
    ]
}

const STATUSES: [&str; 4] = ["accepted", "pending", "preauthorized", "rejected"];

fn the_original_console_starts_on_a_fresh_server() {
    let server = TestServer::start();
    let counts = start(&server, ADMIN);
    assert_eq!(counts, [0; 4]);
}

fn the_original_console_starts_on_a_used_server() {
    let server = TestServer::start();
    let admin = server.admin();
    let device = server.accepted_device();
    server.device().authenticate().expect_error(401);
    admin.set_group(&admin.device_id(&device), "harbour");
    let artifact = ArtifactSpec::new(&device.device_type).write();
    admin.upload(&artifact);
    admin.deploy(&artifact.name, &[admin.device_id(&device)]);
    let filter = json!({ "name": "all", "terms": [
        { "scope": "identity", "attribute": "status", "type": "$eq", "value": "accepted" },
    ]});
    admin.send_json("POST", "/api/management/v2/inventory/filters", &filter).expect(201);
    assert_eq!(start(&server, ADMIN), [1, 1, 0, 0]);
    // The second start finds what the first one stored.
    assert_eq!(start(&server, ADMIN), [1, 1, 0, 0]);
}

fn who_only_reads_starts_it_too() {
    let server = TestServer::start();
    server.accepted_device();
    server.add_user("viewer@example.com", "viewer", PASSWORD);
    assert_eq!(start(&server, "viewer@example.com"), [1, 0, 0, 0]);
}

/// Sends what the console sends, in its order, and returns the numbers of devices that it would show.
fn start(server: &TestServer, email: &str) -> [u64; 4] {
    let body = json!({ "token2fa": "", "no_expiry": false });
    let mut login = login_request(email, PASSWORD);
    login.headers.retain(|(name, _)| name == "Authorization");
    let session = server.http().send(&login.json(&body)).expect(200);
    assert_eq!(session.header("Content-Type"), Some("application/jwt"));
    let user = Management { http: server.http(), token: session.text() };
    let me = user.get("/api/management/v1/useradm/users/me").expect(200).json();
    assert_eq!((&me["email"], &me["verified"]), (&json!(email), &json!(true)));
    // Refused, so that it runs as it does with the free servers.
    user.get("/api/management/v2/tenantadm/tenants/me?tiers=true").expect_error(404);
    let own = user.get("/api/management/v1/useradm/settings/me").expect(200).json();
    let shared = user.get("/api/management/v1/useradm/settings").expect(200).json();
    assert!(own.is_object() && shared.is_object());

    let list = |path: &str| -> Value {
        let list = user.get(path).expect(200).json();
        assert!(list.is_array(), "{path}: {list}");
        list
    };
    let counted = |path: &str| {
        let total = user.get(path).expect(200).header("X-Total-Count").map(str::parse::<u64>);
        total.and_then(Result::ok).unwrap_or_else(|| panic!("{path}: no total"))
    };
    list("/api/management/v2/inventory/filters/attributes");
    let deployments = "/api/management/v2/deployments/deployments?page=1&sort=desc&status=";
    counted(&format!("{deployments}finished&per_page=10"));
    counted(&format!("{deployments}inprogress&per_page=10"));
    let counts = STATUSES.map(|status| {
        let search = json!({
            "page": 1,
            "per_page": 1,
            "filters": [{ "scope": "identity", "attribute": "status", "type": "$eq", "value": status }],
            "sort": [],
            "attributes": [
                { "scope": "identity", "attribute": "status" },
                { "scope": "inventory", "attribute": "artifact_name" },
                { "scope": "inventory", "attribute": "device_type" },
                { "scope": "inventory", "attribute": "rootfs-image.version" },
                { "scope": "monitor", "attribute": "alerts" },
                { "scope": "system", "attribute": "created_ts" },
                { "scope": "system", "attribute": "updated_ts" },
                { "scope": "system", "attribute": "check_in_time" },
                { "scope": "system", "attribute": "group" },
                { "scope": "tags", "attribute": "name" },
            ],
        });
        let found =
            user.send_json("POST", "/api/management/v2/inventory/filters/search", &search).expect(200);
        found.header("X-Total-Count").and_then(|total| total.parse().ok()).expect("a total")
    });
    for filter in list("/api/management/v2/inventory/filters?per_page=500").as_array().expect("a list") {
        assert!(filter["id"].is_string() && filter["name"].is_string() && filter["terms"].is_array());
    }
    list("/api/management/v1/inventory/groups");
    assert_eq!(list("/api/management/v1/iot-manager/integrations"), json!([]));
    counted("/api/management/v2/deployments/deployments/releases?page=1&per_page=20&sort=modified:desc");
    let statistics = user.get("/api/management/v2/inventory/statistics").expect(200).json();
    for status in ["accepted", "pending"] {
        for tier in ["standard", "micro", "system"] {
            assert!(statistics["devices_by_status"][status][tier].is_u64(), "{statistics}");
        }
    }
    let kept = json!({ "columnSelection": [], "onboarding": { "complete": true }, "mode": "light" });
    user.send_json("POST", "/api/management/v1/useradm/settings/me", &kept).expect(201);
    counts
}
