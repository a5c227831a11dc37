//! The dozen rules that make or break a server, one trial each (device protocol §0).

use harness::device::{AUTH_REQUESTS, INVENTORY, NEXT_V1, NEXT_V2, deployment_path, link_target};
use harness::names::unknown_uuid;
use harness::{ArtifactSpec, Body, DeviceKey, HttpClient, Request, shared_server};
use libtest_mimic::Trial;
use rustls::HandshakeKind;
use serde_json::json;

use super::next::offered;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        rule_01_signature_covers_the_raw_bytes,
        rule_02_authorization_of_auth_requests_is_ignored,
        rule_03_token_is_the_whole_body,
        rule_04_success_codes_are_exact,
        rule_05_refused_session_is_an_empty_401,
        rule_06_next_v2_is_native,
        rule_07_no_update_is_an_empty_204,
        rule_08_download_has_a_length_and_no_coding,
        rule_09_chunked_bodies_are_accepted,
        rule_10_offer_names_artifact_and_types,
        rule_11_abort_is_409_for_good,
        rule_12_no_http2_no_resumption,
    ]
}

fn rule_01_signature_covers_the_raw_bytes() {
    let server = shared_server();
    let mut device = server.device_with(DeviceKey::rsa());
    device.authenticate().expect_error(401);
    server.admin().accept(&device);
    // The newline at the end is part of what 3.4.0 signs.
    let body = device.auth_body();
    assert_eq!(body.last(), Some(&b'\n'));
    device.http.send(&device.auth_request(body.clone())).expect(200);
    // The same JSON without it carries another signature.
    let mut request = device.auth_request(body.clone());
    request.body = Body::Sized(body[..body.len() - 1].to_vec());
    let refused = device.http.send(&request).expect_error(401);
    assert_eq!(refused.json()["error"], "signature verification failed");
    // Client 5.x signs a body without a newline and with its members in another order.
    let pubkey = serde_json::Value::String(device.key.public_pem());
    let id_data = serde_json::Value::String(device.identity.clone());
    let newer = format!("{{\"id_data\":{id_data},\"pubkey\":{pubkey},\"tier\":\"standard\"}}");
    device.http.send(&device.auth_request(newer.into_bytes())).expect(200);
}

fn rule_02_authorization_of_auth_requests_is_ignored() {
    let server = shared_server();
    let device = server.accepted_device();
    for value in ["Bearer", "Bearer ", "API_KEY", "Bearer not.a.token", "Basic Og=="] {
        let body = device.auth_body();
        let request = Request::new("POST", AUTH_REQUESTS)
            .header("Content-Type", "application/json")
            .header("Authorization", value)
            .header("X-MEN-Signature", device.key.sign(&body))
            .body(Body::Sized(body));
        device.http.send(&request).expect(200);
    }
}

fn rule_03_token_is_the_whole_body() {
    let server = shared_server();
    let mut device = server.accepted_device();
    let response = device.authenticate().expect(200);
    assert_eq!(response.header("Content-Type"), Some("application/jwt"));
    let token = response.text();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    assert!(!token.is_empty() && token.chars().all(plain), "a bare token: {token:?}");
    assert_eq!(token.split('.').count(), 3);
}

