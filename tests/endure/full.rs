//! A full disk (R2): what cannot be stored is a 507, what needs no disk goes on, and room is all that it takes.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use harness::management::{ARTIFACTS, login_request};
use harness::process::run_ok;
use harness::server::{ADMIN, PASSWORD};
use harness::{ArtifactSpec, Device, Management, Peer, Response, ServerSetup, TestServer, until};
use libtest_mimic::Trial;
use serde_json::json;

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = harness::peer_trials![&[Peer::Unshare];
        full_blob_store_refuses_uploads_and_nothing_else,
        an_upload_in_parts_waits_for_room,
        full_database_refuses_writes_and_nothing_else,
        database_that_fills_up_under_load_loses_nothing,
    ];
    trials.extend(harness::slow_trials![&[Peer::Unshare]; last_seen_times_wait_for_room]);
    trials
}

/// The size of the disks.
const MEBIBYTES: u32 = 64;
/// Logs and inventories of this size fill what is left of a disk.
const LARGE: usize = 200_000;

/// A file that takes all the room.
struct Filler(PathBuf);

impl Filler {
    /// Writes until there is no room, then gives some back.
    fn fill(folder: &Path, leave: u64) -> Self {
        let path = folder.join("filler");
        let mut file = File::create(&path).expect("the disk is there");
        // Down to single bytes, so that not a page is left.
        for piece in [1 << 20, 4096, 1] {
            let piece = vec![0x5a; piece];
            while file.write_all(&piece).is_ok() {}
        }
        if leave > 0 {
            let size = file.metadata().expect("the file is open").len();
            file.set_len(size.saturating_sub(leave)).expect("it can be cut");
        }
        Self(path)
    }

    fn remove(self) {
        fs::remove_file(self.0).expect("the filler can be removed");
    }
}

/// A refusal for want of room: the status, the code, and nothing of the system.
#[track_caller]
fn expect_full(response: Response) {
    let response = response.expect_error(507);
    assert_eq!(response.json()["code"], "insufficient_storage", "{response}");
}

#[track_caller]
fn expect_no_trouble(server: &TestServer) {
    let log = server.log();
    assert!(!log.contains("panicked"), "{log}");
    run_ok(&mut server.command(&["check"]));
}

fn full_blob_store_refuses_uploads_and_nothing_else() {
    let server = ServerSetup::default().small_disk("blobs", MEBIBYTES).start();
    let admin = server.admin();
    let mut device = server.accepted_device();
    let blobs = server.data_dir().join("blobs");
    // What is sent after the refusal is read for a while only, so little is.
    let room = Filler::fill(&blobs, 8 << 20);
    let large = ArtifactSpec::new("type-a").incompressible(9 << 20).write().bytes();
    // It does not fit; while it tries, a device goes on.
    thread::scope(|scope| {
        let upload = scope.spawn(|| admin.try_upload(&large));
        let mut polls = 0;
        while !upload.is_finished() {
            device.next_nothing();
            device.log_in();
            polls += 1;
        }
        assert!(polls > 0);
        expect_full(upload.join().expect("an answer"));
    });
    until("the rest of the upload to vanish", Duration::from_mins(1), || server.blob_files().len() == 1);
    room.remove();
    assert_eq!(admin.get(ARTIFACTS).expect(200).json(), json!([]));
    // What fits is taken.
    let first = ArtifactSpec::new(&device.device_type).incompressible(1 << 20).write();
    let id = admin.upload(&first);
    // From the last pages on nothing is taken, however small; what is there is served.
    let filler = Filler::fill(&blobs, 0);
    let second = ArtifactSpec::new("type-b").write();
    for _ in 0..3 {
        expect_full(admin.try_upload(&second.bytes()));
    }
    let listed = admin.get(ARTIFACTS).expect(200).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!(server.blob_files().len(), 2, "the filler and one artifact");
    let deployment = admin.deploy(&first.name, &[admin.device_id(&device)]);
    let offer = device.next_offer();
    let target = harness::device::link_target(offer["artifact"]["source"]["uri"].as_str().expect("a link"));
    assert!(server.http().get(&target).expect(200).body == first.bytes(), "the bytes are those uploaded");
    device.report(&deployment, "success").expect(204);
    // A deletion makes room by itself.
    admin.send("DELETE", &format!("{ARTIFACTS}/{id}")).expect(204);
    admin.upload(&second);
    filler.remove();
    let third = ArtifactSpec::new("type-c").incompressible(30 << 20).write();
    admin.upload(&third);
    assert_eq!(server.blob_files().len(), 2);
    expect_no_trouble(&server);
}

