//! `/api/management/v1/deployments/artifacts/uploads`: uploads in parts (tus 1.0.0).

use std::fs;
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::artifacts::KeyFiles;
use harness::management::{ARTIFACTS, location_id};
use harness::names::{unique, unknown_uuid};
use harness::process::run_ok;
use harness::server::PASSWORD;
use harness::tus::{UPLOADS, artifact_id, offset};
use harness::{
    ArtifactSpec, Body, Management, Request, Response, ServerSetup, TestServer, shared_server, until,
};
use libtest_mimic::Trial;
use serde_json::json;
use sha2::{Digest as _, Sha256};

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        the_server_says_what_it_can_do,
        an_upload_in_parts_becomes_an_artifact,
        all_bytes_may_come_with_the_first_request,
        metadata_is_used_and_told_back,
        parts_go_on_where_the_upload_ends,
        malformed_requests_are_refused,
        a_part_counts_only_with_its_checksum,
        a_fault_ends_the_upload_at_once,
        what_is_in_the_way_ends_the_upload,
        the_signature_policy_holds,
        one_part_at_a_time,
        a_part_that_breaks_off_counts_as_far_as_it_came,
        a_kill_loses_nothing_that_was_acknowledged,
        ended_uploads_leave_nothing,
        a_method_may_stand_in_a_header,
        uploads_are_their_users_own,
        unfinished_uploads_are_bounded,
        unfinished_uploads_expire,
    ]
}

/// A checksum of a part.
fn sha256(bytes: &[u8]) -> String {
    format!("sha256 {}", STANDARD.encode(Sha256::digest(bytes)))
}

/// How many files of unfinished uploads there are.
fn files(server: &TestServer) -> usize {
    fs::read_dir(server.data_dir().join("blobs/uploads")).expect("readable").count()
}

#[track_caller]
fn user(server: &TestServer, role: &str) -> Management {
    let email = format!("{}@example.com", unique("uploader"));
    server.add_user(&email, role, PASSWORD);
    Management::login(server.http(), &email, PASSWORD)
}

#[track_caller]
fn code(response: &Response) -> String {
    response.json()["code"].as_str().expect("a code").to_owned()
}

fn the_server_says_what_it_can_do() {
    let server = shared_server();
    let answer = server.http().send(&Request::new("OPTIONS", UPLOADS)).expect(204);
    assert_eq!(answer.header("Tus-Version"), Some("1.0.0"));
    assert_eq!(answer.header("Tus-Max-Size"), Some("10737418240"));
    assert_eq!(answer.header("Tus-Checksum-Algorithm"), Some("sha256,sha1"));
    let extensions = answer.header("Tus-Extension").unwrap_or_default();
    for extension in ["creation", "creation-with-upload", "termination", "expiration", "checksum"] {
        assert!(extensions.split(',').any(|one| one == extension), "{extension}: {answer}");
    }
    // Another version is refused with the one that is spoken, wherever it is said.
    let id = format!("{UPLOADS}/{}", unknown_uuid());
    for (method, path) in [("POST", UPLOADS), ("HEAD", &id), ("PATCH", &id), ("DELETE", &id)] {
        for version in [None, Some("0.2.2")] {
            let request = server.admin().request(method, path);
            let request = version.into_iter().fold(request, |request, v| request.header("Tus-Resumable", v));
            let answer = server.http().send(&request).expect(412);
            assert_eq!(answer.header("Tus-Version"), Some("1.0.0"), "{method}: {answer}");
            assert_eq!(answer.header("Tus-Resumable"), Some("1.0.0"), "{method}: {answer}");
        }
    }
}

