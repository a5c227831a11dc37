//! Secrets are never logged, at any level.

use harness::device::link_target;
use harness::management::login_request;
use harness::server::{ADMIN, PASSWORD};
use harness::{ArtifactSpec, Management, ServerSetup};
use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![s1_10_no_secret_and_no_request_is_logged_at_trace_level]
}

fn s1_10_no_secret_and_no_request_is_logged_at_trace_level() {
    let server = ServerSetup::default().env("SEALIFT_LOG_FILTER", "trace").start();
    let wrong = "a wrong but telling password";
    server.http().send(&login_request(ADMIN, wrong)).expect_error(401);
    let user = Management::login(server.http(), ADMIN, PASSWORD);
    user.get(harness::management::DEVAUTH).expect(200);
    let device = server.accepted_device();
    let artifact = ArtifactSpec::new(&device.device_type).write();
    server.admin().upload(&artifact);
    server.admin().deploy(&artifact.name, &[server.admin().device_id(&device)]);
    let offer = device.next_offer();
    let target = link_target(offer["artifact"]["source"]["uri"].as_str().expect("a link"));
    server.http().get(&target).expect(200);
    let mut with_session = device.request("POST", harness::device::NEXT_V2);
    with_session.headers.push(("Cookie".to_owned(), "JWT=planted-cookie".to_owned()));
    server.http().send(&with_session);
    assert!(server.stop().success());
    let log = server.log();
    assert!(log.len() > 1000, "a trace that says nothing proves nothing: {log}");
    let signature = |token: &str| token.rsplit('.').next().unwrap_or_default().to_owned();
    let device_token = device.token.clone().expect("a token");
    let (_, query) = target.split_once('?').unwrap_or(("", &target));
    let link = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
    let secrets = [
        ("the password", PASSWORD.to_owned()),
        ("the database's password", harness::postgres::PASSWORD.to_owned()),
        ("a wrong password", wrong.to_owned()),
        ("the address", ADMIN.to_owned()),
        ("a user's token", signature(&user.token)),
        ("a device's token", signature(&device_token)),
        ("an auth signature", device.key.sign(&device.auth_body())),
        ("an auth request", String::from_utf8_lossy(&device.auth_body()).trim().to_owned()),
        ("a public key", device.key.public_pem().lines().nth(1).expect("a line").to_owned()),
        ("a cookie", "planted-cookie".to_owned()),
        ("a private key", "PRIVATE KEY".to_owned()),
        ("a password hash", "$argon2".to_owned()),
    ];
    let link = link.filter(|value| value.len() > 30).map(|value| ("a link's authority", value.to_owned()));
    for (what, secret) in secrets.into_iter().chain(link) {
        assert!(!secret.is_empty());
        if let Some(line) = log.lines().find(|line| line.contains(&secret)) {
            panic!("{what} is in the log: {line}");
        }
    }
}
