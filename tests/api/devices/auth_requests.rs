//! `POST /api/devices/v1/authentication/auth_requests` (device protocol §1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use harness::device::AUTH_REQUESTS;
use harness::{Body, Device, DeviceKey, Request, Response, shared_server};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        rsa_key_is_accepted,
        s1_06_p256_key_is_accepted,
        s1_06_ed25519_key_is_accepted,
        pending_device_gets_json_401,
        rejected_device_gets_json_401,
        repeats_make_one_device,
        s1_05_signature_by_another_key_is_refused_and_stores_nothing,
        s1_05_a_changed_byte_is_refused_and_stores_nothing,
        s1_06_all_kinds_of_keys_are_told_apart,
        signature_that_is_no_base64_is_refused,
        missing_signature_is_400,
        malformed_requests_are_400,
        s1_06_weak_rsa_key_is_400,
        body_above_the_limit_is_refused,
        s1_12_tier_and_unknown_members_are_ignored,
        chunked_auth_request_is_accepted,
    ]
}

fn rsa_key_is_accepted() {
    is_accepted(DeviceKey::rsa());
}

fn s1_06_p256_key_is_accepted() {
    is_accepted(DeviceKey::p256());
}

fn s1_06_ed25519_key_is_accepted() {
    is_accepted(DeviceKey::ed25519());
}

fn is_accepted(key: DeviceKey) {
    let server = shared_server();
    let mut device = server.device_with(key);
    device.authenticate().expect_error(401);
    let shown = server.admin().show_device(&device);
    assert_eq!(shown["status"], "pending");
    assert_eq!(shown["auth_sets"][0]["pubkey"], device.key.public_pem());
    server.admin().accept(&device);
    device.log_in();
    device.next_nothing();
}

fn pending_device_gets_json_401() {
    let mut device = shared_server().device();
    let response = device.authenticate().expect_error(401);
    assert_eq!(response.json()["error"], "dev auth: unauthorized");
    assert_eq!(response.json()["code"], "pending");
}

fn rejected_device_gets_json_401() {
    let server = shared_server();
    let mut device = server.accepted_device();
    server.admin().reject(&device);
    let response = device.authenticate().expect_error(401);
    assert_eq!(response.json()["error"], "dev auth: unauthorized");
    assert_eq!(response.json()["code"], "rejected");
}

fn repeats_make_one_device() {
    let server = shared_server();
    let mut device = server.device();
    for _ in 0..3 {
        device.authenticate().expect_error(401);
    }
    let shown = server.admin().show_device(&device);
    assert_eq!(shown["auth_sets"].as_array().map(Vec::len), Some(1));
}

fn s1_05_signature_by_another_key_is_refused_and_stores_nothing() {
    let server = shared_server();
    let device = server.device();
    let stranger = DeviceKey::ed25519();
    let body = device.auth_body();
    let mut request = device.auth_request(body.clone());
    replace_signature(&mut request, &stranger.sign(&body));
    let response = device.http.send(&request).expect_error(401);
    assert_eq!(response.json()["error"], "signature verification failed");
    assert_eq!(response.json()["code"], "bad_signature");
    assert_eq!(server.admin().find_device(&device.identity_json()), None);
}

fn s1_05_a_changed_byte_is_refused_and_stores_nothing() {
    let server = shared_server();
    for key in [DeviceKey::rsa(), DeviceKey::p256(), DeviceKey::ed25519()] {
        let device = server.device_with(key);
        let body = device.auth_body();
        let signature = STANDARD.decode(device.key.sign(&body)).expect("base 64");
        let refused = |body: &[u8], signature: &[u8]| {
            let mut request = device.auth_request(body.to_vec());
            replace_signature(&mut request, &STANDARD.encode(signature));
            let answer = device.http.send(&request).expect_error(401).json();
            assert_eq!(answer["code"], "bad_signature");
        };
        for at in [0, signature.len() / 2, signature.len() - 1] {
            let mut flipped = signature.clone();
            flipped[at] ^= 1;
            refused(&body, &flipped);
        }
        // The same JSON in other bytes is not what was signed.
        refused(&[b" ", body.as_slice()].concat(), &signature);
        refused(&[body.as_slice(), b" "].concat(), &signature);
        refused(&body, &signature[1..]);
        assert_eq!(server.admin().find_device(&device.identity_json()), None);
    }
}

fn s1_06_all_kinds_of_keys_are_told_apart() {
    // A signature by one kind under the key of another is none.
    let server = shared_server();
    let (rsa, p256) = (server.device_with(DeviceKey::rsa()), server.device_with(DeviceKey::p256()));
    let body = rsa.auth_body();
    let mut request = rsa.auth_request(body.clone());
    replace_signature(&mut request, &p256.key.sign(&body));
    rsa.http.send(&request).expect_error(401);
    assert_eq!(server.admin().find_device(&rsa.identity_json()), None);
}

