//! Budgets: floods from one source, while another is served.

use std::time::Duration;

use harness::server::{ADMIN, PASSWORD};
use harness::{ArtifactSpec, Device, DeviceKey, HttpClient, Multipart, Request, Response, ServerSetup};
use libtest_mimic::Trial;

const FLOODER: [u8; 4] = [127, 0, 0, 2];
const OTHER: [u8; 4] = [127, 0, 0, 3];

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![
        flood_of_registrations_keeps_nobody_else_out,
        flood_of_logins_keeps_nobody_else_out,
        flood_of_passwords_keeps_nobody_else_out,
        uploads_have_places,
    ]
}

/// Limits hold for this machine too.
fn strict() -> ServerSetup {
    ServerSetup::default().env("SEALIFT_LIMITS__UNLIMITED_NETWORKS", "")
}

#[track_caller]
fn expect_rate_limited(response: &Response) {
    let response = response.clone().expect_error(429);
    assert_eq!(response.json()["code"], "rate_limited");
    expect_wait(&response);
}

#[track_caller]
fn expect_wait(response: &Response) {
    let wait = response.header("Retry-After").and_then(|value| value.parse::<u32>().ok());
    assert!(wait.is_some_and(|secs| (1..600).contains(&secs)), "no wait in {response}");
}

fn flood_of_registrations_keeps_nobody_else_out() {
    // Ten seconds' worth may come at once: twenty.
    let server = strict().env("SEALIFT_LIMITS__REGISTRATION_RATE_PER_SOURCE", "2").start();
    let from = |source| server.http().from_source(source);
    let mut known = Device::new(from(FLOODER), DeviceKey::ed25519());
    known.authenticate().expect_error(401);
    server.admin().accept(&known);
    let answers: Vec<Response> =
        (0..100).map(|_| Device::new(from(FLOODER), DeviceKey::ed25519()).authenticate()).collect();
    let refused: Vec<&Response> = answers.iter().filter(|answer| answer.status != 401).collect();
    let taken = answers.len() - refused.len();
    // Some come again while the flood goes on.
    assert!((19..80).contains(&taken), "{taken} of 100 strangers were taken");
    refused.into_iter().for_each(expect_rate_limited);
    let mut other = Device::new(from(OTHER), DeviceKey::ed25519());
    other.authenticate().expect_error(401);
    server.admin().accept(&other);
    other.log_in();
    other.next_nothing();
    // Who is known is no stranger, wherever it lives.
    known.log_in();
    known.next_nothing();
}

fn flood_of_logins_keeps_nobody_else_out() {
    let server = strict().env("SEALIFT_LIMITS__LOGIN_RATE_PER_SOURCE", "3").start();
    let mut device = server.accepted_device();
    let mut limited = 0;
    for _ in 0..100 {
        let answer = from_source(&server.http(), FLOODER, &device);
        if answer.status == 429 {
            expect_rate_limited(&answer);
            limited += 1;
        } else {
            answer.expect(200);
        }
    }
    assert!(limited >= 10, "{limited} of 100 logins were too many");
    from_source(&server.http(), OTHER, &device).expect(200);
    device.log_in();
}

fn from_source(http: &HttpClient, source: [u8; 4], device: &Device) -> Response {
    http.clone().from_source(source).send(&device.auth_request(device.auth_body()))
}

fn flood_of_passwords_keeps_nobody_else_out() {
    let server = strict().start();
    let login = |source: [u8; 4], email: &str, password: &str| {
        let request = harness::management::login_request(email, password);
        server.http().from_source(source).send(&request)
    };
    // Of accounts that nobody has: how often one may be tried is another limit.
    let stranger = |number| format!("stranger-{number}@example.com");
    let answers: Vec<Response> =
        (0..40).map(|number| login(FLOODER, &stranger(number), "wrong password entirely")).collect();
    let limited: Vec<&Response> = answers.iter().filter(|answer| answer.status != 401).collect();
    assert!(!limited.is_empty(), "40 passwords in a row were all hashed");
    assert!(limited.len() <= 30, "{} of 40 passwords were refused", limited.len());
    limited.into_iter().for_each(expect_rate_limited);
    login(OTHER, ADMIN, PASSWORD).expect(200);
}

fn uploads_have_places() {
    let server = ServerSetup::default().env("SEALIFT_LIMITS__MAX_UPLOADS", "1").start();
    let admin = server.admin();
    let form = Multipart::artifact(&ArtifactSpec::new("one").write().bytes()).finish();
    let (first, rest) = form.split_at(form.len() / 2);
    let mut slow = server.http().connect().expect("a connection");
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: {}\r\ncontent-length: {}\r\n\r\n",
        harness::management::ARTIFACTS,
        admin.token,
        harness::multipart::content_type(),
        form.len()
    );
    slow.send_bytes(head.as_bytes()).expect("sent");
    slow.send_bytes(first).expect("sent");
    let other = ArtifactSpec::new("two").write().bytes();
    let refused = harness::eventually("the end of all places", Duration::from_mins(1), || {
        let answer = admin.try_upload(&other);
        // The first may not have begun yet: then this one was taken, or is there already.
        if matches!(answer.status, 201 | 409) { None } else { Some(answer) }
    });
    let refused = refused.expect_error(503);
    assert_eq!(refused.json()["code"], "unavailable");
    expect_wait(&refused);
    slow.send_bytes(rest).expect("sent");
    slow.receive(false).expect("an answer").expect(201);
    harness::until("a place again", Duration::from_mins(1), || {
        matches!(admin.try_upload(&other).status, 201 | 409)
    });
    server.http().send(&Request::get("/health/ready")).expect_success();
}