fn an_upload_in_parts_becomes_an_artifact() {
    let server = shared_server();
    let admin = server.admin();
    let artifact = ArtifactSpec::new("type-a").incompressible(200_000).write();
    let bytes = artifact.bytes();
    let begun = admin.try_begin_upload(bytes.len()).expect(201);
    assert_eq!(begun.header("Tus-Resumable"), Some("1.0.0"));
    assert_eq!(offset(&begun), 0);
    assert!(begun.header("Upload-Expires").is_some_and(|at| at.ends_with(" GMT")), "{begun}");
    let location = begun.header("Location").expect("a location");
    assert!(location.starts_with(&format!("https://localhost:{}{UPLOADS}/", server.port())), "{location}");
    let path = format!("{UPLOADS}/{}", location_id(&begun));
    let mut at = 0;
    for part in bytes.chunks(30_000) {
        assert_eq!(admin.upload_offset(&path), at);
        let query = format!("{ARTIFACTS}?name={}", artifact.name);
        assert_eq!(
            admin.get(&query).expect(200).json(),
            json!([]),
            "nothing is visible before the last byte"
        );
        let answer = admin.send_part(&path, at, part).expect(204);
        at += part.len();
        assert_eq!(offset(&answer), at);
        assert!(answer.header("Upload-Expires").is_some());
        assert_eq!(answer.header("Artifact-ID").is_some(), at == bytes.len(), "{answer}");
    }
    // Whoever lost the last answer learns the same.
    let told = admin.ask_upload(&path).expect(200);
    assert_eq!((offset(&told), told.header("Upload-Length")), (bytes.len(), Some(&*bytes.len().to_string())));
    assert_eq!(told.header("Cache-Control"), Some("no-store"));
    let id = artifact_id(&told);
    assert_eq!(artifact_id(&admin.send_part(&path, bytes.len(), b"").expect(204)), id);
    let again = admin.send_part(&path, 180_000, &bytes[180_000..]).expect_error(409);
    assert_eq!(again.json()["metadata"]["upload"]["artifact_id"], id);
    let shown = admin.get(&format!("{ARTIFACTS}/{id}")).expect(200).json();
    assert_eq!((&shown["name"], &shown["size"]), (&json!(artifact.name), &json!(bytes.len())));
    let link = admin.get(&format!("{ARTIFACTS}/{id}/download")).expect(200).json();
    let target = harness::device::link_target(link["uri"].as_str().expect("a link"));
    assert!(server.http().get(&target).expect(200).body == bytes, "the bytes are those uploaded");
    assert!(!server.data_dir().join("blobs/uploads").join(location_id(&begun)).exists());
    // What is known of the upload may go; the artifact stays.
    server.http().send(&admin.tus("DELETE", &path)).expect(204);
    admin.ask_upload(&path).expect(404);
    admin.get(&format!("{ARTIFACTS}/{id}")).expect(200);
}

fn all_bytes_may_come_with_the_first_request() {
    let server = shared_server();
    let admin = server.admin();
    let begin = |bytes: &[u8], length: usize| {
        let request = admin.tus("POST", UPLOADS).header("Upload-Length", length.to_string());
        request.header("Content-Type", "application/offset+octet-stream").body(Body::Chunked(bytes.to_vec()))
    };
    let artifact = ArtifactSpec::new("type-a").write();
    let bytes = artifact.bytes();
    let answer = server.http().send(&begin(&bytes, bytes.len())).expect(201);
    assert_eq!(offset(&answer), bytes.len());
    admin.get(&format!("{ARTIFACTS}/{}", artifact_id(&answer))).expect(200);
    // Or only some of them.
    let artifact = ArtifactSpec::new("type-a").write();
    let bytes = artifact.bytes();
    let answer = server.http().send(&begin(&bytes[..1000], bytes.len())).expect(201);
    assert_eq!(offset(&answer), 1000);
    let path = format!("{UPLOADS}/{}", location_id(&answer));
    artifact_id(&admin.send_part(&path, 1000, &bytes[1000..]).expect(204));
}

