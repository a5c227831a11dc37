//! Every route with odd queries and odd paths, and downloads with odd ranges.

use harness::{Request, Response, ServerSetup};
use libtest_mimic::Trial;

use crate::world::{Caller, Line, NOBODY, Route, World, assert_form};

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![
        odd_queries_cause_no_fault,
        odd_paths_are_refused,
        odd_ranges_get_the_file_a_part_or_a_refusal,
        odd_fields_cause_no_fault,
    ]
}

fn world() -> World {
    World::build(ServerSetup::default())
}

/// Queries that no client sends.
fn queries() -> Vec<String> {
    let mut queries: Vec<String> = [
        "page=-1",
        "page=0",
        "page=1e400",
        "page=NaN",
        "page=",
        "page=1&page=2",
        "page=18446744073709551616",
        "page=9223372036854775807&per_page=500",
        "page=18446744073709551615&per_page=500",
        "page=4611686018427387904&per_page=2",
        "per_page=0",
        "per_page=501",
        "per_page=-9223372036854775808",
        "page=%31",
        "page=1%00",
        "a=%00",
        "%00=a",
        "a=%",
        "a=%zz",
        "a=%c3%28",
        "a=%ff%fe",
        "%ff",
        "a=%ed%a0%80",
        "=",
        "&&&",
        "===&=&a",
        "a[b][c]=d&a[]=1",
        "sort=",
        "sort=:",
        "sort=a:b:c:desc",
        "sort=created_ts:sideways",
        "sort=%22id%22;drop%20table%20devices",
        "status=",
        "status=nonsense",
        "status=accepted&status=pending&status=accepted",
        "id=not-a-uuid",
        "id=%7b0191d3c0-0000-7000-8000-000000000000%7d",
        "name=%25",
        "name=re:(((((",
        "name=a*?[",
        "description=%5c%25_",
        "device_type=%27%20or%201=1--",
        "has_group=maybe",
        "has_group=true&group=lighthouse",
        "group=",
        "created_after=1e400",
        "created_after=-9223372036854775808",
        "created_before=9223372036854775807",
        "created_before=8210298412800",
        "search=%22%2a%22%20AND",
        "search=NEAR(a,b)",
        "colour=eq:red&colour=lt:",
        "colour=nin:a,b&inventory:colour=x",
        "force=maybe",
        "artifact_name=&device_type=",
        "expire=99999999999999999999&signature=..",
        "x-men-expire=1e9&x-men-signature=%00",
    ]
    .map(str::to_owned)
    .into();
    queries.push(format!("a={}", "%61".repeat(2_000)));
    queries.push(format!("page={}", "9".repeat(4_000)));
    queries.push("a&".repeat(3_000));
    queries.push(format!("id={NOBODY}&").repeat(150));
    queries
}

/// What an answer to a `GET` may be, whatever was asked: never a fault, and refusals in our form.
fn odd_queries_cause_no_fault() {
    let world = world();
    let before = world.looks();
    let mut line = Line::new(world.server.http());
    for route in world.routes() {
        let reads = matches!(route.method.as_str(), "GET" | "HEAD");
        // What changes something is asked about nobody: a query is not what should stop it.
        let path = if reads { world.real_path(&route) } else { route.fill(|_, _| NOBODY) };
        if route.ends_own_session() {
            continue;
        }
        for query in queries() {
            let request = Request::new(&route.method, format!("{path}?{query}"));
            let request = if reads { request } else { request.header("Content-Length", "0") };
            let response = line.send(&world.sign(request, route.owner()));
            assert_form(response, &route, query.get(..200).unwrap_or(&query));
        }
    }
    // More than a head may have.
    for count in [10_000, 100_000] {
        let target = format!("/api/management/v2/devauth/devices?{}", "a=1&".repeat(count));
        if let Ok(response) = world.server.http().try_send(&world.sign(Request::get(target), Caller::Admin)) {
            assert!(matches!(response.status, 400 | 414 | 431), "{count} parameters: {response}");
        }
    }
    world.assert_unharmed(&before);
}

