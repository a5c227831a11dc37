//! Slow heads, slow bodies and slow readers, all at once, while others are served.

use std::fs::File;
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::{Duration, Instant};
use std::{fmt, fs, thread};

use harness::device::{INVENTORY, NEXT_V2, link_target};
use harness::http::Connection;
use harness::process::run_ok;
use harness::{Device, HttpClient, Multipart, Request, ServerSetup, TestServer, binaries, multipart, until};
use libtest_mimic::Trial;
use serde_json::json;

const MIB: u64 = 1 << 20;
/// Memory that the server may have, whatever is done to it.
const MOST_RESIDENT: u64 = 300 * MIB;
/// Nothing below takes so long unless it hangs; machines that test are busy.
const LIMIT: Duration = Duration::from_mins(3);
const SLOW_HEAD: &str = "POST /api/devices/v2/deployments/device/deployments/next HTTP/1.1\r\nx: a";

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = harness::trials![slow_heads_bodies_and_readers_hurt_nobody];
    trials.extend(harness::slow_trials![&[]; ten_thousand_slow_clients_hurt_nobody]);
    trials
}

/// How many do what.
#[derive(Clone, Copy)]
struct Attack {
    heads: usize,
    bodies: usize,
    readers: usize,
    /// What the readers ask for.
    artifact_bytes: u64,
    /// See `limits.rate_grace_secs`.
    grace_secs: u64,
    /// Polls of each kind that are measured before the attack and during it.
    polls: usize,
}

/// How the attackers fare.
#[derive(Default)]
struct Front {
    is_over: AtomicBool,
    heads_open: AtomicUsize,
    bodies_open: AtomicUsize,
    /// Bodies that were given up with 408.
    bodies_refused: AtomicUsize,
    readers_open: AtomicUsize,
}

fn slow_heads_bodies_and_readers_hurt_nobody() {
    let artifact_bytes = 64 * MIB;
    run(Attack { heads: 5_000, bodies: 50, readers: 20, artifact_bytes, grace_secs: 2, polls: 100 });
}

fn ten_thousand_slow_clients_hurt_nobody() {
    let artifact_bytes = 1024 * MIB;
    run(Attack { heads: 10_000, bodies: 200, readers: 20, artifact_bytes, grace_secs: 10, polls: 1_000 });
}

fn run(attack: Attack) {
    // With the usual time for a head there would never be so many at once.
    let mut server = ServerSetup::default()
        .env("SEALIFT_LIMITS__HEAD_TIMEOUT_SECS", "300")
        .env("SEALIFT_LIMITS__RATE_GRACE_SECS", &attack.grace_secs.to_string())
        .env("SEALIFT_LIMITS__MAX_CONNECTIONS", "20000")
        .start();
    let idle = server.accepted_device();
    let link = offer_large_artifact(&server, attack.artifact_bytes);
    // What counts is the memory of the attack, not that of the upload.
    server.restart();
    let before = Polls::measure(&idle, attack.polls);
    let resident = server.resident_bytes();
    let front = Front::default();
    let http = server.http();
    let reader_http = server.http().with_receive_buffer(64 * 1024);
    let body = head_of(&idle.request("PUT", INVENTORY).header("content-length", "5000"));
    let reader = head_of(&Request::get(link.as_str()));
    let (during, mut readers) = thread::scope(|scope| {
        let began = Instant::now();
        for _ in 0..4 {
            scope.spawn(|| hold_heads(&http, &front, attack.heads / 4));
        }
        scope.spawn(|| send_bodies(&http, &front, &body, attack.bodies));
        let readers = scope.spawn(|| read_slowly(&reader_http, &front, &reader, attack.readers));
        let measured = catch_unwind(AssertUnwindSafe(|| {
            until("all slow heads", LIMIT, || front.heads_open.load(Relaxed) == attack.heads);
            until("all slow bodies", LIMIT, || front.bodies_open.load(Relaxed) == attack.bodies);
            until("all slow readers", LIMIT, || front.readers_open.load(Relaxed) == attack.readers);
            eprintln!("all are there after {:?}", began.elapsed());
            let during = Polls::measure(&idle, attack.polls);
            until("bodies that are given up", LIMIT, || front.bodies_refused.load(Relaxed) >= attack.bodies);
            let (heads, readers) = (front.heads_open.load(Relaxed), front.readers_open.load(Relaxed));
            assert_eq!(heads, attack.heads, "slow heads at the end of the measurement");
            eprintln!("{heads} heads and {readers} readers are open after {:?}", began.elapsed());
            assert!(readers > attack.readers / 2, "{readers} readers are left, though they read enough");
            during
        }));
        front.is_over.store(true, Relaxed);
        let readers = readers.join().expect("a reader never panics");
        (measured.unwrap_or_else(|cause| resume_unwind(cause)), readers)
    });
    // Now they stall. A window of six graces may have begun a moment before, with enough read in it.
    thread::sleep(Duration::from_secs(attack.grace_secs * 12 + 5));
    let peak = server.peak_resident_bytes();
    for reader in &mut readers {
        assert!(reader.receive(false).is_err(), "a reader that stalled got the whole file");
    }
    idle.next_nothing();
    eprintln!(
        "{} slow heads, {} slow bodies ({:?} given up), {} slow readers of {} MiB\n\
         before: {before}; {} MiB resident\nduring: {during}; {} MiB resident at most",
        attack.heads,
        attack.bodies,
        front.bodies_refused,
        attack.readers,
        attack.artifact_bytes / MIB,
        resident / MIB,
        peak / MIB
    );
    assert!(peak < MOST_RESIDENT, "{peak} bytes resident at most");
    server.restart_with(&[("SEALIFT_LIMITS__HEAD_TIMEOUT_SECS", "10")]);
    expect_heads_cut_off(&server.http(), attack.heads / 20);
    idle.next_nothing();
}

