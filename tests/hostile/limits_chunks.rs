//! Chunked bodies whose framing never ends: it buys no time, for it is no body.

use std::thread;
use std::time::{Duration, Instant};

use harness::device::{AUTH_REQUESTS, INVENTORY};
use harness::{HttpClient, Request, ServerSetup};
use libtest_mimic::Trial;

/// Memory that the server may have, whatever is done to it.
const MOST_RESIDENT: u64 = 300 << 20;
/// Nothing below takes so long unless it hangs; machines that test are busy.
const LIMIT: Duration = Duration::from_mins(2);

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![endless_framing_of_chunks_is_cut_off]
}

/// What comes without end: how the body begins, and what is repeated.
const ENDLESS: [(&str, &str, &str); 4] = [
    ("the extension of a first chunk", "2;a", "b"),
    ("the extension of the last chunk", "2\r\n[]\r\n0;a", "b"),
    ("one field of a trailer", "2\r\n[]\r\n0\r\nx-a: ", "b"),
    ("the fields of a trailer", "2\r\n[]\r\n0\r\n", "x-a: b\r\n"),
];

/// How it comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Manner {
    /// A byte now and then.
    Trickle,
    /// As fast as the server takes it.
    Flood,
}

/// How a connection ended.
struct End {
    what: String,
    manner: Manner,
    /// Of the answer that came before the end, if one came.
    status: Option<u16>,
    expected: u16,
    after: Duration,
    sent: usize,
}

fn endless_framing_of_chunks_is_cut_off() {
    let server = ServerSetup::default()
        .env("SEALIFT_LIMITS__MAX_BODY_SECS", "2")
        .env("SEALIFT_LIMITS__RATE_GRACE_SECS", "2")
        .env("SEALIFT_LIMITS__HEAD_TIMEOUT_SECS", "2")
        .start();
    let device = server.accepted_device();
    let upload = server.admin().request("POST", harness::management::ARTIFACTS);
    let requests = [
        // A body that is read whole, before and after one knows who sends it; one that is read as a stream; and one
        // that nobody reads.
        (device.request("PUT", INVENTORY), 408),
        (Request::new("POST", AUTH_REQUESTS), 408),
        (upload.header("content-type", harness::multipart::content_type()), 408),
        (Request::get("/health/live"), 204),
    ];
    let http = server.http();
    let ends: Vec<End> = thread::scope(|scope| {
        let senders: Vec<_> = requests
            .iter()
            .flat_map(|request| ENDLESS.map(|endless| (request, endless)))
            .flat_map(|(request, endless)| {
                [Manner::Trickle, Manner::Flood].map(|manner| (request, endless, manner))
            })
            .map(|((request, expected), endless, manner)| {
                let http = &http;
                scope.spawn(move || send_endless(http, request, *expected, endless, manner))
            })
            .collect();
        // Others are served meanwhile.
        for _ in 0..20 {
            device.next_nothing();
        }
        senders.into_iter().map(|sender| sender.join().expect("a sender never panics")).collect()
    });
    for End { what, manner, status, expected, after, sent } in &ends {
        eprintln!("{what}, {manner:?}: {status:?} after {after:?}, {sent} bytes sent");
        assert!(*after < LIMIT, "{what}, {manner:?}: open after {after:?}");
        match manner {
            Manner::Trickle => assert_eq!(*status, Some(*expected), "{what}, {manner:?}"),
            // Who never stops sending may see a reset before the answer.
            Manner::Flood => assert!(status.is_none_or(|status| status == *expected), "{what}: {status:?}"),
        }
    }
    let resident = server.resident_bytes();
    assert!(resident < MOST_RESIDENT, "{resident} bytes resident");
    device.next_nothing();
}

/// Sends a body without end until the server ends the connection, or until [`LIMIT`].
fn send_endless(
    http: &HttpClient,
    request: &Request,
    expected: u16,
    (name, prefix, repeated): (&str, &str, &str),
    manner: Manner,
) -> End {
    let mut connection = http.connect().expect("a connection");
    let mut head = format!("{} {} HTTP/1.1\r\nhost: localhost\r\n", request.method, request.target);
    for (name, value) in &request.headers {
        head = head + name + ": " + value + "\r\n";
    }
    head = head + "transfer-encoding: chunked\r\n\r\n" + prefix;
    connection.send_bytes(head.as_bytes()).expect("the head is taken");
    let began = Instant::now();
    let (piece, pause) = match manner {
        Manner::Trickle => (repeated.to_owned(), Duration::from_millis(100)),
        Manner::Flood => (repeated.repeat(16 * 1024 / repeated.len()), Duration::ZERO),
    };
    let mut sent = 0;
    while began.elapsed() < LIMIT
        && connection.send_bytes(piece.as_bytes()).is_ok()
        && !connection.has_ended()
    {
        sent += piece.len();
        thread::sleep(pause);
    }
    let after = began.elapsed();
    let status = connection.receive(false).ok().map(|answer| answer.status);
    let what = format!("{} {}: {name}", request.method, request.target);
    End { what, manner, status, expected, after, sent }
}
