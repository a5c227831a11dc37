//! A clock that jumps (R8): what is measured in time follows the clock, nothing else does, and when the clock is right
//! again, so is everything.

use std::fs;
use std::time::{Duration, Instant, SystemTime};

use harness::device::link_target;
use harness::management::{DEVAUTH, INVENTORY};
use harness::server::{ADMIN, PASSWORD};
use harness::{ArtifactSpec, Device, Management, Peer, Request, ServerSetup, Skew, TestServer, until};
use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    harness::peer_trials![&[Peer::Faketime];
        jumps_are_followed_and_forgotten,
        certificate_of_a_wrong_time_is_replaced,
    ]
}

/// The jumps, and by how many seconds.
const JUMPS: [(&str, i64); 4] =
    [("+1h", 3_600), ("-1h", -3_600), ("+365d", 31_536_000), ("-365d", -31_536_000)];

/// Time for what takes a moment, on a busy machine.
const SOON: Duration = Duration::from_mins(1);
/// Last-seen times are stored every 30 seconds, the certificate is looked at each minute.
const UPKEEP: Duration = Duration::from_mins(3);

#[expect(clippy::disallowed_methods, reason = "the server's clock is compared with the machine's")]
fn real_now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    since.as_secs().cast_signed()
}

/// Seconds by which a moment, as the server spells it, is ahead of the machine's clock.
fn ahead(moment: &str) -> i64 {
    let parsed = chrono::DateTime::parse_from_rfc3339(moment);
    parsed.unwrap_or_else(|e| panic!("{moment:?}: {e}")).timestamp() - real_now()
}

/// Waits until the server has noticed: each answer says its time.
fn await_time(server: &TestServer, offset: i64) {
    until("the server to see its new time", SOON, || {
        let answer = server.http().send(&Request::get("/health/live"));
        let date = answer.header("Date").expect("every answer has a date");
        let date = chrono::DateTime::parse_from_rfc2822(date).expect("a date").timestamp();
        (date - real_now() - offset).abs() < 60
    });
}

/// A server with a certificate of an operator, which is no matter of its clock.
fn server_with_own_certificate(skew: &Skew) -> TestServer {
    // No more connections than any machine allows files, or the log warns.
    let setup = ServerSetup::default().env("SEALIFT_LIMITS__MAX_CONNECTIONS", "500");
    let mut server = skew.of(setup).start();
    let tls = server.data_dir().join("tls");
    let copy = |name: &str| {
        let to = server.scratch().join(name);
        fs::copy(tls.join(name), &to).expect("the server has made it");
        to.display().to_string()
    };
    let (certificate, key) = (copy("server.crt"), copy("server.key"));
    server.restart_with(&[("SEALIFT_TLS_CERT", &certificate), ("SEALIFT_TLS_KEY", &key)]);
    server
}

/// A device, what it is updated to, and a link that it got when the time was right.
struct Patient {
    device: Device,
    deployment: String,
    link: String,
    content: Vec<u8>,
}

impl Patient {
    fn new(server: &TestServer, admin: &Management, mut device: Device) -> Self {
        // A type of its own: nothing else fits it.
        device.device_type = harness::names::unique("type");
        let artifact = ArtifactSpec::new(&device.device_type).incompressible(10_000).write();
        admin.upload(&artifact);
        let deployment = admin.deploy(&artifact.name, &[admin.device_id(&device)]);
        let link = link_of(&device);
        assert!(server.http().get(&link).expect(200).body == artifact.bytes());
        device.report(&deployment, "downloading").expect(204);
        Self { device, deployment, link, content: artifact.bytes() }
    }

    fn finish(&self, admin: &Management) {
        self.device.report(&self.deployment, "success").expect(204);
        assert_eq!(admin.deployment(&self.deployment)["status"], "finished");
        assert_eq!(admin.count(&self.deployment, "success"), 1);
    }
}

fn link_of(device: &Device) -> String {
    link_target(device.next_offer()["artifact"]["source"]["uri"].as_str().expect("a link"))
}

/// A new device that is accepted by this user.
fn accepted(server: &TestServer, admin: &Management) -> Device {
    let mut device = server.device();
    device.authenticate().expect_error(401);
    admin.accept(&device);
    device.log_in();
    device
}

fn log_in(server: &TestServer) -> Management {
    Management::login(server.http(), ADMIN, PASSWORD)
}