fn metadata_is_used_and_told_back() {
    let server = shared_server();
    let admin = server.admin();
    let bytes = ArtifactSpec::new("type-a").write().bytes();
    let chosen = unknown_uuid();
    let metadata = format!(
        "filename {},description {},artifact_id {},is_draft",
        STANDARD.encode("update.mender"),
        STANDARD.encode("ci build é"),
        STANDARD.encode(&chosen)
    );
    let begin = |metadata: &str| {
        let request = admin.tus("POST", UPLOADS).header("Upload-Length", bytes.len().to_string());
        server.http().send(&request.header("Upload-Metadata", metadata))
    };
    let path = format!("{UPLOADS}/{}", location_id(&begin(&metadata).expect(201)));
    assert_eq!(admin.ask_upload(&path).expect(200).header("Upload-Metadata"), Some(metadata.as_str()));
    let listed = admin.get(UPLOADS).expect(200).json();
    let listed = listed.as_array().expect("a list");
    let own = listed.iter().find(|one| path.ends_with(one["id"].as_str().expect("an id"))).expect("listed");
    assert_eq!(
        (&own["length"], &own["offset"], &own["metadata"]),
        (&json!(bytes.len()), &json!(0), &json!(metadata))
    );
    assert_eq!(artifact_id(&admin.send_part(&path, 0, &bytes).expect(204)), chosen);
    let shown = admin.get(&format!("{ARTIFACTS}/{chosen}")).expect(200).json();
    assert_eq!(shown["description"], "ci build é");
    let long = format!("description {}", STANDARD.encode("x".repeat(4097)));
    for bad in ["a YQ==,a YQ==", "description !", "artifact_id YQ==", "description AA==", &long] {
        begin(bad).expect_error(400);
    }
}

fn parts_go_on_where_the_upload_ends() {
    let admin = shared_server().admin();
    let bytes = ArtifactSpec::new("type-a").incompressible(10_000).write().bytes();
    let path = admin.begin_upload(bytes.len());
    admin.send_part(&path, 0, &bytes[..5000]).expect(204);
    for wrong in [0, 1, 4999, 5001, bytes.len()] {
        let answer = admin.send_part(&path, wrong, &bytes[5000..6000.min(bytes.len())]).expect_error(409);
        assert_eq!(
            (code(&answer), &answer.json()["metadata"]["upload"]["offset"]),
            ("offset_mismatch".to_owned(), &json!(5000))
        );
    }
    // More than the upload has, announced or not.
    let much = [&bytes[5000..], b"more"].concat();
    admin.send_part(&path, 5000, &much).expect_error(413);
    let chunked = admin.upload_part(&path, 5000, b"").body(Body::Chunked(much));
    admin.http.send(&chunked).expect_error(413);
    let at = admin.upload_offset(&path);
    assert!(at >= 5000 && at < bytes.len(), "{at}");
    // An empty part changes nothing.
    assert_eq!(offset(&admin.send_part(&path, at, b"").expect(204)), at);
    artifact_id(&admin.send_part(&path, at, &bytes[at..]).expect(204));
}

fn malformed_requests_are_refused() {
    let server = shared_server();
    let admin = server.admin();
    let begin = |name: &str, value: &str| server.http().send(&admin.tus("POST", UPLOADS).header(name, value));
    for value in ["", "-1", "x", "1.5", "0", "99999999999999999999"] {
        begin("Upload-Length", value).expect_error(400);
    }
    begin("Upload-Defer-Length", "1").expect_error(400);
    let large = begin("Upload-Length", "10737418241").expect_error(413);
    assert_eq!(large.header("Tus-Resumable"), Some("1.0.0"));
    let json = admin.tus("POST", UPLOADS).header("Upload-Length", "10").json(&json!({}));
    server.http().send(&json).expect_error(415);
    let path = admin.begin_upload(1000);
    let send = |fields: &[(&str, &str)]| {
        let request = admin.tus("PATCH", &path).body(Body::Sized(b"x".to_vec()));
        server
            .http()
            .send(&fields.iter().fold(request, |request, (name, value)| request.header(name, *value)))
    };
    let part = ("Content-Type", "application/offset+octet-stream");
    send(&[("Upload-Offset", "0")]).expect_error(415);
    send(&[("Upload-Offset", "0"), ("Content-Type", "application/octet-stream")]).expect_error(415);
    send(&[part]).expect_error(400);
    send(&[part, ("Upload-Offset", "x")]).expect_error(400);
    for checksum in ["sha256", "md5 AAAA", "sha256 !", "sha1 AAAA"] {
        send(&[part, ("Upload-Offset", "0"), ("Upload-Checksum", checksum)]).expect_error(400);
    }
    assert_eq!(admin.upload_offset(&path), 0);
    for unknown in [unknown_uuid(), "no-uuid".to_owned()] {
        let path = format!("{UPLOADS}/{unknown}");
        admin.ask_upload(&path).expect(404);
        admin.send_part(&path, 0, b"x").expect_error(404);
        server.http().send(&admin.tus("DELETE", &path)).expect_error(404);
    }
}

