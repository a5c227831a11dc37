//! Who may come in: transitions, preauthorization, limit, decommission (device protocol §1.6).

use harness::device::NEXT_V2;
use harness::management::DEVAUTH;
use harness::names::unknown_uuid;
use harness::{DeviceKey, ServerSetup, shared_server};
use libtest_mimic::Trial;
use serde_json::json;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        every_allowed_transition_works,
        preauthorized_set_has_no_transitions,
        unknown_status_and_sets_are_refused,
        s1_02_preauthorized_device_is_accepted_at_first_contact,
        preauthorized_device_with_another_key_is_pending,
        s1_08_preauthorizing_a_known_identity_is_409_with_the_device,
        s1_08_forced_preauthorization_adds_an_auth_set,
        malformed_preauthorization_is_400,
        device_limit_is_422_for_users_and_401_for_devices,
        decommissioned_device_starts_anew,
        dismissed_set_is_gone,
        dismissed_preauthorized_device_is_gone,
        s1_09_pending_devices_are_capped,
        pending_keys_of_one_device_are_capped,
    ]
}

fn every_allowed_transition_works() {
    let server = shared_server();
    let admin = server.admin();
    let mut device = server.device();
    device.authenticate().expect_error(401);
    let path = [
        "pending", "rejected", "pending", "accepted", "accepted", "pending", "accepted", "rejected",
        "accepted",
    ];
    for status in path {
        admin.set_status(&device, status).expect(204);
        assert_eq!(admin.show_device(&device)["status"], status);
        let expected = if status == "accepted" { 200 } else { 401 };
        device.authenticate().expect(expected);
    }
}

fn preauthorized_set_has_no_transitions() {
    let server = shared_server();
    let device = server.device();
    server.admin().preauthorize(&device.identity_json(), &device.key.public_pem(), false).expect(201);
    for status in ["accepted", "rejected", "pending", "preauthorized"] {
        server.admin().set_status(&device, status).expect_error(400);
    }
    assert_eq!(server.admin().show_device(&device)["status"], "preauthorized");
}

fn unknown_status_and_sets_are_refused() {
    let server = shared_server();
    let admin = server.admin();
    let (device, other) = (server.accepted_device(), server.accepted_device());
    admin.set_status(&device, "preauthorized").expect_error(400);
    admin.set_status(&device, "nonsense").expect_error(400);
    let put = |device: &str, set: &str| {
        admin.send_json(
            "PUT",
            &format!("{DEVAUTH}/{device}/auth/{set}/status"),
            &json!({"status": "accepted"}),
        )
    };
    put(&admin.device_id(&device), &unknown_uuid()).expect(404);
    put(&unknown_uuid(), &unknown_uuid()).expect(404);
    put(&admin.device_id(&device), &admin.auth_set_id(&other)).expect_error(400);
}

fn s1_02_preauthorized_device_is_accepted_at_first_contact() {
    let server = shared_server();
    let mut device = server.device();
    let response =
        server.admin().preauthorize(&device.identity_json(), &device.key.public_pem(), false).expect(201);
    let id = server.admin().device_id(&device);
    assert_eq!(response.header("Location"), Some(format!("devices/{id}").as_str()));
    assert_eq!(server.admin().show_device(&device)["status"], "preauthorized");
    device.log_in();
    device.next_nothing();
    let shown = server.admin().show_device(&device);
    assert_eq!((&shown["status"], &shown["id"]), (&json!("accepted"), &json!(id)));
}

fn preauthorized_device_with_another_key_is_pending() {
    let server = shared_server();
    let mut device = server.device();
    let expected = DeviceKey::ed25519().public_pem();
    server.admin().preauthorize(&device.identity_json(), &expected, false).expect(201);
    device.authenticate().expect_error(401);
    let shown = server.admin().show_device(&device);
    assert_eq!(shown["status"], "preauthorized");
    assert_eq!(shown["auth_sets"].as_array().map(Vec::len), Some(2));
}

fn s1_08_preauthorizing_a_known_identity_is_409_with_the_device() {
    let server = shared_server();
    let device = server.accepted_device();
    let key = DeviceKey::ed25519().public_pem();
    let conflict = server.admin().preauthorize(&device.identity_json(), &key, false).expect(409).json();
    assert_eq!(conflict, server.admin().show_device(&device));
}

fn s1_08_forced_preauthorization_adds_an_auth_set() {
    let server = shared_server();
    let device = server.accepted_device();
    let mut twin = device.twin(DeviceKey::ed25519());
    server.admin().preauthorize(&device.identity_json(), &twin.key.public_pem(), true).expect(201);
    assert_eq!(server.admin().show_device(&device)["auth_sets"].as_array().map(Vec::len), Some(2));
    device.next_nothing();
    twin.log_in();
    device.next().expect_session_refused();
    twin.next_nothing();
}