/// Sends the rest of an upload in parts until it is refused or done.
fn go_on(admin: &Management, path: &str, bytes: &[u8]) -> Response {
    loop {
        let at = admin.upload_offset(path);
        let part = &bytes[at..(at + (1 << 20)).min(bytes.len())];
        let answer = admin.send_part(path, at, part);
        if answer.status != 204 || answer.header("Artifact-ID").is_some() {
            return answer;
        }
    }
}

fn an_upload_in_parts_waits_for_room() {
    let server = ServerSetup::default().small_disk("", MEBIBYTES).start();
    let admin = server.admin();
    let bytes = ArtifactSpec::new("type-a").incompressible(9 << 20).write().bytes();
    let path = admin.begin_upload(bytes.len());
    admin.send_part(&path, 0, &bytes[..1 << 20]).expect(204);
    let filler = Filler::fill(&server.data_dir(), 4 << 20);
    expect_full(go_on(admin, &path, &bytes));
    let at = admin.upload_offset(&path);
    assert!(at >= 1 << 20 && at < bytes.len(), "{at}");
    // It is not lost by trying again.
    expect_full(go_on(admin, &path, &bytes));
    assert!(admin.upload_offset(&path) >= at);
    filler.remove();
    let answer = go_on(admin, &path, &bytes);
    harness::tus::artifact_id(&answer.expect(204));
    expect_no_trouble(&server);
}

/// A server whose database is full, and what was there before.
struct Full {
    server: TestServer,
    known: Device,
    offered: (Device, String),
    filler: Filler,
}

impl Full {
    fn new() -> Self {
        let server = ServerSetup::default().small_disk("", MEBIBYTES).start();
        let admin = server.admin();
        let mut device = server.accepted_device();
        let artifact = ArtifactSpec::new(&device.device_type).write();
        admin.upload(&artifact);
        let deployment = admin.deploy(&artifact.name, &[admin.device_id(&device)]);
        device.next_offer();
        device.report(&deployment, "downloading").expect(204);
        device.log_in();
        let known = server.accepted_device();
        known.next_nothing();
        let filler = Filler::fill(&server.data_dir(), 0);
        let this = Self { server, known, offered: (device, deployment), filler };
        // What the log has left is used up by the device itself.
        until("the database to be full", Duration::from_mins(1), || {
            let response = this.known.put_inventory(&large_inventory());
            assert!(matches!(response.status, 200 | 507), "{response}");
            response.status == 507
        });
        this
    }
}

/// An inventory that is never the same: an equal one is not stored.
fn large_inventory() -> serde_json::Value {
    let value = harness::names::unique(&"x".repeat(900));
    json!((0..50).map(|at| json!({"name": format!("a{at}"), "value": value})).collect::<Vec<_>>())
}

/// Counts the answers to writes on a full disk: SQLite takes what fits into the log that it already has.
#[derive(Default)]
struct Writes {
    stored: usize,
    refused: usize,
}

impl Writes {
    /// Takes an answer that is a success or a refusal for want of room; true for a success.
    #[track_caller]
    fn take(&mut self, response: Response) -> bool {
        if response.status == 507 {
            expect_full(response);
            self.refused += 1;
            return false;
        }
        response.expect_success();
        self.stored += 1;
        true
    }
}

fn full_database_refuses_writes_and_nothing_else() {
    let Full { server, mut known, offered: (device, deployment), filler } = Full::new();
    let admin = server.admin();
    let mut writes = Writes::default();
    let mut artifacts = 1;
    let log = json!([{"level": "info", "message": "x".repeat(LARGE), "timestamp": "2026-01-01T00:00:00Z"}]);
    let log = json!({ "messages": log }).to_string();
    for _ in 0..5 {
        // Whatever kind of write is refused, none of them wedges the writer for the next one.
        let response = server.device().authenticate();
        assert!(matches!(response.status, 401 | 507), "{response}");
        writes.take(known.put_inventory(&large_inventory()));
        writes.take(device.report(&deployment, "installing"));
        writes.take(device.send_log(&deployment, log.as_bytes()));
        writes.take(server.http().send(&login_request(ADMIN, PASSWORD)));
        let artifact = ArtifactSpec::new("type-x").write();
        artifacts += usize::from(writes.take(admin.try_upload(&artifact.bytes())));
        // What needs no room goes on.
        known.next_nothing();
        known.log_in();
        device.next_offer();
        assert_eq!(admin.show_device(&known)["status"], "accepted");
        let counted = admin.count(&deployment, "downloading") + admin.count(&deployment, "installing");
        assert_eq!(counted, 1);
        assert_eq!(admin.get(ARTIFACTS).expect(200).json().as_array().map(Vec::len), Some(artifacts));
        server.http().get("/health/live").expect_success();
    }
    assert!(writes.refused > 0, "nothing was refused, {} writes were taken", writes.stored);
    eprintln!("endure: full database: {} writes refused, {} taken", writes.refused, writes.stored);
    filler.remove();
    // Room is all that it takes.
    let mut stranger = server.device();
    stranger.authenticate().expect_error(401);
    admin.accept(&stranger);
    stranger.log_in();
    known.put_inventory(&large_inventory()).expect(200);
    device.report(&deployment, "success").expect(204);
    assert_eq!(admin.deployment(&deployment)["status"], "finished");
    Management::login(server.http(), ADMIN, PASSWORD);
    admin.upload(&ArtifactSpec::new("type-x").write());
    expect_no_trouble(&server);
}