/// How long polls took, in order.
struct Polls {
    kept: Vec<Duration>,
    fresh: Vec<Duration>,
}

impl Polls {
    /// Polls with nothing to do, some fifty of each kind a second, in turn on a connection that is kept and on one of its own.
    #[track_caller]
    fn measure(device: &Device, count: usize) -> Self {
        let poll = device.request("POST", NEXT_V2).json(&json!({"device_provides": device.provides()}));
        let mut connection = device.http.connect().expect("a connection");
        let (mut kept, mut fresh) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for _ in 0..count {
            let began = Instant::now();
            connection.send(&poll).expect("an answer on a connection that is kept").expect(204);
            kept.push(began.elapsed());
            let began = Instant::now();
            device.http.send(&poll).expect(204);
            fresh.push(began.elapsed());
            // Some rounds of what the attackers send fall into a long measurement.
            thread::sleep(Duration::from_millis(20));
        }
        kept.sort();
        fresh.sort();
        Self { kept, fresh }
    }
}

impl fmt::Display for Polls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at =
            |times: &[Duration], percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
        write!(
            f,
            "{} idle polls each, kept p50 {:?} p99 {:?}, fresh p50 {:?} p99 {:?}",
            self.kept.len(),
            at(&self.kept, 50),
            at(&self.kept, 99),
            at(&self.fresh, 50),
            at(&self.fresh, 99)
        )
    }
}

/// Uploads an artifact of zeros that is as large in the store as in a download; returns the link that a device got.
fn offer_large_artifact(server: &TestServer, bytes: u64) -> String {
    let device = server.accepted_device();
    let name = harness::names::unique("release");
    let (payload, file) = (server.scratch().join("payload"), server.scratch().join("large.mender"));
    File::create(&payload).and_then(|file| file.set_len(bytes)).expect("room for an empty file");
    run_ok(
        binaries::artifact_tool()
            .args(["write", "module-image", "-T", "e2e", "--compression", "none"])
            .args(["-t", &device.device_type, "-n", &name, "-f"])
            .arg(&payload)
            .arg("-o")
            .arg(&file),
    );
    upload(server, &file);
    let admin = server.admin();
    admin.deploy(&name, &[admin.device_id(&device)]);
    let offer = device.next_offer();
    fs::remove_file(&file).expect("the file is ours");
    link_target(offer["artifact"]["source"]["uri"].as_str().expect("a link"))
}