fn rule_04_success_codes_are_exact() {
    let server = shared_server();
    let (device, deployment) = offered(server);
    device.put_inventory(&json!([{"name": "kernel", "value": "6.1"}])).expect(200);
    device.report(&deployment, "downloading").expect(204);
    device.report(&deployment, "installing").expect(204);
    device.report(&deployment, "failure").expect(204);
    device.send_log(&deployment, br#"{"messages":[]}"#).expect(204);
    device.next().expect(204);
}

fn rule_05_refused_session_is_an_empty_401() {
    let server = shared_server();
    let mut device = server.accepted_device();
    server.admin().reject(&device);
    let status = deployment_path(&unknown_uuid(), "status");
    let log = deployment_path(&unknown_uuid(), "log");
    let calls = [
        ("PUT", INVENTORY),
        ("PATCH", INVENTORY),
        ("POST", NEXT_V2),
        ("POST", NEXT_V1),
        ("PUT", status.as_str()),
        ("PUT", log.as_str()),
    ];
    for (method, target) in calls {
        device.send_json(method, target, &json!({})).expect_session_refused();
    }
    let get = format!("{NEXT_V1}?artifact_name=a&device_type=b");
    device.http.send(&device.request("GET", &get)).expect_session_refused();
    // No token at all, and one that never was: the same.
    device.http.send(&Request::get(&get)).expect_session_refused();
    device.token = Some("not.a.token".to_owned());
    device.http.send(&device.request("GET", &get)).expect_session_refused();
}

fn rule_06_next_v2_is_native() {
    let server = shared_server();
    let (device, deployment) = offered(server);
    let body = json!({"device_provides": device.provides()});
    let answer = device.send_json("POST", NEXT_V2, &body).expect(200).json();
    assert_eq!(answer["id"], deployment);
}

fn rule_07_no_update_is_an_empty_204() {
    let device = shared_server().accepted_device();
    let response = device.next().expect(204);
    assert!(response.body.is_empty());
    assert!(matches!(response.header("Content-Length"), None | Some("0")));
}

fn rule_08_download_has_a_length_and_no_coding() {
    let server = shared_server();
    let device = server.accepted_device();
    let artifact = ArtifactSpec::new(&device.device_type).write();
    server.admin().upload(&artifact);
    server.admin().deploy(&artifact.name, &[server.admin().device_id(&device)]);
    let offer = device.next_offer();
    let target = link_target(offer["artifact"]["source"]["uri"].as_str().expect("a link"));
    let request =
        Request::get(&target).header("User-Agent", "Go-http-client/1.1").header("Accept-Encoding", "gzip");
    let response = device.http.send(&request).expect(200);
    let bytes = artifact.bytes();
    assert!(bytes.len() >= 4096);
    assert_eq!(response.header("Content-Length"), Some(bytes.len().to_string().as_str()));
    assert_eq!(response.header("Content-Encoding"), None);
    assert_eq!(response.header("Transfer-Encoding"), None);
    assert_eq!(response.body, bytes);
}

fn rule_09_chunked_bodies_are_accepted() {
    // Every JSON call of the scripted device is chunked; here the same calls with a length.
    let server = shared_server();
    let (device, deployment) = offered(server);
    let chunked = device.report(&deployment, "downloading").expect(204);
    assert!(chunked.body.is_empty());
    let sized = device.request("PUT", &deployment_path(&deployment, "status"));
    device.http.send(&sized.json(&json!({"status": "downloading"}))).expect(204);
    let sized = device.request("PUT", INVENTORY).json(&json!([{"name": "a", "value": "b"}]));
    device.http.send(&sized).expect(200);
    let next = device.request("POST", NEXT_V2).json(&json!({"device_provides": device.provides()}));
    device.http.send(&next).expect(200);
}

fn rule_10_offer_names_artifact_and_types() {
    let server = shared_server();
    let device = server.accepted_device();
    let artifact = ArtifactSpec::new(&device.device_type).write();
    let artifact_id = server.admin().upload(&artifact);
    let deployment = server.admin().deploy(&artifact.name, &[server.admin().device_id(&device)]);
    let offer = device.next_offer();
    assert_eq!(offer["id"], deployment);
    assert!(!deployment.contains('.'));
    assert_eq!(offer["artifact"]["id"], artifact_id);
    assert_eq!(offer["artifact"]["artifact_name"], artifact.name);
    assert_eq!(offer["artifact"]["device_types_compatible"], json!([device.device_type]));
    let source = &offer["artifact"]["source"];
    assert!(source["uri"].as_str().is_some_and(|uri| uri.starts_with("https://")));
    assert!(source["expire"].as_str().is_some_and(|at| at.contains('T') && at.ends_with('Z')));
    assert!(offer.get("update_control_map").is_none(), "a map without its GET endpoint breaks updates");
}

fn rule_11_abort_is_409_for_good() {
    let server = shared_server();
    let (device, deployment) = offered(server);
    device.report(&deployment, "downloading").expect(204);
    server.admin().abort(&deployment).expect(204);
    for status in ["downloading", "installing", "rebooting", "success", "failure", "failure"] {
        device.report(&deployment, status).expect(409);
    }
    device.next_nothing();
    let id = server.admin().device_id(&device);
    assert_eq!(server.admin().device_state(&deployment, &id).as_deref(), Some("aborted"));
}

fn rule_12_no_http2_no_resumption() {
    let server = shared_server();
    let client = HttpClient::with_alpn(server.port(), &server.ca(), &["h2", "http/1.1"]);
    match client.connect() {
        Ok(mut connection) => {
            assert_ne!(connection.tls().alpn_protocol(), Some(&b"h2"[..]));
            connection.send(&Request::get("/health/live")).expect("HTTP/1.1 is spoken");
        }
        Err(e) => panic!("a client that offers HTTP/1.1 too must be served: {e}"),
    }
    for versions in [[&rustls::version::TLS12], [&rustls::version::TLS13]] {
        // One client keeps what a session gives it, tickets included.
        let client = HttpClient::with_versions(server.port(), &server.ca(), &versions);
        for _ in 0..3 {
            let mut connection = client.connect().expect("a connection");
            connection.send(&Request::get("/health/live")).expect("an answer").expect_success();
            assert_eq!(connection.tls().handshake_kind(), Some(HandshakeKind::Full));
        }
    }
}