fn a_part_counts_only_with_its_checksum() {
    let admin = shared_server().admin();
    let bytes = ArtifactSpec::new("type-a").incompressible(50_000).write().bytes();
    let path = admin.begin_upload(bytes.len());
    let send = |at: usize, part: &[u8], checksum: &str| {
        admin.http.send(&admin.upload_part(&path, at, part).header("Upload-Checksum", checksum))
    };
    // Damage on the way ends neither the upload nor is it taken for a fault of the artifact.
    let mut damaged = bytes[..20_000].to_vec();
    damaged[100] ^= 1;
    let refused = send(0, &damaged, &sha256(&bytes[..20_000])).expect_error(460);
    assert_eq!(code(&refused), "checksum_mismatch");
    assert_eq!(admin.upload_offset(&path), 0);
    assert_eq!(offset(&send(0, &bytes[..20_000], &sha256(&bytes[..20_000])).expect(204)), 20_000);
    let sha1 = aws_lc_sha1(&bytes[20_000..30_000]);
    send(20_000, &bytes[20_000..30_001], &sha1).expect_error(460);
    assert_eq!(offset(&send(20_000, &bytes[20_000..30_000], &sha1).expect(204)), 30_000);
    // The last part too.
    send(30_000, &bytes[30_000..], &sha256(b"other")).expect_error(460);
    assert_eq!(admin.upload_offset(&path), 30_000);
    artifact_id(&send(30_000, &bytes[30_000..], &sha256(&bytes[30_000..])).expect(204));
}

fn aws_lc_sha1(bytes: &[u8]) -> String {
    use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
    format!("sha1 {}", STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes)))
}

fn a_fault_ends_the_upload_at_once() {
    let server = TestServer::start();
    let admin = server.admin();
    let bytes = ArtifactSpec::new("type-a").incompressible(300_000).write().bytes();
    // In the first part, in a later one, and where a later one shows what an earlier one did.
    for (at, part) in [(0, 100_000), (150_000, 100_000), (250_000, 60_000)] {
        let mut bad = bytes.clone();
        bad[at + 40_000] ^= 0x20;
        let path = admin.begin_upload(bytes.len());
        let mut sent = 0;
        let refused = bad.chunks(part).find_map(|chunk| {
            let answer = admin.send_part(&path, sent, chunk);
            sent += chunk.len();
            (answer.status != 204).then_some(answer)
        });
        let refused = refused.expect("a refusal").expect_error(400);
        assert!(refused.json()["error"].as_str().is_some_and(|text| !text.is_empty()), "{refused}");
        assert_eq!(refused.header("Tus-Resumable"), Some("1.0.0"));
        admin.ask_upload(&path).expect(404);
    }
    let path = admin.begin_upload(1_000_000_000);
    let refused = admin.send_part(&path, 0, &vec![b'x'; 100_000]).expect_error(400);
    assert_eq!(code(&refused), "bad_request");
    // Bytes after the end of an artifact.
    let path = admin.begin_upload(bytes.len() + 8);
    admin.send_part(&path, 0, &[bytes.as_slice(), b"trailing"].concat()).expect_error(400);
    assert_eq!(admin.get(ARTIFACTS).expect(200).json(), json!([]));
    assert_eq!((files(&server), admin.get(UPLOADS).expect(200).json()), (0, json!([])));
    run_ok(&mut server.command(&["check"]));
}

fn what_is_in_the_way_ends_the_upload() {
    let admin = shared_server().admin();
    let artifact = ArtifactSpec::new("type-a").write();
    let id = admin.upload(&artifact);
    let bytes = artifact.bytes();
    let path = admin.begin_upload(bytes.len());
    let refused = admin.send_part(&path, 0, &bytes).expect_error(409);
    assert_eq!(code(&refused), "conflict");
    assert_eq!(refused.json()["metadata"]["conflict"]["artifact_id"], id);
    admin.ask_upload(&path).expect(404);
    // The bytes of the other one are not touched by that.
    admin.get(&format!("{ARTIFACTS}/{id}")).expect(200);
    run_ok(&mut shared_server().command(&["check"]));
}