fn jumps_are_followed_and_forgotten() {
    let skew = Skew::new("+0");
    let server = server_with_own_certificate(&skew);
    let mut known = accepted(&server, &log_in(&server));
    for (offset, seconds) in JUMPS {
        skew.set("+0");
        await_time(&server, 0);
        let admin = log_in(&server);
        known.log_in();
        let mut patient = Patient::new(&server, &admin, accepted(&server, &admin));
        // Half a request; the rest comes after the jump.
        let mut slow = server.http().connect().expect("a connection");
        slow.send_bytes(b"GET /health/live HTTP/1.1\r\n").expect("sent");

        skew.set(offset);
        await_time(&server, seconds);
        slow.send_bytes(b"Host: localhost\r\n\r\n").expect("sent");
        let answer = slow.receive(false).unwrap_or_else(|e| panic!("{offset}: a jump is no time-out: {e}"));
        answer.expect_success();
        // A week is what sessions and links last: they are over after a year, and before it they are not.
        let is_over = seconds > 7 * 86_400;
        if is_over {
            known.next().expect_session_refused();
            patient.device.next().expect_session_refused();
            server.http().get(&patient.link).expect_error(403);
            admin.get(DEVAUTH).expect_error(401);
            known.log_in();
            patient.device.log_in();
        } else {
            assert!(server.http().get(&patient.link).expect(200).body == patient.content);
        }
        if seconds < 0 {
            // A user's token says from when on it is valid.
            admin.get(DEVAUTH).expect_error(401);
        }
        known.next_nothing();
        // Nobody is kept out: neither who is known nor who is new.
        let moved = log_in(&server);
        let stranger = accepted(&server, &moved);
        let link = link_of(&patient.device);
        assert!(server.http().get(&link).expect(200).body == patient.content);
        patient.device.report(&patient.deployment, "installing").expect(204);
        let seen = moved.show_device(&known)["check_in_time"].as_str().map(ahead).expect("it was seen");
        assert!((seen - seconds).abs() < 60, "{offset}: seen {seen} s ahead");
        let within = Patient::new(&server, &moved, accepted(&server, &moved));
        within.finish(&moved);

        skew.set("+0");
        await_time(&server, 0);
        // What was begun before the jump ends after it. Sessions of a year ago are over, others hold.
        let admin = log_in(&server);
        known.next_nothing();
        patient.device.next().expect(200);
        let mut stranger = stranger;
        if seconds < -7 * 86_400 {
            stranger.next().expect_session_refused();
            stranger.log_in();
        }
        stranger.next_nothing();
        patient.finish(&admin);
        until("a last-seen time of now", SOON, || {
            known.next_nothing();
            let seen = admin.show_device(&known)["check_in_time"].as_str().map(ahead);
            seen.is_some_and(|seen| seen.abs() < 60)
        });
    }
    // Timers still run: a head that does not come is not waited for, and last-seen times are stored.
    let mut stalled = server.http().connect().expect("a connection");
    stalled.send_bytes(b"GET /health/live HTTP/1.1\r\n").expect("sent");
    let began = Instant::now();
    until("the end of a connection without a head", SOON, || stalled.has_ended());
    assert!(began.elapsed() > Duration::from_secs(5), "after {:?}", began.elapsed());
    let other = accepted(&server, &log_in(&server));
    await_stored(&server, &known, &other);
    await_stored(&server, &other, &known);
    expect_calm(&server);
}

/// Waits until the database holds that a device was seen after another one: lists are sorted there.
fn await_stored(server: &TestServer, device: &Device, before: &Device) {
    let admin = log_in(server);
    let (id, before) = (admin.device_id(device), admin.device_id(before));
    until("last-seen times to be stored", UPKEEP, || {
        device.next_nothing();
        let newest = format!("{INVENTORY}?sort=system/check_in_time:desc&per_page=100");
        let listed = admin.get(&newest).expect(200).json();
        let at = |id: &str| listed.as_array().and_then(|all| all.iter().position(|one| one["id"] == id));
        at(&id).expect("it is listed") < at(&before).expect("it is listed")
    });
}

/// Nothing in the log calls for somebody.
fn expect_calm(server: &TestServer) {
    let log = server.log();
    let is_trouble = |line: &&str| ["panicked", "WARN", "ERROR"].iter().any(|word| line.contains(word));
    let trouble: Vec<&str> = log.lines().filter(is_trouble).collect();
    assert!(trouble.is_empty(), "{trouble:#?}");
}

fn certificate_of_a_wrong_time_is_replaced() {
    for offset in ["+365d", "-365d"] {
        let skew = Skew::new(offset);
        let server = skew.of(ServerSetup::default()).start();
        let connect = || server.http().connect().map(drop);
        let refusal = connect().expect_err("made for another time").to_string();
        assert!(refusal.contains("certificate"), "{offset}: {refusal}");
        skew.set("+0");
        until("a certificate of this time", UPKEEP, || connect().is_ok());
        accepted(&server, server.admin()).next_nothing();
        let refused = |line: &&str| line.contains("panicked") || line.contains("ERROR");
        assert_eq!(server.log().lines().find(refused), None);
    }
}