fn malformed_preauthorization_is_400() {
    let server = shared_server();
    let device = server.device();
    let key = device.key.public_pem();
    let bodies = [
        json!({}),
        json!({"identity_data": device.identity_json()}),
        json!({ "pubkey": key }),
        json!({"identity_data": {}, "pubkey": key}),
        json!({"identity_data": "text", "pubkey": key}),
        json!({"identity_data": device.identity_json(), "pubkey": "no key"}),
        json!({"identity_data": device.identity_json(), "pubkey": ""}),
    ];
    for body in bodies {
        server.admin().send_json("POST", DEVAUTH, &body).expect_error(400);
    }
    assert_eq!(server.admin().find_device(&device.identity_json()), None);
}

fn device_limit_is_422_for_users_and_401_for_devices() {
    let server = ServerSetup::default().env("SEALIFT_DEVICE_LIMIT", "1").start();
    let admin = server.admin();
    assert_eq!(
        admin.get("/api/management/v2/devauth/limits/max_devices").expect(200).json(),
        json!({"limit": 1})
    );
    let mut first = server.accepted_device();
    let mut second = server.device();
    second.authenticate().expect_error(401);
    admin.set_status(&second, "accepted").expect_error(422);
    assert_eq!(admin.show_device(&second)["status"], "pending");
    let mut third = server.device();
    admin.preauthorize(&third.identity_json(), &third.key.public_pem(), false).expect(201);
    let refused = third.authenticate().expect_error(401);
    assert_eq!(refused.json()["code"], "device_limit");
    // The accepted one is not concerned, and its place can be given to another.
    first.log_in();
    admin.set_status(&first, "accepted").expect(204);
    admin.reject(&first);
    third.log_in();
}

fn decommissioned_device_starts_anew() {
    let server = shared_server();
    let admin = server.admin();
    let mut device = server.accepted_device();
    let id = admin.device_id(&device);
    admin.send("DELETE", &format!("{DEVAUTH}/{id}")).expect(204);
    device.next().expect_session_refused();
    device
        .send_json("POST", NEXT_V2, &json!({"device_provides": device.provides()}))
        .expect_session_refused();
    device.authenticate().expect_error(401);
    device.authenticate().expect_error(401);
    let shown = admin.show_device(&device);
    assert_eq!(shown["status"], "pending");
    assert_ne!(shown["id"], id, "a new device");
    admin.send("DELETE", &format!("{DEVAUTH}/{}", unknown_uuid())).expect(404);
}

fn dismissed_set_is_gone() {
    let server = shared_server();
    let admin = server.admin();
    let mut device = server.accepted_device();
    let path = format!("{DEVAUTH}/{}/auth/{}", admin.device_id(&device), admin.auth_set_id(&device));
    admin.send("DELETE", &path).expect(204);
    device.next().expect_session_refused();
    assert_eq!(admin.show_device(&device)["status"], "noauth");
    admin.send("DELETE", &path).expect(404);
    device.authenticate().expect_error(401);
    assert_eq!(admin.show_device(&device)["status"], "pending");
}

fn dismissed_preauthorized_device_is_gone() {
    let server = shared_server();
    let admin = server.admin();
    let device = server.device();
    admin.preauthorize(&device.identity_json(), &device.key.public_pem(), false).expect(201);
    let path = format!("{DEVAUTH}/{}/auth/{}", admin.device_id(&device), admin.auth_set_id(&device));
    admin.send("DELETE", &path).expect(204);
    assert_eq!(admin.find_device(&device.identity_json()), None);
}

fn s1_09_pending_devices_are_capped() {
    let server = ServerSetup::default().env("SEALIFT_LIMITS__PENDING_DEVICES_MAX", "2").start();
    let admin = server.admin();
    let mut known: Vec<_> = (0..2).map(|_| server.device()).collect();
    for device in &mut known {
        device.authenticate().expect_error(401);
    }
    let mut late = server.device();
    let refused = late.authenticate();
    assert!(matches!(refused.status, 401 | 429), "{refused}");
    assert_eq!(refused.json()["code"], "too_many_pending");
    assert_eq!(admin.find_device(&late.identity_json()), None);
    // The known ones are not concerned, and one that was announced finds its place.
    known[0].authenticate().expect_error(401);
    let mut announced = server.device();
    admin.preauthorize(&announced.identity_json(), &announced.key.public_pem(), false).expect(201);
    announced.log_in();
    admin.accept(&known[0]);
    late.authenticate().expect_error(401);
    assert_eq!(admin.show_device(&late)["status"], "pending");
}

fn pending_keys_of_one_device_are_capped() {
    let server = shared_server();
    let mut device = server.accepted_device();
    for _ in 0..15 {
        let refused = device.twin(DeviceKey::ed25519()).authenticate();
        assert!(matches!(refused.status, 401 | 429), "{refused}");
    }
    let shown = server.admin().show_device(&device);
    assert_eq!(shown["auth_sets"].as_array().map(Vec::len), Some(11), "the accepted one and ten pending");
    device.log_in();
}
