//! The session token: revocation acts on the next request, forgeries never work.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::names::unknown_uuid;
use harness::{DeviceKey, Response, shared_server};
use libtest_mimic::Trial;
use serde_json::json;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        revoked_token_is_out_and_the_device_logs_in_again,
        s1_07_rejected_device_is_out_at_its_next_request,
        rejected_and_accepted_again_needs_a_new_token,
        user_token_opens_no_device_route,
        forged_tokens_are_refused,
        two_logins_give_two_working_tokens,
    ]
}

fn revoked_token_is_out_and_the_device_logs_in_again() {
    let server = shared_server();
    let mut device = server.accepted_device();
    let jti = server.admin().auth_set_id(&device);
    let path = format!("/api/management/v2/devauth/tokens/{jti}");
    server.admin().send("DELETE", &path).expect(204);
    device.next().expect_session_refused();
    device.log_in();
    device.next_nothing();
    server
        .admin()
        .send("DELETE", &format!("/api/management/v2/devauth/tokens/{}", unknown_uuid()))
        .expect(404);
}

fn s1_07_rejected_device_is_out_at_its_next_request() {
    let server = shared_server();
    let device = server.accepted_device();
    device.next_nothing();
    server.admin().reject(&device);
    device.next().expect_session_refused();
    device.put_inventory(&json!([])).expect_session_refused();
}

fn rejected_and_accepted_again_needs_a_new_token() {
    let server = shared_server();
    let mut device = server.accepted_device();
    server.admin().reject(&device);
    server.admin().accept(&device);
    device.next().expect_session_refused();
    device.log_in();
    device.next_nothing();
}

fn user_token_opens_no_device_route() {
    let server = shared_server();
    let mut device = server.accepted_device();
    device.token = Some(server.admin().token.clone());
    device.next().expect_session_refused();
}

fn forged_tokens_are_refused() {
    let server = shared_server();
    let mut device = server.accepted_device();
    let token = device.log_in();
    let parts: Vec<&str> = token.split('.').collect();
    let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut try_token = |token: String| -> Response {
        device.token = Some(token);
        device.next()
    };
    let none = encode(json!({"alg": "none", "typ": "JWT"}));
    try_token(format!("{none}.{}.", parts[1])).expect_session_refused();
    let hmac = encode(json!({"alg": "HS256", "typ": "JWT"}));
    try_token(format!("{hmac}.{}.{}", parts[1], parts[2])).expect_session_refused();
    let path = encode(json!({"alg": "EdDSA", "typ": "JWT", "kid": "../../etc/passwd"}));
    try_token(format!("{path}.{}.{}", parts[1], parts[2])).expect_session_refused();
    // A key of the forger's own, carried along.
    let forger = DeviceKey::ed25519();
    let own = encode(json!({
        "alg": "EdDSA", "typ": "JWT",
        "jwk": {"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(&forger.public_der()[12..])},
    }));
    let message = format!("{own}.{}", parts[1]);
    let signature = base64::engine::general_purpose::STANDARD.decode(forger.sign(message.as_bytes()));
    let signature = URL_SAFE_NO_PAD.encode(signature.expect("base64"));
    try_token(format!("{message}.{signature}")).expect_session_refused();
    // One character changed anywhere.
    for at in (0..token.len()).step_by(7) {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).expect("ASCII");
        if changed != token && !changed.ends_with(&token[token.len() - 2..]) || at < token.len() - 2 {
            try_token(changed).expect_session_refused();
        }
    }
    try_token(token).expect(204);
}

fn two_logins_give_two_working_tokens() {
    let server = shared_server();
    let mut device = server.accepted_device();
    let first = device.log_in();
    let second = device.log_in();
    for token in [first, second] {
        device.token = Some(token);
        device.next_nothing();
    }
}