fn database_that_fills_up_under_load_loses_nothing() {
    let server = ServerSetup::default().small_disk("", MEBIBYTES).start();
    let admin = server.admin();
    let devices: Vec<Device> = (0..6).map(|_| server.accepted_device()).collect();
    let filler = Filler::fill(&server.data_dir(), 2 << 20);
    // Each device counts up until it is told that there is no room.
    let counts: Vec<(u64, u64)> = thread::scope(|scope| {
        let running: Vec<_> = devices.iter().map(|device| scope.spawn(|| count_until_full(device))).collect();
        running.into_iter().map(|one| one.join().expect("no device fails")).collect()
    });
    assert!(counts.iter().any(|(_, refused)| *refused > 0), "the disk was never full: {counts:?}");
    // The slowest may find the disk full from the start.
    assert!(counts.iter().any(|(stored, _)| *stored > 0), "nothing was stored: {counts:?}");
    eprintln!("endure: database that fills up: (stored, refused) by device {counts:?}");
    for (device, (stored, _)) in devices.iter().zip(&counts) {
        assert_eq!(shown_count(admin, device), *stored, "of {counts:?}");
    }
    filler.remove();
    for (device, (stored, _)) in devices.iter().zip(&counts) {
        assert_eq!(shown_count(admin, device), *stored);
        device.put_inventory(&counted(stored + 1)).expect(200);
        assert_eq!(shown_count(admin, device), stored + 1);
    }
    expect_no_trouble(&server);
}

fn counted(count: u64) -> serde_json::Value {
    let noise = harness::names::unique(&"y".repeat(900));
    let mut all: Vec<_> = (0..40).map(|at| json!({"name": format!("b{at}"), "value": noise})).collect();
    all.push(json!({"name": "count", "value": count.to_string()}));
    json!(all)
}

/// Returns the count that was acknowledged last, and how many were refused on the way.
fn count_until_full(device: &Device) -> (u64, u64) {
    let (mut stored, mut refused) = (0, 0);
    for _ in 0..200 {
        let response = device.put_inventory(&counted(stored + 1));
        match response.status {
            200 => stored += 1,
            429 | 503 => thread::sleep(Duration::from_millis(20)),
            _ => {
                expect_full(response);
                refused += 1;
            }
        }
        if refused == 3 {
            break;
        }
    }
    (stored, refused)
}

/// Returns the count that is stored; 0 if none ever was.
fn shown_count(admin: &Management, device: &Device) -> u64 {
    let path = format!("{}/{}", harness::management::INVENTORY, admin.device_id(device));
    let shown = admin.get(&path).expect(200).json();
    let attributes = shown["attributes"].as_array().expect("attributes");
    let count = attributes.iter().find(|one| one["name"] == "count");
    count.map_or(0, |count| count["value"].as_str().and_then(|text| text.parse().ok()).expect("a number"))
}

/// What the log says when last-seen times cannot be stored.
const COMPLAINT: &str = "failed to store last-seen times";

fn last_seen_times_wait_for_room() {
    let Full { server, known, filler, .. } = Full::new();
    known.next_nothing();
    until("a try to store last-seen times", Duration::from_mins(2), || server.log().contains(COMPLAINT));
    filler.remove();
    let complaints = || server.log().matches(COMPLAINT).count();
    let before = complaints();
    known.next_nothing();
    // They are stored every 30 seconds.
    harness::never("another failure", Duration::from_secs(70), || complaints() > before);
    known.next_nothing();
    expect_no_trouble(&server);
}