fn the_signature_policy_holds() {
    let server = TestServer::start();
    let admin = server.admin();
    let key = KeyFiles::generate("p256");
    let body = json!({ "name": "ci", "public_key": fs::read_to_string(&key.public).expect("a key") });
    let added = admin.send_json("POST", "/api/management/v1/releases/keys", &body).expect(201).json();
    let policy = "/api/management/v1/releases/policy";
    admin.send_json("PUT", policy, &json!({ "signature": "require" })).expect(204);
    let unsigned = ArtifactSpec::new("type-a").incompressible(50_000).write().bytes();
    let path = admin.begin_upload(unsigned.len());
    // Manifest and signature come first: the rest need not be sent.
    let refused = admin.send_part(&path, 0, &unsigned[..8192]).expect_error(422);
    assert_eq!(code(&refused), "signature_required");
    admin.ask_upload(&path).expect(404);
    let signed = |name: &str| {
        let artifact = ArtifactSpec::new("type-a").name(name).write();
        artifact.sign(&key);
        artifact.bytes()
    };
    let good = signed(&unique("signed"));
    let path = admin.begin_upload(good.len());
    artifact_id(&admin.send_part(&path, 0, &good).expect(204));
    // What is revoked on the way does not count at the end.
    let late = signed(&unique("late"));
    let path = admin.begin_upload(late.len());
    admin.send_part(&path, 0, &late[..late.len() - 100]).expect(204);
    let revoke = format!("/api/management/v1/releases/keys/{}/revoke", added["id"].as_str().expect("an id"));
    admin.send("POST", &revoke).expect(200);
    let refused = admin.send_part(&path, late.len() - 100, &late[late.len() - 100..]).expect_error(422);
    assert_eq!(code(&refused), "key_revoked");
    assert_eq!(files(&server), 0);
}

/// A part whose bytes do not come.
fn stalled(
    server: &TestServer,
    path: &str,
    at: usize,
    announced: usize,
    bytes: &[u8],
) -> harness::http::Connection {
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nTus-Resumable: 1.0.0\r\n\
         Upload-Offset: {at}\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: {announced}\r\n\r\n",
        server.admin().token,
    );
    let mut connection = server.http().connect().expect("a connection");
    connection.send_bytes(&[head.as_bytes(), bytes].concat()).expect("sent");
    connection
}

fn one_part_at_a_time() {
    let server = shared_server();
    let admin = server.admin();
    let bytes = ArtifactSpec::new("type-a").incompressible(50_000).write().bytes();
    let path = admin.begin_upload(bytes.len());
    let part = bytes.len() - 10;
    let mut first = stalled(server, &path, 0, part, &bytes[..10_000]);
    // Until the first has the upload, the second may get it: then it is ended, and the first is refused.
    until("the upload to be taken", Duration::from_mins(1), || {
        let answer = admin.send_part(&path, 1, b"x");
        assert!(matches!(answer.status, 409 | 423), "{answer}");
        answer.status == 423
    });
    let answer = server.http().send(&admin.tus("DELETE", &path)).expect_error(423);
    assert_eq!(code(&answer), "upload_locked");
    first.send_bytes(&bytes[10_000..part]).expect("sent");
    assert_eq!(offset(&first.receive(false).expect("an answer").expect(204)), part);
    // A connection that says nothing more gives way to a new one, and loses nothing.
    let _silent = stalled(server, &path, part, 10, &bytes[part..part + 4]);
    let taken = harness::eventually("the silent one to give way", Duration::from_mins(1), || {
        let at = admin.upload_offset(&path);
        let answer = admin.send_part(&path, at, &bytes[at..]);
        if answer.status == 204 {
            return Some(answer);
        }
        assert!(matches!(answer.status, 409 | 423), "{answer}");
        thread::sleep(Duration::from_millis(200));
        None
    });
    artifact_id(&taken);
}

