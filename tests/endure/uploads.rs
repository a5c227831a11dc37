//! Uploads that are cut off or damaged (R4): every one is refused, and nothing of it stays.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Seek as _, Write as _};
use std::process::Command;
use std::time::Duration;

use harness::artifacts::KeyFiles;
use harness::management::{ARTIFACTS, location_id};
use harness::multipart::content_type;
use harness::server::{ADMIN, PASSWORD};
use harness::{ArtifactSpec, Management, Multipart, TestServer, until};
use libtest_mimic::Trial;
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::json;

use crate::chance::{generator, number, seed};

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![cut_uploads_leave_nothing, flipped_bits_are_noticed]
}

/// Places to cut at, beside all those between members and one at each hundredth.
const RANDOM_CUTS: usize = 20;
/// Flipped bits in each artifact; `SEALIFT_ENDURE_FLIPS` is another number.
const FLIPS: u64 = 150;

/// An artifact, and where its members are.
struct Sample {
    bytes: Vec<u8>,
    /// Name, where the header begins, where the content does, and where it ends.
    members: Vec<(String, usize, usize, usize)>,
    /// The public key that its signature is compared with, PEM.
    key: Option<String>,
}

impl Sample {
    fn new(bytes: Vec<u8>, key: Option<String>) -> Self {
        let mut members = Vec::new();
        let mut at = 0;
        while let Some(header) = bytes.get(at..at + 512).filter(|header| header[0] != 0) {
            let text = |from: usize, to: usize| {
                let field = header[from..to].split(|byte| *byte == 0 || *byte == b' ').next().unwrap_or(&[]);
                String::from_utf8_lossy(field).into_owned()
            };
            let size = usize::from_str_radix(&text(124, 136), 8).expect("an octal size");
            members.push((text(0, 100), at, at + 512, at + 512 + size));
            at += 512 + size.next_multiple_of(512);
        }
        assert!(members.len() >= 4, "{members:?}");
        Self { bytes, members, key }
    }

    fn cuts(&self, random: &mut StdRng) -> BTreeSet<usize> {
        let size = self.bytes.len();
        let mut cuts: BTreeSet<usize> = (0..100).map(|percent| size * percent / 100).collect();
        for (_, header, content, end) in &self.members {
            cuts.extend([*header, *content, *end, end.next_multiple_of(512)]);
        }
        cuts.extend((0..RANDOM_CUTS).map(|_| random.random_range(0..size)));
        // Without its last blocks of zeros a tar is as good: the reader asks for both, so these cuts are refused too.
        cuts.into_iter().filter(|cut| *cut < size).collect()
    }

    /// Answers whether a copy with another byte there says the same: `gzip` reads the same from its payload (times in the
    /// head, filling bits between blocks; the manifest does not list the compressed form, artifact format §3), or it is
    /// what fills the checksum of a tar header beside its digits, which it does not count: zero or space before, NUL or
    /// space after.
    fn means_the_same(&self, copy: &[u8], at: usize) -> bool {
        let is_filling = |header: usize| [148, 154, 155].contains(&at.wrapping_sub(header));
        let payload = self.members.iter().find(|(name, ..)| name == "data/0000.tar.gz").expect("a payload");
        let (_, _, content, end) = *payload;
        let same_payload = || unzipped(&copy[content..end]) == unzipped(&self.bytes[content..end]);
        self.members.iter().any(|(_, header, ..)| is_filling(*header))
            || (content..end).contains(&at) && same_payload()
    }
}

/// What another program than ours reads from gzip.
fn unzipped(bytes: &[u8]) -> Vec<u8> {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).and_then(|()| file.rewind()).expect("written");
    let output = Command::new("gzip").arg("-dc").stdin(file).output().expect("gzip");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn samples() -> Vec<Sample> {
    let plain = ArtifactSpec::new("type-a").incompressible(40_000).write();
    let signed = ArtifactSpec::new("type-b").incompressible(3_000).write();
    let key = KeyFiles::generate("p256");
    signed.sign(&key);
    let public = fs::read_to_string(&key.public).expect("a public key");
    vec![Sample::new(plain.bytes(), None), Sample::new(signed.bytes(), Some(public))]
}

