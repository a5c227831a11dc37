//! Artifact downloads through the link of an offer (device protocol §3, RFC 9110 §14).

use std::time::Duration;

use harness::device::link_target;
use harness::{ArtifactSpec, Device, Request, Response, ServerSetup, TestServer, eventually, shared_server};
use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = harness::storage_trials![
        link_needs_no_token_and_stays_on_the_server,
        single_ranges_are_206,
        unsatisfiable_range_is_416,
        other_ranges_are_ignored,
        head_tells_the_length,
        entity_tag_is_strong_and_honoured,
        every_piece_joins_to_the_whole,
        altered_links_are_refused,
        parts_of_two_links_do_not_mix,
    ];
    trials.extend(harness::slow_trials![&[]; expired_link_is_refused]);
    trials
}

/// An offer's link, the bytes behind it, and the device that it was made for.
struct Offer {
    device: Device,
    uri: String,
    target: String,
    bytes: Vec<u8>,
}

impl Offer {
    #[track_caller]
    fn new(server: &TestServer, size: usize) -> Self {
        let device = server.accepted_device();
        let artifact = ArtifactSpec::new(&device.device_type).incompressible(size).write();
        server.admin().upload(&artifact);
        server.admin().deploy(&artifact.name, &[server.admin().device_id(&device)]);
        let uri = device.next_offer()["artifact"]["source"]["uri"].as_str().expect("a link").to_owned();
        Self { target: link_target(&uri), device, uri, bytes: artifact.bytes() }
    }

    #[track_caller]
    fn range(&self, range: &str) -> Response {
        self.device.http.send(&Request::get(&self.target).header("Range", range))
    }
}

fn link_needs_no_token_and_stays_on_the_server() {
    let server = shared_server();
    let offer = Offer::new(server, 10_000);
    assert!(offer.uri.starts_with(&format!("{}/", server.url())), "{}", offer.uri);
    let response = offer.device.http.get(&offer.target).expect(200);
    assert_eq!(response.body, offer.bytes);
    assert_eq!(response.header("Accept-Ranges"), Some("bytes"));
}

fn single_ranges_are_206() {
    let offer = Offer::new(shared_server(), 20_000);
    let size = offer.bytes.len();
    let cases = [
        ("bytes=0-99".to_owned(), 0, 100),
        ("bytes=0-0".to_owned(), 0, 1),
        ("bytes=5000-".to_owned(), 5000, size),
        (format!("bytes=5000-{}", size - 1), 5000, size),
        (format!("bytes=5000-{}", size + 10), 5000, size),
        ("bytes=-500".to_owned(), size - 500, size),
        (format!("bytes=-{}", size * 2), 0, size),
        (format!("bytes={}-", size - 1), size - 1, size),
    ];
    for (range, from, to) in cases {
        let response = offer.range(&range).expect(206);
        let expected = format!("bytes {from}-{}/{size}", to - 1);
        assert_eq!(response.header("Content-Range"), Some(expected.as_str()), "{range}");
        assert_eq!(response.header("Content-Length"), Some((to - from).to_string().as_str()), "{range}");
        assert_eq!(response.header("Content-Encoding"), None);
        assert_eq!(response.body, offer.bytes[from..to], "{range}");
    }
}

fn unsatisfiable_range_is_416() {
    let offer = Offer::new(shared_server(), 5_000);
    let size = offer.bytes.len();
    for range in [format!("bytes={size}-"), format!("bytes={}-{}", size + 5, size + 9), "bytes=-0".to_owned()]
    {
        let response = offer.range(&range).expect(416);
        assert_eq!(response.header("Content-Range"), Some(format!("bytes */{size}").as_str()), "{range}");
    }
}

fn other_ranges_are_ignored() {
    let offer = Offer::new(shared_server(), 5_000);
    for range in ["bytes=0-1,4-5", "items=0-1", "bytes=9-1", "bytes=a-b", "bytes=", "nonsense"] {
        let response = offer.range(range).expect(200);
        assert_eq!(response.header("Content-Range"), None, "{range}");
        assert_eq!(response.body.len(), offer.bytes.len(), "{range}");
    }
}