/// Uploads a file without having all of it in memory.
fn upload(server: &TestServer, path: &Path) {
    const MARK: &[u8] = b"<artifact>";
    let form = Multipart::new().file("artifact", MARK).finish();
    let at = form.windows(MARK.len()).position(|window| window == MARK).expect("the mark is in the form");
    let (head, tail) = (&form[..at], &form[at + MARK.len()..]);
    let mut file = File::open(path).expect("the artifact is there");
    let content = file.metadata().expect("the artifact is there").len();
    let length = content + u64::try_from(form.len() - MARK.len()).expect("a small form");
    let request = server.admin().request("POST", harness::management::ARTIFACTS);
    let request = request
        .header("content-type", multipart::content_type())
        .header("content-length", length.to_string());
    let mut connection = server.http().connect().expect("a connection");
    connection.send_bytes(head_of(&request).as_bytes()).expect("sent");
    connection.send_bytes(head).expect("sent");
    let mut piece = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut piece).expect("the artifact is readable");
        if read == 0 {
            break;
        }
        connection.send_bytes(&piece[..read]).expect("sent");
    }
    connection.send_bytes(tail).expect("sent");
    connection.receive(false).expect("an answer").expect(201);
}

fn head_of(request: &Request) -> String {
    let mut head = format!("{} {} HTTP/1.1\r\nhost: localhost\r\n", request.method, request.target);
    for (name, value) in &request.headers {
        head = head + name + ": " + value + "\r\n";
    }
    head + "\r\n"
}

fn open(http: &HttpClient, bytes: &str) -> Option<Connection> {
    let mut connection = http.connect().ok()?;
    connection.send_bytes(bytes.as_bytes()).ok()?;
    Some(connection)
}

/// Holds heads open that have a byte more every ten seconds; those that end are followed by others.
fn hold_heads(http: &HttpClient, front: &Front, count: usize) {
    let mut held: Vec<Connection> = Vec::with_capacity(count);
    while !front.is_over.load(Relaxed) {
        let next_byte = Instant::now() + Duration::from_secs(10);
        while Instant::now() < next_byte && !front.is_over.load(Relaxed) {
            if held.len() == count {
                thread::sleep(Duration::from_millis(50));
            } else if let Some(head) = open(http, SLOW_HEAD) {
                held.push(head);
                front.heads_open.fetch_add(1, Relaxed);
            }
        }
        let before = held.len();
        held.retain_mut(|head| head.send_bytes(b"b").is_ok());
        front.heads_open.fetch_sub(before - held.len(), Relaxed);
    }
}

/// Sends bodies by a byte a second; those that are given up are followed by others.
fn send_bodies(http: &HttpClient, front: &Front, request: &str, count: usize) {
    let mut held: Vec<Connection> = Vec::with_capacity(count);
    while !front.is_over.load(Relaxed) {
        held.extend((held.len()..count).filter_map(|_| open(http, request)));
        front.bodies_open.store(held.len(), Relaxed);
        thread::sleep(Duration::from_secs(1));
        held.retain_mut(|body| {
            let goes_on = body.send_bytes(b"a").is_ok() && !body.has_ended();
            if !goes_on && body.receive(false).is_ok_and(|answer| answer.status == 408) {
                front.bodies_refused.fetch_add(1, Relaxed);
            }
            goes_on
        });
    }
}

/// Asks for a file and takes a piece of it every two seconds, which is more than the least; returns who still does.
fn read_slowly(http: &HttpClient, front: &Front, request: &str, count: usize) -> Vec<Connection> {
    let mut held: Vec<Connection> = Vec::with_capacity(count);
    while held.len() < count && !front.is_over.load(Relaxed) {
        held.extend(open(http, request));
    }
    while !front.is_over.load(Relaxed) {
        held.retain_mut(|reader| !reader.has_ended());
        front.readers_open.store(held.len(), Relaxed);
        thread::sleep(Duration::from_secs(2));
    }
    held
}

/// Sends heads a byte a second; each is answered 408 at last.
#[track_caller]
fn expect_heads_cut_off(http: &HttpClient, count: usize) {
    let mut held: Vec<Connection> = (0..count).filter_map(|_| open(http, SLOW_HEAD)).collect();
    assert_eq!(held.len(), count, "slow heads that were taken");
    let began = Instant::now();
    let mut refused = 0;
    while !held.is_empty() {
        assert!(began.elapsed() < LIMIT, "{} of {count} slow heads go on", held.len());
        thread::sleep(Duration::from_secs(1));
        held.retain_mut(|head| {
            let goes_on = head.send_bytes(b"b").is_ok() && !head.has_ended();
            if !goes_on {
                head.receive(false).expect("an answer before the end").expect_error(408);
                refused += 1;
            }
            goes_on
        });
    }
    assert_eq!(refused, count, "slow heads that were answered");
    eprintln!("{count} heads that had 10 s were cut off with 408, the last after {:?}", began.elapsed());
}
