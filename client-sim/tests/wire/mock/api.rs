//! The answers of the mock.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Response;
use hyper::body::Bytes;
use hyper::http::request::Parts;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::Reply;
use super::state::{Record, State, TOKEN};

const DEPLOYMENTS: &str = "/api/devices/v1/deployments/device/deployments/";
const DEPLOYMENT: &str = "11111111-2222-3333-4444-555555555555";

pub(crate) fn answer(head: &Parts, body: &Bytes, state: &mut State) -> Response<Reply> {
    let path = head.uri.path();
    match (head.method.as_str(), path) {
        ("POST", "/api/devices/v1/authentication/auth_requests") => login(head, body, state),
        ("GET", "/api/management/v2/devauth/devices") => list(head, state),
        ("PUT", _) if path.starts_with("/api/management/v2/devauth/devices/") => accept(head, body, state),
        ("GET", _) if path.starts_with("/download/") => download(head, state),
        ("POST", "/echo") => echo(head, body),
        (_, _) => device_call(head, body, state),
    }
}

fn plain(code: u16, body: impl Into<Bytes>) -> Response<Reply> {
    Response::builder().status(code).body(Reply::whole(body.into())).unwrap()
}

fn login(head: &Parts, body: &Bytes, state: &mut State) -> Response<Reply> {
    let request: Value = serde_json::from_slice(body).unwrap();
    let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
    let (identity, pem) = (text("id_data"), text("pubkey"));
    let signature = STANDARD.decode(head.headers["x-men-signature"].as_bytes()).unwrap();
    assert!(is_signed(&pem, body, &signature), "the signature must cover the raw bytes");
    let id = format!("device-{}", state.devices.len());
    let is_accepted = state.behaviour.accepts_everybody;
    let record = state.devices.entry(identity).or_insert_with(|| Record {
        id,
        public_key: pem,
        tenant_token: text("tenant_token"),
        is_accepted,
        token: None,
        is_finished: false,
        provides: BTreeMap::new(),
        events: Vec::new(),
        overridden: Vec::new(),
    });
    if !record.is_accepted {
        return plain(401, r#"{"error":"dev auth: unauthorized","request_id":"1"}"#);
    }
    record.events.push("login".to_owned());
    let token = format!("{}.{}", record.id, record.events.len());
    record.token = Some(token.clone());
    plain(200, token)
}

fn is_signed(pem: &str, body: &[u8], signature: &[u8]) -> bool {
    let spki = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).unwrap();
    let algorithms: [&'static dyn VerificationAlgorithm; 3] =
        [&RSA_PKCS1_2048_8192_SHA256, &ECDSA_P256_SHA256_ASN1, &ED25519];
    algorithms
        .into_iter()
        .filter_map(|algorithm| ParsedPublicKey::new(algorithm, spki.as_ref()).ok())
        .any(|key| key.verify_sig(body, signature).is_ok())
}

fn list(head: &Parts, state: &State) -> Response<Reply> {
    if bearer(head) != Some(TOKEN) {
        return plain(401, "");
    }
    let query = head.uri.query().unwrap_or_default();
    let page: usize = query.split('&').find_map(|part| part.strip_prefix("page=")).unwrap().parse().unwrap();
    // Pages of three, whatever was asked for: a server may have a cap of its own.
    let devices: Vec<Value> = state
        .devices
        .iter()
        .filter(|(_, device)| !device.is_accepted)
        .skip((page - 1) * 3)
        .take(3)
        .map(|(identity, device)| {
            let identity: Value = serde_json::from_str(identity).unwrap();
            json!({"id": device.id, "identity_data": identity, "status": "pending",
                "auth_sets": [{"id": format!("set-of-{}", device.id), "pubkey": device.public_key,
                    "status": "pending", "identity_data": identity}]})
        })
        .collect();
    plain(200, serde_json::to_vec(&devices).unwrap())
}

fn accept(head: &Parts, body: &Bytes, state: &mut State) -> Response<Reply> {
    if bearer(head) != Some(TOKEN) {
        return plain(401, "");
    }
    assert_eq!(serde_json::from_slice::<Value>(body).unwrap(), json!({"status": "accepted"}));
    let id = head.uri.path().split('/').nth(6).unwrap();
    let device = state.devices.values_mut().find(|device| device.id == id).unwrap();
    device.is_accepted = true;
    plain(204, "")
}

fn device_call(head: &Parts, body: &Bytes, state: &mut State) -> Response<Reply> {
    let behaviour = state.behaviour.clone();
    let url = state.url.clone();
    let Some(device) = state.devices.values_mut().find(|device| device.token.as_deref() == bearer(head))
    else {
        return plain(401, "");
    };
    let path = head.uri.path();
    let request: Value = serde_json::from_slice(body).unwrap();
    if path == "/api/devices/v1/inventory/device/attributes" {
        device.events.push("inventory".to_owned());
        return plain(200, "");
    }
    if path == "/api/devices/v2/deployments/device/deployments/next" {
        device.provides = serde_json::from_value(request["device_provides"].clone()).unwrap();
        if device.is_finished || behaviour.artifact.is_none() {
            return plain(204, "");
        }
        device.events.push("next".to_owned());
        let offer = json!({"id": DEPLOYMENT, "artifact": {"id": "a", "artifact_name": behaviour.artifact_name,
            "device_types_compatible": ["beaglebone"],
            "source": {"uri": format!("{url}/download/{}", device.id), "expire": "2099-01-01T00:00:00Z"}}});
        return plain(200, serde_json::to_vec(&offer).unwrap());
    }
    let report = path.strip_prefix(DEPLOYMENTS).and_then(|rest| rest.strip_prefix(DEPLOYMENT));
    match report {
        Some("/status") => {
            let status = request["status"].as_str().unwrap();
            device.events.push(status.to_owned());
            device.is_finished = matches!(status, "success" | "failure" | "already-installed");
            match behaviour.answers.get(status) {
                Some(code) if !device.overridden.iter().any(|name| name == status) => {
                    device.overridden.push(status.to_owned());
                    plain(*code, "")
                }
                _ => plain(204, ""),
            }
        }
        Some("/log") => {
            assert!(!request["messages"].as_array().unwrap().is_empty());
            device.events.push("log".to_owned());
            plain(204, "")
        }
        _ => plain(404, r#"{"error":"not found","request_id":"1"}"#),
    }
}

fn download(head: &Parts, state: &mut State) -> Response<Reply> {
    assert!(!head.headers.contains_key("authorization"), "no client sends a token with a download");
    let artifact = state.behaviour.artifact.clone().unwrap();
    let break_at = state.behaviour.break_at;
    let id = head.uri.path().trim_start_matches("/download/");
    let device = state.devices.values_mut().find(|device| device.id == id).unwrap();
    let Some(range) = head.headers.get("range") else {
        device.events.push("get".to_owned());
        let reply = match break_at {
            Some(at) => Reply::broken(artifact.slice(..at), u64::try_from(artifact.len()).unwrap()),
            None => Reply::whole(artifact),
        };
        return Response::builder().status(200).body(reply).unwrap();
    };
    let range = range.to_str().unwrap().trim_start_matches("bytes=");
    let (first, last) = range.split_once('-').unwrap();
    let first: usize = first.parse().unwrap();
    assert!(last.is_empty() || last.parse::<usize>().unwrap() == artifact.len() - 1);
    device.events.push(format!("resume@{first}"));
    Response::builder()
        .status(206)
        .header("content-range", format!("bytes {first}-{}/{}", artifact.len() - 1, artifact.len()))
        .body(Reply::whole(artifact.slice(first..)))
        .unwrap()
}

/// Tells the sender how the request was framed.
fn echo(head: &Parts, body: &Bytes) -> Response<Reply> {
    let header = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let seen = json!({"length": header("content-length"), "encoding": header("transfer-encoding"),
        "host": header("host"), "x-raw": header("x-raw"), "body": String::from_utf8_lossy(body)});
    plain(200, serde_json::to_vec(&seen).unwrap())
}

fn bearer(head: &Parts) -> Option<&str> {
    head.headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")
}