fn a_part_that_breaks_off_counts_as_far_as_it_came() {
    let server = shared_server();
    let admin = server.admin();
    let bytes = ArtifactSpec::new("type-a").incompressible(200_000).write().bytes();
    let path = admin.begin_upload(bytes.len());
    let file = server.data_dir().join("blobs/uploads").join(path.rsplit('/').next().expect("an id"));
    let on_disk = || fs::metadata(&file).map_or(0, |file| file.len());
    for cut in [30_000, 90_000, 150_000] {
        let at = admin.upload_offset(&path);
        let connection = stalled(server, &path, at, bytes.len() - at, &bytes[at..cut]);
        until("the bytes to arrive", Duration::from_mins(1), || on_disk() == u64::try_from(cut).unwrap_or(0));
        drop(connection);
        until("them to count", Duration::from_mins(1), || admin.upload_offset(&path) == cut);
    }
    let id = harness::eventually("the rest to be taken", Duration::from_mins(1), || {
        let at = admin.upload_offset(&path);
        let answer = admin.send_part(&path, at, &bytes[at..]);
        (answer.status == 204).then(|| artifact_id(&answer))
    });
    admin.get(&format!("{ARTIFACTS}/{id}")).expect(200);
}

fn a_kill_loses_nothing_that_was_acknowledged() {
    let server = TestServer::start();
    let admin = server.admin();
    let bytes = ArtifactSpec::new("type-a").incompressible(200_000).write().bytes();
    let path = admin.begin_upload(bytes.len());
    for end in [1, 70_000, bytes.len() - 1] {
        let at = admin.upload_offset(&path);
        assert_eq!(offset(&admin.send_part(&path, at, &bytes[at..end]).expect(204)), end);
        // Something more that is not acknowledged.
        let _open =
            stalled(&server, &path, end, bytes.len() - end, &bytes[end..(end + 5000).min(bytes.len() - 1)]);
        server.kill();
        run_ok(&mut server.command(&["check"]));
        server.restart();
        let at = admin.upload_offset(&path);
        assert!(at >= end && at < bytes.len(), "{at} after a kill at {end}");
        assert_eq!(admin.get(ARTIFACTS).expect(200).json(), json!([]));
    }
    let at = admin.upload_offset(&path);
    let id = artifact_id(&admin.send_part(&path, at, &bytes[at..]).expect(204));
    server.kill();
    server.restart();
    // The client that lost the last answer asks.
    assert_eq!(artifact_id(&admin.ask_upload(&path).expect(200)), id);
    admin.get(&format!("{ARTIFACTS}/{id}")).expect(200);
    // A file that is shorter than was acknowledged ends the upload, and no start fails over it.
    let path = admin.begin_upload(bytes.len());
    admin.send_part(&path, 0, &bytes[..50_000]).expect(204);
    server.kill();
    let file = server.data_dir().join("blobs/uploads").join(path.rsplit('/').next().expect("an id"));
    fs::OpenOptions::new().write(true).open(file).and_then(|file| file.set_len(10)).expect("cut");
    server.restart();
    let gone = admin.send_part(&path, 50_000, &bytes[50_000..]).expect_error(410);
    assert_eq!(code(&gone), "upload_gone");
    admin.ask_upload(&path).expect(404);
    assert_eq!(files(&server), 0);
    run_ok(&mut server.command(&["check"]));
}

fn ended_uploads_leave_nothing() {
    let server = TestServer::start();
    let admin = server.admin();
    let bytes = ArtifactSpec::new("type-a").incompressible(50_000).write().bytes();
    let path = admin.begin_upload(bytes.len());
    admin.send_part(&path, 0, &bytes[..20_000]).expect(204);
    assert_eq!(files(&server), 1);
    let ended = server.http().send(&admin.tus("DELETE", &path)).expect(204);
    assert_eq!(ended.header("Tus-Resumable"), Some("1.0.0"));
    assert_eq!(files(&server), 0);
    admin.ask_upload(&path).expect(404);
    admin.send_part(&path, 20_000, &bytes[20_000..]).expect_error(404);
    server.http().send(&admin.tus("DELETE", &path)).expect_error(404);
}

