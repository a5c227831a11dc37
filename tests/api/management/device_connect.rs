//! `/api/management/v1/deviceconnect/` (management API §5): no device keeps a connection, and tools are told so.

use harness::shared_server;
use libtest_mimic::Trial;
use serde_json::json;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![devices_are_not_connected, deltas_are_off]
}

const DEVICES: &str = "/api/management/v1/deviceconnect/devices";

fn devices_are_not_connected() {
    let server = shared_server();
    let id = server.admin().device_id(&server.accepted_device());
    let shown = server.admin().get(&format!("{DEVICES}/{id}")).expect(200).json();
    assert_eq!((&shown["device_id"], &shown["status"]), (&json!(id), &json!("disconnected")));
    assert!(shown["created_ts"].is_string() && shown["updated_ts"].is_string());
    for what in ["check-update", "send-inventory"] {
        let refused = server.admin().send("POST", &format!("{DEVICES}/{id}/{what}")).expect_error(409);
        assert_eq!(refused.json()["code"], "conflict");
        for unknown in ["0191d3c0-0000-7000-8000-000000000000", "nonsense"] {
            server.admin().send("POST", &format!("{DEVICES}/{unknown}/{what}")).expect_error(404);
            server.admin().get(&format!("{DEVICES}/{unknown}")).expect_error(404);
        }
    }
}

fn deltas_are_off() {
    let settings = shared_server().admin().get("/api/management/v1/deployments/config").expect(200).json();
    assert_eq!(settings["delta"]["enabled"], json!(false));
    let limits = &settings["delta"]["binary_delta_limits"];
    for limit in [&limits["timeout"], &limits["xdelta_args_limits"]["compression_level"]] {
        assert!(limit["min"].is_u64() && limit["max"].is_u64() && limit["default"].is_u64(), "{settings}");
    }
}