fn head_tells_the_length() {
    let offer = Offer::new(shared_server(), 5_000);
    let response = offer.device.http.send(&Request::new("HEAD", &offer.target)).expect(200);
    assert_eq!(response.header("Content-Length"), Some(offer.bytes.len().to_string().as_str()));
    assert!(response.header("ETag").is_some());
    // Nothing but the head is sent: the next answer on the connection is a head again.
    let mut connection = offer.device.http.connect().expect("a connection");
    for _ in 0..2 {
        let response = connection.send(&Request::new("HEAD", &offer.target)).expect("an answer");
        response.expect(200);
    }
    connection.send(&Request::get("/health/live")).expect("an answer").expect_success();
}

fn entity_tag_is_strong_and_honoured() {
    let offer = Offer::new(shared_server(), 5_000);
    let get = |name: &str, value: &str| {
        let request = Request::get(&offer.target).header(name, value);
        offer.device.http.send(&request.header("Range", "bytes=10-19"))
    };
    let tag =
        offer.device.http.get(&offer.target).expect(200).header("ETag").expect("an entity tag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "a strong tag: {tag}");
    assert_eq!(get("If-Range", &tag).expect(206).body, offer.bytes[10..20]);
    assert_eq!(get("If-Range", "\"another\"").expect(200).body.len(), offer.bytes.len());
    let unchanged = Request::get(&offer.target).header("If-None-Match", tag);
    offer.device.http.send(&unchanged).expect(304);
}

fn every_piece_joins_to_the_whole() {
    // Longer than what the server reads at a time.
    let offer = Offer::new(shared_server(), 700_000);
    let size = offer.bytes.len();
    let cuts = [0, 1, 511, 4096, 65_536, 262_143, 262_144, 262_145, 524_288, size];
    let mut joined = Vec::new();
    for pair in cuts.windows(2) {
        joined.extend(offer.range(&format!("bytes={}-{}", pair[0], pair[1] - 1)).expect(206).body);
    }
    assert!(joined == offer.bytes, "the pieces are not the file");
}

fn altered_links_are_refused() {
    let offer = Offer::new(shared_server(), 5_000);
    let http = &offer.device.http;
    let (path, query) = offer.target.split_once('?').unwrap_or((&offer.target, ""));
    let mut forged = Vec::new();
    if !query.is_empty() {
        forged.push(path.to_owned());
        for (at, pair) in query.split('&').enumerate() {
            // Each parameter left out, and each with its last character changed.
            let rest: Vec<&str> =
                query.split('&').enumerate().filter(|(i, _)| *i != at).map(|(_, p)| p).collect();
            forged.push(format!("{path}?{}", rest.join("&")));
            let replacement = if pair.ends_with('1') { "2" } else { "1" };
            forged.push(offer.target.replace(pair, &format!("{}{replacement}", &pair[..pair.len() - 2])));
        }
    }
    forged.push(format!("{path}x?{query}"));
    for target in forged {
        let response = http.get(&target);
        assert!(matches!(response.status, 400 | 403 | 404), "{target}: {response}");
        assert!(response.body.len() < 2000);
    }
    http.get(&offer.target).expect(200);
}

fn parts_of_two_links_do_not_mix() {
    let server = shared_server();
    let (one, two) = (Offer::new(server, 5_000), Offer::new(server, 6_000));
    let (path, _) = one.target.split_once('?').expect("a link with a query");
    let (_, query) = two.target.split_once('?').expect("a link with a query");
    let response = one.device.http.get(&format!("{path}?{query}"));
    assert!(matches!(response.status, 400 | 403 | 404), "{response}");
}

fn expired_link_is_refused() {
    let server = ServerSetup::default().env("SEALIFT_DOWNLOAD_LINK_TTL_SECS", "60").start();
    let offer = Offer::new(&server, 5_000);
    let refused = eventually("the end of a link", Duration::from_secs(90), || {
        let response = offer.device.http.get(&offer.target);
        (response.status != 200).then_some(response)
    });
    refused.expect_error(403);
    // The device asks again and gets a new one.
    let again = offer.device.next_offer()["artifact"]["source"]["uri"].as_str().expect("a link").to_owned();
    offer.device.http.get(&link_target(&again)).expect(200);
}