fn a_method_may_stand_in_a_header() {
    let server = shared_server();
    let admin = server.admin();
    let bytes = ArtifactSpec::new("type-a").incompressible(50_000).write().bytes();
    let as_post = |request: Request, method: &str| {
        let request = Request { method: "POST".to_owned(), ..request };
        server.http().send(&request.header("X-HTTP-Method-Override", method))
    };
    let path = admin.begin_upload(bytes.len());
    assert_eq!(offset(&as_post(admin.upload_part(&path, 0, &bytes[..20_000]), "PATCH").expect(204)), 20_000);
    assert_eq!(offset(&as_post(admin.tus("HEAD", &path), "HEAD").expect(200)), 20_000);
    artifact_id(&as_post(admin.upload_part(&path, 20_000, &bytes[20_000..]), "PATCH").expect(204));
    as_post(admin.tus("DELETE", &path), "DELETE").expect(204);
    admin.ask_upload(&path).expect(404);
    // It says nothing about a method that is not there, nor elsewhere.
    as_post(admin.tus("POST", &path), "PURGE").expect_error(405);
    as_post(admin.request("GET", ARTIFACTS), "GET").expect_error(415);
}

fn uploads_are_their_users_own() {
    let server = shared_server();
    let (one, other) = (user(server, "ci"), user(server, "release-manager"));
    let bytes = ArtifactSpec::new("type-a").incompressible(50_000).write().bytes();
    let path = one.begin_upload(bytes.len());
    one.send_part(&path, 0, &bytes[..20_000]).expect(204);
    other.ask_upload(&path).expect(404);
    other.send_part(&path, 20_000, &bytes[20_000..]).expect_error(404);
    server.http().send(&other.tus("DELETE", &path)).expect_error(404);
    assert_eq!(other.get(UPLOADS).expect(200).json(), json!([]));
    assert_eq!(one.get(UPLOADS).expect(200).json().as_array().map(Vec::len), Some(1));
    // Who manages users may.
    assert_eq!(server.admin().upload_offset(&path), 20_000);
    artifact_id(&server.admin().send_part(&path, 20_000, &bytes[20_000..]).expect(204));
    artifact_id(&one.ask_upload(&path).expect(200));
    user(server, "viewer").try_begin_upload(1000).expect_error(403);
}

fn unfinished_uploads_are_bounded() {
    let server = ServerSetup::default()
        .env("SEALIFT_LIMITS__UNFINISHED_UPLOADS_MAX", "3")
        .env("SEALIFT_LIMITS__UNFINISHED_UPLOADS_PER_USER_MAX", "2")
        .env("SEALIFT_LIMITS__UNFINISHED_UPLOADS_MAX_BYTES", "100000")
        .start();
    let admin = server.admin();
    let ci = user(&server, "ci");
    ci.try_begin_upload(100_001).expect_error(413);
    let options = server.http().send(&Request::new("OPTIONS", UPLOADS));
    assert_eq!(options.header("Tus-Max-Size"), Some("100000"));
    let path = ci.begin_upload(60_000);
    let many = ci.try_begin_upload(40_001).expect_error(429);
    assert_eq!(code(&many), "too_many_uploads");
    ci.begin_upload(10_000);
    ci.try_begin_upload(1).expect_error(429);
    admin.begin_upload(10_000);
    admin.try_begin_upload(1).expect_error(429);
    // An end makes room, and so does a success.
    server.http().send(&ci.tus("DELETE", &path)).expect(204);
    let bytes = ArtifactSpec::new("type-a").write().bytes();
    for _ in 0..2 {
        let path = ci.begin_upload(bytes.len());
        let answer = ci.send_part(&path, 0, &bytes);
        assert!(matches!(answer.status, 204 | 409), "{answer}");
    }
}

fn unfinished_uploads_expire() {
    let server = ServerSetup::default().env("SEALIFT_LIMITS__UNFINISHED_UPLOADS_TTL_SECS", "1").start();
    let admin = server.admin();
    let path = admin.begin_upload(1000);
    until("the upload to expire", Duration::from_mins(1), || admin.ask_upload(&path).status == 410);
    let gone = admin.send_part(&path, 0, b"x").expect_error(410);
    assert_eq!(code(&gone), "upload_gone");
    assert_eq!(admin.get(UPLOADS).expect(200).json(), json!([]));
}
