//! Downloads in parts (R5): whatever parts are asked for, they are those of the artifact.

use std::thread;

use harness::device::link_target;
use harness::management::{ARTIFACTS, DEPLOYMENTS};
use harness::{ArtifactSpec, HttpClient, Request, Response, TestServer};
use libtest_mimic::Trial;
use rand::RngExt as _;
use rand::rngs::StdRng;

use crate::chance::{generator, seed};

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![parts_are_those_of_the_whole, a_link_ends_with_its_artifact]
}

/// Bytes of the artifact's payload: more than one read of the file.
const PAYLOAD: usize = 3_000_000;
/// Ranges that are asked for.
const RANGES: usize = 500;
/// Connections that fetch at once.
const PARALLEL: usize = 8;

struct Offer {
    http: HttpClient,
    target: String,
    bytes: Vec<u8>,
    artifact: String,
}

impl Offer {
    fn new(server: &TestServer) -> Self {
        let device = server.accepted_device();
        let artifact = ArtifactSpec::new(&device.device_type).incompressible(PAYLOAD).write();
        let id = server.admin().upload(&artifact);
        server.admin().deploy(&artifact.name, &[server.admin().device_id(&device)]);
        let offer = device.next_offer();
        let target = link_target(offer["artifact"]["source"]["uri"].as_str().expect("a link"));
        Self { http: server.http(), target, bytes: artifact.bytes(), artifact: id }
    }

    fn ask(&self, range: &str) -> Response {
        self.http.send(&Request::get(&self.target).header("Range", range))
    }

    /// Asks for a part and compares it, its place and its length.
    #[track_caller]
    fn expect_part(&self, range: &str, first: usize, last: usize) {
        let response = self.ask(range).expect(206);
        let size = self.bytes.len();
        let place = format!("bytes {first}-{last}/{size}");
        assert_eq!(response.header("Content-Range"), Some(place.as_str()), "{range}");
        assert!(response.body == self.bytes[first..=last], "{range}: other bytes");
    }

    #[track_caller]
    fn expect_random_part(&self, random: &mut StdRng) {
        let size = self.bytes.len();
        let first = random.random_range(0..size);
        match random.random_range(0..4) {
            0 => self.expect_part(&format!("bytes={first}-"), first, size - 1),
            1 => {
                let length = random.random_range(1..=size);
                self.expect_part(&format!("bytes=-{length}"), size - length, size - 1);
            }
            2 => self.expect_part(&format!("bytes={first}-{}", size + 7), first, size - 1),
            _ => {
                let last = random.random_range(first..size.min(first + 70_000));
                self.expect_part(&format!("bytes={first}-{last}"), first, last);
            }
        }
    }
}

fn parts_are_those_of_the_whole() {
    let seed = seed("parts_are_those_of_the_whole");
    let server = TestServer::start();
    let offer = Offer::new(&server);
    let size = offer.bytes.len();
    thread::scope(|scope| {
        for part in 0..PARALLEL {
            let offer = &offer;
            scope.spawn(move || {
                let mut random = generator(seed, part.try_into().expect("a small number"));
                (0..RANGES.div_ceil(PARALLEL)).for_each(|_| offer.expect_random_part(&mut random));
            });
        }
    });
    // Eight neighbours, fetched at once, are the whole.
    let piece = size.div_ceil(PARALLEL);
    let pieces: Vec<Vec<u8>> = thread::scope(|scope| {
        let fetch = |at: usize| {
            let offer = &offer;
            scope.spawn(move || {
                offer.ask(&format!("bytes={}-{}", at * piece, (at + 1) * piece - 1)).expect(206).body
            })
        };
        let running: Vec<_> = (0..PARALLEL).map(fetch).collect();
        running.into_iter().map(|one| one.join().expect("a part")).collect()
    });
    assert!(pieces.concat() == offer.bytes, "the parts are not the whole");
    // Length and tag without the bytes; a part on condition of the tag; the whole on condition of another.
    let head = offer.http.send(&Request::new("HEAD", &offer.target)).expect(200);
    assert_eq!(head.header("Content-Length"), Some(size.to_string().as_str()));
    let tag = head.header("ETag").expect("a tag").to_owned();
    let on = |tag: &str| {
        let request = Request::get(&offer.target).header("Range", "bytes=100-199").header("If-Range", tag);
        offer.http.send(&request)
    };
    assert!(on(&tag).expect(206).body == offer.bytes[100..200]);
    assert!(on("\"another\"").expect(200).body == offer.bytes);
    let beyond = offer.ask(&format!("bytes={size}-"));
    assert_eq!(beyond.status, 416, "{beyond}");
    assert_eq!(beyond.header("Content-Range"), Some(format!("bytes */{size}").as_str()));
    eprintln!("endure: downloads: {RANGES} ranges and {PARALLEL} at once, all equal");
}

/// An artifact that a deployment needs stays; when the deployment is over, neither link nor bytes are left.
fn a_link_ends_with_its_artifact() {
    let server = TestServer::start();
    let offer = Offer::new(&server);
    let delete = || server.admin().send("DELETE", &format!("{ARTIFACTS}/{}", offer.artifact));
    delete().expect_error(409);
    offer.expect_part("bytes=0-9", 0, 9);
    let deployments = server.admin().get(DEPLOYMENTS).expect(200).json();
    let deployment = deployments[0]["id"].as_str().expect("an id").to_owned();
    server.admin().abort(&deployment).expect(204);
    offer.http.send(&Request::get(&offer.target)).expect_error(403);
    // A resumed one is broken off: clients of generation 5 hang on any other answer than 206.
    assert!(offer.http.try_send(&Request::get(&offer.target).header("Range", "bytes=10-")).is_err());
    delete().expect(204);
    offer.http.send(&Request::get(&offer.target)).expect_error(403);
}