/// What may stand where a parameter is.
const ODD_PARTS: [&str; 30] = [
    "..",
    ".",
    "%2e%2e",
    "%2E%2e%2F%2e%2e%2Fetc%2Fpasswd",
    "..%2f..",
    "..%5c..",
    "%2f",
    "%00",
    "a%00b",
    "%0d%0aX:%20y",
    "%ff%fe",
    "%c0%ae%c0%ae",
    "%ed%a0%80",
    "%",
    "%zz",
    "%2",
    "%25%32%65",
    "*",
    "'",
    "%27%20or%20%271%27=%271",
    "%22;--",
    "{id}",
    "%7bid%7d",
    "0",
    "-1",
    "0191d3c0000070008000000000000000",
    "%7b0191d3c0-0000-7000-8000-000000000000%7d",
    "urn:uuid:0191d3c0-0000-7000-8000-000000000000",
    "0191D3C0-0000-7000-8000-000000000000",
    "%e2%80%ae",
];

fn odd_paths_are_refused() {
    let world = world();
    let before = world.looks();
    let mut line = Line::new(world.server.http());
    let long = "a".repeat(8_000);
    for route in world.routes().iter().filter(|route| route.template.contains('{')) {
        for part in ODD_PARTS.iter().copied().chain([long.as_str(), "", "%61%00".repeat(500).as_str()]) {
            send_odd(&mut line, &world, route, part);
        }
    }
    // Around a path that is there, and where none is.
    for target in [
        "/..",
        "/../",
        "/%2e%2e/",
        "//",
        "///",
        "/./health/live",
        "/health/../health/live",
        "/health//live",
        "/health/live/",
        "/health/live%00",
        "/health%2flive",
        "/HEALTH/LIVE",
        "/api/management/v1/../v2/devauth/devices",
        "/api/devices/v1/deployments/download/../../../../etc/passwd",
        "/%",
        "/%%%",
        "/\u{e4}",
        "*",
        "/openapi.json;x",
        "/health/live#fragment",
        "/api\\management",
        "/~root",
        "/.git/config",
        "/\"<script>",
    ] {
        for method in ["GET", "POST", "DELETE", "OPTIONS", "TRACE", "FROBNICATE", "get"] {
            let request = Request::new(method, target);
            let response = world.server.http().send(&request);
            assert!(response.status < 500, "{method} {target}: {response}");
        }
    }
    world.assert_unharmed(&before);
}

fn send_odd(line: &mut Line, world: &World, route: &Route, part: &str) {
    let path = route.fill(|_, _| part);
    let request = Request::new(&route.method, path).header("Content-Length", "0");
    let response = line.send(&world.sign(request, route.owner()));
    assert_form(response, route, part.get(..200).unwrap_or(part));
}

fn odd_ranges_get_the_file_a_part_or_a_refusal() {
    let world = world();
    let last = world.size - 1;
    let mut line = Line::new(world.server.http());
    let mut ranges: Vec<String> = [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=--1",
        "bytes=-0",
        "bytes=0",
        "bytes=1-0",
        "bytes=a-b",
        "bytes=0-0,2-3",
        "bytes=0-,0-,0-",
        "bytes= 0 - 1",
        "bytes=0-0x10",
        "bytes=+0-1",
        "bytes=18446744073709551615-",
        "bytes=18446744073709551616-",
        "bytes=0-18446744073709551616",
        "bytes=-18446744073709551616",
        "bytes=99999999999-",
        "bits=0-1",
        "BYTES=0-1",
        "bytes=0-1;q=1",
        "bytes=\u{663}-",
        "bytes=\u{ff}",
        "none",
    ]
    .map(str::to_owned)
    .into();
    ranges.push(format!("bytes={}", "0-0,".repeat(1_000)));
    ranges.push(format!("bytes={}-", "0".repeat(4_000)));
    ranges.push(format!("bytes={last}-{last}"));
    ranges.push(format!("bytes={}-", world.size));
    for target in [&world.download, &world.content] {
        let whole = world.server.http().get(target).expect(200);
        assert_eq!(whole.body.len(), world.size);
        let tag = whole.header("ETag").expect("an entity tag").to_owned();
        for range in &ranges {
            for guard in
                [None, Some(tag.as_str()), Some("\""), Some("W/\"\""), Some("Mon, 99 Foo 2026 99:99:99 GMT")]
            {
                let mut request = Request::get(target.as_str()).header("Range", range);
                request.headers.extend(guard.map(|guard| ("If-Range".to_owned(), guard.to_owned())));
                let response = line.send(&request);
                assert_part(&response, &whole, &format!("{range:.60?} if {guard:?}"));
            }
        }
    }
    world.assert_calm();
}