fn signature_that_is_no_base64_is_refused() {
    let device = shared_server().device();
    for signature in ["***", "AAAA", "====", "a"] {
        let mut request = device.auth_request(device.auth_body());
        replace_signature(&mut request, signature);
        device.http.send(&request).expect_error(401);
    }
}

fn missing_signature_is_400() {
    let device = shared_server().device();
    let mut request = device.auth_request(device.auth_body());
    request.headers.retain(|(name, _)| name != "X-MEN-Signature");
    let response = device.http.send(&request).expect_error(400);
    assert_eq!(response.json()["code"], "missing_signature");
}

fn malformed_requests_are_400() {
    let device = shared_server().device();
    let pubkey = device.key.public_pem();
    let deep = format!("{}\"x\"{}", "{\"a\":".repeat(9), "}".repeat(9));
    let cases = [
        ("not JSON", "hello".to_owned()),
        ("nothing", String::new()),
        ("an array", "[]".to_owned()),
        ("no members", "{}".to_owned()),
        ("no key", json!({"id_data": device.identity}).to_string()),
        ("no identity", json!({ "pubkey": pubkey }).to_string()),
        ("empty identity", json!({"id_data": "", "pubkey": pubkey}).to_string()),
        ("identity without attributes", json!({"id_data": "{}", "pubkey": pubkey}).to_string()),
        ("identity that is an array", json!({"id_data": "[\"a\"]", "pubkey": pubkey}).to_string()),
        ("identity that is no JSON", json!({"id_data": "serial=1", "pubkey": pubkey}).to_string()),
        ("identity as an object", json!({"id_data": {"serial": "1"}, "pubkey": pubkey}).to_string()),
        ("identity with a key twice", json!({"id_data": "{\"a\":\"1\",\"a\":\"2\"}", "pubkey": pubkey}).to_string()),
        ("identity that is too deep", json!({"id_data": deep, "pubkey": pubkey}).to_string()),
        ("empty key", json!({"id_data": device.identity, "pubkey": ""}).to_string()),
        ("key that is no PEM", json!({"id_data": device.identity, "pubkey": "AAAA"}).to_string()),
        (
            "key with another label",
            json!({"id_data": device.identity, "pubkey": pubkey.replace("PUBLIC", "RSA PUBLIC")}).to_string(),
        ),
        (
            "key that is cut",
            json!({"id_data": device.identity, "pubkey": harness::device::pem(&device.key.public_der()[..20], 64)})
                .to_string(),
        ),
        (
            "identity above 16 KiB",
            json!({"id_data": json!({"a": "x".repeat(17 * 1024)}).to_string(), "pubkey": pubkey}).to_string(),
        ),
    ];
    for (what, body) in cases {
        eprintln!("case: {what}");
        device.http.send(&device.auth_request(body.into_bytes())).expect_error(400);
    }
}

fn s1_06_weak_rsa_key_is_400() {
    let device = shared_server().device();
    let pubkey = include_str!("rsa1024.public.pem");
    let body = json!({"id_data": device.identity, "pubkey": pubkey}).to_string();
    let response = device.http.send(&device.auth_request(body.into_bytes())).expect_error(400);
    assert_eq!(response.json()["code"], "weak_pubkey");
    assert_eq!(shared_server().admin().find_device(&device.identity_json()), None);
}

fn body_above_the_limit_is_refused() {
    let device = shared_server().device();
    let mut body = device.auth_body();
    body.resize(65 * 1024, b' ');
    let response = device.http.send(&device.auth_request(body));
    assert!(matches!(response.status, 400 | 413), "{response}");
}

fn s1_12_tier_and_unknown_members_are_ignored() {
    let server = shared_server();
    let device = server.device();
    let body = json!({
        "future": {"a": [1, 2]}, "id_data": device.identity, "pubkey": device.key.public_pem(), "tier": "micro",
    });
    device.http.send(&device.auth_request(body.to_string().into_bytes())).expect_error(401);
    assert_eq!(server.admin().show_device(&device)["status"], "pending");
}

fn chunked_auth_request_is_accepted() {
    let server = shared_server();
    let device = server.accepted_device();
    let body = device.auth_body();
    let request = Request::new("POST", AUTH_REQUESTS)
        .header("Content-Type", "application/json")
        .header("X-MEN-Signature", device.key.sign(&body))
        .body(Body::Chunked(body));
    device.http.send(&request).expect(200);
}

fn replace_signature(request: &mut Request, signature: &str) {
    for (name, value) in &mut request.headers {
        if name == "X-MEN-Signature" {
            signature.clone_into(value);
        }
    }
}

/// Sends an auth request with other identity text or key text than the device's own.
#[track_caller]
pub(crate) fn authenticate_as(device: &Device, identity: &str, pubkey: &str) -> Response {
    let body = json!({"id_data": Value::String(identity.to_owned()), "pubkey": pubkey});
    device.http.send(&device.auth_request(body.to_string().into_bytes()))
}
