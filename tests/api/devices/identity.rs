//! Who is who: canonical identity, keys, auth sets (device protocol §1.6).

use harness::device::pem;
use harness::{DeviceKey, shared_server};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::auth_requests::authenticate_as;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        s1_11_key_order_and_white_space_do_not_matter,
        extra_attribute_is_another_device,
        spelling_of_the_key_does_not_matter,
        attribute_may_be_a_list,
        s1_04_second_key_is_pending_beside_the_accepted_one,
        s1_04_accepting_the_second_key_ends_the_first,
        s1_03_same_key_with_another_identity_is_another_device,
        token_names_device_and_auth_set,
    ]
}

fn s1_11_key_order_and_white_space_do_not_matter() {
    let server = shared_server();
    let mut device = server.device();
    device.identity = format!("{{\"mac\":\"02:00\",\"serial\":\"{}\"}}", device.serial);
    device.authenticate().expect_error(401);
    server.admin().accept(&device);
    let shuffled = format!("{{ \"serial\" : \"{}\",\n \"mac\":\t\"02:00\" }}", device.serial);
    authenticate_as(&device, &shuffled, &device.key.public_pem()).expect(200);
    let escaped = format!("{{\"mac\":\"\\u0030\\u0032:00\",\"serial\":\"{}\"}}", device.serial);
    authenticate_as(&device, &escaped, &device.key.public_pem()).expect(200);
}

fn extra_attribute_is_another_device() {
    let server = shared_server();
    let device = server.accepted_device();
    let extended = format!("{{\"extra\":\"1\",\"serial\":\"{}\"}}", device.serial);
    authenticate_as(&device, &extended, &device.key.public_pem()).expect_error(401);
    let other = json!({"extra": "1", "serial": device.serial});
    let other = server.admin().find_device(&other).expect("a device of its own");
    assert_eq!(other["status"], "pending");
    assert_ne!(other["id"], server.admin().show_device(&device)["id"]);
}

fn spelling_of_the_key_does_not_matter() {
    let server = shared_server();
    let device = {
        let mut device = server.device_with(DeviceKey::rsa());
        device.authenticate().expect_error(401);
        server.admin().accept(&device);
        device
    };
    let wide = pem(&device.key.public_der(), 76);
    authenticate_as(&device, &device.identity, &wide).expect(200);
    let trailed = format!("{}trailing text\n", device.key.public_pem());
    authenticate_as(&device, &device.identity, &trailed).expect(200);
    let shown = server.admin().show_device(&device);
    assert_eq!(shown["auth_sets"].as_array().map(Vec::len), Some(1));
}

fn attribute_may_be_a_list() {
    let server = shared_server();
    let mut device = server.device();
    device.identity = format!("{{\"mac\":[\"02:00\",\"02:01\"],\"serial\":\"{}\"}}", device.serial);
    device.authenticate().expect_error(401);
    server.admin().accept(&device);
    device.log_in();
}

fn s1_04_second_key_is_pending_beside_the_accepted_one() {
    let server = shared_server();
    let mut device = server.accepted_device();
    let mut twin = device.twin(DeviceKey::p256());
    twin.authenticate().expect_error(401);
    let shown = server.admin().show_device(&device);
    assert_eq!(shown["status"], "accepted");
    assert_eq!(statuses(&shown), ["accepted", "pending"]);
    device.next_nothing();
    device.log_in();
}

fn s1_04_accepting_the_second_key_ends_the_first() {
    let server = shared_server();
    let mut device = server.accepted_device();
    let mut twin = device.twin(DeviceKey::ed25519());
    twin.authenticate().expect_error(401);
    server.admin().accept(&twin);
    device.next().expect_session_refused();
    device.authenticate().expect_error(401);
    twin.log_in();
    twin.next_nothing();
    assert_eq!(statuses(&server.admin().show_device(&device)), ["accepted", "rejected"]);
}

fn s1_03_same_key_with_another_identity_is_another_device() {
    let server = shared_server();
    let device = server.accepted_device();
    let other = server.device();
    authenticate_as(&device, &other.identity, &device.key.public_pem()).expect_error(401);
    let shown = server.admin().show_device(&other);
    assert_eq!(shown["status"], "pending");
}

fn token_names_device_and_auth_set() {
    let server = shared_server();
    let mut device = server.accepted_device();
    let token = device.log_in();
    let (header, claims) = (part(&token, 0), part(&token, 1));
    assert_eq!(header["alg"], "EdDSA");
    assert!(header["kid"].is_string());
    assert_eq!(claims["sub"], server.admin().device_id(&device));
    assert_eq!(claims["jti"], server.admin().auth_set_id(&device));
    assert_eq!(claims["mender.device"], true);
    let lifetime = claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat");
    assert!((400_000..=604_800).contains(&lifetime), "about one week: {lifetime}");
}

/// Returns the statuses of the auth sets of a device in alphabetical order.
fn statuses(shown: &Value) -> Vec<&str> {
    let sets = shown["auth_sets"].as_array().expect("auth sets");
    let mut all: Vec<&str> = sets.iter().filter_map(|set| set["status"].as_str()).collect();
    all.sort_unstable();
    all
}

/// Decodes a part of a JWT (RFC 7519 §3).
fn part(token: &str, index: usize) -> Value {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let text = token.split('.').nth(index).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64url")).expect("JSON")
}