/// The whole with 200, a part with 206 that is what it says, or nothing with 416 or 400.
#[track_caller]
fn assert_part(response: &Response, whole: &Response, what: &str) {
    match response.status {
        200 => assert_eq!(response.body, whole.body, "{what}"),
        206 => {
            let said = response.header("Content-Range").unwrap_or_else(|| panic!("{what}: {response}"));
            let said = said.strip_prefix("bytes ").and_then(|said| said.split_once('/'));
            let (part, size) = said.unwrap_or_else(|| panic!("{what}: {response}"));
            let (first, last) = part.split_once('-').expect("two ends");
            let (first, last): (usize, usize) =
                (first.parse().expect("a number"), last.parse().expect("a number"));
            assert_eq!(size, whole.body.len().to_string(), "{what}");
            assert_eq!(response.body, whole.body[first..=last], "{what}");
        }
        400 | 416 => {}
        _ => panic!("{what}: {response}"),
    }
}

/// Fields that the server reads, with values that nobody sends.
fn odd_fields_cause_no_fault() {
    let world = world();
    let before = world.looks();
    let mut line = Line::new(world.server.http());
    let long = "x".repeat(7_000);
    let mut fields: Vec<(&str, String)> = Vec::new();
    for value in [
        "",
        "Bearer",
        "Bearer ",
        "bearer x",
        "Bearer x y",
        "Basic",
        "Basic !!!",
        "Basic Og==",
        "Basic /////w==",
        "Bearer ..",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Bearer eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLy4uLyJ9.e30.AA",
        "Bearer \u{e4}",
        "Digest a=b",
    ] {
        fields.push(("Authorization", value.to_owned()));
    }
    fields.push(("Authorization", format!("Bearer {long}")));
    fields.push(("Authorization", format!("Bearer {}", "eyJ9.".repeat(1_000))));
    fields.push(("Authorization", format!("Basic {}", "QTpB".repeat(1_500))));
    for name in [
        "X-MEN-RequestID",
        "X-MEN-Signature",
        "Accept",
        "Accept-Encoding",
        "Content-Encoding",
        "Content-Type",
        "If-None-Match",
        "If-Match",
        "If-Modified-Since",
        "Cookie",
        "X-Forwarded-For",
        "Forwarded",
        "Origin",
        "Expect",
    ] {
        for value in ["", "\u{e4}\u{ff}", "a,,,b", "\t", "gzip, br;q=9", "%00", long.as_str()] {
            fields.push((name, value.to_owned()));
        }
    }
    for route in world.routes() {
        let path = route.fill(|_, _| NOBODY);
        let keeps_own = |name: &str| name != "Authorization";
        for (name, value) in &fields {
            if route.ends_own_session() && keeps_own(name) {
                continue;
            }
            let request =
                Request::new(&route.method, path.as_str()).header(name, value).header("Content-Length", "0");
            let request = if keeps_own(name) { world.sign(request, route.owner()) } else { request };
            let response = line.send(&request);
            let what = format!("{name}: {value:.80}");
            assert_form(response, &route, &what);
        }
    }
    world.assert_unharmed(&before);
}