#[track_caller]
fn expect_nothing(server: &TestServer) {
    until("what was refused to vanish", Duration::from_mins(1), || server.blob_files().is_empty());
    assert_eq!(server.admin().get(ARTIFACTS).expect(200).json(), json!([]));
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

fn cut_uploads_leave_nothing() {
    let mut random = generator(seed("cut_uploads_leave_nothing"), 0);
    let server = TestServer::start();
    let mut tried = 0;
    for sample in samples() {
        for cut in sample.cuts(&mut random) {
            let part = &sample.bytes[..cut];
            // The form is whole, the artifact is not: as a client sends it that reads a file which is cut short.
            let response = server.admin().try_upload(part);
            assert!((400..500).contains(&response.status), "cut at {cut}: {response}");
            // The size that was announced is the whole one.
            let form = Multipart::new()
                .field("size", &sample.bytes.len().to_string())
                .field("description", "")
                .file("artifact", part);
            let request = form.into_request(server.admin().request("POST", ARTIFACTS));
            let response = server.http().send(&request);
            assert!((400..500).contains(&response.status), "cut at {cut}, whole size: {response}");
            // The connection is gone in the middle.
            let whole = Multipart::artifact(&sample.bytes).finish();
            let head = format!(
                "POST {ARTIFACTS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: {}\r\n\
                 Content-Length: {}\r\n\r\n",
                server.admin().token,
                content_type(),
                whole.len()
            );
            let sent = whole.len() * cut / sample.bytes.len();
            let mut connection = server.http().connect().expect("a connection");
            connection.send_bytes(&[head.as_bytes(), &whole[..sent]].concat()).expect("sent");
            drop(connection);
            tried += 3;
        }
        expect_nothing(&server);
        // What was refused in parts is taken as a whole.
        let id = location_id(&server.admin().try_upload(&sample.bytes).expect(201));
        server.admin().send("DELETE", &format!("{ARTIFACTS}/{id}")).expect(204);
    }
    expect_nothing(&server);
    eprintln!("endure: uploads cut: {tried} refused, nothing left");
}

fn flipped_bits_are_noticed() {
    let mut random = generator(seed("flipped_bits_are_noticed"), 0);
    let server = TestServer::start();
    let (mut refused, mut uncovered) = (0, 0);
    for sample in samples() {
        // Of a signature nothing is known without a key to compare it with.
        if let Some(key) = &sample.key {
            let key = json!({ "name": "release key", "public_key": key });
            // Whom to trust is decided by who logged in lately.
            let admin = Management::login(server.http(), ADMIN, PASSWORD);
            admin.send_json("POST", "/api/management/v1/releases/keys", &key).expect(201);
            let policy = json!({ "signature": "require" });
            admin.send_json("PUT", "/api/management/v1/releases/policy", &policy).expect(204);
        }
        for _ in 0..number("SEALIFT_ENDURE_FLIPS").unwrap_or(FLIPS) {
            let at = random.random_range(0..sample.bytes.len());
            let mut bytes = sample.bytes.clone();
            bytes[at] ^= 1 << random.random_range(0..8);
            let response = server.admin().try_upload(&bytes);
            if response.status == 201 {
                assert!(sample.means_the_same(&bytes, at), "byte {at} was flipped unnoticed");
                let id = location_id(&response);
                server.admin().send("DELETE", &format!("{ARTIFACTS}/{id}")).expect(204);
                uncovered += 1;
            } else {
                assert!((400..500).contains(&response.status), "byte {at}: {response}");
                refused += 1;
            }
        }
    }
    expect_nothing(&server);
    eprintln!("endure: bits flipped: {refused} refused, {uncovered} in bytes without meaning");
}
