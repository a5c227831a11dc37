//! Many, slow and silent connections.

use std::thread;
use std::time::{Duration, Instant};

use harness::http::Connection;
use harness::{ArtifactSpec, Body, Request, ServerSetup, TestServer, until};
use libtest_mimic::Trial;

const MIB: u64 = 1 << 20;
/// Nothing below takes so long unless it hangs; machines that test are busy.
const LIMIT: Duration = Duration::from_mins(2);
const LIVE: &str = "/health/live";

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![
        crowded_source_leaves_room_for_others,
        head_has_its_time_whatever_trickles,
        large_heads_are_refused,
        slow_bodies_are_given_up,
        stalled_readers_are_cut_off_and_cost_little,
    ]
}

fn crowded_source_leaves_room_for_others() {
    let server = ServerSetup::default()
        .env("SEALIFT_LIMITS__UNLIMITED_NETWORKS", "")
        .env("SEALIFT_LIMITS__MAX_CONNECTIONS_PER_SOURCE", "20")
        .start_without_user();
    let crowd = server.http().from_source([127, 0, 0, 2]);
    let mut held: Vec<Connection> = (0..20).map(|_| crowd.connect().expect("a connection")).collect();
    for _ in 0..20 {
        assert!(crowd.try_send(&Request::get(LIVE)).is_err(), "more than 20 connections from one source");
    }
    server.http().from_source([127, 0, 0, 3]).get(LIVE).expect_success();
    held[0].send(&Request::get(LIVE)).expect("what is open goes on").expect_success();
    drop(held);
    until("room for the source again", LIMIT, || crowd.try_send(&Request::get(LIVE)).is_ok());
}

fn head_has_its_time_whatever_trickles() {
    let server = ServerSetup::default().env("SEALIFT_LIMITS__HEAD_TIMEOUT_SECS", "2").start_without_user();
    let mut first = server.http().connect().expect("a connection");
    expect_cut_off(&mut first);
    // The framework times the first head only.
    let mut later = server.http().connect().expect("a connection");
    later.send(&Request::get(LIVE)).expect("an answer").expect_success();
    expect_cut_off(&mut later);
}

/// Sends a head byte by byte until it is cut off with an answer.
#[track_caller]
fn expect_cut_off(connection: &mut Connection) {
    let began = Instant::now();
    let head = format!("GET {LIVE} HTTP/1.1\r\nhost: localhost\r\nx-slow: {}", "a".repeat(10_000));
    for byte in head.bytes() {
        if connection.send_bytes(&[byte]).is_err() || connection.has_ended() {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    let elapsed = began.elapsed();
    assert!(elapsed < Duration::from_mins(1), "a head may take {elapsed:?}");
    assert!(elapsed > Duration::from_millis(900), "a head may take {elapsed:?} only");
    let answer = connection.receive(false).expect("an answer before the end").expect_error(408).json();
    assert_eq!(answer["code"], "request_timeout");
}

fn large_heads_are_refused() {
    let server = ServerSetup::default().start_without_user();
    let http = server.http();
    let with_field = |bytes: usize| Request::get(LIVE).header("x-large", "a".repeat(bytes));
    http.send(&with_field(15_000)).expect_success();
    for bytes in [16_384, 20_000, 60_000, 500_000] {
        let mut connection = http.connect().expect("a connection");
        let answer = connection.send(&with_field(bytes)).expect("an answer").expect_error(431);
        assert_eq!(answer.json()["code"], "header_too_large", "{bytes}");
    }
    let target = format!("{LIVE}?{}", "a".repeat(9_000));
    assert_eq!(http.get(&target).expect_error(414).json()["code"], "uri_too_long");
    let many = (0..200).fold(Request::get(LIVE), |request, at| request.header(&format!("x-{at}"), "1"));
    http.send(&many).expect(431);
    // A head that is as large as it may be, and at once a body: the limit is for the head.
    let body = Request::new("POST", "/api/devices/v1/authentication/auth_requests")
        .header("x-large", "a".repeat(12_000))
        .body(Body::Sized(vec![b' '; 60_000]));
    http.send(&body).expect_error(400);
}

fn slow_bodies_are_given_up() {
    let server = ServerSetup::default().env("SEALIFT_LIMITS__RATE_GRACE_SECS", "2").start();
    let device = server.accepted_device();
    let inventory = device.request("PUT", "/api/devices/v1/inventory/device/attributes");
    expect_given_up(&server, &inventory.header("content-length", "5000"));
    let upload = server.admin().request("POST", harness::management::ARTIFACTS);
    let upload = upload.header("content-type", harness::multipart::content_type());
    expect_given_up(&server, &upload.header("content-length", "5000"));
}

/// Sends a body byte by byte until it is given up.
#[track_caller]
fn expect_given_up(server: &TestServer, request: &Request) {
    let mut connection = server.http().connect().expect("a connection");
    let mut head = format!("{} {} HTTP/1.1\r\nhost: localhost\r\n", request.method, request.target);
    for (name, value) in &request.headers {
        head = head + name + ": " + value + "\r\n";
    }
    connection.send_bytes((head + "\r\n").as_bytes()).expect("the head is taken");
    let began = Instant::now();
    while began.elapsed() < LIMIT && connection.send_bytes(b"a").is_ok() && !connection.has_ended() {
        thread::sleep(Duration::from_millis(100));
    }
    assert!(began.elapsed() < Duration::from_mins(1), "a body may trickle for {:?}", began.elapsed());
    let answer = connection.receive(false).expect("an answer before the end").expect_error(408);
    assert_eq!(answer.json()["code"], "request_timeout");
}

fn stalled_readers_are_cut_off_and_cost_little() {
    const READERS: usize = 40;
    const SIZE: usize = 32 << 20;
    let server = ServerSetup::default().env("SEALIFT_LIMITS__RATE_GRACE_SECS", "1").start();
    let device = server.accepted_device();
    let artifact = ArtifactSpec::new(&device.device_type).incompressible(SIZE).write();
    let admin = server.admin();
    admin.upload(&artifact);
    let device_id = admin.device_id(&device);
    admin.deploy(&artifact.name, &[device_id]);
    let offer = device.next_offer();
    let link = harness::device::link_target(offer["artifact"]["source"]["uri"].as_str().expect("a link"));
    let before = server.resident_bytes();
    let http = server.http().with_receive_buffer(64 * 1024);
    let mut stalled: Vec<Connection> = (0..READERS)
        .map(|_| {
            let mut connection = http.connect().expect("a connection");
            connection
                .send_bytes(format!("GET {link} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes())
                .expect("sent");
            connection
        })
        .collect();
    // Meanwhile the file is there for who reads it.
    let read = server.http().get(&link).expect(200);
    assert_eq!(read.body.len(), artifact.bytes().len());
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 100 * MIB, "{READERS} stalled readers of {SIZE} bytes cost {grown} bytes");
    // Each has got what was on its way when it was cut off, and no more.
    thread::sleep(Duration::from_secs(13));
    for connection in &mut stalled {
        let outcome = connection.receive(false);
        assert!(outcome.is_err(), "a reader that stalled for 13 s got the whole file");
    }
    device.next().expect(200);
}
